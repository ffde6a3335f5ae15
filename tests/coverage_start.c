/* SPDX-License-Identifier: MIT */
/* coverage_start.c - counts from the first line on: linked into all that `make coverage' builds
 *
 * clang's runtime maps the file of the counts (%c in its name, Makefile.am) in a constructor of its own,
 * behind ours, and drops what was counted before.  So it is done here, before all others.
 */
int __llvm_profile_runtime; /* its constructor is left out */
void __llvm_profile_initialize_file(void);

static __attribute__((constructor(101))) void start(void)
{
	__llvm_profile_initialize_file();
}
