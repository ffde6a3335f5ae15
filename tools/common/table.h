/* SPDX-License-Identifier: MIT */
/* table.h - what the tools print: columns for people, JSON for programs
 *
 * One list of columns makes both.  A column is as wide as it says, its value to the right; the last
 * may have a width of 0, and is as long as it is.
 */
#ifndef SPILL_TABLE_H
#define SPILL_TABLE_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_kind {
	TABLE_COUNT,   /* a whole number */
	TABLE_RATE,    /* of something a second: three digits count */
	TABLE_BYTES,   /* 812K, 1.5G */
	TABLE_PERCENT, /* of a part, 0 to 1 */
	TABLE_TIME,    /* of ns: 812n, 70u, 1.2m */
	TABLE_TEXT,
};

struct table_column {
	const char *title, *key; /* NULL: not there for people, for programs */
	enum table_kind kind;
	int width;
};

/* NAN: there is no such value; "-", null. */
struct table_value {
	double number;
	const char *text;
};

static inline double table_or_none(bool there, double number)
{
	return there ? number : NAN;
}

#define TABLE_CELL 32

/* A value as people read it: in cell, or the value's own text. */
const char *table_format(char cell[TABLE_CELL], enum table_kind kind,
			 const struct table_value *value);

/* Prints the titles, or a line of values. */
void table_print_titles(const struct table_column *columns, size_t n);
void table_print(const struct table_column *columns, size_t n, const struct table_value *values);

/* The values as an object, in units without a prefix: bytes, seconds. */
json_t *table_object(const struct table_column *columns, size_t n,
		     const struct table_value *values);

/* Prints it, on one line or on many, and forgets it. */
void table_print_json(json_t *value, bool one_line);

#endif
