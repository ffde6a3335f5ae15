/* SPDX-License-Identifier: MIT */
/* processes.h - spill ps, stat and set; and what all tools that look at processes have in common
 *
 * processes/ holds everything that reaches into running processes.  It finds them (survey),
 * compares two looks (rate), asks what their page tables hold (ask), changes what they may do
 * (steer), and lets one asker in at a time (turn).  It may include common/.
 */
#ifndef SPILL_PROCESSES_H
#define SPILL_PROCESSES_H

int ps_main(int argc, char **argv);
int set_main(int argc, char **argv);
int stat_main(int argc, char **argv);

/* Says why a process cannot be looked at (survey_take, steer_open, ask_rows); returns
 * EXIT_SPILL. */
int processes_refuse(const char *pid, int err);

#endif
