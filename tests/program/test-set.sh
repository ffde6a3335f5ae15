#!/bin/bash
# SPDX-License-Identifier: MIT
# `spill set' shrinks and grows the budget of a running command: what its processes hold follows,
# and they find what they wrote.  It also limits reading ahead, and pauses and resumes the whole
# command.
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

# -- how much is read ahead: pages to each read, as `spill stat' counts them
set_key() {
	"$SPILL" set "$1" "$2" || fail "set $2: exit status $?"
}
pages_a_read() {
	"$SPILL" stat --json "$1" 0.5 1 | python3 -c '
import json, sys
line = json.load(sys.stdin)
print(int(line["pages_read_per_second"] / max(line["faults_major_per_second"], 1)))'
}
set_key "$pid" readahead=0
"$SPILL" stat "$pid" 0.2 1 >"$tmp/stat" # here and below: for what was on its way
[ "$(pages_a_read "$pid")" -eq 1 ] || fail "readahead=0: $(pages_a_read "$pid") pages a fault"
set_key "$pid" readahead=16K
"$SPILL" stat "$pid" 0.2 1 >"$tmp/stat"
few=$(pages_a_read "$pid")
[ "$few" -gt 1 ] && [ "$few" -le 5 ] || fail "readahead=16K: $few pages a fault"
set_key "$pid" readahead=auto
"$SPILL" stat "$pid" 0.2 1 >"$tmp/stat"
[ "$(pages_a_read "$pid")" -gt 5 ] || fail "readahead=auto: $(pages_a_read "$pid") pages a fault"

# -- paused: nothing is read, written, or served; what is set meanwhile holds
faults() {
	"$SPILL" stat --json "$1" 0.5 1 | python3 -c '
import json, sys
line = json.load(sys.stdin)
print(int(sum(line[key] for key in line if key.endswith("_per_second"))))'
}
is_at_work() {
	[ "$(faults "$1")" -gt 0 ]
}
has_no_work() {
	! is_at_work "$1"
}
# What was on its way comes to its end; then nothing begins.
is_at_rest() {
	wait_for 10 has_no_work "$1" && has_no_work "$1"
}
set_key "$pid" paused=on
is_at_rest "$pid" || fail "paused: $(faults "$pid") events a second"
[ "$("$SPILL" set "$pid" | tr '\n' ' ')" = 'budget=8M readahead=auto paused=on ' ] ||
	fail "what is set: $("$SPILL" set "$pid")"
[ "$("$SPILL" set --json "$pid" | tr -d ' \n')" = \
	'{"budget":8388608,"readahead":null,"paused":true}' ] || fail "$("$SPILL" set --json "$pid")"
set_key "$pid" paused=off
wait_for 10 is_at_work "$pid" || fail "it does not go on after paused=off"

# All of it fits.
"$SPILL" set "$pid" budget=20% || fail "20%: exit status $?"
wait_for 20 at_least "$(bytes 100M)" "$pid" || fail "20%: it holds $(held "$pid")"
ends_well "$pid"

# -- a command of three, by the number of any
# More than all for any of them: none is left with plain memory.
"$SPILL" run -m 64M -s "$tmp" -- bash -c '"$@" & "$@" & "$@" & wait' bash \
	"${hungry[@]}" 64 100000 >"$tmp/said" 2>"$tmp/told" &
shell=$!
at_exit "kill -KILL \$(pgrep -P $shell) $shell 2>/dev/null"
all_filled() {
	[ "$(grep -cs filled "$tmp/said")" -eq 3 ]
}
wait_for 60 all_filled || fail "three do not get filled: $(cat "$tmp/told")"
has_ended() {
	! kill -0 "$1" 2>/dev/null
}
mapfile -t three < <(pgrep -P "$shell")
set_budget "$shell" 40M
wait_for 20 at_most "$(bytes 40M)" "${three[@]}" || fail "40M: three hold $(held "${three[@]}")"
# Paused is the whole command; a process that is killed meanwhile ends.
set_key "$shell" paused=on
is_at_rest "$shell" || fail "three are paused: $(faults "$shell") events a second"
kill "${three[0]}"
wait_for 10 has_ended "${three[0]}" || fail "a paused process does not end when it is killed"
set_key "${three[2]}" paused=off
wait_for 10 is_at_work "${three[1]}" || fail "they do not go on after paused=off"
set_budget "${three[1]}" 100M
wait_for 20 at_least "$(bytes 60M)" "${three[@]}" || fail "100M: they hold $(held "${three[@]}")"

