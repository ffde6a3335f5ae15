# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# compare.sh - a real program, run plainly and under a budget; to be sourced after lib.sh
#
#	compare NEED BUDGET COMMAND...
#
# runs COMMAND plainly, which must take NEED at least (else the test proves nothing), then with the
# budget, once for each path through the kernel.  The outputs must be the same, and what was resident
# at most must be the budget, 24 MiB, and the unmanaged part, which is printed and is at most 32 MiB
# and 2 % of the need.

# peak_of FILE COMMAND...: writes its peak in bytes to FILE
peak_of() {
	perl -e '
		use strict;
		my ($file, @command) = @ARGV;
		my $pid = fork // die;
		if (!$pid) { exec @command; exit 127; }
		my $peak = 0;
		while (waitpid($pid, 1) == 0) {
			if (open(my $s, "<", "/proc/$pid/status")) {
				while (<$s>) { $peak = $1 * 1024 if /^VmHWM:\s+(\d+)/ && $1 * 1024 > $peak; }
			}
			select(undef, undef, undef, 0.01);
		}
		open(my $out, ">", $file); print $out "$peak\n";
		exit($? >> 8);
	' "$@"
}

compare() {
	local need=$1 budget=$2 plain unmanaged peak allowed variant
	shift 2
	requires_paging
	peak_of "$tmp/plain.peak" "$@" >"$tmp/plain.out" 2>"$tmp/plain.err" </dev/null ||
		fail "plainly: exit status $?: $(tail -n 1 "$tmp/plain.err")"
	plain=$(cat "$tmp/plain.peak")
	[ "$plain" -ge "$(bytes "$need")" ] || fail "it needs only $plain bytes, not $need"
	for variant in none move; do
		SPILL_DISABLE=${variant#none} "$SPILL" run -m "$budget" --json --stats="$tmp/stats" -- "$@" \
			>"$tmp/paged.out" 2>"$tmp/paged.err" </dev/null ||
			fail "without $variant: exit status $?: $(tail -n 1 "$tmp/paged.err")"
		cmp "$tmp/plain.out" "$tmp/paged.out" || fail "without $variant: another output"
		[ "$(json_value "$tmp/stats" pages_evicted)" -gt 0 ] || fail "nothing was paged"
		peak=$(json_value "$tmp/stats" max_rss)
		unmanaged=$(json_value "$tmp/stats" unmanaged_peak)
		echo "without $variant: plain $((plain >> 20)) MiB, paged $((peak >> 20)) MiB," \
			"of which unmanaged $((unmanaged >> 20)) MiB"
		allowed=$((33554432 + plain / 50))
		[ "$unmanaged" -le "$allowed" ] || fail "unmanaged: $unmanaged bytes, above $allowed"
		allowed=$(($(bytes "$budget") + 25165824 + unmanaged))
		[ "$peak" -le "$allowed" ] || fail "resident: $peak bytes, above $allowed"
	done
}
