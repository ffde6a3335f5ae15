/* SPDX-License-Identifier: MIT */
/* other_heap.c - the allocator of a library that the program was linked with: see other_heap.h
 *
 * The library is the one whose malloc comes next after ours, if that is not libc.  What the others
 * are bound to is read from their relocations: they name each symbol that is used.
 */
#define _GNU_SOURCE 1
#include "other_heap.h"
#include "next.h"
#include "preload.h"
#include "source.h"
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__x86_64__)
/* No address is looked up for these. */
#define R_RELATIVE R_X86_64_RELATIVE
#elif defined(__aarch64__)
#define R_RELATIVE R_AARCH64_RELATIVE
#endif

const struct other_heap *_Atomic other_heap_found;
static struct other_heap functions; /* other_heap_found */

/* -- what an object defines, and what it uses ---------------------------------------------------- */

struct object {
	uintptr_t start, end; /* of what is loaded */
	const Elf64_Sym *symbols;
	const char *names;
	const uint32_t *hash; /* DT_GNU_HASH */
	const Elf64_Rela *relocations[2];
	size_t relocation_bytes[2];
};

static const void *dynamic_pointer(const struct dl_phdr_info *info, const Elf64_Dyn *entry)
{
	uintptr_t at = entry->d_un.d_ptr;

	/* The loader writes the address in place of the offset, where it can write. */
	return (const void *)(at < info->dlpi_addr ? info->dlpi_addr + at : at);
}

static void read_dynamic(const struct dl_phdr_info *info, const Elf64_Dyn *entry,
			 struct object *ret)
{
	for (; entry->d_tag != DT_NULL; entry++) {
		switch (entry->d_tag) {
		case DT_SYMTAB:
			ret->symbols = dynamic_pointer(info, entry);
			break;
		case DT_STRTAB:
			ret->names = dynamic_pointer(info, entry);
			break;
		case DT_GNU_HASH:
			ret->hash = dynamic_pointer(info, entry);
			break;
		case DT_RELA:
			ret->relocations[0] = dynamic_pointer(info, entry);
			break;
		case DT_RELASZ:
			ret->relocation_bytes[0] = entry->d_un.d_val;
			break;
		case DT_JMPREL:
			ret->relocations[1] = dynamic_pointer(info, entry);
			break;
		case DT_PLTRELSZ:
			ret->relocation_bytes[1] = entry->d_un.d_val;
			break;
		}
	}
}

static struct object object_of(const struct dl_phdr_info *info)
{
	struct object object = { .start = UINTPTR_MAX };

	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const Elf64_Phdr *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_DYNAMIC)
			read_dynamic(info, (const Elf64_Dyn *)start, &object);
		if (segment->p_type != PT_LOAD)
			continue;
		if (start < object.start)
			object.start = start;
		if (start + segment->p_memsz > object.end)
			object.end = start + segment->p_memsz;
	}
	return object;
}

