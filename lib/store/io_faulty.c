/* SPDX-License-Identifier: MIT */
/* io_faulty.c - an I/O engine for tests, which fails as planned: see io.h
 *
 * It wraps another engine and passes on all requests except those that its plan names.  It keeps
 * these until their delay is over and then carries them out itself, wrongly, inside wait.
 */
#include "store/io.h"
#include "base/meta.h"

/* What a failed read leaves in memory.  Whoever uses it all the same is found out by its
 * contents. */
#define GARBAGE 0xa5

/* For changing a byte in a file that is open O_DIRECT: at least its block size. */
#define BLOCK_SIZE 4096

struct kept {
	struct io_request *request;
	uint64_t due;
};

struct faulty {
	struct io io;
	struct io *inner;
	struct io_faulty_plan *plan;
	size_t size; /* of this mapping */
	char *block; /* BLOCK_SIZE bytes, aligned */
	unsigned kept_count;
	struct kept kept[]; /* in order of arrival */
};

static struct faulty *faulty_of(struct io *io)
{
	return (struct faulty *)io;
}

static bool plan_wants(struct io_faulty_plan *plan, const struct io_request *request)
{
	unsigned number;

	if (request->allocate)
		return false;
	if (!(plan->operations & (request->write ? IO_FAULTY_WRITES : IO_FAULTY_READS)))
		return false;
	if (plan->fd && plan->fd != request->fd)
		return false;
	number = ++plan->seen;
	if (plan->most && plan->hits >= plan->most)
		return false;
	if (plan->nth == 0 || number < plan->nth || (number > plan->nth && !plan->always))
		return false;
	plan->hits++;
	return true;
}

static int faulty_enable(struct io *io)
{
	return io_enable(faulty_of(io)->inner);
}

static void faulty_submit(struct io *io, struct io_request *request)
{
	struct faulty *faulty = faulty_of(io);

	if (plan_wants(faulty->plan, request))
		faulty->kept[faulty->kept_count++] = (struct kept){
			.request = request,
			.due = sys_now() + faulty->plan->delay_ns,
		};
	else
		io_submit(faulty->inner, request);
}

/* -- doing it wrong -------------------------------------------------------------- */

static size_t request_size(const struct io_request *request)
{
	size_t size = 0;

	for (int i = 0; i < request->iov_count; i++)
		size += request->iov[i].iov_len;
	return size;
}

/* The address of byte number at of the request. */
static char *request_byte(const struct io_request *request, size_t at)
{
	const struct iovec *iov = request->iov;

	while (at >= iov->iov_len)
		at -= iov++->iov_len;
	return (char *)iov->iov_base + at;
}

/* Transfers the first size bytes, part by part. */
static long transfer(const struct io_request *request, size_t size)
{
	size_t at = 0;

	for (int i = 0; i < request->iov_count && at < size; i++) {
		const struct iovec *iov = &request->iov[i];
		size_t part = iov->iov_len < size - at ? iov->iov_len : size - at;
		uint64_t offset = request->offset + at;
		long n = request->write ? sys_pwrite(request->fd, iov->iov_base, part, offset)
					: sys_pread(request->fd, iov->iov_base, part, offset);

		if (n < 0)
			return at > 0 ? (long)at : n;
		at += (size_t)n;
		if ((size_t)n < part)
			break;
	}
	return (long)at;
}

static long fail(const struct io_request *request, int error)
{
	for (int i = 0; !request->write && i < request->iov_count; i++)
		__builtin_memset(request->iov[i].iov_base, GARBAGE, request->iov[i].iov_len);
	return -error;
}

/* Not in the submitter's memory, which may be read meanwhile. */
static void corrupt_file(const struct faulty *faulty, const struct io_request *request, size_t at)
{
	uint64_t offset = request->offset + at;
	uint64_t block = offset / BLOCK_SIZE * BLOCK_SIZE;
	long n = sys_pread(request->fd, faulty->block, BLOCK_SIZE, block);

	faulty->block[offset - block] ^= 1;
	if (n > 0)
		sys_pwrite(request->fd, faulty->block, (size_t)n, block);
}

