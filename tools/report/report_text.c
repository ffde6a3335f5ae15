/* SPDX-License-Identifier: MIT */
/* report_text.c - spill report for people, and for programs */
#include "base/page.h"
#include "base/size.h"
#include "common/table.h"
#include "report/report.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAR 40	   /* characters of the longest bar */
#define HOTTEST 10 /* how many regions to list */

const char *report_size(char text[SIZE_TEXT], double bytes)
{
	return size_format(text, bytes > 0 ? (uint64_t)bytes : 0);
}

/* "1234", "12.3K", "4.56M". */
static const char *count_of(char text[SIZE_TEXT], double n)
{
	if (n < 9999.5)
		snprintf(text, SIZE_TEXT, "%.0f", n);
	else if (n < 999.5e3)
		snprintf(text, SIZE_TEXT, "%.1fK", n / 1e3);
	else
		snprintf(text, SIZE_TEXT, "%.1fM", n / 1e6);
	return text;
}

static void print_bar(double part)
{
	int n = (int)(part * BAR + 0.5);

	if (n > 0)
		printf("  %.*s", n, "########################################");
	putchar('\n');
}

/* -- the summary ---------------------------------------------------------------------------- */

static void print_sample(const struct study *study)
{
	char touches[SIZE_TEXT];

	if (!study->sampled)
		printf("  recorded    only the faults under its budget, since there is no sample: the "
		       "curve is that of these faults\n");
	else if (study->part == 1)
		printf("  recorded    %s touches, all\n", count_of(touches, study->touches));
	else
		printf("  recorded    a sample of %u pieces, %.1f %% of the memory; about %s touches "
		       "in all\n",
		       study->chunk_count, 100 * study->part, count_of(touches, study->touches));
}

static void print_lost(const struct study *study)
{
	if (study->gauge[GAUGE_LOST])
		printf("  lost        %" PRIu64 " events, which came faster than they were read\n",
		       study->gauge[GAUGE_LOST]);
}

static void print_summary(const struct report *report)
{
	const struct study *study = &report->study;
	char a[SIZE_TEXT], b[SIZE_TEXT];

	printf("%s: %s (process %u), %.1f s with a budget of %s\n", report->file,
	       study->recording.header.comm, study->recording.header.pid, study->seconds,
	       size_format(a, study->recording.header.budget));
	print_sample(study);
	print_lost(study);
	printf("  memory      %s at most, and %s besides that spill does not manage\n",
	       report_size(a, (double)(study->gauge_most[GAUGE_KEPT] << page_shift())),
	       report_size(b, (double)(study->gauge[GAUGE_UNMANAGED] << page_shift())));
	printf("  enough      %s: almost nothing is read back\n", size_format(a, report->enough));
	printf("  tight       %s: fewer than %d touches a second wait for a read\n",
	       size_format(a, report->tight), REPORT_TIGHT_RATE);
}

/* -- the curve ------------------------------------------------------------------------------- */

static double most_read(const struct report *report)
{
	double most = 0;

	for (unsigned i = 0; i < report->point_count; i++)
		most = fmax(most, report->point[i].read);
	return most;
}

static void print_point(const struct report *report, const struct study_point *point, double most)
{
	const struct study *study = &report->study;
	char budget[SIZE_TEXT], read[SIZE_TEXT], waits[SIZE_TEXT], rate[SIZE_TEXT];

	if (!point->possible)
		return;
	printf("%8s %8s %8s %8s %6.2f", size_format(budget, point->budget),
	       count_of(read, point->read),
	       count_of(rate, study->seconds > 0 ? point->read / study->seconds : 0),
	       count_of(waits, point->major), 100 * point->major / study->touches);
	print_bar(most > 0 ? point->read / most : 0);
}

static void print_curve(const struct report *report)
{
	double most = most_read(report);

	printf("\nPages read back, by budget\n%8s %8s %8s %8s %6s\n", "BUDGET", "READ", "READ/s",
	       "WAITS", "MISS%");
	for (unsigned i = 0; i < report->point_count; i++)
		print_point(report, &report->point[i], most);
}

/* -- regions ---------------------------------------------------------------------------------- */

static int hotter(const void *a, const void *b)
{
	double x = ((const struct study_region *)a)->touches;
	double y = ((const struct study_region *)b)->touches;

	return x > y ? -1 : x < y;
}

