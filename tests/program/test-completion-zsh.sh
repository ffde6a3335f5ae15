#!/bin/bash
# SPDX-License-Identifier: MIT
# zsh completes what spill(1) knows, as bash does (test-completion.sh): an interactive shell gets
# the keys, and must show the words.
# Variants: default
# Time limit: 60
. "$(dirname "$0")/lib.sh"
requires zsh
completion=$(realpath "${top_srcdir:-$here/../..}/tools/completion/zsh")
mkdir "$tmp/bin" "$tmp/sub-directory" && ln -s "$(realpath "$SPILL")" "$tmp/bin/spill" || exit 99

# What is typed, a tab, and the words that have to be shown then.
cat >"$tmp/drive.zsh" <<'END'
zmodload zsh/zpty
zpty -b shell zsh -f -i
put() { zpty -w shell "$1" }
put "PROMPT='> '; fpath=($1 \$fpath); path=($2/bin \$path); cd $2"
put "autoload -U compinit; compinit -u -d $2/dump; LISTMAX=10000; unsetopt auto_menu"
put "bindkey '^I' complete-word; print rea''dy"
# reaches WORD: reads until the shell has shown it since the last line was typed
reaches() {
	local more
	while [[ $said != *$1* ]]; do
		zpty -r shell more && said+=$more || sleep 0.05
	done
}
reaches ready

# Waits for each word: what does not come is the test's time limit, which this says beforehand.
shown() {
	local line=$1 word
	shift
	said=
	zpty -w -n shell "$line"$'\t'
	for word; do
		print -r -- "$line: waits for $word"
		reaches $word
	done
	zpty -w -n shell $'\C-u'"print do''ne"$'\n'
	reaches done
}
shown 'spill ' $(spill --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p') 'less memory than'
# Of a single word the rest is shown.
shown 'spill ru' n
shown 'spill run --bu' dget
for name in $(spill --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	shown "spill $name --" $(spill $name --help | grep -o '^  *\(-., \)\?--[a-z-]*' | sed 's/.*--/--/')
done
shown 'spill run -s sub-' directory
shown 'spill run --compress l' z4
shown 'spill run cat sub-' directory
shown 'spill set 1 ' 'budget=' 'readahead=' 'paused='
shown 'spill set 1 bu' dget=
print good
END
PATH=$tmp/bin:$PATH TERM=xterm timeout 50 zsh -f "$tmp/drive.zsh" "$completion" "$tmp" >"$tmp/out" 2>&1
[ "$(tail -n 1 "$tmp/out")" = good ] || fail "the last of: $(tail -n 5 "$tmp/out")"
exit 0
