/* SPDX-License-Identifier: MIT */
/* next.h - the function of the same name in the next library, usually libc
 *
 * Looked up once.  dlsym takes the loader's lock and may allocate.  So what may be called where
 * neither is possible (between vfork and exec) is looked up by the constructor.
 */
#ifndef SPILL_PRELOAD_NEXT_H
#define SPILL_PRELOAD_NEXT_H

#ifndef _GNU_SOURCE
#error "RTLD_NEXT needs _GNU_SOURCE"
#endif
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>

static inline void *next_of(void *_Atomic *cache, const char *name)
{
	void *next = atomic_load_explicit(cache, memory_order_acquire);

	if (next)
		return next;
	next = dlsym(RTLD_NEXT, name);
	if (!next)
		abort(); /* a libc that exports less than glibc does: nobody loads us there */
	atomic_store_explicit(cache, next, memory_order_release);
	return next;
}

/* The next function with this name, which a header declares. */
#define NEXT(name)                                            \
	({                                                    \
		static void *_Atomic cache_;                  \
		(__typeof__(&(name)))next_of(&cache_, #name); \
	})

#endif
