/* SPDX-License-Identifier: MIT */
/* speed.c - how fast swap space is, and whether it gives back what it was given: see speed.h */
#include "swap/speed.h"
#include "base/page.h"
#include "store/io.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* In order: pieces of this size, this many at a time. */
#define PIECE ((size_t)1 << 20)
#define PIECES 4
/* At random: for this long. */
#define RANDOM_NS 300000000

struct run {
	struct io *io;
	int fd;
	bool direct;
	bool write, random;
	bool check;	      /* each page has its own contents */
	uint64_t begin, size; /* in the file, bytes */
	size_t piece;
	uint64_t next;	/* in order: offset of the next piece */
	uint64_t until; /* at random: ns */
	uint64_t dice;
	uint64_t seed; /* of the contents */
	unsigned in_flight;
	uint64_t done;	/* bytes */
	uint64_t wrong; /* pages */
	int err;
	struct slot {
		struct io_request request;
		struct iovec iov;
		char *buffer;
		uint64_t at; /* what the buffer holds, in bytes from begin */
		struct run *run;
	} slot[SPEED_DEPTH];
};

/* Marsaglia's xorshift: good enough for jumping about. */
static uint64_t roll(struct run *run)
{
	run->dice ^= run->dice << 13;
	run->dice ^= run->dice >> 7;
	run->dice ^= run->dice << 17;
	return run->dice;
}

/* -- contents ------------------------------------------------------------------------------ */

/* Word number n of the space.  No two are alike, and none is what an earlier run has left there. */
static uint64_t word(const struct run *run, uint64_t n)
{
	uint64_t x = (run->seed + n) * UINT64_C(0x9e3779b97f4a7c15);

	return (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static void write_contents(const struct run *run, const struct slot *slot)
{
	uint64_t *words = (uint64_t *)slot->buffer, first = slot->at / sizeof(*words);

	for (size_t i = 0; i < run->piece / sizeof(*words); i++)
		words[i] = word(run, first + i);
}

static bool is_right(const struct run *run, const uint64_t *words, uint64_t first)
{
	for (size_t i = 0; i < page_size() / sizeof(*words); i++)
		if (words[i] != word(run, first + i))
			return false;
	return true;
}

static void check_contents(struct run *run, const struct slot *slot)
{
	for (size_t at = 0; at < run->piece; at += page_size())
		run->wrong += !is_right(run, (uint64_t *)(slot->buffer + at),
					(slot->at + at) / sizeof(uint64_t));
}

/* -- reads and writes ---------------------------------------------------------------------- */

/* Chooses the next piece.  false: that was all. */
static bool choose(struct run *run, uint64_t *ret_offset)
{
	if (run->err)
		return false;
	if (run->random) {
		*ret_offset = roll(run) % (run->size / run->piece) * run->piece;
		return sys_now() < run->until;
	}
	*ret_offset = run->next;
	run->next += run->piece;
	return *ret_offset + run->piece <= run->size;
}

static void finished(struct io_request *request, long result);

static void start(struct slot *slot)
{
	struct run *run = slot->run;

	if (!choose(run, &slot->at))
		return;
	if (run->check && run->write)
		write_contents(run, slot);
	slot->iov = (struct iovec){ slot->buffer, run->piece };
	slot->request = (struct io_request){
		.done = finished,
		.fd = run->fd,
		.write = run->write,
		.offset = run->begin + slot->at,
		.iov = &slot->iov,
		.iov_count = 1,
		.owner = slot,
	};
	run->in_flight++;
	io_submit(run->io, &slot->request);
}

static void finished(struct io_request *request, long result)
{
	struct slot *slot = request->owner;
	struct run *run = slot->run;

	run->in_flight--;
	if (result < 0)
		run->err = (int)result;
	else if ((size_t)result != run->piece)
		run->err = -EIO;
	else
		run->done += run->piece;
	if (run->check && !run->write && !run->err)
		check_contents(run, slot);
	start(slot);
}

/* Drops what the page cache has of the file. */
static void forget_cached(const struct run *run)
{
	if (!run->direct)
		posix_fadvise(run->fd, (off_t)run->begin, (off_t)run->size, POSIX_FADV_DONTNEED);
}

static void reach_disk(struct run *run)
{
	if (!run->direct && fdatasync(run->fd) && !run->err)
		run->err = -errno;
}

/* Returns bytes a second. */
static double measure(struct run *run, bool write, bool random, size_t piece, unsigned depth)
{
	uint64_t began;

	forget_cached(run);
	began = sys_now();
	run->write = write;
	run->random = random;
	run->piece = piece;
	run->next = run->done = 0;
	run->until = began + RANDOM_NS;
	for (unsigned i = 0; i < depth; i++)
		start(&run->slot[i]);
	while (run->in_flight)
		io_wait(run->io, UINT64_MAX);
	if (write)
		reach_disk(run);
	return (double)run->done * 1e9 / (double)(sys_now() - began);
}

/* Neither zeros nor anything that a disk could compress. */
static void fill(struct run *run, char *buffers)
{
	for (size_t i = 0; i < PIECES * PIECE / sizeof(uint64_t); i++)
		((uint64_t *)buffers)[i] = roll(run);
}

/* Slots that do whole pieces have a buffer each; those that do pages have a page in one of them. */
static void deal(struct run *run, char *buffers)
{
	for (unsigned i = 0; i < SPEED_DEPTH; i++) {
		run->slot[i].run = run;
		run->slot[i].buffer = buffers + i % PIECES * PIECE + i / PIECES * page_size();
	}
}

/* Writes everything before it reads any of it. */
static int compare(struct run *run, struct speed *ret)
{
	run->check = true;
	measure(run, true, false, PIECE, PIECES);
	measure(run, false, false, PIECE, PIECES);
	run->check = false;
	ret->wrong = run->wrong;
	return run->err;
}

static int measure_all(struct run *run, struct speed *ret)
{
	ret->write = measure(run, true, false, PIECE, PIECES);
	ret->read = measure(run, false, false, PIECE, PIECES);
	ret->one = measure(run, false, true, page_size(), 1) / (double)page_size();
	ret->many = measure(run, false, true, page_size(), SPEED_DEPTH) / (double)page_size();
	return run->err;
}

int speed_measure(const struct target_file *file, uint64_t size, struct speed *ret)
{
	static const int no_ears[IO_EARS] = { -1, -1, -1 };
	struct run run = {
		.fd = file->fd,
		.direct = file->direct,
		.begin = file->offset,
		.size = size,
		.dice = sys_now() | 1,
		.seed = sys_random(),
	};
	char *buffers = mmap(NULL, PIECES * PIECE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (buffers == MAP_FAILED)
		return -errno;
	deal(&run, buffers);
	err = io_open(&run.io, 0, SPEED_DEPTH, no_ears, NULL);
	if (!err)
		err = io_enable(run.io);
	if (!err)
		err = compare(&run, ret);
	fill(&run, buffers);
	if (!err)
		err = measure_all(&run, ret);
	io_close(run.io, false);
	munmap(buffers, PIECES * PIECE);
	return err;
}
