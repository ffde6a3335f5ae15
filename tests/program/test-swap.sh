#!/bin/bash
# SPDX-License-Identifier: MIT
# Time limit: 400
# `spill swap' makes swap files with all of their blocks, and prepares devices; it reports how fast
# they are, what is wrong with them, and who uses them.  It leaves alone what is not its own.
. "$(dirname "$0")/lib.sh"
requires_hungry
requires python3
requires_paging
manual=${top_srcdir:-$here/../..}/man/spill-swap.1

# swap STATUS ARG...: what `spill swap ARG...' says, into $tmp/said and $tmp/told
swap() {
	local status=$1 is
	shift
	"$SPILL" swap "$@" >"$tmp/said" 2>"$tmp/told"
	is=$?
	[ "$is" -eq "$status" ] ||
		fail "swap $*: exit status $is, not $status: $(cat "$tmp/said" "$tmp/told")"
}
# It goes well, and nothing is wrong.
swaps() {
	swap 0 "$@"
	[ ! -s "$tmp/told" ] || fail "swap $*: $(cat "$tmp/told")"
}
# says PATTERN
says() {
	grep -Eq -- "$1" "$tmp/said" || fail "no '$1' in: $(cat "$tmp/said")"
}
warns() {
	grep -Eq "^spill: warning: .*$1" "$tmp/told" || fail "no warning '$1' in: $(cat "$tmp/told")"
}
# json EXPRESSION: it holds of what was said, which is x
json() {
	python3 -c 'import json, sys
x = json.load(open(sys.argv[1]))
assert eval(sys.argv[2]), sys.argv[2]' "$tmp/said" "$1" || fail "$(cat "$tmp/said")"
}
# All files but those that we write ourselves, and what can be seen of a change.
files() {
	find "$tmp" -name said -o -name told -o -name out -o -name err -o -type d -o \
		-printf '%p %m %s %b %T@\n' | sort
}
blocks() {
	echo $(($(stat -c %b "$1") * 512))
}
# has_room FILE SIZE: its size is that and the header, it has all of its blocks, and says how large it is
has_room() {
	local want
	want=$(bytes "$2")
	[ "$(stat -c %s "$1")" -eq $((want + 65536)) ] || fail "$1: $(stat -c %s "$1") bytes, not $2 and 64K"
	[ "$(blocks "$1")" -ge $((want + 65536)) ] || fail "$1: $(blocks "$1") bytes have blocks"
	[ "$(head -c 64 "$1" | tr -d '\0')" = "spill swap 1
limit $want" ] || fail "$1: its header is $(head -c 64 "$1" | tr -d '\0')"
	[ "$(stat -c %a "$1")" = 600 ] || fail "$1: mode $(stat -c %a "$1")"
}
# sleep_with TARGET: a command that has it, $sleeper
sleep_with() {
	"$SPILL" run -s "$1" -- sleep 100 &
	sleeper=$!
	at_exit "kill $sleeper 2>/dev/null"
	wait_for 10 grep -qs sleep "/proc/$sleeper/comm" || fail "a command with $1 does not start"
}

# -- a file is made, grows and shrinks
file=$tmp/swap
swaps create "$file" 96M
says '/swap: swap space for 96M'
has_room "$file" 96M
swaps create "$file" 128M
has_room "$file" 128M
swaps create "$file" 48M
has_room "$file" 48M
(umask 777 && "$SPILL" swap create "$tmp/umask" 16M) >/dev/null || fail "with a umask: $?"
has_room "$tmp/umask" 16M
: >"$tmp/empty" && chmod 644 "$tmp/empty"
swaps create "$tmp/empty" 16M
has_room "$tmp/empty" 16M
(cd "$tmp" && "$SPILL" swap create here 16.001M) >/dev/null || fail "a relative path: $?"
[ "$(stat -c %s "$tmp/here")" -eq $(((16 * 256 + 1) * 4096 + 65536)) ] ||
	[ "$(getconf PAGESIZE)" -ne 4096 ] || fail "no whole pages: $(stat -c %s "$tmp/here")"
rm "$tmp/umask" "$tmp/empty" "$tmp/here"

# -- what is wrong is said, and nothing is made or changed
echo 'Dear Sir or Madam' >"$tmp/letter"
truncate -s 32M "$tmp/zeros"
ln -s swap "$tmp/link"
ln -s nothing "$tmp/broken"
before=$(files)
refused 'name create, check or info' swap
refused 'make is not create, check or info' swap make
refused 'create needs a PATH' swap create
refused 'one argument too many' swap create "$tmp/new" 16M 16M
refused 'create takes no options' swap create --json "$tmp/new" 16M
refused '--need is only for check' swap info --need 1G
refused '--need: much is not a size' swap check --need much
refused 'no such option' swap create --sparse "$tmp/new" 16M
refused '/new: give a SIZE' swap create "$tmp/new"
refused '/swap: give a SIZE' swap create "$file"
refused 'much is not a size' swap create "$tmp/new" much
refused '50% is not a size' swap create "$tmp/new" 50%
refused '8M is less than the least swap space, 16M' swap create "$tmp/new" 8M
refused 'takes no path with a comma' swap create "$tmp/new,old" 16M
refused ': is not a path' swap create '' 16M
refused '/none/new: No such file' swap create "$tmp/none/new" 16M
refused "$tmp: is a directory" swap create "$tmp" 16M
refused 'has room for .*, not for 8P' swap create "$tmp/new" 8P
refused '/letter: is not empty and is not a spill swap file' swap create "$tmp/letter" 16M
refused '/zeros: is not empty' swap create "$tmp/zeros" 16M
refused '/link: is a symbolic link' swap create "$tmp/link" 16M
refused '/broken: no such file' swap create "$tmp/broken" 16M
refused '/dev/null: is not a directory' swap create /dev/null 16M
refused 'is more than one target' swap check "$tmp;$tmp"
refused 'one argument too many' swap check "$tmp" "$tmp"
refused 'is not TARGET' swap check "$tmp,size=1"
refused 'is not TARGET' swap info "$tmp,size=1"
refused '/none: No such file' swap info "$tmp/none"
refused '/dev/null: is not a directory' swap info /dev/null
(ulimit -f 20000 && refused '/new: the file would be too large' swap create "$tmp/new" 96M) || exit 1
[ "$(files)" = "$before" ] || fail "what was refused changed something: $(files)"
[ "$(cat "$tmp/letter")" = 'Dear Sir or Madam' ] || fail "the letter is gone"
# It is interrupted: the signal waits for it.
for name in new swap; do
	perl -MPOSIX -e 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); kill "TERM", $$; exec @ARGV' \
		"$SPILL" swap create "$tmp/$name" 64M 2>"$tmp/told" && fail "an interrupt is overlooked"
	grep -q "/$name: interrupted" "$tmp/told" || fail "an interrupt: $(cat "$tmp/told")"
