#!/bin/bash
# SPDX-License-Identifier: MIT
# Python's dicts and lists, in half of the memory that they take.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires python3 perl numfmt
python=$(python3 -c 'import sys; print(sys.executable)')
compare 128M 64M "$python" -c '
records = {}
for i in range(600000):
    records[i] = [i * 7, "name %d" % (i * 13)]
print(sum(r[0] for r in records.values()))
print(sum(len(r[1]) for r in records.values()))
for i in range(0, 600000, 3):
    del records[i]
print(len(records), records[1], records[599999])
'
