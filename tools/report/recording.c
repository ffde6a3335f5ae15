/* SPDX-License-Identifier: MIT */
/* recording.c - what `spill trace` recorded, read back: see recording.h */
#include "report/recording.h"
#include "base/page.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Addresses of processes have fewer bits. */
#define PAGE_LIMIT (UINT64_C(1) << 50)

static bool is_valid(const struct trace_event *event)
{
	if (event->kind == TRACE_GAUGE)
		return event->page < GAUGES && event->mask < PAGE_LIMIT;
	return event->kind < TRACE_KINDS && event->page < PAGE_LIMIT;
}

/* A process that was killed while it wrote may have left its last event incomplete. */
static int load_events(struct recording *recording, FILE *file)
{
	struct trace_event event;
	size_t room = 0;

	while (fread(&event, sizeof(event), 1, file) == 1) {
		if (!is_valid(&event))
			return -EINVAL;
		if (recording->count == room) {
			void *more;

			room = room ? 2 * room : 4096;
			more = realloc(recording->event, room * sizeof(event));
			if (!more)
				return -ENOMEM;
			recording->event = more;
		}
		recording->event[recording->count++] = event;
	}
	return ferror(file) ? -EIO : 0;
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct trace_event *)a)->time,
		 y = ((const struct trace_event *)b)->time;

	return x < y ? -1 : x > y;
}

static bool is_header_valid(const struct trace_header *header)
{
	return header->magic == TRACE_MAGIC && header->page_size == page_size() &&
	       header->event_size == sizeof(struct trace_event);
}

static int load(struct recording *recording, FILE *file)
{
	int err;

	if (fread(&recording->header, sizeof(recording->header), 1, file) != 1 ||
	    !is_header_valid(&recording->header))
		return -EINVAL;
	recording->header.comm[sizeof(recording->header.comm) - 1] = '\0';
	err = load_events(recording, file);
	if (!err && recording->count)
		qsort(recording->event, recording->count, sizeof(recording->event[0]), by_time);
	return err;
}

int recording_load(struct recording *recording, const char *path)
{
	FILE *file = fopen(path, "r");
	int err;

	page_init();
	*recording = (struct recording){ .event = NULL };
	if (!file)
		return -errno;
	err = load(recording, file);
	fclose(file);
	if (err)
		recording_free(recording);
	return err;
}

void recording_free(struct recording *recording)
{
	free(recording->event);
	recording->event = NULL;
	recording->count = 0;
}

/* -- chunks, numbered anew ------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

size_t recording_sort(uint64_t *number, size_t n)
{
	size_t kept = 0;

	qsort(number, n, sizeof(*number), compare_numbers);
	for (size_t i = 0; i < n; i++)
		if (!kept || number[kept - 1] != number[i])
			number[kept++] = number[i];
	return kept;
}

size_t recording_place(const uint64_t *number, size_t n, uint64_t wanted)
{
	const uint64_t *at = bsearch(&wanted, number, n, sizeof(wanted), compare_numbers);

	return (size_t)(at - number);
}
