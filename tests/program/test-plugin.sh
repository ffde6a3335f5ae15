#!/bin/bash
# SPDX-License-Identifier: MIT
# test-plugin.sh - libspill is opened and closed with dlopen(3) and dlclose(3), also while it pages
#
# Variants: default move

. "$(dirname "$0")/lib.sh"
requires_paging
library=${top_builddir:-$here/../..}/lib/.libs/libspill.so
[ -e "$library" ] || skip "no shared library was built"
TEST_TMP=$tmp "$helpers/plugin" "$library" >"$tmp/out" || fail "exit status $?"
grep -qx right "$tmp/out" || fail "$(cat "$tmp/out")"
