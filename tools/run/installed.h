/* SPDX-License-Identifier: MIT */
/* installed.h - where the preload library is: installed with this program, or built with it
 */
#ifndef SPILL_INSTALLED_H
#define SPILL_INSTALLED_H

#include "kernel/program.h"

#define PRELOAD_NAME "libspill-preload.so"

/* Finds the preload library.  NULL, or why it cannot be used. */
const char *installed_find_preload(char path[PROGRAM_PATH]);

#endif
