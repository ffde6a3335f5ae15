# SPDX-License-Identifier: MIT
# test-tracers.sh - strace -f reads the memory of a program that it has stopped: it does not also
# stop the threads that serve faults, only to wait for them for ever
#
# Time limit: 120

. "$(dirname "$0")/lib.sh"
requires strace
requires_paging
strace -f -o "$tmp/log" true || skip "nothing may be traced here"
calls=$helpers/calls
cd "$tmp" || exit 99

# traced COMMAND...: it does what it does, and strace has seen what it wrote to the file out of memory
# that was paged out, and none of our threads.
traced() {
	rm -f log calls.data
	timeout -k 1 50 "$@" >out 2>&1 || fail "$*: exit status $?: $(tail -n 3 out)"
	grep -q '^right$' out || fail "$*: $(tail -n 3 out)"
	grep -q 'pwrite64([0-9]*, "[^"]' log || fail "$*: the memory was not read"
	! grep -q 'io_uring_enter' log || fail "$*: our threads are traced"
}
traced strace -f -o log "$SPILL" run -m 8M -s "$tmp" -- "$calls" calls.data
traced "$SPILL" run -m 8M -s "$tmp" -- strace -f -o log "$calls" calls.data
