/* SPDX-License-Identifier: MIT */
/* harness.c - what the tests of the library have in common: see harness.h
 *
 * It looks into the pager (pager_check), so it is linked with the library's
 * core, not with libspill.so.
 */
#include "harness.h"
#include "base/fork_near.h"
#include "pages/debug.h"
#include "pager/fork.h"
#include "paging/handler.h"
#include "kernel/pagemap.h"
#include "pager/pager.h"
#include "paging/pack.h"
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

/* What a process may hold beyond its budgets and the test's own: the library's
 * tables, its stacks, libc. */
#define UNMANAGED (24 * M)

/* How long a thread may take to disappear after it was joined, and writes and
 * reads in flight to end. */
#define PATIENCE 5

#define PAGERS_MAX 16

static const char *test_name;
static unsigned patience = 1;
static uint64_t seed;

static struct {
	const char *name;
	double start;
	int threads, descriptors;
	size_t rss;		      /* at its begin */
	_Atomic size_t own, most_own; /* what it may have grown by, now and ever */
	struct {
		spill *pager;
		size_t most; /* the largest budget that it had */
	} pager[PAGERS_MAX];
} test_case;

/* -- the program -------------------------------------------------------------- */

void test_fail(const char *format, ...)
{
	char text[1000];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("FAIL: %s: %s%s%s\n", test_name, test_case.name ? test_case.name : "",
	       test_case.name ? ": " : "", text);
	fflush(stdout);
	/* Not exit: other threads are at work. */
	_exit(1);
}

void test_skip(const char *missing)
{
	printf("SKIP: %s: %s\n", test_name, missing);
	fflush(stdout);
	_exit(77);
}

static void show_threads(void)
{
	/* The shell's parent is this process. */
	if (system("\"${top_srcdir:-.}/tests/show-threads\" $PPID >&2") < 0)
		return;
}

/* The records of the pages that somebody waits for. */
static void show_faults(const struct pager *pager)
{
	for (unsigned i = 0; i < pager->paging.handler_count; i++) {
		const struct handler *handler = &pager->paging.handlers[i];

		fprintf(stderr,
			"handler %u: %u faults, %u reads; writes %u, fork %d, used %ld of %ld\n", i,
			handler->fault_count, handler->fills.in_flight,
			(unsigned)pager->paging.writes, fork_is_near(),
			(long)pager->paging.budget.used, (long)pager->paging.budget.limit);
		for (unsigned k = 0; k < handler->fault_count; k++) {
			uintptr_t address = handler->faults[k].address;
			const struct chunk *chunk =
				pagetable_find(&pager->paging.pages.table, address);
			char text[DEBUG_TEXT];

			fprintf(stderr, "  %lx is page %u of %s\n", (unsigned long)address,
				chunk ? chunk_index(chunk, address) : 0,
				chunk ? debug_describe(chunk, text) : "no row");
		}
	}
}

static void on_alarm(int signal)
{
	(void)signal;
	for (unsigned i = 0; i < PAGERS_MAX; i++)
		if (test_case.pager[i].pager)
			show_faults((const struct pager *)test_case.pager[i].pager);
	show_threads();
	test_fail("takes too long");
}

static void need_userfaultfd(void)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	spill *s;

	options.budget = SPILL_BUDGET_MIN;
	options.swap = test_directory();
	s = spill_open(&options);
	if (!s && (errno == EPERM || errno == ENOSYS))
		test_skip("userfaultfd is refused (spill(7) says how to allow it)");
	CHECK(s, "spill_open: %s", strerror(errno));
	spill_close(s);
}

void test_limit(unsigned seconds)
{
	alarm(seconds * patience);
}

static void *do_nothing(void *unused)
{
	return unused;
}

/* ThreadSanitizer starts a thread of its own with the first that the program starts: before
 * threads are counted. */
static void start_first_thread(void)
{
	pthread_t thread;

	if (!test_memory_is_ours() && pthread_create(&thread, NULL, do_nothing, NULL) == 0)
		pthread_join(thread, NULL);
}

