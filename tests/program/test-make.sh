#!/bin/bash
# SPDX-License-Identifier: MIT
# make -j2 builds a project of some large sources, with gcc and with clang: the objects are those of
# the plain build.
# Time limit: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires make gcc clang perl numfmt
for file in 1 2; do
	perl -e '
		my $file = shift;
		for my $i (0 .. 700) {
			print "int f${file}_$i(int *a, int n) { int s = $i; for (int i = 0; i < n; i++) {";
			print " if (a[i] > $i) s += a[i] * ", $i % 17 + $file, "; else s ^= a[i] + i;";
			print " switch (s & 7) { case 0: s += 3; break; case 3: s *= 5; break; default: s--; } }";
			print " return s; }\n";
		}
	' $file >"$tmp/part$file.c"
done
cat >"$tmp/Makefile" <<'END'
all: $(foreach n,1 2,gcc-$n.o clang-$n.o)
	cksum $^
gcc-%.o: part%.c
	gcc -O2 --param ggc-min-expand=1000 --param ggc-min-heapsize=4000000 -c $< -o $@
clang-%.o: part%.c
	clang -O2 -c $< -o $@
END
compare_family 100M 32M make -C "$tmp" -B -s -j2
