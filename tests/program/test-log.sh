#!/bin/bash
# SPDX-License-Identifier: MIT
# test-log.sh - SPILL_LOG gets the pager's lines, unless somebody else may have put the file there:
# then the lines go to stderr, and the file is neither written to nor waited for
#
# Time limit: 60

. "$(dirname "$0")/lib.sh"
requires_paging
requires timeout

log=$tmp/log
# It has a line to tell: what it executes has no environment.
tells() {
	SPILL_LOG=$log timeout 20 "$SPILL" run -m 8M -s "$tmp" -- env -i /bin/true 2>"$tmp/err" </dev/null ||
		fail "$1: exit status $?: $(cat "$tmp/err")"
}
to_stderr() {
	tells "$1"
	grep -q 'runs without spill' "$tmp/err" || fail "$1: nothing on stderr: $(cat "$tmp/err")"
}

tells "a new file"
grep -q 'runs without spill' "$log" || fail "a new file: $(cat "$log")"
[ ! -s "$tmp/err" ] || fail "a new file: on stderr as well: $(cat "$tmp/err")"
[ "$(stat -c %a "$log")" = 600 ] || fail "a new file: mode $(stat -c %a "$log")"
tells "a file that is there"
[ "$(wc -l <"$log")" -eq 2 ] || fail "a file that is there: $(cat "$log")"

precious=$tmp/precious
echo precious >"$precious"
rm "$log"
ln -s "$precious" "$log"
to_stderr "a symbolic link"
rm "$log"
ln "$precious" "$log"
to_stderr "a second name"
[ "$(cat "$precious")" = precious ] || fail "something was written: $(cat "$precious")"
rm "$log"
ln -s "$tmp/nothing" "$log"
to_stderr "a symbolic link that leads nowhere"
[ ! -e "$tmp/nothing" ] || fail "a file was made behind a symbolic link"
rm "$log"
mkfifo "$log"
to_stderr "a pipe that nobody reads"
rm "$log"
mkdir "$log"
to_stderr "a directory"
rmdir "$log"
if [ "$(id -u)" -eq 0 ]; then
	: >"$log"
	chown 65531 "$log"
	to_stderr "a file of another user"
	[ ! -s "$log" ] || fail "a file of another user: $(cat "$log")"
fi
exit 0
