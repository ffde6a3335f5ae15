/* SPDX-License-Identifier: MIT */
/* apportion.c - how much of the budget the compressed store may have: see apportion.h */
#include "paging/apportion.h"
#include "base/page.h"

/* It is judged whenever this part of the budget has been given up, and changes by half of it. */
#define JUDGE_DIVISOR 64
#define CHANGE_DIVISOR 128
/* The share at first, at least and at most, in parts of the budget. */
#define PARTS 256
#define PARTS_FIRST 32
#define PARTS_LEAST 1
#define PARTS_MOST 224
/* With this share or more, the pages of all chunks go there; with less, those of a part of them. */
#define PARTS_ALL 64
/* It is compared with so many others, the first of which is none.  Another must cost less than this part
 * of what it costs now; but none may cost so much more. */
#define CANDIDATES 8
#define WORTH 0.9
#define DOUBT 1.05
/* With a smaller share, no less than this part of the pages would leave. */
#define LEAVE_LEAST 0.05
/* Before so many pages have come back, there is nothing to judge by. */
#define RETURNS_LEAST 64
/* Costs are averages over about so many faults; at first they are guessed.  Reads need more, since some
 * disks serve many at once, and then none for a while. */
#define AVERAGE 256
#define AVERAGE_READS 1024
#define OUTLIER 4
#define FAULT_NS 15000
#define MAJOR_NS 100000
#define EVICT_NS 15000
#define PASS_NS 15000
#define PACKED_UNIT 16
/* Counts are kept in parts, so that small ones fade too. */
#define COUNT_UNIT 256

static int64_t part(const struct apportion *apportion, int64_t numerator, int64_t denominator)
{
	int64_t limit = apportion->budget->limit;

	return limit > 0 ? limit / denominator * numerator : 0;
}

void apportion_init(struct apportion *apportion, const struct budget *budget)
{
	*apportion = (struct apportion){
		.budget = budget,
		.packed = 2 * PACKED_UNIT,
		.fault_ns = FAULT_NS,
		.major_ns = MAJOR_NS,
		.evict_ns = EVICT_NS,
		.pass_ns = PASS_NS,
	};
}

/* Before the first judgement there is none; afterwards the limit may have changed. */
int64_t apportion_share(const struct apportion *apportion)
{
	int64_t least = part(apportion, PARTS_LEAST, PARTS);
	int64_t most = part(apportion, PARTS_MOST, PARTS), share = apportion->share;

	if (!apportion->judged)
		return part(apportion, PARTS_FIRST, PARTS);
	return share < least ? least : share > most ? most : share;
}

/* Of all chunks, those whose pages go to a store with such a share. */
static double admitted(const struct apportion *apportion, int64_t share)
{
	int64_t all = part(apportion, PARTS_ALL, PARTS);

	return share < all ? (double)share / (double)all : 1;
}

bool apportion_admits(const struct apportion *apportion, uintptr_t chunk)
{
	uint32_t number = (uint32_t)(chunk / chunk_size()) * UINT32_C(2654435761);

	return number < admitted(apportion, apportion_share(apportion)) * 0x1p32;
}

/* -- counted ----------------------------------------------------------------------------- */

/* An age's unit: a bucket is one or a few of them. */
static int64_t unit(const struct apportion *apportion)
{
	int64_t ret = part(apportion, 1, JUDGE_DIVISOR);

	return ret ? ret : 1;
}

static unsigned bucket_of(int64_t units)
{
	unsigned power;

	if (units < 4)
		return (unsigned)units;
	power = 63 - (unsigned)__builtin_clzll((uint64_t)units);
	return (power - 1) * 4 + (unsigned)(units >> (power - 2) & 3);
}

/* How many units it is wide. */
static int64_t width_of(unsigned bucket)
{
	return bucket < 8 ? 1 : INT64_C(1) << (bucket / 4 - 1);
}

void apportion_note_left(struct apportion *apportion, unsigned pages)
{
	apportion->departed += (int64_t)pages * COUNT_UNIT;
}

void apportion_note_return(struct apportion *apportion, int64_t age)
{
	unsigned bucket = bucket_of(age / unit(apportion));

	if (bucket < APPORTION_BUCKETS)
		apportion->returned[bucket] += COUNT_UNIT;
}

/* Where another thread had the CPU meanwhile, the time says little. */
static void average(_Atomic int64_t *value, int64_t latest)
{
	int64_t old = *value, most = OUTLIER * (old + 1);

	*value = old + ((latest < most ? latest : most) - old) / AVERAGE;
}

void apportion_note_waiting(struct apportion *apportion, int more)
{
	apportion->waiting += more;
}

/* While n threads wait, a fault is served in an n-th of the time that each takes (J. D. C. Little). */
static int64_t elapsed(const struct apportion *apportion, uint64_t ns)
{
	int waiting = apportion->waiting;

	return (int64_t)ns / (waiting > 1 ? waiting : 1);
}

void apportion_note_compressed(struct apportion *apportion, uint64_t ns)
{
	average(&apportion->fault_ns, elapsed(apportion, ns));
}

void apportion_note_major(struct apportion *apportion, uint64_t ns)
{
	int64_t old = apportion->major_ns;

	apportion->major_ns = old + (elapsed(apportion, ns) - old) / AVERAGE_READS;
}

void apportion_note_evicted(struct apportion *apportion, unsigned pages, uint64_t ns)
{
	if (pages)
		average(&apportion->evict_ns, (int64_t)ns / pages);
}

