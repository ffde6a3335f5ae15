#!/bin/bash
# SPDX-License-Identifier: MIT
# test-allocator.sh - the malloc family and C++'s new, wherever they are called from; freeing what
# is paged out does not read it
#
# Variants: default move
# Time limit: 90

. "$(dirname "$0")/lib.sh"
requires_paging
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/allocator" || fail "allocator: exit status $?"

# reads HOW: how many pages that reads
reads() {
	"$SPILL" run -m 8M -s "$tmp" --json --stats="$tmp/stats" -- "$helpers/allocator" "$1" >/dev/null ||
		fail "allocator $1: exit status $?"
	[ "$(json_value "$tmp/stats" pages_evicted)" -gt 8000 ] || fail "$1: hardly anything was paged"
	json_value "$tmp/stats" pages_read
}
kept=$(reads keep) || fail "$kept"
touched=$(reads touch) || fail "$touched"
freed=$(reads free) || fail "$freed"
echo "a million objects: $kept pages read, $touched if some are touched, $freed if all are freed"
[ $((touched - kept)) -ge 500 ] || fail "they were not paged out"
# Of some 12000 pages that they lie on.
[ $((freed - kept)) -lt 120 ] || fail "to free them reads $((freed - kept)) pages more"

# The program's own allocator, which is managed through its mmap.
"$SPILL" run -m 32M -s "$tmp" --json --stats="$tmp/stats" -- "$helpers/own_heap" >"$tmp/out" ||
	fail "own_heap: exit status $?: $(cat "$tmp/out")"
[ "$(json_value "$tmp/stats" pages_evicted)" -gt 8000 ] || fail "own_heap: hardly anything was paged"

if [ -x "$helpers/new" ]; then
	"$SPILL" run -m 8M -s "$tmp" -- "$helpers/new" || fail "new: exit status $?"
else
	echo "there was no C++ compiler: new is not tested"
fi
