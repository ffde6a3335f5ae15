#!/bin/bash
# SPDX-License-Identifier: MIT
# Makefile.am names every source file, test and page in the tree, and nothing else: what it does not
# name is in no release.

set -u
cd "$top_srcdir" || exit 99
status=0

# What lies there.
find include lib tools tests man -name '.*' -prune -o -type f \( \
	-name '*.[ch]' -o -name '*.cc' -o -name '*.sh' -o -name '*.py' -o -name '*.[137]' \
	-o -name '*.map' -o -name '*.syms' \) -print | sort >"$TEST_TMP/there"

# What is named; a test NAME that has no suffix is made from NAME.c.
sed 's/#.*//' Makefile.am | tr ' \t=' '\n\n\n' |
	grep -E '^(include|lib|tools|tests|man)/[^$()]*$' |
	sed 's,^\(tests/\(unit\|library\|fault\|stress\|bench\)/test-[^.]*\)$,\1.c,; /^tests\/program\/helper\/\(map\|new\)$/d; s,^\(tests/program/helper/[a-z_]*\)$,\1.c,' |
	grep -E '\.([ch137]|cc|sh|py|map|syms)$' | sort -u >"$TEST_TMP/named"

while read -r file; do
	echo "$file: not named in Makefile.am"
	status=1
done < <(comm -23 "$TEST_TMP/there" "$TEST_TMP/named")
while read -r file; do
	echo "$file: named in Makefile.am, but not there"
	status=1
done < <(comm -13 "$TEST_TMP/there" "$TEST_TMP/named")
exit $status
