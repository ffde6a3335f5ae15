/* SPDX-License-Identifier: MIT */
/* recorder.h - spill trace PID: records a running process
 *
 * trace/ makes recordings of commands (trace.c) and of processes (recorder.c); report/ reads them.
 * It may include run/, processes/ and common/.
 *
 * The order is put beside the process's counters (lib/observe/order.h).  What its handlers write
 * comes through a pipe and goes to a file of ours, until the process ends or a signal tells us that
 * it is enough.
 */
#ifndef SPILL_RECORDER_H
#define SPILL_RECORDER_H

#include <stdbool.h>

int trace_main(int argc, char **argv);

/* Records process pid into a file that must not exist yet, with at most this many chunks.  Returns
 * the exit status. */
int record_process(const char *pid, const char *path, unsigned sample, bool quiet);

#endif
