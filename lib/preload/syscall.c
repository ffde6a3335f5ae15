/* SPDX-License-Identifier: MIT */
/* syscall.c - syscall(2): system calls that the program makes by number
 *
 * A system call made by number matters to us as much as one made through libc.  A number in the
 * table goes to our function of that name, which returns results and errno in the same way.  All
 * others are passed on with exactly the instructions that libc has, and without a frame: a call
 * that makes a thread (CLONE_VM) returns from here on two stacks.
 *
 *	syscall(number, ...)
 *	    not in the table ------------------------------> the kernel
 *	    a clone that shares memory, or has a stack ----> the kernel
 *	    else -> syscall_ours -> mmap, close, ...
 *
 * A program's own instructions do not come here.  The kernel would tell of what they discard or
 * unmap (UFFD_FEATURE_EVENT_REMOVE, _UNMAP, _REMAP), but at a price: the caller waits until its
 * event is read, the pager's own discards do so too, and until then every COPY and MOVE is refused
 * (doc/experiments.md).  Nor can it be turned on once such a call has been seen: features belong to
 * a userfaultfd, a range to one of them, and between the two its faults would read zeros.  So two
 * things are noticed: a fault on a page that should be here, and, before pages leave, a mapping
 * that is no longer registered (paging/depart.c).
 *
 * No lock, no allocation: it is as safe in a signal handler, or after vfork, as the functions that
 * it calls.
 */
#define _GNU_SOURCE 1
#include "command/command.h"
#include "base/fd.h"
#include "preload/preload.h"
#include "base/sys.h"
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000 /* Linux 4.14 */
#endif

/* Called with all six arguments that there may be. */
typedef long (*call)(const long a[6]);

static long pass(long number, const long a[6])
{
	return to_errno(sys_call6(number, a[0], a[1], a[2], a[3], a[4], a[5]));
}

/* -- the address space ------------------------------------------------------------------ */

static long call_mmap(const long a[6])
{
	return (long)mmap((void *)a[0], (size_t)a[1], (int)a[2], (int)a[3], (int)a[4], a[5]);
}

static long call_munmap(const long a[6])
{
	return munmap((void *)a[0], (size_t)a[1]);
}

static long call_mremap(const long a[6])
{
	return (long)mremap((void *)a[0], (size_t)a[1], (size_t)a[2], (int)a[3], (void *)a[4]);
}

static long call_mprotect(const long a[6])
{
	return mprotect((void *)a[0], (size_t)a[1], (int)a[2]);
}

static long call_pkey_mprotect(const long a[6])
{
	return pkey_mprotect((void *)a[0], (size_t)a[1], (int)a[2], (int)a[3]);
}

static long call_madvise(const long a[6])
{
	return madvise((void *)a[0], (size_t)a[1], (int)a[2]);
}

static long call_process_madvise(const long a[6])
{
	return process_madvise((int)a[0], (const struct iovec *)a[1], (size_t)a[2], (int)a[3],
			       (unsigned)a[4]);
}

static long call_mlock(const long a[6])
{
	return mlock((const void *)a[0], (size_t)a[1]);
}

static long call_mlock2(const long a[6])
{
	return mlock2((const void *)a[0], (size_t)a[1], (unsigned)a[2]);
}

static long call_munlock(const long a[6])
{
	return munlock((const void *)a[0], (size_t)a[1]);
}

static long call_mlockall(const long a[6])
{
	return mlockall((int)a[0]);
}

static long call_munlockall(const long a[6])
{
	(void)a;
	return munlockall();
}

/* -- descriptors -------------------------------------------------------------------------- */

/* libc's close is a cancellation point; the system call is not. */
static long call_close(const long a[6])
{
	command_init();
	return fd_is_ours((int)a[0]) ? to_errno(-EBADF) : pass(SYS_close, a);
}

static long call_close_range(const long a[6])
{
	return close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]);
}

#ifdef SYS_dup2
static long call_dup2(const long a[6])
{
	return dup2((int)a[0], (int)a[1]);
}
#endif

static long call_dup3(const long a[6])
{
	return dup3((int)a[0], (int)a[1], (int)a[2]);
}

