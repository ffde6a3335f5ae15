/* SPDX-License-Identifier: MIT */
/* peers.c - 2Q, ARC, LIRS, CLOCK-Pro and S3-FIFO: see peers.h */
#include "peers.h"
#include "queue.h"

static uint32_t at_least_one(uint32_t n)
{
	return n ? n : 1;
}

/* -- 2Q: Johnson and Shasha, VLDB 1994 ------------------------------------------------------ */

struct two_queues {
	struct queue in, out, main; /* A1in, A1out (ghosts), Am */
	uint32_t frames, in_most, out_most;
};

static void two_queues_make_room(struct two_queues *q)
{
	if (q->in.count + q->main.count < q->frames)
		return;
	if (q->in.count <= q->in_most && q->main.count) {
		queue_pop(&q->main);
		return;
	}
	queue_push(&q->out, queue_pop(&q->in));
	if (q->out.count > q->out_most)
		queue_pop(&q->out);
}

static bool two_queues_miss(struct two_queues *q, uint32_t page)
{
	if (queue_has(&q->main, page)) {
		queue_renew(&q->main, page);
		return false;
	}
	if (queue_has(&q->in, page))
		return false;
	if (queue_has(&q->out, page)) {
		queue_remove(&q->out, page);
		two_queues_make_room(q);
		queue_push(&q->main, page);
	} else {
		two_queues_make_room(q);
		queue_push(&q->in, page);
	}
	return true;
}

static uint64_t two_queues(const struct accesses *accesses, uint32_t frames)
{
	struct two_queues q = { .frames = frames,
				.in_most = at_least_one(frames / 4),
				.out_most = at_least_one(frames / 2) };
	uint64_t misses = 0;

	queue_init(&q.in, accesses->pages);
	queue_init(&q.out, accesses->pages);
	queue_init(&q.main, accesses->pages);
	for (size_t i = 0; i < accesses->count; i++)
		misses += two_queues_miss(&q, accesses->page[i]);
	free(q.in.link);
	free(q.out.link);
	free(q.main.link);
	return misses;
}

/* -- ARC: Megiddo and Modha, FAST 2003 --------------------------------------------------------- */

struct arc {
	struct queue t1, t2, b1, b2;
	uint32_t frames, target; /* of t1 */
};

static void arc_replace(struct arc *arc, bool in_b2)
{
	if (arc->t1.count && (arc->t1.count > arc->target ||
			      (in_b2 && arc->t1.count == arc->target) || !arc->t2.count))
		queue_push(&arc->b1, queue_pop(&arc->t1));
	else
		queue_push(&arc->b2, queue_pop(&arc->t2));
}

static void arc_ghost(struct arc *arc, struct queue *ghosts, const struct queue *others,
		      uint32_t page)
{
	uint32_t step = others->count > ghosts->count ? others->count / ghosts->count : 1;

	if (ghosts == &arc->b1)
		arc->target = arc->target + step < arc->frames ? arc->target + step : arc->frames;
	else
		arc->target = arc->target > step ? arc->target - step : 0;
	queue_remove(ghosts, page);
	arc_replace(arc, ghosts == &arc->b2);
	queue_push(&arc->t2, page);
}

static void arc_new(struct arc *arc, uint32_t page)
{
	uint32_t first = arc->t1.count + arc->b1.count;
	uint32_t all = first + arc->t2.count + arc->b2.count;

	if (first == arc->frames) {
		if (arc->t1.count < arc->frames) {
			queue_pop(&arc->b1);
			arc_replace(arc, false);
		} else {
			queue_pop(&arc->t1);
		}
	} else if (all >= arc->frames) {
		if (all >= 2 * arc->frames && arc->b2.count)
			queue_pop(&arc->b2);
		arc_replace(arc, false);
	}
	queue_push(&arc->t1, page);
}

static bool arc_miss(struct arc *arc, uint32_t page)
{
	if (queue_has(&arc->t1, page)) {
		queue_remove(&arc->t1, page);
		queue_push(&arc->t2, page);
		return false;
	}
	if (queue_has(&arc->t2, page)) {
		queue_renew(&arc->t2, page);
		return false;
	}
	if (queue_has(&arc->b1, page))
		arc_ghost(arc, &arc->b1, &arc->b2, page);
	else if (queue_has(&arc->b2, page))
		arc_ghost(arc, &arc->b2, &arc->b1, page);
	else
		arc_new(arc, page);
	return true;
}

static uint64_t arc(const struct accesses *accesses, uint32_t frames)
{
	struct arc arc = { .frames = frames };
	struct queue *all[] = { &arc.t1, &arc.t2, &arc.b1, &arc.b2 };
	uint64_t misses = 0;

	for (int k = 0; k < 4; k++)
		queue_init(all[k], accesses->pages);
	for (size_t i = 0; i < accesses->count; i++)
		misses += arc_miss(&arc, accesses->page[i]);
	for (int k = 0; k < 4; k++)
		free(all[k]->link);
	return misses;
}

