#!/bin/bash
# SPDX-License-Identifier: MIT
# Time limit: 120
# Variants: default move,uring
# In a memory cgroup with little more than the budget, a command that needs four times as much
# finishes, and nothing is killed; without spill it is killed.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires_paging

# The group, and the file that its limit is in.
make_group() {
	local v1=/sys/fs/cgroup/memory v2=/sys/fs/cgroup
	if [ -w "$v1/memory.limit_in_bytes" ] || [ -e "$v1/memory.limit_in_bytes" ]; then
		group=$v1/spill-test-$$ limit=memory.limit_in_bytes kills=memory.oom_control
	elif grep -qs memory "$v2/cgroup.subtree_control"; then
		group=$v2/spill-test-$$ limit=memory.max kills=memory.events
	else
		return 1
	fi
	mkdir "$group" 2>/dev/null
}
make_group || {
	echo "left out: there is no memory cgroup that could be made"
	exit 0
}
at_exit "sleep 0.1; rmdir '$group'"

# inside LIMIT COMMAND...: in the group.
inside() {
	echo "$1" >"$group/$limit" || fail "the limit cannot be set"
	shift
	# shellcheck disable=SC2016
	yes | head -n 3 | sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - "$group" "$@" >"$tmp/out" 2>&1
}
killed() {
	sed -n 's/^oom_kill \([0-9]*\)$/\1/p' "$group/$kills"
}

inside $((64 << 20)) "$secret" 192 && {
	echo "left out: the limit does not hold here (the kernel swaps?)"
	exit 0
}
before=$(killed)
for budget in 24 40; do
	inside $(((budget + 12) << 20)) "$SPILL" run -m "${budget}M" -s "$tmp" -- "$secret" 192 ||
		fail "budget $budget MiB: exit status $?: $(cat "$tmp/out")"
	grep -q checked "$tmp/out" || fail "budget $budget MiB: $(cat "$tmp/out")"
done
[ "$(killed)" = "$before" ] || fail "something was killed for want of memory"
