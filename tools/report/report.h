/* SPDX-License-Identifier: MIT */
/* report.h - what `spill report` prints, and its forms
 *
 * report/ says from a recording how much memory a program needs.  It reads the recording
 * (recording), works out what it says (study) with a pager that has no kernel (model), and prints
 * the result as text, JSON or a page for a browser.  Tests of the replacement policy also use
 * recording and model.  It may include common/.
 */
#ifndef SPILL_REPORT_H
#define SPILL_REPORT_H

#include "base/size.h"
#include "report/study.h"
#include <stdio.h>

int report_main(int argc, char **argv);

#define REPORT_POINTS_MAX 64

struct report {
	const char *file;
	struct study study;
	struct study_point point[REPORT_POINTS_MAX]; /* by ascending budget */
	unsigned point_count;
	uint64_t base;	 /* bytes; the budgets are parts of this; 0: the user gave them */
	uint64_t enough; /* bytes; with this budget hardly a page is read back, */
	uint64_t tight;	 /* and with this one few are */
};

/* At this many pages read back a second, a program spends about a hundredth of its time on that, at
 * 0.1 ms each. */
#define REPORT_TIGHT_RATE 100

/* A number that was scaled up from a sample, as size_format writes it. */
const char *report_size(char text[SIZE_TEXT], double bytes);

void report_print_text(const struct report *report);
void report_print_json(const struct report *report);
/* Writes a page for a browser, which needs nothing else. */
void report_write_html(FILE *file, const struct report *report);

#endif
