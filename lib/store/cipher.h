/* SPDX-License-Identifier: MIT */
/* cipher.h - pages are encrypted on their way to swap space
 *
 * The cipher is AES-256-XTS, as for disks.  Each page is encrypted by itself and keeps its size.
 * Its tweak is the address of its slot: the offset in the file, and a random number drawn for the
 * swap space, so that no two spaces have the same.  What a reader of the disk sees: which slots are
 * in use, and whether a slot that was written twice has the same 16 bytes at the same place again.
 * The page's hash, which never leaves memory, shows whether a page is what was written, and where.
 *
 * The key is drawn when the pager is made.  The key, and whatever libcrypto derives from it, lies
 * in the vault: pages that are locked, left out of core dumps, and zeroed before they are given
 * back.  A fork's child has a copy, since it reads what its parent wrote.  Nobody else ever has it.
 *
 *	vault, one mapping: struct cipher | contexts ...
 *
 * libcrypto is loaded when the first pager asks for it, in a namespace of its own (dlmopen).  The
 * program may bring another version, and libcrypto's memory must not come from the program's
 * malloc, which may be what we page.
 *
 * First rule: cipher_load and cipher_new allocate, and are called where a pager is made.
 * cipher_seal and cipher_unseal only change the tweak of an existing context; they need no
 * thread-local memory, no lock and no symbol that is not bound yet.
 * Locking: one lock around loading and making; each context belongs to its handler.
 */
#ifndef SPILL_CIPHER_H
#define SPILL_CIPHER_H

#include <stddef.h>
#include <stdint.h>

struct cipher;

/* Where a page lies. */
struct tweak {
	uint64_t offset; /* bytes in the file */
	uint64_t salt;	 /* swap_salt() */
};

/* Loads libcrypto, unless it is loaded.  After a failure nothing new can be loaded: later calls
 * fail as the first did.  0, -ENOSYS (not built in), -ENOENT (not installed), -EINVAL (unusable),
 * with *ret_why set to a reason for people. */
int cipher_load(const char **ret_why);

/* Most handlers for which one cipher has contexts. */
#define CIPHER_CONTEXTS 4

/* Makes a new key, with contexts for this many handlers.  0, -ENOMEM (also if that much memory may
 * not be locked), or as cipher_load; *ret_why gives the reason for people. */
int cipher_new(struct cipher **ret_cipher, unsigned handlers, const char **ret_why);

/* In a fork's child the pages are there, but no longer locked in memory: locks them again.  0 or
 * -errno. */
int cipher_fork_child(struct cipher *cipher);

/* NULL is ignored. */
void cipher_free(struct cipher *cipher);

/* Encrypts or decrypts one page, with that handler's context. */
void cipher_seal(struct cipher *cipher, unsigned handler, struct tweak tweak, const void *page,
		 void *ret_sealed);
void cipher_unseal(struct cipher *cipher, unsigned handler, struct tweak tweak, void *page);

#endif
