/* SPDX-License-Identifier: MIT */
/* run.h - spill run: runs a command in less memory than it needs
 */
#ifndef SPILL_RUN_H
#define SPILL_RUN_H

int run_main(int argc, char **argv);

#endif
