/* SPDX-License-Identifier: MIT */
/* steer.h - changes what a command may have while it runs
 *
 * The budget is a number in the memory that the command's processes share (pool.h).  When it is
 * changed the bell rings; each process that hears it gives up its part of what is too much, and
 * who is short takes of what there is more by itself.
 *
 * Locking: none, as in pool.h.
 */
#ifndef SPILL_STEER_H
#define SPILL_STEER_H

#include <stdint.h>

/* Gives the command of process pid so many bytes.  0, or -errno as survey_open_pool: -ENOENT if
 * `spill run' did not start it. */
int steer_budget(uint32_t pid, uint64_t bytes);

#endif
