/* SPDX-License-Identifier: MIT */
/* bare_thread.c - threads that libc does not know: see bare_thread.h */
#define _GNU_SOURCE 1
#include "preload/bare_thread.h"
#include "base/error.h"
#include "base/guard.h"
#include "base/lock.h"
#include "preload/next.h"
#include "base/page.h"
#include "base/sys.h"
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define STACK_SIZE ((size_t)256 << 10)
/* What libc keeps around the thread pointer: struct pthread. */
#define TCB_SIZE ((size_t)4096)

/* -- thread-local storage -------------------------------------------------------------- */

/* The modules' images, at their offsets from the thread pointer.  The images of modules loaded
 * later may lie further away, but none of their code runs in our threads. */
#define IMAGES_MAX 64
#define STATIC_TLS_MAX ((ptrdiff_t)1 << 20)

static struct image {
	ptrdiff_t offset;
	const void *data;
	size_t size;
} images[IMAGES_MAX];
static unsigned image_count;
static ptrdiff_t lowest = -(ptrdiff_t)TCB_SIZE, highest = (ptrdiff_t)TCB_SIZE;

static char *thread_pointer(void)
{
	return __builtin_thread_pointer();
}

static void note_image(const struct dl_phdr_info *info, const ElfW(Phdr) * segment)
{
	ptrdiff_t offset = (char *)info->dlpi_tls_data - thread_pointer();
	ptrdiff_t end = offset + (ptrdiff_t)segment->p_memsz;

	if (offset < -STATIC_TLS_MAX || end > STATIC_TLS_MAX || image_count == IMAGES_MAX)
		return;
	images[image_count++] = (struct image){ offset,
						(void *)(info->dlpi_addr + segment->p_vaddr),
						segment->p_filesz };
	lowest = offset < lowest ? offset : lowest;
	highest = end > highest ? end : highest;
}

static int note_module(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_TLS && info->dlpi_tls_data)
			note_image(info, &info->dlpi_phdr[i]);
	return 0;
}

int (*next_clone)(int (*function)(void *), void *stack, int flags, void *argument, ...);

void bare_thread_init(void)
{
	if (next_clone)
		return;
	dl_iterate_phdr(note_module, NULL);
	next_clone = NEXT(clone);
}

/* Fills the storage and returns the thread pointer of the thread that gets it. */
static char *fill_storage(char *storage)
{
	char *pointer = storage + page_round_up((size_t)-lowest);

	for (unsigned i = 0; i < image_count; i++)
		memcpy(pointer + images[i].offset, images[i].data, images[i].size);
#if defined(__x86_64__)
	/* tcbhead_t: the address of itself, twice; no DTV; the process's stack and pointer
	 * guards. */
	memcpy(pointer, thread_pointer(), 64);
	((void **)pointer)[0] = ((void **)pointer)[2] = pointer;
	((void **)pointer)[1] = NULL;
#endif
	return pointer;
}

static size_t storage_size(void)
{
	return page_round_up((size_t)-lowest) + page_round_up((size_t)highest);
}

/* -- a thread ---------------------------------------------------------------------------- */

#define THREADS_MAX 64

static _Atomic(struct thread *) threads[THREADS_MAX];
static _Atomic int owner; /* the process whose threads these are: a vfork's child is another */
static __thread struct thread *self __attribute__((tls_model("initial-exec")));

/* The latest order, and its number. */
static struct lock order_lock;
static _Atomic uint32_t order_number;
static struct order {
	long number, argument[3];
} order; /* (order_lock) */

static bool enlist(struct thread *thread)
{
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		struct thread *none = NULL;

		if (atomic_compare_exchange_strong(&threads[i], &none, thread))
			return true;
	}
	return false;
}

static void delist(struct thread *thread)
{
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		struct thread *its = thread;

		if (atomic_compare_exchange_strong(&threads[i], &its, NULL))
			return;
	}
}

struct start {
	struct thread *thread;
	char name[16];
};

/* The first code of a bare thread; its argument lies on its own stack. */
static int bare_main(void *context)
{
	struct start *start = context;

	self = start->thread;
	sys_call2(SYS_prctl, PR_SET_NAME, start->name);
	lock_guard_begin(); /* as in thread_libc.c */
	atomic_fetch_add(&thread_count, 1);
	self->main(self->arg);
	atomic_fetch_sub(&thread_count, 1);
	return 0;
}

