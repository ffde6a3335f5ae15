/* SPDX-License-Identifier: MIT */
/* slot_owner.c - who owns which segment: see slot_owner.h */
#include "slot_owner.h"
#include "sys.h"
#include <stdatomic.h>

/* Owners that one look remembers to be alive, by their process ids. */
#define ALIVE_CACHE 64

/* In slot_owners.forked: more owners have forked than there is room for. */
#define FORKED_ALL UINT64_MAX

/* A mark: the process id, and the low half of its start time. */
#define MARK_PID_SHIFT 32

/* The segment of that owner (0: of nobody) becomes ours, if nobody is faster. */
static bool owner_replace(struct slot_owners *owners, uint32_t segment, uint64_t from, uint64_t to)
{
	_Atomic uint64_t *entry = &owners->segment[segment];

	/* A look first: a compare-and-swap that fails takes the cache line too. */
	return atomic_load_explicit(entry, memory_order_relaxed) == from &&
	       atomic_compare_exchange_strong(entry, &from, to);
}

bool owner_claim_next(struct slot_owners *owners, uint64_t mark, uint32_t n, uint32_t limit,
		      uint32_t *hint, uint32_t *ret_segment)
{
	for (; n > 0 && limit > 0; n--) {
		uint32_t segment = *hint < limit ? *hint : 0;

		*hint = segment + 1;
		if (owner_replace(owners, segment, 0, mark)) {
			*ret_segment = segment;
			return true;
		}
	}
	return false;
}

bool owner_claim_any(struct slot_owners *owners, uint64_t mark, uint32_t limit,
		     uint32_t *ret_segment)
{
	uint32_t hint = 0;

	return owner_claim_next(owners, mark, limit, limit, &hint, ret_segment);
}

/* May a living child still read what this owner leaves behind? */
static bool owner_forked(struct slot_owners *owners, uint64_t mark)
{
	for (unsigned i = 0; i < OWNERS_FORKED; i++) {
		uint64_t forked = atomic_load(&owners->forked[i]);

		if (forked == mark || forked == FORKED_ALL)
			return true;
	}
	return false;
}

/* Is it certain that nobody reads the segments of this owner any more?  The
 * order matters: after its death it cannot fork and say so. */
static bool owner_is_gone(struct slot_owners *owners, uint64_t mark)
{
	return !slot_owner_alive(mark) && !owner_forked(owners, mark);
}

bool owner_claim_dead(struct slot_owners *owners, uint64_t mark, uint32_t limit,
		      uint32_t *ret_segment)
{
	uint64_t alive[ALIVE_CACHE] = { 0 };

	for (uint32_t i = 0; i < limit; i++) {
		uint64_t owner = atomic_load_explicit(&owners->segment[i], memory_order_relaxed);
		uint64_t *known = &alive[(owner >> MARK_PID_SHIFT) % ALIVE_CACHE];

		if (owner == 0 || owner == mark || owner == *known)
			continue;
		if (!owner_is_gone(owners, owner)) {
			*known = owner;
		} else if (owner_replace(owners, i, owner, mark)) {
			*ret_segment = i;
			return true;
		}
	}
	return false;
}

void owner_release(struct slot_owners *owners, uint32_t segment)
{
	atomic_store(&owners->segment[segment], 0);
}

void owner_note_fork(struct slot_owners *owners, uint64_t mark)
{
	for (unsigned i = 0; i < OWNERS_FORKED; i++) {
		uint64_t nobody = 0;

		if (atomic_compare_exchange_strong(&owners->forked[i], &nobody, mark))
			return;
	}
	/* Stands for whomever it overwrites, too. */
	atomic_store(&owners->forked[OWNERS_FORKED - 1], FORKED_ALL);
}

void owner_note_fork_done(struct slot_owners *owners, uint64_t mark)
{
	for (unsigned i = 0; i < OWNERS_FORKED; i++) {
		uint64_t ours = mark;

		if (atomic_compare_exchange_strong(&owners->forked[i], &ours, 0))
			return;
	}
}

static char *text_add(char *to, const char *from)
{
	while (*from)
		*to++ = *from++;
	*to = '\0';
	return to;
}

static char *text_add_number(char *to, uint32_t n)
{
	char digits[11]; /* the longest number and its end */
	char *p = &digits[sizeof(digits) - 1];

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return text_add(to, p);
}

/* Field 22 of the text of /proc/PID/stat, in clock ticks.  The second field,
 * the name in brackets, may hold anything, blanks and brackets too, so its end
 * is looked for from behind. */
#define STAT_NAME_FIELD 2
#define STAT_START_FIELD 22
static uint64_t stat_start_time(const char *text, size_t size)
{
	const char *end = text + size;
	const char *p = end;
	uint64_t ret = 0;

	while (p > text && p[-1] != ')')
		p--;
	for (int field = STAT_NAME_FIELD; p < end && field < STAT_START_FIELD; p++)
		field += *p == ' ';
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		ret = ret * 10 + (uint64_t)(*p - '0');
	return ret;
}

/* When that process started, or 0 if it cannot be told. */
static uint32_t process_start_time(uint32_t pid)
{
	char path[32], text[1024]; /* the line is at most some 400 bytes */
	long size;
	int fd;

	text_add(text_add_number(text_add(path, "/proc/"), pid), "/stat");
	fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	size = sys_read(fd, text, sizeof(text));
	sys_close(fd);
	return size > 0 ? (uint32_t)stat_start_time(text, (size_t)size) : 0;
}

uint64_t slot_mark_self(void)
{
	uint32_t pid = (uint32_t)sys_getpid();

	return (uint64_t)pid << MARK_PID_SHIFT | process_start_time(pid);
}

/* A zombie counts as alive: it may be the first thread of a process whose
 * other threads go on. */
bool slot_owner_alive(uint64_t mark)
{
	uint32_t pid = (uint32_t)(mark >> MARK_PID_SHIFT);
	uint32_t start_then = (uint32_t)mark;
	uint32_t start_now;

	if (sys_kill((int)pid, 0) == -ESRCH)
		return false;
	start_now = process_start_time(pid);
	return start_now == 0 || start_then == 0 || start_now == start_then;
}
