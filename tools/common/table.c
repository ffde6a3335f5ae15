/* SPDX-License-Identifier: MIT */
/* table.c - what the tools print: see table.h */
#include "common/table.h"
#include "base/size.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Three significant digits, and a prefix from 1000 on. */
static void format_rate(char cell[TABLE_CELL], double value)
{
	static const char prefixes[] = "\0KMGT";
	const char *prefix = prefixes;

	for (; value >= 999.5 && prefix[1]; prefix++)
		value /= 1000;
	snprintf(cell, TABLE_CELL, "%.*f%.1s",
		 value == 0 || value >= 99.95 ? 0
		 : value >= 9.995	      ? 1
					      : 2,
		 value, prefix);
}

static void format_time(char cell[TABLE_CELL], double ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	unsigned unit = 0;

	for (; ns >= 999.5 && unit < 3; unit++)
		ns /= 1000;
	snprintf(cell, TABLE_CELL, "%.*f%s", ns >= 9.95 || unit == 0 ? 0 : 1, ns, units[unit]);
}

const char *table_format(char cell[TABLE_CELL], enum table_kind kind,
			 const struct table_value *value)
{
	if (kind == TABLE_TEXT)
		return value->text;
	if (isnan(value->number))
		return "-";
	switch (kind) {
	case TABLE_RATE:
		format_rate(cell, value->number);
		break;
	case TABLE_BYTES:
		return size_format(cell, (uint64_t)value->number);
	case TABLE_PERCENT:
		snprintf(cell, TABLE_CELL, "%.0f", 100 * value->number);
		break;
	case TABLE_TIME:
		format_time(cell, value->number);
		break;
	default:
		snprintf(cell, TABLE_CELL, "%.0f", value->number);
		break;
	}
	return cell;
}

/* width 0: aligned to the left. */
static void print_cell(const char *text, int width, bool first, bool last)
{
	printf("%s%*s%s", first ? "" : " ", width, text, last ? "\n" : "");
}

void table_print_titles(const struct table_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (columns[i].title)
			print_cell(columns[i].title, columns[i].width, i == 0, i == n - 1);
}

void table_print(const struct table_column *columns, size_t n, const struct table_value *values)
{
	char cell[TABLE_CELL];

	for (size_t i = 0; i < n; i++)
		if (columns[i].title)
			print_cell(table_format(cell, columns[i].kind, &values[i]),
				   columns[i].width, i == 0, i == n - 1);
}

static json_t *json_of(enum table_kind kind, const struct table_value *value)
{
	if (kind == TABLE_TEXT)
		return value->text ? json_string(value->text) : json_null();
	if (isnan(value->number))
		return json_null();
	if (kind == TABLE_COUNT || kind == TABLE_BYTES)
		return json_integer((json_int_t)value->number);
	return json_real(kind == TABLE_TIME ? value->number / 1e9 : value->number);
}

json_t *table_object(const struct table_column *columns, size_t n, const struct table_value *values)
{
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++)
		if (columns[i].key)
			json_object_set_new(object, columns[i].key,
					    json_of(columns[i].kind, &values[i]));
	return object;
}

void table_print_json(json_t *value, bool one_line)
{
	json_dumpf(value, stdout,
		   JSON_REAL_PRECISION(9) | (one_line ? JSON_COMPACT : JSON_INDENT(2)));
	putchar('\n');
	json_decref(value);
}
