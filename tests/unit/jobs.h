/* SPDX-License-Identifier: MIT */
/* jobs.h - reads and writes for the tests of the I/O engines
 *
 * A test opens one engine, on a file without a name in $TEST_TMP; it runs once
 * for each engine.
 */
#ifndef JOBS_H
#define JOBS_H

#include "unit.h"
#include "store/io.h"
#include "spill.h"
#include "base/page.h"
#include <string.h>

#define BLOCK 4096
#define BLOCKS 1024 /* of the file */
#define DEPTH 64
#define PARTS_MAX 4
#define SECOND UINT64_C(1000000000)
#define MILLISECOND UINT64_C(1000000)

/* The loop's index of each test. */
enum { URING, URING_EAGER, THREADS, ENGINES }; /* EAGER: without DEFER_TASKRUN */

static struct io *io;
static int fd = -1;
static int ears[IO_EARS] = { -1, -1 };
static bool uring_works;	   /* set by jobs_main */
static const struct io_seal *seal; /* what open_engine encrypts with, or NULL */

/* A request and its memory: up to PARTS_MAX blocks, not in their order. */
static struct job {
	struct io_request request;
	struct iovec iov[PARTS_MAX];
	unsigned first, count; /* blocks of the file */
	uint64_t salt;	       /* set by the test */
	unsigned completed;    /* how often done was called, */
	unsigned order;	       /* and after how many calls for other jobs */
	long result;
	char *memory;
} jobs[DEPTH];

static unsigned completions;

/* -- set-up ------------------------------------------------------------------------ */

static inline char *map_memory(size_t size)
{
	char *ret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(ret != MAP_FAILED);
	return ret;
}

static inline void open_file(void)
{
	const char *directory = getenv("TEST_TMP") ? getenv("TEST_TMP") : "/var/tmp";

	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC | O_DIRECT, 0600);
	if (fd < 0) /* a file system without direct I/O */
		fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, BLOCKS * BLOCK), 0);
}

static inline unsigned disabled_for(int engine)
{
	return engine == THREADS       ? SPILL_FEATURE_URING
	       : engine == URING_EAGER ? SPILL_FEATURE_TASKRUN
				       : 0;
}

/* Opens an engine, through io_open where that takes the wanted one. */
static inline void open_engine(int engine)
{
	ck_assert_int_eq(io_open(&io, disabled_for(engine), DEPTH, ears, seal), 0);
	if (!io_faulty_plan_current && !seal)
		ck_assert_ptr_eq(io->ops, engine == THREADS ? &io_threads_ops : &io_uring_ops);
	ck_assert_int_eq(io_enable(io), 0);
}

static inline void open_all(int engine)
{
	open_file();
	for (unsigned i = 0; i < DEPTH; i++)
		jobs[i].memory = map_memory(PARTS_MAX * BLOCK);
	open_engine(engine);
}

/* -- jobs ---------------------------------------------------------------------------- */

static inline void job_done(struct io_request *request, long result)
{
	struct job *job = request->owner;

	ck_assert_int_eq(result, request->result);
	job->result = result;
	job->completed++;
	job->order = completions++;
}

static inline void job_submit(struct job *job, bool write, unsigned first, unsigned count)
{
	job->first = first;
	job->count = count;
	job->completed = 0;
	for (unsigned i = 0; i < count; i++) /* from behind: it must heed the parts */
		job->iov[i] = (struct iovec){ job->memory + (count - 1 - i) * BLOCK, BLOCK };
	job->request = (struct io_request){
		.done = job_done,
		.fd = fd,
		.write = write,
		.offset = (uint64_t)first * BLOCK,
		.salt = job->salt,
		.iov = job->iov,
		.iov_count = (int)count,
		.owner = job,
	};
	io_submit(io, &job->request);
}

static inline void wait_for(const struct job *job)
{
	while (!job->completed)
		io_wait(io, UINT64_MAX);
	ck_assert_uint_eq(job->completed, 1);
}

static inline char *job_block(const struct job *job, unsigned i)
{
	return job->iov[i].iov_base;
}

/* The contents of a block are a function of its place and version. */
static inline void fill_block(char *block, unsigned number, unsigned version)
{
	uint64_t *words = (uint64_t *)block;

	for (unsigned i = 0; i < BLOCK / sizeof(*words); i++)
		words[i] = (uint64_t)number << 40 | (uint64_t)version << 16 | i;
}

static inline bool block_is(const char *block, unsigned number, unsigned version)
{
	static _Alignas(8) char expected[BLOCK];

	fill_block(expected, number, version);
	return memcmp(block, expected, BLOCK) == 0;
}

/* Starts to write that version of the blocks. */
static inline void start_write(struct job *job, unsigned first, unsigned count, unsigned version)
{
	for (unsigned i = 0; i < count; i++)
		fill_block(job->memory + (count - 1 - i) * BLOCK, first + i, version);
	job_submit(job, true, first, count);
}

/* Its blocks have that version. */
static inline bool job_holds(const struct job *job, unsigned version)
{
	for (unsigned i = 0; i < job->count; i++)
		if (!block_is(job->memory + (job->count - 1 - i) * BLOCK, job->first + i, version))
			return false;
	return true;
}

static inline void write_blocks(unsigned first, unsigned count, unsigned version)
{
	start_write(&jobs[0], first, count, version);
	wait_for(&jobs[0]);
}

static inline void read_blocks(unsigned first, unsigned count)
{
	memset(jobs[0].memory, 0, PARTS_MAX * BLOCK);
	job_submit(&jobs[0], false, first, count);
	wait_for(&jobs[0]);
}

/* -- main ---------------------------------------------------------------------------- */

/* One test for each engine that there is. */
static inline void add_test(TCase *tcase, const TTest *test)
{
	tcase_add_loop_test(tcase, test, uring_works ? URING : THREADS, ENGINES);
}

/* valgrind 3.19 keeps its one lock while io_uring_enter waits: the thread or process that is waited
 * for never comes to run. */
static inline bool in_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

static inline int jobs_main(const char *name, void (*add_all)(Suite *suite))
{
	Suite *suite = suite_create(name);

	page_init();
	uring_works = !in_valgrind() && io_uring_ops.open(&io, 0, DEPTH, ears) == 0;
	if (uring_works)
		io_close(io, false);
	else if (in_valgrind())
		printf("valgrind: without io_uring\n");
	add_all(suite);
	return unit_main(suite, uring_works || in_valgrind() ? NULL : "io_uring is refused here");
}

#endif
