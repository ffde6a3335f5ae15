/* SPDX-License-Identifier: MIT */
/* preload.c - the process's one pager: see preload.h */
#define _GNU_SOURCE 1
#include "preload.h"
#include "bare_thread.h"
#include "cipher.h"
#include "error.h"
#include "fork.h"
#include "options.h"
#include "page.h"
#include "pager.h"
#include "share.h"
#include "source.h"
#include "sys.h"
#include "thread.h"
#include <pthread.h>
#include <unistd.h>

/* How far we have come.  The environment is read as early as it is there: a
 * program may clear or rewrite it. */
enum stage {
	STAGE_START,   /* nothing is known */
	STAGE_OPTIONS, /* options are filled */
	STAGE_END,     /* the pager is made, or cannot be */
	STAGE_BUSY,    /* a thread is working on the next stage */
};

struct pager *_Atomic preload_made;
static _Atomic int stage;
static struct options options; /* of STAGE_OPTIONS */
static struct share *share;    /* of the command's budget; of STAGE_OPTIONS */

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
	error_report(EVENT_CHILD_UNPAGED, "%s: this process runs without spill", why);
	return STAGE_END;
}

static enum stage make_pager(void)
{
	struct pager *pager;
	const char *why = NULL;
	int err;

	bare_thread_init();
	err = pager_new(&options, &pager, &why);
	if (err == 0)
		share_use(pager, share);
	if (err == 0)
		atomic_store_explicit(&preload_made, pager, memory_order_release);
	else
		error_report(EVENT_CHILD_UNPAGED, "%s: this process runs without spill",
			     why ? why : error_name(err));
	return STAGE_END;
}

/* While this process has one thread and no lock is held: a pager is made when memory is mapped,
 * maybe within malloc.  What goes wrong is told then. */
static void load_cipher(void)
{
	const char *why;

	source_own_begin();
	cipher_load(&why);
	source_own_end();
}

/* Takes the step out of stage from, or waits for the thread that takes it. */
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

	/* own: this thread is in the pager, or making it. */
	if (pager || source.own || atomic_load(&stage) == STAGE_END)
		return pager;
	if (atomic_load(&stage) != STAGE_OPTIONS && !environ)
		return NULL;
	leave_stage(STAGE_START, read_options);
	leave_stage(STAGE_OPTIONS, make_pager);
	return preload_pager_made();
}

/* The thread that was busy is not in the child. */
void preload_fork_child(void)
{
	int busy = STAGE_BUSY;

	atomic_compare_exchange_strong(&stage, &busy, STAGE_START);
	bare_thread_fork_child();
	fork_child();
	if (share && !preload_pager_made())
		share = share_join_child(0);
}

void preload_register_fork(void)
{
	static _Atomic bool registered;

	if (atomic_load(&registered) || atomic_exchange(&registered, true))
		return;
	fork_registered();
	pthread_atfork(fork_prepare, fork_parent, preload_fork_child);
}

__attribute__((destructor)) static void preload_end(void)
{
	struct pager *pager = preload_pager_made();

	if (pager)
		pager_flush_trace(pager);
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
