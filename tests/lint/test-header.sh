#!/bin/sh
# SPDX-License-Identifier: MIT
# include/spill.h compiles on its own, as C99 and as C++11, with every warning an error: programs
# use it with other standards and stricter flags than ours.  Where libspill.so is built, a program
# in each language links with it.

set -u
top_srcdir=${top_srcdir:-$(dirname "$0")/../..}
top_builddir=${top_builddir:-$top_srcdir}
cc=${CC:-cc}
cxx=${CXX:-c++}
library=$top_builddir/lib/.libs/libspill.so
flags="-Wall -Wextra -Wshadow -pedantic -Werror"
status=0

require() {
	if ! command -v "${1%% *}" >/dev/null; then
		echo "SKIP: $1 is missing"
		exit 77
	fi
}

# The header twice, and each thing of it once that a compiler could object to.
program() {
	cat <<'END'
#include <spill.h>
#include <spill.h>

static struct spill_options options = SPILL_OPTIONS_INIT;

int main(int argc, char **argv)
{
	unsigned char state = SPILL_FLAG_SLOT | SPILL_SWAPPED;

	if (argc > 1) {
		spill *pager = spill_open(&options);
		void *region = spill_reserve(pager, SPILL_BUDGET_MIN);
		struct spill_stats stats;

		stats.size = sizeof(stats);
		spill_advise(pager, region, 1, SPILL_COLD);
		spill_get_states(pager, region, 1, &state);
		spill_get_stats(pager, &stats);
		spill_close(pager);
	}
	return !argv || spill_version()[0] == 0 || (state & SPILL_STATE_MASK) != SPILL_SWAPPED;
}
END
}

# compile FILE COMPILER...: and if there is the library, links and runs
compile() {
	file=$1
	shift
	# shellcheck disable=SC2086 # flags are several words
	if [ -e "$library" ]; then
		"$@" $flags -I"$top_srcdir/include" -o "$tmp.out" "$file" "$library" \
			-Wl,-rpath,"$(dirname "$library")" && "$tmp.out"
	else
		"$@" $flags -fsyntax-only -I"$top_srcdir/include" "$file"
	fi
}

# check NAME SUFFIX COMPILER...
check() {
	name=$1
	file=$tmp.$2
	shift 2
	program >"$file"
	if ! compile "$file" "$@"; then
		echo "FAIL: include/spill.h as $name"
		status=1
	fi
}

require "$cc"
tmp=$(mktemp) || exit 99
trap 'rm -f "$tmp" "$tmp.c" "$tmp.cc" "$tmp.out"' EXIT

# shellcheck disable=SC2086 # compilers may come with options
{
	check C99 c $cc -std=c99
	check C11 c $cc -std=c11
	[ "$status" -eq 0 ] || exit 1
	require "${cxx:-a C++ compiler}"
	check C++11 cc $cxx -std=c++11
	check C++17 cc $cxx -std=c++17
}
exit "$status"
