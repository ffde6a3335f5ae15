/* SPDX-License-Identifier: MIT */
/* crew.h - threads that do the same thing at the same time, and neighbours that disturb them
 */
#ifndef CREW_H
#define CREW_H

#include "bench.h"

/* Calls work(arg, t) in n threads, t from 0 to n - 1; gives when all are done. */
void crew_run(unsigned n, void (*work)(void *arg, unsigned t), void *arg);

void crew_sleep_us(unsigned us);

/* Starts what options->hogs, options->readers and options->fifo_cpu ask for; it ends with the process.
 * Before there is a pager, which would be forked too. */
void neighbours_start(const struct options *options);
/* CPU seconds that those have taken which read the statistics. */
double neighbours_reading(void);
/* The calling thread, and those that it starts from now on, keep off fifo_cpu.  When
 * the pager's handlers have been started: they go by the CPUs of who started them. */
void neighbours_avoid(const struct options *options);

#endif /* CREW_H */