void test_begin(const char *name, unsigned seconds)
{
	const char *given = getenv("SPILL_TEST_SEED");
	const char *slow = getenv("SPILL_TEST_SLOW");
	struct sigaction action = { .sa_handler = on_alarm };

	test_name = name;
	page_init();
	patience = slow && atoi(slow) > 0 ? (unsigned)atoi(slow) : 1;
	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
	printf("SPILL_TEST_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	sigaction(SIGALRM, &action, NULL);
	test_limit(seconds);
	start_first_thread();
	need_userfaultfd();
}

void test_nothing_left(void)
{
	const char *directory = getenv("TEST_TMP");
	struct dirent *entry;
	DIR *dir = directory ? opendir(directory) : NULL;

	while (dir && (entry = readdir(dir)))
		CHECK(entry->d_name[0] == '.', "the file %s is left behind", entry->d_name);
	if (dir)
		closedir(dir);
}

int test_end(void)
{
	test_nothing_left();
	printf("ok: %s\n", test_name);
	fflush(stdout);
	return 0;
}

size_t test_page_size(void)
{
	return page_size();
}

double test_seconds(void)
{
	return (double)sys_now() * 1e-9;
}

void test_sleep_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}

unsigned test_patience(void)
{
	return patience;
}

const char *test_directory(void)
{
	const char *directory = getenv("TEST_TMP");

	return directory ? directory : "/var/tmp";
}

size_t test_status(const char *field)
{
	FILE *file = fopen("/proc/self/status", "re");
	size_t length = strlen(field);
	char line[256];
	size_t kib = 0;

	CHECK(file, "/proc/self/status: %s", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, field, length) == 0 && line[length] == ':')
			kib = strtoull(line + length + 1, NULL, 10);
	fclose(file);
	return kib * K;
}

size_t test_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	size_t n = 0;
	int c;

	CHECK(file, "/proc/self/maps: %s", strerror(errno));
	while ((c = getc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

bool test_memory_is_ours(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return false;
#else
	return true;
#endif
#else
	return true;
#endif
}

/* -- SIGBUS --------------------------------------------------------------------- */

static sigjmp_buf survival;

static void on_bus(int signal)
{
	(void)signal;
	siglongjmp(survival, 1);
}

bool test_survives(void (*function)(void *), void *argument)
{
	struct sigaction action = { .sa_handler = on_bus }, before;
	volatile bool survived = false;

	sigaction(SIGBUS, &action, &before);
	if (sigsetjmp(survival, 1) == 0) {
		function(argument);
		survived = true;
	}
	sigaction(SIGBUS, &before, NULL);
	return survived;
}

/* -- processes ----------------------------------------------------------------- */

pid_t test_fork(void)
{
	unsigned left = alarm(0);
	pid_t pid;

	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0, "fork: %s", strerror(errno));
	alarm(left);
	return pid;
}

void test_exit(int status)
{
	fflush(stdout);
	_exit(status);
}

void test_wait(pid_t pid, int killed_by)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		CHECK(errno == EINTR, "waitpid: %s", strerror(errno));
	if (killed_by) {
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == killed_by,
		      "a child ends with status %#x", (unsigned)status);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		_exit(77);
	CHECK(status == 0, "a child ends with status %#x", (unsigned)status);
}

/* -- random numbers ------------------------------------------------------------ */

/* splitmix64 */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct dice dice_new(unsigned stream)
{
	return (struct dice){ mix(seed + UINT64_C(0x9e3779b97f4a7c15) * (stream + 1)) };
}

uint64_t dice_next(struct dice *dice)
{
	return mix(dice->state += UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t dice_below(struct dice *dice, uint64_t n)
{
	return dice_next(dice) % n;
}

/* -- cases --------------------------------------------------------------------- */

/* Its own descriptor among them, each time. */
static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	CHECK(dir, "%s: %s", path, strerror(errno));
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static int count_threads(void)
{
	return count_entries("/proc/self/task");
}

static int count_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

/* VmHWM begins anew (proc(5), clear_refs). */
static void reset_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "we");

	if (!file)
		return;
	fputs("5", file);
	fclose(file);
}

void case_begin(const char *name, size_t own)
{
	memset(&test_case, 0, sizeof(test_case));
	test_case.name = name;
	test_case.start = test_seconds();
	test_case.threads = count_threads();
	test_case.descriptors = count_descriptors();
	test_case.own = test_case.most_own = UNMANAGED + own;
	reset_peak();
	test_case.rss = test_status("VmRSS");
}

void case_allow(size_t bytes)
{
	size_t own = atomic_fetch_add(&test_case.own, bytes) + bytes;
	size_t most = test_case.most_own;

	while (own > most && !atomic_compare_exchange_weak(&test_case.most_own, &most, own))
		;
}

