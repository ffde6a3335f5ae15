/* SPDX-License-Identifier: MIT */
/* apportion.c - how much of the budget the compressed store may have: see apportion.h */
#include "paging/apportion.h"

/* A step is this part of the budget; and each time the share changes by a part of a step. */
#define STEP_DIVISOR 32
#define CHANGE_DIVISOR 4
/* It is judged whenever this part has been given up. */
#define JUDGE_DIVISOR 64
/* The share at first, at least and at most, in parts of the budget. */
#define PARTS 16
#define PARTS_FIRST 12
#define PARTS_LEAST 1
#define PARTS_MOST 14
/* A change must gain so many quarters of what it costs. */
#define WORTH_QUARTERS 5
/* Costs are averages over about so many faults; at first they are guessed. */
#define AVERAGE 16
#define FAULT_NS 15000
#define MAJOR_NS 100000
#define PACKED_UNIT 16
/* The oldest page that came back from the store tells how old its oldest are, for so many judgements. */
#define OLDEST_AGE 64

static int64_t part(const struct apportion *apportion, int64_t numerator, int64_t denominator)
{
	int64_t limit = apportion->budget->limit;

	return limit > 0 ? limit / denominator * numerator : 0;
}

/* In frames given up, which are pages: a step of the store. */
static int64_t step_of_store(const struct apportion *apportion)
{
	return part(apportion, 1, STEP_DIVISOR) * apportion->packed / PACKED_UNIT;
}

void apportion_init(struct apportion *apportion, const struct budget *budget)
{
	*apportion = (struct apportion){
		.budget = budget,
		.packed = 2 * PACKED_UNIT,
		.fault_ns = FAULT_NS,
		.major_ns = MAJOR_NS,
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

static void average(_Atomic int64_t *value, int64_t latest)
{
	*value += (latest - *value) / AVERAGE;
}

/* What a major fault costs more. */
static int64_t difference(const struct apportion *apportion)
{
	int64_t more = apportion->major_ns - apportion->fault_ns;

	return more > 0 ? more : 0;
}

void apportion_note_compressed(struct apportion *apportion, int64_t age, uint64_t ns)
{
	average(&apportion->fault_ns, (int64_t)ns);
	if (age > apportion->oldest)
		apportion->oldest = age;
	if (age < part(apportion, 1, STEP_DIVISOR))
		apportion->young += apportion->fault_ns + apportion->evict_ns;
	if (age > apportion->oldest - step_of_store(apportion))
		apportion->old += difference(apportion);
}

void apportion_note_major(struct apportion *apportion, int64_t age)
{
	if (age < apportion->oldest + step_of_store(apportion))
		apportion->beyond += difference(apportion);
}

void apportion_note_major_ns(struct apportion *apportion, uint64_t ns)
{
	average(&apportion->major_ns, (int64_t)ns);
}

void apportion_note_evicted(struct apportion *apportion, unsigned pages, uint64_t ns)
{
	if (pages)
		average(&apportion->evict_ns, (int64_t)ns / pages);
}

void apportion_note_oldest(struct apportion *apportion, int64_t age)
{
	apportion->oldest = age;
}

static int64_t direction(const struct apportion *apportion)
{
	if (apportion->beyond * 4 > apportion->young * WORTH_QUARTERS)
		return 1;
	if (apportion->young * 4 > (apportion->old + apportion->beyond) * WORTH_QUARTERS)
		return -1;
	return 0;
}

/* What was long ago counts for less and less. */
static void age_counts(struct apportion *apportion)
{
	apportion->young -= apportion->young / 4;
	apportion->beyond -= apportion->beyond / 4;
	apportion->old -= apportion->old / 4;
	apportion->oldest -= apportion->oldest / OLDEST_AGE;
}

void apportion_judge(struct apportion *apportion, uint64_t left, uint64_t pages, uint64_t frames)
{
	uint64_t judged = apportion->judged;
	int64_t change;

	if (judged && (int64_t)(left - judged) < part(apportion, 1, JUDGE_DIVISOR))
		return;
	change = direction(apportion) * part(apportion, 1, STEP_DIVISOR * CHANGE_DIVISOR);
	apportion->share = apportion_share(apportion) + change;
	if (!atomic_compare_exchange_strong(&apportion->judged, &judged, left ? left : 1))
		return;
	if (frames)
		apportion->packed = (int64_t)(pages * PACKED_UNIT / frames);
	age_counts(apportion);
}
