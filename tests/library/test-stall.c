/* SPDX-License-Identifier: MIT */
/* test-stall - a real-time thread that does not let go of a CPU delays that CPU's handler, but
 * nobody else's faults
 *
 * Without a way out (stall.h), a thread whose fault that handler had in hand at the time waits
 * until the real-time thread ends.
 *
 * Variants: default
 */
#include "harness.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* The real-time thread's turns, each beside all readers, and cut into slices in which a
 * reader should get on: any 30 ms are many reads.  On a machine that has other
 * things to do some are lost for want of the other CPU, so the best of a few rounds
 * counts: at most a quarter.  With faults left to a handler that has no CPU it was a half
 * to three quarters. */
#define SLICE_MS 30
#define SLICES 10
#define TURNS 8
#define READERS 4
#define LOST_DIVISOR 4
#define ROUNDS 4

static _Atomic bool stop;
static _Atomic int slice = -1; /* that is going on, or -1 */

struct reader {
	pthread_t thread;
	const struct area *area;
	unsigned number;
	int cpu;
	size_t pages[TURNS * SLICES];
};

static void pin_to(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	CHECK(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "sched_setaffinity: %s",
	      strerror(errno));
}

static void *hog(void *argument)
{
	struct sched_param param = { .sched_priority = 1 };

	pin_to(*(int *)argument);
	if (sched_setscheduler(0, SCHED_FIFO, &param) < 0)
		test_skip("SCHED_FIFO is refused");
	for (int n = 0; n < TURNS * SLICES; n++) {
		double end;

		if (n % SLICES == 0) {
			slice = -1;
			test_sleep_ms(50);
		}
		end = test_seconds() + SLICE_MS * 1e-3;
		slice = n;
		while (test_seconds() < end)
			;
	}
	stop = true;
	return NULL;
}

static void *read_pages(void *argument)
{
	struct reader *reader = argument;
	struct dice dice = dice_new(reader->number);

	pin_to(reader->cpu);
	while (!stop) {
		int now;

		area_check(reader->area, dice_below(&dice, reader->area->pages));
		now = slice;
		if (now >= 0)
			reader->pages[now]++;
	}
	return NULL;
}

/* Slices in which a reader has read nothing at all. */
static unsigned count_lost(const struct reader reader[], unsigned readers)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < readers; i++)
		for (int n = 0; n < TURNS * SLICES; n++)
			lost += reader[i].pages[n] == 0;
	return lost;
}

/* Two CPUs that this process may use. */
static void find_cpus(int cpu[2])
{
	cpu_set_t all;
	int n = 0;

	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &all))
			cpu[n++] = i;
	if (n < 2)
		test_skip("this process has one CPU only");
}

static unsigned try_cpu(int hogged, int free, unsigned readers)
{
	struct reader reader[READERS] = { 0 };
	pthread_t realtime;
	struct area area;
	unsigned lost;
	char name[40];
	spill *s;

	snprintf(name, sizeof(name), "CPU %d is taken, readers: %u", hogged, readers);
	case_begin(name, M);
	stop = false;
	s = pager_open(SPILL_BUDGET_MIN);
	area = area_reserve(s, 1, 4 * SPILL_BUDGET_MIN);
	area_write_all(&area);
	area_check_all(&area); /* so that nothing needs to be written from now on */
	for (unsigned i = 0; i < readers; i++) {
		reader[i].area = &area;
		reader[i].number = i;
		reader[i].cpu = free;
		pthread_create(&reader[i].thread, NULL, read_pages, &reader[i]);
	}
	pthread_create(&realtime, NULL, hog, &hogged);
	pthread_join(realtime, NULL);
	for (unsigned i = 0; i < readers; i++)
		pthread_join(reader[i].thread, NULL);
	lost = count_lost(reader, readers);
	printf("  %u of %u slices were lost\n", lost, readers * TURNS * SLICES);
	area_forget(&area);
	pager_close(s);
	case_end();
	return lost;
}

/* One reader alone: nobody else's faults wake a handler up. */
static void try_rounds(int hogged, int free, unsigned readers)
{
	unsigned all = readers * TURNS * SLICES, most = all / LOST_DIVISOR, best = all;

	for (unsigned round = 0; round < ROUNDS && best > most; round++) {
		unsigned lost = try_cpu(hogged, free, readers);

		best = lost < best ? lost : best;
	}
	CHECK(best <= most, "%u of %u slices of a reader were lost", best, all);
}

int main(void)
{
	int cpu[2];

	test_begin("stall", 170);
	find_cpus(cpu);
	for (int k = 0; k < 2; k++) {
		try_rounds(cpu[k], cpu[!k], READERS);
		try_rounds(cpu[k], cpu[!k], 1);
	}
	return test_end();
}