static long call_ioctl(const long a[6])
{
	return ioctl((int)a[0], (unsigned long)a[1], (void *)a[2]);
}

/* -- what the kernel keeps, or cannot wait for ---------------------------------------------- */

static long call_vmsplice(const long a[6])
{
	return vmsplice((int)a[0], (const struct iovec *)a[1], (size_t)a[2], (unsigned)a[3]);
}

static long call_sendto(const long a[6])
{
	if (!(a[3] & MSG_ZEROCOPY))
		return pass(SYS_sendto, a);
	return sendto((int)a[0], (const void *)a[1], (size_t)a[2], (int)a[3],
		      (const struct sockaddr *)a[4], (socklen_t)a[5]);
}

static long call_sendmsg(const long a[6])
{
	if (!(a[2] & MSG_ZEROCOPY))
		return pass(SYS_sendmsg, a);
	return sendmsg((int)a[0], (const struct msghdr *)a[1], (int)a[2]);
}

static long call_sendmmsg(const long a[6])
{
	if (!(a[3] & MSG_ZEROCOPY))
		return pass(SYS_sendmmsg, a);
	return sendmmsg((int)a[0], (struct mmsghdr *)a[1], (unsigned)a[2], (int)a[3]);
}

/* Operations that change the word in the kernel fail, with no effect, if the word is paged out. */
static long call_futex(const long a[6])
{
	long ret = sys_call6(SYS_futex, a[0], a[1], a[2], a[3], a[4], a[5]);
	int op = (int)a[1] & FUTEX_CMD_MASK;
	bool has_second = op == FUTEX_WAKE_OP || op == FUTEX_CMP_REQUEUE_PI ||
			  op == FUTEX_WAIT_REQUEUE_PI;

	if (ret != -EFAULT || in_place_keep((void *)a[0], sizeof(uint32_t)) ||
	    (has_second && in_place_keep((void *)a[4], sizeof(uint32_t))))
		return to_errno(ret);
	return pass(SYS_futex, a);
}

/* -- other programs, filters, name spaces ------------------------------------------------------ */

static long call_execve(const long a[6])
{
	return execve((const char *)a[0], (char *const *)a[1], (char *const *)a[2]);
}

static long call_execveat(const long a[6])
{
	return execveat((int)a[0], (const char *)a[1], (char *const *)a[2], (char *const *)a[3],
			(int)a[4]);
}

static long call_prctl(const long a[6])
{
	return prctl((int)a[0], a[1], a[2], a[3], a[4]);
}

static long call_seccomp(const long a[6])
{
	return filters_seccomp(a[0], a[1], (void *)a[2]);
}

static long call_unshare(const long a[6])
{
	return unshare((int)a[0]);
}

static long call_setns(const long a[6])
{
	return setns((int)a[0], (int)a[1]);
}

/* -- children --------------------------------------------------------------------------------- */

/* Like clone(2), except that the child goes on here, on a copy of this stack. */
static long fork_by(long number, const long a[6])
{
	bool begun = clone_begin_fork();
	long ret = sys_call6(number, a[0], a[1], a[2], a[3], a[4], a[5]);

	clone_end_fork(begun, ret == 0);
	return to_errno(ret);
}

#ifdef SYS_fork
static long call_fork(const long a[6])
{
	return fork_by(SYS_fork, a);
}
#endif

static long call_clone(const long a[6])
{
	return fork_by(SYS_clone, a);
}

static long call_clone3(const long a[6])
{
	return fork_by(SYS_clone3, a);
}

/* -- which ------------------------------------------------------------------------------------- */

#define NUMBERS 512

