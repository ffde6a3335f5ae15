#!/bin/bash
# SPDX-License-Identifier: MIT
# A paged command that is killed leaves nothing behind: no file, no shared memory, no process, no
# lock.
. "$(dirname "$0")/lib.sh"
requires_hungry
requires pgrep setsid
requires_paging

mkdir "$tmp/swap"

shared_memory() {
	ls -A /dev/shm
	cat /proc/sysvipc/*
}
before=$(shared_memory)

# start ARG...: runs hungry in a session of its own with `spill run ARG...' until it pages; sets
# session and pid, its process.
start() {
	rm -f "$tmp/out"
	setsid "$SPILL" run -m 16M "$@" "${hungry[@]}" 48 1000 >"$tmp/out" 2>"$tmp/err" &
	session=$!
	wait_for 60 grep -qs filled "$tmp/out" || fail "hungry does not get filled: $(cat "$tmp/err")"
	pid=$(pgrep -s "$session" perl) || fail "where is hungry?"
}

# The session's processes are gone, and nothing else is left.
nobody_left() {
	! pgrep -s "$session" >/dev/null
}
nothing_left() {
	wait "$session" 2>/dev/null
	wait_for 10 nobody_left || fail "$1: processes are left: $(pgrep -s "$session" -a)"
	[ -z "$(ls -A "$tmp/swap")" ] || fail "$1: files are left: $(ls -A "$tmp/swap")"
	[ "$(shared_memory)" = "$before" ] || fail "$1: shared memory is left"
}

start -s "$tmp/swap"
[ "$pid" -eq "$session" ] || fail "the command did not take the launcher's place"
[ -z "$(ls -A "$tmp/swap")" ] || fail "the swap file has a name: $(ls -A "$tmp/swap")"
readlink "/proc/$pid/fd/"* | grep -q "^$tmp/swap/.*(deleted)" || fail "hungry has no swap file"
kill -KILL "$pid"
nothing_left "a directory"

start -s "$tmp/swap" --stats
kill -KILL "$pid"
nothing_left "with --stats"

# A named file stays, but is free for the next command.
: >"$tmp/file"
start -s "$tmp/file"
kill -KILL "$pid"
nothing_left "a named file"
start -s "$tmp/file"
kill -TERM "$pid"
nothing_left "a named file, again"

# Free at once, though the kernel takes a moment to let go of it.
for _ in 1 2 3 4 5 6 7 8; do
	start -s "$tmp/file"
	kill -KILL "$pid"
	wait "$session" 2>/dev/null
	"$SPILL" run -s "$tmp/file" -- true || fail "the file of a command that was killed is not free"
done

# Its threads are killed too while they read and write.
for delay in 0.05 0.15 0.4; do
	setsid "$SPILL" run -m 16M -s "$tmp/swap" "${hungry[@]}" 48 1000 >/dev/null 2>&1 &
	session=$!
	sleep "$delay"
	kill -KILL "$session"
	nothing_left "after $delay s"
done
exit 0
