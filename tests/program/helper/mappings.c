/* SPDX-License-Identifier: MIT */
/* mappings.c - memory of every other kind than the pager manages, beside what it does
 *
 * Shared memory, files, memfds, stacks, huge pages and the break pass through with the contents
 * that they should have, while everything else is paged.
 */
#include "base/newer.h"
#include "paged.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (256 * PAGE)

/* The kernel's memory must be what it was after others came and went, in a child too. */
static void check_kept(unsigned char *at, size_t size, unsigned seed)
{
	int status = 0;
	pid_t pid;

	paged_stir();
	EXPECT(paged_holds(at, size, seed, 0));
	pid = fork();
	if (pid == 0)
		_exit(!paged_holds(at, size, seed, 0));
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

static void check_mapped(void *at, size_t size, unsigned seed)
{
	REQUIRE(at != MAP_FAILED);
	paged_fill(at, size, seed, 0);
	check_kept(at, size, seed);
	EXPECT(munmap(at, size) == 0);
}

/* -- System V ------------------------------------------------------------------------------- */

static void check_shm(void)
{
	int id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
	unsigned char *one, *other;
	int status = 0;
	pid_t pid;

	REQUIRE(id >= 0);
	one = shmat(id, NULL, 0);
	other = shmat(id, NULL, SHM_RDONLY);
	shmctl(id, IPC_RMID, NULL);
	REQUIRE(one != (void *)-1 && other != (void *)-1);
	paged_fill(one, SIZE, 3, 0);
	check_kept(other, SIZE, 3);
	pid = fork();
	if (pid == 0) {
		paged_fill(one, SIZE, 4, 0);
		_exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(paged_holds(other, SIZE, 4, 0));
	EXPECT(shmdt(one) == 0 && shmdt(other) == 0);
}

/* -- memfds and files ----------------------------------------------------------------------------- */

/* Written through one mapping, seen in all, but not what is written to a private one. */
static void check_descriptor(int fd)
{
	int both = PROT_READ | PROT_WRITE;
	unsigned char *shared, *again, *private;
	unsigned char buf[PAGE];

	REQUIRE(fd >= 0 && ftruncate(fd, SIZE) == 0);
	shared = mmap(NULL, SIZE, both, MAP_SHARED, fd, 0);
	again = mmap(NULL, SIZE, both, MAP_SHARED, fd, 0);
	private = mmap(NULL, SIZE, both, MAP_PRIVATE, fd, 0);
	REQUIRE(shared != MAP_FAILED && again != MAP_FAILED && private != MAP_FAILED);
	paged_fill(shared, SIZE, 5, 0);
	check_kept(again, SIZE, 5);
	check_kept(private, SIZE, 5);
	paged_fill(private, SIZE, 6, 0);
	check_kept(private, SIZE, 6);
	EXPECT(madvise(private, SIZE / 2, MADV_DONTNEED) == 0);
	EXPECT(paged_holds(private, SIZE / 2, 5, 0));
	EXPECT(paged_holds(private + SIZE / 2, SIZE / 2, 6, SIZE / 2));
	EXPECT(msync(shared, SIZE, MS_SYNC) == 0);
	EXPECT(pread(fd, buf, PAGE, PAGE) == PAGE && paged_holds(buf, PAGE, 5, PAGE));
	EXPECT(munmap(shared, SIZE) == 0 && munmap(again, SIZE) == 0 && munmap(private, SIZE) == 0);
	close(fd);
}

/* A file in the middle of managed memory, and managed memory in its place again. */
static void check_file_within(void)
{
	int fd = memfd_create("within", 0), both = PROT_READ | PROT_WRITE;
	unsigned char *area = paged_map(SIZE), *middle = area + SIZE / 4;

	REQUIRE(fd >= 0 && ftruncate(fd, SIZE) == 0);
	paged_fill(area, SIZE, 1, 0);
	paged_out(area, SIZE);
	REQUIRE(mmap(middle, SIZE / 2, both, MAP_SHARED | MAP_FIXED, fd, 0) == middle);
	paged_fill(middle, SIZE / 2, 2, 0);
	paged_out(area, SIZE / 4);
	paged_stir();
	EXPECT(paged_holds(area, SIZE / 4, 1, 0) && paged_holds(middle, SIZE / 2, 2, 0));
	EXPECT(paged_holds(area + 3 * SIZE / 4, SIZE / 4, 1, 3 * SIZE / 4));
	REQUIRE(mmap(middle, SIZE / 2, both, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		middle);
	EXPECT(middle[0] == 0 && middle[SIZE / 2 - 1] == 0);
	paged_fill(middle, SIZE / 2, 3, 0);
	paged_out(area, SIZE);
	EXPECT(paged_holds(area, SIZE / 4, 1, 0) && paged_holds(middle, SIZE / 2, 3, 0));
	EXPECT(mmap(middle, PAGE, both, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
		       MAP_FAILED &&
	       errno == EEXIST);
	EXPECT(paged_holds(middle, SIZE / 2, 3, 0));
	munmap(area, SIZE);
	close(fd);
}

/* -- places and kinds ------------------------------------------------------------------------------ */

static void check_kinds(void)
{
	int both = PROT_READ | PROT_WRITE, mine = MAP_PRIVATE | MAP_ANONYMOUS;
	unsigned char *low, *huge;

	check_mapped(mmap(NULL, SIZE, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0), SIZE, 7);
	check_mapped(mmap(NULL, SIZE, both, mine | MAP_STACK, -1, 0), SIZE, 8);
	check_mapped(mmap(NULL, SIZE, both, mine | MAP_GROWSDOWN, -1, 0), SIZE, 9);
	check_mapped(mmap(NULL, SIZE, both, mine | MAP_POPULATE, -1, 0), SIZE, 10);
	check_mapped(mmap(NULL, SIZE, both, mine | MAP_NORESERVE, -1, 0), SIZE, 11);
#ifdef MAP_32BIT
	low = mmap(NULL, SIZE, both, mine | MAP_32BIT, -1, 0);
	REQUIRE(low != MAP_FAILED);
	EXPECT((uintptr_t)low + SIZE <= (uintptr_t)1 << 31);
	paged_fill(low, SIZE, 12, 0);
	paged_out(low, SIZE); /* ordinary memory, but for its place */
	EXPECT(paged_holds(low, SIZE, 12, 0));
	check_mapped(low, SIZE, 13);
#endif
	huge = mmap(NULL, 2 << 20, both, mine | MAP_HUGETLB, -1, 0);
	if (huge == MAP_FAILED)
		EXPECT(errno == ENOMEM);
	else
		check_mapped(huge, 2 << 20, 14);
}

/* mprotect with a key, or without one (-1), which any processor can. */
static void check_keys(void)
{
	unsigned char *at = paged_map(32 * PAGE);

	paged_fill(at, 32 * PAGE, 7, 0);
	paged_out(at, 32 * PAGE);
	EXPECT(pkey_mprotect(at, 16 * PAGE, PROT_READ, -1) == 0);
	EXPECT(paged_holds(at, 32 * PAGE, 7, 0));
	EXPECT(pkey_mprotect(at, 16 * PAGE, PROT_READ | PROT_WRITE, -1) == 0);
	paged_fill(at, 32 * PAGE, 8, 0);
	EXPECT(paged_holds(at, 32 * PAGE, 8, 0));
	EXPECT(pkey_mprotect(at, PAGE, PROT_READ, 99) == -1 && errno == EINVAL);
	munmap(at, 32 * PAGE);
}

static void check_break(void)
{
	unsigned char *start = sbrk(0), *old = sbrk((intptr_t)SIZE);

	REQUIRE(old == start && sbrk(0) == start + SIZE);
	paged_fill(start, SIZE, 15, 0);
	check_kept(start, SIZE, 15);
	EXPECT(brk(start + 2 * SIZE) == 0);
	EXPECT(start[SIZE] == 0 && start[2 * SIZE - 1] == 0);
	EXPECT(paged_holds(start, SIZE, 15, 0));
	EXPECT(brk(start) == 0 && sbrk(0) == start);
}

/* What moved is all there, and what it left is zeros; also onto memory that is paged. */
static void check_left_mapped(bool fixed)
{
	size_t size = 256 << 10;
	unsigned char *from = paged_map(size), *onto = fixed ? paged_map(size) : NULL, *to;

	paged_fill(from, size, 5, 0);
	paged_out(from, size);
	to = mremap(from, size, size,
		    MREMAP_MAYMOVE | MREMAP_DONTUNMAP | (fixed ? MREMAP_FIXED : 0), onto);
	EXPECT(to != MAP_FAILED && (!fixed || to == onto));
	EXPECT(paged_holds(to, size, 5, 0));
	for (size_t i = 0; i < size; i++)
		if (from[i])
			EXPECT(!"zeros are left");
	paged_fill(from, size, 6, 0);
	paged_out(from, size);
	paged_out(to, size);
	EXPECT(paged_holds(from, size, 6, 0) && paged_holds(to, size, 5, 0));
	EXPECT(mremap(from, size, 2 * size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) == MAP_FAILED &&
	       errno == EINVAL);
	munmap(from, size);
	munmap(to, size);
}

/* Memory that is not paged moves onto what is, and both are what they should be. */
static void check_moved_onto(void)
{
	unsigned char *around = paged_map(48 * PAGE), *to = around + 16 * PAGE;
	unsigned char *from =
		mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	REQUIRE(from != MAP_FAILED);
	paged_fill(around, 48 * PAGE, 9, 0);
	paged_fill(from, 16 * PAGE, 10, 0);
	paged_out(around, 48 * PAGE);
	EXPECT(mremap(from, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	check_kept(to, 16 * PAGE, 10);
	munmap(to, 16 * PAGE);
	EXPECT(paged_holds(around, 16 * PAGE, 9, 0));
	EXPECT(mmap(to, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == to);
	EXPECT(to[0] == 0);
	munmap(around, 48 * PAGE);
}

/* What cannot even be read moves, and is what it was when it can. */
static void check_moved_unreadable(void)
{
	size_t size = 1 << 20;
	unsigned char *from = paged_map(size), *onto = paged_map(size);

	paged_fill(from, size, 11, 0);
	paged_out(from, size);
	EXPECT(mprotect(from, size, PROT_NONE) == 0);
	EXPECT(mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, onto) == onto);
	EXPECT(mprotect(onto, size, PROT_READ) == 0);
	EXPECT(paged_holds(onto, size, 11, 0));
	munmap(onto, size);
}

int main(void)
{
	paged_start(32 << 20);
	check_shm();
	check_descriptor(memfd_create("plain", 0));
	check_descriptor(open("mappings.data", O_CREAT | O_RDWR | O_TRUNC, 0600));
	check_file_within();
	check_kinds();
	check_keys();
	check_break();
	check_left_mapped(false);
	check_left_mapped(true);
	check_moved_onto();
	check_moved_unreadable();
	return paged_result();
}