done
perl -MPOSIX -e '$SIG{HUP} = "IGNORE"; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGHUP)); kill "HUP", $$; exec @ARGV' \
	"$SPILL" swap create "$tmp/new" 16M >"$tmp/told" 2>&1 || fail "nohup: $(cat "$tmp/told")"
rm "$tmp/new"
has_room "$file" 48M
[ ! -e "$tmp/new" ] || fail "what was refused is there"

# -- what it is; nothing is written
: >"$tmp/empty"
before=$(files)
swaps info "$tmp" "$file" "$tmp/letter;$tmp/zeros" "$tmp/empty,pri=1"
says "^$tmp: a directory"
says "^$file: a file"
says 'size +48M, no holes'
says 'limit +48M'
says 'size +32M, and holes: only 0 of it has blocks'
says 'holds +something other than swap space'
says 'holds +nothing yet'
says 'file system +[a-z0-9]+, with .* free'
swaps info --json "$tmp" "$file" "$tmp/letter" "$tmp/zeros" "$tmp/empty"
json 'x[0]["kind"] == "directory" and x[0]["holds"] is None and x[0]["free"] > 0'
json 'x[1]["kind"] == "file" and x[1]["holds"] == "swap" and x[1]["limit"] == 48 << 20'
json 'x[1]["size"] == (48 << 20) + 65536 <= x[1]["allocated"] and not x[1]["in_use"]'
json '[y["holds"] for y in x] == [None, "swap", "data", "data", "nothing"]'
json '[y["limit"] for y in x] == [None, 48 << 20, None, None, None]'
[ "$(files)" = "$before" ] || fail "info has changed something: $(files)"
TMPDIR=$tmp swaps info
says "^$tmp: a directory"
swap 125 info "$tmp/none" "$file"
says "^$file: a file"

