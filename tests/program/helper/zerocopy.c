/* SPDX-License-Identifier: MIT */
/* zerocopy.c - pages that a pipe or a socket would hold on to: zerocopy DIRECTORY
 *
 * The kernel would keep the frames of what is given to vmsplice(2), or sent with MSG_ZEROCOPY,
 * while the pager gives them to other pages.
 */
#include "paged.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#define MSG_ZEROCOPY 0x4000000
#endif

#define PIPE (64 * 1024)
#define PIECE (8 * PAGE)

static unsigned char plain[PIPE];

static bool pipe_holds(int fd, size_t size, unsigned seed, size_t from)
{
	size_t got = 0;
	ssize_t n = 1;

	while (got < size && n > 0) {
		n = read(fd, plain + got, size - got);
		got += n > 0 ? (size_t)n : 0;
	}
	return got == size && paged_holds(plain, size, seed, from);
}

/* Other contents, and other pages in its frames. */
static void overwrite(void *area, size_t size, unsigned seed)
{
	paged_fill(area, size, seed, 0);
	paged_out(area, size);
	paged_stir();
}

/* -- vmsplice ------------------------------------------------------------------------------ */

static void check_contents(const int fd[2], unsigned char *area)
{
	struct iovec iov[4] = { { area + 100, PIECE - 100 },
				{ area, 0 },
				{ plain, 50 },
				{ area + PIECE, PAGE } };

	for (unsigned turn = 0; turn < 5; turn++) {
		paged_fill(area, 4 * PIECE, 1, 0);
		paged_out(area, 4 * PIECE);
		EXPECT(vmsplice(fd[1], iov, 1, turn % 2 ? SPLICE_F_NONBLOCK : 0) == PIECE - 100);
		overwrite(area, 4 * PIECE, 2);
		EXPECT(pipe_holds(fd[0], PIECE - 100, 1, 100));
	}
	paged_fill(area, 4 * PIECE, 1, 0);
	paged_fill(plain, 50, 3, 0);
	paged_out(area, 4 * PIECE);
	EXPECT(vmsplice(fd[1], iov, 4, 0) == (ssize_t)(PIECE - 100 + 50 + PAGE));
	overwrite(area, 4 * PIECE, 2);
	EXPECT(pipe_holds(fd[0], PIECE - 100, 1, 100));
	EXPECT(pipe_holds(fd[0], 50, 3, 0));
	EXPECT(pipe_holds(fd[0], PAGE, 1, PIECE));
}

/* Never waits, takes what fits, and says so when nothing does. */
static void check_not_waiting(const int fd[2], unsigned char *area)
{
	size_t all = 0;
	ssize_t n = 0;

	paged_fill(area, 4 * PIECE, 1, 0);
	paged_out(area, 4 * PIECE);
	for (unsigned turn = 0; turn < 100 && n >= 0; turn++) {
		struct iovec iov = { area + all, 3 * PAGE };

		n = vmsplice(fd[1], &iov, 1, SPLICE_F_NONBLOCK);
		all += n > 0 ? (size_t)n : 0;
		if (all + 3 * PAGE > 4 * PIECE)
			break;
	}
	EXPECT(n == -1 && errno == EAGAIN);
	EXPECT(all > 0 && all <= PIPE);
	overwrite(area, 4 * PIECE, 2);
	EXPECT(pipe_holds(fd[0], all, 1, 0));
}

/* One that waits does so until there is room, not until there is room for all. */
static void check_too_large(const int fd[2], unsigned char *area)
{
	struct iovec iov = { area, 4 * PIECE };
	ssize_t n;

	paged_fill(area, 4 * PIECE, 1, 0);
	paged_out(area, 4 * PIECE);
	n = vmsplice(fd[1], &iov, 1, 0);
	EXPECT(n > 0 && n <= PIPE);
	overwrite(area, 4 * PIECE, 2);
	EXPECT(n > 0 && pipe_holds(fd[0], (size_t)n, 1, 0));
}

static void *read_later(void *arg)
{
	const int *fd = arg;

	usleep(50000);
	EXPECT(pipe_holds(fd[0], PIPE, 1, 0));
	return NULL;
}

