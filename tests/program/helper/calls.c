/* SPDX-License-Identifier: MIT */
/* calls.c - system calls that read and write memory which is paged out */
#include "paged.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE (16 * PAGE)
#define OFFSET 100 /* so that a call begins and ends within pages */
#define LENGTH (5 * PAGE + 1000)

static unsigned char *area;	    /* paged */
static unsigned char plain[LENGTH]; /* not */
static const char *file;	    /* holds LENGTH bytes of seed 2 */

/* The area as the program wrote it, and gone. */
static void prepare(void)
{
	paged_fill(area, SIZE, 1, 0);
	paged_out(area, SIZE);
}

/* The call wrote LENGTH bytes of that seed, and nothing else. */
static bool wrote(unsigned seed)
{
	return paged_holds(area, OFFSET, 1, 0) && paged_holds(area + OFFSET, LENGTH, seed, 0) &&
	       paged_holds(area + OFFSET + LENGTH, SIZE - OFFSET - LENGTH, 1, OFFSET + LENGTH);
}

/* Cuts the middle of the area into three. */
static void cut(struct iovec iov[3])
{
	iov[0] = (struct iovec){ area + OFFSET, 10 };
	iov[1] = (struct iovec){ area + OFFSET + 10, 2 * PAGE };
	iov[2] = (struct iovec){ area + OFFSET + 10 + 2 * PAGE, LENGTH - 10 - 2 * PAGE };
}

static int open_file(void)
{
	int fd = open(file, O_RDWR);

	REQUIRE(fd >= 0);
	return fd;
}

static void check_reads(void)
{
	int fd = open_file();
	struct iovec iov[3];

	prepare();
	EXPECT(read(fd, area + OFFSET, LENGTH) == LENGTH && wrote(2));
	prepare();
	EXPECT(pread(fd, area + OFFSET, LENGTH, 0) == LENGTH && wrote(2));
	cut(iov);
	prepare();
	EXPECT(preadv(fd, iov, 3, 0) == LENGTH && wrote(2));
	lseek(fd, 0, SEEK_SET);
	prepare();
	EXPECT(readv(fd, iov, 3) == LENGTH && wrote(2));
	close(fd);
}

static bool file_holds(unsigned seed, size_t from)
{
	int fd = open_file();
	ssize_t n = pread(fd, plain, LENGTH, 0);

	close(fd);
	return n == LENGTH && paged_holds(plain, LENGTH, seed, from);
}

static void spoil_file(int fd)
{
	memset(plain, 0, LENGTH);
	REQUIRE(pwrite(fd, plain, LENGTH, 0) == LENGTH);
	lseek(fd, 0, SEEK_SET);
}

static void check_writes(void)
{
	int fd = open_file();
	struct iovec iov[3];

	cut(iov);
	prepare();
	spoil_file(fd);
	EXPECT(write(fd, area + OFFSET, LENGTH) == LENGTH && file_holds(1, OFFSET));
	prepare();
	spoil_file(fd);
	EXPECT(pwrite(fd, area + OFFSET, LENGTH, 0) == LENGTH && file_holds(1, OFFSET));
	prepare();
	spoil_file(fd);
	EXPECT(writev(fd, iov, 3) == LENGTH && file_holds(1, OFFSET));
	prepare();
	spoil_file(fd);
	EXPECT(pwritev(fd, iov, 3, 0) == LENGTH && file_holds(1, OFFSET));
	close(fd);
}

/* -- sockets -------------------------------------------------------------------------------- */

/* Sends and receives LENGTH bytes at once. */
static void make_sockets(int fd[2])
{
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
}

static void close_both(const int fd[2])
{
	close(fd[0]);
	close(fd[1]);
}

static bool received(int fd)
{
	memset(plain, 0, LENGTH);
	return recv(fd, plain, LENGTH, MSG_WAITALL) == LENGTH &&
	       paged_holds(plain, LENGTH, 1, OFFSET);
}

static void check_sends(void)
{
	struct iovec iov[3];
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };
	struct mmsghdr messages = { .msg_hdr = message };
	int fd[2];

	cut(iov);
	make_sockets(fd);
	prepare();
	EXPECT(send(fd[0], area + OFFSET, LENGTH, 0) == LENGTH && received(fd[1]));
	prepare();
	EXPECT(sendto(fd[0], area + OFFSET, LENGTH, 0, NULL, 0) == LENGTH && received(fd[1]));
	prepare();
	EXPECT(sendmsg(fd[0], &message, 0) == LENGTH && received(fd[1]));
	prepare();
	EXPECT(sendmmsg(fd[0], &messages, 1, 0) == 1 && received(fd[1]));
	close_both(fd);
}

