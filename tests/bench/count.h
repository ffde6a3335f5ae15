/* SPDX-License-Identifier: MIT */
/* count.h - what the kernel does meanwhile for this process: --count
 *
 * Counts by perf_event_open(2), in all threads, the pager's included.  What cannot be counted
 * (without root, or without tracefs) is left out.
 */
#ifndef COUNT_H
#define COUNT_H

#include <stdbool.h>

/* Without this the others do nothing. */
void count_want(bool wanted);

/* Begins in all threads that there are, and in those that they start. */
void count_begin(void);
/* Ends; report_counts adds what was counted in between to the line of JSON. */
void count_end(void);
void report_counts(void);

#endif /* COUNT_H */
