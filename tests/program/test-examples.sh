#!/bin/bash
# SPDX-License-Identifier: MIT
# The examples of the manual run: those of section 1 and of spill(7), page by page, each in its own
# directory with the files that they mention.  Sizes, paths and processes are replaced by ones at
# hand.  `spill top' alone is left to test-top.sh; commands behind root's prompt are not run.
# Variants: default
# Time limit: 400
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires jq make python3 sort
requires_paging
requires_touches
manual=$(realpath "${top_srcdir:-$here/../..}")/man
build=$(realpath "${top_builddir:-$here/../..}")

mkdir "$tmp/bin" "$tmp/nvme" "$tmp/nvme/tmp" "$tmp/data" "$tmp/data/tmp" "$tmp/disk1" "$tmp/disk2"
mkdir "$tmp/tmp"
for disk in nvme disk1 disk2; do
	"$SPILL" swap create "$tmp/$disk/job.swap" 64M || fail "swap create: exit status $?"
done
ln -s "$(realpath "$SPILL")" "$tmp/bin/spill"
printf '#!/bin/sh\ncat >/dev/null\n' >"$tmp/bin/mail"
chmod +x "$tmp/bin/mail"
export PATH=$tmp/bin:$PATH LC_ALL=C

# What pages say 31358 and 19632 are, and an address in it.
start -s "$tmp" -- "$secret" 32
process=$pid
touches=$(realpath "$touches") # pages are tried in another directory
# begin_busy: a process that touches its memory, $busy
begin_busy() {
	"$SPILL" run -m 16M -s "$tmp" -- "$touches" random 24 1000000000 &
	busy=$!
	at_exit "kill -KILL $busy 2>/dev/null"
	wait_for 30 is_paged "$busy" || fail "touches is not paged: $(cat "$tmp/map")"
}
is_paged() {
	"$SPILL" map "$1" >"$tmp/map" 2>&1
}
address=$("$SPILL" map --json "$process" | jq -r '.chunks[0].address')

# workplace: a directory with a job, a server, a makefile, and text to sort
workplace() {
	rm -rf "$tmp/work" && mkdir "$tmp/work" && cd "$tmp/work" || exit 99
	seq 1 40000 | sort -R >big.txt
	printf '#!/bin/sh\nexec sort -S 32M -o /dev/null big.txt\n' | tee job >server
	chmod +x job server
	echo 'print(len([str(n) for n in range(300000)]))' >job.py
	printf 'all:\n\tpython3 job.py\n' >Makefile
}

# commands PAGE PROCESS: what stands behind a $ in its examples, with the lines that go on (>)
commands() {
	awk '/^\.Sh / { on = $2 == "EXAMPLES" || $2 == "TUNING" } on' "$1" |
		sed -n 's/^\$ //p; s/^> //p' |
		grep -vx 'spill top' |
		sed -E "s#(^|[^a-z])/(nvme|data|disk1|disk2|tmp)\b#\1$tmp/\2#g
			s#/usr/lib/spill/libspill-preload.so#$build/lib/preload/.libs/libspill-preload.so#
			s/\b[0-9]+(\.[0-9]+)?G\b/64M/g
			s/\b(31358|19632)\b/$2/g
			s/ INT 60 / INT 2 /
			s/\b7f[0-9a-f]{10}\b/$address/g
			s/^(spill stat all 1)\$/\1 2/"
}

pages=0
for page in "$manual"/*.1 "$manual/spill.7"; do
	busy=
	[ "${page##*/}" != spill-trace.1 ] || begin_busy
	commands "$page" "${busy:-$process}" >"$tmp/commands"
	[ -s "$tmp/commands" ] || fail "$page has no examples"
	pages=$((pages + 1))
	workplace
	{
		echo 'set -e -o pipefail'
		cat "$tmp/commands"
	} >"$tmp/script"
	timeout 150 bash "$tmp/script" >"$tmp/said" 2>&1 </dev/null ||
		fail "${page##*/}: $(cat "$tmp/commands" "$tmp/said")"
	rm -f "$tmp/data/job.swap"
	[ -z "$busy" ] || kill "$busy"
done
[ "$pages" -ge 12 ] || fail "examples were found in $pages pages"
cd "$tmp" || exit 99
pid=$process
next checked
next freed
finish
exit 0
