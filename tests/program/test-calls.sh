#!/bin/bash
# SPDX-License-Identifier: MIT
# test-calls.sh - system calls read and write paged-out memory like any other
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
cd "$tmp" || exit 99
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/calls" calls.data ||
	fail "calls: exit status $?"
