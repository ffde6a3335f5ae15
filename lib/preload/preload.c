/* SPDX-License-Identifier: MIT */
/* preload.c - the process's one pager: see preload.h */
#define _GNU_SOURCE 1
#include "preload/preload.h"
#include "preload/bare_thread.h"
#include "store/cipher.h"
#include "command/command.h"
#include "base/error.h"
#include "pager/fork.h"
#include "pager/options.h"
#include "base/page.h"
#include "pager/pager.h"
#include "paging/start.h"
#include "command/share.h"
#include "preload/source.h"
#include "base/sys.h"
#include "base/thread.h"
#include <pthread.h>
#include <unistd.h>

/* How far we have come.  The environment is read as soon as it exists: a program may clear or
 * rewrite it. */
enum stage {
	STAGE_START,   /* nothing is known */
	STAGE_OPTIONS, /* options are filled */
	STAGE_END,     /* the pager is made, or cannot be */
	STAGE_BUSY,    /* a thread is working on the next stage */
};

struct pager *_Atomic preload_made;
_Atomic bool preload_retired;
static _Atomic int stage;
static struct options options; /* valid from STAGE_OPTIONS on */
static struct share *share;    /* of the command's budget; valid from STAGE_OPTIONS on */

__thread struct source_state source __attribute__((tls_model("initial-exec")));

static enum stage read_options(void)
{
	const char *why = "the environment";

	page_init();
	share = share_join();
	if (options_fill(NULL, &options, &why) == 0) {
		error_quiet(options.quiet);
		return STAGE_OPTIONS;
	}
	error_report(EVENT_CHILD_UNPAGED, "this process runs without spill: %s", why);
	return STAGE_END;
}

static enum stage make_pager(void)
{
	struct pager *pager;
	const char *why = NULL, *obstacle;
	int err;

	bare_thread_init();
	obstacle = preload_obstacle();
	if (obstacle) {
		error_report(
			EVENT_CHILD_UNPAGED,
			"this process runs without spill: a seccomp filter kills whoever calls %s",
			obstacle);
		return STAGE_END;
	}
	err = pager_new(&options, &pager, &why);
	if (err == 0)
		paging_share(&pager->paging, share);
	if (err == 0)
		atomic_store_explicit(&preload_made, pager, memory_order_release);
	else
		error_report(EVENT_CHILD_UNPAGED, "this process runs without spill: %s",
			     why ? why : error_name(err));
	return STAGE_END;
}

/* Called while this process has one thread and holds no lock: later, a pager is made when memory is
 * mapped, maybe within malloc.  Errors are reported then. */
static void load_cipher(void)
{
	const char *why;

	source_own_begin();
	cipher_load(&why);
	source_own_end();
}

/* Takes the step out of stage from, or waits for the thread that is taking it. */
static void leave_stage(enum stage from, enum stage (*step)(void))
{
	int seen = from;

	if (atomic_compare_exchange_strong(&stage, &seen, STAGE_BUSY)) {
		source_own_begin();
		atomic_store(&stage, step());
		source_own_end();
		return;
	}
	while (seen == STAGE_BUSY) {
		sys_yield();
		seen = atomic_load(&stage);
	}
}

struct pager *preload_pager(void)
{
	struct pager *pager = preload_pager_made();

	if (preload_retired)
		return NULL;
	/* own: this thread is in the pager, or making it. */
	if (pager || source.own || atomic_load(&stage) == STAGE_END)
		return pager;
	if (atomic_load(&stage) != STAGE_OPTIONS && !environ)
		return NULL;
	leave_stage(STAGE_START, read_options);
	leave_stage(STAGE_OPTIONS, make_pager);
	return preload_pager_made();
}

/* -- retiring ------------------------------------------------------------------------------- */

/* From now on no pager is made. */
static void end_stages(void)
{
	int seen = atomic_load(&stage);

	while (seen == STAGE_BUSY || !atomic_compare_exchange_strong(&stage, &seen, STAGE_END)) {
		sys_yield();
		seen = atomic_load(&stage);
	}
}

/* Once a pager has retired, it is as if there had never been one. */
static void retire(struct pager *pager, const char *why)
{
	int err;

	source_own_begin();
	err = pager_retire(pager);
	source_own_end();
	if (err)
		error_report(EVENT_ARM_FAILED,
			     "this process %s, but not all of its memory can be brought back (%s): "
			     "it may end, or hang",
			     why, error_name(err));
	else
		atomic_store(&preload_made, NULL);
}

static const char *_Atomic why_retired;
/* Bytes that a process may map before the warning, if it retired before it had a pager. */
static uint64_t retired_budget;
static _Atomic uint64_t retired_maps;

static void tell_retired(void)
{
	error_report(EVENT_CHILD_UNPAGED,
		     "this process %s, under which the pager cannot work: it now runs without "
		     "spill, and its memory stays where it is",
		     why_retired);
}

void preload_retire(const char *why)
{
	struct pager *pager;

	if (atomic_exchange(&preload_retired, true))
		return;
	why_retired = why;
	command_hand_on(false); /* while we can: we do not follow what it becomes */
	end_stages();
	pager = preload_pager_made();
	retired_budget = share ? (uint64_t)pool_total(share->pool) << page_shift() : options.budget;
	share = NULL;
	if (pager) {
		tell_retired();
		retire(pager, why);
		retired_budget = 0;
	}
	error_confine();
}

void preload_note_plain(size_t size)
{
	if (atomic_fetch_add(&retired_maps, size) + size > retired_budget && retired_budget)
		tell_retired();
}

/* The thread that was busy does not exist in the child. */
void preload_fork_child(void)
{
	int busy = STAGE_BUSY;

	atomic_compare_exchange_strong(&stage, &busy, STAGE_START);
	bare_thread_fork_child();
	fork_child();
	if (share && !preload_pager_made())
		share = share_join_child(0);
}

/* Do our fork handlers take part in this thread's fork?  The process may retire during it. */
static __thread bool prepared __attribute__((tls_model("initial-exec")));

static void prepare(void)
{
	prepared = !preload_retired;
	if (prepared)
		fork_prepare();
}

static void parent(void)
{
	if (prepared)
		fork_parent();
}

static void child(void)
{
	if (prepared)
		preload_fork_child();
}

void preload_register_fork(void)
{
	static _Atomic bool registered;

	if (atomic_load(&registered) || atomic_exchange(&registered, true))
		return;
	fork_registered();
	pthread_atfork(prepare, parent, child);
}

__attribute__((destructor)) static void preload_end(void)
{
	struct pager *pager = preload_pager_made();

	if (pager)
		paging_flush_trace(&pager->paging);
	if (share)
		share_end(share);
}

__attribute__((constructor)) static void preload_start(void)
{
	preload_register_fork();
	bare_thread_init();
	leave_stage(STAGE_START, read_options);
	if (options.encrypt)
		load_cipher();
}
