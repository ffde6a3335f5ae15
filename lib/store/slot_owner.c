/* SPDX-License-Identifier: MIT */
/* slot_owner.c - whose the segments are: see slot_owner.h */
#include "store/slot_owner.h"
#include "base/fd.h"
#include "base/page.h"
#include "base/sys.h"
#include <stdatomic.h>
#include <sys/stat.h>

/* fcntl(2): locks of an open file description; libc shows them with _GNU_SOURCE only. */
#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

/* -- the table ------------------------------------------------------------------ */

/* Segments come in blocks of as many as a word has bits. */
#define BLOCK 64
#define BLOCK_BYTES ((BLOCK + OWNER_ROWS) * sizeof(uint64_t))

static size_t blocks_for(uint32_t segments)
{
	return ((size_t)segments + BLOCK - 1) / BLOCK;
}

int owner_table_create(uint32_t segments)
{
	return fd_memory("spill-owners", page_round_up(sizeof(struct slot_owners) +
						       blocks_for(segments) * BLOCK_BYTES));
}

/* Those who share it have to agree where everything is. */
static uint32_t segments_in(size_t size)
{
	size_t blocks = (size - sizeof(struct slot_owners)) / BLOCK_BYTES;

	return (uint32_t)(blocks < UINT32_MAX / BLOCK ? blocks * BLOCK
						      : UINT32_MAX / BLOCK * BLOCK);
}

static _Atomic uint64_t *row_bits(const struct owner *owner, unsigned row)
{
	return owner->table->segment + owner->segments + row * blocks_for(owner->segments);
}

static unsigned row_of(uint64_t id)
{
	return (unsigned)(id % OWNER_ROWS);
}

static uint64_t draw_id(struct slot_owners *table, unsigned row)
{
	return (atomic_fetch_add(&table->ids, 1) + 1) * OWNER_ROWS + row;
}

static unsigned rows_used(const struct owner *owner)
{
	uint32_t rows = atomic_load(&owner->table->rows);

	return rows < OWNER_ROWS ? rows : OWNER_ROWS;
}

uint32_t owner_reach(const struct owner *owner)
{
	uint32_t reach = atomic_load(&owner->table->reach);

	return reach < owner->segments ? reach : owner->segments;
}

static void raise_to(_Atomic uint32_t *mark, uint32_t to)
{
	uint32_t now = atomic_load(mark);

	while (now < to && !atomic_compare_exchange_weak(mark, &now, to))
		;
}

/* -- locks ---------------------------------------------------------------------- */

static int row_lock(int fd, unsigned row)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = row, .l_len = 1 };

	return (int)sys_call3(SYS_fcntl, fd, F_OFD_SETLK, &lock);
}

