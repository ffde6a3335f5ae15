#!/bin/bash
# SPDX-License-Identifier: MIT
# `spill set' makes the budget of a command smaller and larger while it runs: what its processes hold
# follows, and they find what they wrote.
# Time limit: 120
. "$(dirname "$0")/lib.sh"
requires_hungry
requires pgrep python3
requires_paging

# held PID: bytes that `spill ps' shows in memory.
held() {
	"$SPILL" ps --json | python3 -c '
import json, sys
print(sum(p["resident"] + p["cached"] for p in json.load(sys.stdin) if str(p["pid"]) in sys.argv[1:]))' "$@"
}
budget() {
	"$SPILL" ps --json | python3 -c '
import json, sys
print([p["budget"] for p in json.load(sys.stdin) if str(p["pid"]) == sys.argv[1]][0])' "$1"
}
at_most() {
	[ "$(held "${@:2}")" -le "$1" ]
}
at_least() {
	[ "$(held "${@:2}")" -ge "$1" ]
}
set_budget() {
	"$SPILL" set "$1" "budget=$2" || fail "set budget=$2: exit status $?"
}
# It looks at what it wrote until it is killed; it says if something is wrong.
ends_well() {
	kill "$1"
	wait "$1" 2>/dev/null
	[ $? -eq 143 ] && [ ! -s "$tmp/told" ] || fail "hungry: $(cat "$tmp/told")"
}

# -- one process
"$SPILL" run -m 64M -s "$tmp" -- "${hungry[@]}" 128 100000 >"$tmp/said" 2>"$tmp/told" &
pid=$!
at_exit "kill -KILL $pid 2>/dev/null"
wait_for 60 grep -qs filled "$tmp/said" || fail "hungry does not get filled: $(cat "$tmp/told")"
wait_for 10 at_least "$(bytes 48M)" "$pid" || fail "64M: it holds $(held "$pid")"
set_budget "$pid" 16M
[ "$(budget "$pid")" -eq "$(bytes 16M)" ] || fail "ps does not show the new budget: $(budget "$pid")"
wait_for 20 at_most "$(bytes 16M)" "$pid" || fail "16M: it holds $(held "$pid")"
set_budget "$pid" 96M
wait_for 20 at_least "$(bytes 72M)" "$pid" || fail "96M: it holds $(held "$pid")"
set_budget "$pid" 8M
wait_for 20 at_most "$(bytes 8M)" "$pid" || fail "8M: it holds $(held "$pid")"
# All of it fits.
"$SPILL" set "$pid" budget=20% || fail "20%: exit status $?"
wait_for 20 at_least "$(bytes 100M)" "$pid" || fail "20%: it holds $(held "$pid")"
ends_well "$pid"

# -- a command of three, by the number of any
"$SPILL" run -m 128M -s "$tmp" -- bash -c '"$@" & "$@" & "$@" & wait' bash \
	"${hungry[@]}" 64 100000 >"$tmp/said" 2>"$tmp/told" &
shell=$!
at_exit "kill -KILL \$(pgrep -P $shell) $shell 2>/dev/null"
all_filled() {
	[ "$(grep -cs filled "$tmp/said")" -eq 3 ]
}
wait_for 60 all_filled || fail "three do not get filled: $(cat "$tmp/told")"
mapfile -t three < <(pgrep -P "$shell")
set_budget "$shell" 40M
wait_for 20 at_most "$(bytes 40M)" "${three[@]}" || fail "40M: three hold $(held "${three[@]}")"
set_budget "${three[1]}" 100M
wait_for 20 at_least "$(bytes 60M)" "${three[@]}" || fail "100M: three hold $(held "${three[@]}")"

# -- what is wrong is said, and changes nothing
refused '4M is not from 8M to' set "$shell" budget=4M
refused '9999T is not from 8M to' set "$shell" budget=9999T
refused 'much is not a size' set "$shell" budget=much
refused 'colour=red: is not KEY=VALUE' set "$shell" colour=red
refused 'budget: is not KEY=VALUE' set "$shell" budget
refused '4M is not from' set "$shell" budget=64M budget=4M
refused 'what to set is missing' set "$shell"
refused 'what to set is missing' set
refused 'x: is not a process number' set x budget=64M
refused '4194305: there is no such process' set 4194305 budget=64M
sleep 100 &
sleeper=$!
at_exit "kill $sleeper 2>/dev/null"
refused "$sleeper: does not run under spill" set "$sleeper" budget=64M
[ "$(budget "$shell")" -eq "$(bytes 100M)" ] || fail "the budget changed: $(budget "$shell")"
for pid in "${three[@]}"; do
	kill "$pid"
done
wait "$shell"
[ ! -s "$tmp/told" ] || fail "three: $(cat "$tmp/told")"
exit 0
