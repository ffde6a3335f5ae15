#!/bin/bash
# SPDX-License-Identifier: MIT
# test-advice.sh - mprotect, mlock, madvise with its fork flags, mincore and msync work on paged-out
# memory as on any other; mlockall is refused with a line, except to a small process
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
advice=$helpers/advice
"$SPILL" run -m 8M -s "$tmp" -- "$advice" 2>"$tmp/err" || fail "advice: exit status $?: $(cat "$tmp/err")"
[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "not one line: $(cat "$tmp/err")"
grep -q '^spill: mlockall is refused: ' "$tmp/err" || fail "not about mlockall: $(cat "$tmp/err")"
"$SPILL" run -m 64M -s "$tmp" -- "$advice" small 2>"$tmp/err" || fail "advice small: exit status $?"
[ ! -s "$tmp/err" ] || fail "advice small: $(cat "$tmp/err")"