static void case_give_back(size_t bytes)
{
	test_case.own -= bytes;
}

void case_end(void)
{
	size_t peak = test_status("VmHWM");
	size_t grown = peak > test_case.rss ? peak - test_case.rss : 0;

	CHECK(WAIT_FOR(count_threads() == test_case.threads, PATIENCE),
	      "%d threads are left, %d were there before", count_threads(), test_case.threads);
	CHECK(WAIT_FOR(count_descriptors() == test_case.descriptors, PATIENCE),
	      "%d descriptors are left, %d were there before", count_descriptors(),
	      test_case.descriptors);
	CHECK(grown <= test_case.most_own || !test_memory_is_ours(),
	      "the process grew by %zu KiB, more than %zu KiB", grown / K, test_case.most_own / K);
	printf("  %-32s %6.2f s, %5.1f of %5.1f MiB\n", test_case.name,
	       test_seconds() - test_case.start, (double)grown / (double)M,
	       (double)test_case.most_own / (double)M);
	fflush(stdout);
	test_case.name = NULL;
}

/* The place of a pager in the case's list; NULL: of none. */
static unsigned place_of(const spill *s)
{
	for (unsigned i = 0; i < PAGERS_MAX; i++)
		if (test_case.pager[i].pager == s)
			return i;
	test_fail("a case has at most %u pagers", PAGERS_MAX);
}

spill *pager_open_with(const struct spill_options *options)
{
	spill *s = spill_open(options);
	unsigned i = place_of(NULL);

	CHECK(s, "spill_open: %s", strerror(errno));
	test_case.pager[i].pager = s;
	test_case.pager[i].most = options->budget + options->overcommit;
	case_allow(options->budget + options->overcommit);
	return s;
}

void pager_may_exceed(spill *s, size_t bytes)
{
	case_allow(bytes);
	test_case.pager[place_of(s)].most += bytes;
}

spill *pager_open(size_t budget)
{
	struct spill_options options = SPILL_OPTIONS_INIT;

	options.budget = budget;
	options.swap = test_directory();
	return pager_open_with(&options);
}

void pager_set_budget(spill *s, size_t budget)
{
	unsigned i = place_of(s);

	if (budget > test_case.pager[i].most) {
		case_allow(budget - test_case.pager[i].most);
		test_case.pager[i].most = budget;
	}
	CHECK(spill_set_budget(s, budget) == 0, "spill_set_budget to %zu KiB: %s", budget / K,
	      strerror(errno));
}

void pager_press(spill *s)
{
	size_t size = 2 * pager_stats(s).budget;
	char *base = spill_reserve(s, size);

	CHECK(base, "spill_reserve of %zu KiB: %s", size / K, strerror(errno));
	for (size_t at = 0; at < size; at += page_size())
		stamp_write(base + at, UINT16_MAX, at, 1);
	CHECK_OK(spill_release(s, base, size));
}

struct spill_stats pager_stats(spill *s)
{
	struct spill_stats stats = { .size = sizeof(stats) };

	CHECK_OK(spill_get_stats(s, &stats));
	return stats;
}

/* -- a walk through the pager's tables --------------------------------------------- */

static struct pager *inside(spill *s)
{
	return (struct pager *)s;
}

void pager_forget_streams(spill *s)
{
	struct readahead *readahead = &inside(s)->paging.readahead;

	lock_guard_begin();
	lock_take(&readahead->lock, LOCK_STREAM);
	memset(readahead->stream, 0, sizeof(readahead->stream));
	lock_drop(&readahead->lock, LOCK_STREAM);
	lock_guard_end();
}

struct walk {
	struct pager *pager;
	int pagemap;
	uint64_t resident, cached;  /* pages */
	uint64_t swapped[SWAP_MAX]; /* pages, in each swap space */
	uint64_t compressed, tray_frames;
	unsigned rounds;
	uint64_t *seen[SWAP_MAX]; /* a bit for each slot that some page has */
};

/* What was asked for has been done; some of it waits while a fork is near. */
static bool is_idle(const struct pager *pager)
{
	for (unsigned i = 0; i < pager->paging.handler_count; i++)
		if (pager->paging.handlers[i].has_request)
			return false;
	return !pager->paging.requests.count;
}