__attribute__((used, visibility("hidden"))) const call preload_syscalls[NUMBERS] = {
	[SYS_mmap] = call_mmap,
	[SYS_munmap] = call_munmap,
	[SYS_mremap] = call_mremap,
	[SYS_mprotect] = call_mprotect,
	[SYS_pkey_mprotect] = call_pkey_mprotect,
	[SYS_madvise] = call_madvise,
	[SYS_process_madvise] = call_process_madvise,
	[SYS_mlock] = call_mlock,
	[SYS_mlock2] = call_mlock2,
	[SYS_munlock] = call_munlock,
	[SYS_mlockall] = call_mlockall,
	[SYS_munlockall] = call_munlockall,
	[SYS_close] = call_close,
	[SYS_close_range] = call_close_range,
#ifdef SYS_dup2
	[SYS_dup2] = call_dup2,
#endif
	[SYS_dup3] = call_dup3,
	[SYS_ioctl] = call_ioctl,
	[SYS_vmsplice] = call_vmsplice,
	[SYS_sendto] = call_sendto,
	[SYS_sendmsg] = call_sendmsg,
	[SYS_sendmmsg] = call_sendmmsg,
	[SYS_futex] = call_futex,
	[SYS_execve] = call_execve,
	[SYS_execveat] = call_execveat,
	[SYS_prctl] = call_prctl,
	[SYS_seccomp] = call_seccomp,
	[SYS_unshare] = call_unshare,
	[SYS_setns] = call_setns,
#ifdef SYS_fork
	[SYS_fork] = call_fork,
	[SYS_vfork] =
		call_fork, /* vfork cannot return twice on one stack; fork does what vfork does */
#endif
	[SYS_clone] = call_clone,
	[SYS_clone3] = call_clone3,
};

/* The beginning of struct clone_args. */
struct clone3_begin {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack;
};

/* Reads from an address that may be invalid. */
static bool peek(const void *from, void *to, size_t size)
{
	struct iovec here = { to, size }, there = { (void *)(uintptr_t)from, size };

	return sys_call6(SYS_process_vm_readv, sys_getpid(), (long)&here, 1, (long)&there, 1, 0) ==
	       (long)size;
}

static bool is_fork(uint64_t flags, uint64_t stack)
{
	return !(flags & CLONE_VM) && !stack;
}

static bool is_clone3_fork(const void *arguments, size_t size)
{
	struct clone3_begin begin;

	return !preload_retired && arguments && size >= sizeof(begin) &&
	       peek(arguments, &begin, sizeof(begin)) && is_fork(begin.flags, begin.stack);
}

/* Keeps the word in place that the kernel clears when the thread ends. */
static void keep_tid(uint64_t flags, void *tid)
{
	if (flags & CLONE_CHILD_CLEARTID)
		in_place_keep(tid, sizeof(pid_t));
}

/* For a number in the table. */
__attribute__((used, visibility("hidden"))) bool
preload_syscall_is_ours(long number, long a, long b, long c, long d, long e);
bool preload_syscall_is_ours(long number, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
	long tid = d;
#else
	long tid = e;
#endif
	(void)c;
	(void)d;
	(void)e;
	if (number == SYS_clone3)
		return is_clone3_fork((const void *)a, (size_t)b);
	if (number != SYS_clone)
		return true;
	keep_tid((uint64_t)a, (void *)tid);
	return is_fork((uint64_t)a, (uint64_t)b);
}

__attribute__((used, visibility("hidden"))) long
preload_syscall_ours(long number, long a, long b, long c, long d, long e, long f);
long preload_syscall_ours(long number, long a, long b, long c, long d, long e, long f)
{
	const long arguments[6] = { a, b, c, d, e, f };

	return preload_syscalls[number](arguments);
}

__attribute__((used, visibility("hidden"))) long preload_syscall_failed(long err);
long preload_syscall_failed(long err)
{
	return to_errno(err);
}

