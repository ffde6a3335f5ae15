#!/bin/bash
# SPDX-License-Identifier: MIT
# spill trace: what a program touches is recorded even if all of it fits in memory, or a sample if
# that is asked for.  Its results are right meanwhile, also with little memory and with forks
#
# Time limit: 240
. "$(dirname "$0")/lib.sh"
requires perl python3 cmp
requires_hungry
requires_paging
requires_touches
trace=$tmp/trace

# Prints "CHUNKS PAGES SOFT MAJOR READ THRESHOLD": those below the last threshold, their pages that
# were touched first, their faults; what was read in all.
read_trace=$(
	cat <<'END'
	use integer;
	local $/;
	my ($magic, $page, $size, $head, $events) = unpack("QLLa40a*", <STDIN>);
	my @event = map { [unpack("QQQLL", $_)] } unpack("(a32)*", $events);
	my %gauge;
	$_->[3] == 6 and $gauge{$_->[1]} = $_->[2] for @event;
	sub hash { return ((shift) * -7046029254386353131 >> 32) & 0xffffffff }
	my (%chunk, @pages, @faults);
	for (@event) {
		my ($time, $page, $mask, $kind) = @$_;
		next if $kind > 2 || hash($page >> 6) >= $gauge{9};
		$chunk{$page >> 6} = 1;
		$faults[$kind]++;
		$pages[$kind] += sprintf("%b", $mask) =~ tr/1//;
	}
	printf("%d %d %d %d %d %d\n", scalar(keys %chunk), $pages[0], $faults[1], $faults[2], $gauge{7}, $gauge{9});
END
)
counts() {
	local text
	text=$(perl -e "$read_trace" <"$trace" 2>&1) || fail "the recording: $text"
	read -r chunks pages soft major read threshold <<<"$text"
	echo "$1: $chunks chunks, $pages pages, $soft soft faults, $major major, $read read, threshold $threshold"
}
record() {
	rm -f "$trace"
	"$SPILL" trace -o "$trace" "$@" >"$tmp/out" 2>"$tmp/err" || fail "spill trace $*: exit status $?: $(cat "$tmp/err")"
	[ ! -s "$tmp/err" ] || fail "spill trace $* said: $(cat "$tmp/err")"
}

# 32 MiB are 8192 pages of 128 chunks.  The queue of those that are watched and have not left holds
# 8 chunks or a twentieth, so about one touch in 16 is not seen.
"$touches" random 32 20000 >"$tmp/plain" || fail "touches: exit status $?"
record --sample 1024 -- "$touches" random 32 20000
cmp -s "$tmp/plain" "$tmp/out" || fail "another output: $(cat "$tmp/out")"
counts whole
[ "$threshold" -eq 4294967296 ] || fail "128 chunks are no sample of 1024"
[ "$chunks" -ge 128 ] && [ "$chunks" -le 140 ] || fail "$chunks chunks of 32 MiB"
[ "$pages" -ge 8192 ] && [ "$pages" -le 8960 ] || fail "$pages pages of 32 MiB"
[ "$soft" -ge 16000 ] && [ "$soft" -le 22000 ] || fail "$soft of 20000 touches were seen"
[ "$major" -eq 0 ] && [ "$read" -eq 0 ] || fail "something was read, though all fits"

# A sample: the chunks, and the touches in proportion.
record --sample 40 -- "$touches" random 32 20000
cmp -s "$tmp/plain" "$tmp/out" || fail "another output with a sample: $(cat "$tmp/out")"
counts sample
[ "$chunks" -le 40 ] && [ "$chunks" -ge 4 ] || fail "$chunks chunks are a sample of 40"
[ "$threshold" -lt 4294967296 ] || fail "all were in the sample"
[ "$soft" -ge $((20000 * chunks / 128 * 7 / 10)) ] && [ "$soft" -le $((20000 * chunks / 128 * 13 / 10)) ] ||
	fail "$soft touches of $chunks chunks in 128"

# With less memory than it needs: what is watched is written when its frames are wanted, and comes back right.
record -m 16M -s "$tmp" --sample 1024 -- "${hungry[@]}" 48 3
[ "$(tail -n 1 "$tmp/out")" = checked ] || fail "hungry printed: $(cat "$tmp/out")"
counts hungry
[ "$major" -gt 100 ] && [ "$read" -gt 5000 ] || fail "nothing was read back in a third of the memory"

# A child has what its parent had, though it was in trays that were never written.
cat >"$tmp/forks.py" <<'END'
import os
data = [bytes([i % 251 + 1]) * 5000 for i in range(8000)]
def check(d):
    return all(d[i] == bytes([i % 251 + 1]) * 5000 for i in range(8000))
for turn in range(4):
    assert check(data), "parent is wrong"
    pid = os.fork()
    if pid == 0:
        os._exit(0 if check(data) else 7)
    assert os.waitpid(pid, 0)[1] == 0, "child is wrong"
print("right")
END
for budget in 16M 1G; do
	record -m "$budget" -s "$tmp" --sample 1024 -- python3 "$tmp/forks.py"
	[ "$(cat "$tmp/out")" = right ] || fail "forks with $budget: $(cat "$tmp/out")"
done

# The command's exit status; one file for each process; a file that is there; none.
rm -f "$trace"
"$SPILL" trace -o "$trace" -- perl -e 'my $x = "x" x 20000000; exit 7'
[ $? -eq 7 ] || fail "not the exit status of the command"
refused "$trace already exists" trace -o "$trace" -- true
mkdir "$tmp/each"
# shellcheck disable=SC2016
"$SPILL" trace -o "$tmp/each/%p" -- sh -c 'perl -e "\$x = \"x\" x 20000000" & perl -e "\$x = \"x\" x 20000000"; wait' ||
	fail "two processes: exit status $?"
[ "$(find "$tmp/each" -type f | wc -l)" -ge 2 ] || fail "two processes left $(ls "$tmp/each")"
"$SPILL" trace -o "$tmp/none" -- true 2>"$tmp/err" || fail "true: exit status $?"
grep -q "^spill: warning: $tmp/none was not made: " "$tmp/err" || fail "true: said $(cat "$tmp/err")"
refused 'not a number from 16' trace --sample 3 -- true
