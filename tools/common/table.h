/* SPDX-License-Identifier: MIT */
/* table.h - what the tools print: columns for people, JSON for programs
 *
 * One list of columns makes both.  A column has the width that it asks for, with its value to the
 * right.  The last one may have width 0, and is then as long as its value.
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
	TABLE_RATE,    /* so many a second, to three digits */
	TABLE_BYTES,   /* 812K, 1.5G */
	TABLE_PERCENT, /* a part of 1 */
	TABLE_TIME,    /* ns: 812n, 70u, 1.2m */
	TABLE_TEXT,
};

struct table_column {
	const char *title, *key; /* NULL: not shown to people, not to programs */
	enum table_kind kind;
	int width;
};

/* NAN: there is no such value; prints as "-" or null. */
struct table_value {
	double number;
	const char *text;
};

static inline double table_or_none(bool there, double number)
{
	return there ? number : NAN;
}

#define TABLE_CELL 32

/* The value as people read it: written into cell, or the value's own text. */
const char *table_format(char cell[TABLE_CELL], enum table_kind kind,
			 const struct table_value *value);

/* Prints the titles, or a row of values. */
void table_print_titles(const struct table_column *columns, size_t n);
void table_print(const struct table_column *columns, size_t n, const struct table_value *values);

/* The values as an object, in plain units: bytes, seconds. */
json_t *table_object(const struct table_column *columns, size_t n,
		     const struct table_value *values);

/* Prints the value, on one line or several, and frees it. */
void table_print_json(json_t *value, bool one_line);

#endif
