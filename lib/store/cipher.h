/* SPDX-License-Identifier: MIT */
/* cipher.h - pages are encrypted on their way to swap space
 *
 * AES-256-XTS, as disks are encrypted with: each page by itself, in place of its own size, under
 * a tweak that is the address of its slot (the offset in the file, and a number that was drawn
 * for that swap space, so that no two spaces have the same).  What a reader of the disk sees:
 * which slots are in use, and whether a slot that was written twice has the same 16 bytes at the
 * same place again.  That contents are what was written, and where, is for the page's hash to
 * find out, which never leaves memory.
 *
 * The key is drawn when the pager is made.  It lies, and so does whatever libcrypto derives from
 * it, in the vault: pages that are locked and left out of core dumps, and zeroed before they are
 * given back.  A fork's child has a copy: it reads what its parent wrote.  Nobody else ever has it.
 *
 *	vault, one mapping: struct cipher | contexts ...
 *
 * libcrypto is loaded when the first pager asks for it, in a namespace of its own (dlmopen): the
 * program may bring another version, and libcrypto's memory must not come from the program's
 * malloc, which may be what we page.
 *
 * First rule: cipher_load and cipher_new allocate, and are called where a pager is made.
 * cipher_seal and cipher_unseal only change the tweak of a context that is there; they need
 * no thread-local memory, no lock and no symbol that is not bound yet.
 * Locking: one lock around loading and making; a context is its handler's own.
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

/* Loads libcrypto, if it is not yet; a later call can load nothing new, and fails as the first
 * did.  0, -ENOSYS (not built in), -ENOENT (not installed), -EINVAL (unusable), with *ret_why set
 * to words for a person. */
int cipher_load(const char **ret_why);

/* Most handlers that one has contexts for. */
#define CIPHER_CONTEXTS 4

/* A new key, with contexts for as many handlers.  0, -ENOMEM (which includes: not so much memory
 * may be locked), or as cipher_load; *ret_why says it in words. */
int cipher_new(struct cipher **ret_cipher, unsigned handlers, const char **ret_why);

/* In a fork's child locks do not hold, only their pages are there.  0 or -errno. */
int cipher_fork_child(struct cipher *cipher);

/* NULL is ignored. */
void cipher_free(struct cipher *cipher);

/* One page, with that handler's context. */
void cipher_seal(struct cipher *cipher, unsigned handler, struct tweak tweak, const void *page,
		 void *ret_sealed);
void cipher_unseal(struct cipher *cipher, unsigned handler, struct tweak tweak, void *page);

#endif
