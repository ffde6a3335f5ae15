#!/bin/bash
# SPDX-License-Identifier: MIT
# --stats tells people, and --json programs, what was paged: for all processes, including killed
# ones.
. "$(dirname "$0")/lib.sh"
requires_hungry
requires_paging

json=$tmp/json

# Is the value of a key as test(1) says?
is() {
	local value
	value=$(json_value "$json" "$1")
	[ -n "$value" ] || fail "no \"$1\" in: $(cat "$json")"
	test "$value" "$2" "$3" || fail "\"$1\" is $value, not $2 $3"
}
valid_json() {
	perl -MJSON::PP -e 'local $/; decode_json(<STDIN>)' <"$json" || fail "not JSON: $(cat "$json")"
}

# -- a command that stays small
"$SPILL" run -m 64M --stats true >"$tmp/out" 2>"$tmp/err" || fail "true: $?"
[ ! -s "$tmp/out" ] || fail "statistics on stdout: $(cat "$tmp/out")"
grep -q 'true ended with exit status 0' "$tmp/err" || fail "no head: $(cat "$tmp/err")"
grep -q 'memory never exceeded the budget: nothing was paged' "$tmp/err" ||
	fail "a small command: $(cat "$tmp/err")"
"$SPILL" run -m 64M --stats="$json" --json sh -c 'exit 3'
[ $? -eq 3 ] || fail "--json changes the exit status"
valid_json
is exit_status -eq 3
is signal -eq 0
is processes -eq 0
is armed -eq 0
is budget -eq "$(bytes 64M)"
is peak -eq 0
[ "$(json_value "$json" hit_ratio)" = null ] || fail "a hit ratio of nothing"

# -- a command that needs twice its budget
"$SPILL" run -m 32M --stats="$json" --json "${hungry[@]}" 64 >"$tmp/out" || fail "hungry: $?"
[ "$(tail -n 1 "$tmp/out")" = checked ] || fail "hungry printed: $(cat "$tmp/out")"
valid_json
is exit_status -eq 0
is processes -eq 1
is armed -eq 1
is budget -eq "$(bytes 32M)"
is peak -gt "$(bytes 16M)"
is peak -le "$(bytes 32M)"
is max_rss -gt "$(bytes 16M)"
is reserved -ge "$(bytes 64M)"
is faults_zero -gt 0
is faults_major -gt 0
is pages_evicted -gt 4000
is bytes_written -ge "$(bytes 24M)"
is bytes_read -ge "$(bytes 24M)"
is writes -gt 0
is reads -gt 0
is swap_size -ge "$(bytes 24M)"
is metadata -gt 0
is read_errors -eq 0
is write_errors -eq 0
is pages_poisoned -eq 0
is on_duty -ge 1
for kind in zero major; do
	awk -v s="$(json_value "$json" ${kind}_seconds)" -v n="$(json_value "$json" faults_$kind)" \
		'BEGIN { exit !(s >= n * 250e-9) }' ||
		fail "$(json_value "$json" faults_$kind) $kind faults took $(json_value "$json" ${kind}_seconds) s"
done
awk -v s="$(json_value "$json" faults_soft)" -v m="$(json_value "$json" faults_major)" \
	-v r="$(json_value "$json" hit_ratio)" 'BEGIN { d = s / (s + m) - r; exit !(d < 1e-5 && d > -1e-5) }' ||
	fail "hit_ratio is $(json_value "$json" hit_ratio)"

# The keys are those that spill-run(1) has under JSON, no more and no less.
documented=$(sed -n '/^\.Ss JSON/,/^\.Sh/s/^\.It Li //p' "${top_srcdir:-$here/../..}/man/spill-run.1" | sort)
printed=$(sed -n 's/^ *"\([a-z_]*\)": .*/\1/p' "$json" | sort)
[ -n "$documented" ] && [ "$printed" = "$documented" ] ||
	fail "keys that are printed (<) and documented (>): $(diff <(echo "$printed") <(echo "$documented"))"

"$SPILL" run -m 32M --stats "${hungry[@]}" 64 >/dev/null 2>"$tmp/err" || fail "hungry: $?"
for label in time budget peak resident faults 'hit ratio' waited evicted written read 'swap space'; do
	grep -q "^  $label  " "$tmp/err" || fail "no $label in: $(cat "$tmp/err")"
done
[ "$(wc -L <"$tmp/err")" -le 80 ] || fail "a line is longer than 80 columns: $(cat "$tmp/err")"

# -- what was chosen by the prices of one machine and of another
for set in hardware shadowed; do
	SPILL_CALIBRATION=$set "$SPILL" run -m 32M --stats="$json" --json "${hungry[@]}" 64 >/dev/null ||
		fail "$set: $?"
	is move_in -eq 0
	eval "back_$set=$(json_value "$json" move_back)"
done
# shellcheck disable=SC2154 # set by eval
[ "$back_shadowed" -eq 0 ] || [ "$back_shadowed" -lt "$back_hardware" ] ||
	fail "moved back from $back_hardware, and from $back_shadowed pages on"
SPILL_CALIBRATION=mine "$SPILL" run -m 32M true 2>"$tmp/err" && fail "SPILL_CALIBRATION=mine"
grep -q 'SPILL_CALIBRATION: mine is not one of measured, hardware, shadowed' "$tmp/err" ||
	fail "no complaint: $(cat "$tmp/err")"

# -- every process counts, and so does one that was killed
"$SPILL" run -m 32M --stats="$json" --json sh -c '"$@" & "$@" & wait' sh "${hungry[@]}" 64 >/dev/null ||
	fail "two at once: $?"
is processes -eq 2
is bytes_written -ge "$(bytes 48M)"
is peak -le "$(bytes 32M)"
"$SPILL" run -m 32M --stats="$json" --json "${hungry[@]}" 64 1000 >"$tmp/out" &
wait_for 30 grep -qs filled "$tmp/out" || fail "hungry does not get filled"
kill -KILL "$(pgrep -P $!)"
wait $! 2>/dev/null
[ $? -eq 137 ] || fail "a killed command: exit status $?, not 137"
is exit_status -eq 137
is signal -eq 9
is processes -eq 1
is bytes_written -ge "$(bytes 24M)"

# -- into a file: what it held is replaced, but only at the end
echo old >"$tmp/file"
"$SPILL" run --stats="$tmp/file" -- grep -q old "$tmp/file" || fail "the file was emptied at the start"
grep -q old "$tmp/file" && fail "the file's old contents are still there"
"$SPILL" run --stats=/dev/full true 2>"$tmp/err" || fail "a full disk changes the exit status"
grep -q '^spill: --stats: /dev/full: No space' "$tmp/err" || fail "a full disk is not told"
exit 0
