/* SPDX-License-Identifier: MIT */
/* process.h - other processes of the command: do they live, what do they hold
 *
 * A process is known by its mark: its id and, as ids are used again, when it started.
 * A mark stays the same over exec, and is never 0.
 *
 * What is told comes from /proc; nothing is allocated, and any thread may ask.
 * Locking: none.
 */
#ifndef SPILL_PROCESS_H
#define SPILL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

uint64_t process_mark(uint32_t pid); /* 0: there is no such process */
uint64_t process_mark_self(void);

static inline uint32_t process_pid(uint64_t mark)
{
	return (uint32_t)(mark >> 32);
}

/* Does the process of that mark exist, and has it not ended?  true when in doubt. */
bool process_is_alive(uint64_t mark);

/* Is there no process of that number, or one that has ended, or does, and has closed what it had
 * open? */
bool process_is_ending(uint32_t pid);

/* Has the first thread of this process ended, with this status, and are only so many others left? */
bool process_has_only(unsigned threads, int *ret_status);

/* Its private memory that is resident, in pages (what it shares with a relative by a fork counts
 * in both); -1: it cannot be told. */
int64_t process_anonymous(uint32_t pid);
/* Its shared memory that is resident, in pages: of each mapping of it; -1: it cannot be told. */
int64_t process_shared(uint32_t pid);
/* Pages that it has locked in memory; -1: it cannot be told. */
int64_t process_locked(uint32_t pid);
/* The same, each page divided by the number of processes that have it (PSS).  It looks at every
 * page: 0.2 ms, and 0.1 ms more for 4 MiB. */
int64_t process_proportional(uint32_t pid);

/* Faults of it, ever, that needed no I/O: copies on write are among them. */
uint64_t process_minor_faults(uint64_t mark);

#endif