static void print_region(const struct study_region *region, double all)
{
	char pages[SIZE_TEXT], touches[SIZE_TEXT];

	printf("%12lx-%-12lx %6s %8s %6.1f", (unsigned long)region->start,
	       (unsigned long)region->end, report_size(pages, region->pages * (double)page_size()),
	       count_of(touches, region->touches), 100 * region->touches / all);
	print_bar(region->touches / all);
}

static void print_regions(const struct report *report)
{
	const struct study *study = &report->study;
	struct study_region *sorted = malloc(study->region_count * sizeof(*sorted));

	if (!sorted)
		return;
	memcpy(sorted, study->region, study->region_count * sizeof(*sorted));
	qsort(sorted, study->region_count, sizeof(*sorted), hotter);
	printf("\nMemory that is touched most\n%12s %-12s %6s %8s %6s\n", "ADDRESS", "", "SIZE",
	       "TOUCHES", "%");
	for (size_t i = 0; i < study->region_count && i < HOTTEST; i++)
		print_region(&sorted[i], study->touches);
	free(sorted);
}

/* -- the timeline ------------------------------------------------------------------------------ */

static void print_timeline(const struct report *report)
{
	const struct study *study = &report->study;
	double most = 0;

	for (unsigned i = 0; i < STUDY_SLICES; i++)
		most = fmax(most, study->slice[i].touched);
	printf("\nWhen\n%8s %8s %8s %8s %8s\n", "SECOND", "MEMORY", "TOUCHED", "READ", "EVICTED");
	for (unsigned i = 0; i < STUDY_SLICES; i++) {
		const struct study_slice *slice = &study->slice[i];
		char kept[SIZE_TEXT], touched[SIZE_TEXT], read[SIZE_TEXT], evicted[SIZE_TEXT];

		printf("%8.2f %8s %8s %8s %8s", slice->start, report_size(kept, slice->kept),
		       report_size(touched, slice->touched), count_of(read, slice->read),
		       count_of(evicted, slice->evicted));
		print_bar(most > 0 ? slice->touched / most : 0);
	}
}

void report_print_text(const struct report *report)
{
	print_summary(report);
	print_curve(report);
	print_regions(report);
	print_timeline(report);
}

/* -- for programs ----------------------------------------------------------------------- */

static json_t *curve_array(const struct report *report)
{
	json_t *ret = json_array();

	for (unsigned i = 0; i < report->point_count; i++) {
		const struct study_point *point = &report->point[i];

		if (point->possible)
			json_array_append_new(ret,
					      json_pack("{sI sf sf sf sf}", "budget",
							(json_int_t)point->budget, "pages_read",
							point->read, "faults_major", point->major,
							"faults_soft", point->soft, "miss_ratio",
							point->major / report->study.touches));
	}
	return ret;
}

static json_t *regions_array(const struct study *study)
{
	json_t *ret = json_array();

	for (size_t i = 0; i < study->region_count; i++) {
		const struct study_region *region = &study->region[i];

		json_array_append_new(ret,
				      json_pack("{sI sI sf sf}", "start", (json_int_t)region->start,
						"end", (json_int_t)region->end, "pages",
						region->pages, "touches", region->touches));
	}
	return ret;
}

static json_t *timeline_array(const struct study *study)
{
	json_t *ret = json_array();

	for (unsigned i = 0; i < STUDY_SLICES; i++) {
		const struct study_slice *slice = &study->slice[i];

		json_array_append_new(ret, json_pack("{sf sf sf sf sf}", "second", slice->start,
						     "memory", slice->kept, "touched",
						     slice->touched, "pages_read", slice->read,
						     "pages_evicted", slice->evicted));
	}
	return ret;
}

void report_print_json(const struct report *report)
{
	const struct study *study = &report->study;

	table_print_json(
		json_pack("{ss si sf sI sb sf si sf sI sI sI sI sI so so so}", "command",
			  study->recording.header.comm, "pid", (int)study->recording.header.pid,
			  "seconds", study->seconds, "budget",
			  (json_int_t)study->recording.header.budget, "sampled", study->sampled,
			  "part", study->part, "chunks", (int)study->chunk_count, "touches",
			  study->touches, "lost", (json_int_t)study->gauge[GAUGE_LOST], "memory",
			  (json_int_t)(study->gauge_most[GAUGE_KEPT] << page_shift()), "unmanaged",
			  (json_int_t)(study->gauge[GAUGE_UNMANAGED] << page_shift()), "enough",
			  (json_int_t)report->enough, "tight", (json_int_t)report->tight, "curve",
			  curve_array(report), "regions", regions_array(study), "timeline",
			  timeline_array(study)),
		false);
}
