#!/bin/bash
# SPDX-License-Identifier: MIT
# test-numbers.sh - the pager sees system calls made by syscall(2): what they map is paged, what
# they discard stays discarded, and their children have their memory
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
cd "$tmp" || exit 99
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/numbers" ||
	fail "numbers: exit status $?"