static void send_plain(int fd)
{
	paged_fill(plain, LENGTH, 2, 0);
	REQUIRE(write(fd, plain, LENGTH) == LENGTH);
}

static void check_receives(void)
{
	struct iovec iov[3];
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };
	int fd[2];

	cut(iov);
	make_sockets(fd);
	prepare();
	send_plain(fd[0]);
	EXPECT(recv(fd[1], area + OFFSET, LENGTH, MSG_WAITALL) == LENGTH && wrote(2));
	prepare();
	send_plain(fd[0]);
	EXPECT(recvmsg(fd[1], &message, MSG_WAITALL) == LENGTH && wrote(2));
	close_both(fd);
}

/* The message, its pieces, its control data and the descriptor in it lie in paged memory. */
static void check_messages(void)
{
	struct msghdr *message = (struct msghdr *)area;
	struct iovec *iov = (struct iovec *)(area + PAGE);
	struct cmsghdr *control = (struct cmsghdr *)(area + 2 * PAGE);
	char *data = (char *)area + 3 * PAGE;
	struct stat sent, got;
	int fd[2], number;

	make_sockets(fd);
	memset(area, 0, SIZE);
	*iov = (struct iovec){ data, 5 };
	*message = (struct msghdr){
		.msg_iov = iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	*control = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(control), &fd[0], sizeof(int));
	memcpy(data, "hello", 5);
	paged_out(area, SIZE);
	EXPECT(sendmsg(fd[0], message, 0) == 5);
	memset(control, 0, CMSG_SPACE(sizeof(int)));
	memset(data, 0, 5);
	paged_out(area, SIZE);
	EXPECT(recvmsg(fd[1], message, 0) == 5);
	EXPECT(memcmp(data, "hello", 6) == 0);
	EXPECT(control->cmsg_type == SCM_RIGHTS);
	memcpy(&number, CMSG_DATA(control), sizeof(int));
	EXPECT(fstat(number, &got) == 0 && fstat(fd[0], &sent) == 0 && got.st_ino == sent.st_ino);
	close(number);
	close_both(fd);
}

static void check_socket_options(void)
{
	struct sockaddr_un *address = (struct sockaddr_un *)area;
	socklen_t *size = (socklen_t *)(area + PAGE);
	int *value = (int *)(area + 2 * PAGE), fd = socket(AF_UNIX, SOCK_STREAM, 0);

	REQUIRE(fd >= 0);
	memset(area, 0, SIZE);
	*address = (struct sockaddr_un){ AF_UNIX, "" };
	snprintf(address->sun_path + 1, 32, "spill-test-%d", getpid());
	paged_out(area, SIZE);
	EXPECT(bind(fd, (void *)address, sizeof(sa_family_t) + 33) == 0);
	memset(address, 0, sizeof(*address));
	*size = sizeof(*address);
	paged_out(area, SIZE);
	EXPECT(getsockname(fd, (void *)address, size) == 0);
	EXPECT(*size == sizeof(sa_family_t) + 33 &&
	       memcmp(address->sun_path + 1, "spill-", 6) == 0);
	*value = 1;
	paged_out(area, SIZE);
	EXPECT(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, value, sizeof(*value)) == 0);
	*value = 0;
	*size = sizeof(*value);
	paged_out(area, SIZE);
	EXPECT(getsockopt(fd, SOL_SOCKET, SO_PASSCRED, value, size) == 0);
	EXPECT(*value == 1 && *size == sizeof(*value));
	close(fd);
}

/* -- structures that the kernel fills ----------------------------------------------------------- */

struct entry {
	uint64_t ino;
	int64_t next;
	unsigned short size;
	unsigned char type;
	char name[];
};

static void check_directory(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);
	bool found = false;
	long n;

	REQUIRE(fd >= 0);
	prepare();
	n = syscall(SYS_getdents64, fd, area, SIZE);
	EXPECT(n > 0);
	for (long at = 0; at < n; at += ((struct entry *)(area + at))->size)
		found |= strcmp(((struct entry *)(area + at))->name, "calls.data") == 0;
	EXPECT(found);
	EXPECT(n > 0 && paged_holds(area + n, SIZE - (size_t)n, 1, (size_t)n));
	close(fd);
}

