#!/bin/bash
# SPDX-License-Identifier: MIT
# SPILL_DEBUG prints what was asked for, in whole lines and where the other messages go, and changes
# nothing.
. "$(dirname "$0")/lib.sh"
requires_hungry
requires_paging

# lines KINDS: runs hungry, and leaves what was printed in $tmp/log
lines() {
	rm -f "$tmp/log"
	SPILL_DEBUG=$1 SPILL_LOG=$tmp/log "$SPILL" run -m 16M -s "$tmp" "${hungry[@]}" 32 1 \
		>"$tmp/out" 2>"$tmp/err" || fail "$1: exit status $?: $(cat "$tmp/out" "$tmp/err")"
	[ ! -s "$tmp/err" ] || fail "$1: $(cat "$tmp/err")"
	! grep -v '^spill: debug [0-9]* [0-9]* [a-z]' "$tmp/log" || fail "$1: other lines"
}

# count PATTERN: how many lines
count() {
	grep -c "^spill: debug [0-9]* [0-9]* $1" "$tmp/log"
}

pages='\(begin fill\|end fill\|evict\|reclaim\|put back\|keep slot\) [0-9a-f]*: [0-9a-f]* resident [0-9a-f]* cached '

lines all
[ "$(count 'fault at [0-9a-f]*000')" -gt 100 ] || fail "all: no faults"
[ "$(count "$pages")" -gt 100 ] || fail "all: no changes of pages"
[ "$(count 'reads slot')" -gt 0 ] || fail "all: no reads"
[ "$(count 'reads slot')" -eq "$(count 'read of slot [0-9a-f]*: [0-9]')" ] || fail "all: reads do not end"
[ "$(count 'writes slot')" -gt 0 ] || fail "all: no writes"

lines faults
[ "$(count 'fault at')" -gt 100 ] || fail "faults: no faults"
[ "$(count 'fault at')" -eq "$(wc -l <"$tmp/log")" ] || fail "faults: other lines"

lines io,pages
[ "$(count 'fault at')" -eq 0 ] || fail "io,pages: faults"
[ "$(count 'writes slot')" -gt 0 ] || fail "io,pages: no writes"
[ "$(count "$pages")" -gt 100 ] || fail "io,pages: no changes of pages"
exit 0
