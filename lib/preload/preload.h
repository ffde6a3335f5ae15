/* SPDX-License-Identifier: MIT */
/* preload.h - the process's one pager
 *
 * preload/ is the top room: interposition, the functions that an unmodified program calls in place
 * of libc's.  It may include every other room, and none includes it.
 *
 * The library needs libc and nothing else at run time.  liburing, xxHash and jemalloc are linked in
 * with hidden symbols: a system library that is preloaded would displace the program's own.
 *
 * The pager is made for the first memory that it could manage, and costs nothing in a process that
 * never asks for that much.  ld.so calls malloc and mmap before libc has an environment: memory
 * requested so early is plain, and stays plain.
 *
 * Invariant: a process has at most one pager, which is never freed.  A process whose environment is
 * malformed has none, and says so.
 * Locking: none outside; whoever comes while another thread makes the pager waits.
 */
#ifndef SPILL_PRELOAD_H
#define SPILL_PRELOAD_H

#include <alloca.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct pager;

/* For what the program's references should bind to. */
#define PRELOAD_API __attribute__((visibility("default")))

/* The edge: -errno inside; -1 and errno outside, where success leaves errno alone. */
static inline long to_errno(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

extern struct pager *_Atomic preload_made;

/* The pager, made now if need be; NULL if there can be none (yet). */
struct pager *preload_pager(void);

/* The pager; NULL if none was made yet: then nothing is managed. */
static inline struct pager *preload_pager_made(void)
{
	return atomic_load_explicit(&preload_made, memory_order_acquire);
}

/* This process is no longer paged, or never will be: it is doing something that the pager could not
 * survive (why: "installs ...").  Prints a line, if the process has a pager or once it maps more
 * than the budget.  A second call does nothing. */
void preload_retire(const char *why);
extern _Atomic bool preload_retired;
/* Such a process maps this much more: once it exceeds the budget, that is a reason for the line. */
void preload_note_plain(size_t size);

/* Registers the pager's fork handlers, once.  Ours must come before all others, so that they are
 * the last to prepare and the first to run in the child.  So heap.c calls this before jemalloc
 * registers its own; mmap calls it before the program's own allocator does, since another library's
 * constructor may call that allocator before our constructor runs. */
void preload_register_fork(void);

/* What those handlers do in the child. */
void preload_fork_child(void);

/* clone.c: called around a system call that forks.  What clone_begin_fork returns goes to
 * clone_end_fork, in both processes.  Safe in a signal handler. */
bool clone_begin_fork(void);
void clone_end_fork(bool begun, bool in_child);

/* permitted.c: the name of a system call for which a filter kills us, or NULL. */
const char *preload_obstacle(void);

/* filters.c: seccomp(2). */
long filters_seccomp(long operation, long flags, void *arguments);

/* in_place.c: keeps the managed part of this memory in place from now on.  0, or -ENOMEM: too much
 * is kept. */
int in_place_keep(const void *addr, size_t size);

/* exec.c: path is about to be executed with this environment (NULL: none).  If that program will
 * not be paged, a line says why, and it is not handed what it has no use for (command.h).  false:
 * it would load us, and fail because of it. */
bool exec_begin(const char *path, char *const envp[]);
/* The same for a name to be searched for in PATH. */
bool exec_begin_name(const char *name, char *const envp[]);
/* The exec failed, or another process does it. */
void exec_end(void);

/* The environment to pass: unchanged, or a copy without us on the caller's stack. */
#define EXEC_ENVIRONMENT(as_it_is, envp) \
	((as_it_is) ? (envp) : exec_strip(alloca(exec_strip_size(envp)), envp))
size_t exec_strip_size(char *const envp[]);
char *const *exec_strip(void *room, char *const envp[]);

#endif
