#!/bin/bash
# SPDX-License-Identifier: MIT
# Includes go one way: a room of lib/ knows itself and the rooms below it.  Within a room, no circle
# of includes is larger than a handful of modules (x.c and x.h are one module).
#
# Makefile.am names the rooms, from the lowest to the highest.  tests/lint/crossings lists the
# includes that still go up, and any circle that is larger.  A line there that is no longer needed
# is an error too, so the list only becomes shorter.

set -u
cd "$top_srcdir" || exit 99

# The rooms of a tree, in their order.
rooms_of() {
	sed -n '/^CORE_SOURCES/,/[^\\]$/p' "$1/Makefile.am" |
		grep -o '[A-Z]*_SOURCES)' | sed 's/_SOURCES)//' | tr A-Z a-z
	echo preload
}

# file<TAB>header for each include of a header of ours.
includes_of() {
	(cd "$1" && grep -rho --include='*.[ch]' -H '^[[:space:]]*#[[:space:]]*include "[^"]*"' lib |
		sed 's/:.*"\([^"]*\)"/\t\1/' | sort)
}

# Says what is wrong in the tree $1, whose crossings are in the file $2.
check() {
	includes_of "$1" | awk -v rooms="$(rooms_of "$1")" -v crossings="$2" -v most=5 '
	function room_of(path) { sub(/^lib\//, "", path); sub(/\/.*/, "", path); return path }
	function module_of(path) { sub(/^lib\//, "", path); sub(/\.[ch]$/, "", path); return path }
	function complain(text) { print text; wrong = 1 }
	BEGIN {
		FS = "\t"
		count = split(rooms, name, "\n")
		for (i = 1; i <= count; i++)
			rank[name[i]] = i
		while ((getline line < crossings) > 0)
			if (line ~ /^circle /) {
				split(line, part, " ")
				known[part[2]] = part[3]
			} else if (line !~ /^(#|$)/) {
				allowed[line] = 1
			}
	}
	$2 == "config.h" || $2 == "spill.h" { next }
	!(room_of($1) in rank) { complain($1 ": in none of the rooms of Makefile.am"); next }
	!(room_of($2) in rank) || $2 !~ /\// { complain($1 ": \"" $2 "\" names no room"); next }
	rank[room_of($2)] > rank[room_of($1)] {
		if (($1 " " $2) in allowed)
			delete allowed[$1 " " $2]
		else
			complain($1 ": includes " $2 ", which is above it")
		next
	}
	room_of($1) == room_of($2) && module_of($1) != module_of($2) {
		module[module_of($1)] = module[module_of($2)] = room_of($1)
		reaches[module_of($1), module_of($2)] = 1
	}
	END {
		for (line in allowed)
			complain("crossings: \"" line "\" does not go up, or is not there")
		for (k in module)
			for (i in module)
				if ((i, k) in reaches)
					for (j in module)
						if ((k, j) in reaches)
							reaches[i, j] = 1
		for (i in module) {
			n = 0
			list = ""
			for (j in module)
				if ((i, j) in reaches && (j, i) in reaches) {
					n++
					list = list " " j
				}
			if (n > largest[module[i]]) {
				largest[module[i]] = n
				members[module[i]] = list
			}
		}
		for (room in largest)
			if (largest[room] > most && largest[room] != known[room])
				complain(room ": a circle of " largest[room] " modules:" members[room])
		for (room in known)
			if (largest[room] != known[room])
				complain("crossings: the circle of " room " has another size")
		exit wrong
	}'
}

# The check itself: a tree that is right, and one wrong include at a time.
make_tree() {
	rm -rf "$TEST_TMP/tree"
	mkdir -p "$TEST_TMP/tree/lib/low" "$TEST_TMP/tree/lib/high"
	printf 'CORE_SOURCES = $(LOW_SOURCES) \\\n\t$(HIGH_SOURCES)\n' >"$TEST_TMP/tree/Makefile.am"
	echo '#include "low/b.h"' >"$TEST_TMP/tree/lib/low/a.c"
	echo '#include <stddef.h>' >"$TEST_TMP/tree/lib/low/b.h"
	echo '#include "low/b.h"' >"$TEST_TMP/tree/lib/high/c.h"
}

expect() {
	local what=$1 said
	shift
	said=$(check "$TEST_TMP/tree" "$TEST_TMP/crossings")
	if ! grep -qF -- "$what" <<<"${said:-nothing}"; then
		echo "the check itself: \"${said:-nothing}\" where \"$what\" was expected"
		exit 1
	fi
}

: >"$TEST_TMP/crossings"
make_tree
expect 'nothing'
echo '#include "high/c.h"' >>"$TEST_TMP/tree/lib/low/a.c"
expect 'lib/low/a.c: includes high/c.h, which is above it'
echo 'lib/low/a.c high/c.h' >"$TEST_TMP/crossings"
expect 'nothing'
make_tree
expect 'does not go up, or is not there'
: >"$TEST_TMP/crossings"
echo '#include "c.h"' >>"$TEST_TMP/tree/lib/high/c.h"
expect '"c.h" names no room'
make_tree
mkdir "$TEST_TMP/tree/lib/cellar"
echo '#include "low/b.h"' >"$TEST_TMP/tree/lib/cellar/d.c"
expect 'in none of the rooms'
make_tree
for pair in '1 2' '2 3' '3 4' '4 5' '5 6' '6 1'; do
	echo "#include \"low/${pair#* }.h\"" >"$TEST_TMP/tree/lib/low/${pair% *}.h"
done
expect 'low: a circle of 6 modules'

check . tests/lint/crossings
