/* SPDX-License-Identifier: MIT */
/* transfer.c - the kernel reads and writes the memory: read, write, process_vm_readv
 *
 * Each process has its own pipe and file, since a child would share its parent's.
 */
#include "worker.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static int open_file(void)
{
	const char *directory = getenv("TEST_TMP");
	int fd = open(directory ? directory : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? memfd_create("stress", MFD_CLOEXEC) : fd;
}

/* The buffer stays over forks.  A mapping that the kernel does not replace is none
 * of the pager's: it manages what is private. */
static char *make_buffer(void)
{
	return mmap(NULL, TRANSFER_PAGES * page_size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

void transfer_open(struct worker *worker)
{
	worker->file = open_file();
	worker->buffer = make_buffer();
	if (worker->file < 0 || worker->buffer == MAP_FAILED || pipe(worker->pipe) < 0 ||
	    pwrite(worker->file, worker->buffer, page_size, 0) != (ssize_t)page_size)
		fail(worker, NULL, "a pipe and a file cannot be made (errno %d)", errno);
}

void transfer_close(struct worker *worker)
{
	close(worker->pipe[0]);
	close(worker->pipe[1]);
	close(worker->file);
	munmap(worker->buffer, TRANSFER_PAGES * page_size);
}

static bool holds_for_certain(const struct worker *worker, const struct range *range)
{
	for (size_t i = 0; i < range->n; i++)
		if (!worker_may_read(worker, range_page(range, i)) || range_page(range, i)->freed)
			return false;
	return true;
}

static bool may_write_all(const struct worker *worker, const struct range *range)
{
	for (size_t i = 0; i < range->n; i++)
		if (!worker_may_write(worker, range_page(range, i)))
			return false;
	return true;
}

/* Two ranges of as many pages: one that can be read, one that can be written. */
static bool pick_pair(struct worker *worker, struct range *from, struct range *ret_to)
{
	if (from->n > TRANSFER_PAGES)
		from->n = TRANSFER_PAGES;
	if (!pick_other(worker, from, from->n, ret_to))
		return false;
	from->n = ret_to->n;
	return holds_for_certain(worker, from) && may_write_all(worker, ret_to);
}

static void whole(struct worker *worker, const struct range *range, const char *call, long ret)
{
	if (call_result(worker, range, call, ret, ret < 0 ? -1 : 0, MUST_WORK) &&
	    (size_t)ret != range_bytes(range))
		fail(worker, range, "%s: %ld bytes of %zu", call, ret, range_bytes(range));
}

static void copied(struct worker *worker, const struct range *from, const struct range *to)
{
	for (size_t i = 0; i < to->n; i++)
		page_wrote(range_page(to, i), range_page(from, i)->content);
	range_check(worker, to);
}

void do_pipe(struct worker *worker, struct range *from)
{
	struct range to;

	if (!pick_pair(worker, from, &to))
		return;
	whole(worker, from, "write",
	      write(worker->pipe[1], range_address(from), range_bytes(from)));
	for (size_t i = 0; i < to.n; i++) {
		struct range one = { to.plot, to.first + i, 1 };

		whole(worker, &one, "read", read(worker->pipe[0], range_address(&one), page_size));
	}
	copied(worker, from, &to);
}

void do_file(struct worker *worker, struct range *from)
{
	off_t offset = (off_t)(dice_below(&worker->dice, TRANSFER_PAGES) * page_size);
	struct range to;

	if (!pick_pair(worker, from, &to))
		return;
	whole(worker, from, "pwrite",
	      pwrite(worker->file, range_address(from), range_bytes(from), offset));
	whole(worker, &to, "pread",
	      pread(worker->file, range_address(&to), range_bytes(&to), offset));
	copied(worker, from, &to);
}

void do_process_vm(struct worker *worker, struct range *from)
{
	struct iovec local, remote;

	if (from->n > TRANSFER_PAGES)
		from->n = TRANSFER_PAGES;
	if (!holds_for_certain(worker, from))
		return;
	local = (struct iovec){ worker->buffer, range_bytes(from) };
	remote = (struct iovec){ range_address(from), range_bytes(from) };
	whole(worker, from, "process_vm_readv",
	      process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	for (size_t i = 0; i < from->n; i++)
		if (!content_holds(worker->buffer + i * page_size, range_page(from, i)->content,
				   page_size))
			fail(worker, from, "process_vm_readv gives another page %zu", i);
}

/* The kernel pins the pages, then copies: with a pager that itself copies pages before it
 * discards them, what is written in between is lost. */
void do_process_vm_write(struct worker *worker, struct range *to)
{
	struct iovec local, remote;

	if (to->n > TRANSFER_PAGES)
		to->n = TRANSFER_PAGES;
	if (!may_write_all(worker, to))
		return;
	local = (struct iovec){ worker->buffer, range_bytes(to) };
	remote = (struct iovec){ range_address(to), range_bytes(to) };
	for (size_t i = 0; i < to->n; i++) {
		page_wrote(range_page(to, i), content_new(to->plot, to->first + i));
		content_write(worker->buffer + i * page_size, range_page(to, i)->content,
			      page_size);
	}
	whole(worker, to, "process_vm_writev",
	      process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	range_check(worker, to);
}

/* What may not be touched, the kernel may not touch either. */
void do_refused(struct worker *worker, struct range *range)
{
	const struct page *page = range_page(range, 0);

	range->n = 1;
	if (!page_writable(page) &&
	    call_result(worker, range, "pread", 0,
			pread(worker->file, range_address(range), page_size, 0) < 0 ? -1 : 0,
			MAY_FAIL(EFAULT)))
		fail(worker, range, "pread into what cannot be written works");
	if (!page_readable(page) &&
	    call_result(worker, range, "pwrite", 0,
			pwrite(worker->file, range_address(range), page_size, 0) < 0 ? -1 : 0,
			MAY_FAIL(EFAULT)))
		fail(worker, range, "pwrite of what cannot be read works");
	range_check(worker, range);
}
