# SPDX-License-Identifier: MIT
# test-descriptors.sh - a program that closes all descriptors it does not know is still paged, and
# so are the programs that it executes, on named swap too
#
# Time limit: 120

. "$(dirname "$0")/lib.sh"
requires python3
requires_paging

cat >"$tmp/closer.py" <<'END'
import ctypes, errno, os, subprocess, sys, zlib
libc = ctypes.CDLL(None, use_errno=True)
how = sys.argv[1]
def check(number):
    return [(b"%d.%d." % (number, i)) * 8192 for i in range(500)]
if how == "grandchild":
    kept = check(7)
    print(sum(zlib.crc32(p) for p in kept))
    sys.exit(0)
kept = check(1)
opened = os.open("/dev/null", os.O_RDONLY)
if how == "close":
    for fd in range(3, 2000):
        try: os.close(fd)
        except OSError: pass
elif how == "closerange":
    os.closerange(3, 100000)
elif how == "close_range":
    assert libc.close_range(3, 0xffffffff, 0) == 0
elif how == "cloexec":
    assert libc.close_range(3, 0xffffffff, 4) == 0
elif how == "closefrom":
    libc.closefrom(3)
elif how == "dup2":
    for fd in range(3, 1000):
        if libc.dup2(0, fd) < 0:
            assert ctypes.get_errno() == errno.EBUSY, ctypes.get_errno()
if how not in ("cloexec", "dup2"):
    try:
        os.fstat(opened)
        sys.exit("the program's own descriptor is still open")
    except OSError:
        pass
kept += check(2)
if sum(zlib.crc32(p) for p in kept) != sum(zlib.crc32(p) for p in check(1) + check(2)):
    sys.exit("other contents")
# close_fds is what subprocess does unless it is told otherwise.
out = subprocess.run([sys.executable, sys.argv[0], "grandchild"], stdout=subprocess.PIPE,
                     close_fds=True, check=True).stdout
print(how, int(out))
END
truncate -s 0 "$tmp/swapfile"
for swap in "$tmp" "$tmp/swapfile"; do
	for how in close closerange close_range cloexec closefrom dup2; do
		expected=$(python3 "$tmp/closer.py" grandchild)
		"$SPILL" run -m 16M -s "$swap" --json --stats="$tmp/stats" -- \
			python3 "$tmp/closer.py" $how >"$tmp/out" 2>"$tmp/err" ||
			fail "$how, swap $swap: exit status $?: $(tail -n 3 "$tmp/err")"
		[ ! -s "$tmp/err" ] || fail "$how, swap $swap: $(cat "$tmp/err")"
		[ "$(cat "$tmp/out")" = "$how $expected" ] || fail "$how: $(cat "$tmp/out"), not $expected"
		[ "$(json_value "$tmp/stats" processes)" -ge 2 ] ||
			fail "$how: only $(json_value "$tmp/stats" processes) processes were paged"
	done
done