#if defined(__x86_64__)
__asm__(".pushsection .text\n\t"
	".globl syscall\n\t"
	".type syscall, @function\n"
	"syscall:\n\t"
	".cfi_startproc\n\t"
	"endbr64\n\t"
	"cmpq $512, %rdi\n\t" /* NUMBERS */
	"jae 1f\n\t"
	"leaq preload_syscalls(%rip), %rax\n\t"
	"cmpq $0, (%rax,%rdi,8)\n\t"
	"jne 2f\n"
	"1:\tmovq %rdi, %rax\n\t"
	"movq %rsi, %rdi\n\t"
	"movq %rdx, %rsi\n\t"
	"movq %rcx, %rdx\n\t"
	"movq %r8, %r10\n\t"
	"movq %r9, %r8\n\t"
	"movq 8(%rsp), %r9\n\t"
	"syscall\n\t"
	"cmpq $-4095, %rax\n\t"
	"jae 3f\n\t"
	"ret\n"
	"3:\tmovq %rax, %rdi\n\t"
	"jmp preload_syscall_failed\n"
	"2:\tpushq %rdi\n\t"
	".cfi_adjust_cfa_offset 8\n\t"
	"pushq %rsi\n\t"
	".cfi_adjust_cfa_offset 8\n\t"
	"pushq %rdx\n\t"
	".cfi_adjust_cfa_offset 8\n\t"
	"pushq %rcx\n\t"
	".cfi_adjust_cfa_offset 8\n\t"
	"pushq %r8\n\t"
	".cfi_adjust_cfa_offset 8\n\t"
	"pushq %r9\n\t"
	".cfi_adjust_cfa_offset 8\n\t"
	"subq $8, %rsp\n\t"
	".cfi_adjust_cfa_offset 8\n\t"
	"call preload_syscall_is_ours\n\t"
	"addq $8, %rsp\n\t"
	".cfi_adjust_cfa_offset -8\n\t"
	"popq %r9\n\t"
	".cfi_adjust_cfa_offset -8\n\t"
	"popq %r8\n\t"
	".cfi_adjust_cfa_offset -8\n\t"
	"popq %rcx\n\t"
	".cfi_adjust_cfa_offset -8\n\t"
	"popq %rdx\n\t"
	".cfi_adjust_cfa_offset -8\n\t"
	"popq %rsi\n\t"
	".cfi_adjust_cfa_offset -8\n\t"
	"popq %rdi\n\t"
	".cfi_adjust_cfa_offset -8\n\t"
	"testb %al, %al\n\t"
	"je 1b\n\t"
	"jmp preload_syscall_ours\n\t"
	".cfi_endproc\n\t"
	".size syscall, . - syscall\n\t"
	".popsection");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n\t"
	".globl syscall\n\t"
	".type syscall, %function\n"
	"syscall:\n\t"
	".cfi_startproc\n\t"
	"cmp x0, #512\n\t" /* NUMBERS */
	"b.hs 1f\n\t"
	"adrp x16, preload_syscalls\n\t"
	"add x16, x16, :lo12:preload_syscalls\n\t"
	"ldr x16, [x16, x0, lsl #3]\n\t"
	"cbnz x16, 2f\n"
	"1:\tmov x8, x0\n\t"
	"mov x0, x1\n\t"
	"mov x1, x2\n\t"
	"mov x2, x3\n\t"
	"mov x3, x4\n\t"
	"mov x4, x5\n\t"
	"mov x5, x6\n\t"
	"svc #0\n\t"
	"cmn x0, #4095\n\t"
	"b.hs preload_syscall_failed\n\t"
	"ret\n"
	"2:\tstp x29, x30, [sp, #-80]!\n\t"
	".cfi_adjust_cfa_offset 80\n\t"
	".cfi_rel_offset x29, 0\n\t"
	".cfi_rel_offset x30, 8\n\t"
	"stp x0, x1, [sp, #16]\n\t"
	"stp x2, x3, [sp, #32]\n\t"
	"stp x4, x5, [sp, #48]\n\t"
	"str x6, [sp, #64]\n\t"
	"bl preload_syscall_is_ours\n\t"
	"mov w16, w0\n\t"
	"ldp x0, x1, [sp, #16]\n\t"
	"ldp x2, x3, [sp, #32]\n\t"
	"ldp x4, x5, [sp, #48]\n\t"
	"ldr x6, [sp, #64]\n\t"
	"ldp x29, x30, [sp], #80\n\t"
	".cfi_adjust_cfa_offset -80\n\t"
	"tst w16, #0xff\n\t"
	"b.eq 1b\n\t"
	"b preload_syscall_ours\n\t"
	".cfi_endproc\n\t"
	".size syscall, . - syscall\n\t"
	".popsection");
#endif
