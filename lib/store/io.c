/* SPDX-License-Identifier: MIT */
/* io.c - the choice of an engine: see io.h */
#include "store/io.h"
#include "spill.h"

struct io_faulty_plan *io_faulty_plan_current;

void io_advance(struct io_request *request, size_t bytes)
{
	request->offset += bytes;
	while (request->iov_count && bytes >= request->iov->iov_len) {
		bytes -= request->iov->iov_len;
		request->iov++;
		request->iov_count--;
	}
	if (bytes) {
		request->iov->iov_base = (char *)request->iov->iov_base + bytes;
		request->iov->iov_len -= bytes;
	}
}

bool io_goes_on(struct io_request *request, long bytes)
{
	if (bytes == -EINTR || bytes == -EAGAIN)
		return true;
	if (bytes > 0) {
		request->result += bytes;
		io_advance(request, (size_t)bytes);
		return request->iov_count > 0;
	}
	if (!request->result)
		request->result = bytes;
	return false;
}

int io_open(struct io **ret_io, unsigned disable, unsigned depth, const int ears[IO_EARS],
	    const struct io_seal *seal)
{
	struct io *io;
	int err = -ENOSYS;

	if (!(disable & SPILL_FEATURE_URING))
		err = io_uring_ops.open(&io, disable, depth, ears);
	/* Whatever the error was: too many rings (-ENOMEM, -EMFILE) is no reason to fail either. */
	if (err)
		err = io_threads_ops.open(&io, disable, depth, ears);
	if (err)
		return err;
	if (io_faulty_plan_current)
		err = io_faulty_wrap(&io, depth, io_faulty_plan_current);
	if (!err && seal)
		err = io_sealed_wrap(&io, depth, seal);
	if (err)
		io_close(io, false);
	else
		*ret_io = io;
	return err;
}
