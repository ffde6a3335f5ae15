/* SPDX-License-Identifier: MIT */
/* top_list.h - the processes that spill top lists: their columns, their order, and the selected one
 *
 * The selection stays on its process wherever that goes; when the process ends, on its place in the
 * list.  A column is there as long as the terminal is wide enough for it.
 *
 * Locking: none.
 */
#ifndef SPILL_TOP_LIST_H
#define SPILL_TOP_LIST_H

#include "common/table.h"
#include "top/live.h"

enum top_column {
	TOP_PID,
	TOP_USER,
	TOP_BUDGET,
	TOP_RESIDENT,
	TOP_CACHED,
	TOP_SWAPPED,
	TOP_SOFT,
	TOP_MAJOR,
	TOP_READ,
	TOP_WRITE,
	TOP_P99,
	TOP_COMMAND,
	TOP_COLUMNS
};

extern const struct table_column top_columns[TOP_COLUMNS];

/* What one shows of a process.  text: room for what it may need. */
struct table_value top_value(const struct live *live, const struct live_process *process,
			     enum top_column column, char text[16]);

/* Is the column there, if so many are to be had? */
bool top_column_fits(enum top_column column, unsigned width);

struct top_list {
	size_t *row; /* indexes of processes, in the order of the list */
	size_t rows;
	size_t selected; /* a row; */
	uint32_t pid;	 /* which process that is; 0: none */
	enum top_column sort;
	bool upwards; /* the other way round than usual */
};

/* Lists what was seen at the last look, or in another order. */
void top_list_update(struct top_list *list, const struct live *live);

/* Selects the row so many below, or (less than 0) above; the last or the first, if there are less. */
void top_list_move(struct top_list *list, const struct live *live, long rows);

/* NULL: there is none. */
const struct live_process *top_list_selected(const struct top_list *list, const struct live *live);

/* Sorts by the next column to the right, or (-1) to the left, of those that fit. */
void top_list_sort_next(struct top_list *list, int step, unsigned width);

/* Does it begin with what there is the most of? */
bool top_list_descends(const struct top_list *list);

void top_list_free(struct top_list *list);

#endif
