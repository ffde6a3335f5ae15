/* SPDX-License-Identifier: MIT */
/* readahead.c - windows and streams: see readahead.h */
#include "paging/readahead.h"
#include "base/page.h"

/* The longest stride to look for, and the steps to read ahead: about what a device takes at
 * once. */
#define STRIDE_MAX 1024
#define STRIDE_STEPS 32

/* A reader may skip as much as its window, but no more pages than this: they were in memory
 * already, or it comes to them later.  It may not skip after it was away for this many faults. */
#define SKIP_MAX CHUNK_PAGES
#define SKIP_IDLE READAHEAD_STREAMS

/* Chunks that a fault asks for at most: what it has used up, and one more. */
#define ASK_CHUNKS 2

/* A stream with a window of at least this size has earned its place: it is replaced by a newcomer
 * only after it has been idle for this many times as long as others. */
#define ESTABLISHED 8
#define PATIENCE 64

void readahead_init(struct readahead *readahead, unsigned streams, const _Atomic int64_t *budget)
{
	readahead->budget = budget;
	readahead->cap = READAHEAD_NO_CAP;
	readahead->streams = streams;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* A long window keeps the device busy while the reader catches up, but several streams must fit
 * into a small budget. */
unsigned readahead_most(const struct readahead *readahead)
{
	uint64_t frames = (uint64_t)atomic_load_explicit(readahead->budget, memory_order_relaxed);
	uint64_t n = frames / READAHEAD_DIVISOR / CHUNK_PAGES * CHUNK_PAGES;

	n = n < CHUNK_PAGES ? CHUNK_PAGES : n < READAHEAD_MAX ? n : READAHEAD_MAX;
	return least((unsigned)n, readahead->cap);
}

/* -- which stream ---------------------------------------------------------------- */

enum kind {
	KIND_NEW,
	KIND_SAME,   /* within what the stream has brought: no news */
	KIND_ALONG,  /* the stream goes on in its direction, */
	KIND_STRIDE, /* or by its stride */
	KIND_SECOND, /* the second fault of what may be a stride */
};

static int64_t skip(const struct stream *s, uint32_t clock)
{
	if (clock - s->used > SKIP_IDLE)
		return 0;
	return s->window < SKIP_MAX ? s->window : SKIP_MAX;
}

/* The first page of the next chunk in this direction. */
static int64_t chunk_edge(int64_t page, int direction)
{
	int64_t begin = page / CHUNK_PAGES * CHUNK_PAGES;

	return direction > 0 ? begin + CHUNK_PAGES : begin - 1;
}

/* How far beyond its latest fault a fault may be and still belong to the stream.  A page that is
 * not missing was asked for by the stream up to next, if that is in another chunk.  In its own
 * chunk the stream brought pages only up to end. */
static int64_t reach(const struct stream *s, bool missing, uint32_t clock)
{
	bool asked = (s->next - chunk_edge(s->last, s->direction)) * s->direction > 0;

	if (!missing && asked)
		return (s->next - s->last) * s->direction;
	return (s->end - s->last) * s->direction + skip(s, clock);
}

/* What a fault on this page is to a stream with a direction. */
static enum kind along(const struct stream *s, int64_t page, bool missing, uint32_t clock)
{
	int64_t distance = (page - s->last) * s->direction;
	int64_t least = missing ? (s->end - s->last) * s->direction : 1;

	if (distance >= least && distance <= reach(s, missing, clock))
		return KIND_ALONG;
	if (distance == 0 || (!missing && distance < 0 && distance >= -(int64_t)s->window))
		return KIND_SAME;
	return KIND_NEW;
}

/* To a stream with a stride: it must be a whole number of steps further on, at most one more than
 * were read ahead.  Two random faults in a row are easily near each other; three that are a stride
 * apart are rare. */
static enum kind by_stride(const struct stream *s, int64_t page)
{
	int64_t steps = (page - s->last) / s->stride;
	int64_t most = s->steady ? s->window + 1 : 1;

	if ((page - s->last) % s->stride)
		return KIND_NEW;
	if (steps == 0)
		return KIND_SAME;
	return steps > 0 && steps <= most ? KIND_STRIDE : KIND_NEW;
}

/* To a stream that has seen one fault. */
static enum kind near(const struct stream *s, int64_t page)
{
	int64_t distance = page - s->last;

	if (distance == 0)
		return KIND_SAME;
	if (distance == 1 || distance == -1)
		return KIND_ALONG;
	return distance >= -STRIDE_MAX && distance <= STRIDE_MAX ? KIND_SECOND : KIND_NEW;
}

static enum kind kind_of(const struct stream *s, int64_t page, bool missing, uint32_t clock)
{
	enum kind kind;

	if (!s->window)
		return KIND_NEW;
	if (s->direction)
		return along(s, page, missing, clock);
	kind = s->stride ? by_stride(s, page) : KIND_NEW;
	return kind == KIND_NEW && !s->steady ? near(s, page) : kind;
}

/* A possible second fault of a stride is the last resort. */
static struct stream *find_stream(struct readahead *readahead, int64_t page, bool missing,
				  enum kind *ret_kind)
{
	struct stream *second = NULL;

	for (int i = 0; i < (int)readahead->streams; i++) {
		struct stream *s = &readahead->stream[i];
		enum kind kind = kind_of(s, page, missing, readahead->clock);

		if (kind == KIND_SECOND && !second)
			second = s;
		if (kind == KIND_NEW || kind == KIND_SECOND)
			continue;
		*ret_kind = kind;
		return s;
	}
	*ret_kind = second ? KIND_SECOND : KIND_NEW;
	return second;
}

/* The stream that has been idle longest. */
static struct stream *stream_to_replace(struct readahead *readahead)
{
	struct stream *ret = NULL;
	uint32_t longest = 0;

	for (int i = 0; i < (int)readahead->streams; i++) {
		struct stream *s = &readahead->stream[i];
		uint32_t idle = readahead->clock - s->used;

		if (!s->window)
			return s;
		if (s->window >= ESTABLISHED)
			idle /= PATIENCE;
		if (!ret || idle > longest) {
			ret = s;
			longest = idle;
		}
	}
	return ret;
}

/* -- how it goes on ------------------------------------------------------------------ */

static void grow(struct stream *s, unsigned most)
{
	s->window = (uint16_t)least(2u * s->window, most);
}

/* One chunk ahead is enough until the reader catches up with it. */
static void grow_along(struct stream *s, unsigned most)
{
	if (s->window < 2 * CHUNK_PAGES || s->late)
		grow(s, most);
	s->late = false;
}

uint64_t window_mask(struct window window, unsigned i)
{
	unsigned n = window.pages < CHUNK_PAGES ? window.pages : CHUNK_PAGES;

	if (window.down)
		return i + 1 > n ? mask_range(i + 1 - n, n) : mask_range(0, i + 1);
	return mask_range(i, n < CHUNK_PAGES - i ? n : CHUNK_PAGES - i);
}

/* Pages of the window that lie in the fault's chunk. */
static unsigned window_here(const struct stream *s, int64_t page)
{
	int64_t left = (chunk_edge(page, s->direction) - page) * s->direction;

	return s->window < left ? s->window : (unsigned)left;
}

/* The page after ASK_CHUNKS chunks, of which the first begins here, or has begun. */
static int64_t ask_limit(int64_t first, int direction)
{
	return chunk_edge(first + (ASK_CHUNKS - 1) * CHUNK_PAGES * direction, direction);
}

/* What the window has beyond the fault's chunk and has not asked for yet.  Long windows end where a
 * chunk does. */
static struct ahead window_ahead(struct stream *s, int64_t page, bool missing)
{
	int direction = s->direction;
	int64_t edge = chunk_edge(page, direction);
	int64_t target = page + (int64_t)s->window * direction;
	int64_t first, limit, count;

	if (s->window >= CHUNK_PAGES)
		target = chunk_edge(target - direction, direction);
	/* If a page is missing after all, what was asked for did not come. */
	if (missing || (s->next - edge) * direction < 0)
		s->next = edge;
	first = s->next;
	limit = ask_limit(first, direction);
	if ((target - limit) * direction > 0)
		target = limit;
	count = (target - first) * direction;
	if (count <= 0)
		return (struct ahead){ 0 };
	s->next = target;
	return (struct ahead){ first, (unsigned)count, direction };
}

static struct window window_along(struct stream *s, int64_t page, bool missing)
{
	struct window ret = { .pages = window_here(s, page), .down = s->direction < 0 };

	ret.ahead = window_ahead(s, page, missing);
	s->last = page;
	s->end = page + (int64_t)ret.pages * s->direction;
	return ret;
}

static struct window window_strided(struct stream *s, int64_t page, bool missing)
{
	int64_t asked = missing ? 0 : (s->next - page) / s->stride - 1;
	struct window ret = { .pages = 1 };

	if (asked < 0)
		asked = 0;
	if (asked < s->window)
		ret.ahead = (struct ahead){ page + (asked + 1) * s->stride,
					    (unsigned)(s->window - asked), s->stride };
	s->last = s->end = page;
	s->next = page + (s->window + 1) * s->stride;
	return ret;
}

/* The latest fault's window, for another fault in it. */
static struct window window_same(const struct stream *s, int64_t page)
{
	if (!s->direction)
		return (struct window){ .pages = 1 };
	return (struct window){ .pages = window_here(s, page), .down = s->direction < 0 };
}

static void start(struct stream *s, int64_t page, unsigned window, int direction)
{
	*s = (struct stream){
		.last = page,
		.end = page,
		.next = page,
		.used = s->used,
		.window = (uint16_t)window,
		.direction = (int8_t)direction,
	};
}

static struct window go_on(struct readahead *readahead, struct stream *s, enum kind kind,
			   int64_t page, bool missing)
{
	switch (kind) {
	case KIND_SAME:
		return window_same(s, page);
	case KIND_ALONG:
		if (!s->direction) {
			start(s, s->last, 1, page > s->last ? 1 : -1);
			return window_along(s, page, missing);
		}
		grow_along(s, readahead_most(readahead));
		return window_along(s, page, missing);
	case KIND_STRIDE:
		if (s->steady) {
			grow(s, least(STRIDE_STEPS, readahead->cap));
			return window_strided(s, page, missing);
		}
		s->steady = true;
		s->last = s->end = s->next = page;
		break;
	case KIND_SECOND:
		s->stride = page - s->last;
		s->last = s->end = s->next = page;
		s->steady = false;
		break;
	case KIND_NEW:
		start(s, page, 1, 0);
		break;
	}
	return (struct window){ .pages = 1 };
}

static unsigned advice_for(const struct readahead *readahead, uint64_t page)
{
	for (unsigned i = 0; i < readahead->advised_count; i++) {
		const struct advised *a = &readahead->advised[i];

		if (page >= a->start && page < a->end)
			return a->advice;
	}
	return SPILL_NORMAL;
}

static struct window fault_locked(struct readahead *readahead, int64_t page, bool missing)
{
	unsigned advice = advice_for(readahead, (uint64_t)page);
	enum kind kind;
	struct stream *s;

	if (advice == SPILL_RANDOM || readahead->cap <= 1)
		return (struct window){ .pages = 1 };
	readahead->clock++;
	s = find_stream(readahead, page, missing, &kind);
	if (!s)
		s = stream_to_replace(readahead);
	s->used = readahead->clock;
	if (advice == SPILL_SEQUENTIAL && (kind == KIND_NEW || kind == KIND_SECOND)) {
		start(s, page, readahead_most(readahead), 1);
		return window_along(s, page, true);
	}
	return go_on(readahead, s, kind, page, missing);
}

struct window readahead_fault(struct readahead *readahead, uint64_t page, bool missing)
{
	struct window ret;

	lock_take(&readahead->lock, LOCK_STREAM);
	ret = fault_locked(readahead, (int64_t)page, missing);
	lock_drop(&readahead->lock, LOCK_STREAM);
	return ret;
}

/* The window of the fault on this page ends after this many pages. */
static void clip(struct readahead *readahead, int64_t page, unsigned pages)
{
	lock_take(&readahead->lock, LOCK_STREAM);
	for (int i = 0; i < (int)readahead->streams; i++) {
		struct stream *s = &readahead->stream[i];

		if (s->window && s->direction && s->last == page)
			s->end = s->last + (int64_t)pages * s->direction;
	}
	lock_drop(&readahead->lock, LOCK_STREAM);
}

void readahead_clip(struct readahead *readahead, uint64_t page, struct window window, uint64_t here)
{
	unsigned i = page % CHUNK_PAGES;
	uint64_t missed = window_mask(window, i) & ~here;

	if (missed)
		clip(readahead, (int64_t)page,
		     window.down ? i - mask_last(missed) : mask_first(missed) - i);
}

/* May this stream have asked for the page? */
static bool asked_for(const struct stream *s, int64_t page)
{
	if (s->direction)
		return (page - s->last) * s->direction >= 0 && (page - s->next) * s->direction < 0;
	return s->stride && (page - s->last) % s->stride == 0 && (page - s->last) / s->stride >= 0;
}

void readahead_late(struct readahead *readahead, uint64_t page)
{
	lock_take(&readahead->lock, LOCK_STREAM);
	for (int i = 0; i < (int)readahead->streams; i++) {
		struct stream *s = &readahead->stream[i];

		if (s->window > 1 && asked_for(s, (int64_t)page))
			s->late = true;
	}
	lock_drop(&readahead->lock, LOCK_STREAM);
}

static bool has_asked_for(const struct stream *s, struct ahead ahead)
{
	int64_t step = s->direction ? s->direction : s->stride;

	return s->window && step == ahead.step &&
	       s->next == ahead.first + (int64_t)ahead.count * step;
}

void readahead_stopped(struct readahead *readahead, struct ahead left)
{
	lock_take(&readahead->lock, LOCK_STREAM);
	for (int i = 0; i < (int)readahead->streams; i++) {
		struct stream *s = &readahead->stream[i];

		if (has_asked_for(s, left))
			s->next = left.first;
	}
	lock_drop(&readahead->lock, LOCK_STREAM);
}

void readahead_wasted(struct readahead *readahead, uint64_t page)
{
	lock_take(&readahead->lock, LOCK_STREAM);
	for (int i = 0; i < (int)readahead->streams; i++) {
		struct stream *s = &readahead->stream[i];

		if (s->window > 1 && asked_for(s, (int64_t)page))
			s->window /= 2;
	}
	lock_drop(&readahead->lock, LOCK_STREAM);
}

/* -- advice ------------------------------------------------------------------- */

static void remove_advised(struct readahead *readahead, unsigned i)
{
	readahead->advised_count--;
	for (; i < readahead->advised_count; i++)
		readahead->advised[i] = readahead->advised[i + 1];
}

static void add_advised(struct readahead *readahead, struct advised advised)
{
	if (readahead->advised_count == READAHEAD_ADVISED)
		remove_advised(readahead, 0);
	readahead->advised[readahead->advised_count++] = advised;
}

/* Forgets advice for [start, end), and keeps what of its ranges lies outside. */
static void cut_advised(struct readahead *readahead, uint64_t start, uint64_t end)
{
	unsigned i = 0;

	while (i < readahead->advised_count) {
		struct advised old = readahead->advised[i];

		if (old.end <= start || old.start >= end) {
			i++;
			continue;
		}
		remove_advised(readahead, i);
		if (old.start < start)
			add_advised(readahead, (struct advised){ old.start, start, old.advice });
		if (old.end > end)
			add_advised(readahead, (struct advised){ end, old.end, old.advice });
	}
}

void readahead_advise(struct readahead *readahead, uint64_t start, uint64_t end, unsigned advice)
{
	lock_take(&readahead->lock, LOCK_STREAM);
	cut_advised(readahead, start, end);
	if (advice != SPILL_NORMAL)
		add_advised(readahead, (struct advised){ start, end, advice });
	lock_drop(&readahead->lock, LOCK_STREAM);
}
