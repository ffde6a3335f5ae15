#!/bin/bash
# SPDX-License-Identifier: MIT
# The command takes the launcher's place: its exit status, signals and environment are the same as
# without spill, also with --stats, where the launcher waits for it.
. "$(dirname "$0")/lib.sh"
requires perl
requires_paging

# check STATUS ARG...: the exit status of `spill run ARG...', executed and waited for.
check() {
	local expected=$1 status
	shift
	"$SPILL" run "$@" 2>"$tmp/err"
	status=$?
	[ "$status" -eq "$expected" ] || fail "spill run $*: $status, not $expected: $(cat "$tmp/err")"
	"$SPILL" run --stats="$tmp/stats" "$@" 2>"$tmp/err"
	status=$?
	[ "$status" -eq "$expected" ] || fail "spill run --stats $*: $status, not $expected"
}

# -- exit statuses
check 0 true
check 1 false
check 42 sh -c 'exit 42'
check 125 sh -c 'exit 125'
check 127 "$tmp/missing"
check 127 spill-test-no-such-command
check 126 "$tmp"
printf 'true\n' >"$tmp/script"
check 126 "$tmp/script"
PATH=$tmp check 126 script
chmod +x "$tmp/script"
check 0 "$tmp/script" # has no #!, and is for the shell, as with execvp(3)
check 0 -m 50% -- "$tmp/script"
printf '#!/no/such/interpreter\n' >"$tmp/script"
check 127 "$tmp/script"
check 137 sh -c 'kill -KILL $$'
check 143 sh -c 'kill -TERM $$'

"$SPILL" run "$tmp/missing" 2>&1 | grep -q "^spill: $tmp/missing: command not found" ||
	fail "not found: not said so"
"$SPILL" run --stats "$tmp/missing" 2>&1 | grep -q budget && fail "statistics of what never ran"

# -- exec: no process in between
pid=$("$SPILL" run -- sh -c 'echo $PPID')
[ "$pid" -eq $$ ] || fail "without --stats the command's parent is $pid, not the shell $$"

# -- signals that are sent to the launcher
signalled() {
	local signal=$1 expected=$2 status
	shift 2
	"$SPILL" run "$@" -- sh -c '
		trap "exit 61" TERM; trap "exit 62" USR1; trap "exit 63" HUP
		touch "$0"; while :; do sleep 0.05; done' "$tmp/ready" &
	wait_for 10 test -e "$tmp/ready" || fail "the command does not start"
	kill -"$signal" $!
	wait $! 2>/dev/null
	status=$?
	rm "$tmp/ready"
	[ "$status" -eq "$expected" ] || fail "SIG$signal with '$*': exit status $status, not $expected"
}
for stats in "" "--stats=$tmp/stats"; do
	signalled TERM 61 ${stats:+"$stats"}
	signalled USR1 62 ${stats:+"$stats"}
	signalled HUP 63 ${stats:+"$stats"}
	signalled USR2 140 ${stats:+"$stats"}
done

# A shell has its background commands ignore SIGINT.
for stats in "" "--stats=$tmp/stats"; do
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' \
		"$SPILL" run ${stats:+"$stats"} -- sh -c 'touch "$0"; exec sleep 60' "$tmp/ready" &
	wait_for 10 test -e "$tmp/ready" || fail "the command does not start"
	kill -INT $!
	wait $! 2>/dev/null
	status=$?
	rm "$tmp/ready"
	[ "$status" -eq 130 ] || fail "SIGINT with '$stats': exit status $status, not 130"
done
grep -q 'sh was killed by signal 2' "$tmp/stats" || fail "no statistics of an interrupted command"

# -- a launcher that is killed takes the command along
"$SPILL" run --stats="$tmp/stats" -- sh -c 'echo $$ >"$0"; exec sleep 60' "$tmp/ready" &
launcher=$!
wait_for 10 test -s "$tmp/ready" || fail "the command does not start"
command=$(cat "$tmp/ready")
at_exit "kill $command 2>/dev/null"
kill -KILL "$launcher"
wait "$launcher" 2>/dev/null
command_is_gone() {
	! kill -0 "$command" 2>/dev/null
}
wait_for 10 command_is_gone || fail "the command goes on without its launcher"
rm "$tmp/ready"

# -- a stopped command stops the launcher, and goes on with it
"$SPILL" run --stats="$tmp/stats" -- sh -c 'touch "$0"; kill -STOP $$; exit 9' "$tmp/ready" &
launcher=$!
stopped() {
	grep -qs '^State:.T' "/proc/$launcher/status"
}
wait_for 10 stopped || fail "the launcher does not stop with the command"
kill -CONT "$launcher"
wait "$launcher"
[ $? -eq 9 ] || fail "the command does not go on with the launcher"

# -- the environment
value() {
	"$SPILL" run "${@:2}" -- sh -c "printf %s \"\$$1\""
}
preload=$(value LD_PRELOAD)
[ -e "$preload" ] || fail "LD_PRELOAD=$preload is not a file"
[ "$(LD_PRELOAD=libm.so.6 value LD_PRELOAD)" = "$preload:libm.so.6" ] || fail "LD_PRELOAD was lost"
nested=$("$SPILL" run -m 64M -- "$SPILL" run -- sh -c 'echo $LD_PRELOAD $SPILL_BUDGET')
[ "$nested" = "$preload $((64 << 20))" ] || fail "nested: $nested"
nested=$("$SPILL" run -m 64M -- "$SPILL" run -m 32M -- sh -c 'echo $LD_PRELOAD $SPILL_BUDGET')
[ "$nested" = "$preload $((32 << 20))" ] || fail "nested, with another budget: $nested"
[ "$(value SPILL_BUDGET -m 1.5G)" = 1610612736 ] || fail "-m 1.5G is $(value SPILL_BUDGET -m 1.5G)"
[ "$(SPILL_BUDGET=16M value SPILL_BUDGET)" = 16777216 ] || fail "SPILL_BUDGET is not obeyed"
[ "$(SPILL_BUDGET=16M value SPILL_BUDGET -m 32M)" = 33554432 ] || fail "-m is not above SPILL_BUDGET"
[ "$(SPILL_OVERCOMMIT=1M value SPILL_OVERCOMMIT --overcommit 0)" = 0 ] || fail "--overcommit 0"
[ "$(SPILL_DISABLE=move value SPILL_DISABLE --disable uring)" = move,uring ] || fail "--disable"
[ "$(value SPILL_QUIET --quiet)" = 1 ] || fail "--quiet"
cd "$tmp" && mkdir swap
[ "$(value SPILL_SWAP -s swap,pri=1 -s /var/tmp)" = "$tmp/swap,pri=1;/var/tmp" ] ||
	fail "-s with a relative path: $(value SPILL_SWAP -s swap,pri=1 -s /var/tmp)"

# -- a named swap file goes on to a nested run
: >"$tmp/file"
"$SPILL" run -s "$tmp/file" -- "$SPILL" run -- true || fail "a nested run cannot share the swap file"

# -- descriptors: standard ones as they are, ours high, and nothing in between
"$SPILL" run -s "$tmp/file" -- sh -c 'ls /proc/$$/fd' >"$tmp/fds"
[ "$(awk '$1 > 2 && $1 < 10' "$tmp/fds" | wc -l)" -eq 0 ] || fail "low descriptors: $(tr '\n' ' ' <"$tmp/fds")"
exit 0