/* By another description than ours; true when in doubt. */
static bool row_is_locked(int fd, unsigned row)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = row, .l_len = 1 };

	return sys_call3(SYS_fcntl, fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/* The first row that can be locked.  It may have been that of a process that is gone. */
static int take_row(int fd, unsigned *ret_row)
{
	for (unsigned row = 0; row < OWNER_ROWS; row++)
		if (row_lock(fd, row) == 0) {
			*ret_row = row;
			return 0;
		}
	return -EUSERS;
}

/* -- coming and going ------------------------------------------------------------- */

static void row_clear(struct owner *owner, unsigned row)
{
	_Atomic uint64_t *bits = row_bits(owner, row);

	for (size_t w = 0; w < blocks_for(owner_reach(owner)); w++)
		atomic_store_explicit(&bits[w], 0, memory_order_relaxed);
}

static uint64_t row_begin(struct owner *owner, unsigned row)
{
	uint64_t id = draw_id(owner->table, row);

	row_clear(owner, row);
	atomic_store(&owner->table->id[row], id);
	raise_to(&owner->table->rows, row + 1);
	return id;
}

/* By a description that others may have, too: whose row it is cannot be told, and it is theirs as
 * well. */
static void row_share(struct owner *owner)
{
	uint64_t nobody = 0, id = draw_id(owner->table, owner->row);

	owner->blind = true;
	if (!atomic_compare_exchange_strong(&owner->table->id[owner->row], &nobody, id))
		id = nobody;
	owner->id = id;
	raise_to(&owner->table->rows, owner->row + 1);
}

static int take_any_row(struct owner *owner, int fd)
{
	int err;

	owner->fd = fd_open_anew(fd);
	if (owner->fd >= 0) {
		err = take_row(owner->fd, &owner->row);
		if (!err)
			owner->id = row_begin(owner, owner->row);
		return err;
	}
	owner->fd = fd_duplicate(fd);
	if (owner->fd < 0)
		return owner->fd;
	err = take_row(owner->fd, &owner->row);
	if (!err)
		row_share(owner);
	return err;
}

static int map_table(struct owner *owner, int fd, uint32_t segments)
{
	struct stat st;
	void *table;

	if (!fd_is_memory(fd, sizeof(struct slot_owners)))
		return -EBADF;
	sys_call2(SYS_fstat, fd, &st);
	if (segments_in((size_t)st.st_size) < segments)
		return -EINVAL;
	table = sys_mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (sys_is_error(table))
		return sys_error(table);
	owner->table = table;
	owner->size = (size_t)st.st_size;
	owner->segments = segments_in(owner->size);
	return 0;
}

int owner_join(struct owner *owner, int fd, uint32_t segments)
{
	int err;

	*owner = (struct owner){ .fd = -1, .child_fd = -1 };
	err = map_table(owner, fd, segments);
	if (!err)
		err = take_any_row(owner, fd);
	if (err)
		owner_leave(owner);
	return err;
}

void owner_leave(struct owner *owner)
{
	if (!owner->table)
		return;
	sys_munmap(owner->table, owner->size);
	fd_close(owner->fd);
	owner->table = NULL;
	owner->fd = -1;
}

/* -- claiming --------------------------------------------------------------------- */

/* The segment of that owner becomes another's, if nobody is faster. */
static bool owner_replace(struct owner *owner, uint32_t segment, uint64_t from, uint64_t to)
{
	raise_to(&owner->table->reach, segment + 1);
	if (!atomic_compare_exchange_strong(&owner->table->segment[segment], &from, to))
		return false;
	if (from == OWNER_LEFT)
		atomic_fetch_sub(&owner->table->left, 1);
	if (to == OWNER_LEFT)
		atomic_fetch_add(&owner->table->left, 1);
	return true;
}

/* A look first: a compare-and-swap that fails takes the cache line too. */
static bool owner_claim(struct owner *owner, uint32_t segment)
{
	uint64_t from = atomic_load_explicit(&owner->table->segment[segment], memory_order_relaxed);

	return from <= OWNER_LEFT && owner_replace(owner, segment, from, owner->id);
}

bool owner_claim_next(struct owner *owner, uint32_t n, uint32_t limit, uint32_t *hint,
		      uint32_t *ret_segment)
{
	for (; n > 0 && limit > 0; n--) {
		uint32_t segment = *hint < limit ? *hint : 0;

		*hint = segment + 1;
		if (owner_claim(owner, segment)) {
			*ret_segment = segment;
			return true;
		}
	}
	return false;
}

bool owner_is_left(const struct owner *owner)
{
	return atomic_load_explicit(&owner->table->left, memory_order_relaxed) != 0;
}

bool owner_claim_left(struct owner *owner, uint32_t *ret_segment)
{
	for (uint32_t segment = 0; owner_is_left(owner) && segment < owner_reach(owner); segment++)
		if (owner->table->segment[segment] == OWNER_LEFT &&
		    owner_replace(owner, segment, OWNER_LEFT, owner->id)) {
			*ret_segment = segment;
			return true;
		}
	/* Who counted wrongly may have been killed. */
	atomic_store(&owner->table->left, 0);
	return false;
}

bool owner_claim_any(struct owner *owner, uint32_t limit, uint32_t *ret_segment)
{
	uint32_t hint = 0;

	return owner_claim_next(owner, limit, limit, &hint, ret_segment);
}

void owner_release(struct owner *owner, uint32_t segment)
{
	atomic_store(&owner->table->segment[segment], 0);
}

void owner_reads(struct owner *owner, uint32_t segment, bool reads)
{
	_Atomic uint64_t *word = row_bits(owner, owner->row) + segment / 64;
	uint64_t bit = UINT64_C(1) << segment % 64;

	if (reads)
		atomic_fetch_or(word, bit);
	else if (!owner->blind)
		atomic_fetch_and(word, ~bit);
}

/* -- the dead --------------------------------------------------------------------- */

bool owner_has_others(const struct owner *owner)
{
	return atomic_load_explicit(&owner->table->ids, memory_order_relaxed) > 1;
}

void owner_sweep_begin(struct owner *owner, struct owner_sweep *sweep)
{
	*sweep = (struct owner_sweep){
		.joined = atomic_load(&owner->table->joined),
		.first = UINT32_MAX,
	};
}

static bool row_is_alive(const struct owner *owner, struct owner_sweep *sweep, unsigned row)
{
	uint64_t bit = UINT64_C(1) << row % 64;

	if (row == owner->row)
		return true;
	if (!(sweep->asked[row / 64] & bit)) {
		sweep->asked[row / 64] |= bit;
		if (row_is_locked(owner->fd, row))
			sweep->alive[row / 64] |= bit;
	}
	return sweep->alive[row / 64] & bit;
}

/* The row may be another's by now. */
static bool owner_is_gone(const struct owner *owner, struct owner_sweep *sweep, uint64_t id)
{
	return atomic_load(&owner->table->id[row_of(id)]) != id ||
	       !row_is_alive(owner, sweep, row_of(id));
}

static bool row_reads(const struct owner *owner, unsigned row, uint32_t segment)
{
	const _Atomic uint64_t *word = row_bits(owner, row) + segment / BLOCK;

	return atomic_load_explicit(word, memory_order_relaxed) & UINT64_C(1) << segment % BLOCK;
}

static bool others_read(const struct owner *owner, struct owner_sweep *sweep, uint32_t segment)
{
	for (unsigned row = 0; row < rows_used(owner); row++)
		if (row != owner->row && row_reads(owner, row, segment) &&
		    row_is_alive(owner, sweep, row))
			return true;
	return false;
}

/* Whose it is nobody else can care about any more. */
static bool is_left(struct owner *owner, struct owner_sweep *sweep, uint32_t segment, uint64_t id)
{
	if (id <= OWNER_LEFT || id == owner->id || !owner_is_gone(owner, sweep, id) ||
	    others_read(owner, sweep, segment))
		return false;
	/* Who read it when we looked may have handed that on to a child, and have nothing there
	 * itself any more. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&owner->table->joined) == sweep->joined)
		return true;
	sweep->joined = UINT64_MAX; /* another time */
	return false;
}

bool owner_sweep_next(struct owner *owner, struct owner_sweep *sweep, uint32_t *ret_segment)
{
	while (!owner->blind && sweep->joined != UINT64_MAX && sweep->at < owner_reach(owner)) {
		uint32_t segment = sweep->at++;
		uint64_t id = atomic_load(&owner->table->segment[segment]);

		if (!is_left(owner, sweep, segment, id))
			continue;
		if (row_reads(owner, owner->row, segment)) {
			*ret_segment = segment;
			if (owner_replace(owner, segment, id, owner->id))
				return true;
		} else if (owner_replace(owner, segment, id, OWNER_LEFT) &&
			   segment < sweep->first) {
			sweep->first = segment;
		}
	}
	return false;
}

/* -- fork --------------------------------------------------------------------------- */

static void copy_row(struct owner *owner, unsigned to)
{
	const _Atomic uint64_t *from_bits = row_bits(owner, owner->row);
	_Atomic uint64_t *to_bits = row_bits(owner, to);

	for (size_t w = 0; w < blocks_for(owner_reach(owner)); w++)
		atomic_store_explicit(&to_bits[w],
				      atomic_load_explicit(&from_bits[w], memory_order_relaxed),
				      memory_order_relaxed);
}

void owner_fork_prepare(struct owner *owner)
{
	owner->child_fd = owner->blind ? -1 : fd_open_anew(owner->fd);
	if (owner->child_fd >= 0 && take_row(owner->child_fd, &owner->child_row)) {
		fd_close(owner->child_fd);
		owner->child_fd = -1;
	}
	if (owner->child_fd < 0) {
		owner->blind = true;
		return;
	}
	owner->child_id = row_begin(owner, owner->child_row);
	copy_row(owner, owner->child_row);
	atomic_fetch_add(&owner->table->joined, 1);
}

void owner_fork_parent(struct owner *owner)
{
	fd_close(owner->child_fd);
	owner->child_fd = -1;
}

void owner_fork_child(struct owner *owner)
{
	if (owner->child_fd < 0)
		return;
	fd_close(owner->fd);
	owner->fd = owner->child_fd;
	owner->row = owner->child_row;
	owner->id = owner->child_id;
	owner->child_fd = -1;
}
