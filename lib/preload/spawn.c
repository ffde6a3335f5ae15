/* SPDX-License-Identifier: MIT */
/* spawn.c - posix_spawn(3), system(3) and vfork(2): a child is about to begin
 *
 * From now on the command has another process that may need frames, so a process with plain memory
 * must hear when it does (lender.h).  fork.c sees fork itself.
 *
 * What the child is handed (command_hand_on) depends on descriptors that all threads share.  A
 * thread that executes something else meanwhile decides for itself what that is handed.
 */
#define _GNU_SOURCE 1
#include "pager/lender.h"
#include "preload/next.h"
#include "preload/preload.h"
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

PRELOAD_API int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
			    const posix_spawnattr_t *attributes, char *const argv[],
			    char *const envp[])
{
	bool as_it_is = exec_begin(path, envp);
	int ret;

	lender_start(preload_pager_made());
	ret = NEXT(posix_spawn)(pid, path, actions, attributes, argv,
				EXEC_ENVIRONMENT(as_it_is, envp));
	exec_end();
	return ret;
}

PRELOAD_API int posix_spawnp(pid_t *pid, const char *name,
			     const posix_spawn_file_actions_t *actions,
			     const posix_spawnattr_t *attributes, char *const argv[],
			     char *const envp[])
{
	bool as_it_is = exec_begin_name(name, envp);
	int ret;

	lender_start(preload_pager_made());
	ret = NEXT(posix_spawnp)(pid, name, actions, attributes, argv,
				 EXEC_ENVIRONMENT(as_it_is, envp));
	exec_end();
	return ret;
}

PRELOAD_API int system(const char *command)
{
	int ret;

	exec_begin("/bin/sh", environ);
	lender_start(preload_pager_made());
	ret = NEXT(system)(command);
	exec_end();
	return ret;
}

/* -- vfork -------------------------------------------------------------------------------- */

/* vfork returns twice on its caller's stack, so no C function may come between.  This one jumps to
 * the next vfork, which preload_vfork_next finds. */
__attribute__((used, visibility("hidden"))) void *preload_vfork_next(void);
void *preload_vfork_next(void)
{
	static void *_Atomic cache;

	lender_start(preload_pager_made());
	return next_of(&cache, "vfork");
}

#if defined(__x86_64__)
__asm__(".pushsection .text\n\t"
	".globl vfork\n\t"
	".type vfork, @function\n"
	"vfork:\n\t"
	".cfi_startproc\n\t"
	"endbr64\n\t"
	"subq $8, %rsp\n\t"
	".cfi_adjust_cfa_offset 8\n\t"
	"call preload_vfork_next\n\t"
	"addq $8, %rsp\n\t"
	".cfi_adjust_cfa_offset -8\n\t"
	"jmpq *%rax\n\t"
	".cfi_endproc\n\t"
	".size vfork, . - vfork\n\t"
	".popsection");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n\t"
	".globl vfork\n\t"
	".type vfork, %function\n"
	"vfork:\n\t"
	".cfi_startproc\n\t"
	"stp x29, x30, [sp, #-16]!\n\t"
	".cfi_adjust_cfa_offset 16\n\t"
	"bl preload_vfork_next\n\t"
	"ldp x29, x30, [sp], #16\n\t"
	".cfi_adjust_cfa_offset -16\n\t"
	"mov x16, x0\n\t"
	"br x16\n\t"
	".cfi_endproc\n\t"
	".size vfork, . - vfork\n\t"
	".popsection");
#endif
