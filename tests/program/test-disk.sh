#!/bin/bash
# SPDX-License-Identifier: MIT
# Time limit: 120
# Variants: default move,uring
# What happens to a disk behind the pager's back: somebody truncates or overwrites a swap file, a
# device loses blocks, others fill the file system while the swap file grows.  The program gets the
# right bytes, or SIGBUS and a line; it never gets wrong ones.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires_paging

finish() {
	(printf '\n\n\n' >&"$go") # it may have met a lost page already: SIGPIPE
	exec {go}>&-
	wait "$pid" 2>/dev/null
	status=$?
	grep -q 'other contents$' "$tmp/err" && grep -q '^page ' "$tmp/err" &&
		fail "$1: wrong bytes: $(cat "$tmp/err")"
}
# It met a page that is lost, and a line names it.
loses_a_page() {
	finish "$1"
	[ "$status" -eq $((128 + 7)) ] || fail "$1: exit status $status, not SIGBUS: $(cat "$tmp/err")"
	grep -q "the page at [0-9a-f]* is lost: $2" "$tmp/err" || fail "$1: $(cat "$tmp/err")"
}

: >"$tmp/file"
start -s "$tmp/file" -- "$secret" 48
truncate -s 64K "$tmp/file"
loses_a_page truncated ''

rm "$tmp/file"
: >"$tmp/file"
start -s "$tmp/file" -- "$secret" 48
tr '\0' x </dev/zero | dd of="$tmp/file" bs=1M count=48 seek=1 conv=notrunc status=none iflag=fullblock
loses_a_page overwritten 'swap space returned other contents'

if ! has_file_systems; then
	echo "devices and file systems were left out: they take root and mkfs.ext4"
	exit 0
fi

truncate -s 96M "$tmp/disk"
if device=$(losetup -f --show "$tmp/disk" 2>/dev/null); then
	at_exit "losetup -d '$device' 2>/dev/null"
	start -s "$device" -- "$secret" 48
	truncate -s 1M "$tmp/disk"
	loses_a_page "a device whose blocks are gone" ''
	losetup -d "$device"
else
	echo "block devices were left out: losetup does not work here"
fi

# Others take what was free when the command began.
mkdir "$tmp/mounted"
mount_image "$tmp/image" "$tmp/mounted" || {
	echo "file systems were left out: mount -o loop does not work here"
	exit 0
}
fill_up() {
	dd if=/dev/zero of="$tmp/mounted/other" bs=1M status=none 2>/dev/null
}
fill_while() { # ARG...: `spill run ARG... -- sh' which fills the disk before secret needs it
	# shellcheck disable=SC2016
	printf '\n\n\n' | "$SPILL" run -m 8M -s "$tmp/mounted" "$@" -- sh -c '
		dd if=/dev/zero of="$1/other" bs=1M count=90 status=none 2>/dev/null
		exec "$2" 96' - "$tmp/mounted" "$secret" >"$tmp/out" 2>"$tmp/err"
	status=$?
	rm -f "$tmp/mounted/other"
}
start -s "$tmp/mounted" --overcommit 128M -- "$secret" 80
fill_up
finish "filled by others"
[ "$status" -eq 0 ] || fail "filled by others, with an allowance: $status: $(cat "$tmp/err")"
rm -f "$tmp/mounted/other"
fill_while --overcommit 128M
[ "$status" -eq 0 ] || fail "full while the file grows, with an allowance: $(cat "$tmp/err")"
fill_while
grep -q '^page ' "$tmp/err" && fail "full while the file grows: wrong bytes: $(cat "$tmp/err")"
[ "$status" -eq $((128 + 7)) ] || [ "$status" -eq 2 ] ||
	fail "full while the file grows: exit status $status: $(cat "$tmp/err")"
grep -Eq 'full|has room for' "$tmp/err" || fail "full while the file grows: $(cat "$tmp/err")"
