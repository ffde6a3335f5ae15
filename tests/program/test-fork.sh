#!/bin/bash
# SPDX-License-Identifier: MIT
# A process forks while it is paged: parent and children have the right data.
# Variants: default move
. "$(dirname "$0")/lib.sh"
requires python3
requires_paging
# Where python3 is a script, what it executes.
python=$(python3 -c 'import sys; print(sys.executable)')
cat >"$tmp/forks.py" <<'END'
import os, subprocess
data = [("%d " % i) * 20 for i in range(200000)]
def check(d):
    return all(d[i] == ("%d " % i) * 20 for i in range(0, 200000, 7))
for turn in range(3):
    pid = os.fork()
    if pid == 0:
        ok = check(data)
        data[7] = "child"
        if turn == 2:
            inner = os.fork()
            if inner == 0:
                os._exit(0 if check(data[14:21] and data[:7] + [("7 ") * 20] + data[8:]) else 9)
            ok = ok and os.waitpid(inner, 0)[1] == 0
        os._exit(0 if ok else 7)
    for i in range(0, 200000, 11):
        data[i] = ("%d " % i) * 20
    assert os.waitpid(pid, 0)[1] == 0, "child is wrong"
    assert subprocess.check_output(["echo", "hello"]) == b"hello\n"
    assert os.popen("echo popen").read() == "popen\n"
assert check(data), "parent is wrong"
END

"$SPILL" run -m 16M -- "$python" "$tmp/forks.py" || fail "swap in a directory: exit status $?"

# Swap space with a name is one for parent and children, with the launcher and without.
: >"$tmp/swap"
"$SPILL" run -m 16M -s "$tmp/swap" -- "$python" "$tmp/forks.py" ||
	fail "named swap: exit status $?"
preload=$(dirname "$SPILL")/../lib/preload/.libs/libspill-preload.so
if [ -e "$preload" ]; then
	LD_PRELOAD=$preload SPILL_BUDGET=16M SPILL_SWAP=$tmp/swap "$python" "$tmp/forks.py" ||
		fail "named swap without the launcher: exit status $?"
fi

# From any thread, with faults and writes in flight, forks of forks.
seed=$(date +%s)
echo "seed $seed"
"$SPILL" run -m 12M -s "$tmp" -- "$helpers/forks" 12 "$seed" ||
	fail "forks 12 $seed: exit status $?"

# Hundreds of FILEs, whose buffers the child has too; a daemon.
"$SPILL" run -m 12M -s "$tmp" -- "$helpers/files" "$tmp/file" ||
	fail "files: exit status $?"

# What is not managed lies in a chunk where pages are being made: it is not the child's to page.
"$SPILL" run -m 12M -s "$tmp" -- "$helpers/beside" 20 ||
	fail "beside: exit status $?"
