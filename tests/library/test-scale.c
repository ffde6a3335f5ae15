/* SPDX-License-Identifier: MIT */
/* test-scale - what a major fault costs does not depend on how much there is of anything else
 *
 * Regions and swap space: counts the instructions that a handler executes outside of the kernel, and
 * those of them that are locked.  Another process steps through them, which takes a thousand times as
 * long.
 *
 * Handlers: counts how often they go to sleep.  What several of them do depends on how long each
 * takes, so they are not stepped.
 *
 * Time limit: 120
 * Variants: default
 */
#include "harness.h"
#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#define BUDGET (8 * M)
#define DATA (2 * BUDGET)
#define FAULTS 9

/* Of the lower quartile: a handler that spins executes more, and evictions cost as much as many
 * faults, come in batches, and are few here. */
#define GROWTH_MAX 1.6
#define SLEEPS_GROWTH_MAX 2.5

/* As many as there may be. */
#define HANDLERS 4

struct setup {
	const char *name;
	size_t regions;
	size_t swap;
};

static const struct setup setups[] = {
	{ "one region", 1, 128 * M },
	{ "8000 regions", 8000, 128 * M },
	{ "1 TiB of swap space", 1, 1 * T },
};

/* What the two processes tell each other. */
struct shared {
	_Atomic bool ready;	 /* there are handlers to be stepped */
	_Atomic bool begin;	 /* they are being stepped */
	_Atomic uint64_t faults; /* so far, of FAULTS */
};

static struct shared *shared;

/* -- faults ------------------------------------------------------------- */

static spill *open_pager(size_t swap, unsigned handlers)
{
	struct spill_options options = SPILL_OPTIONS_INIT;

	options.budget = BUDGET;
	options.swap = test_directory();
	options.swap_limit = swap;
	options.handlers = handlers;
	options.disable = SPILL_FEATURE_SPIN;
	return pager_open_with(&options);
}

/* A page in each, which leaves. */
static void reserve_others(spill *s, size_t n)
{
	while (n--) {
		char *page = spill_reserve(s, test_page_size());

		CHECK(page, "spill_reserve: %s", strerror(errno));
		*page = 1;
	}
}

static uint64_t majors(spill *s)
{
	return pager_stats(s).faults_major;
}

static void touch_some(struct area *area, struct dice *dice, unsigned n)
{
	while (n--)
		area_update(area, dice_below(dice, area->pages));
}

static void fault(const struct setup *setup)
{
	spill *s = open_pager(setup->swap, 1);
	struct area area = area_reserve(s, 1, DATA);
	struct dice dice = dice_new(1);
	uint64_t before;

	reserve_others(s, setup->regions - 1);
	area_write_all(&area);
	touch_some(&area, &dice, 8 * BUDGET / (unsigned)test_page_size());
	shared->ready = true;
	CHECK(WAIT_FOR(atomic_load(&shared->begin), 10), "%s: nobody steps the handlers",
	      setup->name);
	before = majors(s);
	while (shared->faults < FAULTS) {
		touch_some(&area, &dice, 1);
		shared->faults = majors(s) - before;
	}
	_exit(0); /* the handlers, which are in the other's hands, end with it */
}

/* -- the one that counts ----------------------------------------------------------------- */

static bool is_handler(pid_t pid, int tid)
{
	char path[64], name[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = 0;
	fclose(file);
	return strncmp(name, "spill/", 6) == 0;
}

static void step(int tid, int signal)
{
	CHECK(ptrace(PTRACE_SINGLESTEP, tid, NULL, (void *)(long)signal) == 0 || errno == ESRCH,
	      "PTRACE_SINGLESTEP: %s", strerror(errno));
}

static void seize(int tid)
{
	int status;

	CHECK_OK(ptrace(PTRACE_SEIZE, tid, NULL, (void *)PTRACE_O_EXITKILL));
	CHECK_OK(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL));
	CHECK(waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status), "%d does not stop", tid);
	step(tid, 0);
}

static unsigned find_handlers(pid_t pid, int tid[HANDLERS])
{
	struct dirent *entry;
	unsigned n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	CHECK(dir, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)) && n < HANDLERS)
		if (is_handler(pid, atoi(entry->d_name)))
			tid[n++] = atoi(entry->d_name);
	closedir(dir);
	return n;
}

/* Instructions between one fault and the next. */
struct steps {
	uint64_t all, locked;
};

struct cost {
	double usual;  /* of a fault: the lower quartile */
	double locked; /* the same */
	double mean;   /* the evictions included */
};

/* Is the instruction at this address one that locks the bus: does it have the prefix, or is it an
 * exchange with memory? */
static bool is_locked(int tid, uintptr_t address)
{
	long word = ptrace(PTRACE_PEEKTEXT, tid, (void *)address, NULL);
	const unsigned char *byte = (const unsigned char *)&word;

	while (*byte == 0x66 || *byte == 0xf2 || *byte == 0xf3)
		byte++;
	if (*byte == 0xf0)
		return true;
	if ((*byte & 0xf0) == 0x40)
		byte++;
	return (byte[0] & 0xfe) == 0x86 && byte[1] < 0xc0;
}

