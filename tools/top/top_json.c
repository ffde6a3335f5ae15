/* SPDX-License-Identifier: MIT */
/* top_json.c - what spill top shows, for programs (top.h) */
#include "top/top.h"

enum {
	PID,
	COMMAND,
	BUDGET,
	HELD,
	RESIDENT,
	CACHED,
	COMPRESSED,
	SWAPPED,
	SOFT,
	MAJOR,
	READ,
	WRITTEN,
	P50,
	P99,
	COLUMNS
};

static const struct table_column columns[COLUMNS] = {
	[PID] = { NULL, "pid", TABLE_COUNT, 0 },
	[COMMAND] = { NULL, "command", TABLE_TEXT, 0 },
	[BUDGET] = { NULL, "budget", TABLE_BYTES, 0 },
	[HELD] = { NULL, "held", TABLE_BYTES, 0 },
	[RESIDENT] = { NULL, "resident", TABLE_BYTES, 0 },
	[CACHED] = { NULL, "cached", TABLE_BYTES, 0 },
	[COMPRESSED] = { NULL, "compressed_size", TABLE_BYTES, 0 },
	[SWAPPED] = { NULL, "swapped", TABLE_BYTES, 0 },
	[SOFT] = { NULL, "faults_soft_per_second", TABLE_RATE, 0 },
	[MAJOR] = { NULL, "faults_major_per_second", TABLE_RATE, 0 },
	[READ] = { NULL, "bytes_read_per_second", TABLE_BYTES, 0 },
	[WRITTEN] = { NULL, "bytes_written_per_second", TABLE_BYTES, 0 },
	[P50] = { NULL, "latency_major_p50_seconds", TABLE_TIME, 0 },
	[P99] = { NULL, "latency_major_p99_seconds", TABLE_TIME, 0 },
};

static json_t *command_json(const struct live_command *command)
{
	struct table_value values[COLUMNS] = {
		[PID] = { .number = command->pid },
		[COMMAND] = { .text = command->name },
		[BUDGET] = { .number = (double)command->share.budget },
		[HELD] = { .number = (double)command->share.held },
		[RESIDENT] = { .number = (double)command->resident },
		[CACHED] = { .number = (double)command->cached },
		[COMPRESSED] = { .number = (double)command->compressed },
		[SWAPPED] = { .number = (double)command->swapped },
		[SOFT] = { .number = command->rate[LIVE_SOFT] },
		[MAJOR] = { .number = command->rate[LIVE_MAJOR] },
		[READ] = { .number = command->rate[LIVE_READ] },
		[WRITTEN] = { .number = command->rate[LIVE_WRITTEN] },
		[P50] = { .number = command->p50 },
		[P99] = { .number = command->p99 },
	};
	json_t *object = table_object(columns, COLUMNS, values);

	json_object_set_new(object, "processes", json_array());
	return object;
}

static json_t *process_json(const struct live *live, const struct live_process *process)
{
	struct table_value values[TOP_COLUMNS];
	char texts[TOP_COLUMNS][16];

	for (enum top_column i = 0; i < TOP_COLUMNS; i++)
		values[i] = top_value(live, process, i, texts[i]);
	return table_object(top_columns, TOP_COLUMNS, values);
}

json_t *top_json(const struct live *live)
{
	json_t *commands = json_array();

	for (size_t i = 0; i < live->commands; i++)
		json_array_append_new(commands, command_json(&live->command[i]));
	for (size_t i = 0; i < live->processes; i++) {
		const struct live_process *process = &live->process[i];
		json_t *command = json_array_get(commands, process->command);

		json_array_append_new(json_object_get(command, "processes"),
				      process_json(live, process));
	}
	return json_pack("{s:o}", "commands", commands);
}
