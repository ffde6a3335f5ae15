#!/bin/bash
# SPDX-License-Identifier: MIT
# Time limit: 120
# With --encrypt, what a program had in memory appears nowhere on the disk, whatever became of the
# program.  Without it, blocks that are free again are given back.  The test searches the raw blocks
# of a file system, a named file, and a device.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires_paging
"$SPILL" run --encrypt --quiet true 2>"$tmp/err" || {
	grep -q without-openssl "$tmp/err" && skip "built --without-openssl"
	fail "--encrypt: $(cat "$tmp/err")"
}
marker=spill-secret-

# How many markers are in a file?
markers() {
	grep -a -o -e "$marker" "$1" | wc -l
}
swap_file() {
	local fd
	for fd in "/proc/$pid/fd/"*; do
		case $(readlink "$fd") in
		"$tmp"/*deleted*) echo "$fd" && return ;;
		esac
	done
	fail "secret has no swap file"
}

# -- in a directory, as the process sees it
start -s "$tmp" -- "$secret" 48
plain=$(markers "$(swap_file)")
[ "$plain" -gt 1000 ] || fail "without --encrypt the swap file has $plain markers: nothing is shown"
next checked
next freed
# Space comes back in pieces of 1 MiB; each handler may keep one in hand.
given_back() {
	[ "$(markers "$(swap_file)")" -le 1024 ]
}
wait_for 10 given_back || fail "$(markers "$(swap_file)") markers are left after all was unmapped"
finish

start -s "$tmp" --encrypt -- "$secret" 48
[ "$(stat -Lc %s "$(swap_file)")" -gt $((32 << 20)) ] || fail "nothing is in the swap file"
[ "$(markers "$(swap_file)")" -eq 0 ] || fail "--encrypt: markers in the swap file"
next checked
next freed
finish

# -- a named file, after kill -9
: >"$tmp/named"
start -s "$tmp/named" -- "$secret" 48
kill -KILL "$pid"
wait "$pid" 2>/dev/null
exec {go}>&-
[ "$(markers "$tmp/named")" -gt 1000 ] || fail "spill(7) says that a named file keeps its contents"
rm "$tmp/named"
: >"$tmp/named"
start -s "$tmp/named" --encrypt -- "$secret" 48
kill -KILL "$pid"
wait "$pid" 2>/dev/null
exec {go}>&-
[ "$(stat -c %s "$tmp/named")" -gt $((32 << 20)) ] || fail "nothing is in the named file"
[ "$(markers "$tmp/named")" -eq 0 ] || fail "--encrypt: markers in the named file"

# -- a fork: the child reads with its parent's key
start -s "$tmp" --encrypt -- "$secret" 48 fork
next checked
next freed
finish

# -- a program that brings its own libcrypto
if command -v python3 >/dev/null; then
	sum='import hashlib, ssl; print(hashlib.sha512(b"x" * 40000000).hexdigest(), ssl.OPENSSL_VERSION)'
	want=$(python3 -c "$sum")
	got=$("$SPILL" run -m 16M -s "$tmp" --encrypt -- python3 -c "$sum")
	[ "$got" = "$want" ] || fail "python's own libcrypto: $got, not $want"
fi

# -- what is missing is said before anything runs
refused 'takes no value' run --encrypt=yes true
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	(
		ulimit -l 16
		without="--bounding-set=-ipc_lock --inh-caps=-ipc_lock"
		# shellcheck disable=SC2086
		setpriv $without "$SPILL" run --encrypt touch "$tmp/ran" 2>"$tmp/err"
		[ $? -eq 125 ] || fail "ulimit -l 16: not refused"
		grep -q 'cannot be locked.*ulimit -l' "$tmp/err" || fail "ulimit -l: $(cat "$tmp/err")"
		[ ! -e "$tmp/ran" ] || fail "a refused command ran"
	) || exit 1
fi

# -- the raw blocks
if ! has_file_systems; then
	echo "raw blocks were left out: they take root and mkfs.ext4"
	exit 0
fi
mkdir "$tmp/mounted"
for how in plain encrypt; do
	mount_image "$tmp/image" "$tmp/mounted" || {
		echo "raw blocks were left out: mount -o loop does not work here"
		exit 0
	}
	option=
	[ $how = plain ] || option=--encrypt
	start -s "$tmp/mounted" $option -- "$secret" 48
	next checked
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	exec {go}>&-
	wait_for 10 umount "$tmp/mounted" || fail "umount"
	found=$(markers "$tmp/image")
	if [ $how = plain ]; then
		[ "$found" -gt 1000 ] || fail "the raw blocks have $found markers: nothing is shown"
	else
		[ "$found" -eq 0 ] || fail "--encrypt: $found markers on the raw blocks"
	fi
	rm "$tmp/image"
done

truncate -s 160M "$tmp/disk"
if device=$(losetup -f --show "$tmp/disk" 2>/dev/null); then
	at_exit "losetup -d '$device' 2>/dev/null"
	start -s "$device" --encrypt -- "$secret" 48
	next checked
	next freed
	finish
	sync
	[ "$(du -k "$tmp/disk" | cut -f 1)" -gt 32768 ] || fail "nothing was written to the device"
	[ "$(markers "$tmp/disk")" -eq 0 ] || fail "--encrypt: markers on the device"
fi
