#!/bin/bash
# SPDX-License-Identifier: MIT
# What spill.h declares, libspill.map exports and libspill.so defines: no more and no less.

set -u
declared=$(grep -v '^#' "$top_srcdir/include/spill.h" |
	sed -n 's/^SPILL_API .*[ *]\(spill_[a-z0-9_]*\)(.*/\1/p' | sort)
mapped=$(sed -n 's/^\t\(spill_[a-z0-9_]*\);$/\1/p' "$top_srcdir/lib/libspill.map" | sort)
defined=$(${NM:-nm} -D --defined-only "$top_builddir/lib/.libs/libspill.so" |
	sed -n 's/.* [A-Z] \(.*\)@@SPILL_.*/\1/p' | grep -v '^SPILL_' | sort)

[ -n "$declared" ] || { echo "no prototype found in spill.h"; exit 1; }

status=0
# same NAME LIST: the list is what spill.h declares
same() {
	if ! diff <(echo "$declared") <(echo "$2"); then
		echo "^ spill.h (<) and $1 (>) differ"
		status=1
	fi
}
same libspill.map "$mapped"
same libspill.so "$defined"
exit $status