void apportion_note_passed(struct apportion *apportion, unsigned pages, uint64_t ns)
{
	if (pages)
		average(&apportion->pass_ns, (int64_t)ns / pages);
}

/* -- judged --------------------------------------------------------------------------------- */

/* At the end of an age: what part of the pages that left has come back, and how many frames would keep
 * all that are younger and have not? */
struct curve {
	double back[APPORTION_BUCKETS + 1];
	double away[APPORTION_BUCKETS + 1];
};

static void draw(struct curve *curve, const struct apportion *apportion)
{
	double width =
		(double)unit(apportion) * (double)apportion->departed / (double)apportion->given_up;

	curve->back[0] = curve->away[0] = 0;
	for (unsigned i = 0; i < APPORTION_BUCKETS; i++) {
		double back = (double)apportion->returned[i] / (double)apportion->departed;
		double gone = 1 - curve->back[i] - back / 2;

		curve->back[i + 1] = curve->back[i] + back;
		curve->away[i + 1] =
			curve->away[i] + (gone > 0 ? gone : 0) * width * (double)width_of(i);
	}
}

/* How many have come back while the latest so many pages were kept. */
static double back_of(const struct curve *curve, double kept)
{
	unsigned i = 0;
	double part;

	while (i < APPORTION_BUCKETS && curve->away[i + 1] < kept)
		i++;
	if (i == APPORTION_BUCKETS)
		return curve->back[i];
	part = (kept - curve->away[i]) / (curve->away[i + 1] - curve->away[i]);
	return curve->back[i] + part * (curve->back[i + 1] - curve->back[i]);
}

/* The hit density of pages that have just left. */
static double density(const struct curve *curve)
{
	double ret = 0;

	for (unsigned i = 1; i <= APPORTION_BUCKETS; i++)
		if (curve->away[i] > 0 && curve->back[i] / curve->away[i] > ret)
			ret = curve->back[i] / curve->away[i];
	return ret;
}

/* What it costs with such a share, in ns for each page that leaves now.  With fewer pages as they are,
 * fewer of them leave with one call.  To wake a handler, and the thread from it, is not seen here, but
 * takes about as long as a compressed fault, which is hardly more than system calls. */
static double cost_of(const struct apportion *apportion, const struct curve *curve, int64_t share)
{
	int64_t limit = part(apportion, 1, 1), now = apportion_share(apportion);
	double some = admitted(apportion, share);
	double room = (double)(share * apportion->packed / PACKED_UNIT);
	double kept = some > 0 ? some * back_of(curve, room / some) : 0;
	double read = curve->back[APPORTION_BUCKETS] - kept;
	double passed = some - kept;
	double leave = 1 + (double)(share - now) * density(curve);
	double single = (double)(limit - now) / (double)(limit - share);
	double wake = (double)apportion->fault_ns;

	leave = leave > LEAVE_LEAST ? leave : LEAVE_LEAST;
	return leave *
	       (single * (double)apportion->evict_ns + kept * ((double)apportion->fault_ns + wake) +
		read * ((double)apportion->major_ns + wake) + passed * (double)apportion->pass_ns);
}

/* The share that costs least.  In doubt, there is no store: what it would spare was only computed. */
static int64_t best_share(const struct apportion *apportion)
{
	int64_t ret = apportion_share(apportion), share;
	double least, cost, none;
	struct curve curve;

	draw(&curve, apportion);
	cost = cost_of(apportion, &curve, ret);
	none = cost_of(apportion, &curve, 0);
	if (none < cost * DOUBT) {
		cost = none;
		ret = 0;
	}
	least = cost * WORTH;
	for (unsigned i = 1; i < CANDIDATES; i++) {
		share = part(apportion, i, CANDIDATES);
		cost = cost_of(apportion, &curve, share);
		if (cost < least) {
			least = cost;
			ret = share;
		}
	}
	return ret;
}

/* Towards the best. */
static int64_t next_share(const struct apportion *apportion)
{
	int64_t share = apportion_share(apportion), best = best_share(apportion);
	int64_t change = part(apportion, 1, CHANGE_DIVISOR);

	if (best > share)
		return best - share < change ? best : share + change;
	return share - best < change ? best : share - change;
}

/* What was long ago counts for less and less.  Returns how many pages came back. */
static int64_t age_counts(struct apportion *apportion, int64_t given_up)
{
	int64_t returned = 0;

	for (unsigned i = 0; i < APPORTION_BUCKETS; i++) {
		returned += apportion->returned[i];
		apportion->returned[i] -= apportion->returned[i] / JUDGE_DIVISOR;
	}
	apportion->departed -= apportion->departed / JUDGE_DIVISOR;
	apportion->given_up -= apportion->given_up / JUDGE_DIVISOR;
	apportion->given_up += given_up * COUNT_UNIT;
	return returned / COUNT_UNIT;
}

void apportion_judge(struct apportion *apportion, uint64_t left, uint64_t pages, uint64_t bytes)
{
	uint64_t judged = apportion->judged;
	int64_t share, returned;

	if (judged && (int64_t)(left - judged) < unit(apportion))
		return;
	share = apportion_share(apportion);
	if (!atomic_compare_exchange_strong(&apportion->judged, &judged, left ? left : 1))
		return;
	if (bytes)
		apportion->packed = (int64_t)((pages << page_shift()) * PACKED_UNIT / bytes);
	returned = age_counts(apportion, (int64_t)(left - judged));
	if (returned >= RETURNS_LEAST && apportion->departed > 0 && apportion->given_up > 0)
		share = next_share(apportion);
	apportion->share = share;
}
