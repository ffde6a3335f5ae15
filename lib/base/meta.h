/* SPDX-License-Identifier: MIT */
/* meta.h - memory for the pager's own tables
 *
 * The fault path must not call malloc (under `spill run`, malloc's memory is what is being paged).
 * Tables come from here instead: anonymous memory, mapped with the system call, never registered
 * and never managed.  It is zeroed.  It stays until the process ends; meta_free and meta_unmap give
 * it back as a whole.
 *
 * Locking: (M) guards the bump pointer; a leaf.
 */
#ifndef SPILL_META_H
#define SPILL_META_H

#include "base/lock.h"

struct meta {
	struct lock lock;
	char *next;	      /* (M) the first free byte of the newest block */
	size_t left;	      /* (M) bytes left in it */
	void *blocks;	      /* (M) all blocks, newest first, for meta_free */
	_Atomic size_t bytes; /* handed out, for the statistics */
};

/* size bytes of zeros, aligned to 64 bytes, or NULL.  size is at most META_BLOCK / 2.  An object of
 * a page or less does not cross a page boundary (so that a fork copies it whole, see fork.c). */
void *meta_alloc(struct meta *meta, size_t size);

/* In a fork's child: another thread may have been in the middle of an allocation. */
void meta_fork_child(struct meta *meta);

/* Gives everything back. */
void meta_free(struct meta *meta);

/* A table in a mapping of its own: size bytes of zeros that cost memory only where they are
 * touched; NULL if there is no address space. */
void *meta_map(size_t size);
void meta_unmap(void *addr, size_t size);

#endif
