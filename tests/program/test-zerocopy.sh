#!/bin/bash
# SPDX-License-Identifier: MIT
# test-zerocopy.sh - what a pipe or a socket would keep the frames of (vmsplice, MSG_ZEROCOPY)
# arrives unchanged, even if the memory is paged out meanwhile
#
# Variants: default move
# Time limit: 90

. "$(dirname "$0")/lib.sh"
requires_paging
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/zerocopy" "$tmp"
status=$?
[ $status -eq 77 ] && exit 77
[ $status -eq 0 ] || fail "zerocopy: exit status $status"
