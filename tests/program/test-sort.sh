#!/bin/bash
# SPDX-License-Identifier: MIT
# sort(1) of the logs of four machines, each in order, in a third of the memory that it takes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires sort perl numfmt
for machine in 1 2 3 4; do
	head -c 24000000 /dev/urandom | base64 -w 200 | nl -w 12 -n rz
done >"$tmp/text"
export LC_ALL=C
compare 128M 48M sort -S 400M --parallel=1 "$tmp/text"
