/* SPDX-License-Identifier: MIT */
/* live.c - commands and processes under spill: see live.h */
#include "top/live.h"
#include "processes/rate.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *new_list(size_t count, size_t size)
{
	void *list = calloc(count ? count : 1, size);

	if (!list)
		abort();
	return list;
}

int live_only(struct live *live, uint32_t pid)
{
	int err = survey_take(&live->survey, pid);

	if (err)
		return err;
	live->only = live->survey.only_these = true;
	live->wanted = live->survey.process[0].command;
	return 0;
}

/* -- rates --------------------------------------------------------------------------------- */

static const size_t counters[LIVE_SERIES] = {
	[LIVE_SOFT] = offsetof(struct stats, faults_soft),
	[LIVE_MAJOR] = offsetof(struct stats, faults_major),
	[LIVE_READ] = offsetof(struct stats, bytes_read),
	[LIVE_WRITTEN] = offsetof(struct stats, bytes_written),
};

static uint64_t counter(const struct stats *stats, enum live_series series)
{
	return stat_get((const _Atomic uint64_t *)((const char *)stats + counters[series]));
}

/* before: NULL if it is new. */
static void rates(const struct live *live, const struct stats *before, const struct stats *after,
		  double ret[LIVE_SERIES])
{
	for (unsigned i = 0; i < LIVE_SERIES; i++)
		ret[i] = before ? rate(counter(before, i), counter(after, i),
				       live->time - live->before)
				: NAN;
}

static double major_latency(const struct stats *before, const struct stats *after, double part)
{
	return before ? rate_latency(before, after, RATE_KIND(LATENCY_MAJOR), part) : NAN;
}

/* -- processes ----------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	const struct live_process *one = a, *other = b;

	return one->was.pid < other->was.pid ? -1 : one->was.pid > other->was.pid;
}

/* What the previous look saw of the same process; NULL: nothing. */
static const struct stats *process_before(const struct live *before,
					  const struct live_process *process)
{
	const struct live_process *found = NULL;

	if (before->processes)
		found = bsearch(process, before->process, before->processes, sizeof(*process),
				by_pid);
	return found && found->was.mark == process->was.mark ? &found->was.sum : NULL;
}

static void look_at_process(struct live *live, const struct live *before,
			    const struct survey_process *now, size_t command)
{
	struct live_process *process = &live->process[live->processes++];
	const struct stats *then;

	process->was = *now;
	process->command = command;
	then = now->paged ? process_before(before, process) : NULL;
	rates(live, then, &now->sum, process->rate);
	process->p99 = major_latency(then, &now->sum, 0.99);
}

/* -- commands ------------------------------------------------------------------------------ */

static struct live_command *find_command(const struct live *live,
					 const struct survey_command *wanted)
{
	for (size_t i = 0; i < live->commands; i++)
		if (live->command[i].device == wanted->device &&
		    live->command[i].inode == wanted->inode)
			return &live->command[i];
	return NULL;
}

/* Works out what the command did since the previous look, for its minute too. */
static void compare_command(const struct live *live, struct live_command *command,
			    const struct stats *before)
{
	rates(live, before, &command->sum, command->rate);
	command->p50 = major_latency(before, &command->sum, 0.5);
	command->p99 = major_latency(before, &command->sum, 0.99);
	for (unsigned i = 0; before && i < LIVE_SERIES; i++)
		minute_add(&command->minute[i], live->before, live->time,
			   command->rate[i] * (double)(live->time - live->before) / 1e9);
}

static void look_at_command(struct live *live, const struct live *before,
			    const struct survey_command *now, const struct survey_process *first)
{
	struct live_command *command = &live->command[live->commands++];
	const struct live_command *then = find_command(before, now);

	if (then)
		memcpy(command->minute, then->minute, sizeof(then->minute));
	command->device = now->device;
	command->inode = now->inode;
	command->pid = first->pid;
	memcpy(command->name, first->name, sizeof(command->name));
	command->share = survey_share(first);
	survey_sum_command(now, &command->sum);
	compare_command(live, command, then ? &then->sum : NULL);
}

static void add_process(struct live_command *command, const struct survey_process *process)
{
	command->processes++;
	command->resident += process->sum.resident;
	command->cached += process->sum.cached;
	command->compressed += process->sum.compressed_size;
	command->swapped += process->sum.swapped;
}

/* -- looking ------------------------------------------------------------------------------- */

/* A survey keeps the counters of everything it ever saw, so start a new one. */
static void take_survey(struct live *live)
{
	if (!live->only) {
		survey_free(&live->survey);
		live->survey = (struct survey){ 0 };
	}
	survey_take(&live->survey, 0);
}

static void compare(struct live *live, const struct live *before)
{
	const struct survey *survey = &live->survey;

	for (size_t i = 0; i < survey->processes; i++) {
		const struct survey_process *process = &survey->process[i];
		const struct survey_command *command = &survey->command[process->command];

		if (live->only && process->command != live->wanted)
			continue;
		if (!find_command(live, command))
			look_at_command(live, before, command, process);
		add_process(find_command(live, command), process);
		look_at_process(live, before, process,
				(size_t)(find_command(live, command) - live->command));
	}
}

void live_look(struct live *live)
{
	struct live before = *live;

	take_survey(live);
	live->before = before.time;
	live->time = rate_now();
	live->processes = live->commands = 0;
	live->process = new_list(live->survey.processes, sizeof(*live->process));
	live->command = new_list(live->survey.commands, sizeof(*live->command));
	compare(live, &before);
	free(before.process);
	free(before.command);
}

void live_free(struct live *live)
{
	survey_free(&live->survey);
	free(live->process);
	free(live->command);
}
