/* SPDX-License-Identifier: MIT */
/* program.h - which file will be executed, and can it be paged?
 *
 * We page a program by a library that the dynamic linker loads before all others (LD_PRELOAD).  So
 * the program needs a dynamic linker: a static program has none, and for a program that gains
 * privileges the dynamic linker ignores the variable.  Better to say so at once than to run it
 * unpaged.
 *
 * The file may change before it is executed: this is here to inform people, not to guard anything.
 * Nothing is allocated, and it takes two paths and little else of the stack, since it is called
 * between vfork and exec.
 * Locking: none.
 */
#ifndef SPILL_PROGRAM_H
#define SPILL_PROGRAM_H

#include <stdbool.h>

#define PROGRAM_PATH 4096

/* Finds the file that execvp(3) would execute.  0 or -errno: -ENOENT, there is none; -EACCES, there
 * is one that may not be executed. */
int program_find(const char *name, char ret_path[PROGRAM_PATH]);

/* Says in words why the program at path will not load the preload library; NULL: it will.  ret_path
 * is the path concerned: that of a script's interpreter, if path is a script. */
const char *program_obstacle(const char *path, char ret_path[PROGRAM_PATH]);

/* Would the program load the library and fail because of it?  (A sanitizer's runtime insists on
 * being first.) */
bool program_obstacle_is_fatal(const char *obstacle);

#endif
