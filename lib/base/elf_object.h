/* SPDX-License-Identifier: MIT */
/* elf_object.h - what a loaded object defines, and what it uses
 *
 * Reads the dynamic linker's own tables in place, without taking locks, allocating, or calling
 * libc.  The tables do not change while the object stays loaded.
 * Locking: none.
 */
#ifndef SPILL_ELF_OBJECT_H
#define SPILL_ELF_OBJECT_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_object {
	uintptr_t base;	      /* added to addresses in the object */
	uintptr_t start, end; /* of its loaded segments */
	const Elf64_Sym *symbols;
	const char *names;
	const uint32_t *hash, *old_hash; /* DT_GNU_HASH, DT_HASH */
	const Elf64_Rela *relocations[2];
	size_t relocation_bytes[2];
};

/* Reads an object from its program headers. */
struct elf_object elf_object_read(uintptr_t base, const Elf64_Phdr *segments, unsigned n);

/* Does address lie in the object? */
bool elf_object_has(const struct elf_object *object, const void *address);

/* The symbol that the object defines under this name, or NULL. */
const Elf64_Sym *elf_object_find(const struct elf_object *object, const char *name);

/* Does wanted accept the name of any symbol that the object uses but does not define? */
bool elf_object_uses(const struct elf_object *object,
		     bool (*wanted)(const void *context, const char *name), const void *context);

#endif