static void check_waiting(int fd[2], unsigned char *area)
{
	struct iovec iov = { area, PIPE };
	int flags = fcntl(fd[1], F_GETFL);
	pthread_t thread;

	paged_fill(area, 4 * PIECE, 1, 0);
	EXPECT(vmsplice(fd[1], &iov, 1, 0) == PIPE);
	paged_out(area, 4 * PIECE);
	REQUIRE(pthread_create(&thread, NULL, read_later, fd) == 0);
	fcntl(fd[1], F_SETFL, flags | O_NONBLOCK); /* does not matter to vmsplice */
	iov.iov_len = PAGE;
	EXPECT(vmsplice(fd[1], &iov, 1, 0) == (ssize_t)PAGE);
	fcntl(fd[1], F_SETFL, flags);
	pthread_join(thread, NULL);
	EXPECT(pipe_holds(fd[0], PAGE, 1, 0));
}

static void check_errors(unsigned char *area)
{
	struct iovec iov = { area, PAGE };
	int fd[2], file = open("zerocopy.data", O_RDWR | O_CREAT, 0600);

	REQUIRE(pipe(fd) == 0 && file >= 0);
	close(fd[0]);
	EXPECT(vmsplice(fd[1], &iov, 1, 0) == -1 && errno == EPIPE);
	close(fd[1]);
	EXPECT(vmsplice(fd[1], &iov, 1, 0) == -1 && errno == EBADF);
	EXPECT(vmsplice(file, &iov, 1, 0) == -1 && errno == EBADF);
	close(file);
}

static void check_from_pipe(const int fd[2], unsigned char *area)
{
	struct iovec iov = { area + 100, PIECE };

	paged_fill(plain, PIECE, 2, 0);
	paged_fill(area, 2 * PIECE, 1, 0);
	paged_out(area, 2 * PIECE);
	REQUIRE(write(fd[1], plain, PIECE) == PIECE);
	EXPECT(vmsplice(fd[0], &iov, 1, 0) == PIECE);
	EXPECT(paged_holds(area, 100, 1, 0) && paged_holds(area + 100, PIECE, 2, 0));
	EXPECT(paged_holds(area + 100 + PIECE, PIECE - 100, 1, 100 + PIECE));
}

static void check_vmsplice(void)
{
	unsigned char *area = paged_map(4 * PIECE);
	int fd[2], fifo;

	REQUIRE(pipe(fd) == 0);
	check_contents(fd, area);
	check_not_waiting(fd, area);
	check_too_large(fd, area);
	check_waiting(fd, area);
	check_from_pipe(fd, area);
	close(fd[0]);
	close(fd[1]);
	/* One with a name, which cannot be told not to wait by each call. */
	REQUIRE(mkfifo("fifo", 0600) == 0);
	fifo = open("fifo", O_RDWR);
	fd[1] = open("fifo", O_WRONLY);
	fd[0] = open("fifo", O_RDONLY);
	REQUIRE(fifo >= 0 && fd[0] >= 0 && fd[1] >= 0 && close(fifo) == 0);
	check_contents(fd, area);
	check_not_waiting(fd, area);
	check_too_large(fd, area);
	close(fd[0]);
	close(fd[1]);
	check_errors(area);
	munmap(area, 4 * PIECE);
}

/* -- MSG_ZEROCOPY ---------------------------------------------------------------------------- */

#define BUFFER (64 * 1024)
#define BUFFERS 16
#define ROUNDS 12
#define LARGE 40 /* buffers at once */
#define ALL (BUFFERS * ROUNDS + LARGE)

static void connect_to_self(int fd[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, large = 4 << 20;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	REQUIRE(bind(listener, (void *)&address, size) == 0 && listen(listener, 1) == 0);
	REQUIRE(getsockname(listener, (void *)&address, &size) == 0);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof(large));
	REQUIRE(connect(fd[0], (void *)&address, size) == 0);
	fd[1] = accept(listener, NULL, NULL);
	REQUIRE(fd[1] >= 0);
	close(listener);
	if (setsockopt(fd[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one))) {
		printf("no SO_ZEROCOPY: not tested\n");
		exit(77);
	}
}

static _Atomic bool may_read;
static _Atomic unsigned received;

