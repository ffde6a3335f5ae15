/* SPDX-License-Identifier: MIT */
/* device.c - what the disk under a directory can do, with O_DIRECT: the floor
 *
 * On a file that is written as a whole beforehand: a block that was never written is
 * read without a disk access.  Random reads of a page by so many threads with pread
 * or so many in flight in one io_uring; reads and writes of 1 MiB in order, four in
 * flight.  Each measured part takes options->seconds; all numbers are in one line.
 */
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contents.h"
#include "crew.h"
#include "measure.h"

#define MB 1e6
#define DEPTH_MAX 32
#define STREAM_BYTES MIB
#define STREAM_DEPTH 4

struct device {
	const struct options *options;
	int fd;
	size_t page;
	size_t bytes;		 /* of the file */
	uint64_t end_ns;	 /* of the measured part */
	struct latency *latency; /* of each thread */
};

static void *aligned(size_t bytes)
{
	void *buffer = aligned_alloc(page_size(), bytes);

	if (!buffer)
		bench_fail("out of memory");
	return buffer;
}

static void device_open(struct device *device, const struct options *options)
{
	if (!options->swap)
		bench_fail("device needs --swap=DIRECTORY");
	device->options = options;
	device->page = page_size();
	device->bytes = options->data / STREAM_BYTES * STREAM_BYTES;
	device->fd = open(options->swap, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	if (device->fd < 0)
		bench_fail_errno(options->swap);
}

static size_t pages_of(const struct device *device)
{
	return device->bytes / device->page;
}

/* -- io_uring: always depth requests in flight -------------------------------------------- */

/* The next request's place; bytes is also its size. */
struct requests {
	struct device *device;
	size_t bytes;
	bool write;
	bool in_order;
	size_t issued;
	uint64_t random;
	char *buffer; /* for each request in flight */
};

static off_t next_place(struct requests *requests)
{
	size_t places = requests->device->bytes / requests->bytes;
	size_t i = requests->in_order ? requests->issued % places
				      : random_below(&requests->random, places);

	requests->issued++;
	return (off_t)(i * requests->bytes);
}

static void issue(struct io_uring *ring, struct requests *requests, uint64_t which)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	char *buffer = requests->buffer + which * requests->bytes;
	off_t at = next_place(requests);

	if (requests->write)
		io_uring_prep_write(sqe, requests->device->fd, buffer, (unsigned)requests->bytes,
				    (uint64_t)at);
	else
		io_uring_prep_read(sqe, requests->device->fd, buffer, (unsigned)requests->bytes,
				   (uint64_t)at);
	sqe->user_data = which;
}

/* Waits for one; gives which. */
static uint64_t reap(struct io_uring *ring, const struct requests *requests)
{
	struct io_uring_cqe *cqe;
	uint64_t which;

	if (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_peek_cqe(ring, &cqe))
		bench_fail("io_uring");
	if (cqe->res != (int)requests->bytes)
		bench_fail("a transfer of %zu bytes gives %d", requests->bytes, cqe->res);
	which = cqe->user_data;
	io_uring_cqe_seen(ring, cqe);
	return which;
}

/* Until end_ns, or at most so many; gives how many a second. */
static double drive(struct requests *requests, unsigned depth, size_t most)
{
	uint64_t begin = ns_now();
	struct io_uring ring;
	size_t done = 0;

	if (io_uring_queue_init(DEPTH_MAX, &ring, 0))
		bench_fail("io_uring is refused");
	requests->buffer = aligned(depth * requests->bytes);
	for (size_t k = 0; k < depth * requests->bytes / sizeof(uint64_t); k++)
		((uint64_t *)requests->buffer)[k] = mix(k);
	for (unsigned d = 0; d < depth; d++)
		issue(&ring, requests, d);
	for (;;) {
		uint64_t which = reap(&ring, requests);

		if (++done >= most || ns_now() > requests->device->end_ns)
			break;
		issue(&ring, requests, which);
	}
	begin = ns_now() - begin;
	for (unsigned d = 1; d < depth; d++)
		reap(&ring, requests);
	io_uring_queue_exit(&ring);
	free(requests->buffer);
	return (double)done * 1e9 / (double)begin;
}

static void set_end(struct device *device)
{
	device->end_ns = ns_now() + (uint64_t)(device->options->seconds * 1e9);
}

