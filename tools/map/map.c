/* SPDX-License-Identifier: MIT */
/* map.c - spill map: where each page of a process is */
#include "map/map.h"
#include "base/page.h"
#include "base/size.h"
#include "common/html.h"
#include "common/table.h"
#include "common/tool.h"
#include "processes/processes.h"
#include "processes/survey.h"
#include "store/swap.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: spill map [OPTION]... PID\n"
	"\n"
	"Shows where the pages of a process are: in memory, evicted but still in memory, or\n"
	"in swap space.  A cell stands for many pages, and shows what most of them are.\n"
	"\n"
	"      --zoom ADDRESS[-END]   show only these addresses (hexadecimal); without END,\n"
	"                             the stretch in which ADDRESS lies\n"
	"      --cell SIZE            how much a cell stands for (default: what fits the terminal)\n"
	"      --pages ADDRESS[-END]  list pages, each with its state, slot and hash; without END,\n"
	"                             64 of them\n"
	"      --html FILE            write a page for a browser, which can be zoomed\n"
	"      --json                 print JSON, for programs\n"
	"      --help                 print this, and exit\n";

enum { OPTION_ZOOM = 256, OPTION_CELL, OPTION_PAGES, OPTION_HTML, OPTION_JSON, OPTION_HELP };

static const struct option long_options[] = {
	{ "zoom", required_argument, NULL, OPTION_ZOOM },
	{ "cell", required_argument, NULL, OPTION_CELL },
	{ "pages", required_argument, NULL, OPTION_PAGES },
	{ "html", required_argument, NULL, OPTION_HTML },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct request {
	uint64_t start, end; /* end 0: not given */
	uint64_t cell;
	const char *html;
	bool zoom, pages, json;
};

/* -- options ------------------------------------------------------------------------------- */

static bool parse_address(const char **text, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(*text, &end, 16);
	if (end == *text || errno || **text == '-' || **text == '+')
		return false;
	*text = end;
	return true;
}

static int parse_range(const char *option, const char *text, struct request *request)
{
	const char *at = text;
	bool good = parse_address(&at, &request->start);

	request->end = 0;
	if (good && *at == '-') {
		at++;
		good = parse_address(&at, &request->end) && request->end > request->start;
	}
	if (!good || *at)
		return tool_fail("%s: %s is not ADDRESS or ADDRESS-END, hexadecimal", option, text);
	request->start = page_round_down(request->start);
	request->end = page_round_up(request->end);
	return 0;
}

static int parse_cell(const char *text, struct request *request)
{
	uint64_t bytes;

	if (size_parse(text, 0, &bytes))
		return tool_fail("--cell: %s is not a size (such as 64K)", text);
	for (request->cell = page_size(); request->cell < bytes;)
		request->cell *= 2;
	return 0;
}

static int parse_option(int c, char **argv, struct request *request)
{
	switch (c) {
	case OPTION_ZOOM:
		request->zoom = true;
		return parse_range("--zoom", optarg, request);
	case OPTION_PAGES:
		request->pages = true;
		return parse_range("--pages", optarg, request);
	case OPTION_CELL:
		return parse_cell(optarg, request);
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

/* -- pages --------------------------------------------------------------------------------- */

enum { ADDRESS, STATE, COPY, SPACE, SLOT, HASH, FLAGS, PAGE_COLUMNS };

static const struct table_column page_columns[PAGE_COLUMNS] = {
	[ADDRESS] = { "ADDRESS", "address", TABLE_TEXT, 14 },
	[STATE] = { "STATE", "state", TABLE_TEXT, 8 },
	[COPY] = { "COPY", "copy", TABLE_TEXT, 4 },
	[SPACE] = { "SPACE", "space", TABLE_COUNT, 5 },
	[SLOT] = { "SLOT", "slot", TABLE_COUNT, 10 },
	[HASH] = { "HASH", "hash", TABLE_TEXT, 16 },
	[FLAGS] = { "FLAGS", "flags", TABLE_TEXT, 0 },
};

static const char *flags_of(const struct inquiry_row *row, unsigned page)
{
	bool hot = row->hot & mask_bit(page), pinned = row->pinned & mask_bit(page);

	return hot ? pinned ? "hot,pinned" : "hot" : pinned ? "pinned" : "";
}

static void fill_page(struct table_value values[PAGE_COLUMNS], const struct inquiry_pages *pages,
		      unsigned page, char text[2][24])
{
	const struct inquiry_row *row = &pages->row;
	bool copy = row->swapped & mask_bit(page);
	uint64_t slot = pages->slot[page];

	snprintf(text[0], 24, "%" PRIx64, row->address + ((uint64_t)page << page_shift()));
	snprintf(text[1], 24, "%016" PRIx64, pages->hash[page]);
	values[ADDRESS].text = text[0];
	values[STATE].text = picture_state_names[picture_state(row, page)];
	values[COPY].text = copy ? "yes" : "no";
	values[SPACE].number = copy ? slot_space(slot) : NAN;
	values[SLOT].number = copy ? (double)slot_number(slot) : NAN;
	values[HASH].text = copy ? text[1] : "-";
	values[FLAGS].text = flags_of(row, page);
}

static void print_page(const struct inquiry_pages *pages, unsigned page, json_t *list)
{
	struct table_value values[PAGE_COLUMNS];
	char text[2][24];

	fill_page(values, pages, page, text);
	if (list)
		json_array_append_new(list, table_object(page_columns, PAGE_COLUMNS, values));
	else
		table_print(page_columns, PAGE_COLUMNS, values);
}

/* An address in a stretch without a row was never touched. */
static void print_pages(const struct map *map, bool json)
{
	json_t *list = json ? json_array() : NULL;
	size_t i = 0;

	if (!json)
		table_print_titles(page_columns, PAGE_COLUMNS);
	for (uint64_t at = map->start; at < map->end; at += page_size()) {
		uint64_t chunk = at & ~(chunk_size() - 1);
		struct inquiry_pages none = { .row.address = chunk };

		while (i < map->picture.ask.count && map->picture.ask.row[i].address < chunk)
			i++;
		print_page(i < map->picture.ask.count && map->picture.ask.row[i].address == chunk
				   ? &map->picture.ask.pages[i]
				   : &none,
			   (unsigned)((at - chunk) >> page_shift()), list);
	}
	if (json)
		table_print_json(list, false);
}

/* -- all of it, for programs --------------------------------------------------------------- */

static json_t *hexadecimal(uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIx64, n);
	return json_string(text);
}

static json_t *object_of_row(const struct inquiry_row *row)
{
	json_t *object = json_object();

	json_object_set_new(object, "address", hexadecimal(row->address));
#define MASK(name)     \
	if (row->name) \
		json_object_set_new(object, #name, hexadecimal(row->name));
	INQUIRY_MASKS(MASK)
#undef MASK
	return object;
}

static json_t *object_of_stretch(const struct picture *picture,
				 const struct picture_stretch *stretch)
{
	struct picture_count count = picture_count(picture, stretch->start, stretch->end);
	json_t *object = json_object();

	json_object_set_new(object, "start", hexadecimal(stretch->start));
	json_object_set_new(object, "end", hexadecimal(stretch->end));
	for (unsigned state = 0; state < PICTURE_STATES; state++)
		json_object_set_new(object, picture_state_names[state],
				    json_integer((json_int_t)count.of[state]));
	json_object_set_new(object, "hot", json_integer((json_int_t)count.hot));
	json_object_set_new(object, "pinned", json_integer((json_int_t)count.pinned));
	return object;
}

static void print_json(const struct map *map)
{
	json_t *object = json_object(), *stretches = json_array(), *rows = json_array();
	const struct picture *picture = &map->picture;

	for (size_t i = 0; i < picture->stretches; i++)
		json_array_append_new(stretches, object_of_stretch(picture, &picture->stretch[i]));
	for (size_t i = 0; i < picture->ask.count; i++)
		json_array_append_new(rows, object_of_row(&picture->ask.row[i]));
	json_object_set_new(object, "command", json_string(map->name));
	json_object_set_new(object, "pid", json_integer(map->pid));
	json_object_set_new(object, "budget", json_integer((json_int_t)map->budget));
	json_object_set_new(object, "page_size", json_integer((json_int_t)page_size()));
	json_object_set_new(object, "stretches", stretches);
	json_object_set_new(object, "chunks", rows);
	table_print_json(object, false);
}

/* -- taking it ----------------------------------------------------------------------------- */

static void put_html(FILE *file, const void *map)
{
	map_write_html(file, map);
}

static int show(struct map *map, const struct request *request)
{
	if (request->html)
		return html_write(request->html, put_html, map);
	if (request->pages)
		print_pages(map, request->json);
	else if (request->json)
		print_json(map);
	else
		map_draw(map);
	return fflush(stdout) ? tool_fail("stdout: %s", strerror(errno)) : 0;
}

/* Without an END, asks for everything, to find the stretch that holds the address. */
static int zoom_to_stretch(struct map *map)
{
	struct picture *picture = &map->picture;

	for (size_t i = 0; i < picture->stretches; i++) {
		struct picture_stretch stretch = picture->stretch[i];

		if (map->start < stretch.start || map->start >= stretch.end)
			continue;
		picture->stretch[0] = stretch;
		picture->stretches = 1;
		return 0;
	}
	return tool_fail("--zoom: nothing at %" PRIx64 " is paged", map->start);
}

static int fail_ask(const char *pid, int err)
{
	if (err == -EBUSY)
		return tool_fail("process %s does not answer: others keep asking its command; try "
				 "again",
				 pid);
	return processes_refuse(pid, err);
}

static int take(struct picture *picture, const struct request *request, const struct steer *steer,
		uint64_t start, uint64_t end)
{
	int err = picture_take(picture, steer, start, end, request->pages);

	if (err || !request->html || picture->ask.count > MAP_CHUNKS_WITH_SLOTS)
		return err;
	picture_free(picture);
	return picture_take(picture, steer, start, end, true);
}

static int look(struct map *map, const struct request *request, const struct steer *steer,
		const char *pid)
{
	bool stretch = request->zoom && !request->end;
	uint64_t start = stretch ? 0 : map->start, end = stretch ? UINT64_MAX : map->end;
	int status = 0;
	int err = take(&map->picture, request, steer, start, end);

	if (err)
		status = fail_ask(pid, err);
	else if (stretch)
		status = zoom_to_stretch(map);
	else if (!map->picture.stretches && request->end)
		status = tool_fail("nothing from %" PRIx64 " to %" PRIx64 " is paged", start, end);
	if (!status)
		status = show(map, request);
	picture_free(&map->picture);
	return status;
}

static int map_process(const char *text, const struct request *request)
{
	struct map map = { .start = request->start, .end = request->end, .cell = request->cell };
	struct survey survey = { 0 };
	struct steer steer;
	int status, err;

	if (tool_parse_pid(text, &map.pid))
		return tool_fail("%s is not a process number", text);
	if (!map.end)
		map.end = request->pages ? map.start + chunk_size() : UINT64_MAX;
	err = survey_take(&survey, map.pid);
	if (!err)
		err = steer_open(&steer, map.pid);
	if (err) {
		survey_free(&survey);
		return processes_refuse(text, err);
	}
	map.name = survey.process[0].name;
	map.budget = survey_share(&survey.process[0]).budget;
	map.held = stat_get(&survey.process[0].sum.held);
	status = look(&map, request, &steer, text);
	steer_close(&steer);
	survey_free(&survey);
	return status;
}

int map_main(int argc, char **argv)
{
	struct request request = { 0 };
	int status = 0, c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1 && !status) {
		if (c == OPTION_HELP)
			return tool_help(help);
		status = parse_option(c, argv, &request);
	}
	if (status)
		return status;
	if (request.zoom && request.pages)
		return tool_fail("--zoom and --pages exclude each other");
	if (!argv[optind])
		return tool_fail("no process number is given; see `spill map --help'");
	if (argv[optind + 1])
		return tool_fail("%s is one argument too many; see `spill map --help'",
				 argv[optind + 1]);
	return map_process(argv[optind], &request);
}
