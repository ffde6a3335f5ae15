/* SPDX-License-Identifier: MIT */
/* stdio.c - FILEs in plain memory
 *
 * In a fork's child, glibc walks the list of all open FILEs and resets their locks before any
 * atfork handler runs, that is, before the child has a pager.  A FILE on an evicted page would read
 * as zeros there.  So FILEs are allocated as plain memory (source.h), by the next library's
 * function.  If malloc is not ours (other_heap.h, or the program's own), what the child looks at is
 * pinned.
 *
 * FILEs that libc opens for itself do not come here.  They do not stay open across a fork, except
 * getpwent's and its kin's (spill(7), BUGS).
 */
#define _GNU_SOURCE 1
#undef _FILE_OFFSET_BITS /* this file defines both fopen and fopen64 */
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/source.h"
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>

/* struct _IO_lock_t: two ints and the owner. */
#define LOCK_SIZE 16

/* Pins what a fork's child reads and writes: the list's link, and the lock. */
static void keep_in_place(FILE *file)
{
	if (!file)
		return;
	in_place_keep(file, sizeof(*file));
	in_place_keep(file->_lock, LOCK_SIZE);
}

/* clang-format off */
/* Defines a function that calls the next one of its name with plain memory: first the parameters
 * with their types, then the arguments passed on. */
#define PLAIN_FILE(name, parameters, arguments)                                                    \
	PRELOAD_API FILE *name parameters                                                          \
	{                                                                                          \
		static void *_Atomic cache;                                                        \
		FILE *(*next) parameters = (__typeof__(next))next_of(&cache, #name);               \
		FILE *file;                                                                        \
                                                                                                   \
		source_plain_begin();                                                              \
		file = next arguments;                                                             \
		source_plain_end();                                                                \
		keep_in_place(file);                                                               \
		return file;                                                                       \
	}

PLAIN_FILE(fopen, (const char *path, const char *mode), (path, mode))
PLAIN_FILE(fopen64, (const char *path, const char *mode), (path, mode))
PLAIN_FILE(fdopen, (int fd, const char *mode), (fd, mode))
PLAIN_FILE(fmemopen, (void *buf, size_t size, const char *mode), (buf, size, mode))
PLAIN_FILE(open_memstream, (char **buf, size_t *size), (buf, size))
PLAIN_FILE(open_wmemstream, (wchar_t **buf, size_t *size), (buf, size))
PLAIN_FILE(fopencookie, (void *cookie, const char *mode, cookie_io_functions_t functions),
	   (cookie, mode, functions))
PLAIN_FILE(tmpfile, (void), ())
PLAIN_FILE(tmpfile64, (void), ())
/* clang-format on */

PRELOAD_API FILE *popen(const char *command, const char *mode)
{
	FILE *file;

	exec_begin("/bin/sh", environ);
	source_plain_begin();
	file = NEXT(popen)(command, mode);
	source_plain_end();
	exec_end();
	return file;
}