static double stream_rate(struct device *device, bool write)
{
	struct requests requests = { .device = device,
				     .bytes = STREAM_BYTES,
				     .write = write,
				     .in_order = true };

	set_end(device);
	return drive(&requests, STREAM_DEPTH, SIZE_MAX) * STREAM_BYTES / MB;
}

static double depth_rate(struct device *device, unsigned depth)
{
	struct requests requests = { .device = device,
				     .bytes = device->page,
				     .random = device->options->seed };

	set_end(device);
	return drive(&requests, depth, SIZE_MAX);
}

static void write_all(struct device *device)
{
	struct requests requests = { .device = device,
				     .bytes = STREAM_BYTES,
				     .write = true,
				     .in_order = true };

	device->end_ns = UINT64_MAX;
	drive(&requests, STREAM_DEPTH, device->bytes / STREAM_BYTES);
	if (fdatasync(device->fd))
		bench_fail_errno("fdatasync");
}

/* -- pread by several threads ------------------------------------------------------------- */

static void read_some(void *arg, unsigned t)
{
	struct device *device = arg;
	uint64_t random = mix(device->options->seed) + t, now = 0;
	char *buffer = aligned(device->page);

	while (now < device->end_ns) {
		off_t at = (off_t)(random_below(&random, pages_of(device)) * device->page);
		uint64_t before = ns_now();

		if (pread(device->fd, buffer, device->page, at) != (ssize_t)device->page)
			bench_fail_errno("pread");
		now = ns_now();
		latency_add(&device->latency[t], now - before);
	}
	free(buffer);
}

/* Gives the rate; ret_all is what all threads saw. */
static double thread_rate(struct device *device, unsigned threads, struct latency *ret_all)
{
	uint64_t begin;

	device->latency = calloc(threads, sizeof(*device->latency));
	if (!device->latency)
		bench_fail("out of memory");
	set_end(device);
	begin = ns_now();
	crew_run(threads, read_some, device);
	begin = ns_now() - begin;
	latency_init(ret_all, 0);
	for (unsigned t = 0; t < threads; t++)
		latency_merge(ret_all, &device->latency[t]);
	free(device->latency);
	return (double)ret_all->count * 1e9 / (double)begin;
}

/* -- all of it ---------------------------------------------------------------------------- */

static void report_threads(struct device *device, unsigned threads)
{
	struct latency latency;
	double rate = thread_rate(device, threads, &latency);
	char name[40];

	snprintf(name, sizeof(name), "pread_%u", threads);
	report_number(name, rate);
	snprintf(name, sizeof(name), "pread_%u_p50_us", threads);
	report_number(name, latency_percentile(&latency, 50));
	snprintf(name, sizeof(name), "pread_%u_p99.9_us", threads);
	report_number(name, latency_percentile(&latency, 99.9));
}

static void report_depth(struct device *device, unsigned depth)
{
	char name[40];

	snprintf(name, sizeof(name), "uring_%u", depth);
	report_number(name, depth_rate(device, depth));
}

void run_device(const struct options *options)
{
	static const unsigned threads[] = { 1, 4, 16 }, depths[] = { 1, 4, DEPTH_MAX };
	struct device device;
	struct measure measure;
	double read_rate;

	device_open(&device, options);
	write_all(&device);
	measure_begin(&measure, NULL);
	read_rate = stream_rate(&device, false);
	measure_end(&measure);
	report_begin(options, &measure, "MB/s", read_rate, 0);
	report_number("sequential_read", read_rate);
	report_number("sequential_write", stream_rate(&device, true));
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
		report_threads(&device, threads[i]);
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++)
		report_depth(&device, depths[i]);
	report_end();
	close(device.fd);
}

const struct workload other_workloads[] = {
	{ "device", "MB/s", run_device },
	{ "first-touch", "MB/s", run_first_touch },
	{ "repeat-read", "op/s", run_repeat_read },
	{ "repeat-update", "op/s", run_repeat_update },
	{ "age", "aged/fresh", run_age },
	{ "fork", "forks/s", run_fork },
	{ "malloc", "op/s", run_malloc },
	{ "idle", "wake-ups/s", run_idle },
	{ "ranges", "op/s", run_ranges },
	{ "sparse", "op/s", run_sparse },
	{ NULL, NULL, NULL },
};
