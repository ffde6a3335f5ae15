#!/bin/bash
# SPDX-License-Identifier: MIT
# test-credentials.sh - when a program gives up its user or groups, the pager's threads do so too
#
# Variants: default move
# Time limit: 90

. "$(dirname "$0")/lib.sh"
requires_paging
requires_root
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/credentials" ||
	fail "credentials: exit status $?"
