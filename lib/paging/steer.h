/* SPDX-License-Identifier: MIT */
/* steer.h - a pager does what is wanted from outside
 *
 * What `spill set', `spill map' and `spill trace' want lies beside the counters (steering.h).  The
 * bell says that something is new, but not what.
 */
#ifndef SPILL_STEER_H
#define SPILL_STEER_H

#include "paging/paging.h"

/* Does what is wanted.  In a handler, or before there is any. */
void steer(struct paging *paging);

#endif
