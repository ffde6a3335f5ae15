#!/bin/bash
# SPDX-License-Identifier: MIT
# redis-server with four times its budget of data: clients, a save in the background while they
# write, and a replica with the same budget.  The replica has the server's digest.  When a plain
# server loads the dumps, they have the digest of the data at the moment when the save began.
# Time limit: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires redis-server redis-cli redis-benchmark perl numfmt
requires_paging

cat >"$tmp/functions" <<'END'
# serve NAME PORT: starts a server in $dir/NAME; `ask NAME COMMAND...' talks to it
servers=()
serve() {
	mkdir -p "$dir/$1"
	redis-server --bind 127.0.0.1 --port "$2" --unixsocket "$dir/$1/socket" --dir "$dir/$1" \
		--save '' --enable-debug-command yes >"$dir/$1/log" 2>&1 &
	servers+=($!)
	until [ "$(ask "$1" ping 2>/dev/null)" = PONG ]; do
		kill -0 "${servers[-1]}" 2>/dev/null || return 1
		sleep 0.05
	done
}
ask() {
	redis-cli -s "$dir/$1/socket" "${@:2}"
}
# info NAME SECTION KEY
info() {
	ask "$1" info "$2" | tr -d '\r' | sed -n "s/^$3://p"
}
finish() {
	[ ${#servers[@]} -eq 0 ] || kill "${servers[@]}" 2>/dev/null
	wait
}
trap finish EXIT
END

# Prints the digest before the save in the background, that at the end, and that of the replica.
cat >"$tmp/work" <<'END'
dir=$1
. "$(dirname "$0")/functions"
# A port that is taken gives another turn.
until serve first $((port = 20000 + RANDOM % 10000)); do
	grep -q 'Address already in use' "$dir/first/log" || exit 1
done
ask first debug populate 9000 key 9000 >&2
redis-benchmark -s "$dir/first/socket" -t set,get,lpush,hset,zadd -d 5000 -r 1500 -n 1500 -P 16 -q >&2
ask first debug digest
ask first bgsave >&2
n=0
while [ "$(info first persistence rdb_bgsave_in_progress)" = 1 ]; do
	ask first set "key:$((n % 9000))" "new $n" >/dev/null
	n=$((n + 7))
done
[ "$(info first persistence rdb_last_bgsave_status)" = ok ] || exit 1
echo "$((n / 7)) keys were written while it saved" >&2
mv "$dir/first/dump.rdb" "$dir/before.rdb"
serve second 0 || exit 1
ask second replicaof 127.0.0.1 "$port" >&2
until [ "$(info second replication master_link_status)" = up ]; do
	sleep 0.1
done
ask first set last word >&2
[ "$(ask first wait 1 0)" = 1 ] || exit 1
ask first save >&2
mv "$dir/first/dump.rdb" "$dir/after.rdb"
ask first debug digest
ask second debug digest
END

# The digest of a dump that a plain server loads.
cat >"$tmp/digest" <<'END'
dir=$(dirname "$1")
. "$(dirname "$0")/functions"
mkdir "$dir/third"
mv "$1" "$dir/third/dump.rdb"
serve third 0 || exit 1
while ! digest=$(ask third debug digest) || [[ ! $digest =~ ^[0-9a-f]{40}$ ]]; do
	sleep 0.1
done
echo "$digest"
END

for name in plain paged; do
	mkdir "$tmp/$name"
	case $name in
	plain) run_plainly Pss_Anon 100M bash "$tmp/work" "$tmp/$name" ;;
	paged) run_paged Pss_Anon 25M bash "$tmp/work" "$tmp/$name" ;;
	esac
	grep 'keys were written' "$tmp/$name.err"
	{ read -r before && read -r after && read -r replica; } <"$tmp/$name.out" || fail "$name: no digests"
	[ "$before" != "$after" ] || fail "$name: nothing was written"
	[ "$replica" = "$after" ] || fail "$name: the replica has other data"
	for dump in before after; do
		[ "$(bash "$tmp/digest" "$tmp/$name/$dump.rdb")" = "${!dump}" ] || fail "$name: the dump $dump is wrong"
		rm -r "$tmp/$name/third"
	done
done
