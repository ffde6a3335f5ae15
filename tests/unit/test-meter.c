/* SPDX-License-Identifier: MIT */
/* test-meter - bars and sparklines, and the minute that they show (meter.h, minute.h) */
#include "top/meter.h"
#include "top/minute.h"
#include "unit.h"
#include <math.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define MIB (UINT64_C(1) << 20)

/* -- bars ---------------------------------------------------------------------------------- */

static const char *bar(unsigned width, struct meter_use use, bool utf8)
{
	static char text[1024];
	struct meter_cell cells[200];

	meter_bar(cells, width, &use, utf8);
	text[0] = '\0';
	for (unsigned i = 0; i < width; i++)
		strcat(text, cells[i].glyph);
	return text;
}

static struct meter_use use(unsigned budget, unsigned resident, unsigned cached, unsigned other,
			    unsigned swapped)
{
	return (struct meter_use){ .budget = budget * MIB,
				   .resident = resident * MIB,
				   .cached = cached * MIB,
				   .other = other * MIB,
				   .swapped = swapped * MIB };
}

START_TEST(a_bar_has_each_part_in_its_length)
{
	ck_assert_str_eq(bar(10, use(10, 0, 0, 0, 0), false), "          ");
	ck_assert_str_eq(bar(10, use(10, 5, 2, 1, 0), false), "#####==:  ");
	ck_assert_str_eq(bar(10, use(10, 10, 0, 0, 0), false), "##########");
	/* As much again is swapped: half of it. */
	ck_assert_str_eq(bar(21, use(10, 6, 3, 1, 10), false), "######===:|----------");
	ck_assert_str_eq(bar(21, use(10, 4, 3, 1, 10), true), "████▓▓▓▒  │░░░░░░░░░░");
}
END_TEST

START_TEST(what_is_compressed_is_part_of_the_bar)
{
	struct meter_use packed = use(10, 4, 2, 1, 10);

	packed.compressed = 3 * MIB;
	ck_assert_str_eq(bar(21, packed, false), "####==ooo:|----------");
	ck_assert_str_eq(bar(21, packed, true), "████▓▓▪▪▪▒│░░░░░░░░░░");
	packed = use(32, 17, 0, 0, 0);
	packed.compressed = 15 * MIB;
	ck_assert_str_eq(bar(4, packed, true), "██▪▪");
}
END_TEST

START_TEST(a_bar_ends_in_eighths)
{
	static const char *const ends[] = { "██  ", "██▏ ", "██▎ ", "██▍ ",
					    "██▌ ", "██▋ ", "██▊ ", "██▉ " };

	for (unsigned i = 0; i < 8; i++)
		ck_assert_str_eq(bar(4, use(32, 16 + i, 0, 0, 0), true), ends[i]);
	/* What is less than an eighth is not seen; what is cached has no eighths. */
	ck_assert_str_eq(bar(4, use(800, 99, 0, 0, 0), true), "▍   ");
	ck_assert_str_eq(bar(4, use(32, 17, 15, 0, 0), true), "██▓▓");
}
END_TEST

START_TEST(a_long_bar_is_cut_and_says_so)
{
	ck_assert_str_eq(bar(9, use(10, 10, 0, 0, 30), false), "##|------");
	ck_assert_str_eq(bar(9, use(10, 10, 0, 0, 31), false), "##|----->");
	ck_assert_str_eq(bar(9, use(10, 10, 0, 0, 4000000), true), "██│░░░░░»");
}
END_TEST

/* Whatever the quantities: as wide as it shall be, its parts in order, and no more than there are. */
START_TEST(bars_are_in_order)
{
	for (unsigned round = 0; round < 100000; round++) {
		unsigned width = unit_below(100) + 1, last = 0;
		struct meter_use some = { unit_random() >> unit_below(64),
					  unit_random() >> unit_below(64),
					  unit_random() >> unit_below(64),
					  unit_random() >> unit_below(64),
					  unit_random() >> unit_below(64),
					  unit_below(2) ? unit_random() >> unit_below(64) : 0 };
		struct meter_cell cells[101];

		cells[width].glyph = "guard";
		meter_bar(cells, width, &some, unit_below(2));
		for (unsigned i = 0; i < width; i++) {
			unit_check(cells[i].glyph && cells[i].part >= last);
			last = cells[i].part;
			unit_check(last != METER_SWAPPED || some.swapped);
		}
		unit_check(strcmp(cells[width].glyph, "guard") == 0);
		unit_check(!some.swapped || !some.budget || width < 3 || last == METER_SWAPPED);
	}
}
END_TEST

