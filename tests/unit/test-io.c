/* SPDX-License-Identifier: MIT */
/* test-io.c - each I/O engine, on a file, and the descriptors that it watches */
#include "jobs.h"
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/wait.h>

/* -- transfers ------------------------------------------------------------------------- */

static unsigned version_of[BLOCKS];

static void check_job(struct job *job)
{
	unit_check(job->completed == 1);
	unit_check(job->result == (long)job->count * BLOCK);
	for (unsigned i = 0; !job->request.write && i < job->count; i++)
		unit_check(block_is(job_block(job, i), job->first + i, version_of[job->first + i]));
	job->count = 0;
}

/* Each job has blocks of its own, so that it is known what it reads. */
static void start_random_job(unsigned n)
{
	const unsigned own = BLOCKS / DEPTH;
	unsigned first = unit_below(own - PARTS_MAX), count = 1 + unit_below(PARTS_MAX);
	bool write = unit_below(2);
	struct job *job = &jobs[n];

	first += n * own;
	for (unsigned i = 0; write && i < count; i++)
		fill_block(job->memory + (count - 1 - i) * BLOCK, first + i,
			   ++version_of[first + i]);
	job_submit(job, write, first, count);
}

START_TEST(many_in_flight)
{
	open_all(_i);
	for (unsigned block = 0; block < BLOCKS; block += PARTS_MAX)
		write_blocks(block, PARTS_MAX, 0);
	for (unsigned n = 0; n < DEPTH; n++)
		start_random_job(n);
	for (unsigned turn = 0; turn < 300; turn++) {
		io_wait(io, unit_below(2) ? 0 : SECOND);
		for (unsigned n = 0; n < DEPTH; n++) {
			if (!jobs[n].completed)
				continue;
			check_job(&jobs[n]);
			start_random_job(n);
		}
	}
	for (unsigned n = 0; n < DEPTH; n++) {
		wait_for(&jobs[n]);
		check_job(&jobs[n]);
	}
	io_close(io, false);
}
END_TEST

/* What comes piece by piece is gone on with, until it is all, the end or an error. */
START_TEST(goes_on_with_the_rest)
{
	char memory[5];
	struct iovec iov[] = { { memory, 3 }, { memory + 3, 2 } };
	struct io_request request = { .offset = 100, .iov = iov, .iov_count = 2 };

	ck_assert(io_goes_on(&request, -EINTR));
	ck_assert(io_goes_on(&request, 1));
	ck_assert_ptr_eq(request.iov->iov_base, memory + 1);
	ck_assert_uint_eq(request.iov->iov_len, 2);
	ck_assert_uint_eq(request.offset, 101);
	ck_assert(io_goes_on(&request, 3));
	ck_assert_ptr_eq(request.iov->iov_base, memory + 4);
	ck_assert_int_eq(request.iov_count, 1);
	ck_assert(!io_goes_on(&request, _i == 0 ? 1 : _i == 1 ? 0 : -EIO));
	ck_assert_int_eq(request.result, _i == 0 ? 5 : 4);
}
END_TEST

#define CHAIN 1000

/* done submits the same request again. */
static void chain_done(struct io_request *request, long result)
{
	struct job *job = request->owner;

	unit_check(result == BLOCK);
	if (++completions == CHAIN)
		return;
	request->offset = (uint64_t)job->first * BLOCK;
	request->iov = job->iov;
	request->iov_count = 1;
	io_submit(io, request);
}

START_TEST(done_submits_again)
{
	open_all(_i);
	job_submit(&jobs[1], false, 0, 1);
	jobs[1].request.done = chain_done;
	while (completions < CHAIN)
		io_wait(io, SECOND);
	io_close(io, false);
}
END_TEST

START_TEST(end_of_file_is_a_short_read)
{
	open_all(_i);
	read_blocks(BLOCKS - 1, 3);
	ck_assert_int_eq(jobs[0].result, BLOCK);
	read_blocks(BLOCKS + 1, 2);
	ck_assert_int_eq(jobs[0].result, 0);
	io_close(io, false);
}
END_TEST

START_TEST(errors_come_through)
{
	open_all(_i);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	write_blocks(0, 1, 0);
	ck_assert_int_eq(jobs[0].result, -EBADF);
	close(fd);
	read_blocks(0, 2);
	ck_assert_int_eq(jobs[0].result, -EBADF);
	io_close(io, false);
}
END_TEST

/* -- waiting ----------------------------------------------------------------------------- */

static void open_with_watches(int engine)
{
	for (unsigned i = 0; i < IO_EARS; i++)
		ears[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	open_engine(engine);
}

static void count_up(int event)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(event, &one, sizeof(one)), sizeof(one));
}