/* -- LIRS: Jiang and Zhang, SIGMETRICS 2002 ----------------------------------------------------- */

enum lirs_state { LIRS_GONE, LIRS_LOW, LIRS_HIGH, LIRS_GHOST };

/* Pages of low inter-reference recency stay; a hundredth of the frames is for the others. */
struct lirs {
	struct queue stack, high; /* S, Q */
	unsigned char *state;
	uint32_t frames, low, low_most;
};

static void lirs_prune(struct lirs *l)
{
	while (l->stack.count && l->state[l->stack.oldest] != LIRS_LOW) {
		uint32_t page = queue_pop(&l->stack);

		if (l->state[page] == LIRS_GHOST)
			l->state[page] = LIRS_GONE;
	}
}

/* The low page that was used longest ago becomes a high one. */
static void lirs_demote(struct lirs *l)
{
	uint32_t page = queue_pop(&l->stack);

	l->state[page] = LIRS_HIGH;
	queue_push(&l->high, page);
	l->low--;
	lirs_prune(l);
}

static void lirs_make_room(struct lirs *l)
{
	uint32_t page;

	if (l->low + l->high.count < l->frames)
		return;
	page = queue_pop(&l->high);
	l->state[page] = queue_has(&l->stack, page) ? LIRS_GHOST : LIRS_GONE;
}

static void lirs_use(struct lirs *l, uint32_t page)
{
	bool seen = queue_has(&l->stack, page);

	if (seen)
		queue_remove(&l->stack, page);
	queue_push(&l->stack, page);
	if (l->state[page] == LIRS_LOW) {
		lirs_prune(l);
		return;
	}
	if (queue_has(&l->high, page))
		queue_remove(&l->high, page);
	if (seen || l->low < l->low_most) {
		l->state[page] = LIRS_LOW;
		l->low++;
		if (l->low > l->low_most)
			lirs_demote(l);
	} else {
		l->state[page] = LIRS_HIGH;
		queue_push(&l->high, page);
	}
}

static bool lirs_miss(struct lirs *l, uint32_t page)
{
	bool miss = l->state[page] == LIRS_GONE || l->state[page] == LIRS_GHOST;

	if (miss)
		lirs_make_room(l);
	lirs_use(l, page);
	return miss;
}

static uint64_t lirs(const struct accesses *accesses, uint32_t frames)
{
	struct lirs l = { .state = allocate(accesses->pages, 1),
			  .frames = frames,
			  .low_most = frames - at_least_one(frames / 100) };
	uint64_t misses = 0;

	queue_init(&l.stack, accesses->pages);
	queue_init(&l.high, accesses->pages);
	for (size_t i = 0; i < accesses->count; i++)
		misses += lirs_miss(&l, accesses->page[i]);
	free(l.stack.link);
	free(l.high.link);
	free(l.state);
	return misses;
}

/* -- CLOCK-Pro: Jiang, Chen and Zhang, USENIX 2005 ----------------------------------------------- */

enum pro_state { PRO_GONE, PRO_HOT, PRO_COLD, PRO_TEST };

/* One ring of pages, of those in their test period too, and three hands. */
struct pro {
	uint32_t *next, *prev;
	unsigned char *state;
	bool *used;
	uint32_t frames, cold_target, hot, cold, test;
	uint32_t at_hot, at_cold, at_test; /* NONE: the ring is empty */
};

static void pro_hand_test(struct pro *p);

static void pro_insert(struct pro *p, uint32_t page)
{
	if (p->at_hot == NONE) {
		p->next[page] = p->prev[page] = page;
		p->at_hot = p->at_cold = p->at_test = page;
		return;
	}
	p->next[page] = p->at_hot;
	p->prev[page] = p->prev[p->at_hot];
	p->next[p->prev[page]] = page;
	p->prev[p->at_hot] = page;
	if (p->at_cold == p->at_hot)
		p->at_cold = page;
}

static void pro_remove(struct pro *p, uint32_t page)
{
	uint32_t next = p->next[page];

	if (next == page) {
		p->at_hot = p->at_cold = p->at_test = NONE;
		return;
	}
	p->next[p->prev[page]] = next;
	p->prev[next] = p->prev[page];
	if (p->at_hot == page)
		p->at_hot = next;
	if (p->at_cold == page)
		p->at_cold = next;
	if (p->at_test == page)
		p->at_test = next;
}

static void pro_hand_hot(struct pro *p)
{
	uint32_t page;

	if (p->at_hot == p->at_test)
		pro_hand_test(p);
	page = p->at_hot;
	if (p->state[page] == PRO_HOT && !p->used[page]) {
		p->state[page] = PRO_COLD;
		p->hot--;
		p->cold++;
	}
	p->used[page] = p->state[page] == PRO_HOT ? false : p->used[page];
	p->at_hot = p->next[page];
}