static bool stands_at_lock(int tid)
{
#ifdef __x86_64__
	struct user_regs_struct registers;

	return ptrace(PTRACE_GETREGS, tid, NULL, &registers) == 0 && is_locked(tid, registers.rip);
#else
	(void)tid;
	return false;
#endif
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct cost cost_of(const struct steps steps[FAULTS])
{
	uint64_t all[FAULTS], locked[FAULTS];
	double sum = 0;

	for (unsigned i = 0; i < FAULTS; i++) {
		all[i] = steps[i].all;
		locked[i] = steps[i].locked;
		sum += (double)steps[i].all;
	}
	qsort(all, FAULTS, sizeof(all[0]), compare);
	qsort(locked, FAULTS, sizeof(locked[0]), compare);
	return (struct cost){ (double)all[FAULTS / 4], (double)locked[FAULTS / 4], sum / FAULTS };
}

/* Steps through the handler until its process ends. */
static struct cost count_steps(pid_t pid)
{
	struct steps steps[FAULTS] = { { 0, 0 } };
	int status, tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFSTOPPED(status)) {
			uint64_t i = shared->faults;

			if (i < FAULTS) {
				steps[i].all++;
				steps[i].locked += stands_at_lock(tid);
			}
			step(tid, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
		} else if (tid == pid) {
			CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			      "the process that faults ended with %d", status);
			break;
		}
	}
	return cost_of(steps);
}

static struct cost measure(const struct setup *setup)
{
	int tid[HANDLERS];
	struct cost cost;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	pid = test_fork();
	if (pid == 0)
		fault(setup);
	CHECK(WAIT_FOR(atomic_load(&shared->ready), 30), "%s: the process is not ready",
	      setup->name);
	CHECK(find_handlers(pid, tid) == 1, "%s: there is not one handler", setup->name);
	seize(tid[0]);
	shared->begin = true;
	cost = count_steps(pid);
	printf("  %-20s %6.0f instructions for a major fault, %3.0f locked; %6.0f with evictions\n",
	       setup->name, cost.usual, cost.locked, cost.mean);
	return cost;
}

static void count_instructions(void)
{
	struct cost first = { 0, 0, 0 };

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	CHECK(shared != MAP_FAILED, "mmap: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++) {
		struct cost cost = measure(&setups[i]);

		if (i == 0)
			first = cost;
		CHECK(cost.usual > 100 && cost.usual < GROWTH_MAX * first.usual,
		      "a major fault takes %.0f instructions with %s, and %.0f with %s", cost.usual,
		      setups[i].name, first.usual, setups[0].name);
		CHECK(cost.locked <= GROWTH_MAX * first.locked,
		      "a major fault takes %.0f locked instructions with %s, and %.0f with %s",
		      cost.locked, setups[i].name, first.locked, setups[0].name);
	}
	munmap(shared, sizeof(*shared));
}

/* -- handlers ------------------------------------------------------------------------------ */

#define MORE_TOUCHES 20000

/* How often did this thread go to sleep? */
static uint64_t sleeps_of(int tid)
{
	char path[64], line[256];
	uint64_t n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	file = fopen(path, "r");
	CHECK(file, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		sscanf(line, "voluntary_ctxt_switches: %lu", &n);
	fclose(file);
	return n;
}

static uint64_t sleeps_of_handlers(void)
{
	int tid[HANDLERS];
	unsigned count = find_handlers(getpid(), tid);
	uint64_t n = 0;

	while (count)
		n += sleeps_of(tid[--count]);
	return n;
}

/* Sleeps for each major fault, of all handlers together. */
static double measure_sleeps(unsigned handlers)
{
	spill *s = open_pager(64 * M, handlers);
	struct area area = area_reserve(s, 1, DATA);
	struct dice dice = dice_new(1);
	uint64_t faults, sleeps;

	area_write_all(&area);
	touch_some(&area, &dice, MORE_TOUCHES);
	faults = majors(s);
	sleeps = sleeps_of_handlers();
	touch_some(&area, &dice, MORE_TOUCHES);
	sleeps = sleeps_of_handlers() - sleeps;
	faults = majors(s) - faults;
	printf("  %u handlers: %.2f sleeps for each of %lu major faults\n", handlers,
	       (double)sleeps / (double)faults, (unsigned long)faults);
	area_forget(&area);
	pager_drop(s);
	return (double)sleeps / (double)faults;
}

/* Each fault wakes all handlers on duty, so those that come in vain go off (duty.h).  Otherwise each
 * handler sleeps once for each fault. */
static void count_sleeps(void)
{
	double one = measure_sleeps(1), all = measure_sleeps(HANDLERS);

	CHECK(one > 0.1 && all < SLEEPS_GROWTH_MAX * one,
	      "%u handlers sleep %.2f times for each major fault, and one %.2f times", HANDLERS,
	      all, one);
}

/* A step is two context switches, and a wake-up on another CPU would cost ten times as much. */
static void use_one_cpu(void)
{
	cpu_set_t cpus;
	int cpu = sched_getcpu();

	CHECK(cpu >= 0, "sched_getcpu: %s", strerror(errno));
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	CHECK_OK(sched_setaffinity(0, sizeof(cpus), &cpus));
}

int main(void)
{
	cpu_set_t cpus;

	test_begin("scale", 120);
	CHECK_OK(sched_getaffinity(0, sizeof(cpus), &cpus));
	count_sleeps();
	use_one_cpu();
	count_instructions();
	CHECK_OK(sched_setaffinity(0, sizeof(cpus), &cpus));
	return test_end();
}
