#!/bin/bash
# SPDX-License-Identifier: MIT
# `spill top' shows what `spill ps' lists, in terminals of several sizes and kinds; it obeys its
# keys, and leaves the terminal as it was, however it ends.
# Time limit: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires_hungry
requires pgrep python3 tmux
requires_paging

# A server of its own, with a window in which a shell waits; keys are typed into it.
unset TMUX NO_COLOR
export TMUX_TMPDIR=$tmp LC_ALL=C.UTF-8
tmux_do() {
	tmux -L top -f /dev/null "$@"
}
at_exit 'tmux_do kill-server 2>/dev/null; wait_for 10 tmux_ended'
tmux_ended() {
	! tmux_do list-sessions >/dev/null 2>&1
}
tmux_do -u new-session -d -x 80 -y 24 "env PS1='> ' bash --norc --noprofile" ||
	fail "tmux does not start"
shell=$(tmux_do display-message -p '#{pane_pid}')

screen() {
	tmux_do capture-pane -p "$@"
}
# What matches PATTERN (of grep -E) is on the screen; is not.
shows() {
	screen | grep -Eq -- "$1"
}
hides() {
	! shows "$1"
}
# after what was typed.
comes() {
	wait_for 20 shows "$1" || fail "no '$1' on the screen: $(screen)"
}
goes() {
	wait_for 20 hides "$1" || fail "'$1' is still on the screen: $(screen)"
}
press() {
	tmux_do send-keys "$@"
}
enter() {
	tmux_do send-keys -l "$1"
	tmux_do send-keys Enter
}
# The window as it is without anything in it.
reset_window() {
	enter clear
	wait_for 10 is_prompt || fail "no prompt: $(screen)"
}
is_prompt() {
	[ "$(screen | sed '/^$/d')" = '>' ]
}
resize() {
	tmux_do resize-window -x "$1" -y "$2"
}
# begin_top ARG...: and it has looked twice.
begin_top() {
	reset_window
	enter "${environment:-} $SPILL top -d 0.2 $*"
	comes '^.* PID .*COMMAND'
	comes 'h Help'
}
end_top() {
	press q
	goes 'h Help'
}
# field KEY: what `spill ps --json' says of process $pid.
field() {
	"$SPILL" ps --json | python3 -c '
import json, sys
print([p[sys.argv[2]] for p in json.load(sys.stdin) if str(p["pid"]) == sys.argv[1]][0])' "$pid" "$1"
}
has_budget() {
	[ "$(field budget)" -eq "$(bytes "$1")" ]
}

# -- one that waits: each number is that of ps.  (Others may run spill beside it.)
start -s "$tmp" -- "$secret" 32
begin_top "$pid"
wait_for 10 eval 'screen | grep -q "^▸ *$pid .* secret\$"' || fail "it is not selected: $(screen)"
row=$(screen | sed -n "s/^▸\( *$pid .* secret\)\$/\1/p" | tail -n 1)
listed=$("$SPILL" ps | grep " $pid ")
[ "$(awk '{ print $1, $2, $3, $4, $5, $NF }' <<<"$row")" = \
	"$(awk '{ print $1, $2, $4, $5, $(NF - 3), $NF }' <<<"$listed")" ] || fail "ps: $listed; top: $row"