# keys LIST: those of the object that was said last, and of those in it, are those of the manual
keys() {
	python3 - "$tmp/said" "$manual" "$1" <<'END' || fail "$(cat "$tmp/said")"
import json, re, sys
said = json.load(open(sys.argv[1]))
page = open(sys.argv[2]).read()
listed = re.search(r"prints an object" if sys.argv[3] == "check" else r"prints a list", page)
section = page[listed.start():].split("\n.El", 1)[0]
documented = set(re.findall(r"^\.It Li (\w+)$", section, re.M))
def names(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)
there = set(names(said))
assert there == documented, there ^ documented
END
}

# -- it is used, with the limit that it has, and by nobody else meanwhile
"$SPILL" run -m 8M -s "$file" -- "${hungry[@]}" 40 >/dev/null || fail "40 MiB in 48: exit status $?"
{ "$SPILL" run -m 8M -s "$file" -- "${hungry[@]}" 96; } >/dev/null 2>"$tmp/told" && fail "96 MiB in 48"
grep -q 'full' "$tmp/told" || fail "96 MiB in 48: $(cat "$tmp/told")"
has_room "$file" 48M
sleep_with "$file"
swaps info "$file"
says "in use +by $sleeper \(sleep\)"
swaps info --json "$file"
json 'x[0]["in_use"] and [y["command"] for y in x[0]["processes"]] == ["sleep"]'
json "x[0]['processes'][0]['pid'] == $sleeper"
keys info
refused '/swap: is in use by another command' swap create "$file" 64M
swap 1 check "$file"
says '^broken +target +.*/swap: is in use by another command'
kill "$sleeper"
wait "$sleeper" 2>/dev/null
has_room "$file" 48M

# -- a file that was made with its blocks keeps them; another gives back what is free
shrinks() {
	"$SPILL" run -m 8M -s "$1" -- python3 -c '
import mmap, time
m = mmap.mmap(-1, 40 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, len(m), 4096):
    m[at:at + 8] = at.to_bytes(8, "big")
m.close()
time.sleep(3)' || fail "$1: exit status $?"
}
shrinks "$file"
has_room "$file" 48M
shrinks "$tmp/empty"
holes=$(($(stat -c %s "$tmp/empty") - $(blocks "$tmp/empty")))
[ "$holes" -ge "$(bytes 16M)" ] || fail "nothing is given back: $holes bytes"

# -- several: the highest priority first, then in turn
: >"$tmp/a" && : >"$tmp/b" && : >"$tmp/c"
limits=(-s "$tmp/a,pri=2,limit=16M" -s "$tmp/b,pri=1" -s "$tmp/c,pri=1")
"$SPILL" run -m 8M "${limits[@]}" -- "${hungry[@]}" 12 >/dev/null || fail "a small job: exit status $?"
[ "$(stat -c %s "$tmp/a")" -gt 65536 ] || fail "the highest priority is not used"
for other in b c; do
	[ "$(stat -c %s "$tmp/$other")" -le 65536 ] || fail "a lower priority is used while there is room"
done
"$SPILL" run -m 8M "${limits[@]}" -- "${hungry[@]}" 96 >/dev/null || fail "a large job: exit status $?"
used=()
for other in a b c; do
	used+=("$(blocks "$tmp/$other")")
	[ "${used[-1]}" -ge "$(bytes 15M)" ] || fail "$other is not used when it is its turn: ${used[*]}"
done
[ "${used[0]}" -le "$(bytes 17M)" ] || fail "the limit does not hold: ${used[*]}"
rm "$tmp/a" "$tmp/b" "$tmp/c"

# -- how good and how fast it is
swaps check "$file"
for name in target file_system blocks direct_io contents speed; do
	says "^(fine|costs) +$name"