static long corrupt(const struct faulty *faulty, const struct io_request *request, size_t at)
{
	long n = transfer(request, request_size(request));

	if (n < 0 || at >= (size_t)n)
		return n;
	if (request->write)
		corrupt_file(faulty, request, at);
	else
		*request_byte(request, at) ^= 1;
	return n;
}

static long carry_out(const struct faulty *faulty, const struct io_request *request)
{
	const struct io_faulty_plan *plan = faulty->plan;
	enum io_faulty_kind kind = plan->kind;

	switch (kind) {
	case IO_FAULTY_ERROR:
		return fail(request, plan->error);
	case IO_FAULTY_SHORT:
		return transfer(request, plan->length);
	case IO_FAULTY_CORRUPT:
		return corrupt(faulty, request, plan->length);
	case IO_FAULTY_DELAY:
		break;
	}
	return transfer(request, request_size(request));
}

/* -- waiting --------------------------------------------------------------------- */

/* Time until the first kept request is due; UINT64_MAX: there is none. */
static uint64_t time_to_due(const struct faulty *faulty)
{
	uint64_t now = sys_now();
	uint64_t ret = UINT64_MAX;

	for (unsigned i = 0; i < faulty->kept_count; i++) {
		uint64_t due = faulty->kept[i].due;
		uint64_t left = due > now ? due - now : 0;

		ret = left < ret ? left : ret;
	}
	return ret;
}

/* Completes the first request that is due; false if there is none. */
static bool complete_due(struct faulty *faulty)
{
	uint64_t now = sys_now();
	struct io_request *request;
	unsigned i = 0;

	while (i < faulty->kept_count && faulty->kept[i].due > now)
		i++;
	if (i == faulty->kept_count)
		return false;
	request = faulty->kept[i].request;
	faulty->kept_count--;
	__builtin_memmove(&faulty->kept[i], &faulty->kept[i + 1],
			  (faulty->kept_count - i) * sizeof(struct kept));
	request->result = carry_out(faulty, request);
	request->done(request, request->result);
	return true;
}

static unsigned faulty_wait(struct io *io, uint64_t timeout_ns)
{
	struct faulty *faulty = faulty_of(io);
	uint64_t due = time_to_due(faulty);
	unsigned n = faulty->kept_count;
	unsigned ready = io_wait(faulty->inner, due < timeout_ns ? due : timeout_ns);

	/* What done submits now, if it is kept too, has to wait for the next call. */
	while (n > 0 && complete_due(faulty))
		n--;
	return ready;
}

static void faulty_listen(struct io *io, unsigned ear, bool on)
{
	io_listen(faulty_of(io)->inner, ear, on);
}

static void faulty_close(struct io *io, bool in_child)
{
	struct faulty *faulty = faulty_of(io);

	io_close(faulty->inner, in_child);
	meta_unmap(faulty->block, BLOCK_SIZE);
	meta_unmap(faulty, faulty->size);
}

static const struct io_ops io_faulty_ops = {
	.name = "faulty",
	.enable = faulty_enable,
	.submit = faulty_submit,
	.wait = faulty_wait,
	.listen = faulty_listen,
	.close = faulty_close,
};

int io_faulty_wrap(struct io **io, unsigned depth, struct io_faulty_plan *plan)
{
	size_t size = sizeof(struct faulty) + depth * sizeof(struct kept);
	struct faulty *faulty = meta_map(size);

	if (!faulty)
		return -ENOMEM;
	faulty->block = meta_map(BLOCK_SIZE);
	if (!faulty->block) {
		meta_unmap(faulty, size);
		return -ENOMEM;
	}
	faulty->io.ops = &io_faulty_ops;
	faulty->inner = *io;
	faulty->plan = plan;
	faulty->size = size;
	*io = &faulty->io;
	return 0;
}
