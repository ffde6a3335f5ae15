/* SPDX-License-Identifier: MIT */
/* prices.c - what the kernel's operations on pages cost: see prices.h */
#include "kernel/prices.h"
#include "base/page.h"
#include "base/thread.h"
#include <sched.h>

/* Pages of each of the two sides, and how many of them are done one by one. */
#define SIDE (PRICES_FRAMES / 2)
#define SINGLES 8
/* The middle one of so many rounds counts: a round may be interrupted. */
#define ROUNDS 3

const char *const price_names[PRICES] = {
	[PRICE_COPY] = "copy",	     [PRICE_MOVE] = "move", [PRICE_PROTECT] = "protect",
	[PRICE_DISCARD] = "discard", [PRICE_READ] = "read", [PRICE_FRAME] = "frame",
	[PRICE_TOUCH] = "touch",
};

const char *const prices_set_names[PRICES_SETS] = {
	[PRICES_MEASURED] = "measured",
	[PRICES_HARDWARE] = "hardware",
	[PRICES_SHADOWED] = "shadowed",
};

/* Two VMs of the same kind, on different days (Linux 6.18, AMD EPYC, a thread running on the other
 * CPU). */
static const struct prices sets[PRICES_SETS] = {
	[PRICES_HARDWARE] = { .known = true,
			      .of = { [PRICE_COPY] = { 350, 720 },
				      [PRICE_MOVE] = { 10000, 270 },
				      [PRICE_PROTECT] = { 10000, 90 },
				      [PRICE_DISCARD] = { 10700, 220 },
				      [PRICE_READ] = { 510, 620 },
				      [PRICE_FRAME] = { 0, 1600 },
				      [PRICE_TOUCH] = { 0, 3 } } },
	[PRICES_SHADOWED] = { .known = true,
			      .of = { [PRICE_COPY] = { 500, 8000 },
				      [PRICE_MOVE] = { 25000, 600 },
				      [PRICE_PROTECT] = { 25000, 500 },
				      [PRICE_DISCARD] = { 25000, 1000 },
				      [PRICE_READ] = { 1400, 1100 },
				      [PRICE_FRAME] = { 0, 12500 },
				      [PRICE_TOUCH] = { 0, 6000 } } },
};

/* ns of SINGLES calls for a page each, and of one call for the other pages. */
struct sample {
	uint64_t singles, run;
};

struct bench {
	const struct uffd *uffd;
	int memory;
	const char *zeros;
	char *program; /* as the program's memory: registered, faults come to us */
	char *tray;    /* as a tray */
	struct sample sample[ROUNDS][PRICES];
	bool failed;
};

static char *at(char *side, unsigned page)
{
	return side + ((size_t)page << page_shift());
}

/* -- one operation -------------------------------------------------------------------------- */

/* Does it to pages from this one on.  false: not all of it was done. */
typedef bool operation_fn(const struct bench *bench, unsigned page, size_t size);

static bool copy(const struct bench *bench, unsigned page, size_t size)
{
	return uffd_copy(bench->uffd, at(bench->program, page), bench->zeros, size) == (long)size;
}

static bool move_out(const struct bench *bench, unsigned page, size_t size)
{
	return uffd_move(bench->uffd, -1, at(bench->tray, page), at(bench->program, page), size) ==
	       (long)size;
}

static bool move_in(const struct bench *bench, unsigned page, size_t size)
{
	return uffd_move(bench->uffd, -1, at(bench->program, page), at(bench->tray, page), size) ==
	       (long)size;
}

static bool protect(const struct bench *bench, unsigned page, size_t size)
{
	return uffd_protect(bench->uffd, at(bench->program, page), size, true) == 0;
}

static bool discard(const struct bench *bench, unsigned page, size_t size)
{
	return sys_madvise(at(bench->program, page), size, MADV_DONTNEED) == 0;
}

static bool read_memory(const struct bench *bench, unsigned page, size_t size)
{
	return sys_pread(bench->memory, at(bench->tray, page), size,
			 (uintptr_t)at(bench->program, page)) == (long)size;
}

/* The pages must be there: nobody would serve the fault. */
static bool touch_program(const struct bench *bench, unsigned page, size_t size)
{
	for (size_t i = 0; i < size; i += page_size())
		(void)*(volatile char *)(at(bench->program, page) + i);
	return true;
}

static bool write_tray(const struct bench *bench, unsigned page, size_t size)
{
	for (size_t i = 0; i < size; i += page_size())
		*(volatile char *)(at(bench->tray, page) + i) = 1;
	return true;
}

/* After a failure nothing more is done. */
static struct sample time_it(struct bench *bench, operation_fn *operation)
{
	uint64_t start = sys_now(), middle;
	size_t rest = (size_t)(SIDE - SINGLES) << page_shift();

	for (unsigned i = 0; i < SINGLES && !bench->failed; i++)
		bench->failed = !operation(bench, i, page_size());
	middle = sys_now();
	if (!bench->failed)
		bench->failed = !operation(bench, SINGLES, rest);
	return (struct sample){ middle - start, sys_now() - middle };
}

