/* SPDX-License-Identifier: MIT */
/* clock.c - what time it is, from the kernel itself: sys_now of sys.h
 *
 * Libraries that change the time for a program (libfaketime) have a clock_gettime of their own, which
 * takes locks, allocates, and wants a thread that libc knows; ours are none.  So the function in the
 * vDSO is called, and where there is none the kernel.
 */
#include "base/elf_object.h"
#include "base/sys.h"
#include <sys/auxv.h>

#if defined(__x86_64__)
#define VDSO_CLOCK_GETTIME "__vdso_clock_gettime"
#elif defined(__aarch64__)
#define VDSO_CLOCK_GETTIME "__kernel_clock_gettime"
#endif

static int clock_by_call(clockid_t clock, struct timespec *ret)
{
	return (int)sys_call2(SYS_clock_gettime, clock, ret);
}

/* What the vDSO is linked to begin at is 0, but for old kernels. */
static sys_clock_function *find_in_vdso(uintptr_t at)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)at;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)(at + header->e_phoff);
	struct elf_object vdso;
	const Elf64_Sym *symbol;

	for (unsigned i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_LOAD) {
			at += segments[i].p_offset - segments[i].p_vaddr;
			break;
		}
	vdso = elf_object_read(at, segments, header->e_phnum);
	symbol = elf_object_find(&vdso, VDSO_CLOCK_GETTIME);
	return symbol ? (sys_clock_function *)(at + symbol->st_value) : NULL;
}

/* The first call of all: threads that make it at once find the same. */
static int clock_by_what_is_found(clockid_t clock, struct timespec *ret)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
	sys_clock_function *found = vdso ? find_in_vdso(vdso) : NULL;

	if (!found)
		found = clock_by_call;
	atomic_store_explicit(&sys_clock, found, memory_order_relaxed);
	return found(clock, ret);
}

sys_clock_function *_Atomic sys_clock = clock_by_what_is_found;