static void check_status(void)
{
	struct stat *paged = (struct stat *)(area + PAGE - 40), st; /* on two pages */
	struct statx *more = (struct statx *)(area + 4 * PAGE - 56);
	struct utsname *name = (struct utsname *)(area + 6 * PAGE - 100), uts;
	char *path = (char *)area + 8 * PAGE - 5;

	prepare();
	strcpy(path, file);
	paged_out(area, SIZE);
	EXPECT(stat(path, paged) == 0 && stat(file, &st) == 0);
	EXPECT(memcmp(paged, &st, sizeof(st)) == 0);
	paged_out(area, SIZE);
	EXPECT(statx(AT_FDCWD, path, 0, STATX_SIZE | STATX_INO, more) == 0);
	EXPECT(more->stx_size == (uint64_t)st.st_size && more->stx_ino == st.st_ino);
	paged_out(area, SIZE);
	EXPECT(uname(name) == 0 && uname(&uts) == 0 && strcmp(name->release, uts.release) == 0);
	EXPECT(paged_holds(area, PAGE - 40, 1, 0));
}

static void check_small_answers(void)
{
	char path[4096];
	int fd[2], *n = (int *)(area + PAGE - sizeof(int)), *ends = (int *)(area + 3 * PAGE - 4);
	char *cwd = (char *)area + 5 * PAGE - 1;
	unsigned char zeros[64] = { 0 };

	REQUIRE(pipe(fd) == 0 && write(fd[1], "seven b", 7) == 7);
	prepare();
	EXPECT(ioctl(fd[0], FIONREAD, n) == 0 && *n == 7);
	close_both(fd);
	paged_out(area, SIZE);
	EXPECT(pipe(ends) == 0 && write(ends[1], "x", 1) == 1 && read(ends[0], path, 8) == 1);
	close_both(ends);
	paged_out(area, SIZE);
	EXPECT(syscall(SYS_getcwd, cwd, 4096) > 0 && getcwd(path, sizeof(path)) &&
	       strcmp(cwd, path) == 0);
	memset(area, 0, SIZE);
	paged_out(area, SIZE);
	EXPECT(getrandom(area + PAGE - 32, 64, 0) == 64);
	EXPECT(memcmp(area + PAGE - 32, zeros, 64) != 0 && area[PAGE - 33] == 0);
}

/* -- waiting ------------------------------------------------------------------------------- */

/* An array on two pages; every fifth is a descriptor that can be read. */
static void check_poll(void)
{
	enum { N = 900 }; /* below the usual RLIMIT_NOFILE */
	struct pollfd *polled = (struct pollfd *)(area + PAGE - 400);
	unsigned wrong = 0;
	int fd[2];

	REQUIRE(pipe(fd) == 0 && write(fd[1], "x", 1) == 1);
	for (int i = 0; i < N; i++)
		polled[i] = (struct pollfd){ i % 5 ? -1 : fd[0], POLLIN, 0 };
	paged_out(area, SIZE);
	EXPECT(poll(polled, N, 1000) == N / 5);
	for (int i = 0; i < N; i++)
		wrong += polled[i].revents != (i % 5 ? 0 : POLLIN) || polled[i].events != POLLIN;
	EXPECT(wrong == 0);
	close_both(fd);
}

static void check_select(void)
{
	fd_set *reads = (fd_set *)(area + PAGE - 64), *writes = (fd_set *)(area + 3 * PAGE - 64);
	struct timeval *timeout = (struct timeval *)(area + 5 * PAGE - 8);
	int fd[2];

	REQUIRE(pipe(fd) == 0);
	memset(area, 0, SIZE);
	FD_SET(fd[0], reads);
	FD_SET(fd[1], writes);
	*timeout = (struct timeval){ 20, 0 };
	paged_out(area, SIZE);
	EXPECT(select(fd[1] + 1, reads, writes, NULL, timeout) == 1);
	EXPECT(!FD_ISSET(fd[0], reads) && FD_ISSET(fd[1], writes));
	EXPECT(timeout->tv_sec >= 18 && timeout->tv_sec <= 20);
	close_both(fd);
}

