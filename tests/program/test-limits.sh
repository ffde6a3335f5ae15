#!/bin/bash
# SPDX-License-Identifier: MIT
# test-limits.sh - a program that lowers its limits, or wants its own name space, is still paged, or
# is refused with a line; its contents are never wrong
#
# Variants: default move
# Time limit: 90

. "$(dirname "$0")/lib.sh"
requires_paging
limits=$helpers/limits
cd "$tmp" || exit 99

# said N PATTERN WHAT...: it ends well, and the pager says N lines, the first of which matches.  (Not
# to a file: what the program itself prints would end it where those may not grow.)
said() {
	local lines=$1 pattern=$2 status
	shift 2
	"$@" 2>&1 | cat >out
	status=${PIPESTATUS[0]}
	[ "$status" -eq 77 ] && return
	[ "$status" -eq 0 ] || fail "$*: exit status $status: $(cat out)"
	[ "$(grep -c '^spill: ' out)" -eq "$lines" ] || fail "$*: not $lines lines: $(cat out)"
	[ "$lines" -eq 0 ] || grep -m 1 '^spill: ' out | grep -q "$pattern" ||
		fail "$*: no '$pattern': $(cat out)"
}
run=("$SPILL" run -m 8M -s "$tmp" -- "$limits")
said 0 '' "${run[@]}" nofile
said 0 '' "${run[@]}" nofile-before
said 0 '' "${run[@]}" memlock
said 0 '' "$SPILL" run -m 16M -s "$tmp" -- "$limits" locked
said 1 'unshare fails' "${run[@]}" userns
said 0 '' "${run[@]}" userns-small
said 0 '' "$SPILL" run -m 16M -s "$tmp" -- "$limits" userns-parent
said 1 'memory beyond the budget is refused.*RLIMIT_FSIZE' "${run[@]}" fsize-before
said 3 'EFBIG' "${run[@]}" fsize
said 1 'memory beyond the budget is refused' bash -c 'ulimit -v 60000; "$@"' - "${run[@]}" as
# Nothing is paged, so nobody sees it but the launcher.
said 1 'cannot be paged.*more than the budget of 8 MiB' \
	"$SPILL" run -m 8M -s "$tmp" --stats="$tmp/stats" -- "$limits" outside
said 1 'MiB of shared memory, more than the budget of 8 MiB' "${run[@]}" shared

# The pager's line is not what ends it either, on a file that may not grow or with nobody to read.
"${run[@]}" fsize-before 2>err | cat >out
grep -q right out || fail "fsize-before, stderr on a file: $(cat out err)"
exec 3> >(exec true)
wait $!
"${run[@]}" userns 2>&3 | cat >out
grep -q right out || fail "userns, nobody reads stderr: $(cat out)"

# --strict refuses what swap space cannot hold when it is mapped; else that is found out later.
secret=$helpers/secret
strict() {
	yes | head -n 3 | "$SPILL" run -m 8M -s "$tmp,limit=$1" --strict --quiet -- "$secret" "${@:2}" >out 2>err
}
strict 64M 40 fork || fail "--strict, 40 MiB in 64: exit status $?: $(cat out err)"
strict 64M 80
[ $? -eq 2 ] || fail "--strict, 80 MiB in 64: not refused by mmap: $(cat out err)"
