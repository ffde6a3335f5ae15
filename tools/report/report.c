/* SPDX-License-Identifier: MIT */
/* report.c - spill report: how much memory a recorded program needs */
#include "config.h"
#include "report/report.h"
#include "base/page.h"
#include "base/size.h"
#include "common/html.h"
#include "common/tool.h"
#include "spill.h"
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: spill report [OPTION]... [FILE]\n"
	"\n"
	"Reads a recording that `spill trace' made (default: spill.trace).  Shows how much memory\n"
	"the program would read back with each budget, which memory it touches most, and when.\n"
	"\n"
	"  -m, --budget SIZE   report on this budget; may be repeated (default: from a\n"
	"                      tenth of what it had, or of what it needs, to twice that)\n"
	"      --html FILE     write a page for a browser, with pictures\n"
	"      --json          print JSON, for programs\n"
	"      --help          print this, and exit\n";

enum { OPTION_HTML = 256, OPTION_JSON, OPTION_HELP };

static const struct option long_options[] = {
	{ "budget", required_argument, NULL, 'm' },
	{ "html", required_argument, NULL, OPTION_HTML },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct request {
	struct report report;
	const char *html; /* FILE, or NULL */
	bool json;
};

/* -- budgets ------------------------------------------------------------------------------- */

static int add_budget(struct report *report, uint64_t budget)
{
	if (report->point_count == REPORT_POINTS_MAX)
		return tool_fail("--budget is given too often");
	report->point[report->point_count++].budget = page_round_down(budget);
	return 0;
}

static int parse_budget(struct report *report, const char *text)
{
	uint64_t budget;

	if (size_parse(text, 0, &budget) || budget < SPILL_BUDGET_MIN)
		return tool_fail("--budget: %s is not a size from 8M on", text);
	return add_budget(report, budget);
}

/* From a tenth to twice: of the budget, if everything did not fit into it, otherwise of what is
 * needed. */
static void choose_budgets(struct report *report)
{
	static const unsigned percent[] = { 10, 20,  30,  40,  50,  60,	 70, 80,
					    90, 100, 110, 125, 150, 175, 200 };
	uint64_t budget = report->study.recording.header.budget;

	report->base = budget < report->study.need ? budget : report->study.need;
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++)
		add_budget(report, report->base / 100 * percent[i]);
}

static int compare_points(const void *a, const void *b)
{
	uint64_t x = ((const struct study_point *)a)->budget;
	uint64_t y = ((const struct study_point *)b)->budget;

	return x < y ? -1 : x > y;
}

/* -- what is printed ------------------------------------------------------------------------ */

static int parse_option(struct request *request, char **argv, int c)
{
	switch (c) {
	case 'm':
		return parse_budget(&request->report, optarg);
	case OPTION_HTML:
		request->html = optarg;
		return 0;
	case OPTION_JSON:
		request->json = true;
		return 0;
	default:
		return tool_bad_option(argv, c);
	}
}

/* 0, an exit status, or -1: help was asked for. */
static int parse(struct request *request, int argc, char **argv)
{
	int c, status = 0;

	opterr = 0;
	while (!status && (c = getopt_long(argc, argv, ":m:", long_options, NULL)) != -1) {
		if (c == OPTION_HELP)
			return -1;
		status = parse_option(request, argv, c);
	}
	if (!status && argc - optind > 1)
		status = tool_fail("%s is one argument too many: report reads one recording at a "
				   "time",
				   argv[optind + 1]);
	request->report.file = argv[optind] ? argv[optind] : "spill.trace";
	return status;
}

static int refuse(const char *file, int err)
{
	if (err == -EINVAL)
		return tool_fail("%s is not a recording of this version of spill", file);
	if (err == -ENODATA)
		return tool_fail("%s is empty: nothing was touched while it was recorded", file);
	return tool_fail("%s: %s", file, strerror(-err));
}

static int predict(struct report *report)
{
	const struct study *study = &report->study;
	double hardly = (double)study->gauge_most[GAUGE_KEPT] / 1000;
	struct study_point enough = { .read = hardly, .major = hardly };
	struct study_point tight = { .read = INFINITY,
				     .major = study->seconds * REPORT_TIGHT_RATE };
	int err = 0;

	if (!report->point_count)
		choose_budgets(report);
	qsort(report->point, report->point_count, sizeof(report->point[0]), compare_points);
	for (unsigned i = 0; i < report->point_count && !err; i++)
		err = study_predict(study, report->point[i].budget, &report->point[i]);
	if (!err)
		err = study_least(study, &enough, &report->enough);
	if (!err)
		err = study_least(study, &tight, &report->tight);
	return err;
}

static void put_html(FILE *file, const void *report)
{
	report_write_html(file, report);
}

static int print(const struct request *request)
{
	if (request->html)
		return html_write(request->html, put_html, &request->report);
	if (request->json)
		report_print_json(&request->report);
	else
		report_print_text(&request->report);
	return fflush(stdout) ? tool_fail("stdout: %s", strerror(errno)) : 0;
}

int report_main(int argc, char **argv)
{
	static struct request request;
	struct report *report = &request.report;
	int status = parse(&request, argc, argv);
	int err;

	if (status < 0)
		return tool_help(help);
	if (status)
		return status;
	err = study_load(&report->study, report->file);
	if (!err)
		err = predict(report);
	status = err ? refuse(report->file, err) : print(&request);
	study_free(&report->study);
	return status;
}
