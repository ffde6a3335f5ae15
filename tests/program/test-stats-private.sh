#!/bin/bash
# SPDX-License-Identifier: MIT
# Time limit: 120
# Only their own user and root can open what a command's processes publish with --stats, and it
# shows nothing of what they have in memory.  The same goes for everything else of the pager's under
# /proc/PID/fd.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires_paging
requires_root
requires setpriv pgrep
marker=spill-secret-
owner=65534 stranger=65533

as() {
	setpriv --reuid="$1" --regid="$1" --clear-groups "${@:2}"
}
as "$owner" "$SPILL" --version >/dev/null 2>&1 || skip "$SPILL is not within an ordinary user's reach"
new_directory 1777

# The pager's descriptors of a process: statistics, budget, swap file.
ours_of() {
	local fd
	for fd in "/proc/$1/fd/"*; do
		case $(readlink "$fd") in
		/memfd:spill-* | "$directory"/*) echo "$fd" ;;
		esac
	done
}
# can_open USER FILE
can_open() {
	as "$1" head -c 1 "$2" >/dev/null 2>&1
}

# The outer run hands on the permission for userfaultfd.
start -s "$tmp" -- setpriv --reuid="$owner" --regid="$owner" --clear-groups "$SPILL" run -m 8M \
	-s "$directory" --stats="$directory/stats" --json -- "$secret" 32
paged=$(pgrep -P "$pid") || fail "the command has no process of its own"
[ "$(stat -c %u "/proc/$paged")" -eq "$owner" ] || fail "the process belongs to somebody else"

seen=
for process in "$pid" "$paged"; do
	for fd in $(ours_of "$process"); do
		what=$(readlink "$fd")
		can_open "$owner" "$fd" || fail "$what: its owner cannot open it"
		can_open "$stranger" "$fd" && fail "$what: a stranger can open it"
		case $what in
		/memfd:*) grep -a -q -e "$marker" "$fd" && fail "$what shows contents" ;;
		esac
		seen+="$what
"
	done
done
for what in /memfd:spill-stats "$directory/"; do
	[ "$(grep -c "^$what" <<<"$seen")" -ge 1 ] || fail "$what is not there: $seen"
done
# One of these was its table, in use: the process's name is in it.  The other is the outer run's.
named=
for fd in $(ours_of "$paged"); do
	[[ $(readlink "$fd") != /memfd:spill-stats* ]] || ! grep -a -q secret "$fd" || named=yes
done
[ -n "$named" ] || fail "no table has the process's name"

next checked
next freed
finish
[ "$(json_value "$directory/stats" pages_evicted)" -gt 5000 ] || fail "nothing was paged"
grep -q -e "$marker" "$directory/stats" && fail "--json shows contents"
exit 0