static void check_epoll(void)
{
	struct epoll_event *event = (struct epoll_event *)(area + PAGE - 6);
	int fd[2], epoll = epoll_create1(0);

	REQUIRE(epoll >= 0 && pipe(fd) == 0 && write(fd[1], "x", 1) == 1);
	*event = (struct epoll_event){ .events = EPOLLIN, .data.u64 = 0x123456789abcdef0 };
	paged_out(area, SIZE);
	EXPECT(epoll_ctl(epoll, EPOLL_CTL_ADD, fd[0], event) == 0);
	memset(event, 0, sizeof(*event));
	paged_out(area, SIZE);
	EXPECT(epoll_wait(epoll, event, 1, 1000) == 1);
	EXPECT(event->events == EPOLLIN && event->data.u64 == 0x123456789abcdef0);
	close_both(fd);
	close(epoll);
}

static void ignore(int number)
{
	(void)number;
}

/* Interrupted: what is left is written to paged memory. */
static void check_sleep(void)
{
	struct timespec *wanted = (struct timespec *)(area + PAGE - 8);
	struct timespec *left = (struct timespec *)(area + 3 * PAGE - 8);
	struct itimerval *timer = (struct itimerval *)(area + 5 * PAGE - 16);

	signal(SIGALRM, ignore);
	*wanted = (struct timespec){ 100, 5 };
	*left = (struct timespec){ 0, 0 };
	*timer = (struct itimerval){ { 0, 0 }, { 0, 50000 } };
	paged_out(area, SIZE);
	EXPECT(setitimer(ITIMER_REAL, timer, NULL) == 0);
	EXPECT(nanosleep(wanted, left) == -1 && errno == EINTR);
	EXPECT(left->tv_sec >= 90 && left->tv_sec < 100);
	EXPECT(wanted->tv_sec == 100 && wanted->tv_nsec == 5);
	*wanted = (struct timespec){ 0, 1000 };
	paged_out(area, SIZE);
	EXPECT(clock_nanosleep(CLOCK_MONOTONIC, 0, wanted, left) == 0);
	paged_out(area, SIZE);
	EXPECT(clock_gettime(CLOCK_REALTIME, left) == 0 && left->tv_sec > 1600000000);
}

/* -- signals ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t on_stack, right;
static sigjmp_buf away;

static void use_stack(int number, siginfo_t *info, void *context)
{
	unsigned char own[3 * PAGE];

	(void)context;
	paged_fill(own, sizeof(own), 5, 0);
	on_stack = own > area && own + sizeof(own) < area + SIZE;
	right = info->si_signo == number && paged_holds(own, sizeof(own), 5, 0);
	if (number == SIGUSR2)
		siglongjmp(away, 1);
}

static void check_signal_stack(void)
{
	stack_t *stack = (stack_t *)(area + SIZE - sizeof(stack_t)), before;
	struct sigaction *action = (struct sigaction *)area;

	memset(area, 0, SIZE);
	*action = (struct sigaction){ .sa_flags = SA_SIGINFO | SA_ONSTACK };
	action->sa_sigaction = use_stack;
	*stack = (stack_t){ .ss_sp = area + PAGE, .ss_size = SIZE - 2 * PAGE };
	paged_out(area, SIZE);
	EXPECT(sigaltstack(stack, &before) == 0);
	paged_out(area, SIZE);
	EXPECT(sigaction(SIGUSR1, action, NULL) == 0 && sigaction(SIGUSR2, action, NULL) == 0);
	for (int turn = 0; turn < 3; turn++) {
		on_stack = right = 0;
		paged_out(area, SIZE);
		raise(SIGUSR1);
		EXPECT(on_stack && right);
		on_stack = right = 0;
		paged_out(area, SIZE);
		if (!sigsetjmp(away, 1))
			raise(SIGUSR2);
		EXPECT(on_stack && right);
	}
	stack->ss_flags = SS_DISABLE;
	EXPECT(sigaltstack(stack, NULL) == 0);
}

static void check_signal_structures(void)
{
	sigset_t *set = (sigset_t *)(area + PAGE - 8), pending;
	siginfo_t *info = (siginfo_t *)(area + 3 * PAGE - 24);
	struct timespec *timeout = (struct timespec *)(area + 5 * PAGE - 8);

	memset(area, 0, SIZE);
	sigaddset(set, SIGUSR1);
	paged_out(area, SIZE);
	EXPECT(sigprocmask(SIG_BLOCK, set, NULL) == 0);
	*timeout = (struct timespec){ 1, 0 };
	sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 4711 });
	EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
	paged_out(area, SIZE);
	EXPECT(sigtimedwait(set, info, timeout) == SIGUSR1);
	EXPECT(info->si_signo == SIGUSR1 && info->si_value.sival_int == 4711);
	EXPECT(sigprocmask(SIG_UNBLOCK, set, NULL) == 0);
}

/* -- another program ---------------------------------------------------------------------------- */

