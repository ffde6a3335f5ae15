/* SPDX-License-Identifier: MIT */
/* work_malloc.c - a program that does little but allocate: what a malloc costs
 *
 * Each thread has slots for objects of 16 bytes to 16 KiB, as many of each power of two,
 * and frees and allocates at random, a touch at both ends.  An object of eight is handed to the next
 * thread to be freed.  It is run with jemalloc as it is, and under `spill run' without pressure.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "crew.h"
#include "measure.h"

#define SLOTS 4096
#define OPERATIONS 30000000

struct heap {
	const struct options *options;
	_Atomic(char *) handed[64]; /* to thread t, or NULL */
	_Atomic uint64_t differs;
};

static size_t object_size(uint64_t random)
{
	size_t octave = (size_t)16 << random % 11;

	return octave - (random >> 8) % (octave / 2);
}

static char *object_new(uint64_t random)
{
	size_t size = object_size(random);
	char *object = malloc(size);

	if (!object)
		bench_fail("out of memory");
	object[0] = (char)random;
	object[size - 1] = (char)random;
	return object;
}

static void work(void *arg, unsigned t)
{
	struct heap *heap = arg;
	uint64_t random = mix(heap->options->seed + t), written[SLOTS];
	char **slot = calloc(SLOTS, sizeof(*slot));
	unsigned next = (t + 1) % heap->options->threads % 64;

	for (unsigned n = 0; n < OPERATIONS / heap->options->threads; n++) {
		unsigned i = (unsigned)random_below(&random, SLOTS);

		if (slot[i]) {
			heap->differs |= (uint64_t)(slot[i][0] != (char)written[i]);
			if (n % 8 == 0)
				slot[i] = atomic_exchange(&heap->handed[next], slot[i]);
			free(slot[i]);
		}
		written[i] = mix(random);
		slot[i] = object_new(written[i]);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		free(slot[i]);
	free(slot);
}

void run_malloc(const struct options *options)
{
	static struct heap heap;
	struct measure measure;

	heap.options = options;
	measure_begin(&measure, NULL);
	crew_run(options->threads, work, &heap);
	measure_end(&measure);
	if (heap.differs)
		bench_fail("an object is wrong");
	report_begin(options, &measure, "op/s", OPERATIONS / measure.seconds, OPERATIONS);
	report_end();
}
