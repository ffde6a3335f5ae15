/* SPDX-License-Identifier: MIT */
/* test-sealed.c - what goes through the encrypting engine comes back, and appears nowhere on the
 * disk */
#include "store/cipher.h"
#include "jobs.h"

#define SALT 0x5a17

static struct cipher *cipher;

/* pieces of so many pages: writes of PARTS_MAX need several. */
static void open_sealed(int engine, unsigned piece_pages)
{
	static struct io_seal ours;
	const char *why = "";

	ck_assert_msg(cipher_new(&cipher, 2, &why) == 0, "%s", why);
	ours = (struct io_seal){ .cipher = cipher, .handler = 1, .piece_pages = piece_pages };
	seal = &ours;
	open_all(engine);
}

static void close_sealed(void)
{
	io_close(io, false);
	cipher_free(cipher);
}

static const char *raw_block(unsigned number)
{
	static _Alignas(BLOCK) char block[BLOCK];

	ck_assert_int_eq(pread(fd, block, BLOCK, (off_t)number * BLOCK), BLOCK);
	return block;
}

START_TEST(comes_back)
{
	open_sealed(_i, (unsigned)_i % 2 + 1);
	for (unsigned i = 0; i < DEPTH; i++)
		start_write(&jobs[i], i * PARTS_MAX, PARTS_MAX, 1);
	for (unsigned i = 0; i < DEPTH; i++) {
		wait_for(&jobs[i]);
		ck_assert_int_eq(jobs[i].result, PARTS_MAX * BLOCK);
		/* What was written may be in use meanwhile. */
		ck_assert(job_holds(&jobs[i], 1));
	}
	/* Read in other pieces than it was written. */
	for (unsigned first = 1; first + 3 <= DEPTH * PARTS_MAX; first += 3) {
		read_blocks(first, 3);
		ck_assert_int_eq(jobs[0].result, 3 * BLOCK);
		ck_assert(job_holds(&jobs[0], 1));
	}
	close_sealed();
}
END_TEST

/* How many of the 16 bytes at each place of two blocks are the same. */
static unsigned same_units(const char *a, const char *b)
{
	unsigned n = 0;

	for (unsigned at = 0; at < BLOCK; at += 16)
		n += memcmp(a + at, b + at, 16) == 0;
	return n;
}

START_TEST(the_disk_has_something_else)
{
	static char first[BLOCK], other[BLOCK];

	open_sealed(_i, 2);
	/* The same contents at two places, and once more at the first. */
	memset(jobs[0].memory, 'x', PARTS_MAX * BLOCK);
	job_submit(&jobs[0], true, 7, 2);
	wait_for(&jobs[0]);
	memcpy(first, raw_block(7), BLOCK);
	memcpy(other, raw_block(8), BLOCK);
	ck_assert_uint_eq(same_units(first, jobs[0].memory), 0);
	ck_assert_uint_eq(same_units(first, other), 0);
	for (unsigned at = 16; at < BLOCK; at += 16) /* nor within the page */
		ck_assert(memcmp(first, first + at, 16) != 0);
	job_submit(&jobs[0], true, 7, 1);
	wait_for(&jobs[0]);
	ck_assert_uint_eq(same_units(first, raw_block(7)), BLOCK / 16);
	close_sealed();
}
END_TEST

START_TEST(keys_and_spaces_differ)
{
	static char first[BLOCK];

	open_sealed(_i, 1);
	write_blocks(3, 1, 1);
	memcpy(first, raw_block(3), BLOCK);
	/* The same at the same place of another swap space. */
	jobs[1].salt = SALT;
	start_write(&jobs[1], 3, 1, 1);
	wait_for(&jobs[1]);
	ck_assert_uint_eq(same_units(first, raw_block(3)), 0);
	read_blocks(3, 1);
	ck_assert(!job_holds(&jobs[0], 1));
	close_sealed();

	open_sealed(_i, 1);
	write_blocks(3, 1, 1);
	ck_assert_uint_eq(same_units(first, raw_block(3)), 0);
	close_sealed();
}
END_TEST

START_TEST(errors_come_through)
{
	static struct io_faulty_plan plan;

	plan = (struct io_faulty_plan){ .operations = IO_FAULTY_WRITES,
					.kind = IO_FAULTY_ERROR,
					.nth = 2,
					.error = ENOSPC };
	io_faulty_plan_current = &plan;
	open_sealed(_i, 1);
	io_faulty_plan_current = NULL;
	write_blocks(0, 4, 1); /* the second of its four pieces */
	ck_assert_int_eq(jobs[0].result, -ENOSPC);
	write_blocks(0, 4, 2);
	ck_assert_int_eq(jobs[0].result, 4 * BLOCK);
	read_blocks(0, 4);
	ck_assert(job_holds(&jobs[0], 2));
	/* The file ends in the middle of a read. */
	ck_assert_int_eq(ftruncate(fd, 2 * BLOCK), 0);
	read_blocks(0, 4);
	ck_assert_int_eq(jobs[0].result, 2 * BLOCK);
	ck_assert(block_is(jobs[0].memory + 3 * BLOCK, 0, 2));
	close_sealed();
}
END_TEST

/* The flags of the mapping that begins at an address, as in /proc/self/smaps. */
static bool mapping_has(const void *address, const char *flag)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[512], want[32];
	bool inside = false, found = false;

	snprintf(want, sizeof(want), "%lx-", (unsigned long)address);
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "VmFlags:", 8) == 0 && inside)
			found = strstr(line, flag) != NULL;
		if (strncmp(line, want, strlen(want)) == 0)
			inside = true;
		else if (strncmp(line, "VmFlags:", 8) == 0)
			inside = false;
	}
	fclose(file);
	return found;
}

START_TEST(the_key_stays_in_memory)
{
	const char *why = "";

	ck_assert_int_eq(cipher_new(&cipher, 4, &why), 0);
	ck_assert(mapping_has(cipher, " lo")); /* locked */
	ck_assert(mapping_has(cipher, " dd")); /* not dumped */
	cipher_free(cipher);
	ck_assert(!mapping_has(cipher, " lo"));
}
END_TEST

START_TEST(many_keys)
{
	const char *why = "";

	for (unsigned i = 0; i < 1000; i++) {
		ck_assert_int_eq(cipher_new(&cipher, 4, &why), 0);
		cipher_free(cipher);
	}
}
END_TEST

static void add_sealed(Suite *suite)
{
	TCase *tcase = unit_case(suite, "sealed", 20);

	add_test(tcase, comes_back);
	add_test(tcase, the_disk_has_something_else);
	add_test(tcase, keys_and_spaces_differ);
	add_test(tcase, errors_come_through);
	tcase_add_test(tcase, the_key_stays_in_memory);
	tcase_add_test(tcase, many_keys);
}

int main(void)
{
	const char *why;

	if (cipher_load(&why)) {
		printf("SKIP: %s\n", why);
		return 77;
	}
	return jobs_main("sealed io", add_sealed);
}
