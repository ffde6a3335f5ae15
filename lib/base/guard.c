/* SPDX-License-Identifier: MIT */
/* guard.c - entering the pager from an application thread: see guard.h */
#include "base/guard.h"
#include "base/lock.h"
#include <limits.h>
#include <signal.h>
#include <string.h>

/* -- signals ----------------------------------------------------------------------- */

/* The kernel's signal set: 64 bits, whatever libc's looks like. */
uint64_t guard_block_signals(void)
{
	uint64_t all = ~UINT64_C(0), before = 0;

	/* Except the two that glibc keeps for itself: setuid waits for them. */
	all &= ~(UINT64_C(1) << (32 - 1) | UINT64_C(1) << (33 - 1));
	sys_call4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	return before;
}

void guard_restore_signals(uint64_t before)
{
	sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
}

/* -- stacks ------------------------------------------------------------------------ */

#define STACKS 16
#define STACK_SIZE ((size_t)64 << 10)

/* Stacks that nobody touched take no memory. */
static char stacks[STACKS][STACK_SIZE] __attribute__((aligned(64)));
static _Atomic uint32_t taken; /* one bit per stack */
static _Atomic uint32_t given; /* how often one was given back while somebody waited */
static _Atomic unsigned waiters;

bool guard_is_inside(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return here - (uintptr_t)stacks < sizeof(stacks);
}

static bool try_take_stack(unsigned *ret_number)
{
	uint32_t seen = taken, free;

	while ((free = ~seen & ((1u << STACKS) - 1)) != 0)
		if (atomic_compare_exchange_weak(&taken, &seen, seen | (free & -free))) {
			*ret_number = (unsigned)__builtin_ctz(free);
			return true;
		}
	return false;
}

static unsigned take_stack(void)
{
	unsigned number;
	uint32_t seen;

	if (try_take_stack(&number))
		return number;
	atomic_fetch_add(&waiters, 1);
	for (;;) {
		seen = given;
		if (try_take_stack(&number))
			break;
		sys_futex_wait(&given, seen, NULL);
	}
	atomic_fetch_sub(&waiters, 1);
	return number;
}

static void give_stack(unsigned number)
{
	atomic_fetch_and(&taken, ~(1u << number));
	if (!waiters)
		return;
	atomic_fetch_add(&given, 1);
	sys_futex_wake(&given, 1);
}

void guard_fork_child(void)
{
	taken = 0;
	waiters = 0;
}

/* -- calls ------------------------------------------------------------------------- */

/* Calls function(pager, argument) on another stack. */
static long call_on(void *top, guard_function function, struct pager *pager, void *argument)
{
#if defined(__x86_64__)
	long ret;

	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %[top], %%rsp\n\t"
			 "callq *%[function]\n\t"
			 "movq %%rbx, %%rsp"
			 : "=a"(ret), "+D"(pager), "+S"(argument)
			 : [top] "r"(top), [function] "r"(function)
			 : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0",
			   "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	return ret;
#elif defined(__aarch64__)
	register long x0 __asm__("x0") = (long)pager;
	register long x1 __asm__("x1") = (long)argument;

	__asm__ volatile("mov x19, sp\n\t"
			 "mov sp, %[top]\n\t"
			 "blr %[function]\n\t"
			 "mov sp, x19"
			 : "+r"(x0), "+r"(x1)
			 : [top] "r"(top), [function] "r"(function)
			 : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
			   "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x30", "memory", "cc",
			   "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17", "v18",
			   "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28",
			   "v29", "v30", "v31");
	return x0;
#endif
}

static long call_on_ours(struct pager *pager, guard_function function, void *argument,
			      size_t size)
{
	unsigned number = take_stack();
	void *copy = stacks[number] + STACK_SIZE - GUARD_ARGUMENT_MAX;
	long ret;

	if (size)
		memcpy(copy, argument, size);
	lock_guard_begin();
	ret = call_on(copy, function, pager, copy);
	lock_guard_end();
	if (size)
		memcpy(argument, copy, size);
	give_stack(number);
	return ret;
}

long guard_call(struct pager *pager, guard_function function, void *argument, size_t size)
{
	uint64_t signals;
	long ret;

	assert(size <= GUARD_ARGUMENT_MAX);
	if (guard_is_inside())
		return function(pager, argument);
	signals = guard_block_signals();
	ret = call_on_ours(pager, function, argument, size);
	guard_restore_signals(signals);
	return ret;
}
