# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# lib.sh - what the program tests have in common; to be sourced
#
#	$SPILL		the command (from the environment, else that of the build tree)
#	$helpers	where the programs lie that are run for a test (tests/program/helper)
#	$tmp		an empty directory on a disk, gone at the end
#	at_exit CMD	runs CMD at the end, the latest first, however the test ends
#	fail TEXT	ends the test, failed
#	skip TEXT	ends the test, skipped
#	requires CMD...	skips the test if a command is missing
#	requires_paging	skips the test if this user may not have a userfaultfd

set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SPILL=${SPILL:-$here/../../tools/spill}
helpers=${top_builddir:-$here/../..}/tests/program/helper

fail() {
	echo "FAIL: $*"
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit 77
}

requires() {
	local command
	for command; do
		command -v "$command" >/dev/null || skip "$command is missing"
	done
}

requires_paging() {
	local why
	why=$("$SPILL" run --quiet -- true 2>&1)
	case $why in
	*userfaultfd*) skip "userfaultfd is refused (spill(7) says how to allow it)" ;;
	esac
}

requires_root() {
	[ "$(id -u)" -eq 0 ] || skip "only root can set this up"
}

# as_stranger CMD...: as another user, if has_strangers.
as_stranger() {
	setpriv --reuid=65531 --regid=65531 --clear-groups "$@"
}
has_strangers() {
	[ "$(id -u)" -eq 0 ] && as_stranger "$SPILL" --version >/dev/null 2>&1
}

exit_commands=()
at_exit() {
	exit_commands=("$1" "${exit_commands[@]}")
}
run_exit_commands() {
	local command
	for command in "${exit_commands[@]}"; do
		eval "$command"
	done
}
trap run_exit_commands EXIT
trap 'exit 99' HUP INT TERM

# new_directory [MODE]: makes an empty directory on a disk, $directory.  Others can reach it if MODE
# lets them ($tmp lies in a private one).
# shellcheck disable=SC2120
new_directory() {
	directory=$(mktemp -d /var/tmp/spill-test.XXXXXX) || exit 99
	chmod "${1:-700}" "$directory"
	at_exit "rm -rf '$directory'"
}
tmp=${TEST_TMP:-}
if [ -z "$tmp" ]; then
	# shellcheck disable=SC2119
	new_directory
	tmp=$directory
fi

# Settings of the user must not change what is tested.
for name in BUDGET SWAP OVERCOMMIT ENCRYPT HANDLERS QUIET LOG; do
	unset "SPILL_$name"
done

# The bytes of a size such as 64M.
bytes() {
	numfmt --from=iec "$1"
}

# "${hungry[@]}" MIB [PASSES]: a program that fills so much memory with contents of its own, and
# then looks at all of it PASSES times (once); it fails if it finds anything else than it wrote.
# shellcheck disable=SC2016
hungry_program='
	my ($mib, $passes) = (@ARGV, 1);
	my $n = $mib * 16;
	my @piece = map { pack("N", $_) x 16384 } 1 .. $n;
	$| = 1;
	print "filled\n";
	for my $pass (1 .. $passes) {
		for my $i (1 .. $n) {
			die "piece $i is wrong\n" if $piece[$i - 1] ne pack("N", $i) x 16384;
		}
	}
	print "checked\n";
'
# shellcheck disable=SC2034
hungry=(perl -e "$hungry_program")
requires_hungry() {
	requires perl numfmt
}

# "$touches" ORDER MIB TOUCHES: touches.c
touches=$helpers/touches
requires_touches() {
	[ -x "$touches" ] || skip "$touches is not built"
}

# A program in Python that begins so uses the library: reserve(SIZE) is where memory of a pager of its
# own begins.
# shellcheck disable=SC2034
library_python="
import ctypes, sys
library = ctypes.CDLL('${top_builddir:-$here/../..}/lib/.libs/libspill.so')
library.spill_open.restype = library.spill_reserve.restype = ctypes.c_void_p
library.spill_open.argtypes = [ctypes.c_void_p]
library.spill_reserve.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
def reserve(size):
    return library.spill_reserve(library.spill_open(None), size)
"

# wait_for SECONDS CMD...: until it succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# json_value FILE KEY: what --json says of it.
json_value() {
	sed -n "s/^ *\"$2\": *\([^,]*\),*\$/\1/p" "$1"
}

# refused PATTERN ARG...: `spill ARG...' is refused with exit status 125, says why in one line on
# stderr that matches the pattern (of grep -E), and prints nothing else.
refused() {
	local pattern=$1 status
	shift
	"$SPILL" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	[ "$status" -eq 125 ] || fail "spill $*: exit status $status, not 125: $(cat "$tmp/err")"
	[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "spill $*: not one line of error: $(cat "$tmp/err")"
	grep -q '^spill: ' "$tmp/err" || fail "spill $*: the error does not begin with spill:"
	grep -Eq -- "$pattern" "$tmp/err" || fail "spill $*: no '$pattern' in: $(cat "$tmp/err")"
	[ ! -s "$tmp/out" ] || fail "spill $*: printed: $(cat "$tmp/out")"
	rm -f "$tmp/out" "$tmp/err"
}
