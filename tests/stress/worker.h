/* SPDX-License-Identifier: MIT */
/* worker.h - a thread that changes its plots, and what it may do with them
 *
 * An operation gets a range of a plot that is the worker's for now.  It makes
 * calls, tells each to call_result, which keeps it in the plot's records and
 * ends the program if the call should not have failed so; and brings the model
 * up to date.
 *
 * In the child of a fork the one thread that is left is its worker still.  It
 * uses the plots that are its own, and does not touch what is shared.
 */
#ifndef WORKER_H
#define WORKER_H

#include "model.h"
#include <sys/types.h>

struct worker;

struct operation {
	const char *name;
	unsigned weight;  /* how often, beside the others */
	bool makes_holes; /* not for floating plots */
	void (*run)(struct worker *worker, struct range *range);
	bool off; /* by --without, or not asked for */
};

extern struct operation operations[];
extern const unsigned operation_count;
#define OPERATIONS_MAX 64

#define HEAP_BLOCKS 64

/* The most that is transferred at once, and what a pipe holds. */
#define TRANSFER_PAGES 16

struct block {
	char *memory;
	size_t size;
	uint64_t content;
};

struct worker {
	unsigned number;
	struct dice dice;
	uint64_t steps;
	const struct operation *operation; /* under way */
	struct range range;
	bool is_child;
	unsigned generation; /* forks that led here */
	pid_t child;	     /* to be waited for */
	int pipe[2], file;   /* of this process alone (transfer.c) */
	struct block block[HEAP_BLOCKS];
	uint64_t allocations;
	char *buffer; /* TRANSFER_PAGES, not managed */
	uint64_t pages_checked;
	uint64_t done[OPERATIONS_MAX], refused[OPERATIONS_MAX];
};

extern uint64_t seed;

/* -- report.c -------------------------------------------------------------------- */

/* Says what went wrong, where, and what was done there; ends the program. */
_Noreturn void fail(const struct worker *worker, const struct range *range, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Errors that a call may give. */
#define MAY_FAIL(...) ((const int[]){ __VA_ARGS__, 0 })
#define MUST_WORK ((const int[]){ 0 })

/* The call gave this (-1: errno says why).  true: it did what it should; false:
 * it failed in one of the ways that it may. */
bool call_result(struct worker *worker, const struct range *range, const char *call, long argument,
		 long result, const int *may_fail);

/* Signals that tell of a fault end the program, but in page_faults; this thread is
 * that worker. */
void traps_set(void);
void traps_begin(struct worker *worker);
/* Does a touch of this address raise SIGSEGV?  write: by writing the word that is
 * there; where that works, this is no matter. */
bool page_faults(void *address, bool write);

/* -- work.c ------------------------------------------------------------------------ */

/* One operation on a range, both by chance. */
void worker_step(struct worker *worker);

/* A range of so many pages at most in a plot of the worker's own that is not the
 * other range's, or does not overlap it.  false: it was not found in a few tries. */
bool pick_other(struct worker *worker, const struct range *than, size_t n, struct range *ret_range);

/* Checks all that is the worker's. */
void worker_check_all(struct worker *worker);
/* Fills most of what is the worker's, at the start. */
void worker_fill_all(struct worker *worker);

/* A protection; of all that there are, or one that allows reading and writing. */
int pick_protection(struct worker *worker);

/* -- touch.c -------------------------------------------------------------------------- */

void page_check(struct worker *worker, const struct range *range, size_t i);
void page_write(struct worker *worker, const struct range *range, size_t i);
/* All that can be read; written. */
void range_check(struct worker *worker, const struct range *range);
void range_write(struct worker *worker, const struct range *range);

/* May this process write to the page, and rely on what it holds? */
bool worker_may_write(const struct worker *worker, const struct page *page);
bool worker_may_read(const struct worker *worker, const struct page *page);

void do_check(struct worker *worker, struct range *range);
void do_check_down(struct worker *worker, struct range *range);
void do_write(struct worker *worker, struct range *range);
void do_write_some(struct worker *worker, struct range *range);
void do_clear(struct worker *worker, struct range *range);
void do_trespass(struct worker *worker, struct range *range);
void do_renew(struct worker *worker, struct range *range);

/* -- map.c ------------------------------------------------------------------------------ */

void do_map(struct worker *worker, struct range *range);
void do_map_exclusive(struct worker *worker, struct range *range);
void do_map_file(struct worker *worker, struct range *range);
void do_map_shared(struct worker *worker, struct range *range);
void do_reserve(struct worker *worker, struct range *range);
void do_unmap(struct worker *worker, struct range *range);
void do_protect(struct worker *worker, struct range *range);
void do_float(struct worker *worker, struct range *range);
/* Unmaps the range, which has to work. */
void range_unmap(struct worker *worker, const struct range *range);
/* Maps private memory over it, which has to work. */
void range_map(struct worker *worker, const struct range *range, int prot, int flags);

/* -- move.c ------------------------------------------------------------------------------- */

void do_move(struct worker *worker, struct range *range);
void do_move_copy(struct worker *worker, struct range *range);
void do_grow(struct worker *worker, struct range *range);
void do_shrink(struct worker *worker, struct range *range);
void do_duplicate(struct worker *worker, struct range *range);

/* -- advise.c ------------------------------------------------------------------------------- */

void do_discard(struct worker *worker, struct range *range);
void do_discard_locked(struct worker *worker, struct range *range);
void do_free(struct worker *worker, struct range *range);
void do_advise(struct worker *worker, struct range *range);
void do_populate(struct worker *worker, struct range *range);
void do_advise_fork(struct worker *worker, struct range *range);
void do_lock(struct worker *worker, struct range *range);
void do_look(struct worker *worker, struct range *range);

/* -- transfer.c ------------------------------------------------------------------------------ */

void transfer_open(struct worker *worker);
void transfer_close(struct worker *worker);
void do_pipe(struct worker *worker, struct range *range);
void do_file(struct worker *worker, struct range *range);
void do_process_vm(struct worker *worker, struct range *range);
void do_process_vm_write(struct worker *worker, struct range *range);
void do_refused(struct worker *worker, struct range *range);

/* -- heap.c ------------------------------------------------------------------------------------ */

void do_allocate(struct worker *worker, struct range *range);
void heap_check_all(struct worker *worker);
void heap_free_all(struct worker *worker);

/* -- family.c ---------------------------------------------------------------------------------- */

void do_fork(struct worker *worker, struct range *range);
/* If the child has ended (wait: when it has), it has to have ended well. */
void family_reap(struct worker *worker, bool wait);

#endif
