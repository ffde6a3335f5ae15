# SPDX-License-Identifier: MIT
# test-raw-forks.sh - a child not made by libc's fork has its data, or is killed; it never sees
# other contents
#
# Variants: default move

. "$(dirname "$0")/lib.sh"
requires_paging
for how in _Fork clone syscall raw; do
	"$SPILL" run -m 12M -s "$tmp" -- "$helpers/raw_forks" $how ||
		fail "$how: exit status $?"
done