static uint64_t drain(int event)
{
	uint64_t count = 0;

	return read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void *wake_later(void *event)
{
	usleep(20000);
	count_up(*(int *)event);
	return NULL;
}

START_TEST(watch_wakes_the_waiter)
{
	open_with_watches(_i);
	for (unsigned i = 0; i < 2 * IO_EARS; i++) {
		unsigned ear = i % IO_EARS;
		pthread_t thread;

		ck_assert_int_eq(pthread_create(&thread, NULL, wake_later, &ears[ear]), 0);
		ck_assert_uint_eq(io_wait(io, UINT64_MAX), 1u << ear);
		ck_assert_uint_eq(drain(ears[ear]), 1);
		pthread_join(thread, NULL);
	}
	io_close(io, false);
}
END_TEST

START_TEST(watch_readable_from_the_start)
{
	for (unsigned i = 0; i < IO_EARS; i++)
		ears[i] = eventfd(i == 1, EFD_CLOEXEC | EFD_NONBLOCK);
	open_engine(_i);
	ck_assert_uint_eq(io_wait(io, SECOND), 2);
	drain(ears[1]);
	/* It may be told once too often. */
	io_wait(io, 0);
	ck_assert_uint_eq(io_wait(io, 0), 0);
	io_close(io, false);
}
END_TEST

#define ROUNDS 5000

static int answers;

static void *count_up_often(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct pollfd answer = { .fd = answers, .events = POLLIN };

		count_up(ears[i % IO_EARS]);
		ck_assert_int_eq(poll(&answer, 1, 5000), 1);
		drain(answers);
	}
	return NULL;
}

/* One waits for the other each time: a wake-up that is lost stops both. */
START_TEST(no_wake_up_is_lost)
{
	pthread_t thread;

	open_with_watches(_i);
	answers = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_eq(pthread_create(&thread, NULL, count_up_often, NULL), 0);
	for (unsigned got = 0; got < ROUNDS;) {
		unsigned ready = io_wait(io, UINT64_MAX);

		for (unsigned i = 0; i < IO_EARS; i++)
			if (ready & (1u << i) && drain(ears[i])) {
				got++;
				count_up(answers);
			}
	}
	pthread_join(thread, NULL);
	io_close(io, false);
}
END_TEST

static _Atomic bool enough;

static void *count_up_always(void *unused)
{
	(void)unused;
	while (!enough)
		for (unsigned i = 0; i < IO_EARS; i++)
			count_up(ears[i]);
	return NULL;
}

/* Watches that never rest must not keep completions away. */
START_TEST(completions_among_events)
{
	unsigned seen = 0;
	pthread_t thread;

	open_with_watches(_i);
	io_close(io, false);
	open_all(_i);
	ck_assert_int_eq(pthread_create(&thread, NULL, count_up_always, NULL), 0);
	for (unsigned i = 0; i < 500 || seen != (1u << IO_EARS) - 1; i++) {
		job_submit(&jobs[0], true, i % BLOCKS, 1);
		while (!jobs[0].completed)
			seen |= io_wait(io, SECOND);
		for (unsigned w = 0; w < IO_EARS; w++)
			drain(ears[w]);
	}
	enough = true;
	pthread_join(thread, NULL);
	io_close(io, false);
}
END_TEST

static uint64_t waited(uint64_t timeout_ns)
{
	uint64_t start = sys_now();

	ck_assert_uint_eq(io_wait(io, timeout_ns), 0);
	return sys_now() - start;
}

START_TEST(timeout_ends_the_wait)
{
	open_with_watches(_i);
	ck_assert_uint_lt(waited(0), SECOND);
	ck_assert_uint_ge(waited(30 * MILLISECOND), 30 * MILLISECOND);
	ck_assert_uint_ge(waited(1), 1);
	io_close(io, false);
}
END_TEST

static _Atomic unsigned signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

START_TEST(signals_do_not_end_the_wait)
{
	struct itimerval every_millisecond = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction action = { .sa_handler = on_signal };

	open_with_watches(_i);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every_millisecond, NULL);
	ck_assert_uint_ge(waited(100 * MILLISECOND), 100 * MILLISECOND);
	ck_assert_uint_gt(signals, 10);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	io_close(io, false);
}
END_TEST

/* -- opening and closing -------------------------------------------------------------------- */