done
says '^fine +target +a swap file with room for 48M'
says '^fine +blocks +no holes'
says '^fine +contents +[0-9]+ pages came back'
for name in 'writes in order' 'reads in order' 'reads at random, one by one' 'reads at random, 16 at once'; do
	says "^ *[0-9.]+[KMG]? +[0-9.]+[KM]? +[0-9.]+(ns|us|ms) $name\$"
done
says '^budget +what a job touches every 10 s at random, less '
says '^readahead +[0-9]+ pages'
has_room "$file" 48M
size=$(stat -c %s "$tmp/empty")
swaps check "$tmp/empty,limit=32M"
says 'room for 32M'
[ "$(stat -c %s "$tmp/empty")" -le $((size > 4096 ? size : 4096)) ] || fail "check leaves $(stat -c %s "$tmp/empty")"
swaps check --json --need 40M "$file"
keys check
json 'x["works"] and x["room"] == 48 << 20'
json 'x["recommended"]["budget"] % 2**20 == 0 and 8 << 20 <= x["recommended"]["budget"] <= 41 << 20'
# The table and what is recommended are of one piece.
python3 - "$tmp/said" <<'END' || fail "$(cat "$tmp/said")"
import json, mmap, sys
x = json.load(open(sys.argv[1]))
speed, said, page = x["speed"], x["recommended"], mmap.PAGESIZE
one = speed["read_at_random_by_one"]
near = lambda a, b: abs(a - b) <= 0.01 * b + 1
faults = 1 / (one["seconds"] + speed["write_in_order"]["seconds"])
assert near(said["faults_per_second"], faults)
assert near(said["cold_bytes"], 10 * page * faults)
assert said["budget"] == max(8 << 20, -(-max(0, (40 << 20) - said["cold_bytes"]) >> 20) * -(1 << 20))
pages = speed["read_in_order"]["pages_per_second"] / one["pages_per_second"]
assert said["readahead_pages"] in (1024, *(2**i for i in range(11) if 2**i >= pages * 0.99 and 2**i < 2.02 * pages + 1))
END
swaps check --json --need 1T "$file"
json 'x["recommended"]["budget"] == (1 << 40) - (48 << 20) or x["recommended"]["cold_bytes"] < 48 << 20'
swaps check "$tmp"
says '^fine +target +a directory with room'
TMPDIR=$tmp swaps check
says "^$tmp\$"
swap 1 check "$tmp/letter"
says '^broken +target +.*/letter: is not empty'
[ "$(cat "$tmp/letter")" = 'Dear Sir or Madam' ] || fail "the letter is gone"
swap 1 check --json "$tmp/letter"
json 'not x["works"] and x["speed"] is None and x["recommended"] is None and x["room"] is None'

# A disk that returns something else: somebody writes to the file all the time.
perl -e 'open my $f, "+<", $ARGV[0] or die; while (1) { sysseek $f, 1 << 20, 0; syswrite $f, "x" x 4096 }' \
	"$file" &
scribbler=$!
at_exit "kill $scribbler 2>/dev/null"
swap 1 check "$file"
says '^broken +contents +of 4096 pages, [0-9]+ came back different'
swap 1 check --json "$file"
json 'not x["works"] and x["checks"]["contents"]["verdict"] == "broken"'
# (He may not get his CPU while it looks.)
doctor_sees_it() {
	! "$SPILL" doctor -s "$file" >"$tmp/said" 2>&1
}
wait_for 60 doctor_sees_it || fail "doctor does not see it: $(cat "$tmp/said")"
says '^broken +swap +.*came back different'
kill "$scribbler"
wait "$scribbler" 2>/dev/null

