/* SPDX-License-Identifier: MIT */
/* test-io-faulty.c - the faulty engine goes wrong when it is told to, and only then */
#include "jobs.h"

static struct io_faulty_plan plan;

static void open_faulty(int engine, struct io_faulty_plan wanted)
{
	plan = wanted;
	io_faulty_plan_current = &plan;
	open_all(engine);
	io_faulty_plan_current = NULL;
}

START_TEST(nth_read_fails_once)
{
	open_faulty(_i, (struct io_faulty_plan){ .operations = IO_FAULTY_READS,
						 .kind = IO_FAULTY_ERROR,
						 .nth = 2,
						 .error = EIO });
	write_blocks(0, 2, 1);
	for (unsigned i = 1; i <= 4; i++) {
		read_blocks(0, 2);
		ck_assert_int_eq(jobs[0].result, i == 2 ? -EIO : 2 * BLOCK);
		ck_assert(block_is(job_block(&jobs[0], 1), 1, 1) == (i != 2));
	}
	ck_assert_uint_eq(plan.seen, 4);
	ck_assert_uint_eq(plan.hits, 1);
	io_close(io, false);
}
END_TEST

START_TEST(all_writes_fail)
{
	open_faulty(_i, (struct io_faulty_plan){ .operations = IO_FAULTY_WRITES,
						 .kind = IO_FAULTY_ERROR,
						 .nth = 2,
						 .always = true,
						 .error = ENOSPC });
	write_blocks(0, 1, 1);
	ck_assert_int_eq(jobs[0].result, BLOCK);
	for (unsigned i = 0; i < 3; i++) {
		write_blocks(0, 1, 2);
		ck_assert_int_eq(jobs[0].result, -ENOSPC);
	}
	read_blocks(0, 1);
	ck_assert(block_is(job_block(&jobs[0], 0), 0, 1));
	ck_assert_uint_eq(plan.hits, 3);
	io_close(io, false);
}
END_TEST

START_TEST(short_transfers)
{
	open_faulty(_i, (struct io_faulty_plan){ .operations = IO_FAULTY_READS | IO_FAULTY_WRITES,
						 .kind = IO_FAULTY_SHORT,
						 .nth = 1,
						 .always = true,
						 .length = BLOCK });
	write_blocks(0, 2, 1);
	ck_assert_int_eq(jobs[0].result, BLOCK);
	plan.length = 2 * BLOCK;
	read_blocks(0, 3);
	ck_assert_int_eq(jobs[0].result, 2 * BLOCK);
	ck_assert(block_is(job_block(&jobs[0], 0), 0, 1));
	ck_assert(!block_is(job_block(&jobs[0], 1), 1, 1));
	io_close(io, false);
}
END_TEST

START_TEST(corrupted_read)
{
	open_faulty(_i, (struct io_faulty_plan){ .operations = IO_FAULTY_READS,
						 .kind = IO_FAULTY_CORRUPT,
						 .nth = 1,
						 .length = BLOCK + 17 });
	write_blocks(0, 2, 1);
	for (unsigned i = 0; i < 2; i++) {
		read_blocks(0, 2);
		ck_assert_int_eq(jobs[0].result, 2 * BLOCK);
		ck_assert(block_is(job_block(&jobs[0], 0), 0, 1));
		ck_assert(block_is(job_block(&jobs[0], 1), 1, 1) == (i == 1));
	}
	io_close(io, false);
}
END_TEST

START_TEST(corrupted_write)
{
	open_faulty(_i, (struct io_faulty_plan){ .operations = IO_FAULTY_WRITES,
						 .kind = IO_FAULTY_CORRUPT,
						 .nth = 1,
						 .length = BLOCK + 17 });
	write_blocks(0, 2, 1);
	ck_assert_int_eq(jobs[0].result, 2 * BLOCK);
	ck_assert(block_is(job_block(&jobs[0], 1), 1, 1)); /* not in memory */
	read_blocks(0, 2);
	ck_assert(block_is(job_block(&jobs[0], 0), 0, 1));
	ck_assert(!block_is(job_block(&jobs[0], 1), 1, 1));
	job_block(&jobs[0], 1)[17] ^= 1;
	ck_assert(block_is(job_block(&jobs[0], 1), 1, 1));
	io_close(io, false);
}
END_TEST

/* The first one is late: all others overtake it. */
START_TEST(order_does_not_matter)
{
	uint64_t start;

	open_faulty(_i, (struct io_faulty_plan){ .operations = IO_FAULTY_READS,
						 .kind = IO_FAULTY_DELAY,
						 .nth = 1,
						 .delay_ns = 50 * MILLISECOND });
	start = sys_now();
	for (unsigned i = 0; i < DEPTH; i++)
		job_submit(&jobs[i], false, i, 1);
	for (unsigned i = 0; i < DEPTH; i++)
		wait_for(&jobs[i]);
	ck_assert_uint_eq(jobs[0].order, DEPTH - 1);
	ck_assert_uint_ge(sys_now() - start, 50 * MILLISECOND);
	for (unsigned i = 0; i < DEPTH; i++)
		ck_assert_int_eq(jobs[i].result, BLOCK);
	io_close(io, false);
}
END_TEST

static void add_faulty(Suite *suite)
{
	TCase *tcase = unit_case(suite, "faulty", 20);

	add_test(tcase, nth_read_fails_once);
	add_test(tcase, all_writes_fail);
	add_test(tcase, short_transfers);
	add_test(tcase, corrupted_read);
	add_test(tcase, corrupted_write);
	add_test(tcase, order_does_not_matter);
}

int main(void)
{
	return jobs_main("faulty io", add_faulty);
}
