# SPDX-License-Identifier: MIT
# test-descriptors.sh - a program that closes all descriptors it does not know is still paged, and
# so are the programs that it executes, on named swap too.  What a program opens gets the lowest number
# that is free, since the pager takes none for a moment while it measures
#
# Time limit: 240

. "$(dirname "$0")/lib.sh"
requires python3
requires_paging

cat >"$tmp/closer.py" <<'END'
import ctypes, errno, os, subprocess, sys, zlib
libc = ctypes.CDLL(None, use_errno=True)
how = sys.argv[1]
def check(number):
    return [(b"%d.%d." % (number, i)) * 8192 for i in range(350)]
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
expected=$(python3 "$tmp/closer.py" grandchild)
for swap in "$tmp" "$tmp/swapfile"; do
	for how in close closerange close_range cloexec closefrom dup2; do
		"$SPILL" run -m 20M -s "$swap" --json --stats="$tmp/stats" -- \
			python3 "$tmp/closer.py" $how >"$tmp/out" 2>"$tmp/err" ||
			fail "$how, swap $swap: exit status $?: $(tail -n 3 "$tmp/err")"
		[ ! -s "$tmp/err" ] || fail "$how, swap $swap: $(cat "$tmp/err")"
		[ "$(cat "$tmp/out")" = "$how $expected" ] || fail "$how: $(cat "$tmp/out"), not $expected"
		[ "$(json_value "$tmp/stats" processes)" -ge 2 ] ||
			fail "$how: only $(json_value "$tmp/stats" processes) processes were paged"
	done
done

# Daemons close 0 and open another file in its place.
cat >"$tmp/lowest.py" <<'END'
import os, time
kept = [bytearray(b"%d." % i * 8192) for i in range(600)]
opened, others = 0, set()
end = time.monotonic() + 3
while time.monotonic() < end:
    kept[opened // 64 % 600][0] = opened & 1
    os.close(0)
    others.add(os.open("/dev/null", os.O_RDONLY))
    opened += 1
    if others != {0}:
        raise SystemExit(f"after {opened} times 0 was taken: {others}")
END
for disabled in "" move; do
	SPILL_DISABLE=$disabled "$SPILL" run -m 16M -s "$tmp" -- python3 "$tmp/lowest.py" >"$tmp/out" 2>&1 ||
		fail "disabled: $disabled: exit status $?: $(cat "$tmp/out")"
done
