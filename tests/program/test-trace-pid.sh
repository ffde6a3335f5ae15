#!/bin/bash
# SPDX-License-Identifier: MIT
# spill trace PID: a running process is recorded until there is enough, or until it ends.  Its
# results are the same, and the prediction is what theory says.  If somebody is killed, nobody is
# left hanging
#
# Time limit: 400
. "$(dirname "$0")/lib.sh"
requires python3
requires_paging
requires_touches
trace=$tmp/trace

# start BUDGET COMMAND...: in the background, as $pid.
start() {
	local budget=$1
	shift
	"$SPILL" run -m "$budget" -s "$tmp" -- "$@" >"$tmp/said" 2>"$tmp/complaint" &
	pid=$!
	at_exit "kill -KILL $pid 2>/dev/null"
}
swapped() {
	"$SPILL" ps --json | python3 -c '
import json, sys
sys.exit(not any(p["pid"] == int(sys.argv[1]) and (p["swapped"] or 0) > 12 << 20 for p in json.load(sys.stdin)))' "$1"
}
filled() {
	wait_for 60 swapped "$pid" || fail "it is not paged: $(cat "$tmp/complaint")"
}
has() {
	[ "$(stat -c %s "$trace" 2>/dev/null || echo 0)" -ge $((64 + 32 * $1)) ]
}
# record EVENTS [OPTION]...: until there are so many.
record() {
	local events=$1 recorder
	shift
	rm -f "$trace"
	"$SPILL" trace -o "$trace" "$@" "$pid" 2>"$tmp/told" &
	recorder=$!
	at_exit "kill -KILL $recorder 2>/dev/null"
	wait_for 60 has "$events" || fail "spill trace $* $pid: $(stat -c %s "$trace") bytes: $(cat "$tmp/told")"
	kill -INT "$recorder"
	wait "$recorder" || fail "spill trace $* $pid: exit status $?: $(cat "$tmp/told")"
}
misses() {
	"$SPILL" report -m "$1" --json "$trace" >"$tmp/json" || fail "spill report: exit status $?"
	python3 -c 'import json, sys; print(round(100 * json.load(sys.stdin)["curve"][0]["miss_ratio"]))' <"$tmp/json"
}

# Random touches of 32 MiB, each page some times: with half of it each second one misses, whatever the
# budget was.  What was here when the recording began counts as much as what was not.
"$touches" random 32 400000 >"$tmp/plain"
start 16M "$touches" random 32 400000
filled
for sample in 1024 64; do
	record $((sample == 64 ? 8000 : 50000)) --sample "$sample"
	for budget in 16M 24M; do
		wanted=$((100 - ${budget%M} * 100 / 32)) told=$(misses "$budget")
		echo "sample of $sample, $budget: $told % miss, $wanted expected"
		[ "$told" -ge $((wanted - 6)) ] && [ "$told" -le $((wanted + 15)) ] || fail "not $told %"
	done
	[ "$(json_value "$tmp/json" command)" = '"touches"' ] || fail "another name: $(json_value "$tmp/json" command)"
done
"$SPILL" report "$trace" >/dev/null || fail "spill report: exit status $?"

# One at a time; who comes too late is told.
rm -f "$trace"
"$SPILL" trace -o "$trace" "$pid" &
first=$!
wait_for 10 test -s "$trace" || fail "nothing is recorded"
refused "process $pid is already being recorded" trace -o "$tmp/second" "$pid"
[ ! -e "$tmp/second" ] || fail "a recording that was refused left a file"
# Who is killed does not keep others from it, and is noticed by nobody but the next.
kill -KILL "$first"
wait "$first" 2>/dev/null
record 25000
[ "$(misses 16M)" -ge 45 ] || fail "after another was killed: $(misses 16M) % miss"

# The process ends first.
rm -f "$trace"
"$SPILL" trace -o "$trace" "$pid" &
first=$!
wait "$pid" || fail "touches: exit status $?: $(cat "$tmp/complaint")"
wait "$first" || fail "the process ended: exit status $?"
cmp -s "$tmp/plain" "$tmp/said" || fail "another output: $(cat "$tmp/said")"
[ ! -s "$tmp/complaint" ] || fail "said: $(cat "$tmp/complaint")"
"$SPILL" report "$trace" >/dev/null || fail "spill report: exit status $?"

