# SPDX-License-Identifier: MIT
# test-threads.sh - threads are created, are cancelled, and end with their process while pages come
# and go
#
# Variants: default move compress

. "$(dirname "$0")/lib.sh"
requires_paging
threads=$helpers/threads

# ends STATUS HOW
ends() {
	timeout 60 "$SPILL" run -m 12M -s "$tmp" --json --stats="$tmp/stats" -- "$threads" "$2" >"$tmp/out"
	status=$?
	[ $status -eq "$1" ] || fail "$2: exit status $status, not $1: $(cat "$tmp/out")"
	[ "$(json_value "$tmp/stats" faults_major)" -gt 0 ] || fail "$2: no page was read"
}
# A child of nobody's has a swap file of its own; without MOVE it needs /proc, which nobody has then.
if [ "$(id -u)" -eq 0 ] && [ -z "${SPILL_DISABLE:-}" ]; then
	private=$tmp
	new_directory 1777
	tmp=$directory
	ends 0 setuid
	tmp=$private
fi
ends 0 create
ends 0 cancel
for turn in 1 2 3; do
	ends 3 exit
	ends 3 _exit
	ends 3 quick_exit
	ends 0 main
done
