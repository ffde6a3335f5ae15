#!/bin/bash
# SPDX-License-Identifier: MIT
# Includes go one way: a room of lib/ or tools/ knows itself and the rooms below it.  tools/ is above
# lib/, and knows only some of its rooms.  x_private.h stays in its room.  Within a room, no circle of
# includes is larger than a handful of modules (x.c and x.h are one module).
#
# Makefile.am names the rooms, from the lowest to the highest.

set -u
cd "$top_srcdir" || exit 99

# The rooms of which tools/ may include headers.
of_lib='base command kernel store observe paging pager'

# The folders that the list $2 of a tree is made of, in their order: $(NAME_SOURCES) is $3/name.
list_of() {
	sed -n "/^$2_SOURCES/,/[^\\\\]\$/p" "$1/Makefile.am" | grep -o '[A-Z]*_SOURCES)' |
		sed 's/_SOURCES)//' | tr A-Z a-z | sed "s,^,$3/,"
}

# The rooms of a tree, in their order; what lies in tools/ itself is above them all.
rooms_of() {
	list_of "$1" CORE lib
	echo lib/preload
	list_of "$1" TOOL tools
	echo tools
}

# file<TAB>header for each include of a header of ours.
includes_of() {
	(cd "$1" && grep -rho --include='*.[ch]' -H '^[[:space:]]*#[[:space:]]*include "[^"]*"' lib tools |
		sed 's/:.*"\([^"]*\)"/\t\1/' | sort)
}

# Says what is wrong in the tree $1.
check() {
	includes_of "$1" | awk -v rooms="$(rooms_of "$1")" -v of_lib="$of_lib" -v most=5 '
	function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
	function module_of(path) { sub(/\.[ch]$/, "", path); return path }
	function module_name(path) { sub(/^[a-z]*\//, "", path); return path }
	function complain(text) { print text; wrong = 1 }
	BEGIN {
		FS = "\t"
		count = split(rooms, folder, "\n")
		for (i = 1; i <= count; i++) {
			rank[folder[i]] = i
			room = folder[i]
			sub(/.*\//, "", room)
			if (room in place)
				complain(folder[i] ": has the name of another room, " place[room])
			else
				place[room] = folder[i]
		}
		split(of_lib, name, " ")
		for (i in name)
			open_to_tools["lib/" name[i]] = 1
	}
	$2 == "config.h" || $2 == "spill.h" { next }
	!(folder_of($1) in rank) { complain($1 ": in none of the rooms of Makefile.am"); next }
	!(folder_of($2) in place) { complain($1 ": \"" $2 "\" names no room"); next }
	{
		from = folder_of($1)
		to = place[folder_of($2)]
		header = to substr($2, index($2, "/"))
	}
	rank[to] > rank[from] {
		complain($1 ": includes " $2 ", which is above it")
		next
	}
	from ~ /^tools/ && to ~ /^lib\// && !(to in open_to_tools) {
		complain($1 ": includes " $2 ", which is not for tools")
		next
	}
	from != to && $2 ~ /_private\.h$/ { complain($1 ": includes " $2 ", which is private") }
	from == to && module_of($1) != module_of(header) {
		module[module_of($1)] = module[module_of(header)] = from
		reaches[module_of($1), module_of(header)] = 1
	}
	END {
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
					list = list " " module_name(j)
				}
			if (n > largest[module[i]]) {
				largest[module[i]] = n
				members[module[i]] = list
			}
		}
		for (path in largest) {
			if (largest[path] > most)
				complain(module_name(path) ": a circle of " largest[path] " modules:" members[path])
		}
		exit wrong
	}'
}

# The check itself: a tree that is right, and one wrong include at a time.
make_tree() {
	rm -rf "$TEST_TMP/tree"
	mkdir -p "$TEST_TMP/tree"/{lib/{base,high},tools/{desk,roof}}
	cat >"$TEST_TMP/tree/Makefile.am" <<'EOF'
CORE_SOURCES = $(BASE_SOURCES) \
	$(HIGH_SOURCES)
TOOL_SOURCES = $(TOOL_DESK_SOURCES) $(TOOL_ROOF_SOURCES) \
	tools/spill.c
EOF
	echo '#include "base/b.h"' >"$TEST_TMP/tree/lib/base/a.c"
	echo '#include <stddef.h>' >"$TEST_TMP/tree/lib/base/b.h"
	echo '#include "base/b.h"' >"$TEST_TMP/tree/lib/high/c.h"
	echo '#include "base/b.h"' >"$TEST_TMP/tree/tools/desk/e.h"
	echo '#include "desk/e.h"' >"$TEST_TMP/tree/tools/roof/f.h"
	echo '#include "roof/f.h"' >"$TEST_TMP/tree/tools/spill.c"
}

# Six headers of the room $1 that go round.
make_circle() {
	local pair
	for pair in '1 2' '2 3' '3 4' '4 5' '5 6' '6 1'; do
		echo "#include \"${1#*/}/${pair#* }.h\"" >"$TEST_TMP/tree/$1/${pair% *}.h"
	done
}

expect() {
	local what=$1 said
	shift
	said=$(check "$TEST_TMP/tree")
	if ! grep -qF -- "$what" <<<"${said:-nothing}"; then
		echo "the check itself: \"${said:-nothing}\" where \"$what\" was expected"
		exit 1
	fi
}

make_tree
expect 'nothing'
echo '#include "high/c.h"' >>"$TEST_TMP/tree/lib/base/a.c"
expect 'lib/base/a.c: includes high/c.h, which is above it'
make_tree
echo '#include "base/b_private.h"' >>"$TEST_TMP/tree/lib/base/a.c"
expect 'nothing'
echo '#include "base/b_private.h"' >>"$TEST_TMP/tree/lib/high/c.h"
expect 'lib/high/c.h: includes base/b_private.h, which is private'
make_tree
echo '#include "c.h"' >>"$TEST_TMP/tree/lib/high/c.h"
expect '"c.h" names no room'
make_tree
mkdir "$TEST_TMP/tree/lib/cellar"
echo '#include "base/b.h"' >"$TEST_TMP/tree/lib/cellar/d.c"
expect 'in none of the rooms'
make_tree
make_circle lib/base
expect 'base: a circle of 6 modules'

# The same in tools/.
make_tree
echo '#include "roof/f.h"' >>"$TEST_TMP/tree/tools/desk/e.h"
expect 'tools/desk/e.h: includes roof/f.h, which is above it'
make_tree
echo '#include "desk/e.h"' >>"$TEST_TMP/tree/lib/high/c.h"
expect 'lib/high/c.h: includes desk/e.h, which is above it'
make_tree
echo '#include "high/c.h"' >>"$TEST_TMP/tree/tools/desk/e.h"
expect 'tools/desk/e.h: includes high/c.h, which is not for tools'
make_tree
echo '#include "f.h"' >>"$TEST_TMP/tree/tools/roof/g.c"
expect '"f.h" names no room'
make_tree
mkdir "$TEST_TMP/tree/tools/base"
echo '#include "desk/e.h"' >"$TEST_TMP/tree/tools/base/d.c"
expect 'in none of the rooms'
make_tree
sed -i 's/TOOL_DESK/TOOL_HIGH/' "$TEST_TMP/tree/Makefile.am"
expect 'tools/high: has the name of another room, lib/high'
make_tree
make_circle tools/roof
expect 'roof: a circle of 6 modules'

check .
