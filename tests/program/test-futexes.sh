#!/bin/bash
# SPDX-License-Identifier: MIT
# test-futexes.sh - mutexes of all kinds, conditions, threads' own stacks, and what the kernel
# clears when a thread ends, all lie in paged-out memory
#
# Variants: default move
# Time limit: 90

. "$(dirname "$0")/lib.sh"
requires_paging
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/futexes" ||
	fail "futexes: exit status $?"
