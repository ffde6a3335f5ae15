#!/bin/bash
# SPDX-License-Identifier: MIT
# bash completes what spill(1) knows: subcommands, options, keys, processes, and the command of
# `spill run'.
# Variants: default
. "$(dirname "$0")/lib.sh"
completion=${top_srcdir:-$here/../..}/tools/completion

# A directory in which it is called spill, as when it is installed.
mkdir "$tmp/bin" && ln -s "$(realpath "$SPILL")" "$tmp/bin/spill" || exit 99
PATH=$tmp/bin:$PATH

# shellcheck source=/dev/null
. "$completion/bash/spill"

# completes WORD... = WANTED...: the last word before the = is completed to these, among others; to
# nothing if none is wanted.
completes() {
	local wanted
	COMP_WORDS=(spill)
	while [ "$1" != === ]; do
		COMP_WORDS+=("$1")
		shift
	done
	shift
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_spill
	[ $# -gt 0 ] || [ ${#COMPREPLY[@]} -eq 0 ] || fail "${COMP_WORDS[*]}: ${COMPREPLY[*]}"
	for wanted; do
		grep -qxF -e "$wanted" < <(printf '%s\n' "${COMPREPLY[@]}") ||
			fail "${COMP_WORDS[*]}: no $wanted in: ${COMPREPLY[*]}"
	done
}

# shellcheck disable=SC2046
completes '' === $("$SPILL" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p') --help --version
completes r === run
completes zz ===
completes run -- === --budget --swap --stats --json --help
completes run -m 5 === 512M
completes run --disable mo === move
completes run --compress '' === lz4 off
completes run -m 1G ca === cat
completes run -m 1G -- ca === cat
completes run --quiet --budget = 1G ca === cat
mkdir "$tmp/sub" && cd "$tmp" || exit 99
completes run -s su === sub
completes run cat su === sub
completes doctor -- === --swap --json --request --help
completes doctor -s su === sub
completes swap c === create check
completes swap check su === sub
completes swap check --n === --need
completes swap check --need 1 ===
completes ps -- === --json --help
completes stat a === all
completes set 1 '' === budget= readahead= paused=
completes set 1 bud === budget=
completes set 1 x ===

# every long option of each help, and nothing else
while read -r name; do
	mapfile -t wanted < <("$SPILL" "$name" --help | grep -o '^  *\(-., \)\?--[a-z-]*' | sed 's/.*--/--/')
	[ ${#wanted[@]} -gt 0 ] || fail "$name --help has no options"
	[ "$name" = set ] || completes "$name" -- === "${wanted[@]}"
done < <("$SPILL" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p')

# processes
if ! "$SPILL" run --quiet -- true 2>&1 | grep -q userfaultfd; then
	"$SPILL" run -m 64M -s "$tmp" -- sleep 100 &
	pid=$!
	at_exit "kill $pid"
	wait_for 10 eval '"$SPILL" ps | grep -q sleep' || fail "it does not run: $("$SPILL" ps)"
	completes stat '' === "$pid" all --json
	completes set '' === "$pid"
	completes trace "$pid" === "$pid"
	completes top '' === "$pid" --delay --json
	completes top -d '' ===
	completes top -d 5 '' === "$pid"
fi
exit 0
