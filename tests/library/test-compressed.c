/* SPDX-License-Identifier: MIT */
/* test-compressed - pages that pack stay in memory: every byte comes back, most faults need no read,
 * hardly anything is written; a fork's child has them too; and damage to one hurts that page alone
 *
 * Time limit: 90
 */
#include "harness.h"
#include "base/guard.h"
#include "pager/pager.h"
#include "pages/chunk.h"
#include "store/codec.h"
#include "store/io.h"
#include <signal.h>
#include <string.h>

#define BUDGET (16 * M)
#define PAGES ((24 * M) / test_page_size())
#define TOUCHES 30000
#define FORKS 5

/* A disk on which a compressed store pays, whatever the machine's is, and however slow the rest. */
static struct io_faulty_plan slow_reads = { .operations = IO_FAULTY_READS,
					    .kind = IO_FAULTY_DELAY,
					    .nth = 1,
					    .always = true,
					    .delay_ns = 1000000 };

static spill *pager;
static uint64_t *memory;
static unsigned *version; /* of each page; 0: never written */

static uint64_t *page_at(size_t i)
{
	return memory + i * (test_page_size() / sizeof(*memory));
}

/* One word of eight differs; every 50th page is one word again and again. */
static uint64_t word_of(size_t i, size_t k)
{
	uint64_t base = (i + 1) * UINT64_C(0x9E3779B97F4A7C15) + version[i];

	return i % 50 == 0 || k % 8 ? base : base * (k + 1);
}

static void write_page(size_t i)
{
	version[i]++;
	for (size_t k = 0; k < test_page_size() / sizeof(*memory); k++)
		page_at(i)[k] = word_of(i, k);
}

static void check_page(size_t i)
{
	for (size_t k = 0; k < test_page_size() / sizeof(*memory); k++)
		CHECK(page_at(i)[k] == word_of(i, k), "word %zu of page %zu is wrong", k, i);
}

static void check_all(void)
{
	for (size_t i = 0; i < PAGES; i++)
		check_page(i);
}

static void touch_at_random(struct dice *dice, unsigned n)
{
	while (n--) {
		size_t i = dice_below(dice, PAGES);

		check_page(i);
		if (dice_below(dice, 3) == 0)
			write_page(i);
	}
}

static void open_all(void)
{
	struct spill_options options = SPILL_OPTIONS_INIT;

	options.budget = BUDGET;
	options.swap = test_directory();
	options.compress = "lz4";
	pager = pager_open_with(&options);
	memory = spill_reserve(pager, PAGES * test_page_size());
	CHECK(memory != NULL, "spill_reserve: %s", strerror(errno));
	version = calloc(PAGES, sizeof(*version));
	for (size_t i = 0; i < PAGES; i++)
		write_page(i);
}

static void close_all(void)
{
	free(version);
	pager_close(pager);
}

static void try_touches(void)
{
	struct spill_stats before, after;
	struct dice dice = dice_new(1);
	uint64_t served, read;

	case_begin("at random", 0);
	slow_reads.delay_ns *= test_patience();
	io_faulty_plan_current = &slow_reads;
	open_all();
	io_faulty_plan_current = NULL;
	touch_at_random(&dice, TOUCHES / 2);
	before = pager_stats(pager);
	touch_at_random(&dice, TOUCHES);
	after = pager_stats(pager);
	served = after.faults_compressed - before.faults_compressed;
	read = after.faults_major - before.faults_major;
	printf("  %llu faults needed no read, %llu did; %llu KiB were written\n",
	       (unsigned long long)served, (unsigned long long)read,
	       (unsigned long long)(after.bytes_written - before.bytes_written) >> 10);
	CHECK(served > 10 * read, "%llu faults needed no read, and %llu did",
	      (unsigned long long)served, (unsigned long long)read);
	CHECK(after.bytes_written - before.bytes_written < 4 * M, "%llu bytes were written",
	      (unsigned long long)(after.bytes_written - before.bytes_written));
	CHECK(after.compressed > after.compressed_size, "%llu bytes take %llu",
	      (unsigned long long)after.compressed, (unsigned long long)after.compressed_size);
	check_all();
	pager_check(pager);
	close_all();
	case_end();
}

static void try_forks(void)
{
	struct dice dice = dice_new(2);

	case_begin("forks", 0);
	open_all();
	for (unsigned n = 0; n < FORKS; n++) {
		pid_t pid = test_fork();

		if (pid == 0) {
			touch_at_random(&dice, 2000);
			check_all();
			pager_check(pager);
			test_exit(0);
		}
		touch_at_random(&dice, 4000);
		test_wait(pid, 0);
	}
	check_all();
	pager_check(pager);
	close_all();
	case_end();
}

/* Damages the object of a page that only the compressed store has; gives the page. */
static long damage(struct pager *s, void *ret_page)
{
	struct compressed *compressed = &s->paging.store.compressed;
	struct chunk *chunk;

	pagetable_for_each(chunk, &s->paging.pages.table, 0, PAGETABLE_END) {
		uint64_t mask, number;
		unsigned i, bytes;

		lock_take(&chunk->lock, LOCK_CHUNK);
		mask = chunk_unpackable(chunk) & ~chunk->swapped;
		mask_for_each(i, mask) {
			if (chunk->at[i] == COMPRESSED_WORD)
				continue;
			slab_object(&compressed->slab, chunk->at[i], &bytes, &number)[20] ^= 1;
			*(char **)ret_page = chunk_page(chunk, i);
			chunk_unlock(chunk);
			return 0;
		}
		chunk_unlock(chunk);
	}
	return -ENOENT;
}

static void try_damage(void)
{
	char *page = NULL;
	size_t lost;
	pid_t pid;

	case_begin("damage", 0);
	open_all();
	CHECK(guard_call((struct pager *)pager, damage, &page, sizeof(page)) == 0,
	      "no page is in the compressed store alone");
	lost = (size_t)(page - (char *)memory) / test_page_size();
	for (size_t i = 0; i < PAGES; i++)
		if (i != lost)
			check_page(i);
	pid = test_fork();
	if (pid == 0) {
		signal(SIGBUS, SIG_DFL);
		check_page(lost);
		test_exit(0);
	}
	test_wait(pid, SIGBUS);
	close_all();
	case_end();
}

/* Its memory is plain from then on, and nothing else stays. */
static void try_retiring(void)
{
	struct dice dice = dice_new(3);
	const struct paging *paging;

	case_begin("retiring", 0);
	open_all();
	paging = &((struct pager *)pager)->paging;
	touch_at_random(&dice, 2000);
	CHECK(slab_frames(&paging->store.compressed.slab) > 0, "nothing is compressed");
	pager_set_budget(pager, 2 * BUDGET); /* what comes back needs more than before */
	CHECK(pager_retire((struct pager *)pager) == 0, "the pager does not retire");
	CHECK(slab_frames(&paging->store.compressed.slab) == 0 && paging->budget.compressed == 0,
	      "the compressed store still has %llu frames",
	      (unsigned long long)slab_frames(&paging->store.compressed.slab));
	check_all();
	close_all();
	case_end();
}

int main(void)
{
	test_begin("compressed", 80);
	if (!codec_is_built())
		test_skip("spill was built without LZ4");
	try_touches();
	try_forks();
	try_damage();
	try_retiring();
	return test_end();
}