static bool is_quiet(const struct pager *pager)
{
	if (!paging_is_quiet(&pager->paging))
		return false;
	for (unsigned i = 0; i < pager->paging.handler_count; i++)
		if (pager->paging.handlers[i].fills.in_flight)
			return false;
	return true;
}

/* As a fork does. */
static void make_quiet(struct pager *pager)
{
	/* A hint for more than there is room for takes as long as each part of it may wait. */
	CHECK(WAIT_FOR(is_idle(pager), 6 * PATIENCE), "what was asked for is not done");
	fork_announce();
	handler_wake_all(&pager->paging);
	CHECK(WAIT_FOR(is_quiet(pager), PATIENCE), "reads or writes in flight do not end");
}

static void end_quiet(struct pager *pager)
{
	fork_withdraw();
	handler_wake_all(&pager->paging);
}

static bool slot_seen(struct walk *walk, uint64_t slot)
{
	const struct swap_space *space = &walk->pager->paging.store.swap.space[slot_space(slot)];
	uint64_t n = slot_number(slot);
	uint64_t **seen = &walk->seen[slot_space(slot)];
	bool before;

	CHECK(space->open && n / SEGMENT_SLOTS < space->map.segment_limit, "there is no slot %#llx",
	      (unsigned long long)slot);
	if (!*seen)
		*seen = calloc((size_t)space->map.segment_limit * SEGMENT_WORDS, sizeof(uint64_t));
	CHECK(*seen, "out of memory");
	before = (*seen)[n / 64] & mask_bit(n % 64);
	(*seen)[n / 64] |= mask_bit(n % 64);
	return before;
}

static void walk_slots(struct walk *walk, const struct chunk *chunk)
{
	unsigned i;

	mask_for_each(i, chunk->swapped) {
		uint64_t slot = place_number(chunk->page[i].place);

		CHECK(!slot_seen(walk, slot), "two pages have the slot %#llx, one of them %p",
		      (unsigned long long)slot, chunk_page(chunk, i));
		walk->swapped[slot_space(slot)]++;
	}
}

static void walk_trays(struct walk *walk, const struct chunk *chunk)
{
	uint64_t valid = 0;

	for (const struct tray *tray = chunk->trays; tray; tray = tray->sibling) {
		CHECK(!(tray->valid & ~tray->frames) && !(tray->valid & valid),
		      "the trays of the chunk at %p are mixed up", chunk_page(chunk, 0));
		valid |= tray->valid;
		walk->tray_frames += mask_count(tray->frames);
	}
	CHECK(valid == chunk->cached, "cached pages of the chunk at %p are in no tray",
	      chunk_page(chunk, 0));
}

static void walk_states(const struct chunk *chunk)
{
	CHECK(!(chunk->resident & chunk->cached) && !(chunk->filling & chunk->resident) &&
		      !(chunk->poisoned &
			(chunk->resident | chunk->cached | chunk->compressed | chunk->swapped)),
	      "a page of the chunk at %p is in two states", chunk_page(chunk, 0));
	CHECK(!chunk->filling && !chunk->reads, "a page of the chunk at %p is filling for ever",
	      chunk_page(chunk, 0));
}

/* resident, poisoned: of the chunk, which is not locked, since (G) is taken here. */
static void walk_mapping(struct walk *walk, const struct chunk *chunk, uint64_t resident,
			 uint64_t poisoned)
{
	uint64_t present =
		pagemap_present(walk->pagemap, (const void *)chunk->address, CHUNK_PAGES);
	/* What poisons a page may count as present. */
	uint64_t wrong = (present ^ resident) & ~poisoned;
	unsigned i;

	mask_for_each(i, wrong)
		if (region_covers(walk->pager, chunk_page(chunk, i), page_size()) ||
		    (resident & mask_bit(i)))
			test_fail("the page %p is %s, but not in the page table",
				  chunk_page(chunk, i),
				  present & mask_bit(i) ? "mapped" : "not mapped");
}

/* Each object that the chunk has says whose it is. */
static void walk_objects(struct walk *walk, const struct chunk *chunk)
{
	const struct slab *slab = &walk->pager->paging.store.compressed.slab;
	uint64_t number;
	unsigned bytes, i;

	mask_for_each(i, chunk->compressed) {
		if (chunk->at[i] == COMPRESSED_WORD)
			continue;
		slab_object(slab, chunk->at[i], &bytes, &number);
		CHECK(number == (uintptr_t)chunk_page(chunk, i) >> page_shift(),
		      "the compressed copy of the page %p is another's", chunk_page(chunk, i));
	}
}