static void *receive_all(void *arg)
{
	int fd = *(int *)arg;

	for (unsigned n = 0; n < ALL; n++) {
		while (!may_read)
			usleep(1000);
		if (recv(fd, plain, BUFFER, MSG_WAITALL) != BUFFER)
			break;
		EXPECT(paged_holds(plain, BUFFER, n + 1, 0));
		received++;
	}
	return NULL;
}

/* Takes what the error queue has: how many sends are done. */
static unsigned completions(int fd)
{
	char control[256];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct sock_extended_err error;

	if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return 0;
	memcpy(&error, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(error));
	EXPECT(error.ee_origin == SO_EE_ORIGIN_ZEROCOPY && error.ee_errno == 0);
	return error.ee_data - error.ee_info + 1;
}

static void wait_for_completions(int fd, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		unsigned more = completions(fd);

		done += more;
		if (!more)
			REQUIRE(poll(&(struct pollfd){ .fd = fd }, 1, 20000) == 1);
	}
	EXPECT(done == n);
}

static ssize_t send_one(int fd, unsigned how, void *data)
{
	struct iovec iov[2] = { { data, PAGE + 1 },
				{ (char *)data + PAGE + 1, BUFFER - PAGE - 1 } };
	struct mmsghdr messages = { .msg_hdr = { .msg_iov = iov, .msg_iovlen = 2 } };

	switch (how % 4) {
	case 0:
		return send(fd, data, BUFFER, MSG_ZEROCOPY);
	case 1:
		return sendto(fd, data, BUFFER, MSG_ZEROCOPY, NULL, 0);
	case 2:
		return sendmsg(fd, &messages.msg_hdr, MSG_ZEROCOPY);
	default:
		return sendmmsg(fd, &messages, 1, MSG_ZEROCOPY) == 1 ? (ssize_t)messages.msg_len
								     : -1;
	}
}

/* In each round all buffers are sent while nobody reads, then paged out, and not touched until
 * the kernel is done with them.  All rounds together send more than the budget. */
static void send_round(int fd, unsigned round)
{
	unsigned char *area = paged_map(BUFFERS * BUFFER);
	unsigned sent = 0;

	may_read = false;
	for (unsigned i = 0; i < BUFFERS; i++)
		paged_fill(area + i * BUFFER, BUFFER, round * BUFFERS + i + 1, 0);
	paged_out(area, BUFFERS * BUFFER);
	for (; sent < BUFFERS; sent++) {
		ssize_t n = send_one(fd, round + sent, area + sent * BUFFER);

		if (n != BUFFER)
			fprintf(stderr, "round %u, buffer %u: %zd\n", round, sent, n);
		REQUIRE(n == BUFFER);
	}
	madvise(area, BUFFERS * BUFFER, MADV_PAGEOUT);
	paged_stir();
	may_read = true;
	wait_for_completions(fd, sent);
	for (unsigned i = 0; i < BUFFERS; i++)
		EXPECT(paged_holds(area + i * BUFFER, BUFFER, round * BUFFERS + i + 1, 0));
}

/* One send, and one completion. */
static void send_large(int fd)
{
	unsigned char *area = paged_map(LARGE * BUFFER);

	for (unsigned i = 0; i < LARGE; i++)
		paged_fill(area + i * BUFFER, BUFFER, BUFFERS * ROUNDS + i + 1, 0);
	paged_out(area, LARGE * BUFFER);
	EXPECT(send(fd, area, LARGE * BUFFER, MSG_ZEROCOPY) == LARGE * BUFFER);
	paged_out(area, LARGE * BUFFER);
	paged_stir();
	wait_for_completions(fd, 1);
	EXPECT(completions(fd) == 0);
}

static void check_zerocopy(void)
{
	pthread_t thread;
	int fd[2];

	connect_to_self(fd);
	REQUIRE(pthread_create(&thread, NULL, receive_all, &fd[1]) == 0);
	for (unsigned round = 0; round < ROUNDS; round++)
		send_round(fd[0], round);
	send_large(fd[0]);
	close(fd[0]);
	pthread_join(thread, NULL);
	EXPECT(received == ALL);
	close(fd[1]);
}

int main(int argc, char **argv)
{
	REQUIRE(argc > 1 && chdir(argv[1]) == 0);
	signal(SIGPIPE, SIG_IGN);
	alarm(50);
	paged_start(32 << 20);
	check_vmsplice();
	check_zerocopy();
	return paged_result();
}
