/* SPDX-License-Identifier: MIT */
/* direct.c - devices write into managed memory that is being evicted: direct HOW FILE
 *
 *	pread		O_DIRECT
 *	uring, fixed	a ring of the program's own; with registered buffers
 *	aio		io_submit(2)
 *	closed		the same, and the descriptor is closed meanwhile, which pins.h does not see;
 *			for trying out
 *
 * The reads go to odd pages here and there.  Meanwhile one thread asks for all of them to be taken
 * out, and another touches the even ones and more memory than the budget.
 */
#include "paged.h"
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCKS 64
#define AREA 2048 /* pages */
#define DEPTH 8	  /* reads at once */
#define SECONDS 3

static unsigned char *area;
static _Atomic bool stop;
static int file;
static const char *path;
static unsigned long long reads;
static uint64_t dice = 1;

static unsigned below(unsigned n)
{
	dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(dice >> 33) % n;
}

static int open_direct(void)
{
	return open(path, O_RDONLY | O_DIRECT);
}

static void make_file(void)
{
	unsigned char block[PAGE];
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);

	REQUIRE(fd >= 0);
	for (unsigned i = 0; i < BLOCKS; i++) {
		paged_fill(block, PAGE, 20, i * PAGE);
		REQUIRE(write(fd, block, PAGE) == PAGE);
	}
	REQUIRE(fsync(fd) == 0 && close(fd) == 0);
	file = open_direct();
	if (file < 0) {
		printf("no O_DIRECT on this file system: not tested\n");
		exit(77);
	}
}

static void *take_out(void *arg)
{
	while (!stop) {
		madvise(area, AREA * PAGE, MADV_PAGEOUT);
		usleep(500);
	}
	return arg;
}

static void *touch_even(void *arg)
{
	for (unsigned n = 0; !stop; n++) {
		size_t at = (n * 7919ul % (AREA / 2)) * 2 * PAGE;

		EXPECT(paged_holds(area + at, 16, 21, at));
		if (n % (AREA / 2) == 0)
			paged_stir();
	}
	return arg;
}

/* -- the reads: DEPTH at once, each of one block into one page ----------------------------------- */

struct target {
	unsigned char *page;
	unsigned block;
};

static void choose(struct target target[DEPTH])
{
	for (unsigned k = 0; k < DEPTH; k++) {
		unsigned part = AREA / DEPTH, odd = below(part / 2) * 2 + 1;

		target[k].page = area + (k * part + odd) * PAGE;
		target[k].block = below(BLOCKS);
	}
}

static void check(const struct target target[DEPTH])
{
	for (unsigned k = 0; k < DEPTH; k++) {
		EXPECT(paged_holds(target[k].page, PAGE, 20, target[k].block * PAGE));
		memset(target[k].page, 0xEE, PAGE);
		reads++;
	}
}

static void read_directly(struct target target[DEPTH])
{
	for (unsigned k = 0; k < DEPTH; k++)
		REQUIRE(pread(file, target[k].page, PAGE, target[k].block * PAGE) == PAGE);
}

static struct io_uring ring;
static bool fixed;

static void start_ring(void)
{
	int err = io_uring_queue_init(DEPTH, &ring, 0);

	/* Each part of the area that is read into has one page that is registered. */
	if (!err && fixed) {
		struct iovec pages[DEPTH];

		for (unsigned k = 0; k < DEPTH; k++)
			pages[k] = (struct iovec){ area + (k * AREA / DEPTH + 1) * PAGE, PAGE };
		err = io_uring_register_buffers(&ring, pages, DEPTH);
	}
	if (err) {
		printf("no ring (%s): not tested\n", strerror(-err));
		exit(77);
	}
}

static void read_by_ring(struct target target[DEPTH])
{
	struct io_uring_cqe *cqe;

	for (unsigned k = 0; k < DEPTH; k++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		uint64_t from = target[k].block * PAGE;

		if (fixed) {
			target[k].page = area + (k * AREA / DEPTH + 1) * PAGE;
			io_uring_prep_read_fixed(sqe, file, target[k].page, PAGE, from, (int)k);
		} else {
			io_uring_prep_read(sqe, file, target[k].page, PAGE, from);
		}
	}
	REQUIRE(io_uring_submit_and_wait(&ring, DEPTH) == DEPTH);
	for (unsigned k = 0; k < DEPTH; k++) {
		REQUIRE(io_uring_wait_cqe(&ring, &cqe) == 0);
		EXPECT(cqe->res == PAGE);
		io_uring_cqe_seen(&ring, cqe);
	}
}

static aio_context_t aio;
static bool closed;

static void read_asynchronously(struct target target[DEPTH])
{
	struct iocb block[DEPTH], *pointer[DEPTH];
	struct io_event event[DEPTH];

	if (closed)
		file = open_direct();
	memset(block, 0, sizeof(block));
	for (unsigned k = 0; k < DEPTH; k++) {
		block[k].aio_fildes = (unsigned)file;
		block[k].aio_lio_opcode = IOCB_CMD_PREAD;
		block[k].aio_buf = (uintptr_t)target[k].page;
		block[k].aio_nbytes = PAGE;
		block[k].aio_offset = target[k].block * PAGE;
		pointer[k] = &block[k];
	}
	REQUIRE(syscall(SYS_io_submit, aio, DEPTH, pointer) == DEPTH);
	if (closed)
		close(file);
	REQUIRE(syscall(SYS_io_getevents, aio, DEPTH, DEPTH, event, NULL) == DEPTH);
	for (unsigned k = 0; k < DEPTH; k++)
		EXPECT(event[k].res == PAGE);
}

static void (*prepare(const char *how))(struct target *)
{
	fixed = strcmp(how, "fixed") == 0;
	if (fixed || strcmp(how, "uring") == 0) {
		start_ring();
		return read_by_ring;
	}
	closed = strcmp(how, "closed") == 0;
	if (closed)
		close(file);
	if (closed || strcmp(how, "aio") == 0) {
		REQUIRE(syscall(SYS_io_setup, DEPTH, &aio) == 0);
		return read_asynchronously;
	}
	return read_directly;
}

int main(int argc, char **argv)
{
	void (*read_all)(struct target *);
	struct target target[DEPTH];
	pthread_t thread[2];
	time_t end;

	REQUIRE(argc > 2);
	path = argv[2];
	make_file();
	paged_start(24 << 20);
	area = paged_map(AREA * PAGE);
	paged_fill(area, AREA * PAGE, 21, 0);
	read_all = prepare(argv[1]);
	pthread_create(&thread[0], NULL, take_out, NULL);
	pthread_create(&thread[1], NULL, touch_even, NULL);
	for (end = time(NULL) + SECONDS; time(NULL) < end;) {
		choose(target);
		read_all(target);
		check(target);
	}
	stop = true;
	for (unsigned t = 0; t < 2; t++)
		pthread_join(thread[t], NULL);
	printf("%llu reads\n", reads);
	return paged_result();
}
