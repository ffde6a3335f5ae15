/* SPDX-License-Identifier: MIT */
/* readahead.c - windows and streams: see readahead.h */
#include "readahead.h"

/* The stream that predicted this page.  A reader may skip within the window
 * that it had, so anything up to there counts. */
static struct stream *predicted(struct readahead *readahead, uint64_t page, int *ret_direction)
{
	for (int i = 0; i < READAHEAD_STREAMS; i++) {
		struct stream *s = &readahead->stream[i];

		if (!s->window)
			continue;
		if (s->direction >= 0 && page >= s->up && page - s->up < s->window) {
			*ret_direction = 1;
			return s;
		}
		if (s->direction <= 0 && page <= s->down && s->down - page < s->window) {
			*ret_direction = -1;
			return s;
		}
	}
	return NULL;
}

static struct stream *oldest(struct readahead *readahead)
{
	struct stream *ret = &readahead->stream[0];

	for (int i = 1; i < READAHEAD_STREAMS; i++) {
		struct stream *s = &readahead->stream[i];

		if (readahead->clock - s->used > readahead->clock - ret->used)
			ret = s;
	}
	return ret;
}

static void set_expectation(struct stream *s, uint64_t page, unsigned pages)
{
	s->up = page + (s->direction >= 0 ? pages : 1);
	s->down = page - (s->direction < 0 ? pages : 1);
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

struct window readahead_fault(struct readahead *readahead, uint64_t page)
{
	struct window ret = { 1, false };
	struct stream *s;
	unsigned advice;
	int direction = 0;

	lock_take(&readahead->lock, LOCK_STREAM);
	advice = advice_for(readahead, page);
	if (advice == SPILL_RANDOM) {
		lock_drop(&readahead->lock, LOCK_STREAM);
		return ret;
	}
	readahead->clock++;
	s = predicted(readahead, page, &direction);
	if (s) {
		unsigned window = 2u * s->window;

		s->window = (uint16_t)(window < readahead->most ? window : readahead->most);
	} else {
		s = oldest(readahead);
		s->window = (uint16_t)(advice == SPILL_SEQUENTIAL ? readahead->most : 1);
		direction = advice == SPILL_SEQUENTIAL ? 1 : 0;
	}
	s->direction = (int8_t)direction;
	s->used = readahead->clock;
	set_expectation(s, page, s->window);
	ret.pages = s->window;
	ret.down = direction < 0;
	lock_drop(&readahead->lock, LOCK_STREAM);
	return ret;
}

void readahead_clip(struct readahead *readahead, uint64_t page, unsigned pages, bool down)
{
	lock_take(&readahead->lock, LOCK_STREAM);
	for (int i = 0; i < READAHEAD_STREAMS; i++) {
		struct stream *s = &readahead->stream[i];

		if (s->window && (down ? s->down + s->window == page : s->up == page + s->window)) {
			set_expectation(s, page, pages);
			break;
		}
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

/* Forgets what was said of [start, end); keeps what sticks out. */
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
