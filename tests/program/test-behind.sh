#!/bin/bash
# SPDX-License-Identifier: MIT
# test-behind.sh - a program changes its address space with its own instructions: a line says so,
# and the pager does not take what the program maps where paged memory was
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
"$SPILL" run -m 16M -s "$tmp" -- "$helpers/behind" 2>"$tmp/err" ||
	fail "behind: exit status $?: $(cat "$tmp/err")"
grep -q '^spill: the program discards or unmaps memory by system calls' "$tmp/err" || fail "no line: $(cat "$tmp/err")"
