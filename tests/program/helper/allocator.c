/* SPDX-License-Identifier: MIT */
/* allocator.c - the malloc family where it is called from odd places: allocator [WHAT]
 *
 *	(nothing)	all of its functions; before constructors, in fork handlers, destructors
 *	keep, touch, free	a million small objects are paged out; and some are touched, which
 *			reads; or all are freed, which reads nothing
 */
#include "paged.h"
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE 100000
#define PIECES 64

static void *new_piece(unsigned seed)
{
	void *piece = malloc(PIECE);

	REQUIRE(piece);
	paged_fill(piece, PIECE, seed, 0);
	return piece;
}

static bool piece_holds(void *piece, unsigned seed)
{
	return paged_holds(piece, PIECE, seed, 0);
}

/* -- before any constructor, the pager's among them ------------------------------------------ */

static void *early[PIECES];

static void be_early(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	(void)envp;
	for (unsigned i = 0; i < PIECES; i++)
		early[i] = new_piece(i);
	for (unsigned i = 0; i < PIECES; i += 2) {
		free(early[i]);
		early[i] = new_piece(i + 100);
	}
}

__attribute__((section(".preinit_array"),
	       used)) static void (*const early_function)(int, char **, char **) = be_early;

static void check_early(void)
{
	paged_stir();
	for (unsigned i = 0; i < PIECES; i++) {
		EXPECT(piece_holds(early[i], i % 2 ? i : i + 100));
		early[i] = realloc(early[i], 2 * PIECE);
		EXPECT(piece_holds(early[i], i % 2 ? i : i + 100));
		free(early[i]);
	}
}

/* -- all functions ------------------------------------------------------------------------------ */

static void check_aligned(void *ptr, size_t align, size_t size)
{
	REQUIRE(ptr);
	EXPECT((uintptr_t)ptr % align == 0);
	EXPECT(malloc_usable_size(ptr) >= size);
	paged_fill(ptr, malloc_usable_size(ptr), 4, 0);
	EXPECT(paged_holds(ptr, malloc_usable_size(ptr), 4, 0));
	free(ptr);
}

static void check_alignments(void)
{
	void *ptr;

	for (size_t align = 16; align <= 1 << 20; align *= 2) {
		for (size_t size = align / 2 + 1; size < 3 * align; size += align) {
			check_aligned(aligned_alloc(align, size), align, size);
			check_aligned(memalign(align, size), align, size);
			ptr = NULL;
			EXPECT(posix_memalign(&ptr, align, size) == 0);
			check_aligned(ptr, align, size);
		}
	}
	check_aligned(valloc(100), PAGE, 100);
	ptr = pvalloc(PAGE + 1);
	check_aligned(ptr, PAGE, 2 * PAGE);
	EXPECT(posix_memalign(&ptr, 3, 100) == EINVAL);
}

static bool is_zero(const unsigned char *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i])
			return false;
	return true;
}

static void check_sizes(void)
{
	volatile size_t absurd = SIZE_MAX / 2;
	unsigned char *volatile ptr = reallocarray(NULL, 1000, 100); /* or compilers know better */
	void *volatile none;
	unsigned char *zeros;

	REQUIRE(ptr);
	paged_fill(ptr, PIECE, 5, 0);
	paged_stir();
	ptr = reallocarray(ptr, 10000, 100);
	EXPECT(ptr && paged_holds(ptr, PIECE, 5, 0));
	EXPECT(reallocarray(ptr, absurd, 16) == NULL && errno == ENOMEM);
	none = calloc(absurd, 16);
	EXPECT(none == NULL && errno == ENOMEM);
	none = malloc(absurd);
	EXPECT(none == NULL && errno == ENOMEM);
	errno = 0;
	none = valloc(absurd);
	EXPECT(none == NULL && errno == ENOMEM);
	errno = 0;
	none = pvalloc(2 * absurd);
	EXPECT(none == NULL && errno == ENOMEM);
	errno = 0;
	none = memalign(absurd + 2, 100); /* no power of two is as large */
	EXPECT(none == NULL && errno == EINVAL);
	EXPECT(paged_holds(ptr, PIECE, 5, 0));
	free(ptr);
	zeros = calloc(1000, 100); /* where other contents were */
	EXPECT(zeros && is_zero(zeros, PIECE));
	EXPECT(realloc(zeros, 0) == NULL);
	EXPECT(malloc_usable_size(NULL) == 0);
}

