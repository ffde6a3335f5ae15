/* SPDX-License-Identifier: MIT */
/* size.c - sizes as people write them: see size.h
 *
 * Integers only: strtod would obey the locale's decimal comma.
 */
#include "base/size.h"
#include "base/error.h"
#include <errno.h>
#include <stdbool.h>

/* A decimal number as value / scale: 1.5 is 15 / 10. */
struct decimal {
	uint64_t value;
	uint64_t scale;
};

/* How many digits after the point count: 1.333333333333333333333G is a size too. */
#define FRACTION_DIGITS 6

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int digit_append(uint64_t *value, char c)
{
	unsigned digit = (unsigned)(c - '0');

	if (*value > (UINT64_MAX - digit) / 10)
		return -ERANGE;
	*value = *value * 10 + digit;
	return 0;
}

/* Reads "12" or "1.5" and advances *text past it. */
static int decimal_parse(const char **text, struct decimal *ret)
{
	const char *p = *text;
	struct decimal n = { .value = 0, .scale = 1 };
	int err = 0;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p) && !err; p++)
		err = digit_append(&n.value, *p);
	if (!err && *p == '.') {
		if (!is_digit(*++p))
			return -EINVAL;
		for (unsigned i = 0; is_digit(*p) && !err; p++) {
			if (i++ >= FRACTION_DIGITS)
				continue;
			err = digit_append(&n.value, *p);
			n.scale *= 10;
		}
	}
	*text = p;
	*ret = n;
	return err;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Reads "", "B", "K", "KB", "KiB" ..., which must end the text; returns the power of two, or
 * -EINVAL. */
static int unit_parse(const char *text)
{
	static const char letters[] = "KMGTPE";
	int shift = 0;

	for (int i = 0; letters[i]; i++)
		if (upper(*text) == letters[i])
			shift = 10 * (i + 1);
	if (shift) {
		text++;
		if (upper(text[0]) == 'I' && upper(text[1]) == 'B')
			text++;
	}
	if (upper(*text) == 'B')
		text++;
	return *text ? -EINVAL : shift;
}

/* n * unit / scale, rounded down. */
static int decimal_times(struct decimal n, unsigned __int128 unit, uint64_t scale,
			 uint64_t *ret_bytes)
{
	unsigned __int128 bytes = n.value * unit / n.scale / scale;

	if (bytes > UINT64_MAX)
		return -ERANGE;
	if (bytes == 0)
		return -EINVAL;
	*ret_bytes = (uint64_t)bytes;
	return 0;
}

static int percent_of(struct decimal n, uint64_t whole, uint64_t *ret_bytes)
{
	if (whole == 0 || n.value > 100 * n.scale)
		return -EINVAL;
	return decimal_times(n, whole, 100, ret_bytes);
}

int size_parse(const char *text, uint64_t whole, uint64_t *ret_bytes)
{
	struct decimal n;
	int err = decimal_parse(&text, &n);
	int shift;

	if (err)
		return err;
	if (text[0] == '%' && text[1] == '\0')
		return percent_of(n, whole, ret_bytes);
	shift = unit_parse(text);
	if (shift < 0)
		return -EINVAL;
	if (shift == 0 && n.scale > 1)
		return -EINVAL; /* half a byte */
	return decimal_times(n, (unsigned __int128)1 << shift, 1, ret_bytes);
}

const char *size_format(char *buf, uint64_t bytes)
{
	static const char *const units[] = { "", "K", "M", "G", "T", "P", "E" };
	unsigned __int128 half, whole, tenths;
	unsigned unit = 0;

	while (unit < 6 && bytes >> (10 * (unit + 1)))
		unit++;
	half = ((unsigned __int128)1 << (10 * unit)) / 2;
	whole = (bytes + half) >> (10 * unit);
	tenths = ((unsigned __int128)bytes * 10 + half) >> (10 * unit);
	if (whole == 1024) { /* rounded up */
		whole = 1;
		tenths = 10;
		unit++;
	}
	if (unit && tenths < 100 && tenths % 10)
		error_format(buf, SIZE_TEXT, "%u.%u%s", (unsigned)(tenths / 10),
			     (unsigned)(tenths % 10), units[unit]);
	else
		error_format(buf, SIZE_TEXT, "%u%s", (unsigned)whole, units[unit]);
	return buf;
}
