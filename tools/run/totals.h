/* SPDX-License-Identifier: MIT */
/* totals.h - what `spill run --stats` prints at the end
 */
#ifndef SPILL_TOTALS_H
#define SPILL_TOTALS_H

#include "observe/stats.h"
#include "pager/options.h"
#include "run/supervise.h"
#include <stdio.h>

/* Prints what the command's pagers have counted, for people or as JSON. */
void totals_print(FILE *file, bool json, const char *command, const struct options *options,
		  const struct stats_table *table, const struct outcome *outcome);

#endif
