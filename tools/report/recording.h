/* SPDX-License-Identifier: MIT */
/* recording.h - what `spill trace` recorded, read back
 *
 * A file is a recording, or it is refused.  Events are checked here, so that readers need not.
 */
#ifndef SPILL_RECORDING_H
#define SPILL_RECORDING_H

#include "observe/trace.h"

struct recording {
	struct trace_header header;
	struct trace_event *event; /* by ascending time */
	size_t count;
};

/* 0 or -errno; -EINVAL: it is no recording, or comes from a machine with pages of another size. */
int recording_load(struct recording *recording, const char *path);
void recording_free(struct recording *recording);

/* Sorts the numbers of chunks and drops repetitions; returns how many are left. */
size_t recording_sort(uint64_t *number, size_t n);
/* The index of one of them. */
size_t recording_place(const uint64_t *number, size_t n, uint64_t wanted);

static inline bool recording_is_fault(const struct trace_event *event)
{
	return event->kind <= TRACE_MAJOR;
}

#endif
