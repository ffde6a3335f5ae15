#!/bin/bash
# SPDX-License-Identifier: MIT
# Time limit: 200
# A program that lacks what newer kernels and generous containers have, one thing at a time and all
# together, is paged all the same, or is refused with a line that says why.
. "$(dirname "$0")/lib.sh"
requires_paging
mkdir "$tmp/swap"
: >"$tmp/file"

"$helpers/without" uring true
[ $? -eq 77 ] && skip "seccomp filters are refused here"

# pages FEATURES [ARG...]: a program and its child have their right bytes; $tmp/json has the counts.
pages() {
	local features=$1
	shift
	yes | head -n 3 | "$helpers/without" "$features" "$SPILL" run -m 8M -s "$tmp/swap" "$@" \
		--stats="$tmp/json" --json -- "$helpers/secret" 32 fork >"$tmp/out" 2>"$tmp/err" ||
		fail "without $features: exit status $?: $(cat "$tmp/out" "$tmp/err")"
	[ "$(json_value "$tmp/json" pages_evicted)" -gt 5000 ] || fail "without $features: not paged"
	grep -q 'lost' "$tmp/err" && fail "without $features: $(cat "$tmp/err")"
	[ -z "$(ls -A "$tmp/swap")" ] || fail "without $features: left: $(ls -A "$tmp/swap")"
}

every="uring move poison direct tmpfile process_madvise affinity fallocate"
for feature in $every; do
	pages "$feature"
done
pages "$(echo "$every" | tr ' ' ,)"
pages "$(echo "$every" | tr ' ' ,)" --encrypt
pages tmpfile,direct -s "$tmp/file"

# Without memfd there is no budget for a command to share: that is said.
"$helpers/without" memfd "$SPILL" run -m 8M -s "$tmp/swap" -- touch "$tmp/ran" 2>"$tmp/err"
[ $? -eq 125 ] || fail "without memfd: exit status $?, not 125: $(cat "$tmp/err")"
[ "$(grep -c '^spill: ' "$tmp/err")" -eq 1 ] || fail "without memfd: $(cat "$tmp/err")"
[ ! -e "$tmp/ran" ] || fail "a refused command ran"

# What a filter kills for is not tried: that is said, too.
yes | head -n 3 | "$SPILL" run -m 8M -s "$tmp/swap" -- "$helpers/without" killed "$helpers/secret" 32 fork \
	>"$tmp/out" 2>"$tmp/err" || fail "without killed: exit status $?: $(cat "$tmp/err")"
grep -q 'runs without spill: a seccomp filter kills whoever calls io_uring_setup' "$tmp/err" ||
	fail "without killed: no line: $(cat "$tmp/err")"
