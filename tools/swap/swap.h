/* SPDX-License-Identifier: MIT */
/* swap.h - spill swap: makes swap space, tries it, describes it
 *
 * swap/ holds the subcommand and its three actions (swap_create, swap_check, swap_info), the file
 * system that swap space lies in (place), and how fast it is (speed).  It may include common/.
 * Swap space as the pager uses it is in lib/store/.
 */
#ifndef SPILL_SWAP_COMMAND_H
#define SPILL_SWAP_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

int swap_main(int argc, char **argv);

/* Each returns the exit status.  size, target: NULL if not given; need: 0 if not given. */
int swap_create(const char *path, const char *size);
int swap_check(const char *target, uint64_t need, bool json);
int swap_info(char **targets, bool json);

#endif
