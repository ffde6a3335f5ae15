#!/bin/bash
# SPDX-License-Identifier: MIT
# test-high-descriptors.sh - the pager's descriptors lie at the end of the table, whatever
# RLIMIT_NOFILE is when they are made; all other numbers are closed
#
# The bug: they began at 400, a number that programs assume is not open.

. "$(dirname "$0")/lib.sh"
requires python3
requires_paging

cat >"$tmp/numbers.py" <<'END'
import errno, os, resource, sys
foreign = set(map(int, sys.argv[2:])) # the test's own
def fill(i):
    return [b"%d.%d." % (i, j) * 4096 for j in range(800)]
def numbers():
    found = set()
    for fd in range(3, 5000):
        try:
            os.fstat(fd)
            found.add(fd)
        except OSError as e:
            assert e.errno == errno.EBADF
    return found - foreign
def limit(soft):
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
def check(what, found, end):
    low = [fd for fd in found if not end - 64 <= fd < end]
    if low or not found:
        sys.exit("%s: %s, which are not below %d" % (what, sorted(found), end))
# In a child new ones are made: those of its parent that it keeps are the command's.
def child(what, end):
    pid = os.fork()
    if pid == 0:
        more = fill(3)
        check(what, numbers() - inherited, end)
        os._exit(more != fill(3) or kept != fill(1))
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        sys.exit("%s: the child failed" % what)
if sys.argv[1] == "list":
    print(*numbers())
    sys.exit()
before, inherited = resource.getrlimit(resource.RLIMIT_NOFILE)[0], set()
kept = fill(1)
inherited = numbers()
check("at first", inherited, min(before, 4096))
limit(150)
child("lowered", 150)
limit(2000)
child("raised", 2000)
limit(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
child("as high as can be", min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096))
# All that are free are the program's.
limit(300)
opened = []
try:
    while True:
        opened.append(os.open("/dev/null", os.O_RDONLY))
except OSError as e:
    assert e.errno == errno.EMFILE
if len(opened) < 300 - 70:
    sys.exit("only %d can be opened" % len(opened))
if kept != fill(1):
    sys.exit("other contents")
print("right")
END
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 2000 ] || skip "RLIMIT_NOFILE cannot be 2000"
foreign=$(python3 "$tmp/numbers.py" list)
for limit in 1024 300; do
	# shellcheck disable=SC2086 # a list of numbers
	(ulimit -Sn $limit && exec "$SPILL" run -m 8M -s "$tmp" --json --stats="$tmp/stats" -- \
		python3 "$tmp/numbers.py" work $foreign) >"$tmp/out" 2>"$tmp/err" ||
		fail "limit $limit: exit status $?: $(tail -n 3 "$tmp/err")"
	[ "$(cat "$tmp/out")" = right ] || fail "limit $limit: $(cat "$tmp/out")"
	[ "$(json_value "$tmp/stats" processes)" -ge 4 ] || fail "limit $limit: not all of them were paged"
done
