#!/bin/bash
# SPDX-License-Identifier: MIT
# test-locked.sh - memory that is locked may exceed the budget, and nothing else does because of it;
# a line says what exceeds it
#
# Variants: default
# Time limit: 120

. "$(dirname "$0")/lib.sh"
requires jq
requires_paging
locked=$helpers/locked
"$SPILL" run -m 16M -s "$tmp" -- "$locked" onfault 2>"$tmp/err"
status=$?
[ "$status" -ne 77 ] || skip "26 MiB may not be locked here (ulimit -l)"
[ "$status" -eq 0 ] || fail "onfault: exit status $status: $(cat "$tmp/err")"
[ ! -s "$tmp/err" ] || fail "onfault: $(cat "$tmp/err")"
"$SPILL" run -m 16M -s "$tmp" --stats="$tmp/stats" --json -- "$locked" partly 2>"$tmp/err" ||
	fail "partly: exit status $?: $(cat "$tmp/err")"
grep -q 'it is locked (mlock)' "$tmp/err" || fail "no line: $(cat "$tmp/err")"
# 24 are locked, of a budget of 16 and data of 88; what is beside them has some room.
peak=$(json_value "$tmp/stats" peak)
[ "$peak" -gt 0 ] && [ "$peak" -le "$(bytes 44M)" ] || fail "$peak bytes were held at most"
