/* SPDX-License-Identifier: MIT */
/* run.h - spill run: runs a command in less memory than it needs
 *
 * run/ starts commands under spill: options, checks and the environment (launch), the preload
 * library (installed), a command as a child (supervise), and what --stats prints (totals).  `spill
 * trace' also starts its commands through it.  It may include common/.
 */
#ifndef SPILL_RUN_H
#define SPILL_RUN_H

int run_main(int argc, char **argv);

#endif
