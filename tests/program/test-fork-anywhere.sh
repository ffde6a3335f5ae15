#!/bin/bash
# SPDX-License-Identifier: MIT
# Children are paged even if the swap directory is gone, or the root directory has changed.  Two
# hundred generations may follow one another.  In another PID namespace nobody is taken for dead,
# so nobody's segments of named swap are taken over there.
#
# The bugs: such children were told that swap space was full, and got SIGBUS; after 64 generations
# there were too many swap targets.
# Variants: default
# Time limit: 240
. "$(dirname "$0")/lib.sh"
requires python3 perl
requires_paging
python=$(python3 -c 'import sys; print(sys.executable)')
cat >"$tmp/family.py" <<'END'
import os, sys
what, directory = sys.argv[1:3]
N = 100000
data = [("%d " % i) * 20 for i in range(N)]
def check():
    return all(data[i] == ("%d " % i) * 20 for i in range(0, N, 7))
def go_on(depth):
    pid = os.fork()
    if pid == 0:
        ok = check()
        for i in range(0, N, 11):
            data[i] = ("%d " % i) * 20
        os._exit(0 if ok and (depth == 0 or go_on(depth - 1)) and check() else 7)
    status = os.waitpid(pid, 0)[1]
    if status:
        print("a child ended with %#x" % status, file=sys.stderr)
    return status == 0
if "removed" in what:
    os.rmdir(directory)
if "chroot" in what:
    os.chroot(sys.argv[3])
    os.chdir("/")
assert go_on(2) and go_on(0) and check()
END

# family WHAT: it runs, with its swap space in a directory that it may remove.
family() {
	mkdir -p "$tmp/swap" "$tmp/jail"
	"$SPILL" run -m 8M -s "$tmp/swap" -- "$python" "$tmp/family.py" "$1" "$tmp/swap" "$tmp/jail" ||
		fail "$1: exit status $?"
}
family removed
[ ! -e "$tmp/swap" ] || fail "the directory was not removed"
if [ "$(id -u)" -eq 0 ]; then
	family chroot
	family "removed, chroot"
fi

# Each goes on in its child, and leaves what it has to it.
cat >"$tmp/line.pl" <<'END'
my @data = map { pack("N", $_) x 1024 } 0 .. 5119;
for my $n (1 .. 200) {
	my $pid = fork;
	die "generation $n: $!\n" unless defined $pid;
	exit 0 if $pid;
	for (1 .. 20) {
		my $i = int rand @data;
		$data[$i] eq pack("N", $i) x 1024 or die "generation $n: $i is wrong\n";
		$data[$i] = pack("N", $i) x 1024;
	}
}
for my $i (0 .. $#data) {
	$data[$i] eq pack("N", $i) x 1024 or die "in the end $i is wrong\n";
}
open my $file, ">", $ARGV[0];
print $file "right\n";
END
"$SPILL" run -m 8M -s "$tmp" -- perl "$tmp/line.pl" "$tmp/line" 2>"$tmp/err" ||
	fail "the first of a line: exit status $?"
wait_for 150 test -s "$tmp/line" || fail "two hundred generations: $(head -3 "$tmp/err")"

# One has its data on named swap; another, in a PID namespace of its own, needs more than is left.
# Meanwhile the first one sleeps in the kernel: a new page that it touched then would get SIGBUS.
if [ "$(id -u)" -eq 0 ] && unshare --pid --fork true 2>/dev/null; then
	cat >"$tmp/holder.py" <<'END'
import os, sys
N = 24 << 8
data = [b"%8d" % i * 512 for i in range(N)]
open(sys.argv[1], "w").close()
os.read(0, 1)
assert all(data[i] == b"%8d" % i * 512 for i in range(N)), "the holder's bytes are wrong"
END
	cat >"$tmp/taker.py" <<'END'
data = []
try:
    for i in range(60 << 8):
        data.append(b"x%7d" % i * 512)
except MemoryError:
    pass
END
	: >"$tmp/named"
	mkfifo "$tmp/enough"
	# shellcheck disable=SC2016
	"$SPILL" run -m 16M -s "$tmp/named,limit=40M" -- sh -c '
		exec 3<>"$2/enough"
		"$1" "$2/holder.py" "$2/held" <&3 &
		until [ -e "$2/held" ]; do sleep 0.05; done
		unshare --pid --fork --mount-proc "$1" "$2/taker.py" 2>/dev/null
		echo >&3
		wait $!' sh "$python" "$tmp" || fail "two PID namespaces: exit status $?"
fi
