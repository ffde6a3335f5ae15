/* SPDX-License-Identifier: MIT */
/* system_faults.h - the pager's system calls fail when a plan says so
 *
 * Every system call of the library goes through sys_call6 (sys.h).  The core that these tests
 * are linked with (SPILL_SYSTEM_FAULTS) asks here first: the nth call of one kind fails, or all
 * from there on.  The harness calls libc, so it is not disturbed.
 *
 * A kind is a system call, or one of the things that ioctl, madvise and fcntl do.
 */
#ifndef SYSTEM_FAULTS_H
#define SYSTEM_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>

/* How a call goes wrong. */
enum fault_way {
	FAULT_INSTEAD, /* it is not made */
	FAULT_AFTER,   /* it is made, and nevertheless fails */
	FAULT_SHORT,   /* it is made for its first page alone (a size in bytes is cut) */
	FAULT_KILL,    /* the process gets SIGKILL */
	FAULT_STOP,    /* the process gets SIGSTOP, and the call is made when it goes on */
	FAULT_CRASH,   /* its thread traps */
	FAULT_WAIT,    /* it is made after fault_end */
};

struct fault_plan {
	unsigned kind; /* what fault_kind gave */
	int error;     /* an errno value */
	enum fault_way way;
	unsigned nth; /* from 1 on */
	bool always;  /* and all behind it */
};

/* The kind of that name; ends the test if there is none. */
unsigned fault_kind(const char *name);

void fault_begin(const struct fault_plan *plan);
void fault_end(void);

/* How many calls went wrong since fault_begin? */
unsigned fault_hits(void);
/* The number of a call that is of no kind, or -1. */
long fault_unknown(void);

#endif
