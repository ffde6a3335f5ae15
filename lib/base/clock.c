/* SPDX-License-Identifier: MIT */
/* clock.c - the time, straight from the kernel: sys_now of sys.h
 *
 * A library that changes the time for a program (libfaketime) brings its own clock_gettime.  It
 * takes locks, allocates, and expects a thread that libc knows, which ours are not.  So we call the
 * function in the vDSO, or make the system call where there is none.
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

/* The vDSO is linked at address 0, except on old kernels. */
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

/* The first call looks for the function.  Threads that race here find the same one. */
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
