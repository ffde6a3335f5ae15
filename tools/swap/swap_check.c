/* SPDX-License-Identifier: MIT */
/* swap_check.c - spill swap check: is a target fit for swap space, how fast is it, and what follows
 * from that?
 *
 * The target is opened as `spill run' opens it.  Recommendations follow from two numbers, and the
 * manual says how: the time of a fault, which is that of reading one page at random and of writing
 * another that makes room for it; and how much can be read in order in the time of one page at
 * random.
 */
#include "base/error.h"
#include "base/page.h"
#include "base/size.h"
#include "base/sys.h"
#include "common/table.h"
#include "common/tool.h"
#include "paging/readahead.h"
#include "store/target.h"
#include "swap/place.h"
#include "swap/speed.h"
#include "swap/swap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MEASURED ((uint64_t)64 << 20)

/* A page that is touched more often than once in this many seconds belongs in memory. */
#define INTERVAL 10

#define BUDGET_UNIT ((uint64_t)1 << 20)

enum { TARGET, FILE_SYSTEM, BLOCKS, DIRECT, CONTENTS, SPEED, FINDINGS };

static const char *const names[FINDINGS] = { "target",	  "file_system", "blocks",
					     "direct_io", "contents",	 "speed" };

struct check {
	struct target target;
	struct target_file file;
	struct stat st; /* before measuring */
	struct speed speed;
	struct finding finding[FINDINGS];
	unsigned findings; /* how many were made: a target that cannot be opened has only one */
	/* what follows; zeros if nothing was measured */
	double faults;	    /* a second, by one thread */
	uint64_t cold;	    /* bytes of swap space that may be touched in INTERVAL */
	uint64_t need;	    /* bytes; 0: not known */
	uint64_t budget;    /* for that need */
	unsigned readahead; /* pages */
};

/* -- what it is ---------------------------------------------------------------------------- */

static const char *const kinds[] = {
	[TARGET_DIRECTORY] = "a directory",
	[TARGET_FILE] = "a swap file",
	[TARGET_DEVICE] = "a device",
};

static void judge_target(struct check *check, struct finding *finding)
{
	char room[SIZE_TEXT];

	size_format(room, check->file.limit);
	found(finding, FINE, "%s with room for %s", kinds[check->file.kind], room);
}

static void judge_file_system(struct check *check, struct finding *finding)
{
	struct place place;
	int err;

	if (check->file.kind == TARGET_DEVICE) {
		found(finding, FINE, "none");
		return;
	}
	err = place_look(check->file.fd, &place);
	if (err)
		found(finding, COSTS, "%s", error_name(err));
	else
		place_judge(&place, finding);
}

/* A file that was created with its blocks should have them; others get theirs as they grow. */
static void judge_blocks(struct check *check, struct finding *finding)
{
	uint64_t size = (uint64_t)check->st.st_size, there = (uint64_t)check->st.st_blocks * 512;
	char missing[SIZE_TEXT], whole[SIZE_TEXT];

	if (check->file.kind == TARGET_DEVICE) {
		found(finding, FINE, "all of the device's");
	} else if (!check->file.kept) {
		found(finding, FINE,
		      "as they are needed, while there are any; `spill swap create' reserves them");
	} else if (there < size) {
		found(finding, COSTS,
		      "holes: %s of %s have none, and if the file system is full, writes fail",
		      size_format(missing, size - there), size_format(whole, size));
		finding->remedy = "spill swap create FILE SIZE";
	} else {
		found(finding, FINE, "no holes");
	}
}

static void judge_direct(struct check *check, struct finding *finding)
{
	if (check->file.direct)
		found(finding, FINE, "no copies in the page cache");
	else
		found(finding, COSTS,
		      "there is none: what is paged out also lies in the page cache, until the "
		      "kernel drops it");
}

/* -- what it does -------------------------------------------------------------------------- */

static uint64_t measured(const struct check *check)
{
	return check->file.limit < MEASURED ? TARGET_ROOM_MIN : MEASURED;
}