# It forks meanwhile: parent and children find what they had.
cat >"$tmp/forks.py" <<'END'
import os, time
data = [bytes([i % 251 + 1]) * 5000 for i in range(10000)]
def check(d):
    return all(d[i] == bytes([i % 251 + 1]) * 5000 for i in range(10000))
end = time.monotonic() + 3
while time.monotonic() < end:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if check(data) else 7)
    assert check(data), "parent is wrong"
    assert os.waitpid(pid, 0)[1] == 0, "child is wrong"
print("right")
END
start 20M python3 "$tmp/forks.py"
filled
record 5000
record 1000 --sample 64
wait "$pid" || fail "forks: exit status $?: $(cat "$tmp/complaint")"
[ "$(cat "$tmp/said")" = right ] || fail "forks: $(cat "$tmp/said")"

# %p, and what cannot be.
start 32M "$touches" random 64 100000000
filled
"$SPILL" trace -o "$tmp/trace.%p" "$pid" &
first=$!
wait_for 30 test -s "$tmp/trace.$pid" || fail "%p: $(ls "$tmp")"
kill -TERM "$first"
wait "$first" || fail "%p: exit status $?"
refused "trace.$pid already exists" trace -o "$tmp/trace.%p" "$pid"
refused "only the options -o, --sample and --quiet" trace -m 1G -o "$tmp/none" "$pid"
refused "No such file" trace -o "$tmp/none/none" "$pid"
kill -STOP "$pid"
refused "does not answer" trace -o "$tmp/none" "$pid"
kill -CONT "$pid"
record 1000

# Nobody reads: the process does not wait, and the recording ends, however long it takes to fill the pipe.
rm -f "$trace"
"$SPILL" trace -o "$trace" --sample 65536 "$pid" 2>"$tmp/told" &
first=$!
at_exit "kill -KILL $first 2>/dev/null"
wait_for 30 test -s "$trace" || fail "nothing is recorded: $(cat "$tmp/told")"
# Has nothing come into its pipe for a while?  Then there is no room.
is_full() {
	python3 - "$first" <<'END'
import array, fcntl, os, sys, termios, time
def bytes_in_pipes():
    there = []
    for fd in os.listdir(f"/proc/{sys.argv[1]}/fd"):
        path = f"/proc/{sys.argv[1]}/fd/{fd}"
        if os.readlink(path).startswith("pipe:"):
            pipe, n = os.open(path, os.O_RDONLY | os.O_NONBLOCK), array.array("i", [0])
            fcntl.ioctl(pipe, termios.FIONREAD, n)
            os.close(pipe)
            there.append(n[0])
    return max(there)
before = bytes_in_pipes()
time.sleep(4)
sys.exit(not before == bytes_in_pipes() > 8192)
END
}
has_ended() {
	kill -STOP "$first"
	wait_for 60 is_full || fail "a pipe that nobody reads does not get full"
	kill -CONT "$first"
	sleep 1
	! kill -0 "$first" 2>/dev/null
}
wait_for 30 has_ended || fail "a recording that nobody reads goes on"
wait "$first" || fail "nobody read it: exit status $?"
grep -q 'warning: the recording ended by itself' "$tmp/told" || fail "nobody read it: $(cat "$tmp/told")"
"$SPILL" report "$trace" >/dev/null || fail "what came before it ended: exit status $?"
record 1000
kill -KILL "$pid"
wait "$pid" 2>/dev/null
refused "does not exist" trace -o "$tmp/none" "$pid"
sleep 100 &
at_exit "kill -KILL $! 2>/dev/null"
refused "does not run under spill" trace -o "$tmp/none" $!
start 1G python3 -c 'import time; x = bytearray(40 << 20); print("ready", flush=True); time.sleep(100)'
wait_for 30 grep -q ready "$tmp/said" || fail "python3: $(cat "$tmp/complaint")"
refused "is not paged: its memory fits" trace -o "$tmp/none" "$pid"
[ ! -e "$tmp/none" ] || fail "refused, and a file is left"
"$SPILL" trace -o "$tmp/none" -- 123 2>/dev/null
[ $? -eq 127 ] || fail "-- 123 is no command"

# What is recorded from its start cannot be recorded twice.
start 32M env SPILL_TRACE="$tmp/whole" "$touches" random 64 100000000
filled
refused "is already being recorded" trace -o "$tmp/none" "$pid"
