/* SPDX-License-Identifier: MIT */
/* preload.h - the process's one pager
 *
 * It is made for the first memory that it could manage, and costs nothing in a
 * process that never asks for as much.  malloc and mmap are called by ld.so
 * before libc has an environment: memory that is asked for so early is plain,
 * and stays so.
 *
 * Invariant: one pager at most in a process, never freed; a process whose
 * environment is malformed has none, and says so.
 * Locking: none outside; who comes while another thread makes it, waits.
 */
#ifndef SPILL_PRELOAD_H
#define SPILL_PRELOAD_H

#include <alloca.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct pager;

/* What the program's references shall be bound to. */
#define PRELOAD_API __attribute__((visibility("default")))

/* The edge: -errno inside, -1 and errno outside, which is left alone otherwise. */
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

/* The pager, NULL if none was made yet: then nothing is managed. */
static inline struct pager *preload_pager_made(void)
{
	return atomic_load_explicit(&preload_made, memory_order_acquire);
}

/* This process is not paged any more, or never will be, since it does what the pager could not go on
 * after (why: "installs ..."); a line says so, if it has a pager or maps more than the budget.  Again,
 * it does nothing. */
void preload_retire(const char *why);
extern _Atomic bool preload_retired;
/* Such a process maps so much more: what would not have fitted is a reason for the line. */
void preload_note_plain(size_t size);

/* Registers the pager's fork handlers, once.  Ours have to come before all
 * others (so heap.c asks for it before jemalloc's, and mmap before those of the program's own
 * allocator, which another library's constructor may call before ours): they are then the last
 * to prepare and the first to run in the child. */
void preload_register_fork(void);

/* What those do in the child. */
void preload_fork_child(void);

/* clone.c: around a system call that forks.  What begin_fork gave, end_fork takes, in both
 * processes.  Safe in a signal handler. */
bool clone_begin_fork(void);
void clone_end_fork(bool begun, bool in_child);

/* permitted.c: the name of a system call that a filter kills us for, or NULL. */
const char *preload_obstacle(void);

/* filters.c: seccomp(2). */
long filters_seccomp(long operation, long flags, void *arguments);

/* in_place.c: what of it is managed stays in memory from now on.  0, or -ENOMEM: too much
 * does. */
int in_place_keep(const void *addr, size_t size);

/* exec.c: path is about to be executed with this environment (NULL: none).  If that program will
 * not be paged, a line says why, and it is not handed what it has no use for (command.h).
 * false: it would load us, and fail for it. */
bool exec_begin(const char *path, char *const envp[]);
/* The same for a name that is looked for in PATH. */
bool exec_begin_name(const char *name, char *const envp[]);
/* It failed, or another process does it. */
void exec_end(void);

/* The environment for it: as it is, or, on the caller's stack, without us. */
#define EXEC_ENVIRONMENT(as_it_is, envp) \
	((as_it_is) ? (envp) : exec_strip(alloca(exec_strip_size(envp)), envp))
size_t exec_strip_size(char *const envp[]);
char *const *exec_strip(void *room, char *const envp[]);

#endif
