#!/bin/bash
# SPDX-License-Identifier: MIT
# SPILL_TRACE records the faults that --stats counts, in the format of lib/observe/trace.h; it
# overwrites no file, and says so if it cannot record
#
# Time limit: 120
. "$(dirname "$0")/lib.sh"
requires_hungry
requires_paging

trace=$tmp/trace json=$tmp/json
run() {
	SPILL_TRACE=$1 "$SPILL" run -m 16M -s "$tmp" --handlers=1 --stats="$json" --json \
		"${hungry[@]}" 48 2 2>"$tmp/err" >"$tmp/out" || fail "hungry: $?: $(cat "$tmp/err")"
	[ "$(tail -n 1 "$tmp/out")" = checked ] || fail "hungry printed: $(cat "$tmp/out")"
}

# The numbers of faults and of pages evicted, if each event is in order and is one.
read_trace=$(
	cat <<'END'
	local $/;
	my ($magic, $page, $size, $budget, $started, $pid, $handlers, $comm, $events) =
		unpack("QLLQQLLZ16a*", <STDIN>);
	die "header\n" if $magic != 0x3265636172747073 || $size != 32 || $page != $ARGV[0];
	die "budget $budget, $handlers handlers, $comm\n"
		if $budget != 16 << 20 || $handlers != 1 || $comm ne "perl";
	die "part of an event\n" if length($events) % $size;
	my ($faults, $evicted) = (0, 0);
	my %last;
	for (unpack("(a32)*", $events)) {
		my ($time, $page, $mask, $kind, $handler) = unpack("QQQLL", $_);
		die "not in order\n" if $time < ($last{$handler} || $started);
		$last{$handler} = $time;
		# Handlers are told from what the program itself discards.
		die "kind $kind, handler $handler\n" if $kind > 6 || $handler != ($kind == 5 ? 4 : 0);
		# A page of which nothing came may have come meanwhile.
		die "page $page is none of $mask\n"
			if $kind < 3 && $mask && !($mask >> ($page & 63) & 1);
		$faults++ if $kind < 3;
		$evicted += sprintf("%b", $mask) =~ tr/1// if $kind == 3;
	}
	print "$faults $evicted\n";
END
)
run "$trace"
[ ! -s "$tmp/err" ] || fail "said: $(cat "$tmp/err")"
counts=$(perl -e "$read_trace" "$(getconf PAGESIZE)" <"$trace" 2>&1) || fail "the recording: $counts"
read -r faults evicted <<<"$counts"
told=$(($(json_value "$json" faults_zero) + $(json_value "$json" faults_soft) + $(json_value "$json" faults_major)))
[ "$faults" -le "$told" ] && [ "$evicted" -le "$(json_value "$json" pages_evicted)" ] ||
	fail "recorded $counts: more than $(cat "$json")"
# Its buffer is written when the process ends; what comes after that is little.
[ "$faults" -ge $((told - 64)) ] || fail "recorded $counts: too few of $(cat "$json")"
[ "$evicted" -gt 4000 ] || fail "hardly an eviction was recorded: $counts"

before=$(cksum <"$trace")
run "$trace"
[ "$(cksum <"$trace")" = "$before" ] || fail "a recording was written over"
run "$tmp/none/trace"
grep -q "^spill: cannot record in $tmp/none/trace: .*ENOENT" "$tmp/err" ||
	fail "a directory that is not there: $(cat "$tmp/err")"
