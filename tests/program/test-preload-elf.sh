#!/bin/bash
# SPDX-License-Identifier: MIT
# The preload library needs libc and nothing else, binds nothing lazily, has no dynamic TLS.
. "$(dirname "$0")/lib.sh"
requires readelf
library=${top_builddir:-$here/../..}/lib/preload/.libs/libspill-preload.so
[ -f "$library" ] || fail "there is no $library"
needed=$(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | tr '\n' ' ')
[ "$needed" = "libc.so.6 " ] || fail "it needs: $needed"
readelf -d "$library" | grep -Eq 'BIND_NOW|FLAGS_1.*NOW' || fail "it binds lazily"
if readelf -rW "$library" | grep -E 'DTPMOD|DTPOFF|TLSDESC'; then
	fail "it has dynamic TLS"
fi
exit 0
