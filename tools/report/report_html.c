/* SPDX-License-Identifier: MIT */
/* report_html.c - spill report for a browser: the curve, where, and when, as pictures */
#include "base/page.h"
#include "base/size.h"
#include "common/html.h"
#include "report/report.h"
#include <inttypes.h>
#include <math.h>

/* A picture, and its margins, which hold numbers. */
#define WIDTH 1000
#define HEIGHT 260
#define LEFT 70
#define BOTTOM 30
#define TOP 16
#define PLOT_WIDTH (WIDTH - LEFT - 20)
#define PLOT_HEIGHT (HEIGHT - TOP - BOTTOM)
#define TICKS 4

static const char style[] =
	":root{--curve:#d7301f;--memory:#9ecae1;--touched:#fc8d59}\n"
	"@media(prefers-color-scheme:dark){:root{--curve:#ff6a58;--memory:#2f5f7d;"
	"--touched:#e07b45}}\n"
	".curve{fill:none;stroke:var(--curve);stroke-width:2}.dot{fill:var(--curve)}\n"
	".waits{fill:none;stroke:var(--curve);stroke-dasharray:5 3}\n"
	".memory{fill:var(--memory)}.touched{fill:var(--touched)}\n"
	".axis{stroke:var(--line);fill:none}.mark{stroke:var(--dim);stroke-dasharray:4 3}\n";

/* The ends of the axes: x and y of the upper right corner, never 0. */
struct plot {
	double x, y;
};

static double x_of(const struct plot *plot, double x)
{
	return LEFT + PLOT_WIDTH * x / plot->x;
}

static double y_of(const struct plot *plot, double y)
{
	return TOP + PLOT_HEIGHT * (1 - y / plot->y);
}

static double above_zero(double n)
{
	return n > 0 ? n : 1;
}

static const char *number_text(char text[SIZE_TEXT], double n)
{
	if (n < 9999.5)
		snprintf(text, SIZE_TEXT, "%.*f", n < 10 && n != floor(n) ? 1 : 0, n);
	else
		snprintf(text, SIZE_TEXT, "%.0fK", n / 1000);
	return text;
}

typedef const char *(*formatter)(char text[SIZE_TEXT], double n);

static void begin_plot(FILE *file, const struct plot *plot, const char *label, formatter x_text,
		       formatter y_text)
{
	char text[SIZE_TEXT];

	fprintf(file, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n", WIDTH, HEIGHT,
		label);
	for (unsigned i = 0; i <= TICKS; i++) {
		double x = plot->x * i / TICKS, y = plot->y * i / TICKS;

		fprintf(file,
			"<path class=\"axis\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
			"text-anchor=\"end\">%s</text>\n",
			LEFT, y_of(plot, y), LEFT + PLOT_WIDTH, LEFT - 6, y_of(plot, y) + 4,
			y_text(text, y));
		fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			x_of(plot, x), HEIGHT - BOTTOM + 16, x_text(text, x));
	}
}

static void end_plot(FILE *file)
{
	fputs("</svg>\n", file);
}

/* -- the curve ------------------------------------------------------------------------------ */

static void put_mark(FILE *file, const struct plot *plot, uint64_t budget, const char *name,
		     unsigned line)
{
	char text[SIZE_TEXT];
	double x = x_of(plot, fmin((double)budget, plot->x));

	fprintf(file,
		"<path class=\"mark\" d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%u\">%s %s</text>\n",
		x, TOP, TOP + PLOT_HEIGHT, x + 4, TOP + 10 + 14 * line, name,
		size_format(text, budget));
}

static struct plot curve_plot(const struct report *report)
{
	struct plot plot = { 0, 0 };

	for (unsigned i = 0; i < report->point_count; i++) {
		plot.x = fmax(plot.x, (double)report->point[i].budget);
		plot.y = fmax(plot.y, report->point[i].read);
	}
	plot.x = above_zero(plot.x);
	plot.y = above_zero(plot.y);
	return plot;
}

static void put_line(FILE *file, const struct plot *plot, const struct report *report, bool waits)
{
	const char *step = "M";

	fprintf(file, "<path class=\"%s\" d=\"", waits ? "waits" : "curve");
	for (unsigned i = 0; i < report->point_count; i++) {
		const struct study_point *point = &report->point[i];

		if (!point->possible)
			continue;
		fprintf(file, "%s%.1f %.1f", step, x_of(plot, (double)point->budget),
			y_of(plot, waits ? point->major : point->read));
		step = "L";
	}
	fputs("\"/>\n", file);
}

static void put_curve(FILE *file, const struct report *report)
{
	struct plot plot = curve_plot(report);
	char budget[SIZE_TEXT], read[SIZE_TEXT], waits[SIZE_TEXT];

	fputs("<h2>Pages that are read back, by budget</h2>\n"
	      "<p>Dashed: touches that wait for a read.  Pages that are read ahead are not waited for.</p>\n",
	      file);
	begin_plot(file, &plot, "pages read back, by budget", report_size, number_text);
	put_line(file, &plot, report, true);
	put_line(file, &plot, report, false);
	for (unsigned i = 0; i < report->point_count; i++) {
		const struct study_point *point = &report->point[i];

		if (point->possible)
			fprintf(file,
				"<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>%s: %s "
				"pages, for %s touches that wait</title></circle>\n",
				x_of(&plot, (double)point->budget), y_of(&plot, point->read),
				size_format(budget, point->budget), number_text(read, point->read),
				number_text(waits, point->major));
	}
	put_mark(file, &plot, report->tight, "tight", 0);
	put_mark(file, &plot, report->enough, "enough", 1);
	end_plot(file);
}