static bool object_has(const struct object *object, const void *address)
{
	return (uintptr_t)address >= object->start && (uintptr_t)address < object->end;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* The table: numbers of buckets, of symbols that are not in it, of words of the filter, a shift; the
 * filter; of each bucket the first symbol; of each symbol its hash, odd for the last of its bucket. */
static bool object_defines(const struct object *object, const char *name)
{
	const uint32_t *table = object->hash, *buckets, *chain;
	uint32_t hash = hash_of(name), i;

	if (!table || !table[0])
		return false;
	buckets = table + 4 + 2 * table[2];
	chain = buckets + table[0];
	i = buckets[hash % table[0]];
	if (i < table[1])
		return false;
	for (;; i++) {
		uint32_t its = chain[i - table[1]];

		if ((its | 1) == (hash | 1) &&
		    strcmp(object->names + object->symbols[i].st_name, name) == 0)
			return object->symbols[i].st_shndx != SHN_UNDEF;
		if (its & 1)
			return false;
	}
}

/* -- is anything bound to the other allocator? --------------------------------------------------- */

/* What only tells, or tunes, of Debian's libraries: a program that asks for these alone has our malloc,
 * and they tell of an allocator that has given nothing. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = {
		"mallctl",	 "mallctlnametomib",   "mallctlbymib",
		"malloc_conf",	 "malloc_stats_print", "malloc_message",
		"tc_version",	 "mi_version",	       "MallocExtension_GetNumericProperty",
		"mi_option_set", "mi_option_enable",   "MallocExtension_ReleaseFreeMemory",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static struct object other; /* whose the functions are */

struct search {
	const void *next_malloc, *in_libc;
	struct object other, libc, ours;
	bool used;
};

static int find_objects(struct dl_phdr_info *info, size_t size, void *context)
{
	struct object object = object_of(info);
	struct search *search = context;

	(void)size;
	if (object_has(&object, search->next_malloc))
		search->other = object;
	if (object_has(&object, search->in_libc))
		search->libc = object;
	if (object_has(&object, &functions))
		search->ours = object;
	return 0;
}

static bool is_door(const struct search *search, const char *name)
{
	return object_defines(&search->other, name) && !object_defines(&search->ours, name) &&
	       !object_defines(&search->libc, name) && !is_harmless(name);
}

static bool uses_other(const struct search *search, const struct object *object)
{
	for (unsigned table = 0; table < 2; table++) {
		const Elf64_Rela *at = object->relocations[table];
		size_t n = at ? object->relocation_bytes[table] / sizeof(*at) : 0;

		for (size_t i = 0; i < n; i++) {
			const Elf64_Sym *symbol = &object->symbols[ELF64_R_SYM(at[i].r_info)];

			if (ELF64_R_TYPE(at[i].r_info) != R_RELATIVE &&
			    ELF64_R_SYM(at[i].r_info) != 0 && symbol->st_shndx == SHN_UNDEF &&
			    is_door(search, object->names + symbol->st_name))
				return true;
		}
	}
	return false;
}

static int find_use(struct dl_phdr_info *info, size_t size, void *context)
{
	struct object object = object_of(info);
	struct search *search = context;

	(void)size;
	search->used = object.start != search->other.start && object.symbols && object.names &&
		       uses_other(search, &object);
	return search->used;
}

/* -- deciding ------------------------------------------------------------------------------------- */

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort(); /* libc has all of them */
	return found;
}

static const struct other_heap *take(const struct search *search)
{
	other = search->other;
	*(void **)&functions.malloc = next("malloc");
	*(void **)&functions.calloc = next("calloc");
	*(void **)&functions.realloc = next("realloc");
	*(void **)&functions.free = next("free");
	*(void **)&functions.posix_memalign = next("posix_memalign");
	*(void **)&functions.memalign = next("memalign");
	*(void **)&functions.usable_size = next("malloc_usable_size");
	atomic_store_explicit(&other_heap_found, &functions, memory_order_release);
	return &functions;
}

static const struct other_heap *decide(void)
{
	struct search search = { .next_malloc = next("malloc"),
				 .in_libc = next("gnu_get_libc_version") };

	dl_iterate_phdr(find_objects, &search);
	if (search.other.start == search.libc.start)
		return NULL;
	dl_iterate_phdr(find_use, &search);
	return search.used ? take(&search) : NULL;
}

const struct other_heap *other_heap_decide(void)
{
	static _Atomic bool decided;
	const struct other_heap *found;

	if (atomic_load_explicit(&decided, memory_order_acquire))
		return other_heap();
	preload_register_fork(); /* before the other's */
	source_own_begin();
	found = decide();
	source_own_end();
	atomic_store_explicit(&decided, true, memory_order_release);
	return found;
}

/* -- the break ------------------------------------------------------------------------------------ */

/* It is not managed, and some allocators (tcmalloc) take their memory there first.  Where it cannot be
 * had they map. */
static void *move_break(intptr_t increment, const void *caller)
{
	static void *_Atomic next_sbrk;

	if (other_heap() && object_has(&other, caller)) {
		errno = ENOMEM;
		return (void *)-1;
	}
	/* libc's: that of the name sbrk may be the library's, which calls __sbrk. */
	return ((__typeof__(&sbrk))next_of(&next_sbrk, "__sbrk"))(increment);
}

PRELOAD_API void *sbrk(intptr_t increment)
{
	return move_break(increment, __builtin_return_address(0));
}

PRELOAD_API void *__sbrk(intptr_t increment);
PRELOAD_API void *__sbrk(intptr_t increment)
{
	return move_break(increment, __builtin_return_address(0));
}
