#!/bin/bash
# SPDX-License-Identifier: MIT
# numpy: sorts, group by, joins and matrices, on arrays of four times the budget.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires python3 perl numfmt
for python in python3 /usr/bin/python3; do
	"$python" -c 'import numpy' 2>/dev/null && break
done
"$python" -c 'import numpy' 2>/dev/null || skip "numpy is missing"
# Where python3 is a script, what it executes.
python=$("$python" -c 'import sys; print(sys.executable)')
seed=${SEED:-$RANDOM}
echo "seed $seed"
cat >"$tmp/arrays.py" <<'END'
import sys, zlib, numpy as np
random = np.random.default_rng(int(sys.argv[1]))
n = 3000000
def say(name, array):
    print(name, array.shape, zlib.crc32(np.ascontiguousarray(array)))
key = random.integers(0, 100000, n)
value = random.integers(0, 1000000, n)
order = np.argsort(key, kind="stable")
key, value = key[order], value[order]
say("sorted", value)
groups, starts = np.unique(key, return_index=True)
sums = np.add.reduceat(value, starts)
say("group by", sums)
other = random.permutation(100000)[:50000]
other.sort()
at = np.clip(np.searchsorted(other, key), 0, other.size - 1)
joined = value[other[at] == key]
say("join", joined)
matrix = random.integers(0, 100, (1500, 1500)).astype(float)
say("product", matrix @ matrix)
say("transposed", value.reshape(1000, -1).T)
END
OPENBLAS_NUM_THREADS=1 compare_family 150M 40M "$python" "$tmp/arrays.py" "$seed"
