#!/bin/bash
# SPDX-License-Identifier: MIT
# test-hostile.sh - a process of a command overwrites whatever it can reach of what the command
# shares (hostile.c): its siblings, the launcher that waits for them, and whoever looks at them go
# on.
#
# spill(7), SECURITY CONSIDERATIONS, says what this may cost: the budget is not exact, counters are
# wrong, looking is refused.  With a named target, pages may be lost, which is reported, but their
# contents are never wrong.
#
# Time limit: 240

. "$(dirname "$0")/lib.sh"
requires_hungry
requires_paging
requires pgrep pkill script setsid timeout python3

hostile=$helpers/hostile
seed=${SEED:-$RANDOM}
echo "seed $seed"

# As another user, where that can be.
other=()
has_strangers && as_stranger "$hostile" 0 1 | grep -q nothing &&
	other=(setpriv --reuid=65531 --regid=65531 --clear-groups)

# start_command NAME [OPTION...]: two siblings that page, twice or for as long as the hostile one lives,
# and look at what they have, and a hostile one for some seconds.
start_command() {
	local name=$1
	shift
	cat >"$tmp/siblings" <<-END
		$(declare -p hungry other)
		page() {
			local round=0
			while [ \$((round++)) -lt 2 ] || kill -0 \$hostile 2>/dev/null; do
				"\${hungry[@]}" 24 2 >/dev/null 2>>"$tmp/$name.perl" </dev/null ||
					echo "\$?" >>"$tmp/$name.failed"
				echo again >>"$tmp/$name.rounds"
			done
		}
		"\${other[@]}" "$hostile" 4 "$seed" >"$tmp/$name.hostile" &
		hostile=\$!
		page & page &
		wait \$hostile
		echo "\$?" >"$tmp/$name.status"
		wait
	END
	setsid "$SPILL" run -m 16M "$@" --stats="$tmp/$name.stats" --json -- bash "$tmp/siblings" \
		>"$tmp/$name.out" 2>"$tmp/$name.err" </dev/null &
	command=$!
	at_exit "pkill -KILL -s $command"
}

# look ARG...: `spill ARG...' comes to its end, by itself, as it likes.
look() {
	local status
	timeout -k 2 40 "$SPILL" "$@" >"$tmp/look.out" 2>"$tmp/look.err" </dev/null
	status=$?
	case $status in
	0 | 1 | 125) ;;
	*) fail "spill $*: exit status $status: $(tail -n 3 "$tmp/look.err")" ;;
	esac
	looks=$((looks + 1))
}

look_at_screen() {
	local status
	TERM=xterm timeout -k 2 40 script -qec "'$SPILL' top -n 2 -d 0.05" /dev/null >/dev/null </dev/null
	status=$?
	[ "$status" -le 1 ] || [ "$status" -eq 125 ] || fail "spill top: exit status $status"
}

look_at_all() {
	local pid
	looks=0
	while kill -0 "$command" 2>/dev/null && [ ! -e "$tmp/$1.status" ]; do
		look ps
		look ps --json
		look stat all 0.05 1
		look swap info "$tmp" "$named"
		for pid in "$command" $(pgrep -s "$command"); do
			look stat "$pid" 0.05 1
			look stat --json "$pid" 0.05 1
			look map "$pid"
			look map --json "$pid"
			look map --pages 0-10000000 "$pid"
			look map --html "$tmp/map.html" "$pid"
			look set "$pid"
			look set "$pid" budget=16M readahead=auto
			rm -f "$tmp/trace"
			# ^C ends it.
			timeout -k 10 -s INT 0.5 "$SPILL" trace -o "$tmp/trace" "$pid" \
				>/dev/null 2>&1 </dev/null
			[ $? -ne 137 ] || fail "spill trace $pid does not end"
			[ ! -e "$tmp/trace" ] || look report "$tmp/trace"
		done
		look top --json
		look_at_screen
	done
	echo "$1: $looks looks"
}

named=$tmp/named
"$SPILL" swap create "$named" 64M || fail "swap create: $?"

for name in directory named; do
	case $name in
	directory) start_command directory -s "$tmp" ;;
	named)
		# Another user would not have the table of its segments.
		other=()
		start_command named -s "$named"
		;;
	esac
	look_at_all "$name"
	wait "$command"
	status=$?
	[ "$status" -eq 0 ] || fail "$name: exit status $status: $(cat "$tmp/$name.err")"
	[ "$(cat "$tmp/$name.status")" = 0 ] ||
		fail "$name: the hostile one: $(cat "$tmp/$name.status" "$tmp/$name.hostile")"
	[ "$(wc -l <"$tmp/$name.rounds")" -ge 4 ] || fail "$name: the siblings did not get on"
	! grep -q wrong "$tmp/$name.perl" || fail "$name: $(grep wrong "$tmp/$name.perl")"
	python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$tmp/$name.stats" ||
		fail "$name: --stats: $(cat "$tmp/$name.stats")"
	case $name in
	directory)
		[ ! -e "$tmp/$name.failed" ] ||
			fail "$name: siblings: $(cat "$tmp/$name.failed" "$tmp/$name.perl" "$tmp/$name.err")"
		;;
	named)
		# Its segments may all be claimed: SIGBUS, or perl's "Out of memory!"
		! grep -qvxE '135|1' "$tmp/$name.failed" 2>/dev/null ||
			fail "$name: siblings: $(cat "$tmp/$name.failed" "$tmp/$name.perl" "$tmp/$name.err")"
		;;
	esac
done
exit 0
