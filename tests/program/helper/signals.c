/* SPDX-License-Identifier: MIT */
/* signals.c - a signal may come at any moment inside of any call that the preload library has a part
 * in, and its handler may touch whatever memory it likes
 *
 * As tests/library/test-signals: a timer goes off 100 us after its handler ended, which reads random
 * pages of data that is eight times the budget, and one call after the other is made, on the
 * thread's own stack and on one that is paged.
 *
 *	signals [CALL]		all of them, or that one
 */
#define _GNU_SOURCE 1
#include "paged.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define DATA_SIZE ((size_t)64 << 20)
#define WORK_SIZE ((size_t)2 << 20)
#define STACK_SIZE ((size_t)256 << 10)
#define DATA_SEED 5
#define WORK_SEED 6

/* Signals that have to come while one call is made. */
#define SIGNALS 40
#define PAUSE_NS 100000

static unsigned char *data, *work;
static volatile sig_atomic_t signals, wrong;
static uint64_t random_state = 1;
static timer_t timer;

static size_t next_random(size_t n)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1;
	return (random_state >> 33) % n;
}

static void set_timer(long ns)
{
	struct itimerspec once = { .it_value = { .tv_nsec = ns } };

	timer_settime(timer, 0, &once, NULL);
}

static void on_signal(int number)
{
	int saved = errno;

	(void)number;
	for (int n = 0; n < 2; n++) {
		size_t i = next_random(DATA_SIZE);

		wrong |= data[i] != paged_byte(DATA_SEED, i);
	}
	signals++;
	set_timer(PAUSE_NS);
	errno = saved;
}

/* -- the calls ------------------------------------------------------------------------ */

static unsigned char *work_page(void)
{
	return work + next_random(WORK_SIZE / PAGE) * PAGE;
}

