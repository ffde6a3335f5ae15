#!/bin/bash
# SPDX-License-Identifier: MIT
# test-audit.sh - a command whose libraries are audited (LD_AUDIT) is paged
#
# The bug: it ended with "cannot allocate memory in static TLS block".

. "$(dirname "$0")/lib.sh"
requires_hungry
requires_paging
cat >"$tmp/audit.c" <<'END'
unsigned la_version(unsigned version) { return version; }
END
${CC:-cc} -shared -fPIC -o "$tmp/audit.so" "$tmp/audit.c" 2>/dev/null || skip "${CC:-cc} makes no shared libraries"

# paged VARIABLE...: in that environment
paged() {
	env "$@" LD_AUDIT="$tmp/audit.so" "$SPILL" run -m 8M -s "$tmp" --json --stats="$tmp/stats" -- \
		"${hungry[@]}" 24 >"$tmp/out" 2>"$tmp/err" || fail "$*: exit status $?: $(cat "$tmp/err")"
	[ "$(tail -n 1 "$tmp/out")" = checked ] || fail "$*: $(cat "$tmp/out")"
	[ "$(json_value "$tmp/stats" pages_evicted)" -gt 1000 ] || fail "$*: hardly anything was paged"
}
paged -u GLIBC_TUNABLES
paged GLIBC_TUNABLES=glibc.malloc.check=0
paged GLIBC_TUNABLES=glibc.rtld.optional_static_tls=9000
