#!/bin/bash
# SPDX-License-Identifier: MIT
# `spill ps' lists who runs under spill, and `spill stat' says what they do: commands, processes
# with plain memory, users of the library, children, and nobody else.
# Time limit: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires_hungry
requires pgrep python3
requires_paging

# field PID KEY: what `spill ps --json' says of the process; nothing if it does not list it.
field() {
	"$SPILL" ps --json | python3 -c '
import json, sys
for process in json.load(sys.stdin):
    if process["pid"] == int(sys.argv[1]):
        print(process[sys.argv[2]])' "$1" "$2"
}
# is VALUE TEST NUMBER: as test(1)
is() {
	[ -n "$1" ] && test "$1" "$2" "$3" || fail "$4: $1, not $2 $3"
}

# -- nothing of ours: a table without lines is no error
"$SPILL" ps >"$tmp/seen" 2>"$tmp/err" || fail "ps: exit status $?: $(cat "$tmp/err")"
grep -q '^ *PID  *USER  *BUDGET' "$tmp/seen" || fail "no titles: $(cat "$tmp/seen")"

# -- a command that pages
start -s "$tmp" -- "$secret" 32
is "$(field "$pid" budget)" -eq "$(bytes 8M)" budget
is "$(field "$pid" resident)" -gt "$(bytes 1M)" resident
is "$(field "$pid" resident)" -le "$(bytes 8M)" resident
is "$(field "$pid" swapped)" -ge "$(bytes 24M)" swapped
is "$(field "$pid" cached)" -le "$(bytes 8M)" cached
[ "$(field "$pid" command)" = secret ] || fail "the name: $(field "$pid" command)"
[ "$(field "$pid" user)" = "$(id -un)" ] || fail "the user: $(field "$pid" user)"
[ "$(wc -L < <("$SPILL" ps | grep "^ *$pid "))" -le 80 ] || fail "a line is longer than 80 columns"
"$SPILL" ps | grep -Eq "^ *$pid .* secret\$" || fail "not in the list: $("$SPILL" ps)"

# It waits: nothing happens, so nothing is known of faults.
"$SPILL" stat --json "$pid" 0.2 1 >"$tmp/seen" || fail "stat: exit status $?"
[ "$(wc -l <"$tmp/seen")" -eq 1 ] || fail "not one line: $(cat "$tmp/seen")"
python3 - "$tmp/seen" <<'END' || fail "an idle program: $(cat "$tmp/seen")"
import json, sys
line = json.load(open(sys.argv[1]))
assert line["faults_major_per_second"] == 0 and line["hit_ratio"] is None, line
assert line["latency_p99_seconds"] is None and line["queue_depth"] == 0, line
END
next checked
next freed
finish
[ -z "$(field "$pid" command)" ] || fail "a process that has ended is in the list"

# -- one that is busy, beside one with plain memory: a shell of the same command
"$SPILL" run -m 16M -s "$tmp" -- bash -c '"$@"; true' bash "${hungry[@]}" 48 1000 >"$tmp/said" &
shell=$!
at_exit "kill -KILL \$(pgrep -P $shell) $shell 2>/dev/null"
wait_for 60 grep -qs filled "$tmp/said" || fail "hungry does not get filled"
busy=$(pgrep -P "$shell")
[ "$(field "$shell" swapped)" = None ] || fail "a shell with plain memory: $(field "$shell" swapped)"
is "$(field "$shell" budget)" -eq "$(bytes 16M)" "the shell's budget"
is "$(field "$busy" swapped)" -ge "$(bytes 16M)" swapped
[ "$(field "$busy" faults_major_per_second)" != 0.0 ] || fail "no faults"

# All lines have the columns of the titles; of the process, of its command, and of all.
for what in "$busy" "$shell" all; do
	"$SPILL" stat "$what" 0.2 3 >"$tmp/stat" || fail "stat $what: exit status $?"
	[ "$(wc -l <"$tmp/stat")" -eq 4 ] || fail "stat $what: not four lines: $(cat "$tmp/stat")"
	[ "$(awk '{ print NF }' "$tmp/stat" | sort -u)" = 15 ] || fail "columns: $(cat "$tmp/stat")"
	"$SPILL" stat --json "$what" >"$tmp/stat" || fail "stat --json $what: exit status $?"
	python3 - "$tmp/stat" <<'END' || fail "$what: $(cat "$tmp/stat")"
import json, sys
line = json.load(open(sys.argv[1]))
assert line["faults_major_per_second"] > 0 and line["pages_read_per_second"] > 0, line
assert line["bytes_read_per_second"] > 0 and 0 <= line["hit_ratio"] < 1, line
assert 0 < line["latency_p50_seconds"] <= line["latency_p99_seconds"], line
assert line["waiting_major"] > 0 and line["waiting_zero"] >= 0 and line["waiting_soft"] >= 0, line
assert line["queue_depth"] > 0 and line["handler_cpu"] > 0, line
END
done
# It goes on as long as the process does.
rm "$tmp/stat"
"$SPILL" stat "$busy" 0.1 >"$tmp/stat" 2>"$tmp/err" &
watching=$!
wait_for 10 test -s "$tmp/stat" || fail "stat prints nothing"
kill "$busy"
wait "$watching" || fail "stat of a process that ends: exit status $?: $(cat "$tmp/err")"
wait "$shell"

# -- one whose pages are compressed
if "$SPILL" run --compress lz4 true 2>/dev/null; then
	"$SPILL" run -m 24M --compress lz4 -s "$tmp" -- python3 -c '