static int clone_thread(struct thread *thread, struct start *start, char *pointer)
{
	uint64_t all = ~UINT64_C(0), before;
	int ret;

	sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	ret = next_clone(bare_main, start,
			 CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				 CLONE_SYSVSEM | CLONE_UNTRACED | CLONE_SETTLS |
				 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
			 start, &thread->tid, pointer, &thread->tid);
	sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
	return ret < 0 ? -EAGAIN : 0;
}

static void release(struct thread *thread)
{
	delist(thread);
	sys_munmap(thread->block, thread->size);
}

static int bare_start(struct thread *thread, const char *name)
{
	size_t size = page_size() + STACK_SIZE + storage_size();
	char *block = sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct start *start;
	char *stack;
	int err;

	if (sys_is_error(block))
		return -ENOMEM;
	sys_madvise(block, size, MADV_NOHUGEPAGE);
	sys_mprotect(block, page_size(), PROT_NONE);
	thread->block = block;
	thread->size = size;
	/* A new thread begins with its maker's identity; a thread of the program's has changed its
	 * own before it gives an order. */
	thread->attended = self ? self->attended : order_number;
	if (!enlist(thread)) {
		sys_munmap(block, size);
		return -EAGAIN;
	}
	stack = block + page_size() + STACK_SIZE;
	start = (struct start *)stack - 1;
	start->thread = thread;
	strncpy(start->name, name, sizeof(start->name) - 1);
	owner = sys_getpid();
	err = clone_thread(thread, start, fill_storage(stack));
	if (err)
		release(thread);
	return err;
}

static void bare_join(struct thread *thread)
{
	uint32_t tid;

	while ((tid = thread->tid) != 0)
		sys_call6(SYS_futex, (long)&thread->tid, FUTEX_WAIT, tid, 0, 0, 0);
	release(thread);
}

void bare_thread_fork_child(void)
{
	lock_reset(&order_lock);
}

/* -- orders -------------------------------------------------------------------------------- */

#define ORDER_NS 1000000

static void bare_attend(void)
{
	uint32_t number = order_number;
	long result;

	if (self->attended == number)
		return;
	result = sys_call3(order.number, order.argument[0], order.argument[1], order.argument[2]);
	if (result < 0)
		error_fatal("a handler cannot follow the program's change of "
			    "user or group (%s)",
			    error_name((int)result));
	self->attended = number;
	sys_futex_wake(&self->attended, 1);
}

static void wait_for(struct thread *thread, uint32_t number)
{
	struct timespec pause = { 0, ORDER_NS };
	uint32_t attended;

	while (thread->tid && (attended = thread->attended) != number) {
		thread->wake(thread->arg);
		sys_futex_wait(&thread->attended, attended, &pause);
	}
}

/* Returns whether there were any to wait for: if so, others may have begun meanwhile. */
static bool wait_for_all(uint32_t number)
{
	bool any = false;

	for (unsigned i = 0; i < THREADS_MAX; i++) {
		struct thread *thread = threads[i];

		if (thread && thread->tid && thread->attended != number) {
			wait_for(thread, number);
			any = true;
		}
	}
	return any;
}

static long order_guarded(struct pager *none, void *argument)
{
	(void)none;
	lock_take(&order_lock, LOCK_FORK);
	memcpy(&order, argument, sizeof(order));
	atomic_fetch_add(&order_number, 1);
	while (wait_for_all(order_number))
		;
	lock_drop(&order_lock, LOCK_FORK);
	return 0;
}

void bare_order(long number, long a, long b, long c)
{
	struct order wanted = { number, { a, b, c } };

	if (owner == sys_getpid())
		guard_call(NULL, order_guarded, &wanted, sizeof(wanted));
}

static void bare_end_last(int status)
{
	sys_call1(SYS_exit_group, status);
}

static const struct thread_ops bare_thread_ops = {
	.start = bare_start,
	.join = bare_join,
	.forget = release,
	.attend = bare_attend,
	.end_last = bare_end_last,
};

/* Replaces thread_libc.c's. */
const struct thread_ops *const thread_ops = &bare_thread_ops;
