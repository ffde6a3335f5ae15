#!/bin/bash
# SPDX-License-Identifier: MIT
# test-plugin.sh - libspill is opened and closed with dlopen(3) and dlclose(3), also while it pages
#
# Variants: default move

. "$(dirname "$0")/lib.sh"
requires_paging
build=${top_builddir:-$here/../..}
library=$build/lib/.libs/libspill.so
[ -e "$library" ] || skip "no shared library was built"
TEST_TMP=$tmp "$build/tests/program/plugin" "$library" >"$tmp/out" || fail "exit status $?"
grep -qx right "$tmp/out" || fail "$(cat "$tmp/out")"