static unsigned entries_of(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void open_and_close(int engine)
{
	open_engine(engine);
	io_wait(io, 0);
	io_close(io, false);
}

START_TEST(nothing_is_left)
{
	unsigned fds, threads;

	open_and_close(_i); /* what the libraries keep */
	fds = entries_of("/proc/self/fd");
	threads = entries_of("/proc/self/task");
	for (unsigned i = 0; i < 20; i++)
		open_and_close(_i);
	ck_assert_uint_eq(entries_of("/proc/self/fd"), fds);
	/* pthread_join returns a little before the kernel forgets the thread. */
	for (unsigned i = 0; i < 1000 && entries_of("/proc/self/task") != threads; i++)
		usleep(1000);
	ck_assert_uint_eq(entries_of("/proc/self/task"), threads);
}
END_TEST

/* Is the highest descriptor that we have above the program's, and not for the
 * programs that it executes? */
START_TEST(descriptors_stay_out_of_the_way)
{
	int high = 0;

	open_engine(_i);
	for (int i = 0; i < sysconf(_SC_OPEN_MAX); i++)
		if (fcntl(i, F_GETFD) >= 0)
			high = i;
	ck_assert_int_gt(high, 256);
	ck_assert(fcntl(high, F_GETFD) & FD_CLOEXEC);
	io_close(io, false);
}
END_TEST

START_TEST(child_closes_and_parent_goes_on)
{
	int status;
	pid_t pid;

	open_all(_i);
	write_blocks(3, 2, 1);
	job_submit(&jobs[1], false, 3, 2);
	pid = fork();
	if (pid == 0) {
		io_close(io, true);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	wait_for(&jobs[1]);
	ck_assert(block_is(job_block(&jobs[1], 1), 4, 1));
	write_blocks(4, 1, 2);
	io_close(io, false);
}
END_TEST

/* How many threads of ours are not asleep, this one apart. */
static unsigned threads_awake(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned awake = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		char path[300], state = 'S';
		FILE *file;

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
		file = fopen(path, "re");
		if (file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1)
			awake += state != 'S';
		if (file)
			fclose(file);
	}
	closedir(dir);
	return awake;
}

/* The allocator of AddressSanitizer does not survive a fork while another thread is in
 * it, as a worker is that is just starting. */
static void wait_for_workers(void)
{
	for (unsigned quiet = 0; quiet < 5; quiet++) {
		if (threads_awake())
			quiet = 0;
		usleep(5000);
	}
}

/* A child opens an engine of its own after it has closed its parent's. */
START_TEST(child_opens_its_own)
{
	int status;
	pid_t pid;

	open_all(_i);
	wait_for_workers();
	pid = fork();
	if (pid == 0) {
		io_close(io, true);
		open_engine(_i);
		write_blocks(5, 1, 7);
		io_close(io, false);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	read_blocks(5, 1);
	ck_assert(block_is(job_block(&jobs[0], 0), 5, 7));
	io_close(io, false);
}
END_TEST

/* Opened in one thread, used in another, closed in the first. */
static void *use_engine(void *unused)
{
	(void)unused;
	ck_assert_int_eq(io_enable(io), 0);
	write_blocks(9, 1, 3);
	read_blocks(9, 1);
	ck_assert(block_is(job_block(&jobs[0], 0), 9, 3));
	return NULL;
}

START_TEST(used_by_another_thread)
{
	pthread_t thread;

	open_file();
	jobs[0].memory = map_memory(PARTS_MAX * BLOCK);
	ck_assert_int_eq(io_open(&io, disabled_for(_i), DEPTH, ears, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, use_engine, NULL), 0);
	pthread_join(thread, NULL);
	io_close(io, false);
}
END_TEST

/* -- all of them -------------------------------------------------------------------------------- */

static void add_transfers(Suite *suite)
{
	TCase *tcase = unit_case(suite, "transfers", 20);

	add_test(tcase, many_in_flight);
	add_test(tcase, done_submits_again);
	tcase_add_loop_test(tcase, goes_on_with_the_rest, 0, 3);
	add_test(tcase, end_of_file_is_a_short_read);
	add_test(tcase, errors_come_through);
}

static void add_waiting(Suite *suite)
{
	TCase *tcase = unit_case(suite, "waiting", 20);

	add_test(tcase, watch_wakes_the_waiter);
	add_test(tcase, watch_readable_from_the_start);
	add_test(tcase, no_wake_up_is_lost);
	add_test(tcase, completions_among_events);
	add_test(tcase, timeout_ends_the_wait);
	add_test(tcase, signals_do_not_end_the_wait);
}

static void add_opening(Suite *suite)
{
	TCase *tcase = unit_case(suite, "opening", 20);

	add_test(tcase, nothing_is_left);
	add_test(tcase, descriptors_stay_out_of_the_way);
	add_test(tcase, child_closes_and_parent_goes_on);
	add_test(tcase, child_opens_its_own);
	add_test(tcase, used_by_another_thread);
}

static void add_all(Suite *suite)
{
	add_transfers(suite);
	add_waiting(suite);
	add_opening(suite);
}

int main(void)
{
	return jobs_main("io", add_all);
}
