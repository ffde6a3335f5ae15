/* SPDX-License-Identifier: MIT */
/* process.h - other processes of the command: whether they live, what they hold
 *
 * A mark identifies a process: its id and, because ids are reused, its start time.  A mark survives
 * exec and is never 0.
 *
 * Everything here comes from /proc; nothing is allocated, and any thread may ask.
 * Locking: none.
 */
#ifndef SPILL_PROCESS_H
#define SPILL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

uint64_t process_mark(uint32_t pid); /* 0: there is no such process */
uint64_t process_mark_self(void);

/* The name of our own, whichever thread asks: at most 15 bytes and a NUL. */
void process_name_self(char name[16]);

static inline uint32_t process_pid(uint64_t mark)
{
	return (uint32_t)(mark >> 32);
}

/* Does the process with this mark exist, and has it not ended?  true when in doubt. */
bool process_is_alive(uint64_t mark);

/* Is there no process with this id, or one that has ended or is ending, and so may already have
 * closed what it had open? */
bool process_is_ending(uint32_t pid);

/* Has this process's first thread ended, leaving only this many others?  *ret_status is the status
 * it ended with. */
bool process_has_only(unsigned threads, int *ret_status);

/* Its resident private memory, in pages; -1 if unknown.  What it shares with a relative since a
 * fork counts in both. */
int64_t process_anonymous(uint32_t pid);
/* Its resident shared memory, in pages, counted once per mapping; -1 if unknown. */
int64_t process_shared(uint32_t pid);
/* The pages that it has locked in memory; -1 if unknown. */
int64_t process_locked(uint32_t pid);
/* Like process_anonymous, with each page divided by the number of processes that have it (PSS).
 * The kernel looks at every page: 0.2 ms, and 0.1 ms more for each 4 MiB. */
int64_t process_proportional(uint32_t pid);

/* The faults so far that needed no I/O, copies on write among them. */
uint64_t process_minor_faults(uint64_t mark);

#endif
