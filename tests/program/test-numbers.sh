#!/bin/bash
# SPDX-License-Identifier: MIT
# test-numbers.sh - system calls that a program makes by syscall(2) are seen: what they map is paged,
# what they discard does not come back, and their children have their memory
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
cd "$tmp" || exit 99
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/numbers" ||
	fail "numbers: exit status $?"
