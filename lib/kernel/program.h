/* SPDX-License-Identifier: MIT */
/* program.h - which file will be executed, and can it be paged
 *
 * A program is paged by a library that the dynamic linker loads before all
 * others (LD_PRELOAD).  So it needs one: a static program has none, and of a
 * program that gains privileges the dynamic linker ignores the variable.  Better
 * to say so at once than to run it unpaged.
 *
 * What this looks at may change before it is executed; it is there to tell
 * people, not to guard anything.  Nothing is allocated, and it takes two paths and
 * little else of the stack: it is called between vfork and exec.
 * Locking: none.
 */
#ifndef SPILL_PROGRAM_H
#define SPILL_PROGRAM_H

#include <stdbool.h>

#define PROGRAM_PATH 4096

/* Finds the file that execvp(3) would execute.  0, or -errno: -ENOENT there is
 * none, -EACCES there is one that may not be executed. */
int program_find(const char *name, char ret_path[PROGRAM_PATH]);

/* Why the program at path (or the interpreter of the script there, then that is the path
 * given back) will not load the preload library, in words; NULL: it will. */
const char *program_obstacle(const char *path, char ret_path[PROGRAM_PATH]);

/* Would it, and fail for it?  (A sanitizer's runtime wants to be the first.) */
bool program_obstacle_is_fatal(const char *obstacle);

#endif