import time
records = bytearray()
for i in range(1200000):
    records += b"this is record number %d of the table\n" % i
print("filled", flush=True)
time.sleep(100)' >"$tmp/said" &
	packed=$!
	at_exit "kill $packed 2>/dev/null"
	wait_for 60 grep -qs filled "$tmp/said" || fail "python3 does not get filled"
	wait_for 10 eval '[ "$(field "$packed" compressed_size)" != 0 ]' || fail "nothing is compressed"
	for what in "$packed" all; do
		"$SPILL" stat "$what" 0.1 2 >"$tmp/stat" || fail "stat $what: exit status $?"
		[ "$(awk '{ print NF }' "$tmp/stat" | sort -u)" = 19 ] || fail "columns: $(cat "$tmp/stat")"
		"$SPILL" stat --json "$what" | jq -e '.compression_ratio > 1.3 and .compressed_size > 0' \
			>"$tmp/seen" || fail "stat $what: $("$SPILL" stat --json "$what")"
	done
	"$SPILL" ps | grep -q ' COMPR ' || fail "ps has no column for it: $("$SPILL" ps)"
	kill "$packed"
	wait "$packed" 2>/dev/null
fi

# -- one that paged, and executed a program that does not: it has plain memory again
"$SPILL" run -m 8M -s "$tmp" -- perl -e 'my $x = "x" x (32 << 20); exec "sleep", "100"' &
sleeping=$!
at_exit "kill $sleeping 2>/dev/null"
is_asleep() {
	[ "$(field "$sleeping" command)" = sleep ]
}
wait_for 30 is_asleep || fail "perl does not get to sleep"
[ "$(field "$sleeping" swapped)" = None ] || fail "what it had before exec: $(field "$sleeping" swapped)"
refused "$sleeping is not paged: its memory fits" map "$sleeping"
kill "$sleeping"

# -- one that calls itself what a terminal would obey, and ends within a character
name=$'\e[7maaaaaaaaaaö'
cp "$(command -v sleep)" "$tmp/$name" || exit 99
"$SPILL" run -m 64M -s "$tmp" -- "$tmp/$name" 100 &
pid=$!
at_exit "kill $pid 2>/dev/null"
wait_for 10 eval '[ "$(field $pid command)" = "?[7maaaaaaaaaa?" ]' ||
	fail "its name: $("$SPILL" ps --json | grep '7ma')"
"$SPILL" ps | grep -qF ' ?[7maaaaaaaaaa?' || fail "its name: $("$SPILL" ps | cat -v)"
kill "$pid"
wait "$pid"

# -- the layout that spill-stats(5) tells, read by its example
start -s "$tmp" -- "$secret" 32
sed -n '/^#!.*python3/,/^\.Ed/p' "${top_srcdir:-$here/../..}/man/spill-stats.5" |
	sed '/^\./d; s/\\e/\\/g' >"$tmp/example.py"
told=$(python3 "$tmp/example.py" "$pid") || fail "the example of spill-stats(5) fails"
[[ $told =~ ^$pid\ secret\ [0-9]+$ ]] || fail "the example of spill-stats(5) tells: $told"
next checked
more=$(python3 "$tmp/example.py" "$pid")
[ "${more##* }" -gt "${told##* }" ] || fail "major faults: $told, then $more"
exec {go}>&-
wait "$pid"

# -- the same keys in the manual
for page in ps stat; do
	documented=$(sed -n '/^\.Ss JSON/,/^\.Sh/s/^\.It Li //p' \
		"${top_srcdir:-$here/../..}/man/spill-$page.1" | sort)
	start -s "$tmp" -- "$secret" 12
	printed=$("$SPILL" $page --json | grep -o '"[a-z0-9_]*":' | tr -d '":' | sort -u)
	exec {go}>&-
	wait "$pid"
	[ "$printed" = "$documented" ] ||
		fail "$page: printed (<), documented (>): $(diff <(echo "$printed") <(echo "$documented"))"
done

# -- what is wrong is said
sleep 100 &
sleeper=$!
at_exit "kill $sleeper 2>/dev/null"
refused "$sleeper does not run under spill" stat "$sleeper"
refused 'process 4194305 does not exist' stat 4194305
for word in -5 0 x 1x 99999999999; do
	refused 'neither a process number' stat -- "$word"
done
refused '0.001 is not an interval' stat all 0.001
refused 'x is not an interval' stat all x
refused '0 is not a number of lines' stat all 1 0
refused '7 is one argument too many' stat all 1 1 7
refused 'ps takes no arguments' ps 7
refused 'no such option' ps --jso-n
refused 'takes no value' stat --json=x

# -- other people's processes
if has_strangers; then
	start -s "$tmp" -- "$secret" 12
	as_stranger "$SPILL" stat "$pid" >"$tmp/stat" 2>&1
	[ $? -eq 125 ] || fail "a stranger may look: $(cat "$tmp/stat")"
	grep -q "$pid belongs to another user" "$tmp/stat" || fail "$(cat "$tmp/stat")"
	as_stranger "$SPILL" ps | grep -q secret && fail "a stranger sees it in the list"
	as_stranger "$SPILL" stat >"$tmp/stat" 2>&1
	[ $? -eq 125 ] || fail "a stranger has processes: $(cat "$tmp/stat")"
	grep -q 'nothing runs under spill' "$tmp/stat" || fail "$(cat "$tmp/stat")"
	exec {go}>&-
	wait "$pid"
fi
exit 0
