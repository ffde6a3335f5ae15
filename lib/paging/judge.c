/* SPDX-License-Identifier: MIT */
/* judge.c - is the dearer of two ways worth it?  See judge.h */
#include "paging/judge.h"

#define WINDOW_NS 10000000
#define KEEP_MIN_NS UINT64_C(200000000)
#define KEEP_MAX_NS UINT64_C(3200000000)
/* Less work than this in all windows of a trial is no measure. */
#define WORK_MIN 200
/* The dear way has to do more work by this part. */
#define GAIN_DIVISOR 32

static bool is_dear(unsigned window)
{
	return (window & 3) == 1 || (window & 3) == 2;
}

static void begin_window(struct judge *judge, uint64_t now, uint64_t work)
{
	judge->began = now;
	judge->before = work;
	judge->ends = now + WINDOW_NS;
	judge->dear = is_dear(judge->window);
}

static void begin_trial(struct judge *judge, uint64_t now, uint64_t work)
{
	judge->window = 0;
	judge->work[0] = judge->work[1] = 0;
	judge->ns[0] = judge->ns[1] = 0;
	begin_window(judge, now, work);
}

/* Compares rates: the windows are not of quite the same length. */
static bool is_worth_it(const struct judge *judge)
{
	double cheap = (double)judge->work[0] / (double)judge->ns[0];
	double dear = (double)judge->work[1] / (double)judge->ns[1];

	return judge->work[0] + judge->work[1] >= WORK_MIN && dear > cheap + cheap / GAIN_DIVISOR;
}

static void conclude(struct judge *judge, uint64_t now)
{
	bool worth_it = is_worth_it(judge);

	if (worth_it != judge->verdict || !judge->keep_ns)
		judge->keep_ns = KEEP_MIN_NS;
	else if (judge->keep_ns < KEEP_MAX_NS)
		judge->keep_ns *= 2;
	judge->verdict = worth_it;
	judge->dear = worth_it;
	judge->ends = now + judge->keep_ns;
}

static void end_window(struct judge *judge, uint64_t now, uint64_t work)
{
	bool dear = is_dear(judge->window);

	if (now - judge->began > 2 * WINDOW_NS) {
		begin_window(judge, now, work);
		return;
	}
	judge->work[dear] += work - judge->before;
	judge->ns[dear] += now - judge->began;
	if (++judge->window < JUDGE_WINDOWS)
		begin_window(judge, now, work);
	else
		conclude(judge, now);
}

void judge_look(struct judge *judge, uint64_t now, uint64_t work)
{
	if (now < judge->ends || atomic_flag_test_and_set(&judge->busy))
		return;
	if (now >= judge->ends) {
		if (!judge->began || judge->window == JUDGE_WINDOWS)
			begin_trial(judge, now, work);
		else
			end_window(judge, now, work);
	}
	atomic_flag_clear(&judge->busy);
}
