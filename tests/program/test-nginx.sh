#!/bin/bash
# SPDX-License-Identifier: MIT
# nginx closes its descriptors and forks twice.  It serves slow clients out of buffers of several
# times the budget: what they get is what the files hold.  It reloads and ends as usual.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires nginx curl perl numfmt
variants=none
for i in 1 2 3 4 5 6 7 8; do
	perl -e 'my $i = shift; print pack("N", $_ * $i) x 256 for 1 .. 12000' "$i" >"$tmp/file$i"
done
cat >"$tmp/conf" <<END
daemon on;
worker_processes 2;
pid $tmp/pid;
error_log $tmp/error;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path $tmp/1; proxy_temp_path $tmp/2; fastcgi_temp_path $tmp/3;
	uwsgi_temp_path $tmp/4; scgi_temp_path $tmp/5;
	# The front reads all of an answer into memory, before the client has taken it.
	server {
		listen unix:$tmp/front;
		location / {
			proxy_pass http://unix:$tmp/back;
			proxy_buffers 200 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 128k;
			proxy_max_temp_file_size 0;
		}
	}
	server {
		listen unix:$tmp/back;
		location / { root $tmp; }
	}
}
END
[ "$(id -u)" -ne 0 ] || sed -i '1i user root;' "$tmp/conf"
cat >"$tmp/work" <<'END'
cd "$1" || exit 1
nginx -c "$1/conf" -e "$1/error" || exit 1
ended() { ! kill -0 "$pid" 2>/dev/null; }
until [ -s pid ]; do sleep 0.05; done
pid=$(cat pid)
for turn in 1 2; do
	fetches=()
	for i in 1 2 3 4 5 6 7 8; do
		curl -sS --unix-socket front --limit-rate 4M "http://localhost/file$i" | cmp - "file$i" >&2 && echo "$i" >"got$i" &
		fetches+=($!)
	done
	[ $turn = 1 ] && nginx -c "$1/conf" -e "$1/error" -s reload
	wait "${fetches[@]}"
	cat got*
	rm got*
done
nginx -c "$1/conf" -e "$1/error" -s quit
until ended; do sleep 0.05; done
END
compare_family 50M 12M bash "$tmp/work" "$tmp"
[ "$(wc -l <"$tmp/paged.out")" -eq 16 ] || fail "not all files came through: $(cat "$tmp/paged.out" "$tmp/paged.err")"
[ ! -e "$tmp/front" ] && [ ! -e "$tmp/pid" ] || fail "its socket or pid file is left"
