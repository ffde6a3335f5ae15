/* SPDX-License-Identifier: MIT */
/* usdt.h - probes: where perf(1), bpftrace(8) and their like look at a running pager
 *
 *	spill:fault_start (address)			a handler has been told of a fault
 *	spill:fault_done  (address, kind, ns)		the page is there; kind as enum latency_kind,
 *							so long after fault_start
 *	spill:evict	  (address, pages, dirty)	pages of a chunk left, as masks
 *	spill:write_back  (slot, pages)			a write was started, of so many pages
 *	spill:read	  (slot, pages, ahead)		a read was started; ahead: nobody waits for it
 *
 * Each is one nop, and a note in the file that says where its arguments are, until somebody attaches
 * to it.  They need <sys/sdt.h>, of SystemTap, when spill is compiled; without it they are not there.
 * spill(7) has examples.
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
