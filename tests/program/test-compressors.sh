#!/bin/bash
# SPDX-License-Identifier: MIT
# xz -9 with two threads and zstd --ultra -22, whose tables take several times the budget: the
# compressed files are the same as without spill, and decompress to the originals.
# Time limit: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires xz zstd perl numfmt
seed=${SEED:-$RANDOM}
echo "seed $seed"
perl -e '
	srand(shift);
	my @words = map { join("", map { chr(97 + rand 26) } 1 .. 3 + rand 9) } 1 .. 20000;
	for (1 .. 150000) { print $words[int(20000 * rand() ** 3)], $_ % 11 ? " " : "\n"; }
' "$seed" >"$tmp/text"
cat >"$tmp/work" <<'END'
# Two blocks, for two threads.
xz -9 -T2 --block-size=600000 -c "$1" | tee >(xz -dc | cmp - "$1" >&2 || echo "xz: wrong") | cksum
zstd --ultra -22 --long=27 -T1 -q -c "$1" | tee >(zstd --long=27 -dc | cmp - "$1" >&2 || echo "zstd: wrong") | cksum
END
# Their hash tables are touched at random.
variants=none
compare_family 50M 25M bash "$tmp/work" "$tmp/text"
! grep -q wrong "$tmp/paged.out" "$tmp/plain.out" || fail "what was decompressed is wrong"
exit 0