/* Of C23; libc may not have them. */
static void check_sized(void)
{
	void (*sized)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
	void (*aligned)(void *, size_t, size_t) =
		(void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");

	REQUIRE(sized && aligned);
	for (unsigned n = 0; n < 1000; n++) {
		sized(new_piece(n), PIECE);
		aligned(aligned_alloc(PAGE, 3 * PAGE), PAGE, 3 * PAGE);
	}
}

/* What malloc_stats prints; it goes to stderr. */
static void check_stats(void)
{
	int saved = dup(STDERR_FILENO), file = memfd_create("stats", MFD_CLOEXEC);
	char text[4096] = "";

	REQUIRE(saved >= 0 && file >= 0 && dup2(file, STDERR_FILENO) == STDERR_FILENO);
	malloc_stats();
	REQUIRE(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
	EXPECT(pread(file, text, sizeof(text) - 1, 0) > 0);
	EXPECT(strstr(text, "Allocated: ") != NULL);
	close(saved);
	close(file);
}

/* What headers warn of, or no longer have. */
static void check_old(void)
{
	struct mallinfo (*info)(void) = (struct mallinfo(*)(void))dlsym(RTLD_DEFAULT, "mallinfo");
	void (*release)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "cfree");
	void *piece[PIECES];
	int used;

	REQUIRE(info && release);
	used = info().uordblks;
	for (unsigned i = 0; i < PIECES; i++)
		piece[i] = new_piece(i);
	EXPECT(info().uordblks >= used + PIECES * PIECE);
	for (unsigned i = 0; i < PIECES; i++)
		release(piece[i]);
	EXPECT(info().uordblks < used + PIECES * PIECE);
	EXPECT(mallopt(M_MMAP_THRESHOLD, PIECE) == 1);
}

/* Objects that glibc maps singly are told of apart; to free a small one is a free piece more. */
static void check_pieces(void)
{
	struct mallinfo2 before = mallinfo2(), now;
	void *large[10], *small[2000];

	for (unsigned i = 0; i < 10; i++)
		REQUIRE(large[i] = malloc(128 << 10));
	for (unsigned i = 0; i < 2000; i++)
		REQUIRE(small[i] = malloc(1000));
	now = mallinfo2();
	EXPECT(now.hblks == before.hblks + 10);
	EXPECT(now.hblkhd > before.hblkhd + 10 * (128 << 10));
	EXPECT(now.uordblks >= before.uordblks + 2000 * 1000);
	EXPECT(now.uordblks < before.uordblks + 3000 * 1000);
	EXPECT(now.arena == now.uordblks + now.fordblks && now.keepcost <= now.fordblks);
	before = now;
	for (unsigned i = 0; i < 2000; i += 2)
		free(small[i]);
	now = mallinfo2();
	EXPECT(now.ordblks >= before.ordblks + 900);
	EXPECT(now.fordblks >= before.fordblks + 900 * 1000);
	for (unsigned i = 1; i < 2000; i += 2)
		free(small[i]);
	for (unsigned i = 0; i < 10; i++)
		free(large[i]);
	EXPECT(mallinfo2().hblks == before.hblks - 10);
}

/* The names of glibc's own: what one of them gives, any free takes, and the other way round. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t align, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_free(void *ptr);

static void check_libc_names(void)
{
	static const size_t sizes[] = { 24, 5000, 3 << 20 };

	for (unsigned i = 0; i < 3; i++) {
		unsigned char *zeros = __libc_calloc(2, sizes[i] / 2);
		void *ptr = __libc_malloc(sizes[i]);

		REQUIRE(zeros && ptr);
		EXPECT(is_zero(zeros, sizes[i] / 2 * 2));
		EXPECT(malloc_usable_size(ptr) >= sizes[i]);
		free(zeros);
		free(__libc_realloc(ptr, 2 * sizes[i]));
		__libc_free(realloc(__libc_malloc(10), sizes[i]));
		__libc_free(malloc(sizes[i]));
		check_aligned(__libc_memalign(256, sizes[i]), 256, sizes[i]);
		check_aligned(__libc_valloc(sizes[i]), PAGE, sizes[i]);
		check_aligned(__libc_pvalloc(sizes[i]), PAGE, sizes[i]);
	}
}

static void check_info(void)
{
	void *piece[PIECES];
	size_t used = mallinfo2().uordblks;
	char *text = NULL;
	size_t size = 0;
	FILE *file;

	for (unsigned i = 0; i < PIECES; i++)
		piece[i] = new_piece(i);
	EXPECT(mallinfo2().uordblks >= used + PIECES * PIECE);
	file = open_memstream(&text, &size);
	EXPECT(malloc_info(0, file) == 0);
	EXPECT(malloc_info(1, file) != 0);
	fclose(file);
	EXPECT(strncmp(text, "<malloc version=\"", 17) == 0);
	EXPECT(size > 10 && strcmp(text + size - 10, "</malloc>\n") == 0);
	EXPECT(strstr(text, "<system type=\"current\" size=\"") != NULL);
	EXPECT(strstr(text, "<total type=\"mmap\" count=\"") != NULL);
	free(text);
	for (unsigned i = 0; i < PIECES; i++)
		free(piece[i]);
	EXPECT(malloc_trim(0) == 1);
	EXPECT(mallinfo2().uordblks < used + PIECES * PIECE);
}

/* -- fork handlers -------------------------------------------------------------------------------- */

static void *held[3];
static unsigned held_count;

static void hold(void)
{
	free(held[0]);
	held[0] = new_piece(held_count++);
}

static void check_fork_handlers(void)
{
	int status = 0;
	pid_t pid;

	pthread_atfork(hold, hold, hold);
	for (unsigned n = 0; n < 5; n++) {
		paged_stir();
		pid = fork();
		if (pid == 0)
			_exit(!piece_holds(held[0], held_count - 1));
		EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
		EXPECT(piece_holds(held[0], held_count - 1));
	}
}

/* -- destructors of threads, and their last allocations ------------------------------------------------ */

static pthread_key_t key;

static void destroy(void *value)
{
	EXPECT(piece_holds(value, 6));
	free(value);
	value = new_piece(7);
	EXPECT(piece_holds(value, 7));
	free(value);
}

static void *leave_piece(void *arg)
{
	pthread_setspecific(key, new_piece(6));
	paged_stir();
	return arg;
}

static void check_destructors(void)
{
	pthread_t thread[4];

	pthread_key_create(&key, destroy);
	for (unsigned turn = 0; turn < 5; turn++) {
		for (unsigned t = 0; t < 4; t++)
			REQUIRE(pthread_create(&thread[t], NULL, leave_piece, NULL) == 0);
		for (unsigned t = 0; t < 4; t++)
			pthread_join(thread[t], NULL);
	}
}

/* -- signals: they interrupt malloc and the pager anywhere, and touch paged memory ----------------------- */

static unsigned char *touched;
static volatile sig_atomic_t signals, wrong;

static void touch(int number)
{
	size_t at = (size_t)signals * 7919 * PAGE % (256 * PAGE);

	(void)number;
	wrong |= touched[at] != paged_byte(8, at);
	signals++;
}

static void check_signals(void)
{
	struct itimerspec often = { { 0, 200000 }, { 0, 200000 } };
	struct sigaction action = { .sa_handler = touch, .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer;

	touched = paged_map(256 * PAGE);
	paged_fill(touched, 256 * PAGE, 8, 0);
	sigaction(SIGUSR1, &action, NULL);
	REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	timer_settime(timer, 0, &often, NULL);
	for (unsigned n = 0; n < 500; n++) {
		void *piece = new_piece(n);

		piece = realloc(piece, PIECE * (1 + n % 7));
		EXPECT(piece_holds(piece, n));
		free(piece);
		if (n % 50 == 0)
			malloc_trim(0);
	}
	timer_delete(timer);
	EXPECT(signals > 0 && !wrong);
}

/* -- a million objects ------------------------------------------------------------------------------------ */

#define OBJECTS 1000000
#define OBJECT_SIZE 48

static int main_objects(const char *what)
{
	void **object = mmap(NULL, OBJECTS * sizeof(*object), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* not paged */

	REQUIRE(object != MAP_FAILED);
	for (unsigned i = 0; i < OBJECTS; i++) {
		object[i] = malloc(OBJECT_SIZE);
		REQUIRE(object[i]);
		paged_fill(object[i], OBJECT_SIZE, i, 0);
	}
	paged_start(16 << 20);
	for (unsigned i = 0; strcmp(what, "free") == 0 && i < OBJECTS; i++)
		free(object[i * 7919ul % OBJECTS]);
	for (unsigned i = 0; strcmp(what, "touch") == 0 && i < OBJECTS; i += OBJECTS / 1000)
		REQUIRE(paged_holds(object[i], OBJECT_SIZE, i, 0));
	return 0; /* the rest is not looked at: that would read too */
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return main_objects(argv[1]);
	paged_start(24 << 20);
	check_early();
	check_alignments();
	check_sizes();
	check_sized();
	check_info();
	check_pieces();
	check_old();
	check_libc_names();
	check_stats();
	check_fork_handlers();
	check_destructors();
	check_signals();
	return paged_result();
}
