#!/bin/bash
# SPDX-License-Identifier: MIT
# Eight threads check every page's contents for 6 s.
# Variants: default move uring
. "$(dirname "$0")/lib.sh"
requires_paging
"$SPILL" run -m 32M -- "$helpers/pages" 6 || fail "pages: exit status $?"
