# SPDX-License-Identifier: MIT
# test-unpaged.sh - when a command executes a program that cannot be paged, the program runs, and a
# line says that it is not paged, unless --quiet; the exec and spawn functions do what libc's do

. "$(dirname "$0")/lib.sh"
requires python3
requires_paging

# Each way to begin a program, of libc's and of Python's own.
cat >"$tmp/ways.py" <<'END'
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)
echo, env = b"/bin/echo", dict(os.environ)
def child(run):
    pid = os.fork()
    if pid == 0:
        try:
            run()
        finally:
            os._exit(111)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.flush()
print(child(lambda: os.execv("/bin/echo", ["echo", "execv"])), flush=True)
print(child(lambda: os.execvp("echo", ["echo", "execvp"])), flush=True)
print(child(lambda: os.execve("/bin/echo", ["echo", "execve"], env)), flush=True)
print(child(lambda: os.execve(os.open("/bin/echo", os.O_RDONLY), ["echo", "fexecve"], env)), flush=True)
print(child(lambda: libc.execl(echo, b"echo", b"execl", b"of three", None)), flush=True)
print(child(lambda: libc.execlp(b"echo", b"echo", b"execlp", None)), flush=True)
strings = lambda list: (ctypes.c_char_p * (len(list) + 1))(*list)
some = strings([b"ONE=1", b"LD_PRELOAD=" + os.environb.get(b"LD_PRELOAD", b"")])
print(child(lambda: libc.execle(b"/bin/sh", b"sh", b"-c", b"echo execle $ONE", None, some)), flush=True)
for path, dir in (echo, -100), (b"echo", os.open("/bin", os.O_PATH)):
    print(child(lambda: libc.execveat(dir, path, strings([b"echo", b"execveat"]), some, 0)), flush=True)
print(child(lambda: os.execv("/nowhere/echo", ["echo"])), flush=True)
print(subprocess.run(["echo", "vfork"]).returncode, flush=True)
print(os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/echo", ["echo", "spawn"], env), 0)[1]), flush=True)
print(os.waitstatus_to_exitcode(os.waitpid(os.posix_spawnp("echo", ["echo", "spawnp"], env), 0)[1]), flush=True)
print(os.system("echo system"), flush=True)
print(os.popen("echo popen").read(), end="", flush=True)
kept = [b"%d." % i * 8192 for i in range(1500)]     # beyond the budget
print(subprocess.run(["echo", "vfork"]).returncode, sum(map(len, kept)), flush=True)
END
python3 "$tmp/ways.py" >"$tmp/plain.out" 2>"$tmp/plain.err"
"$SPILL" run -m 16M -s "$tmp" -- python3 "$tmp/ways.py" >"$tmp/paged.out" 2>"$tmp/paged.err" ||
	fail "exit status $?: $(tail -n 3 "$tmp/paged.err")"
diff "$tmp/plain.out" "$tmp/paged.out" || fail "another output"
diff "$tmp/plain.err" "$tmp/paged.err" || fail "another output on stderr"

# unpaged PATTERN COMMAND...: it runs as it would, and a line that matches says that it is not paged.
unpaged() {
	local pattern=$1
	shift
	"$@" >"$tmp/plain.out" 2>/dev/null
	"$SPILL" run -m 16M -s "$tmp" -- "$@" >"$tmp/out" 2>"$tmp/err"
	cmp "$tmp/plain.out" "$tmp/out" || fail "$*: another output"
	grep -Eq "^spill: .*$pattern" "$tmp/err" || fail "$*: no '$pattern': $(cat "$tmp/err")"
	[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "$*: not one line: $(cat "$tmp/err")"
	"$SPILL" run --quiet -m 16M -s "$tmp" -- "$@" >"$tmp/out" 2>"$tmp/err"
	[ ! -s "$tmp/err" ] || fail "$*: --quiet, but: $(cat "$tmp/err")"
}
unpaged 'runs without spill: its environment has no LD_PRELOAD' env -u LD_PRELOAD echo hello
if echo 'int main(void) { return puts("hello") < 0; }' |
	${CC:-cc} -static -include stdio.h -x c - -o "$tmp/static" 2>/dev/null; then
	unpaged '/static runs without spill: it is a static program' sh -c "'$tmp/static'; true"
	printf '#!%s\n' "$tmp/static" >"$tmp/script" && chmod +x "$tmp/script"
	unpaged '/static runs without spill: it is a static program' sh -c "'$tmp/script'; true"
else
	echo "static programs were left out: ${CC:-cc} -static does not work here"
fi
# A sanitizer's runtime ends the program if it is not the first library: it is given none of ours, but the
# others that were to be preloaded.
if echo 'int main(void) { return puts(getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "none") < 0; }' |
	gcc -include stdio.h -include stdlib.h -fsanitize=thread -x c - -o "$tmp/sanitized" 2>/dev/null; then
	unpaged '/sanitized runs without spill: it is built with -fsanitize=thread' sh -c "'$tmp/sanitized'; true"
	unpaged '/sanitized runs without spill: it is built with -fsanitize=thread' python3 -c "import os, subprocess
subprocess.run(['$tmp/sanitized'])
os.waitpid(os.posix_spawn('$tmp/sanitized', ['sanitized'], dict(os.environ)), 0)
os.environ['LD_PRELOAD'] = ':'.join(['libm.so.6'] + os.environ.get('LD_PRELOAD', '').split())
os.execv('$tmp/sanitized', ['sanitized'])"
else
	echo "sanitizers were left out: gcc -fsanitize=thread does not work here"
fi
# As root nothing is gained by set-user-ID root, but by that of somebody else.
if [ "$(id -u)" -eq 0 ] && id nobody >/dev/null 2>&1; then
	new_directory 755
	cp "$(command -v id)" "$directory/id" && chown nobody "$directory/id" && chmod u+s "$directory/id"
	unpaged '/id runs without spill: it is set-user-ID' sh -c "'$directory/id' -u; true"
fi
