#!/bin/bash
# SPDX-License-Identifier: MIT
# test-drop.sh - a program that a daemon runs for a user, after it has given up root, cannot read
# what the daemon had paged out: not through what it inherits, nor through /proc, nor in the named
# file.  Nor can a program that is not paged.
#
# What is paged and runs as the same user has named swap as before.
#
# Time limit: 120

. "$(dirname "$0")/lib.sh"
requires_hungry
requires_paging
requires_root
requires setpriv

drop=$helpers/drop
has_strangers || skip "$SPILL is not within an ordinary user's reach"
as_stranger "$drop" look "$drop" || skip "$drop is not within an ordinary user's reach"

named=$tmp/named
"$SPILL" swap create "$named" 128M >/dev/null || fail "swap create: $?"
"$SPILL" run -m 8M -s "$named" -- "$drop" "$named" || fail "a named file: exit status $?"
"$SPILL" run -m 8M -s "$tmp" -- "$drop" || fail "a directory: exit status $?"

# -- what it runs is told why it has no named swap, and uses the directory that is there
paged_as() {
	"$SPILL" run -m 8M "$@" --stats="$tmp/stats" --json -- \
		setpriv --reuid=65531 --regid=65531 --clear-groups "${hungry[@]}" 24 >"$tmp/out" 2>"$tmp/err"
}
paged_as -s "$named" && fail "paged by what it should not have"
grep -q "^spill: .*$named.*changed its user" "$tmp/err" || fail "not told why: $(cat "$tmp/err")"
new_directory 1777
paged_as -s "$named" -s "$directory" || fail "with a directory: exit status $?: $(cat "$tmp/err")"
grep -qx checked "$tmp/out" || fail "with a directory: $(cat "$tmp/out")"
[ "$(json_value "$tmp/stats" armed)" -eq 1 ] || fail "with a directory: nothing was paged"
exit 0