# -- somebody else's: his files, links, and places where he can change them
if [ "$(id -u)" -eq 0 ]; then
	new_directory 755
	public=$directory
	mkdir -m 777 "$public/open" && mkdir -m 1777 "$public/sticky" && mkdir "$public/closed"
	refused 'everybody may write to its directory' swap create "$public/open/new" 16M
	[ -z "$(ls "$public/open")" ] || fail "it leaves $(ls "$public/open")"
	swaps create "$public/sticky/new" 16M
	swaps create "$public/closed/root" 16M
	: >"$public/sticky/his" && chown 65534:65534 "$public/sticky/his"
	refused '/his: belongs to another user' swap create "$public/sticky/his" 16M
	ln -s /dev/loop0 "$public/sticky/link" && chown -h 65534:65534 "$public/sticky/link"
	[ ! -e /dev/loop0 ] || refused '/link: is a symbolic link of another user' swap create "$public/sticky/link"
	as_nobody() {
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	}
	if as_nobody "$SPILL" --version >/dev/null 2>&1; then
		as_nobody "$SPILL" swap create "$public/sticky/mine" 16M >/dev/null || fail "nobody cannot"
		[ "$(stat -c %u:%a:%s "$public/sticky/mine")" = "65534:600:$((16 * 1048576 + 65536))" ] ||
			fail "nobody gets $(stat "$public/sticky/mine")"
		as_nobody "$SPILL" swap check "$public/sticky/mine" >"$tmp/said" || fail "nobody: $(cat "$tmp/said")"
		as_nobody "$SPILL" swap create "$public/closed/new" 16M 2>"$tmp/told" && fail "nobody may"
		grep -q '/closed/new: Permission denied' "$tmp/told" || fail "nobody: $(cat "$tmp/told")"
		as_nobody "$SPILL" swap create "$public/closed/root" 32M 2>"$tmp/told" && fail "nobody may"
		grep -q '/root: you may not read and write it' "$tmp/told" || fail "$(cat "$tmp/told")"
		as_nobody "$SPILL" swap info "$public/closed/root" 2>"$tmp/told" && fail "nobody may"
		grep -q '/root: you may not read it' "$tmp/told" || fail "$(cat "$tmp/told")"
		has_room "$public/closed/root" 16M
	fi
fi

# -- file systems and devices
mkfs() { # TYPE OPTION...: one of 400 MiB, mounted at $tmp/TYPE; false: there can be none here
	command -v "mkfs.$1" >/dev/null && mkdir -p "$tmp/$1" && truncate -s 400M "$tmp/$1.image" &&
		"mkfs.$1" "${@:2}" "$tmp/$1.image" >"$tmp/told" 2>&1 &&
		mount -o loop "$tmp/$1.image" "$tmp/$1" 2>"$tmp/told" || return
	at_exit "umount '$tmp/$1' 2>/dev/null"
}
PATH=$PATH:/usr/sbin:/sbin
if [ "$(id -u)" -ne 0 ]; then
	echo "file systems and devices were left out: they take root"
	exit 0
fi
if mkfs ext4 -q; then
	refused '/new: has room for 3[0-9][0-9]M, not for 512M' swap create "$tmp/ext4/new" 512M
	[ ! -e "$tmp/ext4/new" ] || fail "what had no room is there"
	swaps create "$tmp/ext4/swap" 64M
	refused '/swap: has room for 3[0-9][0-9]M, not for 400M' swap create "$tmp/ext4/swap" 400M
	has_room "$tmp/ext4/swap" 64M
	# The file system is full, and the file still has its room.
	dd if=/dev/zero of="$tmp/ext4/other" bs=1M status=none 2>/dev/null
	swaps check "$tmp/ext4/swap"
	says 'room for 64M'
	"$SPILL" run -m 8M -s "$tmp/ext4/swap" -- "${hungry[@]}" 56 >/dev/null || fail "full: exit status $?"
	swaps create "$tmp/ext4/swap" 32M
	has_room "$tmp/ext4/swap" 32M
	# Holes.
	fallocate -p -o 8M -l 8M "$tmp/ext4/swap"
	swaps info "$tmp/ext4/swap"
	says 'size +32M, and holes: only 24M of it has blocks'
	rm "$tmp/ext4/other"
	swaps check "$tmp/ext4/swap"
	says '^costs +blocks +holes: 8M of 32M have none'
	fallocate -p -o 20M -l 8M "$tmp/ext4/swap"
	swaps create "$tmp/ext4/swap" 32M
	has_room "$tmp/ext4/swap" 32M
else
	echo "ext4 was left out: $(cat "$tmp/told")"
fi
if mkfs ext2 -q; then # cannot reserve blocks
	swaps create "$tmp/ext2/swap" 48M
	has_room "$tmp/ext2/swap" 48M
	fallocate -p -o 8M -l 8M "$tmp/ext2/swap" 2>/dev/null
	swaps create "$tmp/ext2/swap" 64M
	has_room "$tmp/ext2/swap" 64M
	refused '/swap: has room for .*, not for 512M' swap create "$tmp/ext2/swap" 512M
	has_room "$tmp/ext2/swap" 64M
