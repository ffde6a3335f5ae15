#!/bin/bash
# SPDX-License-Identifier: MIT
# If the libraries were compiled with probes, they have those that spill(7) lists; where bpftrace
# works, it sees as many reads as were counted.
# Variants: default
. "$(dirname "$0")/lib.sh"
requires_hungry
requires readelf
requires_paging
build=$(realpath "${top_builddir:-$here/../..}")
grep -q '^#define HAVE_SYS_SDT_H 1' "$build/config.h" || skip "sys/sdt.h was not there"

documented=$(sed -n '/^\.Sh PROBES/,/^\.Sh EXAMPLES/s/^\.It Li //p' \
	"${top_srcdir:-$here/../..}/man/spill.7" | sort)
[ -n "$documented" ] || fail "spill(7) lists no probes"
preload=$build/lib/preload/.libs/libspill-preload.so
for library in "$preload" "$build/lib/.libs/libspill.so"; do
	there=$(readelf -n "$library" | grep -A 1 'Provider: spill' | sed -n 's/.*Name: //p' | sort -u)
	[ "$there" = "$documented" ] ||
		fail "$library (<), spill(7) (>): $(diff <(echo "$there") <(echo "$documented"))"
done

# As root, where the kernel has uprobes and bpftrace knows it.
can_trace() {
	[ "$(id -u)" -eq 0 ] && command -v bpftrace >/dev/null &&
		bpftrace -e 'BEGIN { exit(); }' >/dev/null 2>&1
}
can_trace || exit 0
mkfifo "$tmp/hold"
"$SPILL" run -m 16M -s "$tmp" --stats="$tmp/json" --json -- \
	sh -c 'echo $$; read -r line; exec "$@"' sh "${hungry[@]}" 40 <"$tmp/hold" >"$tmp/said" 2>"$tmp/told" &
launcher=$!
exec {hold}>"$tmp/hold"
wait_for 30 test -s "$tmp/said" || fail "the command does not begin: $(cat "$tmp/told")"
# Others may run with the same library.
pid=$(cat "$tmp/said")
bpftrace -e "
usdt:$preload:spill:read /pid == $pid/ { @reads = count(); }
usdt:$preload:spill:write_back /pid == $pid/ { @writes = count(); }
usdt:$preload:spill:fault_done /pid == $pid && arg1 == 2/ { @major = count(); }
interval:ms:200 { printf(\"attached\\n\"); }" >"$tmp/seen" 2>"$tmp/err" &
tracer=$!
at_exit "kill $tracer 2>/dev/null"
attached() {
	grep -q attached "$tmp/seen"
}
wait_for 30 attached || fail "bpftrace does not attach: $(cat "$tmp/seen" "$tmp/err")"
echo >&"$hold"
wait "$launcher" || fail "hungry: exit status $?: $(cat "$tmp/told")"
kill -INT "$tracer"
wait "$tracer"
for what in reads writes; do
	seen=$(sed -n "s/^@$what: //p" "$tmp/seen")
	[ "$seen" = "$(json_value "$tmp/json" "$what")" ] ||
		fail "bpftrace saw $seen $what, counted were $(json_value "$tmp/json" "$what")"
done
[ "$(sed -n 's/^@major: //p' "$tmp/seen")" -gt 0 ] || fail "no major fault: $(cat "$tmp/seen")"
exit 0