/* -- sparklines ---------------------------------------------------------------------------- */

START_TEST(sparks_tell_nothing_from_little)
{
	ck_assert_str_eq(meter_spark(NAN, 10, true), " ");
	ck_assert_str_eq(meter_spark(0, 10, true), "▁");
	ck_assert_str_eq(meter_spark(0, 0, true), "▁");
	ck_assert_str_eq(meter_spark(0.001, 10, true), "▂");
	ck_assert_str_eq(meter_spark(5, 10, true), "▅");
	ck_assert_str_eq(meter_spark(10, 10, true), "█");
	ck_assert_str_eq(meter_spark(11, 10, true), "█");
	ck_assert_str_eq(meter_spark(0, 10, false), "_");
	ck_assert_str_eq(meter_spark(10, 10, false), "#");
}
END_TEST

/* -- the minute ---------------------------------------------------------------------------- */

/* 100 a second, looked at as often as one likes: each second has had 100. */
START_TEST(a_minute_does_not_depend_on_how_often_one_looks)
{
	static const double intervals[] = { 0.01, 0.1, 0.3, 1, 1.7, 10, 59, 300 };

	for (unsigned i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
		struct minute minute = { 0 };
		uint64_t now = 123456 * SECOND + unit_random() % SECOND;

		for (double past = 0; past < 700; past += intervals[i]) {
			uint64_t next = now + (uint64_t)(intervals[i] * 1e9);

			minute_add(&minute, now, next, 100 * intervals[i]);
			now = next;
		}
		for (unsigned ago = 0; ago < MINUTE_SECONDS; ago++)
			unit_check(fabs(minute_rate(&minute, ago, 1) - 100) < 1e-3);
		unit_check(fabs(minute_rate(&minute, 0, 60) - 100) < 1e-3);
		unit_check(isnan(minute_rate(&minute, 60, 1)));
	}
}
END_TEST

START_TEST(a_minute_forgets_and_has_gaps)
{
	struct minute minute = { 0 };

	ck_assert(isnan(minute_rate(&minute, 0, 1)));
	minute_add(&minute, 100 * SECOND, 101 * SECOND, 7);
	ck_assert(minute_rate(&minute, 0, 1) == 7);
	ck_assert(isnan(minute_rate(&minute, 1, 1)));
	minute_add(&minute, 103 * SECOND, 105 * SECOND, 10);
	ck_assert(minute_rate(&minute, 0, 1) == 5 && minute_rate(&minute, 1, 1) == 5);
	ck_assert(isnan(minute_rate(&minute, 2, 2)));
	ck_assert(minute_rate(&minute, 4, 1) == 7);
	/* of a pair of which one is known */
	ck_assert(minute_rate(&minute, 3, 2) == 7);
	minute_add(&minute, 105 * SECOND, 105 * SECOND, 1000);
	ck_assert(minute_rate(&minute, 0, 1) == 5);
	minute_add(&minute, 164 * SECOND, 165 * SECOND, 1);
	ck_assert(isnan(minute_rate(&minute, 1, MINUTE_SECONDS)));
	ck_assert(minute_rate(&minute, 0, MINUTE_SECONDS) == 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("meter");
	TCase *c = unit_case(suite, "meter", 20);

	tcase_add_test(c, a_bar_has_each_part_in_its_length);
	tcase_add_test(c, what_is_compressed_is_part_of_the_bar);
	tcase_add_test(c, a_bar_ends_in_eighths);
	tcase_add_test(c, a_long_bar_is_cut_and_says_so);
	tcase_add_test(c, bars_are_in_order);
	tcase_add_test(c, sparks_tell_nothing_from_little);
	tcase_add_test(c, a_minute_does_not_depend_on_how_often_one_looks);
	tcase_add_test(c, a_minute_forgets_and_has_gaps);
	return unit_main(suite, NULL);
}