else
	echo "ext2 was left out: $(cat "$tmp/told")"
fi
if mkfs xfs -q; then # counts what is there as if it were new
	for size in 128M 256M; do
		swaps create "$tmp/xfs/swap" "$size"
		has_room "$tmp/xfs/swap" "$size"
	done
else
	echo "xfs was left out: $(cat "$tmp/told")"
fi
if mkfs btrfs -q; then
	swap 0 check "$tmp/btrfs"
	says '^costs +file_system +btrfs copies on write'
	: >"$tmp/btrfs/copied"
	"$SPILL" run -m 8M -s "$tmp/btrfs/copied" -- "${hungry[@]}" 12 >/dev/null || fail "btrfs: exit status $?"
	swap 0 create "$tmp/btrfs/copied" 16M
	warns 'btrfs copies on write'
	rm "$tmp/btrfs/copied"
	for prepared in nothing empty; do
		[ $prepared = nothing ] || : >"$tmp/btrfs/swap"
		swaps create "$tmp/btrfs/swap" 32M
		has_room "$tmp/btrfs/swap" 32M
		lsattr "$tmp/btrfs/swap" | grep -q '^[^ ]*C' || fail "btrfs: $(lsattr "$tmp/btrfs/swap")"
		swap 0 check "$tmp/btrfs/swap"
		says '^fine +file_system +btrfs'
		rm "$tmp/btrfs/swap"
	done
else
	echo "btrfs was left out: $(cat "$tmp/told")"
fi
mkdir "$tmp/memory"
if mount -t tmpfs -o size=64M spill-test "$tmp/memory" 2>/dev/null; then
	at_exit "umount '$tmp/memory' 2>/dev/null"
	swap 0 create "$tmp/memory/swap" 32M
	warns 'tmpfs lies in memory'
	has_room "$tmp/memory/swap" 32M
	swap 0 check "$tmp/memory/swap"
	says '^costs +file_system +tmpfs lies in memory'
	refused 'has room for 64M, not for 80M' swap create "$tmp/memory/swap" 80M
	has_room "$tmp/memory/swap" 32M
else
	echo "tmpfs was left out: mount does not work here"
fi

truncate -s 96M "$tmp/disk"
if device=$(losetup -f --show "$tmp/disk" 2>/dev/null); then
	at_exit "losetup -d '$device' 2>/dev/null"
	swaps info "$device"
	says 'holds +nothing yet'
	swaps create "$device"
	says "^$device: swap space for 96M"
	[ "$(head -c 64 "$device" | tr -d '\0')" = 'spill swap 1' ] || fail "$device: no header"
	swaps create "$device" 48M
	swaps info --json "$device"
	json 'x[0]["kind"] == "device" and x[0]["limit"] == 48 << 20 and x[0]["size"] == 96 << 20'
	json 'x[0]["file_system"] is None and x[0]["allocated"] is None'
	swaps check "$device"
	says '^fine +target +a device with room for 48M'
	sleep_with "$device"
	swaps info "$device"
	says "in use +by $sleeper \(sleep\)"
	refused "$device: is (mounted or )?in use" swap create "$device"
	kill "$sleeper"
	wait "$sleeper" 2>/dev/null
	refused 'has room for 96M, not for 128M' swap create "$device" 128M
	swaps create "$device"
	swaps check "$device"
	says 'room for 96M'
	dd if=/dev/zero of="$device" bs=64K count=1 status=none
	printf '_BHRfS_M' | dd of="$device" bs=1 seek=65600 conv=notrunc status=none
	sum=$(sha256sum <"$device")
	refused "$device: holds data" swap create "$device"
	refused "$device: holds data" swap create "$device" 32M
	swap 1 check "$device"
	swaps info "$device"
	says 'holds +something other'
	[ "$(sha256sum <"$device")" = "$sum" ] || fail "$device holds data, and was written to"
	losetup -d "$device"
else
	echo "block devices were left out: losetup does not work here"
fi
exit 0
