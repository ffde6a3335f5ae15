#!/bin/bash
# SPDX-License-Identifier: MIT
# What cannot work is refused before anything runs: with one clear line and exit status 125, and
# nothing is left behind.
. "$(dirname "$0")/lib.sh"

new_directory
swap=$directory
ran=$tmp/ran
run=(touch "$ran") # what must not run

# -- the command line
refused 'no subcommand'
refused 'frobnicate: no such subcommand' frobnicate
refused '--frobnicate: no such option' --frobnicate
refused '--frobnicate: no such option' run --frobnicate "${run[@]}"
refused '-z: no such option' run -z "${run[@]}"
refused '--json=yes takes no value' run --json=yes "${run[@]}"
refused '-m needs a value' run -m
refused '--swap needs a value' run --swap
refused 'no command' run
refused 'no command' run -m 64M --

# -- sizes and numbers
refused '--budget: 0 is less than the least' run -m 0 "${run[@]}"
refused '--budget: 12Q is not a size' run -m 12Q "${run[@]}"
refused '--budget: -1 is not a size' run -m -1 "${run[@]}"
refused '--budget:  is not a size' run -m '' "${run[@]}"
refused '--budget: 101% is not a size' run --budget 101% "${run[@]}"
refused '--budget: 8191K is less than the least budget, 8M' run -m 8191K "${run[@]}"
refused '--overcommit: much is not a size' run --overcommit much "${run[@]}"
refused '--handlers: 0 is not a number' run --handlers 0 "${run[@]}"
refused '--handlers: two is not a number' run --handlers=two "${run[@]}"
refused '--compress: gzip is not one of lz4, off' run --compress gzip "${run[@]}"
refused '--stall-warning: soon is not a number of seconds' run --stall-warning soon "${run[@]}"
refused '--disable: gravity is not' run --disable gravity "${run[@]}"
SPILL_BUDGET=12Q refused 'SPILL_BUDGET: 12Q is not a size' run "${run[@]}"
SPILL_SWAP=/x,pri= refused 'SPILL_SWAP: /x,pri= is not' run "${run[@]}"
SPILL_HANDLERS=0 refused 'SPILL_HANDLERS: 0 is not' run "${run[@]}"
SPILL_DISABLE=gravity refused 'SPILL_DISABLE: gravity is not' run "${run[@]}"
SPILL_TRACE_SAMPLE=3 SPILL_TRACE="$tmp/trace" refused 'SPILL_TRACE_SAMPLE: 3 is not a number of chunks from 16' run "${run[@]}"

# -- from here on it needs a userfaultfd before it finds what is wrong
requires_paging
refused '--stats: .*/none/stats: No such file' run --stats="$tmp/none/stats" "${run[@]}"

# -- swap targets
refused '/missing: no such file or directory' run -s "$swap/missing" "${run[@]}"
refused '/missing/too: no such file or directory' run -s "$swap/missing/too" "${run[@]}"
refused '--swap: .*,size=1G is not TARGET' run -s "$swap,size=1G" "${run[@]}"
refused '--swap: .*,limit=0 is not TARGET' run -s "$swap,limit=0" "${run[@]}"
refused '--swap: no target' run -s '' "${run[@]}"
refused 'room for only 8M' run -s "$swap,limit=8M" "${run[@]}"
refused '/dev/null: is not a directory' run -s /dev/null "${run[@]}"
refused 'missing: no such' run -s "$swap" -s "$swap/missing" "${run[@]}"

printf 'Dear Sir or Madam' >"$swap/letter"
refused '/letter: is not empty and is not a spill swap file' run -s "$swap/letter" "${run[@]}"
[ "$(cat "$swap/letter")" = 'Dear Sir or Madam' ] || fail "a file that is not ours was changed"
truncate -s 1M "$swap/zeros"
refused '/zeros: is not empty' run -s "$swap/zeros" "${run[@]}"
[ "$(tr -d '\0' <"$swap/zeros" | wc -c)" -eq 0 ] || fail "a file of zeros was changed"
: >"$swap/file"
ln -s file "$swap/link"
refused '/link: is a symbolic link' run -s "$swap/link" "${run[@]}"