shows '1 command, 1 process ' || fail "the title: $(screen)"
# More than is in memory is swapped: over half of the bar is to the right of the budget.
bar=$(screen | sed -n "s/^▸ *$pid secret .* 8M \[\(.*\)\] .*/\1/p")
[[ $bar =~ ^█+▓*▒*\ *│(░+)»?$ ]] || fail "the bar: $bar"
[ ${#BASH_REMATCH[1]} -gt $((${#bar} / 2)) ] || fail "the bar's right part: $bar"

# -- the budget
press +
comes "^Budget 9M for the command of $pid secret\$"
has_budget 9M || fail "+: the budget is $(field budget)"
comes "^▸ *$pid secret  .* 9M \["
press -
comes "^Budget 8M for the command of $pid secret\$"
has_budget 8M || fail "-: the budget is $(field budget)"
press -
comes '^8M is the least that a command may have'
has_budget 8M || fail "- at 8M: the budget is $(field budget)"

# What was said goes with the next key.
press x
comes 'h Help'

# -- sizes
resize 40 10
comes '^ +PID RESIDENT SWAPPED.MAJOR COMMAND$'
shows "^▸secret +8M \[.*\] +[0-9]+M\$" || fail "40x10: no bar: $(screen)"
shows '^MAJOR/s ' || fail "40x10: no last minute: $(screen)"
[ "$(screen | wc -l)" -eq 10 ] && [[ $(screen | tail -n 1) = 'h Help'* ]] || fail "40x10: $(screen)"
resize 200 50
comes '^ +PID +USER BUDGET RESIDENT CACHED COMPR SWAPPED  SOFT.MAJOR  READ WRITE   P99 COMMAND$'
shows 'MAJOR/s .* READ/s ' || fail "200x50: $(screen)"
[[ $(screen | tail -n 1) = 'h Help'* ]] || fail "200x50: $(screen)"
resize 12 3
comes '^▸? *PID|^spill top$'
resize 80 24
comes '^ +PID +USER RESIDENT CACHED SWAPPED  SOFT.MAJOR  READ WRITE COMMAND$'

# -- help, and asking
press h
comes 'Press any key'
press x
comes 'h Help'
press d
comes 'Seconds between updates: _'
press 0 . 2 5 BSpace Enter
comes 'every 0.2 s'
press s 0 Enter
comes '^0 is not an interval: 0.01 to 86400'
press d 5 Escape
comes 'every 0.2 s'

# -- frozen, it does not see that the process ends
press Space
comes 'frozen$'
next checked
next freed
finish
sleep 0.5
shows "^▸ *$pid .* secret\$" || fail "it is not frozen: $(screen)"
press +
comes "$pid secret: it has ended"
press Space
comes 'The command has ended'
hides secret || fail "it has ended, but is there: $(screen)"
end_top

# -- a command of three: order, selection
"$SPILL" run -m 24M -s "$tmp" -- bash -c '"$@" & "$@" & wait' bash \
	"${hungry[@]}" 24 100000 >"$tmp/said" 2>"$tmp/told" &
family=$!
at_exit "kill -KILL \$(pgrep -P $family) $family 2>/dev/null"
both_filled() {
	[ "$(grep -cs filled "$tmp/said")" = 2 ]
}
wait_for 60 both_filled || fail "two do not get filled: $(cat "$tmp/told")"
begin_top "$family"
comes '1 command, 3 processes'
# Which it was asked for is selected, though it does not page.
comes "^▸ *$family .* -  *bash\$"
# column N: of the list, without the marks before it
column() {
	screen | sed '1,/ PID .*USER/d; /^$/,$d; s/^[▸· ]//' | awk -v n="$1" '{ print $n }'
}
# sorted OPTION...: as sort(1) does; what there is not is last
sorted() {
	[ "$(wc -l <"$tmp/column")" -eq 3 ] && [ "$(tail -n 1 "$tmp/column")" = - ] &&
		head -n 2 "$tmp/column" | sort -c "$@" 2>/dev/null
}
press S
comes '▼SWAPPED'
column 5 >"$tmp/column"
sorted -hr || fail "S: $(screen)"
press I
comes '▲SWAPPED'
column 5 >"$tmp/column"
sorted -h || fail "S I: $(screen)"
press P
comes '▼MAJOR'
column 7 >"$tmp/column"
sorted -hr || fail "P: $(screen)"
press N
comes '▲ *PID .*USER'
column 1 >"$tmp/column"
sort -cn "$tmp/column" || fail "N: $(screen)"
press '>'
comes '▲ *USER'
press '<' '<'
comes '▲COMMAND'
press N Home
comes "^▸ *$family .* -  *bash\$"
[ "$(screen | grep -c '^·.* perl$')" -eq 2 ] || fail "its children have no dots: $(screen)"
press +
comes "^Budget 26M for the command of $family bash\$"
press End
comes '^▸.* perl$'
press Up Up Up
comes "^▸ *$family .* -  *bash\$"
# All do page.
comes '^MAJOR/s .*[▃▄▅▆▇█]'
end_top

# -- all that there is
start -s "$tmp" -- "$secret" 12
resize 120 60
begin_top
press N
comes "^[▸· ] *$pid .* secret\$"
comes "^[▸· ] *$family .* -  *bash\$"
shows '^spill top  [0-9]+ commands, [0-9]+ processes ' || fail "the title: $(screen)"
end_top
resize 80 24
# It waits: the picture is flat.
begin_top "$pid"
comes '^MAJOR/s +0 +▁+ +0$'
end_top
next checked
next freed
finish

# -- a program that uses the library: its budget is its own affair
if [ -e "${top_builddir:-$here/../..}/lib/.libs/libspill.so" ]; then
	SPILL_BUDGET=8M SPILL_SWAP=$tmp python3 -c '
import ctypes, sys, time
library = ctypes.CDLL(sys.argv[1])
library.spill_open.restype = library.spill_reserve.restype = ctypes.c_void_p
library.spill_open.argtypes = [ctypes.c_void_p]
library.spill_reserve.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
ctypes.memset(library.spill_reserve(library.spill_open(None), 1 << 24), 1, 1 << 24)
print("filled", flush=True)
time.sleep(100)' "${top_builddir:-$here/../..}/lib/.libs/libspill.so" >"$tmp/program" 2>"$tmp/program_told" &
	pid=$!
	at_exit "kill $pid 2>/dev/null"
	wait_for 60 grep -qs filled "$tmp/program" || fail "the library is not used: $(cat "$tmp/program_told")"
	begin_top "$pid"
	comes "^▸ *$pid .* python3\$"
	press +
	comes "^$pid python3: its program sets the budget"
	end_top
	kill "$pid"
	wait "$pid"
fi

# -- the terminal is as it was
modes() {
	reset_window
	enter "stty -g >'$1'; echo done"
	comes '^done$'
}
modes "$tmp/modes"
# left STATUS: top has ended with it, and nothing is on the screen but what the shell says
left() {
	comes "^status $1\$"
	[ "$(screen | sed '/^$/d; /^>/d; /Terminated/d')" = "status $1" ] ||
		fail "more is on the screen than before: $(screen)"
	[ "$(tmux_do display-message -p '#{alternate_on} #{cursor_flag} #{keypad_flag}')" = '0 1 0' ] ||
		fail "the screen is not what it was"
	modes "$tmp/modes_now"
	cmp -s "$tmp/modes" "$tmp/modes_now" || fail "other modes: $(cat "$tmp/modes" "$tmp/modes_now")"
}
begin_short() {
	reset_window
	enter 'top -d 0.2; echo status $?'
	comes 'h Help'
}
ln -s "$(realpath "$SPILL")" "$tmp/spill"
enter "top() { '$tmp/spill' top \"\$@\"; }"
begin_short
press q
left 0
begin_short
kill -TERM "$(pgrep -P "$shell")"
left 143
begin_short
press C-c
goes 'h Help'
comes '^>$' # what is typed before the prompt is there stands on the screen twice
enter 'echo status $?'
left 130
# Stopped, the shell has the terminal; then it goes on.
reset_window
enter "$tmp/spill top -d 0.2"
comes 'h Help'
kill -TSTP "$(pgrep -P "$shell")" # as the terminal does for C-z, which once did not arrive
wait_for 20 shows Stopped ||
	fail "it does not stop: $(screen) $(grep -E 'State|Sig|ShdPnd' "/proc/$(pgrep -P "$shell")/status")"
hides 'h Help' || fail "stopped, and its screen is there: $(screen)"
enter 'clear; stty -g >'"'$tmp/modes_now'"'; echo done'
comes '^done$'
cmp -s "$tmp/modes" "$tmp/modes_now" || fail "other modes while it is stopped"
resize 90 20
enter fg
comes 'h Help'
shows ' P99 COMMAND$' || fail "it has not seen that the window is larger: $(screen)"
resize 80 24
end_top
enter 'top -d 0.2 -n 2; echo status $?'
comes '^status 0$'

# -- colours, characters
coloured() {
	screen -e | grep -Eq $'\e\\[([0-9;]*;)?3[1-7]m'
}
environment='NO_COLOR=' begin_top
coloured || fail "no colours: $(screen -e)"
end_top
environment='NO_COLOR=1' begin_top
coloured && fail "NO_COLOR, but there are colours: $(screen -e)"
end_top
environment='TERM=vt100' begin_top
coloured && fail "a terminal without colours gets some: $(screen -e)"
end_top
environment='LC_ALL=C' begin_top "$family"
comes '^> *[0-9]+ .*\[#'
comes '^MAJOR/s .*[.:=+*#]'
screen | LC_ALL=C grep -q '[^ -~]' && fail "not all is ASCII: $(screen)"
end_top

# -- no terminal, or none that will do
# refused_there PATTERN COMMAND: in the window
refused_there() {
	reset_window
	enter "clear; $2; echo status \$?"
	comes "^spill: top: .*$1"
	comes '^status 125$'
}
refused 'top: needs a terminal; `spill top --json' top
refused_there 'needs a terminal' "$tmp/spill top </dev/null"
refused_there 'needs a terminal' "(set -o pipefail; $tmp/spill top | cat)"
refused_there 'cannot move its cursor' "TERM=dumb $tmp/spill top"
refused_there 'not known here' "TERM=no-such-thing $tmp/spill top"

# -- for programs
"$SPILL" top --json -d 0.3 -n 2 "$family" >"$tmp/seen" </dev/null || fail "--json: exit status $?"
python3 - "$tmp/seen" "$family" <<'END' || fail "--json: $(cat "$tmp/seen")"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 2
for line in lines:
    command, = line["commands"]
    assert command["pid"] == int(sys.argv[2]) and command["command"] == "bash", command
    assert command["budget"] == 26 << 20 and 0 < command["held"] <= command["budget"], command
    assert command["faults_major_per_second"] > 0 and command["bytes_read_per_second"] > 0, command
    assert 0 < command["latency_major_p50_seconds"] <= command["latency_major_p99_seconds"], command
    bash, one, other = command["processes"]
    assert bash["swapped"] is None and bash["faults_major_per_second"] is None, bash
    assert one["swapped"] + other["swapped"] == command["swapped"] > 0, command
    assert one["faults_major_per_second"] > 0 and one["command"] == "perl", one
END
documented=$(sed -n '/^\.Ss JSON/,/^\.Sh/s/^\.It Li //p' "${top_srcdir:-$here/../..}/man/spill-top.1" | sort)
printed=$(grep -o '"[a-z0-9_]*":' "$tmp/seen" | tr -d '":' | grep -vx commands | sort -u)
[ "$printed" = "$documented" ] ||
	fail "printed (<), documented (>): $(diff <(echo "$printed") <(echo "$documented"))"

# -- what is wrong is said
sleep 100 &
sleeper=$!
at_exit "kill $sleeper 2>/dev/null"
refused "$sleeper does not run under spill" top "$sleeper"
refused 'process 4194305 does not exist' top 4194305
refused 'x is not a process number' top x
refused '8 is one argument too many' top 7 8
refused '0 is not an interval' top -d 0
refused 'nan is not an interval' top --delay=nan
refused '0 is not a number of updates' top -n 0
refused '-1 is not a number of updates' top -n -1
refused 'needs a value' top -d
refused 'no such option' top -x

# -- other people's processes
if has_strangers; then
	as_stranger "$SPILL" top --json "$family" >"$tmp/seen" 2>&1
	[ $? -eq 125 ] || fail "a stranger may look: $(cat "$tmp/seen")"
	grep -q "$family belongs to another user" "$tmp/seen" || fail "$(cat "$tmp/seen")"
	as_stranger "$SPILL" top --json -d 0.01 >"$tmp/seen" || fail "a stranger: exit status $?"
	grep -q '^{"commands":\[\]}$' "$tmp/seen" || fail "a stranger sees: $(cat "$tmp/seen")"
fi

# shellcheck disable=SC2046 # two of them
kill $(pgrep -P "$family")
wait "$family"
[ ! -s "$tmp/told" ] || fail "hungry: $(cat "$tmp/told")"

# -- without its terminal it ends
begin_top
watching=$(pgrep -P "$shell")
tmux_do kill-server
is_gone() {
	! kill -0 "$watching" 2>/dev/null
}
wait_for 10 is_gone || fail "it goes on without a terminal"
exit 0
