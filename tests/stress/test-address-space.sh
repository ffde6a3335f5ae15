#!/bin/bash
# SPDX-License-Identifier: MIT
# Random calls on the address space, from several threads and their forks: each byte is what a model
# says.  This runs for SPILL_STRESS_SECONDS (make check-stress: 600), in rounds of a minute with
# different seeds, budgets and numbers of threads; SPILL_STRESS_SEED, if set, is the first seed.
# Variants: default move
. "$(dirname "$0")/../program/lib.sh"
requires_paging

program=${top_builddir:-$here/../..}/tests/stress/address-space
seconds=${SPILL_STRESS_SECONDS:-7}
seed=${SPILL_STRESS_SEED:-$(date +%s)}
threads=(4 8 2)
budgets=(32M 16M 48M)

for ((round = 0; seconds > 0; round++, seconds -= 60)); do
	budget=${budgets[round % 3]}
	echo "round $round: a budget of $budget"
	"$SPILL" run -m "$budget" --stats="$tmp/stats" --json -- "$program" --seed=$((seed + round)) \
		--threads="${threads[round % 3]}" --seconds=$((seconds < 60 ? seconds : 60)) ||
		fail "exit status $?"
	[ "$(json_value "$tmp/stats" faults_major)" -gt 0 ] || fail "nothing was paged"
done
