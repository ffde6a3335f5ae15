/* SPDX-License-Identifier: MIT */
/* command.h - what the launcher hands to every process of its command
 *
 * `spill run` opens what the processes of the command share, leaves it open
 * across exec, and says in the environment what it is:
 *
 *	SPILL_FD_USERFAULTFD=FD   /dev/userfaultfd: whoever has it open needs no
 *				  permission of its own
 *	SPILL_FD_STATS=FD	  a memfd for the counters (stats.h)
 *	SPILL_FD_BUDGET=FD:BELL	  a memfd for the budget, and a pipe (share.h)
 *	SPILL_FD_SWAP=FD:OWNERS:OFFSET:LIMIT:KEPT:PRIORITY:PATH;...
 *				  named swap: the locked file, and a memfd that
 *				  tells whose its segments are (slot.h)
 *
 * Programs close descriptors that they do not know, and reuse their numbers.
 * So a descriptor is written as NUMBER.DEVICE.INODE.RDEV (hexadecimal), and is
 * used only if it still is that very file.  A process uses a duplicate of its
 * own, which is close-on-exec; the original stays open for what it executes, but
 * for named swap, which not everything may have (command_hand_on).
 *
 * The environment is read once, before the pager arms: later it may lie in
 * memory that is paged.
 */
#ifndef SPILL_COMMAND_H
#define SPILL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_ENV_USERFAULTFD "SPILL_FD_USERFAULTFD"
#define COMMAND_ENV_STATS "SPILL_FD_STATS"
#define COMMAND_ENV_BUDGET "SPILL_FD_BUDGET"
#define COMMAND_ENV_SWAP "SPILL_FD_SWAP"

/* Reads the environment, the first time that it is called, and notes what was
 * handed over as ours (fd.h). */
void command_init(void);

/* Was this process started by `spill run` (which has then warned already)? */
bool command_launched(void);

/* A duplicate, close-on-exec, of what the launcher left open; -ENOENT: nothing
 * was handed to us; -EBADF: the program has closed it since. */
int command_open_userfaultfd(void);
int command_open_stats(void);
int command_open_pool(void);
int command_open_bell(void);
/* What hears that bell (bell.h), as long as we have what we inherited. */
int command_listen(void);

/* A named swap file or device as the launcher has opened it (target.h). */
struct command_swap {
	bool device;
	int fd, owners_fd;
	bool direct;		/* opened O_DIRECT */
	uint64_t offset, limit; /* bytes: where slots begin, and how many */
	bool kept;		/* it has its blocks for good */
	int priority;
};

/* The same for the swap at path (as the list of targets has it). */
int command_open_swap(const char *path, struct command_swap *ret_swap);

/* Is the next program that this process executes handed the named swap, in which others of the
 * command have what they paged out?  Only if it will page, and the process is who it was when it
 * began: what a daemon that has given up root runs for a user shall not read it.  To be called
 * before each exec, when one has failed (paged: true), and when the process has changed its user or
 * group.  What it has open itself it keeps.  Safe after vfork. */
void command_hand_on(bool paged);

/* -- for the launcher -------------------------------------------------------- */

/* Lets fd stay open across exec and writes it as above; 0 or -errno. */
#define COMMAND_FD_TEXT 80
int command_hand(int fd, char text[COMMAND_FD_TEXT]);

#endif