/* -- a round --------------------------------------------------------------------------------- */

/* At its beginning and end neither side has a frame. */
static void measure_round(struct bench *bench, struct sample sample[PRICES])
{
	size_t size = (size_t)SIDE << page_shift();

	sample[PRICE_COPY] = time_it(bench, copy);
	sample[PRICE_TOUCH] = time_it(bench, touch_program);
	if (bench->uffd->move) {
		sample[PRICE_MOVE] = time_it(bench, move_out);
		bench->failed = bench->failed || !move_in(bench, 0, size) ||
				!touch_program(bench, 0, size);
	}
	sample[PRICE_PROTECT] = time_it(bench, protect);
	sample[PRICE_FRAME] = time_it(bench, write_tray);
	if (bench->memory >= 0)
		sample[PRICE_READ] = time_it(bench, read_memory);
	sample[PRICE_DISCARD] = time_it(bench, discard);
	bench->failed = bench->failed || sys_madvise(bench->tray, size, MADV_DONTNEED) < 0;
}

/* -- the thread that keeps another CPU busy ----------------------------------------------------- */

/* With it running, the other CPU has our page tables, and flushes reach it. */
struct company {
	struct thread thread;
	cpu_set_t cpus; /* all but ours */
	_Atomic bool here, enough;
};

static void keep_company(void *arg)
{
	struct company *company = arg;

	sys_call3(SYS_sched_setaffinity, 0, sizeof(company->cpus), &company->cpus);
	company->here = true;
	while (!company->enough)
		thread_attend();
}

static void do_nothing(void *arg)
{
	(void)arg;
}

/* The other CPUs may be busy: waits no longer than this. */
#define COMPANY_NS 2000000

/* false: there is no other CPU. */
static bool find_others(cpu_set_t *ret_cpus)
{
	unsigned here = 0;

	CPU_ZERO(ret_cpus);
	if (sys_call3(SYS_sched_getaffinity, 0, sizeof(*ret_cpus), ret_cpus) <= 0 ||
	    sys_call3(SYS_getcpu, &here, NULL, NULL) < 0)
		return false;
	CPU_CLR(here, ret_cpus);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, ret_cpus))
			return true;
	return false;
}

static bool begin_company(struct company *company)
{
	uint64_t start = sys_now();

	if (!find_others(&company->cpus) ||
	    thread_start(&company->thread, "spill/prices", keep_company, do_nothing, company))
		return false;
	while (!company->here && sys_now() - start < COMPANY_NS)
		sys_yield();
	return true;
}

static void end_company(struct company *company)
{
	company->enough = true;
	thread_join(&company->thread);
}

/* -- all of it ---------------------------------------------------------------------------------- */

static bool open_bench(struct bench *bench)
{
	size_t size = (size_t)SIDE << page_shift();
	char *both = sys_mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (sys_is_error(both))
		return false;
	sys_madvise(both, 2 * size, MADV_NOHUGEPAGE);
	bench->program = both;
	bench->tray = both + size;
	return uffd_register(bench->uffd, bench->program, size, true) == 0 &&
	       (!bench->uffd->move || uffd_register(bench->uffd, bench->tray, size, false) == 0);
}

static void close_bench(struct bench *bench)
{
	if (bench->program)
		sys_munmap(bench->program, (size_t)2 * SIDE << page_shift());
}

static uint64_t middle(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t low = a < b ? a : b, high = a < b ? b : a;

	return c < low ? low : c > high ? high : c;
}

/* singles = SINGLES * (call + page); run = call + (SIDE - SINGLES) * page */
static struct price price_from(uint64_t singles, uint64_t run)
{
	uint64_t single = singles / SINGLES;
	uint64_t page = run > single ? (run - single) / (SIDE - SINGLES - 1) : 0;

	if (page > single)
		page = single;
	return (struct price){ (uint32_t)(single - page), (uint32_t)page };
}

static void conclude(const struct bench *bench, struct prices *ret)
{
	for (unsigned i = 0; i < PRICES; i++)
		ret->of[i] =
			price_from(middle(bench->sample[0][i].singles, bench->sample[1][i].singles,
					  bench->sample[2][i].singles),
				   middle(bench->sample[0][i].run, bench->sample[1][i].run,
					  bench->sample[2][i].run));
	ret->known = true;
}

static void measure(struct bench *bench, struct prices *ret)
{
	struct company company = { .here = false };
	bool accompanied = begin_company(&company);

	for (unsigned i = 0; i < ROUNDS && !bench->failed; i++)
		measure_round(bench, bench->sample[i]);
	if (accompanied)
		end_company(&company);
	if (!bench->failed)
		conclude(bench, ret);
}

void prices_find(struct prices *prices, enum prices_set set, const struct uffd *uffd, int memory,
		 const void *zeros)
{
	struct bench bench = { .uffd = uffd, .memory = memory, .zeros = zeros };

	prices->known = false;
	if (set == PRICES_MEASURED && open_bench(&bench))
		measure(&bench, prices);
	close_bench(&bench);
	if (!prices->known)
		*prices = sets[set == PRICES_MEASURED ? PRICES_HARDWARE : set];
}
