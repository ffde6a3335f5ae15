/* SPDX-License-Identifier: MIT */
/* io_sealed.c - an engine around another one, which encrypts in between: see io.h
 *
 * A read lands where the submitter wants it and is decrypted there.  A write is encrypted into our
 * own buffers, a piece at a time, since its pages may be wanted back meanwhile:
 *
 *	write   [..............]
 *	pieces  [....][....][..]   each in a buffer, several in flight; writes that find
 *	                           no buffer free wait in a queue
 *
 * Pages are whole: offsets, sizes and parts are multiples of the page size.
 */
#include "store/cipher.h"
#include "store/io.h"
#include "base/meta.h"
#include "base/page.h"

#define PIECES IO_SEALED_PIECES

/* A request that was submitted, or room for one. */
struct sealed_request {
	struct io_request inner; /* read: what the inner engine has */
	struct io_request pages; /* read: the request as it was submitted, with the parts below */
	struct iovec iov[IO_READ_PARTS];
	struct io_request *request;
	struct sealed *sealed;
	struct sealed_request *next; /* in the queue, or in the free list */
	unsigned pieces;	     /* write: how many are in flight */
	long written;		     /* write: bytes of finished pieces */
	int error;		     /* write: of a piece, -errno */
};

struct piece {
	struct io_request inner;
	struct iovec iov;
	char *buffer;
	struct sealed_request *of; /* NULL: the piece is free */
};

struct sealed {
	struct io io;
	struct io *inner;
	const struct io_seal *seal;
	size_t size; /* of this mapping */
	struct sealed_request *free, *first, **last;
	struct piece piece[PIECES];
	struct sealed_request requests[];
};

static struct sealed *sealed_of(struct io *io)
{
	return (struct sealed *)io;
}

static struct sealed_request *take(struct sealed *sealed, struct io_request *request)
{
	struct sealed_request *mine = sealed->free;

	sealed->free = mine->next;
	mine->request = request;
	mine->sealed = sealed;
	mine->next = NULL;
	mine->pieces = 0;
	mine->written = 0;
	mine->error = 0;
	return mine;
}

static void finish(struct sealed_request *mine, long result)
{
	struct io_request *request = mine->request;

	mine->next = mine->sealed->free;
	mine->sealed->free = mine;
	request->result = result;
	request->done(request, result);
}

/* For the request's next page. */
static struct tweak tweak_of(const struct io_request *request)
{
	return (struct tweak){ .offset = request->offset, .salt = request->salt };
}

/* -- reads --------------------------------------------------------------------------------- */

/* Decrypts the pages that came. */
static void unseal(struct sealed_request *mine, size_t bytes)
{
	const struct io_seal *seal = mine->sealed->seal;
	struct io_request *pages = &mine->pages;

	for (; bytes >= page_size(); bytes -= page_size()) {
		cipher_unseal(seal->cipher, seal->handler, tweak_of(pages), pages->iov->iov_base);
		io_advance(pages, page_size());
	}
}

static void read_done(struct io_request *inner, long result)
{
	struct sealed_request *mine = inner->owner;

	if (result > 0)
		unseal(mine, (size_t)result);
	finish(mine, result);
}

static void start_read(struct sealed *sealed, struct io_request *request)
{
	struct sealed_request *mine = take(sealed, request);

	__builtin_memcpy(mine->iov, request->iov,
			 (size_t)request->iov_count * sizeof(struct iovec));
	mine->pages = *request;
	mine->pages.iov = mine->iov;
	mine->inner = *request;
	mine->inner.done = read_done;
	mine->inner.owner = mine;
	io_submit(sealed->inner, &mine->inner);
}

/* -- writes ---------------------------------------------------------------------------------- */

static struct piece *free_piece(struct sealed *sealed)
{
	for (unsigned i = 0; i < PIECES; i++)
		if (!sealed->piece[i].of)
			return &sealed->piece[i];
	return NULL;
}

/* Encrypts what comes next in the request; returns the bytes. */
static size_t fill_piece(struct sealed *sealed, struct piece *piece, struct io_request *request)
{
	const struct io_seal *seal = sealed->seal;
	size_t most = (size_t)seal->piece_pages << page_shift(), size = 0;

	while (request->iov_count && size < most) {
		cipher_seal(seal->cipher, seal->handler, tweak_of(request), request->iov->iov_base,
			    piece->buffer + size);
		size += page_size();
		io_advance(request, page_size());
	}
	return size;
}

