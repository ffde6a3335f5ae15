/* SPDX-License-Identifier: MIT */
/* test-latency - histograms of how long faults took (latency.h) */
#include "observe/latency.h"
#include "unit.h"

START_TEST(values_fall_into_their_buckets)
{
	for (unsigned bucket = 0; bucket < LATENCY_BUCKETS; bucket++)
		ck_assert_uint_eq(latency_bucket(latency_value(bucket)), bucket);
	ck_assert_uint_eq(latency_bucket(0), 0);
	ck_assert_uint_eq(latency_bucket(255), 0);
	ck_assert_uint_eq(latency_bucket(UINT64_MAX), LATENCY_BUCKETS - 1);
}
END_TEST

START_TEST(buckets_are_in_order_and_narrow)
{
	for (unsigned i = 0; i < 1000000; i++) {
		uint64_t ns = 256 + (unit_random() >> (26 + unit_below(28)));
		uint64_t value = latency_value(latency_bucket(ns));

		ck_assert_uint_le(latency_bucket(ns), latency_bucket(ns + 1));
		ck_assert_uint_le(value > ns ? value - ns : ns - value, ns / 8 + 1);
	}
}
END_TEST

START_TEST(quantiles_are_those_of_the_values)
{
	static struct latency latency;
	uint64_t counts[LATENCY_BUCKETS];

	/* 1 us, 2 us ... 1000 us: each once */
	for (uint64_t us = 1; us <= 1000; us++)
		latency_note(&latency, us * 1000);
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		counts[i] = latency.bucket[i];
	ck_assert_uint_ge(latency_sum(counts), UINT64_C(500500000) / 8 * 7);
	ck_assert_uint_le(latency_sum(counts), UINT64_C(500500000) / 8 * 9);
	for (unsigned percent = 1; percent <= 100; percent++) {
		uint64_t is = latency_quantile(counts, percent / 100.0), be = percent * 10000;

		ck_assert_uint_le(is > be ? is - be : be - is, be / 8 + 1);
	}
}
END_TEST

START_TEST(quantiles_of_few_or_none)
{
	uint64_t counts[LATENCY_BUCKETS] = { 0 };

	ck_assert_uint_eq(latency_quantile(counts, 0.5), 0);
	ck_assert_uint_eq(latency_sum(counts), 0);
	counts[40] = 1;
	ck_assert_uint_eq(latency_quantile(counts, 0.01), latency_value(40));
	ck_assert_uint_eq(latency_quantile(counts, 0.99), latency_value(40));
	counts[LATENCY_BUCKETS - 1] = 1;
	ck_assert_uint_eq(latency_quantile(counts, 0.5), latency_value(40));
	ck_assert_uint_eq(latency_quantile(counts, 0.51), latency_value(LATENCY_BUCKETS - 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("latency");
	TCase *c = unit_case(suite, "latency", 10);

	tcase_add_test(c, values_fall_into_their_buckets);
	tcase_add_test(c, buckets_are_in_order_and_narrow);
	tcase_add_test(c, quantiles_are_those_of_the_values);
	tcase_add_test(c, quantiles_of_few_or_none);
	return unit_main(suite, NULL);
}