static void walk_chunk(struct walk *walk, struct chunk *chunk)
{
	uint64_t resident, poisoned;

	/* Nothing that is paged is touched while it is held. */
	lock_take(&chunk->lock, LOCK_CHUNK);
	chunk_check(chunk);
	walk_states(chunk);
	walk_trays(walk, chunk);
	walk_slots(walk, chunk);
	walk->resident += mask_count(chunk->resident);
	walk->cached += mask_count(chunk->cached);
	walk->compressed += mask_count(chunk->compressed);
	walk_objects(walk, chunk);
	resident = chunk->resident;
	poisoned = chunk->poisoned;
	chunk_unlock(chunk);
	walk_mapping(walk, chunk, resident, poisoned);
}

/* Slots of a space that no page has, but that are not lost either. */
static uint64_t slots_spoken_for(const struct pager *pager, unsigned space)
{
	const struct slot_map *map = &pager->paging.store.swap.space[space].map;
	uint64_t n = map->retired_slots + map->deferred_slots;

	for (unsigned i = 0; i < pager->paging.handler_count; i++) {
		const struct writes *writes = &pager->paging.handlers[i].writes;

		if (writes->run_left && slot_space(place_number(writes->run)) == space)
			n += writes->run_left;
	}
	return n;
}

static void check_space(struct walk *walk, unsigned i)
{
	struct swap_space *space = &walk->pager->paging.store.swap.space[i];
	uint64_t used = space->map.used_slots;
	uint64_t expected = walk->swapped[i] + slots_spoken_for(walk->pager, i);

	slot_map_check(&space->map);
	CHECK(used == expected, "%llu slots are taken, %llu should be", (unsigned long long)used,
	      (unsigned long long)expected);
}

static void check_slots(struct walk *walk)
{
	for (unsigned i = 0; i < walk->pager->paging.store.swap.count; i++) {
		if (walk->pager->paging.store.swap.space[i].open)
			check_space(walk, i);
		free(walk->seen[i]);
	}
}

/* Is it the number that the pager's counters have? */
static bool counts_agree(const struct walk *walk, uint64_t *ret_held)
{
	const struct pager *pager = walk->pager;
	const struct handler *handler = &pager->paging.handlers[0];
	unsigned sealed =
		pager->paging.store.cipher ? IO_SEALED_PIECES * handler->lane.seal.piece_pages : 0;

	unsigned packer = handler->packer.pages ? packer_frames() : 0;

	*ret_held = walk->resident + walk->tray_frames +
		    slab_frames(&pager->paging.store.compressed.slab) +
		    (pager->paging.compresses ? PACK_RESERVE : 0) +
		    pager->paging.handler_count *
			    (uint64_t)(handler->fills.bounce_pages + FILL_GAP_MAX + CHUNK_PAGES +
				       sealed + packer);
	return walk->resident == pager->paging.pages.resident &&
	       walk->cached == pager->paging.pages.cached &&
	       walk->compressed == pager->paging.store.compressed.pages &&
	       *ret_held == (uint64_t)pager->paging.budget.used;
}

static void walk_all(struct walk *walk)
{
	struct chunk *chunk;

	walk->resident = walk->cached = walk->compressed = walk->tray_frames = 0;
	memset(walk->swapped, 0, sizeof(walk->swapped));
	memset(walk->seen, 0, sizeof(walk->seen));
	lock_guard_begin(); /* nothing that is paged is touched */
	pagetable_for_each(chunk, &walk->pager->paging.pages.table, 0, PAGETABLE_END)
		walk_chunk(walk, chunk);
	check_slots(walk);
	if (walk->pager->paging.compresses)
		slab_check(&walk->pager->paging.store.compressed.slab);
	lock_guard_end();
}