/* Its path, arguments and environment lie in paged memory. */
static void check_exec(void)
{
	char **argv = (char **)(area + PAGE - 16), *name = (char *)area + 3 * PAGE - 6;
	char *script = (char *)area + 5 * PAGE - 5, **envp = (char **)(area + 7 * PAGE - 8);
	char *variable = (char *)area + 9 * PAGE - 3;
	int status;
	pid_t pid;

	argv[0] = name;
	argv[1] = strcpy(script, "-c");
	argv[2] = strcpy(script + 3, "test \"$IT\" = 'so it is'");
	argv[3] = NULL;
	envp[0] = strcpy(variable, "IT=so it is");
	envp[1] = NULL;
	strcpy(name, "/bin/sh");
	paged_out(area, SIZE);
	pid = vfork();
	if (pid == 0) {
		syscall(SYS_execve, name, argv, envp);
		_exit(111);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

/* A userfaultfd of the program's own: what it registers is still there, what it discards comes
 * from it. */
static void check_userfaultfd(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API };
	unsigned char *own = paged_map(SIZE);
	struct uffdio_register reg = { .range = { .start = (uintptr_t)own, .len = SIZE },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = (uintptr_t)own + PAGE, .len = PAGE };
	struct uffdio_copy again;

	REQUIRE(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0);
	paged_fill(own, SIZE, 3, 0);
	/* Part of it cannot be read meanwhile. */
	REQUIRE(mprotect(own + SIZE / 2, 4 * PAGE, PROT_NONE) == 0);
	paged_out(own, SIZE);
	EXPECT(ioctl(fd, UFFDIO_REGISTER, &reg) == 0);
	EXPECT(mprotect(own + SIZE / 2, 4 * PAGE, PROT_READ | PROT_WRITE) == 0);
	EXPECT(paged_holds(own, SIZE, 3, 0));
	EXPECT(paged_stays(own, SIZE));
	paged_fill(area, PAGE, 4, 0);
	copy.src = (uintptr_t)area;
	again = copy;
	EXPECT(madvise(own + PAGE, PAGE, MADV_DONTNEED) == 0);
	EXPECT(ioctl(fd, UFFDIO_COPY, &copy) == 0 && copy.copy == (long long)PAGE);
	EXPECT(paged_holds(own + PAGE, PAGE, 4, 0) && paged_holds(own, PAGE, 3, 0));
	EXPECT(ioctl(fd, UFFDIO_COPY, &again) == -1 && errno == EEXIST);
	close(fd);
	munmap(own, SIZE);
}

/* Memory of its own between pages that are managed: these come, it stays away. */
static void check_neighbours(void)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	struct uffdio_api api = { .api = UFFD_API };
	unsigned char *all = paged_map(64 * PAGE), *own = all + 21 * PAGE;
	struct uffdio_register reg = { .range = { .start = (uintptr_t)own, .len = SIZE },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };

	REQUIRE(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0);
	REQUIRE(ioctl(fd, UFFDIO_REGISTER, &reg) == 0);
	for (size_t i = 0; i < 64; i++)
		if (i < 21 || i >= 21 + SIZE / PAGE)
			paged_fill(all + i * PAGE, PAGE, 5, i * PAGE);
	EXPECT(paged_resident(own, SIZE) == 0);
	close(fd);
	EXPECT(paged_holds(all, 21 * PAGE, 5, 0));
	munmap(all, 64 * PAGE);
}

int main(int argc, char **argv)
{
	int fd;

	file = argc > 1 ? argv[1] : "calls.data";
	paged_start(32 << 20);
	area = paged_map(SIZE);
	paged_fill(plain, LENGTH, 2, 0);
	fd = open(file, O_CREAT | O_RDWR | O_TRUNC, 0600);
	REQUIRE(fd >= 0 && write(fd, plain, LENGTH) == LENGTH && close(fd) == 0);
	check_reads();
	check_writes();
	check_sends();
	check_receives();
	check_messages();
	check_socket_options();
	check_directory();
	check_status();
	check_small_answers();
	check_poll();
	check_select();
	check_epoll();
	check_sleep();
	check_signal_stack();
	check_signal_structures();
	check_exec();
	/* Faults that wait to be served meanwhile are not of our memory any more. */
	for (unsigned i = 0; i < 20; i++)
		check_userfaultfd();
	check_neighbours();
	return paged_result();
}