# -- a swap file that is in use by another command
"$SPILL" run -s "$swap/file" -- sleep 60 &
sleeper=$!
at_exit "kill $sleeper 2>/dev/null"
wait_for 10 grep -qs sleep "/proc/$sleeper/comm" || fail "a command with a named swap file does not start"
refused '/file: is in use by another command' run -s "$swap/file" "${run[@]}"
kill "$sleeper"
wait "$sleeper" 2>/dev/null
"$SPILL" run -s "$swap/file" -- true || fail "a swap file that was in use cannot be used again"
rm "$swap"/*

# -- programs that cannot be paged
printf '\177ELF\1\1\1\0' >"$tmp/old" && head -c 64 /dev/zero >>"$tmp/old" && chmod +x "$tmp/old"
refused '/old: is a 32-bit program' run "$tmp/old"
# true, of which a part is changed or missing
cp "$(command -v env)" "$tmp/whole"
changed() {
	local name=$1 says=$2
	shift 2
	perl -0777 -pe "$@" <"$tmp/whole" >"$tmp/$name" && chmod +x "$tmp/$name"
	refused "/$name: $says" run "$tmp/$name"
}
changed cut 'is damaged: its ELF header is cut off' '$_ = substr($_, 0, 40)'
changed short 'is damaged: its program headers cannot be read' '$_ = substr($_, 0, 64)'
changed foreign 'is not a program for ' 'substr($_, 18, 2) = "\x15\0"'
changed musl 'is linked with musl' 's!/lib64/ld-linux-x86-64.so.2!/lib/ld-musl-x86_64.so.1\0\0\0! or
	s!/lib/ld-linux-aarch64.so.1!/lib/ld-musl-aarch64.so.1\0!'
# gcc links the runtime as a library, which says that it does not come first, or crashes; clang into the program.
for compiler in gcc clang; do
	for sanitizer in address thread leak memory; do
		if echo 'int main(void) { return 0; }' |
			$compiler -fsanitize=$sanitizer -x c - -o "$tmp/sanitized" 2>/dev/null; then
			refused "/sanitized: is built with -fsanitize=$sanitizer, and cannot be paged" \
				run "$tmp/sanitized"
		else
			echo "left out: $compiler -fsanitize=$sanitizer does not work here"
		fi
	done
done
if echo 'int main(void) { return 0; }' | ${CC:-cc} -static -x c - -o "$tmp/static" 2>/dev/null; then
	refused '/static: is a static program, which cannot be paged' run "$tmp/static"
	printf '#!%s\n' "$tmp/static" >"$tmp/script" && chmod +x "$tmp/script"
	refused '/static: is a static program' run "$tmp/script"
	printf '#!/usr/bin/env -S A=b static\n' >"$tmp/script"
	PATH=$tmp:$PATH refused '/static: is a static program' run script
else
	echo "static programs were left out: ${CC:-cc} -static does not work here"
fi

# -- what only root can set up
if [ "$(id -u)" -eq 0 ]; then
	# An ordinary account, which gets the userfaultfd from the outer run.
	new_directory 755
	public=$directory
	mkdir -m 755 "$public/closed"
	"$SPILL" run -- setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$SPILL" run -s "$public/closed" -- true 2>"$tmp/err"
	[ $? -eq 125 ] || fail "a directory that is not writable was taken"
	grep -q '/closed: you may not write' "$tmp/err" || fail "not writable: $(cat "$tmp/err")"
	: >"$public/mine" && chmod 600 "$public/mine"
	"$SPILL" run -- setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$SPILL" run -s "$public/mine" -- true 2>"$tmp/err"
	[ $? -eq 125 ] || fail "a file that is not writable was taken"
	grep -q '/mine: you may not read and write' "$tmp/err" || fail "not writable: $(cat "$tmp/err")"
	if mount --bind "$public" "$public" 2>/dev/null; then
		at_exit "umount '$public'"
		mount -o remount,bind,ro "$public"
		refused 'lies on a read-only file system' run -s "$public" "${run[@]}"
		refused 'lies on a read-only file system' run -s "$public/mine" "${run[@]}"
		mount -o remount,bind,rw "$public"
	fi

	mkdir "$tmp/small"
	if mount -t tmpfs -o size=8M spill-test "$tmp/small" 2>/dev/null; then
		at_exit "umount '$tmp/small' 2>/dev/null"
		refused '/small: has room for only' run -s "$tmp/small" "${run[@]}"
		mount -o remount,size=64M "$tmp/small"
		"$SPILL" run -s "$tmp/small" -- true 2>"$tmp/err" || fail "a tmpfs was refused"
		grep -q 'warning: .*/small lies in memory' "$tmp/err" || fail "no warning of a tmpfs"
		"$SPILL" run --quiet -s "$tmp/small" -- true 2>"$tmp/err"
		[ ! -s "$tmp/err" ] || fail "a warning in spite of --quiet: $(cat "$tmp/err")"
		umount "$tmp/small"
	else
		echo "small file systems were left out: mount does not work here"
	fi

	# A program that gives its user the rights of another takes nothing from his environment.
	if [ -z "$(find "$(command -v su)" -perm -4000 2>/dev/null)" ]; then
		echo "a set-user-ID program was left out: there is none here"
	else
		mkdir -p "$public/tools" "$public/lib/.libs"
		: >"$public/config.status"
		cp "$top_builddir/lib/preload/.libs/libspill-preload.so" "$public/lib/.libs"
		cp "$SPILL" "$public/tools/spill"
		chmod 4755 "$public/tools/spill"
		with_swap() {
			"$SPILL" run -- setpriv --reuid=65534 --regid=65534 --clear-groups \
				env SPILL_SWAP="$public/nowhere" "$public/tools/spill" run true 2>&1
		}
		with_swap >"$tmp/out" || fail "a set-user-ID program: $(cat "$tmp/out")"
		chmod 755 "$public/tools/spill"
		with_swap | grep -q 'nowhere: no such file' || fail "SPILL_SWAP: $(with_swap)"
	fi

	truncate -s 64M "$tmp/disk"
	if device=$(losetup -f --show "$tmp/disk" 2>/dev/null); then
		at_exit "losetup -d '$device' 2>/dev/null"
		"$SPILL" run -s "$device" -- true || fail "an empty device was refused"
		"$SPILL" run -s "$device" -- true || fail "a device of ours was refused"
		dd if=/dev/zero of="$device" bs=64K count=1 status=none
		printf '_BHRfS_M' | dd of="$device" bs=1 seek=65600 conv=notrunc status=none
		refused "$device: holds data" run -s "$device" "${run[@]}"
		losetup -d "$device"
	else
		echo "block devices were left out: losetup does not work here"
	fi
fi

[ ! -e "$ran" ] || fail "a refused command ran"
[ -z "$(ls -A "$swap")" ] || fail "left behind: $(ls -A "$swap")"
exit 0