void pager_check(spill *s)
{
	struct walk walk = { .pager = inside(s), .pagemap = pagemap_open() };
	const struct pager *pager = walk.pager;
	uint64_t held = 0;

	if (paging_is_armed(&pager->paging)) {
		make_quiet(walk.pager);
		walk_all(&walk);
		/* Trays may still be given back, which nothing holds up. */
		while (!counts_agree(&walk, &held) && walk.rounds++ < 100) {
			test_sleep_ms(10);
			walk_all(&walk);
		}
		CHECK(counts_agree(&walk, &held),
		      "%llu pages are resident, %llu cached, %llu frames held; "
		      "the counts are %llu, %llu, %llu",
		      (unsigned long long)walk.resident, (unsigned long long)walk.cached,
		      (unsigned long long)held, (unsigned long long)pager->paging.pages.resident,
		      (unsigned long long)pager->paging.pages.cached,
		      (unsigned long long)pager->paging.budget.used);
		end_quiet(walk.pager);
	}
	sys_close(walk.pagemap);
}

/* -- closing ---------------------------------------------------------------------- */

static void check_peak(spill *s)
{
	struct spill_stats stats = pager_stats(s);
	size_t most = test_case.pager[place_of(s)].most;

	CHECK(stats.peak <= most, "%llu KiB were held, the budget is %zu KiB",
	      (unsigned long long)stats.peak / K, most / K);
}

static void release_all(spill *s)
{
	struct region_table *table = &inside(s)->regions;

	while (table->count) {
		struct region region = table->region[table->count - 1];

		CHECK_OK(spill_release(s, (void *)region.start, region.end - region.start));
	}
}

static void check_released(spill *s)
{
	struct pager *pager = inside(s);

	CHECK(pager->paging.pages.resident == 0, "%llu pages are resident and nothing is reserved",
	      (unsigned long long)pager->paging.pages.resident);
	CHECK(pager->paging.pages.cached == 0, "%llu pages are cached and nothing is reserved",
	      (unsigned long long)pager->paging.pages.cached);
	CHECK(pager->paging.budget.pinned == 0, "%llu pages are pinned and nothing is reserved",
	      (unsigned long long)pager->paging.budget.pinned);
	CHECK(pager->regions.reserved == 0, "%llu bytes are reserved by nobody",
	      (unsigned long long)pager->regions.reserved);
}

void pager_close(spill *s)
{
	pager_check(s);
	check_peak(s);
	release_all(s);
	pager_check(s);
	check_released(s);
	pager_drop(s);
}

void pager_drop(spill *s)
{
	unsigned i = place_of(s);

	spill_close(s);
	test_case.pager[i].pager = NULL;
	case_give_back(test_case.pager[i].most);
}

/* -- stamps ----------------------------------------------------------------------- */

#define STAMP_MAGIC UINT64_C(0x706d617473206c70)

struct stamp {
	uint64_t magic;
	uint64_t page;
	uint32_t number, version;
};

#define STAMP_WORDS (sizeof(struct stamp) / sizeof(uint64_t))

/* Word k of the noise behind a stamp. */
static uint64_t noise_begin(unsigned number, uint64_t i, uint32_t version)
{
	return mix((uint64_t)number << 52 ^ i << 20 ^ version) | 1;
}

static uint64_t noise(uint64_t begin, size_t k)
{
	return begin * (2 * k + 1) ^ begin >> 29;
}

/* Contents are looked at by the stamps, and not by ThreadSanitizer (tsan.h), which would also
 * need four times the memory. */
#define UNSEEN __attribute__((no_sanitize("thread")))

UNSEEN void stamp_write(void *page, unsigned number, uint64_t i, uint32_t version)
{
	struct stamp stamp = { STAMP_MAGIC, i, number, version };
	uint64_t begin = noise_begin(number, i, version);
	uint64_t *word = page;

	memcpy(page, &stamp, sizeof(stamp));
	for (size_t k = STAMP_WORDS; k < page_size() / sizeof(uint64_t); k++)
		word[k] = noise(begin, k);
}

/* How many words at the begin of the page's noise are those of this version. */
UNSEEN static size_t right_words(const void *page, unsigned number, uint64_t i, uint32_t version)
{
	uint64_t begin = noise_begin(number, i, version);
	const uint64_t *word = page;
	size_t k = STAMP_WORDS;

	while (k < page_size() / sizeof(uint64_t) && word[k] == noise(begin, k))
		k++;
	return k;
}

UNSEEN static bool is_zero(const void *page)
{
	const uint64_t *word = page;
	size_t k = 0;

	while (k < page_size() / sizeof(uint64_t) && !word[k])
		k++;
	return k == page_size() / sizeof(uint64_t);
}

