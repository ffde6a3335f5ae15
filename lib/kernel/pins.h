/* SPDX-License-Identifier: MIT */
/* pins.h - may a device be writing to this process's memory?
 *
 * If a page is copied out and discarded while a device writes to it, that write is lost, and no
 * unprivileged call tells which pages are pinned for devices.  So a chunk is copied only while the
 * process has nothing open that could pin pages: an O_DIRECT file (on any other file, Linux AIO is
 * a read that is waited for), an io_uring of its own, an AF_XDP socket, a block device (SCSI
 * commands), or a character device that is not known to be harmless (cameras, SCSI, RDMA, GPUs and
 * VFIO are not).
 *
 * Ask after write-protecting the chunk.  Whoever pins a page for writing from then on takes a write
 * fault, and waits; whoever did so before had one of these open.  (Not seen: a descriptor closed
 * while its transfer goes on, and a thread that unshared its descriptors.)
 *
 * Locking: none.
 */
#ifndef SPILL_PINS_H
#define SPILL_PINS_H

#include <stdbool.h>
#include <stdint.h>

/* Looks at the descriptors that are not ours, at some tenths of a microsecond each.  If there are
 * too many to look at, returns in_doubt. */
bool pins_possible(bool in_doubt);

/* What looking costs, in ns, as of late; 0 if it is not known. */
uint32_t pins_price(void);

/* Was the answer yes a moment ago?  Then write-protecting would be wasted. */
bool pins_expected(void);

#endif
