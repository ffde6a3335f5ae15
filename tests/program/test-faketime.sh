#!/bin/bash
# SPDX-License-Identifier: MIT
# test-faketime.sh - libfaketime changes the time of a program that runs in a quarter of the memory
# it takes, both around `spill run' and inside it
#
# The bugs: libfaketime's clock_gettime ran in the pager's threads, and its pthread_cond_init inside
# malloc; both hung.

. "$(dirname "$0")/lib.sh"
requires faketime python3
requires_paging
cat >"$tmp/work.py" <<'END'
import threading, time
pieces = [b"%d," % i * 4096 for i in range(2000)]
done = threading.Condition()
def work():
    time.sleep(0.01)
    with done:
        done.notify()
with done:
    threading.Thread(target=work).start()
    done.wait()
print(time.strftime("%Y-%m-%d"), all(p == b"%d," % i * 4096 for i, p in enumerate(pieces)))
END
same() {
	"$@" >"$tmp/out" 2>"$tmp/err" || fail "$*: exit status $?: $(cat "$tmp/err")"
	grep -qx '2020-01-0[12] True' "$tmp/out" || fail "$*: $(cat "$tmp/out")"
	[ "$(json_value "$tmp/stats" pages_evicted)" -gt 1000 ] || fail "$*: hardly anything was paged"
}
run=("$SPILL" run -m 10M -s "$tmp" --json --stats="$tmp/stats" --)
same "${run[@]}" faketime '2020-01-01 12:00:00' python3 "$tmp/work.py"
same faketime '2020-01-01 12:00:00' "${run[@]}" python3 "$tmp/work.py"