UNSEEN bool stamp_holds(const void *page, unsigned number, uint64_t i, uint32_t version)
{
	const struct stamp *stamp = page;

	if (version == 0)
		return is_zero(page);
	return stamp->magic == STAMP_MAGIC && stamp->page == i && stamp->number == number &&
	       stamp->version == version &&
	       right_words(page, number, i, version) == page_size() / sizeof(uint64_t);
}

const char *stamp_explain(const void *page)
{
	static char text[300];
	struct stamp stamp;
	size_t right;

	memcpy(&stamp, page, sizeof(stamp));
	if (is_zero(page)) {
		snprintf(text, sizeof(text), "zeros");
	} else if (stamp.magic != STAMP_MAGIC) {
		snprintf(text, sizeof(text), "garbage that begins with %#llx",
			 (unsigned long long)stamp.magic);
	} else {
		right = right_words(page, stamp.number, stamp.page, stamp.version) *
			sizeof(uint64_t);
		snprintf(text, sizeof(text), "version %u of page %llu of region %u%s",
			 stamp.version, (unsigned long long)stamp.page, stamp.number,
			 right < page_size() ? ", torn" : "");
		if (right < page_size())
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " at byte %zu",
				 right);
	}
	return text;
}

/* -- areas ------------------------------------------------------------------------- */

struct area area_try_reserve(spill *s, unsigned number, size_t bytes)
{
	struct area area = { .pager = s, .number = number, .pages = bytes / page_size() };

	area.base = spill_reserve(s, bytes);
	if (!area.base)
		return area;
	area.version = calloc(area.pages, sizeof(*area.version));
	CHECK(area.version, "out of memory");
	case_allow(area.pages * sizeof(*area.version));
	return area;
}

struct area area_reserve(spill *s, unsigned number, size_t bytes)
{
	struct area area = area_try_reserve(s, number, bytes);

	CHECK(area.base, "spill_reserve of %zu KiB: %s", bytes / K, strerror(errno));
	return area;
}

void area_forget(struct area *area)
{
	free(area->version);
	area->version = NULL;
	case_give_back(area->pages * sizeof(*area->version));
}

void area_release(struct area *area)
{
	CHECK_OK(spill_release(area->pager, area->base, area->pages * page_size()));
	area_forget(area);
}

void *area_page(const struct area *area, size_t i)
{
	return area->base + i * page_size();
}

void area_write(struct area *area, size_t i)
{
	stamp_write(area_page(area, i), area->number, i, ++area->version[i]);
}

void area_check(const struct area *area, size_t i)
{
	const void *page = area_page(area, i);
	unsigned state;

	if (stamp_holds(page, area->number, i, area->version[i]))
		return;
	state = area_state(area, i);
	test_fail("page %zu of region %u (%p, state %#x) should hold version %u and holds %s", i,
		  area->number, page, state, area->version[i], stamp_explain(page));
}

static void read_byte(void *addr)
{
	(void)*(volatile char *)addr;
}

bool area_touch(const struct area *area, size_t i)
{
	return test_survives(read_byte, area_page(area, i));
}

void area_update(struct area *area, size_t i)
{
	area_check(area, i);
	area_write(area, i);
}

void area_write_all(struct area *area)
{
	for (size_t i = 0; i < area->pages; i++)
		area_write(area, i);
}

void area_check_all(const struct area *area)
{
	for (size_t i = 0; i < area->pages; i++)
		area_check(area, i);
}

void area_zeroed(struct area *area, size_t first, size_t n)
{
	memset(area->version + first, 0, n * sizeof(*area->version));
}

unsigned area_state(const struct area *area, size_t i)
{
	unsigned char state;

	CHECK_OK(spill_get_states(area->pager, area_page(area, i), page_size(), &state));
	return state;
}

size_t area_swapped_page(const struct area *area)
{
	for (size_t i = 0; i < area->pages; i++)
		if ((area_state(area, i) & SPILL_STATE_MASK) == SPILL_SWAPPED)
			return i;
	test_fail("none of %zu pages is swapped", area->pages);
}

size_t area_count(const struct area *area, size_t first, size_t n, unsigned state)
{
	unsigned char *states = malloc(n);
	size_t count = 0;

	CHECK(states, "out of memory");
	CHECK_OK(spill_get_states(area->pager, area_page(area, first), n * page_size(), states));
	for (size_t i = 0; i < n; i++)
		count += (states[i] & SPILL_STATE_MASK) == state;
	free(states);
	return count;
}
