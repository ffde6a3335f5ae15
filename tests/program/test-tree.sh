# SPDX-License-Identifier: MIT
# test-tree.sh - the budget is that of the whole command: what its processes hold together stays
# within it, whoever needs how much; frames that two processes share count once
#
# Time limit: 300

. "$(dirname "$0")/lib.sh"
requires python3
requires_paging

budget=64

cat >"$tmp/job.py" <<'END'
import os, subprocess, sys

def fill(mib, seed):
    return [(b"%d.%d." % (seed, i)) * 8192 for i in range(mib * 16)]

def check(pieces, seed):
    for i, piece in enumerate(pieces):
        word = b"%d.%d." % (seed, i)
        if piece != word * 8192:
            sys.exit("piece %d of %d is wrong" % (i, seed))

def child(seed, mib, inherited):
    pieces = fill(mib, seed)
    for _ in range(3):
        check(pieces, seed)
    check(inherited, 0)

def fork(seed, mib, inherited):
    pid = os.fork()
    if pid == 0:
        child(seed, mib, inherited)
        os._exit(0)
    return pid

def wait(pids):
    for pid in pids:
        if os.waitpid(pid, 0)[1] != 0:
            sys.exit("a child failed")

how = sys.argv[1]
if how == "forks":         # all of them page, and share what the parent had
    kept = fill(100, 0)
    wait([fork(n, 30, kept) for n in range(1, 4)])
elif how == "plain":       # the parent's memory is plain: it has to give way nevertheless
    kept = fill(40, 0)
    wait([fork(n, 80, []) for n in range(1, 3)])
elif how == "writes":      # the child writes to all that it shares
    kept = [bytearray(piece) for piece in fill(40, 0)]
    pid = os.fork()
    if pid == 0:
        for piece in kept:
            for at in range(0, len(piece), 4096):
                piece[at] ^= 1
        os._exit(0)
    wait([pid])
elif how == "programs":    # other programs, at once
    kept = fill(30, 0)
    script = [sys.executable, sys.argv[0], "alone"]
    if any(p.wait() for p in [subprocess.Popen(script) for _ in range(3)]):
        sys.exit("a program failed")
elif how == "alone":
    kept = fill(50, 0)
elif how == "killed":      # whoever is killed leaves its part to the next
    kept = []
    for n in range(8):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            pieces = fill(100, n)
            os.write(writer, b"x")
            while True:
                check(pieces, n)
        os.read(reader, 1)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    wait([fork(9, 100, kept)])
check(kept if how != "writes" else [bytes(p) for p in kept], 0)
print(how, "is right")
END

# peak COMMAND...: runs it, and prints the most KiB of private memory that it and its descendants
# had at a time, each frame counted once.
cat >"$tmp/peak.py" <<'END'
import os, subprocess, sys, time

def anonymous(pid):
    try:
        with open("/proc/%s/smaps_rollup" % pid) as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Pss_Anon:"))
    except OSError:
        return 0

def parent(pid):
    try:
        with open("/proc/%s/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[1]
    except OSError:
        return None

def tree(root):
    family = {str(root)}
    pids = sorted((p for p in os.listdir("/proc") if p.isdigit()), key=int)
    for pid in pids:
        if parent(pid) in family:
            family.add(pid)
    return family

command = subprocess.Popen(sys.argv[2:])
peak = 0
while command.poll() is None:
    peak = max(peak, sum(map(anonymous, tree(command.pid))))
    time.sleep(0.01)
with open(sys.argv[1], "w") as file:
    print(peak, file=file)
sys.exit(command.returncode)
END

# The programs' own memory is measured ten times a second, and each handler of a process that begins
# to page has its buffers at once.
allowed=$(((budget + 32) * 1024))
for how in forks plain writes programs killed; do
	python3 "$tmp/peak.py" "$tmp/peak" \
		"$SPILL" run -m ${budget}M -s "$tmp" --json --stats="$tmp/stats" -- \
		python3 "$tmp/job.py" $how >"$tmp/out" 2>"$tmp/err" ||
		fail "$how: exit status $?: $(tail -n 3 "$tmp/err")"
	grep -q "^$how is right" "$tmp/out" || fail "$how: $(cat "$tmp/out")"
	[ ! -s "$tmp/err" ] || fail "$how: $(cat "$tmp/err")"
	[ "$(json_value "$tmp/stats" pages_evicted)" -gt 0 ] || fail "$how: nothing was paged"
	echo "$how: $(($(cat "$tmp/peak") / 1024)) MiB at most"
	[ "$(cat "$tmp/peak")" -le $allowed ] ||
		fail "$how: $(cat "$tmp/peak") KiB were held, more than $allowed"
done
