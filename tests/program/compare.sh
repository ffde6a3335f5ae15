# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# compare.sh - a real program, run plainly and under a budget; to be sourced after lib.sh
#
#	compare NEED BUDGET COMMAND...
#
# runs COMMAND plainly, which must take NEED at least (else the test proves nothing), then with the
# budget; if more than the first variant is wanted (run-test), once more without UFFDIO_MOVE.  The
# outputs must be the same, and what was resident at most must be the budget, 24 MiB, and the
# unmanaged part, which is printed and is at most 32 MiB and 2 % of the need.
#
#	compare_family NEED BUDGET COMMAND...
#
# is the same for a command of several processes, which share the budget, and for one with much
# text: their anonymous memory counts, that of several once, and all of it together is at most the
# budget, 24 MiB, and 2 % of the need.  Processes that the command leaves behind are a failure.
#
#	run_plainly KIND NEED COMMAND...	KIND: VmHWM as in compare, Pss_Anon as in compare_family
#	run_paged KIND BUDGET COMMAND...
#
# are its two halves, for outputs that are not the same.  They leave them in $tmp/plain.out and
# $tmp/paged.out.
#
# $variants are what SPILL_DISABLE is, one after the other.

case ${SPILL_TEST_VARIANTS:-first} in
first) variants=none ;;
*) variants="none move" ;;
esac

# watched KIND FILE COMMAND...: writes to FILE the most bytes that the command took, as VmHWM (its own
# process) or Pss_Anon (with its descendants, daemons included), and gives its exit status, or 98 if
# processes are left after 10 s.
watched() {
	perl -e '
		use strict;
		use POSIX qw(:sys_wait_h uname);
		my ($kind, $file, @command) = @ARGV;
		my $family = $kind eq "Pss_Anon";
		my $source = $family ? "smaps_rollup" : "status";
		my $prctl = { x86_64 => 157, aarch64 => 167 }->{(uname)[4]};
		my $peak = 0;

		# Daemons become our children (PR_SET_CHILD_SUBREAPER).
		syscall($prctl, 36, 1, 0, 0, 0) == 0 or die "prctl: $!\n" if $family;
		my $main = fork // die;
		if (!$main) { exec @command; exit 127; }

		# What these processes take now.
		sub look {
			my $sum = 0;
			for my $pid (@_) {
				open(my $s, "<", "/proc/$pid/$source") or next;
				while (defined(my $line = <$s>)) {
					$sum += $1 * 1024 if $line =~ /^$kind:\s+(\d+)/;
				}
			}
			$peak = $sum if $sum > $peak;
		}
		# Our descendants, by the parents of all processes.
		sub family {
			my (%children, @found);
			for my $stat (glob("/proc/[0-9]*/stat")) {
				open(my $s, "<", $stat) or next;
				push @{$children{$2}}, $1 if (<$s> // "") =~ /^(\d+) .*\) . (\d+)/;
			}
			@found = @{$children{$$} // []};
			for (my $i = 0; $i < @found; $i++) { push @found, @{$children{$found[$i]} // []}; }
			return @found;
		}
		my $status;
		until (defined $status) {
			look($family ? family() : $main);
			select(undef, undef, undef, $family ? 0.03 : 0.01);
			my $pid;
			while (($pid = waitpid(-1, WNOHANG)) > 0) { $status = $? if $pid == $main; }
		}
		open(my $out, ">", $file); print $out "$peak\n";
		my @left = $family ? family() : ();
		for (my $i = 0; @left && $i < 100; $i++) {
			select(undef, undef, undef, 0.1);
			1 while waitpid(-1, WNOHANG) > 0;
			@left = family();
		}
		for (@left) {
			open(my $c, "<", "/proc/$_/cmdline") or next;
			print STDERR "left behind: $_ ", <$c> =~ tr/\0/ /r, "\n";
			kill "KILL", $_;
		}
		exit(@left ? 98 : $status & 127 ? 128 + ($status & 127) : $status >> 8);
	' "$@"
}

# said FILE: its last lines, in one
said() {
	tail -n 3 "$1" | paste -sd '|'
}

# The resident size, of which unmanaged memory is told.
check_resident() {
	local peak unmanaged allowed=$((33554432 + $2 / 50))
	peak=$(json_value "$tmp/stats" max_rss)
	unmanaged=$(json_value "$tmp/stats" unmanaged_peak)
	echo "resident: $((peak >> 20)) MiB, of which unmanaged $((unmanaged >> 20)) MiB"
	[ "$unmanaged" -le "$allowed" ] || fail "unmanaged: $unmanaged bytes, above $allowed"
	allowed=$(($1 + 25165824 + unmanaged))
	[ "$peak" -le "$allowed" ] || fail "resident: $peak bytes, above $allowed"
}

# The anonymous memory of all processes.
check_anonymous() {
	local peak allowed=$(($1 + 25165824 + $2 / 50))
	peak=$(cat "$tmp/peak")
	echo "anonymous: $((peak >> 20)) MiB"
	[ "$peak" -le "$allowed" ] || fail "anonymous: $peak bytes, above $allowed"
}

# timed COMMAND...: its exit status; sets milliseconds
timed() {
	local start status
	start=$(date +%s%N)
	"$@"
	status=$?
	milliseconds=$((($(date +%s%N) - start) / 1000000))
	return $status
}

# run_plainly KIND NEED COMMAND...: sets plain, what it took
run_plainly() {
	local kind=$1 need=$2
	shift 2
	timed watched "$kind" "$tmp/peak" "$@" >"$tmp/plain.out" 2>"$tmp/plain.err" </dev/null ||
		fail "plainly: exit status $?: $(said "$tmp/plain.err")"
	plain=$(cat "$tmp/peak")
	echo "plain: $((plain >> 20)) MiB, $milliseconds ms"
	[ "$plain" -ge "$(bytes "$need")" ] || fail "it needs only $plain bytes, not $need"
}

# run_paged KIND BUDGET COMMAND...: after run_plainly
run_paged() {
	local kind=$1 budget=$2
	shift 2
	timed watched "$kind" "$tmp/peak" "$SPILL" run -m "$budget" --json --stats="$tmp/stats" -- "$@" \
		>"$tmp/paged.out" 2>"$tmp/paged.err" </dev/null ||
		fail "paged: exit status $?: $(said "$tmp/paged.err")"
	echo "paged: $milliseconds ms, $(json_value "$tmp/stats" processes) processes paged"
	[ "$(json_value "$tmp/stats" pages_evicted)" -gt 0 ] || fail "nothing was paged"
	[ "$(json_value "$tmp/stats" peak)" -le "$(bytes "$budget")" ] ||
		fail "more was held than the budget"
	case $kind in
	VmHWM) check_resident "$(bytes "$budget")" "$plain" ;;
	Pss_Anon) check_anonymous "$(bytes "$budget")" "$plain" ;;
	esac
}

run_compared() {
	local kind=$1 need=$2 budget=$3 variant
	shift 3
	requires_paging
	run_plainly "$kind" "$need" "$@"
	for variant in $variants; do
		echo "-- without $variant"
		SPILL_DISABLE=${variant#none} run_paged "$kind" "$budget" "$@"
		cmp "$tmp/plain.out" "$tmp/paged.out" || fail "another output"
	done
}

compare() {
	run_compared VmHWM "$@"
}

compare_family() {
	run_compared Pss_Anon "$@"
}