static void pump(struct sealed *sealed);

static void piece_done(struct io_request *inner, long result)
{
	struct piece *piece = inner->owner;
	struct sealed_request *mine = piece->of;
	struct sealed *sealed = mine->sealed;

	if (result < 0)
		mine->error = (int)result;
	else
		mine->written += result;
	piece->of = NULL;
	if (--mine->pieces == 0 && mine->request->iov_count == 0)
		finish(mine, mine->error ? mine->error : mine->written);
	pump(sealed);
}

/* Starts the next piece of the first write in the queue.  With its last piece the write leaves the
 * queue. */
static void start_piece(struct sealed *sealed, struct piece *piece)
{
	struct sealed_request *mine = sealed->first;
	struct io_request *request = mine->request;

	piece->inner = (struct io_request){
		.done = piece_done,
		.fd = request->fd,
		.write = true,
		.offset = request->offset,
		.iov = &piece->iov,
		.iov_count = 1,
		.owner = piece,
	};
	piece->iov = (struct iovec){ piece->buffer, fill_piece(sealed, piece, request) };
	piece->of = mine;
	mine->pieces++;
	if (request->iov_count == 0) {
		sealed->first = mine->next;
		if (!sealed->first)
			sealed->last = &sealed->first;
	}
	io_submit(sealed->inner, &piece->inner);
}

static void pump(struct sealed *sealed)
{
	struct piece *piece;

	while (sealed->first && (piece = free_piece(sealed)))
		start_piece(sealed, piece);
}

static void start_write(struct sealed *sealed, struct io_request *request)
{
	struct sealed_request *mine = take(sealed, request);

	*sealed->last = mine;
	sealed->last = &mine->next;
	pump(sealed);
}

/* -- the engine ----------------------------------------------------------------------------- */

static int sealed_enable(struct io *io)
{
	return io_enable(sealed_of(io)->inner);
}

static void sealed_submit(struct io *io, struct io_request *request)
{
	if (request->allocate)
		io_submit(sealed_of(io)->inner, request);
	else if (request->write)
		start_write(sealed_of(io), request);
	else
		start_read(sealed_of(io), request);
}

static unsigned sealed_wait(struct io *io, uint64_t timeout_ns)
{
	return io_wait(sealed_of(io)->inner, timeout_ns);
}

static void sealed_listen(struct io *io, unsigned ear, bool on)
{
	io_listen(sealed_of(io)->inner, ear, on);
}

static size_t buffers_size(const struct io_seal *seal)
{
	return (size_t)PIECES * seal->piece_pages << page_shift();
}

static void sealed_close(struct io *io, bool in_child)
{
	struct sealed *sealed = sealed_of(io);

	io_close(sealed->inner, in_child);
	meta_unmap(sealed->piece[0].buffer, buffers_size(sealed->seal));
	meta_unmap(sealed, sealed->size);
}

static const struct io_ops io_sealed_ops = {
	.name = "sealed",
	.enable = sealed_enable,
	.submit = sealed_submit,
	.wait = sealed_wait,
	.listen = sealed_listen,
	.close = sealed_close,
};

int io_sealed_wrap(struct io **io, unsigned depth, const struct io_seal *seal)
{
	size_t size = sizeof(struct sealed) + depth * sizeof(struct sealed_request);
	struct sealed *sealed = meta_map(size);
	char *buffers = meta_map(buffers_size(seal));

	if (!sealed || !buffers) {
		meta_unmap(sealed, size);
		meta_unmap(buffers, buffers_size(seal));
		return -ENOMEM;
	}
	sealed->io.ops = &io_sealed_ops;
	sealed->inner = *io;
	sealed->seal = seal;
	sealed->size = size;
	sealed->last = &sealed->first;
	for (unsigned i = 0; i < PIECES; i++)
		sealed->piece[i].buffer = buffers + ((size_t)i * seal->piece_pages << page_shift());
	for (unsigned i = 0; i < depth; i++) {
		sealed->requests[i].next = sealed->free;
		sealed->free = &sealed->requests[i];
	}
	*io = &sealed->io;
	return 0;
}
