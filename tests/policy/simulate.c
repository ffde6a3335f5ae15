/* SPDX-License-Identifier: MIT */
/* simulate.c - miss ratios of the replacement policy, against LRU, FIFO and the optimum
 *
 *	simulate [-p PAGES] [-s SEED] [RECORDING...]
 *
 * Without recordings (SPILL_TRACE, spill(7)): the generated traces.  A budget
 * is a share of the pages.  No time is measured.
 */
#include "reference.h"
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES_DEFAULT 16384
#define PAGES_MIN 8192 /* the least budget, an eighth, is then what a pager can work with */

static const struct {
	const char *name;
	uint32_t eighths;
} budgets[] = { { "1/8", 1 }, { "1/4", 2 }, { "1/2", 4 }, { "3/4", 6 } };

static double percent(uint64_t n, const struct accesses *accesses)
{
	return 100.0 * (double)n / (double)accesses->count;
}

static void print_row(const struct accesses *accesses, unsigned b)
{
	uint32_t frames = (uint32_t)((uint64_t)accesses->pages * budgets[b].eighths / 8);
	struct reference_counts ours = reference_pager(accesses, frames);
	uint64_t lru = reference_lru(accesses, frames);

	printf("%-16s %6s %8.2f %8.2f %8.2f %8.2f %8.2f %7.3f\n", accesses->name, budgets[b].name,
	       percent(ours.misses, accesses), percent(lru, accesses),
	       percent(reference_fifo(accesses, frames), accesses),
	       percent(reference_optimum(accesses, frames), accesses), percent(ours.soft, accesses),
	       (double)ours.misses / (double)lru);
	fflush(stdout);
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
	printf("%-16s %6s %8s %8s %8s %8s %8s %7s\n", "% of touches", "budget", "spill", "LRU",
	       "FIFO", "optimum", "soft", "/LRU");
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
	return EXIT_SUCCESS;
}
