#!/bin/bash
# SPDX-License-Identifier: MIT
# A C++ program with a std::map of millions of entries.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires perl numfmt
map=$helpers/map
[ -x "$map" ] || skip "there was no C++ compiler"
compare 110M 40M "$map"
