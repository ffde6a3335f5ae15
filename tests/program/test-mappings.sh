#!/bin/bash
# SPDX-License-Identifier: MIT
# test-mappings.sh - memory that is not managed (shared memory, files, memfds, huge pages, the
# break) keeps its contents while everything else is paged
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
cd "$tmp" || exit 99
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/mappings" ||
	fail "mappings: exit status $?"
