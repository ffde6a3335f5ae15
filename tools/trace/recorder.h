/* SPDX-License-Identifier: MIT */
/* recorder.h - spill trace PID: records a process that runs already
 *
 * The room trace/ makes recordings, of commands (trace.c) and of processes (recorder.c); report/ reads
 * them.  It may include run/, processes/ and common/.
 *
 * The order is put beside its counters (lib/observe/record.h).  What its handlers write comes through a pipe,
 * and goes to a file that is ours, until it ends, or a signal tells us that it is enough.
 */
#ifndef SPILL_RECORDER_H
#define SPILL_RECORDER_H

#include <stdbool.h>

int trace_main(int argc, char **argv);

/* Of a process, into a file that must not be there, with so many chunks at most.  Gives the exit
 * status. */
int record_process(const char *pid, const char *path, unsigned sample, bool quiet);

#endif
