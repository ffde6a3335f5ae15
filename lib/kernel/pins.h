/* SPDX-License-Identifier: MIT */
/* pins.h - may a device be writing to this process's memory?
 *
 * Copying a page out and discarding it would lose what a device writes to it
 * meanwhile, and no unprivileged call tells which pages are pinned for that.  So
 * a chunk is copied only while the process has nothing open through which it
 * could be: a file that is O_DIRECT (Linux AIO on any other is a read that is waited for), an
 * io_uring of its own, an AF_XDP socket, a block device (SCSI commands), a character device that is
 * not known to do nothing of the kind (cameras, SCSI, RDMA, GPUs, VFIO do).
 *
 * It is asked after the chunk was write-protected.  Who pins a page for writing
 * from then on takes a write fault, and waits; who did before had one of these
 * open.  (Not seen: one that is closed while its transfer goes on, and a thread
 * that unshared its descriptors.)
 *
 * Locking: none.
 */
#ifndef SPILL_PINS_H
#define SPILL_PINS_H

#include <stdbool.h>

/* Looks at the descriptors that are not ours: some tenths of a microsecond for
 * each.  In doubt (there are too many to look at) it gives what it is told. */
bool pins_possible(bool in_doubt);

/* Was it true a moment ago?  Then to write-protect anything is in vain. */
bool pins_expected(void);

#endif
