/* SPDX-License-Identifier: MIT */
/* elf_object.h - what an object that is loaded defines, and what it uses
 *
 * The dynamic linker's own tables are read where they lie: no lock is taken, nothing is allocated and
 * nothing of libc's called.  They stay as they are while the object is loaded.
 * Locking: none.
 */
#ifndef SPILL_ELF_OBJECT_H
#define SPILL_ELF_OBJECT_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_object {
	uintptr_t base;	      /* what addresses in it are to be added to */
	uintptr_t start, end; /* of what is loaded */
	const Elf64_Sym *symbols;
	const char *names;
	const uint32_t *hash, *old_hash; /* DT_GNU_HASH, DT_HASH */
	const Elf64_Rela *relocations[2];
	size_t relocation_bytes[2];
};

/* By its program headers. */
struct elf_object elf_object_read(uintptr_t base, const Elf64_Phdr *segments, unsigned n);

/* Does it lie in it? */
bool elf_object_has(const struct elf_object *object, const void *address);

/* The symbol of that name that it defines, or NULL. */
const Elf64_Sym *elf_object_find(const struct elf_object *object, const char *name);

/* Is wanted true of the name of any symbol that it uses and does not define? */
bool elf_object_uses(const struct elf_object *object,
		     bool (*wanted)(const void *context, const char *name), const void *context);

#endif
