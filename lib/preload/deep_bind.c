/* SPDX-License-Identifier: MIT */
/* deep_bind.c - dlopen(3) and dlmopen(3) without RTLD_DEEPBIND
 *
 * A library opened with this flag searches itself and the libraries it needs before the program's,
 * so its malloc and free are libc's.  But libc's own functions (strdup, getline) still call ours,
 * so memory of one allocator is freed by the other.  PHP opens its extensions this way, oneTBB the
 * libraries for its NUMA query.  Without the flag everybody has the same malloc.  What else the
 * flag is for, two libraries with symbols of the same name, is lost: spill(7) says so.
 *
 * The caller must remain the caller: libc looks at the return address to find out whose DT_RUNPATH
 * and $ORIGIN count, and in which name space the library is wanted.  So these functions do not call
 * the next ones: they clear the flag in its register and jump.  In a name space of its own (dlmopen
 * with something else than LM_ID_BASE) a library has a libc of its own, where everything is libc's,
 * so there the flag stays.
 *
 * Locking: none; the next functions are looked up once (next.h).
 */
#define _GNU_SOURCE 1
#include "preload/next.h"
#include "preload/preload.h"

_Static_assert(RTLD_DEEPBIND == 8 && LM_ID_BASE == 0, "as the code below has them");

/* The code below reads these, and fills them on first use.  It refers to them by name, so they are
 * not static. */
void *_Atomic deep_bind_next_dlopen, *_Atomic deep_bind_next_dlmopen;
void *deep_bind_find_dlopen(void);
void *deep_bind_find_dlmopen(void);

void *deep_bind_find_dlopen(void)
{
	return next_of(&deep_bind_next_dlopen, "dlopen");
}

void *deep_bind_find_dlmopen(void)
{
	return next_of(&deep_bind_next_dlmopen, "dlmopen");
}

/* FUNCTION(name, clear): clears the flag, then jumps to the next function called name, with the
 * stack and the return address unchanged.  On first use that function must be looked up; the
 * arguments, three at most, are saved across that call. */
#if defined(__x86_64__)
#define FUNCTION(name, clear)                                                   \
	__asm__(".pushsection .text\n"                                          \
		".globl " #name "\n"                                            \
		".type " #name ", @function\n"                                  \
		".p2align 4\n" #name ":\n"                                      \
		".cfi_startproc\n"                                              \
		"endbr64\n" clear "movq deep_bind_next_" #name "(%rip), %rax\n" \
		"testq %rax, %rax\n"                                            \
		"jz 1f\n"                                                       \
		"jmp *%rax\n"                                                   \
		"1:\n"                                                          \
		"pushq %rdi\n"                                                  \
		".cfi_adjust_cfa_offset 8\n"                                    \
		"pushq %rsi\n"                                                  \
		".cfi_adjust_cfa_offset 8\n"                                    \
		"pushq %rdx\n"                                                  \
		".cfi_adjust_cfa_offset 8\n"                                    \
		"call deep_bind_find_" #name "\n"                               \
		"popq %rdx\n"                                                   \
		".cfi_adjust_cfa_offset -8\n"                                   \
		"popq %rsi\n"                                                   \
		".cfi_adjust_cfa_offset -8\n"                                   \
		"popq %rdi\n"                                                   \
		".cfi_adjust_cfa_offset -8\n"                                   \
		"jmp *%rax\n"                                                   \
		".cfi_endproc\n"                                                \
		".size " #name ", . - " #name "\n"                              \
		".popsection\n")
/* The flags are the second argument; dlmopen's are the third, after the name space. */
FUNCTION(dlopen, "andl $~8, %esi\n");
FUNCTION(dlmopen, "testq %rdi, %rdi\n"
		  "jnz 2f\n"
		  "andl $~8, %edx\n"
		  "2:\n");
#elif defined(__aarch64__)
#define FUNCTION(name, clear)                                       \
	__asm__(".pushsection .text\n"                              \
		".globl " #name "\n"                                \
		".type " #name ", %function\n"                      \
		".p2align 4\n" #name ":\n"                          \
		".cfi_startproc\n"                                  \
		"hint #34\n" /* bti c */                            \
		clear "adrp x16, deep_bind_next_" #name "\n"        \
		"ldr x16, [x16, #:lo12:deep_bind_next_" #name "]\n" \
		"cbz x16, 1f\n"                                     \
		"br x16\n"                                          \
		"1:\n"                                              \
		"stp x29, x30, [sp, #-48]!\n"                       \
		".cfi_def_cfa_offset 48\n"                          \
		".cfi_offset 29, -48\n"                             \
		".cfi_offset 30, -40\n"                             \
		"mov x29, sp\n"                                     \
		"stp x0, x1, [sp, #16]\n"                           \
		"str x2, [sp, #32]\n"                               \
		"bl deep_bind_find_" #name "\n"                     \
		"mov x16, x0\n"                                     \
		"ldr x2, [sp, #32]\n"                               \
		"ldp x0, x1, [sp, #16]\n"                           \
		"ldp x29, x30, [sp], #48\n"                         \
		".cfi_restore 29\n"                                 \
		".cfi_restore 30\n"                                 \
		".cfi_def_cfa_offset 0\n"                           \
		"br x16\n"                                          \
		".cfi_endproc\n"                                    \
		".size " #name ", . - " #name "\n"                  \
		".popsection\n")
FUNCTION(dlopen, "and w1, w1, #0xfffffff7\n");
FUNCTION(dlmopen, "cbnz x0, 2f\n"
		  "and w2, w2, #0xfffffff7\n"
		  "2:\n");
#endif
