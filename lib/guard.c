/* SPDX-License-Identifier: MIT */
/* guard.c - entering the pager from an application thread: see guard.h */
#include "guard.h"
#include <signal.h>
#include <string.h>

#define GUARD_STACKS 16
#define GUARD_STACK_SIZE ((size_t)64 << 10)

/* The kernel's signal set: 64 bits, whatever libc's looks like. */
static uint64_t block_signals(void)
{
	uint64_t all = ~UINT64_C(0), before = 0;

	/* Not those that glibc keeps for itself: setuid waits for them. */
	all &= ~(UINT64_C(1) << (32 - 1) | UINT64_C(1) << (33 - 1));
	sys_call4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	return before;
}

static void restore_signals(uint64_t before)
{
	sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
}

/* -- stacks ------------------------------------------------------------------------ */

static char *_Atomic stacks;
static _Atomic uint32_t stacks_taken;

static char *map_stacks(void)
{
	char *mine, *other = NULL;

	if (stacks)
		return stacks;
	mine = meta_map(GUARD_STACKS * GUARD_STACK_SIZE);
	if (mine && !atomic_compare_exchange_strong(&stacks, &other, mine)) {
		meta_unmap(mine, GUARD_STACKS * GUARD_STACK_SIZE);
		return other;
	}
	return mine;
}

static int take_stack(void)
{
	for (;;) {
		uint32_t taken = stacks_taken;
		uint32_t free = ~taken & ((1u << GUARD_STACKS) - 1);

		if (!free)
			sys_yield();
		else if (atomic_compare_exchange_weak(&stacks_taken, &taken,
						      taken | (free & -free)))
			return __builtin_ctz(free);
	}
}

static void give_stack(int i)
{
	atomic_fetch_and(&stacks_taken, ~(1u << i));
}

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

/* Pages of a managed stack are resident where it is in use, so its chunk has a
 * row. */
static bool stack_is_managed(struct pager *pager)
{
	return pager_is_armed(pager) &&
	       pagetable_find(&pager->table, (uintptr_t)__builtin_frame_address(0)) != NULL;
}

static long call_on_own_stack(struct pager *pager, guard_function function, void *argument,
			      size_t size)
{
	int i = take_stack();
	char *stack = stacks + (size_t)i * GUARD_STACK_SIZE;
	void *copy = stack + GUARD_STACK_SIZE - GUARD_ARGUMENT_MAX;
	long ret;

	memcpy(copy, argument, size);
	ret = call_on(copy, function, pager, copy);
	memcpy(argument, copy, size);
	give_stack(i);
	return ret;
}

long guard_call(struct pager *pager, guard_function function, void *argument, size_t size)
{
	uint64_t signals = block_signals();
	long ret;

	assert(size <= GUARD_ARGUMENT_MAX);
	if (!stack_is_managed(pager) || !map_stacks()) {
		char copy[GUARD_ARGUMENT_MAX] __attribute__((aligned(16)));

		memcpy(copy, argument, size);
		ret = function(pager, copy);
		memcpy(argument, copy, size);
	} else {
		ret = call_on_own_stack(pager, function, argument, size);
	}
	restore_signals(signals);
	return ret;
}
