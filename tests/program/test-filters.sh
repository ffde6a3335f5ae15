#!/bin/bash
# SPDX-License-Identifier: MIT
# test-filters.sh - a program that installs a seccomp filter is not killed by it for what the pager
# does, and keeps its memory; a line says that it is no longer paged
#
# Variants: default move
# Time limit: 120

. "$(dirname "$0")/lib.sh"
requires_paging
filters=$helpers/filters
"$filters" early prctl >/dev/null 2>"$tmp/err" || skip "no such filter can be installed here: $(cat "$tmp/err")"

# runs WHEN HOW LINES: it does what it does, and as many lines say so
runs() {
	"$SPILL" run -m 16M -s "$tmp" -- "$filters" "$1" "$2" >"$tmp/out" 2>"$tmp/err" ||
		fail "$1 $2: exit status $?: $(cat "$tmp/err")"
	grep -q '^right$' "$tmp/out" || fail "$1 $2: $(cat "$tmp/out" "$tmp/err")"
	[ "$(grep -c 'installs a seccomp filter.*runs without spill' "$tmp/err")" -eq "$3" ] ||
		fail "$1 $2: not $3 lines: $(cat "$tmp/err")"
}
runs early prctl 1
runs early seccomp 1
runs paged prctl 1
runs paged seccomp 1
runs paged strict 1
runs paged asks 0
