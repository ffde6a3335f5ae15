#!/bin/bash
# SPDX-License-Identifier: MIT
# validate.sh - what spill report predicts, against real runs with five budgets
#
#	tests/policy/validate.sh [SAMPLE]	in the build tree, as `make check TESTS=' leaves it
#
# Prints a table: touches that wait for a read (major faults) and pages read, predicted from one
# recording with enough memory, and measured.  Takes some minutes; fails only if something does not
# run.

set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../program/lib.sh"
sample=${1:-256}
touches=$PWD/tests/program/helper/touches
SPILL=$PWD/tools/spill
requires python3 sort taskset
requires_paging
[ -x "$touches" ] || fail "$touches is not there: make check TESTS="
export PYTHONHASHSEED=0 LC_ALL=C

python3 -c '
import random
random.seed(1)
for i in range(500000): print("%d some text that makes it longer %d" % (random.randrange(10**9), i))
' >"$tmp/lines"
cat >"$tmp/dictionary.py" <<'END'
import random
random.seed(1)
table = {i: str(i) * 4 for i in range(300000)}
total = 0
for i in range(400000):
    total += len(table[min(int(random.expovariate(1) * 60000), 299999)])
print(total)
END

now() {
	date +%s%N
}
seconds() {
	python3 -c 'import sys; print("%.1f" % ((int(sys.argv[2]) - int(sys.argv[1])) / 1e9))' "$1" "$2"
}
key() {
	python3 -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$1"
}

# compare KEY: what was told of it, and what is real
compare() {
	python3 - "$1" "$tmp/told" "$tmp/stats" <<'END'
import json, sys
key = sys.argv[1]
told, real = json.load(open(sys.argv[2]))["curve"][0][key], json.load(open(sys.argv[3]))[key]
print(f"  {key} {told:.0f} for {real}: {100 * (told - real) / max(real, 1):+.1f} %", end="")
END
}

# validate NAME COMMAND...
validate() {
	local name=$1 trace=$tmp/trace begin need percent budget plain
	shift
	rm -f "$trace"
	begin=$(now)
	"$SPILL" run --quiet -- "$@" >/dev/null || fail "$name: exit status $?"
	plain=$(seconds "$begin" "$(now)")
	begin=$(now)
	# All on one CPU: several times as fast, see spill-trace(1).
	taskset -c 0 "$SPILL" trace --quiet -o "$trace" --sample "$sample" -- "$@" >/dev/null ||
		fail "$name: exit status $?"
	echo "$name: $plain s, recorded in $(seconds "$begin" "$(now)") s, $(($(stat -c %s "$trace") >> 20)) MiB," \
		"$(seconds 0 "$("$SPILL" report --json "$trace" | key '["part"] * 100000000000 // 1' | cut -d. -f1)") % of its memory"
	need=$("$SPILL" report --json "$trace" | key '["enough"]')
	for percent in 30 40 50 65 80; do
		budget=$((need * percent / 100))
		[ "$budget" -ge $((8 << 20)) ] || continue
		"$SPILL" report -m "$budget" --json "$trace" >"$tmp/told"
		"$SPILL" run --quiet -m "$budget" -s "$tmp" --stats="$tmp/stats" --json -- "$@" >/dev/null ||
			fail "$name with $budget: exit status $?"
		printf '  %5sM' $((budget >> 20))
		compare faults_major
		compare pages_read
		echo
	done
}

validate random "$touches" random 96 150000
validate zipf "$touches" zipf 96 150000
validate phases "$touches" phases 96 150000
validate loop "$touches" loop 96 150000
validate dictionary python3 "$tmp/dictionary.py"
validate sort sort -S 500M --parallel=1 "$tmp/lines"
