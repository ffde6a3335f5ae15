#!/bin/bash
# SPDX-License-Identifier: MIT
# test-direct.sh - what a device writes into managed memory arrives (O_DIRECT, the program's own
# io_uring with and without registered buffers, Linux AIO), however often it is evicted
#
# Without MOVE (the variant `move'), the pager cannot recognize pages under DMA: the process stays
# in memory while it has such a descriptor open.
#
# Variants: default move
# Time limit: 90

. "$(dirname "$0")/lib.sh"
requires_paging
done=0
for how in pread uring fixed aio; do
	"$SPILL" run -m 8M -s "$tmp" -- "$helpers/direct" $how \
		"$tmp/data" 2>"$tmp/err"
	status=$?
	[ $status -eq 77 ] && continue
	[ $status -eq 0 ] || fail "direct $how: exit status $status: $(head -n 3 "$tmp/err")"
	done=$((done + 1))
done
[ $done -gt 0 ] || skip "no O_DIRECT there"
