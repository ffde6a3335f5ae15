#!/bin/bash
# SPDX-License-Identifier: MIT
# test-peers.sh - another process reads and writes paged-out memory
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/peers" ||
	fail "peers: exit status $?"
