#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual: mandoc has no complaints, no reference is dangling, and everything has its page:
# public functions, options (--help lists them too), environment variables.  The example of spill(3)
# compiles.

set -u
top_srcdir=${top_srcdir:-$(dirname "$0")/../..}
SPILL=${SPILL:-$top_srcdir/tools/spill}
man=$top_srcdir/man
status=0
missing=

fail() {
	echo "FAIL: $*"
	status=1
}

# An alias is a page of one line, ".so man3/other.3".
alias_target() {
	sed -n '1s/^\.so man[0-9]\///p' "$1"
}

# mandoc looks for the pages that one refers to in the machine's database: that says nothing of the
# page.
lint_page() {
	mandoc -T lint -W style "$1" 2>/dev/null |
		grep -v -e 'referenced manual not found' -e 'mandoc\.db'
}

check_page() {
	target=$(alias_target "$1")
	if [ -n "$target" ]; then
		[ -f "$man/$target" ] || fail "$1: alias of $target, which does not exist"
		return
	fi
	complaints=$(lint_page "$1")
	[ -z "$complaints" ] || fail "$complaints"
	sed -n 's/.*Xr \(spill[a-z_-]*\) \([0-9]\).*/\1.\2/p' "$1" | sort -u >"$tmp"
	while read -r reference; do
		[ -f "$man/$reference" ] || fail "$1: refers to $reference, which does not exist"
	done <"$tmp"
}

check_pages() {
	for page in "$man"/*.[0-9]; do
		check_page "$page"
	done
}

# --- functions

public_functions() {
	sed -n 's/^SPILL_API .*[ *]\(spill_[a-z0-9_]*\)(.*/\1/p' "$top_srcdir/include/spill.h"
}

check_functions() {
	public_functions >"$tmp"
	[ -s "$tmp" ] || fail "no public function found in include/spill.h"
	while read -r function; do
		[ -f "$man/$function.3" ] || fail "$function has no page"
		grep -q "^\.It Xr $function 3" "$man/spill.3" ||
			fail "$function is not in the list of spill.3"
		grep -q "^[[:space:]]*$function;" "$top_srcdir/lib/libspill.map" ||
			fail "$function is not in lib/libspill.map"
	done <"$tmp"
}

# --- options

# The page as plain text.
render() {
	mandoc -T ascii -O width=200 "$1" 2>/dev/null | sed "s/.$(printf '\b')//g"
}

# subcommands: those in tools/spill.c, each in a file of its name, in one of the rooms of tools/
subcommands() {
	sed -n 's/^\t{ "\([a-z]*\)", [a-z]*_main, .*/\1/p' "$top_srcdir/tools/spill.c"
}

source_of() {
	echo "$top_srcdir"/tools/*/"$1.c"
}

# Those of all that launch a command are in launch.h.
code_options() {
	shared=$(grep -q '^#include "run/launch.h"' "$(source_of "$1")" && echo "$top_srcdir/tools/run/launch.h")
	# shellcheck disable=SC2086 # none is no argument
	cat "$(source_of "$1")" $shared | grep -E '(no|required|optional)_argument' |
		sed -n 's/.*{ *"\([a-z][a-z0-9-]*\)".*/--\1/p' | sort -u
}

# Those that the page has a paragraph for, not those that it only speaks of.
page_options() {
	sed -n '/^\.It Fl/{ s/Fl Fl /--/g; s/Fl \\-/--/g; s/Fl -/--/g; p; }' "$1" |
		tr ' ' '\n' | grep '^--[a-z]' | sort -u
}

# Is the option $2 a word of the text in file $1?
mentions() {
	grep -q -e "$2\$" -e "$2[^a-z0-9-]" "$1"
}