static void pro_hand_cold(struct pro *p)
{
	uint32_t page = p->at_cold;

	p->at_cold = p->next[page];
	if (p->state[page] == PRO_COLD) {
		p->cold--;
		if (p->used[page]) {
			p->state[page] = PRO_HOT;
			p->hot++;
		} else {
			p->state[page] = PRO_TEST;
			p->test++;
			while (p->test > p->frames)
				pro_hand_test(p);
		}
		p->used[page] = false;
	}
	while (p->hot > p->frames - p->cold_target)
		pro_hand_hot(p);
}

static void pro_hand_test(struct pro *p)
{
	uint32_t page;

	if (p->at_test == p->at_cold)
		pro_hand_cold(p);
	page = p->at_test;
	p->at_test = p->next[page];
	if (p->state[page] != PRO_TEST)
		return;
	pro_remove(p, page);
	p->state[page] = PRO_GONE;
	p->test--;
	if (p->cold_target > 1)
		p->cold_target--;
}

static bool pro_miss(struct pro *p, uint32_t page)
{
	bool again = p->state[page] == PRO_TEST;

	if (p->state[page] == PRO_HOT || p->state[page] == PRO_COLD) {
		p->used[page] = true;
		return false;
	}
	if (again) {
		if (p->cold_target < p->frames)
			p->cold_target++;
		pro_remove(p, page);
		p->test--;
	}
	while (p->hot + p->cold >= p->frames)
		pro_hand_cold(p);
	p->state[page] = again ? PRO_HOT : PRO_COLD;
	p->hot += again;
	p->cold += !again;
	p->used[page] = false;
	pro_insert(p, page);
	return true;
}

static uint64_t clock_pro(const struct accesses *accesses, uint32_t frames)
{
	struct pro p = { .next = allocate(accesses->pages, sizeof(uint32_t)),
			 .prev = allocate(accesses->pages, sizeof(uint32_t)),
			 .state = allocate(accesses->pages, 1),
			 .used = allocate(accesses->pages, sizeof(bool)),
			 .frames = frames,
			 .cold_target = frames,
			 .at_hot = NONE,
			 .at_cold = NONE,
			 .at_test = NONE };
	uint64_t misses = 0;

	for (size_t i = 0; i < accesses->count; i++)
		misses += pro_miss(&p, accesses->page[i]);
	free(p.next);
	free(p.prev);
	free(p.state);
	free(p.used);
	return misses;
}

/* -- S3-FIFO: Yang and others, SOSP 2023 ---------------------------------------------------------- */

struct s3 {
	struct queue small, main, ghost;
	unsigned char *uses; /* up to 3 */
	uint32_t frames, small_most;
};

static bool s3_leave_main(struct s3 *s)
{
	uint32_t page = queue_pop(&s->main);

	if (!s->uses[page])
		return true;
	s->uses[page]--;
	queue_push(&s->main, page);
	return false;
}

static bool s3_leave_small(struct s3 *s)
{
	uint32_t page = queue_pop(&s->small);

	if (s->uses[page] > 1) {
		s->uses[page] = 0;
		queue_push(&s->main, page);
		return false;
	}
	queue_push(&s->ghost, page);
	if (s->ghost.count > s->frames - s->small_most)
		queue_pop(&s->ghost);
	return true;
}

static void s3_make_room(struct s3 *s)
{
	bool left = s->small.count + s->main.count < s->frames;

	while (!left)
		left = s->small.count >= s->small_most || !s->main.count ? s3_leave_small(s)
									 : s3_leave_main(s);
}

static bool s3_miss(struct s3 *s, uint32_t page)
{
	bool again = queue_has(&s->ghost, page);

	if (queue_has(&s->small, page) || queue_has(&s->main, page)) {
		s->uses[page] += s->uses[page] < 3;
		return false;
	}
	if (again)
		queue_remove(&s->ghost, page);
	s3_make_room(s);
	s->uses[page] = 0;
	queue_push(again ? &s->main : &s->small, page);
	return true;
}

static uint64_t s3_fifo(const struct accesses *accesses, uint32_t frames)
{
	struct s3 s = { .uses = allocate(accesses->pages, 1),
			.frames = frames,
			.small_most = at_least_one(frames / 10) };
	uint64_t misses = 0;

	queue_init(&s.small, accesses->pages);
	queue_init(&s.main, accesses->pages);
	queue_init(&s.ghost, accesses->pages);
	for (size_t i = 0; i < accesses->count; i++)
		misses += s3_miss(&s, accesses->page[i]);
	free(s.small.link);
	free(s.main.link);
	free(s.ghost.link);
	free(s.uses);
	return misses;
}

const struct peer peers[PEERS] = {
	{ "2Q", two_queues },	    { "ARC", arc },	    { "LIRS", lirs },
	{ "CLOCK-Pro", clock_pro }, { "S3-FIFO", s3_fifo },
};
