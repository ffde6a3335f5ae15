/* SPDX-License-Identifier: MIT */
/* elf_object.c - what a loaded object defines, and what it uses: see elf_object.h */
#include "base/elf_object.h"

#if defined(__x86_64__)
#define R_RELATIVE R_X86_64_RELATIVE
#elif defined(__aarch64__)
#define R_RELATIVE R_AARCH64_RELATIVE
#endif

/* The loader replaces offsets by addresses, where it can write (not in the vDSO). */
static const void *dynamic_pointer(uintptr_t base, const Elf64_Dyn *entry)
{
	uintptr_t at = entry->d_un.d_ptr;

	return (const void *)(at < base ? base + at : at);
}

static void read_dynamic(struct elf_object *object, const Elf64_Dyn *entry)
{
	for (; entry->d_tag != DT_NULL; entry++) {
		switch (entry->d_tag) {
		case DT_SYMTAB:
			object->symbols = dynamic_pointer(object->base, entry);
			break;
		case DT_STRTAB:
			object->names = dynamic_pointer(object->base, entry);
			break;
		case DT_GNU_HASH:
			object->hash = dynamic_pointer(object->base, entry);
			break;
		case DT_HASH:
			object->old_hash = dynamic_pointer(object->base, entry);
			break;
		case DT_RELA:
			object->relocations[0] = dynamic_pointer(object->base, entry);
			break;
		case DT_RELASZ:
			object->relocation_bytes[0] = entry->d_un.d_val;
			break;
		case DT_JMPREL:
			object->relocations[1] = dynamic_pointer(object->base, entry);
			break;
		case DT_PLTRELSZ:
			object->relocation_bytes[1] = entry->d_un.d_val;
			break;
		}
	}
}

struct elf_object elf_object_read(uintptr_t base, const Elf64_Phdr *segments, unsigned n)
{
	struct elf_object object = { .base = base, .start = UINTPTR_MAX };

	for (unsigned i = 0; i < n; i++) {
		uintptr_t start = base + segments[i].p_vaddr, end = start + segments[i].p_memsz;

		if (segments[i].p_type == PT_DYNAMIC)
			read_dynamic(&object, (const Elf64_Dyn *)start);
		if (segments[i].p_type != PT_LOAD)
			continue;
		object.start = start < object.start ? start : object.start;
		object.end = end > object.end ? end : object.end;
	}
	return object;
}

bool elf_object_has(const struct elf_object *object, const void *address)
{
	return (uintptr_t)address >= object->start && (uintptr_t)address < object->end;
}

/* Not strcmp: another library may have interposed it. */
static bool is_same(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return *a == *b;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static const Elf64_Sym *defined(const struct elf_object *object, uint32_t i, const char *name)
{
	const Elf64_Sym *symbol = &object->symbols[i];

	return symbol->st_shndx != SHN_UNDEF && is_same(object->names + symbol->st_name, name)
		       ? symbol
		       : NULL;
}

/* The table holds four words: the number of buckets, the number of symbols left out, the number of
 * filter words, a shift.  Then the filter, the first symbol of each bucket, and a hash for each
 * symbol, odd for the last one of its bucket. */
static const Elf64_Sym *find_by_hash(const struct elf_object *object, const char *name)
{
	const uint32_t *table = object->hash, *buckets, *chain;
	const Elf64_Sym *found = NULL;
	uint32_t hash = hash_of(name), i;

	if (!table[0])
		return NULL;
	buckets = table + 4 + 2 * table[2];
	chain = buckets + table[0];
	i = buckets[hash % table[0]];
	if (i < table[1])
		return NULL;
	do {
		if ((chain[i - table[1]] | 1) == (hash | 1))
			found = defined(object, i, name);
	} while (!found && !(chain[i++ - table[1]] & 1));
	return found;
}

/* The table starts with the number of buckets and the number of symbols; we look at every
 * symbol. */
static const Elf64_Sym *find_among_all(const struct elf_object *object, const char *name)
{
	const Elf64_Sym *found = NULL;

	for (uint32_t i = 1; i < object->old_hash[1] && !found; i++)
		found = defined(object, i, name);
	return found;
}

const Elf64_Sym *elf_object_find(const struct elf_object *object, const char *name)
{
	if (!object->symbols || !object->names)
		return NULL;
	if (object->hash)
		return find_by_hash(object, name);
	return object->old_hash ? find_among_all(object, name) : NULL;
}

/* Every symbol in use has a relocation, perhaps several. */
bool elf_object_uses(const struct elf_object *object,
		     bool (*wanted)(const void *context, const char *name), const void *context)
{
	if (!object->symbols || !object->names)
		return false;
	for (unsigned table = 0; table < 2; table++) {
		const Elf64_Rela *at = object->relocations[table];
		size_t n = at ? object->relocation_bytes[table] / sizeof(*at) : 0;

		for (size_t i = 0; i < n; i++) {
			const Elf64_Sym *symbol = &object->symbols[ELF64_R_SYM(at[i].r_info)];

			if (ELF64_R_TYPE(at[i].r_info) != R_RELATIVE &&
			    ELF64_R_SYM(at[i].r_info) != 0 && symbol->st_shndx == SHN_UNDEF &&
			    wanted(context, object->names + symbol->st_name))
				return true;
		}
	}
	return false;
}