# check_subcommand NAME
check_subcommand() {
	page=$man/spill-$1.1
	[ -n "$(code_options "$1")" ] || fail "no long option found in $(source_of "$1")"
	grep -q "^\.It Xr spill-$1 1\$" "$man/spill.1" || fail "spill-$1 is not in the list of spill.1"
	if ! [ -f "$page" ]; then
		fail "spill $1 has no page"
		return
	fi
	render "$page" >"$tmp"
	for option in $(code_options "$1"); do
		mentions "$tmp" "$option" || fail "$option is not in spill-$1.1"
	done
	[ -x "$SPILL" ] || return
	"$SPILL" "$1" --help >"$tmp" || fail "spill $1 --help: exit status $?"
	for option in $(code_options "$1"); do
		mentions "$tmp" "$option" || fail "$option is not in spill $1 --help"
	done
	for option in $(page_options "$page"); do
		mentions "$tmp" "$option" || fail "$option is in spill-$1.1 but not in --help"
	done
}

check_options() {
	[ -n "$(subcommands)" ] || fail "no subcommand found in tools/spill.c"
	[ -x "$SPILL" ] || missing="$SPILL is not built: its --help was not looked at"
	for name in $(subcommands); do
		check_subcommand "$name"
	done
}

# --- keys

# Those of `spill set', and those of the keyboard in `spill top': = is + without shift, and digits are of an
# answer.
check_keys() {
	keys=$(sed -n 's/^\t{ "\([a-z]*\)=", parse_.*/\1/p' "$(source_of set)")
	[ -n "$keys" ] || fail "no key found in $(source_of set)"
	for key in $keys; do
		grep -q "^\.It Cm $key Ns = " "$man/spill-set.1" || fail "$key= is not in spill-set.1"
	done
	grep -o "'.'" "$(source_of top_keys)" | tr -d "'" | grep -x '[^ =.0-9]' | sort -u >"$tmp"
	[ "$(wc -l <"$tmp")" -ge 14 ] || fail "no keys found in $(source_of top_keys)"
	while read -r key; do
		sed -n '/^\.It Ic/p; /^\.Ic/p' "$man/spill-top.1" | tr ' ' '\n' |
			grep -qxF -e "$key" -e "\\&$key" || fail "the key $key is not in spill-top.1"
	done <"$tmp"
}

# --- environment

# SPILL_FD_... are between the launcher and the preload library, SPILL_TEST_... between tests.
code_variables() {
	find "$top_srcdir/lib" "$top_srcdir/tools" -name '*.c' -exec cat {} + |
		sed -n 's/.*"\(SPILL_[A-Z_]*[A-Z]\)[="].*/\1/p' |
		grep -v -e '^SPILL_FD_' -e '^SPILL_TEST_' | sort -u
}

check_environment() {
	[ -n "$(code_variables)" ] || fail "no environment variable found in the sources"
	for variable in $(code_variables); do
		grep -q "^\.It Ev $variable\$" "$man/spill.7" || fail "$variable is not in spill.7"
	done
}

# --- the example of spill(3)

check_example() {
	cc=${CC:-cc}
	if ! command -v "${cc%% *}" >/dev/null; then
		missing="there is no C compiler: the example of spill.3 was not compiled"
		return
	fi
	sed -n '/example\.c begin/,/example\.c end/p' "$man/spill.3" |
		sed '/^\./d; s/\\e/\\/g' >"$tmp.c"
	[ -s "$tmp.c" ] || fail "no example found in spill.3"
	# shellcheck disable=SC2086 # CC may hold options
	$cc -std=c99 -Wall -Wextra -Werror -fsyntax-only -I"$top_srcdir/include" "$tmp.c" ||
		fail "the example of spill.3 does not compile"
}

if ! command -v mandoc >/dev/null; then
	echo "SKIP: mandoc is missing"
	exit 77
fi
tmp=$(mktemp) || exit 99
trap 'rm -f "$tmp" "$tmp.c"' EXIT

check_pages
check_functions
check_options
check_keys
check_environment
check_example

if [ "$status" -eq 0 ] && [ -n "$missing" ]; then
	echo "SKIP: $missing"
	exit 77
fi
exit "$status"
