#!/bin/bash
# SPDX-License-Identifier: MIT
# gcc -O2 on a large generated source, in a fraction of the memory that it takes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires gcc perl numfmt
perl -e '
	for my $i (0 .. 1500) {
		print "int f$i(int *a, int n) { int s = $i; for (int i = 0; i < n; i++) {";
		print " if (a[i] > $i) s += a[i] * ", $i % 17 + 2, "; else s ^= a[i] + i;";
		print " switch (s & 7) { case 0: s += 3; break; case 3: s *= 5; break; default: s--; } }";
		print " return s; }\n";
	}
' >"$tmp/large.c"
cc1=$(gcc -print-prog-name=cc1)
compare 60M 20M "$cc1" -quiet -O2 -fno-semantic-interposition --param ggc-min-expand=1000 --param ggc-min-heapsize=4000000 "$tmp/large.c" -o /dev/stdout
