/* SPDX-License-Identifier: MIT */
/* simulate.c - miss ratios of the replacement policy, against others and the optimum
 *
 *	simulate [-p PAGES] [-s SEED] [RECORDING...]
 *
 * Without recordings (SPILL_TRACE, spill(7)): the generated traces.  A budget
 * is a share of the pages.  No time is measured.
 *
 * Prints, in percent of the touches, what the optimum misses, and how many soft faults the pager
 * takes.  The other columns are multiples of the optimum's misses; the last one, of LRU's.
 */
#include "peers.h"
#include "reference.h"
#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES_DEFAULT 16384
#define PAGES_MIN 8192 /* the least budget, an eighth, is then what a pager can work with */

static const struct {
	const char *name;
	uint32_t eighths;
} budgets[] = { { "1/8", 1 }, { "1/4", 2 }, { "1/2", 4 }, { "3/4", 6 }, { "7/8", 7 } };

/* What is compared: the pager, LRU, FIFO, and the peers. */
#define COLUMNS (3 + PEERS)

/* Sums of logarithms of misses over the optimum's, over all rows. */
static double sum[COLUMNS], sum_lru;
static unsigned rows;

static double percent(uint64_t n, const struct accesses *accesses)
{
	return 100.0 * (double)n / (double)accesses->count;
}

static uint64_t misses_of(unsigned column, const struct accesses *accesses, uint32_t frames)
{
	if (column == 1)
		return reference_lru(accesses, frames);
	if (column == 2)
		return reference_fifo(accesses, frames);
	return peers[column - 3].misses(accesses, frames);
}

static void print_row(const struct accesses *accesses, unsigned b)
{
	uint32_t frames = (uint32_t)((uint64_t)accesses->pages * budgets[b].eighths / 8);
	struct reference_counts ours = reference_pager(accesses, frames);
	double optimum = (double)reference_optimum(accesses, frames);
	double over[COLUMNS] = { (double)ours.misses / optimum };

	printf("%-16s %6s %7.2f", accesses->name, budgets[b].name,
	       percent((uint64_t)optimum, accesses));
	for (unsigned column = 0; column < COLUMNS; column++) {
		if (column)
			over[column] = (double)misses_of(column, accesses, frames) / optimum;
		sum[column] += log(over[column]);
		printf(" %9.3f", over[column]);
	}
	printf(" %7.2f %7.3f\n", percent(ours.soft, accesses), over[0] / over[1]);
	sum_lru += log(over[0] / over[1]);
	rows++;
	fflush(stdout);
}

static void print_head(void)
{
	printf("%-16s %6s %7s %9s %9s %9s", "", "budget", "optimum", "spill", "LRU", "FIFO");
	for (unsigned i = 0; i < PEERS; i++)
		printf(" %9s", peers[i].name);
	printf(" %7s %7s\n", "soft", "/LRU");
}

static void print_means(void)
{
	printf("%-16s %6s %7s", "geometric mean", "", "");
	for (unsigned column = 0; column < COLUMNS; column++)
		printf(" %9.3f", exp(sum[column] / rows));
	printf(" %7s %7.3f\n", "", exp(sum_lru / rows));
}

static void print_trace(struct accesses *accesses)
{
	for (unsigned b = 0; b < sizeof(budgets) / sizeof(budgets[0]); b++)
		print_row(accesses, b);
	accesses_free(accesses);
}

static void usage(void)
{
	fprintf(stderr, "usage: simulate [-p PAGES] [-s SEED] [RECORDING...]\n");
	exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	unsigned long pages = PAGES_DEFAULT;
	unsigned long long seed = 1;
	struct accesses accesses;

	for (int c; (c = getopt(argc, argv, "p:s:")) != -1;) {
		if (c == 'p')
			pages = strtoul(optarg, NULL, 0);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			usage();
	}
	if (pages < PAGES_MIN || pages > UINT32_MAX / 8)
		errx(EXIT_FAILURE, "from %d pages on", PAGES_MIN);
	print_head();
	for (unsigned kind = 0; kind < ACCESSES_KINDS && optind == argc; kind++) {
		accesses_generate(&accesses, kind, (uint32_t)pages, seed);
		print_trace(&accesses);
	}
	for (; optind < argc; optind++) {
		int error = accesses_load(&accesses, argv[optind]);

		if (error)
			errx(EXIT_FAILURE, "%s: %s", argv[optind], strerror(-error));
		print_trace(&accesses);
	}
	print_means();
	return EXIT_SUCCESS;
}