# -- what is wrong is said, and changes nothing
refused '4M is not from 8M to' set "$shell" budget=4M
refused '9999T is not from 8M to' set "$shell" budget=9999T
refused 'much is not a size' set "$shell" budget=much
refused 'colour=red is not KEY=VALUE' set "$shell" colour=red
refused 'budget is not KEY=VALUE' set "$shell" budget
refused '4M is not from' set "$shell" budget=64M budget=4M
refused 'readahead: 8M is not from 0 to 4M' set "$shell" readahead=8M
refused 'readahead: -1 is neither a size' set "$shell" readahead=-1
refused 'paused: maybe is neither on' set "$shell" paused=maybe
refused 'no process number is given' set
refused 'x is not a process number' set x budget=64M
refused 'process 4194305 does not exist' set 4194305 budget=64M
sleep 100 &
sleeper=$!
at_exit "kill $sleeper 2>/dev/null"
refused "$sleeper does not run under spill" set "$sleeper" budget=64M
[ "$("$SPILL" set "$shell" | tr '\n' ' ')" = 'budget=100M readahead=auto paused=off ' ] ||
	fail "a value that was refused holds: $("$SPILL" set "$shell")"
[ "$(budget "$shell")" -eq "$(bytes 100M)" ] || fail "the budget changed: $(budget "$shell")"
for pid in "${three[@]:1}"; do
	kill "$pid"
done
wait "$shell"
[ ! -s "$tmp/told" ] || fail "three: $(cat "$tmp/told")"

# -- a program that uses the library: its budget is its own affair, the rest is not
cat >"$tmp/program.py" <<END
$library_python
size = 32 << 20
words = (ctypes.c_uint32 * (size // 4)).from_address(reserve(size))
for i in range(0, size // 4, 1024):
    words[i] = i
print("filled", flush=True)
while True:
    for i in range(0, size // 4, 1024):
        assert words[i] == i, i
END
# steered WHAT [COMMAND...]: it does what is wanted, started so.
steered() {
	local what=$1
	shift
	rm -f "$tmp/program.out" # the one before was filled too
	SPILL_BUDGET=8M SPILL_SWAP=$tmp "$@" python3 "$tmp/program.py" >"$tmp/program.out" 2>"$tmp/told" &
	pid=$!
	at_exit "kill -KILL $pid 2>/dev/null"
	wait_for 60 grep -qs filled "$tmp/program.out" || fail "$what does not get filled: $(cat "$tmp/told")"
	[ $# -gt 0 ] || refused "$pid was not started by .spill run" set "$pid" budget=64M
	set_key "$pid" paused=on
	is_at_rest "$pid" || fail "$what, paused: $(faults "$pid") events a second"
	set_key "$pid" paused=off
	wait_for 10 is_at_work "$pid" || fail "$what does not go on after paused=off"
	set_key "$pid" readahead=0
	"$SPILL" stat "$pid" 0.2 1 >"$tmp/stat"
	[ "$(pages_a_read "$pid")" -eq 1 ] || fail "$what, readahead=0: $(pages_a_read "$pid")"
	kill "$pid"
	wait "$pid" 2>/dev/null
	[ ! -s "$tmp/told" ] || fail "$what: $(cat "$tmp/told")"
}
steered 'a program'
# It hears the command's bell.
steered 'a program under spill run' "$SPILL" run -m 1G -s "$tmp" -- env SPILL_BUDGET=8M
exit 0
