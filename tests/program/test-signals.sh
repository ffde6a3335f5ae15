#!/bin/bash
# SPDX-License-Identifier: MIT
# test-signals.sh - a signal handler touches memory in the middle of any call of ours, and no thread
# waits for itself
#
# Variants: default move
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
cd "$tmp" || exit 99
"$SPILL" run -m 8M -s "$tmp" -- "$helpers/signals" ||
	fail "signals: exit status $?"
