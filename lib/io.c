/* SPDX-License-Identifier: MIT */
/* io.c - the choice of an engine: see io.h */
#include "io.h"

struct io_faulty_plan *io_faulty_plan_current;

int io_open(struct io **ret_io, bool uring, unsigned depth, const int watches[IO_WATCHES])
{
	struct io *io;
	int err = -ENOSYS;

	if (uring)
		err = io_uring_ops.open(&io, depth, watches);
	/* Whatever it was: too many rings (-ENOMEM, -EMFILE) is no reason to fail
	 * either. */
	if (err)
		err = io_threads_ops.open(&io, depth, watches);
	if (err)
		return err;
	if (io_faulty_plan_current)
		err = io_faulty_wrap(&io, depth, io_faulty_plan_current);
	if (err)
		io_close(io, false);
	else
		*ret_io = io;
	return err;
}
