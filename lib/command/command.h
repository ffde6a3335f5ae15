/* SPDX-License-Identifier: MIT */
/* command.h - what the launcher hands to every process of its command
 *
 * command/ is the room for what the processes of one `spill run` have in common: descriptors handed
 * down, the budget, the bell.  It includes base/ only.
 *
 * `spill run` opens what the processes of the command share, leaves it open across exec, and
 * describes it in the environment:
 *
 *	SPILL_FD_USERFAULTFD=FD   /dev/userfaultfd: whoever has it open needs no
 *				  permission of its own
 *	SPILL_FD_STATS=FD	  a memfd for the counters (stats.h)
 *	SPILL_FD_BUDGET=FD:BELL	  a memfd for the budget, and a pipe (share.h)
 *	SPILL_FD_SWAP=FD:OWNERS:OFFSET:LIMIT:KEPT:PRIORITY:PATH;...
 *				  named swap: the locked file, and a memfd that
 *				  says who owns its segments (slot.h)
 *
 * Programs close descriptors that they do not know, and reuse their numbers.  So a descriptor is
 * written as NUMBER.DEVICE.INODE.RDEV (hexadecimal), and is used only if it still is that very
 * file.  A process uses a duplicate of its own, which is close-on-exec.  The original stays open
 * for the programs it executes, except for named swap, which not every program may have
 * (command_hand_on).
 *
 * The environment is read once, before the pager arms: later it may lie in memory that is paged.
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

/* On its first call, reads the environment and notes what was handed over as ours (fd.h). */
void command_init(void);

/* Did `spill run` start this process?  (Then it has already printed its warnings.) */
bool command_launched(void);

/* A duplicate, close-on-exec, of what the launcher left open.  -ENOENT: nothing was handed to us;
 * -EBADF: the program has closed it since. */
int command_open_userfaultfd(void);
int command_open_stats(void);
int command_open_pool(void);
int command_open_bell(void);
/* A descriptor that hears this bell (bell.h), if we still have the pipe that we inherited. */
int command_listen(void);

/* A named swap file or device, as the launcher opened it (target.h). */
struct command_swap {
	bool device;
	int fd, owners_fd;
	bool direct;		/* opened O_DIRECT */
	uint64_t offset, limit; /* bytes: where slots begin, and how many */
	bool kept;		/* its blocks are allocated for good */
	int priority;
};

/* The same for the swap at path, as the list of targets spells it. */
int command_open_swap(const char *path, struct command_swap *ret_swap);

/* Decides whether the next program that this process executes gets the named swap, which holds what
 * others of the command have paged out.  It does only if it will page, and if the process still has
 * the identity that it began with: what a daemon executes for a user, having given up root, must
 * not read that swap.  Call this before each exec, after a failed one (paged: true), and when the
 * process has changed its user or group.  The process keeps its own duplicates.  Safe after
 * vfork. */
void command_hand_on(bool paged);

/* -- for the launcher -------------------------------------------------------- */

/* Lets fd stay open across exec and writes it in the form above; 0 or -errno. */
#define COMMAND_FD_TEXT 80
int command_hand(int fd, char text[COMMAND_FD_TEXT]);

#endif
