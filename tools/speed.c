/* SPDX-License-Identifier: MIT */
/* speed.c - how fast swap space is: see speed.h */
#include "speed.h"
#include "io.h"
#include "page.h"
#include <errno.h>
#include <sys/mman.h>

/* In order: so much at once, so many at a time. */
#define PIECE ((size_t)1 << 20)
#define PIECES 4
/* At random: for so long. */
#define RANDOM_NS 300000000

struct run {
	struct io *io;
	int fd;
	bool write, random;
	uint64_t begin, size; /* of the file, bytes */
	size_t piece;
	uint64_t next;	/* in order: where the next piece begins */
	uint64_t until; /* at random: ns */
	uint64_t dice;
	unsigned in_flight;
	uint64_t done; /* bytes */
	int err;
	struct slot {
		struct io_request request;
		struct iovec iov;
		char *buffer;
		struct run *run;
	} slot[SPEED_DEPTH];
};

/* Marsaglia's xorshift: good enough to jump about. */
static uint64_t roll(struct run *run)
{
	run->dice ^= run->dice << 13;
	run->dice ^= run->dice >> 7;
	run->dice ^= run->dice << 17;
	return run->dice;
}

/* Where the next piece is; false: that was all. */
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
	uint64_t offset;

	if (!choose(run, &offset))
		return;
	slot->iov = (struct iovec){ slot->buffer, run->piece };
	slot->request = (struct io_request){
		.done = finished,
		.fd = run->fd,
		.write = run->write,
		.offset = run->begin + offset,
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
	start(slot);
}

/* Bytes a second. */
static double measure(struct run *run, bool write, bool random, size_t piece, unsigned depth)
{
	uint64_t began = sys_now();

	run->write = write;
	run->random = random;
	run->piece = piece;
	run->next = run->done = 0;
	run->until = began + RANDOM_NS;
	for (unsigned i = 0; i < depth; i++)
		start(&run->slot[i]);
	while (run->in_flight)
		io_wait(run->io, UINT64_MAX);
	return (double)run->done * 1e9 / (double)(sys_now() - began);
}

/* Not zeros, nor anything that a disk could make smaller. */
static void fill(struct run *run, char *buffers)
{
	for (size_t i = 0; i < PIECES * PIECE / sizeof(uint64_t); i++)
		((uint64_t *)buffers)[i] = roll(run);
	for (unsigned i = 0; i < SPEED_DEPTH; i++) {
		run->slot[i].run = run;
		run->slot[i].buffer = buffers + i % PIECES * PIECE + i / PIECES * page_size();
	}
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
	static const int no_watches[IO_WATCHES] = { -1, -1, -1 };
	struct run run = {
		.fd = file->fd,
		.begin = file->offset,
		.size = size,
		.dice = sys_now() | 1,
	};
	char *buffers = mmap(NULL, PIECES * PIECE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (buffers == MAP_FAILED)
		return -errno;
	fill(&run, buffers);
	err = io_open(&run.io, 0, SPEED_DEPTH, no_watches, NULL);
	if (!err)
		err = io_enable(run.io);
	if (!err)
		err = measure_all(&run, ret);
	io_close(run.io, false);
	munmap(buffers, PIECES * PIECE);
	return err;
}
