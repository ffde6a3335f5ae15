#!/bin/bash
# SPDX-License-Identifier: MIT
# test-other-heap.sh - a program linked with an allocator that uses the allocator's own names
# (mallocx, tc_malloc, mi_malloc, C++'s new) leaves all of malloc to that library, and is paged; one
# that uses only malloc has the preload library's
#
# The bug: memory from mallocx was passed to the preload library's free: SIGSEGV.
#
# Time limit: 90

. "$(dirname "$0")/lib.sh"
requires_paging
cat >"$tmp/work.c" <<'END'
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __cplusplus
static void *other_alloc(size_t size) { return operator new(size); }
static void other_free(void *ptr) { operator delete(ptr); }
#elif defined ALLOC
void *ALLOC(size_t size, int flags);
void FREE(void *ptr, int flags);
static void *other_alloc(size_t size) { return ALLOC(size, 0); }
static void other_free(void *ptr) { FREE(ptr, 0); }
#else
static void *other_alloc(size_t size) { return malloc(size); }
static void other_free(void *ptr) { free(ptr); }
int PEEK();
int (*peek)() = PEEK;
#endif
#define OBJECTS 6000
#define SIZE(i) (600 + (i) % 1000)
static volatile int wrong;
static void check(const char *bytes, size_t size, int i)
{
	for (size_t at = 0; at < size; at++)
		if (bytes[at] != (char)i)
			wrong = 1;
}
static void *work(void *unused)
{
	char **object = (char **)calloc(OBJECTS, sizeof(char *));
	for (int i = 0; i < OBJECTS; i++) {
		object[i] = (char *)(i % 2 ? other_alloc(SIZE(i)) : malloc(SIZE(i)));
		memset(object[i], i, SIZE(i));
	}
	for (int i = 0; i < OBJECTS; i++) {
		check(object[i], SIZE(i), i);
		if (malloc_usable_size(object[i]) < (size_t)SIZE(i))
			wrong = 1;
		if (i % 3 == 0)
			object[i] = (char *)realloc(object[i], 2 * SIZE(i));
		check(object[i], SIZE(i), i);
	}
	for (int i = 0; i < OBJECTS; i++)
		i % 4 < 2 ? free(object[i]) : other_free(object[i]);
	free(object);
	return NULL;
}
int main(void)
{
	pthread_t thread[3];
	FILE *file[50];
	char line[50];
	int status, n = 0;
	/* FILEs on pages that leave before the fork, whose child looks at all of them. */
	for (int i = 0; i < 50; i++) {
		file[i] = fopen("/proc/self/stat", "r");
		free(malloc(5000));
	}
	for (int i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, work, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	char *kept = strdup("kept");
	if (fork() == 0) {
		work(NULL);
		for (int i = 0; i < 50; i++)
			n += fgets(line, sizeof(line), file[i]) != NULL;
		_exit(wrong || n != 50 || strcmp(kept, "kept"));
	}
	if (wait(&status) < 0 || status)
		printf("the child ended with %x\n", status);
	for (int i = 0; i < 50; i++)
		n += fgets(line, sizeof(line), file[i]) != NULL && fclose(file[i]) == 0;
	work(NULL);
	free(kept);
	printf("%s, %d\n", wrong ? "wrong" : "right", n);
	return 0;
}
END

# runs NAME: the program, plainly and paged
runs() {
	"$tmp/$1" >"$tmp/plain.out" || fail "$1: plainly: exit status $?"
	"$SPILL" run -m 8M -s "$tmp" --json --stats="$tmp/stats" -- "$tmp/$1" >"$tmp/out" 2>"$tmp/err" ||
		fail "$1: exit status $?: $(cat "$tmp/err")"
	diff "$tmp/plain.out" "$tmp/out" || fail "$1: another output"
	[ ! -s "$tmp/err" ] || fail "$1: $(cat "$tmp/err")"
	[ "$(json_value "$tmp/stats" pages_evicted)" -gt 2000 ] || fail "$1: hardly anything was paged"
	echo "$1: $(json_value "$tmp/stats" pages_evicted) pages evicted"
}

# tries LIBRARY ALLOC FREE PEEK: programs that use its names; one that only looks at it
tries() {
	local library name=${1%%.*}
	library=$(${CC:-cc} -print-file-name="$1")
	if [ ! -e "$library" ]; then
		echo "$1 is missing: left out"
		return
	fi
	${CC:-cc} -D_GNU_SOURCE -w -O1 -DALLOC="$2" -DFREE="$3" -o "$tmp/$name" "$tmp/work.c" "$library" \
		-lpthread || fail "$name cannot be built"
	runs "$name"
	${CC:-cc} -D_GNU_SOURCE -w -O1 -DPEEK="$4" -o "$tmp/$name-peek" "$tmp/work.c" "$library" -lpthread ||
		fail "$name-peek cannot be built"
	runs "$name-peek"
	if [ -n "${CXX:-}" ]; then
		$CXX -w -O1 -o "$tmp/$name-new" -x c++ "$tmp/work.c" -x none "$library" -lpthread ||
			fail "$name-new cannot be built"
		runs "$name-new"
	fi
}

# A program's own mmap that calls syscall(2), as that of a tcmalloc which is linked statically: the
# preload library's syscall came to that mmap, for ever.
cat >"$tmp/own.c" <<'END'
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}
int main(void)
{
	size_t size = (size_t)24 << 20;
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(bytes, 7, size);
	for (size_t i = 0; i < size; i += 4096)
		if (bytes[i] != 7)
			return 1;
	return puts("right") < 0;
}
END
${CC:-cc} -D_GNU_SOURCE -w -O1 -rdynamic -o "$tmp/own" "$tmp/own.c" || fail "own.c cannot be built"
runs own

tries libjemalloc.so.2 mallocx dallocx mallctl
tries libtcmalloc_minimal.so.4 tc_malloc tc_free tc_version
tries libmimalloc.so.2 mi_malloc mi_free mi_version
