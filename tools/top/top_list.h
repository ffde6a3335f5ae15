/* SPDX-License-Identifier: MIT */
/* top_list.h - the processes that spill top lists: columns, order, and the selected one
 *
 * The selection follows its process wherever that moves.  When the process ends, it stays at its
 * place in the list.  A column is shown if the terminal is wide enough for it.
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
	TOP_COMPRESSED,
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

/* A column's value for a process.  text: room for a value that needs it. */
struct table_value top_value(const struct live *live, const struct live_process *process,
			     enum top_column column, char text[16]);

/* Is the column shown on a terminal of this width? */
bool top_column_fits(enum top_column column, unsigned width);

struct top_list {
	size_t *row; /* indexes of processes, in the list's order */
	size_t rows;
	size_t selected; /* a row, */
	uint32_t pid;	 /* and its process; 0: none */
	enum top_column sort;
	bool upwards; /* in reverse order */
};

/* Lists what the last look has seen, or lists it in another order. */
void top_list_update(struct top_list *list, const struct live *live);

/* Moves the selection down by this many rows, or up (negative), but not past the ends. */
void top_list_move(struct top_list *list, const struct live *live, long rows);

/* NULL: none is selected. */
const struct live_process *top_list_selected(const struct top_list *list, const struct live *live);

/* Sorts by the next column that fits, to the right, or (-1) to the left. */
void top_list_sort_next(struct top_list *list, int step, unsigned width);

/* Does the order begin with the largest? */
bool top_list_descends(const struct top_list *list);

void top_list_free(struct top_list *list);

#endif