/* -- where ---------------------------------------------------------------------------------- */

/* Each region is as wide as it is large, and as high as its pages are touched on average. */
static void put_regions(FILE *file, const struct study *study)
{
	struct plot plot = { 0, 0 };
	double at = 0;

	for (size_t i = 0; i < study->region_count; i++) {
		plot.x += study->region[i].pages * (double)page_size();
		plot.y =
			fmax(plot.y, study->region[i].touches / above_zero(study->region[i].pages));
	}
	plot.x = above_zero(plot.x);
	plot.y = above_zero(plot.y);
	fputs("<h2>Where: touches of each page, by address</h2>\n", file);
	begin_plot(file, &plot, "touches of each page, by address", report_size, number_text);
	for (size_t i = 0; i < study->region_count; i++) {
		const struct study_region *region = &study->region[i];
		double size = region->pages * (double)page_size();
		double each = region->touches / above_zero(region->pages);
		char text[SIZE_TEXT], touches[SIZE_TEXT];

		fprintf(file,
			"<rect class=\"touched\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			"height=\"%.1f\"><title>%" PRIx64 "-%" PRIx64
			": %s touched, %s touches</title></rect>\n",
			x_of(&plot, at), y_of(&plot, each),
			fmax(x_of(&plot, at + size) - x_of(&plot, at) - 0.5, 0.5),
			TOP + PLOT_HEIGHT - y_of(&plot, each), region->start, region->end,
			report_size(text, size), number_text(touches, region->touches));
		at += size;
	}
	end_plot(file);
}

/* -- when ----------------------------------------------------------------------------------- */

/* A bar for each slice of the time; one quantity is drawn in front of the other. */
static void put_slices(FILE *file, const struct study *study, const struct plot *plot,
		       const char *class, bool touched)
{
	for (unsigned i = 0; i < STUDY_SLICES; i++) {
		const struct study_slice *slice = &study->slice[i];
		double from = x_of(plot, plot->x * i / STUDY_SLICES);
		double to = x_of(plot, plot->x * (i + 1) / STUDY_SLICES);
		double bytes = touched ? slice->touched : slice->kept;
		char kept[SIZE_TEXT], touches[SIZE_TEXT], read[SIZE_TEXT], evicted[SIZE_TEXT];

		fprintf(file,
			"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
			"<title>second %.2f: %s of memory, %s touched; %s pages read, %s "
			"evicted</title></rect>\n",
			class, from + (touched ? 6 : 1), y_of(plot, bytes),
			to - from - (touched ? 12 : 2), TOP + PLOT_HEIGHT - y_of(plot, bytes),
			slice->start, report_size(kept, slice->kept),
			report_size(touches, slice->touched), number_text(read, slice->read),
			number_text(evicted, slice->evicted));
	}
}

static const char *seconds_text(char text[SIZE_TEXT], double seconds)
{
	snprintf(text, SIZE_TEXT, "%.1f s", seconds);
	return text;
}

static void put_timeline(FILE *file, const struct study *study)
{
	struct plot plot = { above_zero(study->seconds), 0 };

	for (unsigned i = 0; i < STUDY_SLICES; i++)
		plot.y = fmax(plot.y, fmax(study->slice[i].kept, study->slice[i].touched));
	plot.y = above_zero(plot.y);
	fputs("<h2>When: memory in use, and memory touched</h2>\n"
	      "<p class=\"legend\"><span><svg viewBox=\"0 0 10 10\"><rect width=\"10\" "
	      "height=\"10\" class=\"memory\"/></svg> with contents</span> <span><svg "
	      "viewBox=\"0 0 10 10\"><rect width=\"10\" height=\"10\" class=\"touched\"/></svg> "
	      "touched in that time</span></p>\n",
	      file);
	begin_plot(file, &plot, "memory, by time", seconds_text, report_size);
	put_slices(file, study, &plot, "memory", false);
	put_slices(file, study, &plot, "touched", true);
	end_plot(file);
}

void report_write_html(FILE *file, const struct report *report)
{
	const struct study *study = &report->study;
	char text[3][SIZE_TEXT], title[64];

	snprintf(title, sizeof(title), "How much memory %s needs", study->recording.header.comm);
	html_begin(file, title, style);
	fprintf(file,
		"<p>Recorded for %.1f s with a budget of %s. <b>%s</b> are enough: almost nothing "
		"is read back. <b>%s</b> are tight: fewer than %d touches a second wait for "
		"a read.</p>\n",
		study->seconds, size_format(text[0], study->recording.header.budget),
		size_format(text[1], report->enough), size_format(text[2], report->tight),
		REPORT_TIGHT_RATE);
	put_curve(file, report);
	put_regions(file, study);
	put_timeline(file, study);
	html_end(file);
}