static void map_and_unmap(void)
{
	size_t size = ((size_t)64 << 10) + next_random(64) * PAGE;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(at != MAP_FAILED);
	at[0] = at[size - 1] = 1;
	EXPECT(mmap(at + PAGE, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at + PAGE);
	EXPECT(munmap(at, size) == 0);
}

static void remap(void)
{
	size_t size = (size_t)128 << 10;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(at != MAP_FAILED);
	at[PAGE] = 7;
	at = mremap(at, size, 4 * size, MREMAP_MAYMOVE);
	REQUIRE(at != MAP_FAILED);
	EXPECT(at[PAGE] == 7);
	EXPECT(mremap(at, 4 * size, size, 0) == at);
	EXPECT(munmap(at, size) == 0);
}

static void protect(void)
{
	unsigned char *page = work_page();

	EXPECT(mprotect(page, PAGE, PROT_READ) == 0);
	EXPECT(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
	EXPECT(pkey_mprotect(page, PAGE, PROT_READ | PROT_WRITE, -1) == 0);
}

static void advise_streams(void)
{
	EXPECT(madvise(work, WORK_SIZE, MADV_SEQUENTIAL) == 0);
	EXPECT(madvise(work, WORK_SIZE, MADV_RANDOM) == 0);
	EXPECT(posix_madvise(work, WORK_SIZE, POSIX_MADV_NORMAL) == 0);
}

static void advise_moves(void)
{
	struct iovec range = { work, WORK_SIZE };
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

	EXPECT(madvise(work_page(), PAGE, MADV_WILLNEED) == 0);
	EXPECT(madvise(work_page(), PAGE, MADV_PAGEOUT) == 0);
	EXPECT(process_madvise(self, &range, 1, MADV_COLD, 0) == (ssize_t)WORK_SIZE);
	close(self);
}

static void advise_discards(void)
{
	unsigned char *page = work_page();
	size_t from = (size_t)(page - work);

	EXPECT(madvise(page, PAGE, MADV_DONTNEED) == 0);
	paged_fill(page, PAGE, WORK_SEED, from);
	EXPECT(madvise(page, PAGE, MADV_FREE) == 0);
	paged_fill(page, PAGE, WORK_SEED, from);
	EXPECT(madvise(page, PAGE, MADV_DONTFORK) == 0);
	EXPECT(madvise(page, PAGE, MADV_DOFORK) == 0);
}

static void lock_and_unlock(void)
{
	unsigned char *page = work_page();

	EXPECT(mlock(page, PAGE) == 0);
	EXPECT(munlock(page, PAGE) == 0);
	EXPECT(mlockall(MCL_CURRENT) == -1);
	EXPECT(munlockall() == 0);
}

static void allocate(void)
{
	char *p = malloc(next_random((size_t)1 << 20) + 1);

	REQUIRE(p != NULL);
	p[0] = 1;
	p = realloc(p, (size_t)2 << 20);
	REQUIRE(p != NULL);
	free(p);
	malloc_trim(0);
}

static int nothing(void *argument)
{
	(void)argument;
	return 8;
}

static void await(pid_t pid, int status)
{
	int got = 0;

	REQUIRE(pid > 0);
	while (waitpid(pid, &got, 0) < 0)
		REQUIRE(errno == EINTR);
	EXPECT(WIFEXITED(got) && WEXITSTATUS(got) == status);
}

static int look(void)
{
	size_t i = next_random(DATA_SIZE), k = next_random(WORK_SIZE);

	return data[i] == paged_byte(DATA_SEED, i) && work[k] == paged_byte(WORK_SEED, k) ? 8 : 9;
}

static void make_forks(void)
{
	static char stack[64 << 10] __attribute__((aligned(16)));
	pid_t pid = fork();

	if (pid == 0)
		_exit(look());
	await(pid, 8);
	pid = _Fork();
	if (pid == 0)
		_exit(look());
	await(pid, 8);
	await(clone(nothing, stack + sizeof(stack), SIGCHLD, NULL), 8);
}

static void spawn(void)
{
	static char name[] = "true";
	static char *const arguments[] = { name, NULL };
	pid_t pid = -1;

	EXPECT(posix_spawnp(&pid, "true", NULL, NULL, arguments, environ) == 0);
	await(pid, 0);
	EXPECT(system("exit 0") == 0);
}

static void *return_it(void *argument)
{
	return argument;
}

static void make_threads(void)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t *mutex = malloc(sizeof(*mutex));
	pthread_t thread;

	REQUIRE(mutex != NULL && pthread_mutexattr_init(&attributes) == 0);
	pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	EXPECT(pthread_mutex_init(mutex, &attributes) == 0);
	pthread_mutex_destroy(mutex);
	free(mutex);
	REQUIRE(pthread_create(&thread, NULL, return_it, NULL) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
}

static void use_files(void)
{
	FILE *file = fopen("/dev/null", "r");
	int fd;

	REQUIRE(file != NULL);
	fd = dup2(fileno(file), 50);
	EXPECT(fd == 50 && dup3(fileno(file), 50, O_CLOEXEC) == 50);
	EXPECT(close(fd) == 0);
	fclose(file);
	close_range(60, 70, 0);
}

static void send_pages(void)
{
	struct iovec range = { work_page(), PAGE };
	int ends[2];
	char got[PAGE];

	REQUIRE(pipe(ends) == 0);
	EXPECT(vmsplice(ends[1], &range, 1, 0) == (ssize_t)PAGE);
	EXPECT(read(ends[0], got, PAGE) == (ssize_t)PAGE && !memcmp(got, range.iov_base, PAGE));
	close(ends[0]);
	close(ends[1]);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	EXPECT(send(ends[1], range.iov_base, PAGE, 0) == (ssize_t)PAGE);
	close(ends[0]);
	close(ends[1]);
}

static void change_user(void)
{
	EXPECT(setegid(getegid()) == 0);
	EXPECT(seteuid(geteuid()) == 0);
	EXPECT(setresuid(-1, geteuid(), -1) == 0);
}

static const struct call {
	const char *name;
	void (*make)(void);
} calls[] = {
	{ "mmap", map_and_unmap },
	{ "mremap", remap },
	{ "mprotect", protect },
	{ "madvise, streams", advise_streams },
	{ "madvise, moves", advise_moves },
	{ "madvise, discards", advise_discards },
	{ "mlock", lock_and_unlock },
	{ "malloc", allocate },
	{ "fork", make_forks },
	{ "spawn", spawn },
	{ "threads", make_threads },
	{ "files", use_files },
	{ "vmsplice, send", send_pages },
	{ "setuid", change_user },
};

/* -- the stacks ------------------------------------------------------------------------- */

static const struct call *current;

static void cross(void)
{
	sig_atomic_t end = signals + SIGNALS;

	set_timer(PAUSE_NS);
	while (signals < end)
		current->make();
	set_timer(0);
}

static void cross_on_paged_stack(void)
{
	char *stack = paged_map(STACK_SIZE);
	ucontext_t here, there;

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = STACK_SIZE;
	there.uc_link = &here;
	makecontext(&there, cross, 0);
	swapcontext(&here, &there);
	munmap(stack, STACK_SIZE);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };

	data = paged_map(DATA_SIZE);
	work = paged_map(WORK_SIZE);
	paged_fill(data, DATA_SIZE, DATA_SEED, 0);
	paged_fill(work, WORK_SIZE, WORK_SEED, 0);
	sigaction(SIGUSR1, &action, NULL);
	REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (argc > 1 && strcmp(argv[1], calls[i].name) != 0)
			continue;
		current = &calls[i];
		printf("%s\n", current->name);
		fflush(stdout);
		cross();
		cross_on_paged_stack();
		EXPECT(!wrong);
	}
	EXPECT(paged_holds(work, WORK_SIZE, WORK_SEED, 0));
	return paged_result();
}