static void judge_contents(struct check *check, struct finding *finding)
{
	uint64_t pages = measured(check) / page_size();

	if (check->speed.wrong)
		found(finding, BROKEN,
		      "of %lu pages, %lu came back different from what was written", pages,
		      check->speed.wrong);
	else
		found(finding, FINE, "%lu pages came back as they were written", pages);
}

static void judge_speed(struct check *check, struct finding *finding)
{
	if (check->speed.one < SPEED_SLOW) {
		found(finding, COSTS,
		      "slow: %.0f pages/s at random, one by one; programs that access memory at random will crawl",
		      check->speed.one);
		finding->remedy = "spill run -s DIRECTORY-ON-A-FAST-DISK ...";
	} else {
		found(finding, FINE, "%.0f pages/s at random, one by one", check->speed.one);
	}
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t rest(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

static unsigned power_of_two(double least)
{
	unsigned n = 1;

	while (n < least && n < READAHEAD_MAX)
		n *= 2;
	return n;
}

static void recommend(struct check *check)
{
	const struct speed *speed = &check->speed;
	double page = (double)page_size();
	uint64_t budget;

	check->faults = 1 / (1 / speed->one + page / speed->write);
	check->cold = (uint64_t)(check->faults * page * INTERVAL);
	check->readahead = power_of_two(speed->read / (speed->one * page));
	budget = larger(rest(check->need, check->cold), rest(check->need, check->file.limit));
	budget = larger((budget + BUDGET_UNIT - 1) / BUDGET_UNIT * BUDGET_UNIT, SPILL_BUDGET_MIN);
	check->budget = check->need ? budget : 0;
}

/* -- one after the other ------------------------------------------------------------------- */

static struct finding *next(struct check *check)
{
	struct finding *finding = &check->finding[check->findings];

	finding->name = names[check->findings++];
	return finding;
}

static void measure(struct check *check)
{
	int err = speed_measure(&check->file, measured(check), &check->speed);

	if (err) {
		found(next(check), BROKEN, "%s", error_name(err));
		return;
	}
	judge_contents(check, next(check));
	judge_speed(check, next(check));
	recommend(check);
}

/* Measuring has made the file larger. */
static void restore_size(const struct check *check)
{
	struct stat st;

	if (check->file.kind == TARGET_FILE && fstat(check->file.fd, &st) == 0 &&
	    st.st_size > check->st.st_size)
		sys_ftruncate(check->file.fd, (uint64_t)check->st.st_size);
}

static void examine(struct check *check)
{
	const char *why;

	if (target_open(&check->target, true, &check->file, &why)) {
		found(next(check), BROKEN, "%.400s", why);
		return;
	}
	fstat(check->file.fd, &check->st);
	judge_target(check, next(check));
	judge_file_system(check, next(check));
	judge_blocks(check, next(check));
	judge_direct(check, next(check));
	measure(check);
	restore_size(check);
	target_close(&check->file);
}

/* -- printing ------------------------------------------------------------------------------ */

enum { BYTES, PAGES, EACH, WHAT, COLUMNS };

static const struct table_column columns[COLUMNS] = {
	[BYTES] = { "BYTES/s", "bytes_per_second", TABLE_BYTES, 7 },
	[PAGES] = { "PAGES/s", "pages_per_second", TABLE_RATE, 7 },
	[EACH] = { "EACH", "seconds", TABLE_TIME, 5 },
	[WHAT] = { "OF", NULL, TABLE_TEXT, 0 },
};

enum { WRITE, READ, ONE, MANY, ROWS };

static const char *const row_names[ROWS] = {
	[WRITE] = "write_in_order",
	[READ] = "read_in_order",
	[ONE] = "read_at_random_by_one",
	[MANY] = "read_at_random_by_many",
};

static const char *const row_texts[ROWS] = {
	[WRITE] = "writes in order",
	[READ] = "reads in order",
	[ONE] = "reads at random, one by one",
	[MANY] = "reads at random, 16 at once",
};
_Static_assert(SPEED_DEPTH == 16, "row_texts says so");

/* depth: how many requests share the time. */
static void fill_row(struct table_value values[COLUMNS], unsigned row, double pages, unsigned depth)
{
	values[BYTES].number = pages * (double)page_size();
	values[PAGES].number = pages;
	values[EACH].number = pages > 0 ? depth * 1e9 / pages : NAN;
	values[WHAT].text = row_texts[row];
}

static void fill_rows(const struct check *check, struct table_value values[ROWS][COLUMNS])
{
	const struct speed *speed = &check->speed;

	fill_row(values[WRITE], WRITE, speed->write / (double)page_size(), 1);
	fill_row(values[READ], READ, speed->read / (double)page_size(), 1);
	fill_row(values[ONE], ONE, speed->one, 1);
	fill_row(values[MANY], MANY, speed->many, SPEED_DEPTH);
}

/* The least budget with which the pager reads this many pages ahead (readahead_most). */
static uint64_t budget_to_read_ahead(unsigned pages)
{
	if (pages <= CHUNK_PAGES)
		return SPILL_BUDGET_MIN;
	return (uint64_t)pages * page_size() * READAHEAD_DIVISOR;
}

static void print_recommended(const struct check *check)
{
	char cold[SIZE_TEXT], need[SIZE_TEXT], budget[SIZE_TEXT], bytes[SIZE_TEXT];

	printf("\nbudget       what a job touches every %d s at random, less %s: its faults, %.0f a\n"
	       "             second, then take no longer than the job without them\n",
	       INTERVAL, size_format(cold, check->cold), check->faults);
	if (check->need)
		printf("             for one that needs %s: spill run -m %luM\n",
		       size_format(need, check->need), check->budget / BUDGET_UNIT);
	printf("readahead    %u pages (%s): read in order, they take as long as one at random;\n"
	       "             the pager goes that far by itself, with a budget of %s or more\n",
	       check->readahead, size_format(bytes, (uint64_t)check->readahead * page_size()),
	       size_format(budget, budget_to_read_ahead(check->readahead)));
}

static void print_text(const struct check *check)
{
	struct table_value values[ROWS][COLUMNS] = { 0 };

	printf("%s\n\n", check->target.path);
	findings_print(check->finding, check->findings);
	if (check->findings < FINDINGS)
		return;
	putchar('\n');
	fill_rows(check, values);
	table_print_titles(columns, COLUMNS);
	for (unsigned i = 0; i < ROWS; i++)
		table_print(columns, COLUMNS, values[i]);
	print_recommended(check);
}

static json_t *speed_object(const struct check *check)
{
	struct table_value values[ROWS][COLUMNS] = { 0 };
	json_t *object = json_object();

	fill_rows(check, values);
	for (unsigned i = 0; i < ROWS; i++)
		json_object_set_new(object, row_names[i],
				    table_object(columns, COLUMNS, values[i]));
	return object;
}

static json_t *recommended_object(const struct check *check)
{
	return json_pack("{s:f, s:I, s:o, s:i}", "faults_per_second", check->faults, "cold_bytes",
			 (json_int_t)check->cold, "budget",
			 check->need ? json_integer((json_int_t)check->budget) : json_null(),
			 "readahead_pages", (int)check->readahead);
}

static void print_json(const struct check *check, bool works)
{
	bool all = check->findings == FINDINGS;
	json_t *object = json_object();

	json_object_set_new(object, "works", json_boolean(works));
	json_object_set_new(object, "checks", findings_object(check->finding, check->findings));
	json_object_set_new(object, "room",
			    all ? json_integer((json_int_t)check->file.limit) : json_null());
	json_object_set_new(object, "speed", all ? speed_object(check) : json_null());
	json_object_set_new(object, "recommended", all ? recommended_object(check) : json_null());
	table_print_json(object, false);
}

int swap_check(const char *text, uint64_t need, bool json)
{
	static struct check check;
	const char *list = text ? text : target_default(), *more;
	struct target another;
	bool works;

	if (target_next(&list, &check.target))
		return tool_fail("%s is not TARGET[,pri=N][,limit=SIZE]", text);
	more = list;
	if (target_next(&more, &another) != 1)
		return tool_fail("%s is more than one target; check takes one", text);
	check.need = need;
	examine(&check);
	works = findings_work(check.finding, check.findings);
	if (json)
		print_json(&check, works);
	else
		print_text(&check);
	return fflush(stdout) ? tool_fail("stdout: %s", strerror(errno)) : works ? 0 : 1;
}
