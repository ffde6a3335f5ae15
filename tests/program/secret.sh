# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# secret.sh - tests that look at what secret leaves on a disk; to be sourced after lib.sh
#
#	$secret		the program, which is built
#	start ARG...	runs `spill run -m 8M ARG...', whose command is secret, up to "filled"; $pid, and
#			the descriptor $go, from which it takes a line for each step
#	reaches STEP	waits until it says so
#	next STEP	lets it go on to that step
#	finish		lets it end; all that it wrote was right
#	mount_image FILE DIRECTORY
#			a file system of 160 MiB in FILE, or fails if there can be none here
#
# What it prints goes to $tmp/out, and what the pager says to $tmp/err.

secret=$helpers/secret
[ -x "$secret" ] || skip "secret is not built"

start() {
	rm -f "$tmp/in" "$tmp/out"
	mkfifo "$tmp/in"
	"$SPILL" run -m 8M "$@" <"$tmp/in" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	exec {go}>"$tmp/in"
	reaches filled
}
reaches() {
	wait_for 60 grep -qs "^$1\$" "$tmp/out" || fail "secret does not get $1: $(cat "$tmp/err")"
}
next() {
	echo >&"$go"
	reaches "$1"
}
finish() {
	echo >&"$go"
	exec {go}>&-
	wait "$pid" || fail "secret: exit status $?: $(cat "$tmp/err")"
}

has_file_systems() {
	[ "$(id -u)" -eq 0 ] && command -v mkfs.ext4 >/dev/null
}
mount_image() {
	truncate -s 160M "$1"
	mkfs.ext4 -q "$1" || fail "mkfs.ext4"
	mount -o loop "$1" "$2" 2>/dev/null || return
	at_exit "umount '$2' 2>/dev/null"
}
