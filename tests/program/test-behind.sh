#!/bin/bash
# SPDX-License-Identifier: MIT
# test-behind.sh - a program that changes its address space by instructions of its own: a line says so,
# and what it maps where paged memory was is not taken from it
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
"$SPILL" run -m 16M -s "$tmp" -- "${top_builddir:-$here/../..}/tests/program/behind" 2>"$tmp/err" ||
	fail "behind: exit status $?: $(cat "$tmp/err")"
grep -q '^spill: the program discards or unmaps memory by system calls' "$tmp/err" || fail "no line: $(cat "$tmp/err")"
