#!/bin/bash
# SPDX-License-Identifier: MIT
# Time limit: 300
# stress-ng, in a fraction of the memory that it wants, finds nothing wrong with what it gets.
. "$(dirname "$0")/lib.sh"
requires stress-ng numfmt
requires_paging
cd "$tmp" || exit 99
if [ -n "${SPILL_STRESS_SECONDS:-}" ]; then times=20; else times=1; fi

# stress PAGES STRESSOR OPERATIONS ARGUMENT...: all that it checks is right, and at least so many
# pages left memory meanwhile.
stress() {
	local pages=$1 stressor=$2 operations=$(($3 * times)) evicted
	shift 3
	"$SPILL" run -m 32M -s "$tmp" --quiet --stats="$tmp/json" --json -- \
		stress-ng --verify --timeout $((120 * times)) --temp-path "$tmp" \
		"--$stressor" 1 "--$stressor-ops" "$operations" "$@" >out 2>&1 ||
		fail "stress-ng $stressor: exit status $?: $(grep -E 'fail|error' out | head -n 5)"
	grep -q 'unsuccessful\|skipped' out && fail "stress-ng $stressor: $(cat out)"
	evicted=$(json_value "$tmp/json" pages_evicted)
	[ "${evicted:-0}" -ge "$pages" ] || fail "stress-ng $stressor: only $evicted pages left memory"
	echo "  $stressor: $evicted pages left memory"
}

stress 25000 vm 700 --vm-bytes 64M --vm-method all
stress 10000 mmap 5 --mmap-bytes 64M
stress 10000 mremap 5 --mremap-bytes 64M
stress 0 fork 80 --fork-vm
stress 10000 vm 30 --vm-bytes 64M --fork 1 --fork-ops 100
stress 0 madvise 50
stress 5000 malloc 12000 --malloc-bytes 128M
stress 50000 memrate 1 --memrate-bytes 64M
stress 0 userfaultfd 10000 --userfaultfd-bytes 48M
stress 10000 vm 150 --vm-bytes 48M --userfaultfd 1 --userfaultfd-ops 5000 --userfaultfd-bytes 8M
stress 1000 mergesort 1 --mergesort-size 4000000
