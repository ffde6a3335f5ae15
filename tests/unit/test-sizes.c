/* SPDX-License-Identifier: MIT */
/* test-sizes - sizes as people write them are read and written (size.h) */
#include "base/size.h"
#include "unit.h"
#include <errno.h>

#define K UINT64_C(1024)
#define M (1024 * K)
#define G (1024 * M)
#define T (1024 * G)

/* Not a value that any size here has. */
#define UNTOUCHED 77777

static const struct {
	const char *text;
	uint64_t bytes;
} good[] = {
	{ "1", 1 },
	{ "4096", 4096 },
	{ "12B", 12 },
	{ "1K", K },
	{ "1k", K },
	{ "1KB", K },
	{ "1kb", K },
	{ "1KiB", K },
	{ "1kib", K },
	{ "512M", 512 * M },
	{ "2G", 2 * G },
	{ "3T", 3 * T },
	{ "1.5G", 3 * G / 2 },
	{ "0.5K", 512 },
	{ "0.25M", 256 * K },
	{ "1.0000000000000000000000000M", M },
	{ "007M", 7 * M },
	{ "18446744073709551615", UINT64_MAX },
};

START_TEST(sizes_are_parsed)
{
	uint64_t bytes = UNTOUCHED;

	ck_assert_int_eq(size_parse(good[_i].text, 0, &bytes), 0);
	ck_assert_uint_eq(bytes, good[_i].bytes);
}
END_TEST

static const struct {
	const char *text;
	int err;
} bad[] = {
	{ "", -EINVAL },
	{ "0", -EINVAL },
	{ "0M", -EINVAL },
	{ "-1", -EINVAL },
	{ "+1M", -EINVAL },
	{ " 1M", -EINVAL },
	{ "1M ", -EINVAL },
	{ "12Q", -EINVAL },
	{ "M", -EINVAL },
	{ "1MM", -EINVAL },
	{ "1Mi", -EINVAL },
	{ "1iB", -EINVAL },
	{ "1.5", -EINVAL },
	{ ".5G", -EINVAL },
	{ "1.G", -EINVAL },
	{ "1,5G", -EINVAL },
	{ "0x10", -EINVAL },
	{ "1e3", -EINVAL },
	{ "0.1B", -EINVAL },
	{ "50%", -EINVAL },
	{ "%", -EINVAL },
	{ "nanM", -EINVAL },
	{ "0.0M", -EINVAL },
	{ "1.5.5M", -EINVAL },
	{ "18446744073709551616", -ERANGE },
	{ "16777216T", -ERANGE },
	{ "99999999999999999999999M", -ERANGE },
};

START_TEST(what_is_no_size_is_refused)
{
	uint64_t bytes = UNTOUCHED;

	ck_assert_int_eq(size_parse(bad[_i].text, 0, &bytes), bad[_i].err);
	ck_assert_uint_eq(bytes, UNTOUCHED);
}
END_TEST

START_TEST(percentages_are_of_the_whole)
{
	uint64_t bytes = UNTOUCHED;

	ck_assert_int_eq(size_parse("80%", 10 * G, &bytes), 0);
	ck_assert_uint_eq(bytes, 8 * G);
	ck_assert_int_eq(size_parse("100%", 123456789, &bytes), 0);
	ck_assert_uint_eq(bytes, 123456789);
	ck_assert_int_eq(size_parse("12.5%", 8 * G, &bytes), 0);
	ck_assert_uint_eq(bytes, G);
	ck_assert_int_eq(size_parse("100%", UINT64_MAX, &bytes), 0);
	ck_assert_uint_eq(bytes, UINT64_MAX);
}
END_TEST

START_TEST(percentages_are_of_something_and_not_more)
{
	uint64_t bytes = UNTOUCHED;

	ck_assert_int_eq(size_parse("80%", 0, &bytes), -EINVAL);
	ck_assert_int_eq(size_parse("100.1%", G, &bytes), -EINVAL);
	ck_assert_int_eq(size_parse("0%", G, &bytes), -EINVAL);
	ck_assert_int_eq(size_parse("80%%", G, &bytes), -EINVAL);
	ck_assert_int_eq(size_parse("80%G", G, &bytes), -EINVAL);
	ck_assert_uint_eq(bytes, UNTOUCHED);
}
END_TEST

static const struct {
	uint64_t bytes;
	const char *text;
} formatted[] = {
	{ 0, "0" },
	{ 1, "1" },
	{ 1023, "1023" },
	{ K, "1K" },
	{ 3 * K / 2, "1.5K" },
	{ 812 * K, "812K" },
	{ 812 * K + 500, "812K" },
	{ M - 1, "1M" },
	{ 1023 * K + 511, "1023K" },
	{ 1023 * K + 512, "1M" },
	{ 256 * M, "256M" },
	{ 3 * G / 2, "1.5G" },
	{ 10 * G + 600 * M, "11G" },
	{ 4 * T, "4T" },
	{ UINT64_MAX, "16E" },
};

START_TEST(sizes_are_written_in_four_digits)
{
	char text[SIZE_TEXT];

	ck_assert_str_eq(size_format(text, formatted[_i].bytes), formatted[_i].text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sizes");
	TCase *c = unit_case(suite, "sizes", 10);

	tcase_add_loop_test(c, sizes_are_parsed, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(c, what_is_no_size_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(c, percentages_are_of_the_whole);
	tcase_add_test(c, percentages_are_of_something_and_not_more);
	tcase_add_loop_test(c, sizes_are_written_in_four_digits, 0,
			    sizeof(formatted) / sizeof(formatted[0]));
	return unit_main(suite, NULL);
}
