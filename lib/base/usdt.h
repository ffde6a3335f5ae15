/* SPDX-License-Identifier: MIT */
/* usdt.h - probes: where perf(1), bpftrace(8) and their kin look at a running pager
 *
 *	spill:fault_start (address)			a handler has read a fault
 *	spill:fault_done  (address, kind, ns)		the page is there; enum latency_kind;
 *							ns since fault_start
 *	spill:evict	  (address, pages)		pages of a chunk left; a mask
 *	spill:save	  (address, pages, dirty)	such pages are saved; both are masks
 *	spill:write_back  (slot, pages)			a write of this many pages was started
 *	spill:read	  (slot, pages, ahead)		a read was started; ahead: nobody waits
 *
 * Until somebody attaches, a probe is one nop, plus a note in the file that says where its
 * arguments are.  Compiling the probes takes <sys/sdt.h>, from SystemTap; without it there are
 * none. spill(7) has examples.
 */
#ifndef SPILL_USDT_H
#define SPILL_USDT_H

#include "config.h"

#ifdef HAVE_SYS_SDT_H
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#define USDT(name, ...) STAP_PROBEV(spill, name, __VA_ARGS__)
#else
#define USDT(name, ...) ((void)0)
#endif

#endif
