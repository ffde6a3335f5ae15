#!/bin/bash
# SPDX-License-Identifier: MIT
# `spill doctor' finds what is missing, says what that costs and how to fix it, and its exit status
# says whether `spill run' works.
# Variants: default
. "$(dirname "$0")/lib.sh"
requires python3
requires_paging

# doctor STATUS ARG...: what it says, into $tmp/said
doctor() {
	local status=$1
	shift
	"$@" >"$tmp/said" 2>"$tmp/told"
	local is=$?
	[ "$is" -eq "$status" ] || fail "$*: exit status $is, not $status: $(cat "$tmp/said" "$tmp/told")"
	[ ! -s "$tmp/told" ] || fail "$*: $(cat "$tmp/told")"
}
# says VERDICT CHECK PATTERN
says() {
	grep -Eq "^$1 +$2 +.*$3" "$tmp/said" || fail "no '$1 $2 $3' in: $(cat "$tmp/said")"
}
with_limit() {
	bash -c "ulimit $1 && exec \"\$@\"" bash "$SPILL" doctor -s "$tmp"
}

# -- all is well, as paging works here
doctor 0 "$SPILL" doctor -s "$tmp"
says fine userfaultfd 'Linux [0-9]'
says fine library libspill-preload.so
says '(fine|costs)' swap "$tmp: room for .* writes .* reads .* at random"
grep -q "^.spill run' will work" "$tmp/said" || fail "no conclusion: $(cat "$tmp/said")"
! grep -q '^broken' "$tmp/said" || fail "something is broken: $(cat "$tmp/said")"
[ "$(find "$tmp" -type f ! -name said ! -name told)" = "" ] || fail "it left $(ls "$tmp")"

# -- limits
doctor 0 with_limit '-n 200'
says costs files 'may have 200 open'
grep -q 'fix it: ulimit -n 1024' "$tmp/said" || fail "no command: $(cat "$tmp/said")"
doctor 0 with_limit '-v 4000000'
says costs addresses 'ulimit -v is 3.8G'
if [ "$(id -u)" -ne 0 ]; then # root may lock what it likes, but the limit is looked at
	doctor 0 with_limit '-l 8'
	says costs locked '8 KiB'
fi

# -- the default is $TMPDIR, if it suits
TMPDIR=$tmp doctor 0 "$SPILL" doctor
says '(fine|costs)' swap "$tmp: room"
TMPDIR=$tmp/nothing doctor 0 "$SPILL" doctor
says '(fine|costs)' swap '/var/tmp: room'

# -- swap space that cannot be, and that is slow or lies in memory
doctor 1 "$SPILL" doctor -s "$tmp/nothing"
says broken swap "nothing: .*"
grep -q "^.spill run' will not work" "$tmp/said" || fail "no conclusion: $(cat "$tmp/said")"
echo 'Dear Sir or Madam' >"$tmp/letter"
doctor 1 "$SPILL" doctor -s "$tmp/letter"
says broken swap letter
[ "$(cat "$tmp/letter")" = 'Dear Sir or Madam' ] || fail "the letter is gone"
if [ "$(stat -f -c %T /dev/shm)" = tmpfs ] && [ -w /dev/shm ]; then
	doctor 0 "$SPILL" doctor -s /dev/shm
	says costs swap 'lies in memory'
fi

# -- for programs: the keys that the manual has
doctor 0 "$SPILL" doctor -s "$tmp" --json
python3 - "$tmp/said" "${top_srcdir:-$here/../..}/man/spill-doctor.1" <<'END' || fail "$(cat "$tmp/said")"
import json, re, sys
said = json.load(open(sys.argv[1]))
page = open(sys.argv[2]).read()
assert said["works"] is True
for name, check in said["checks"].items():
    assert f"\n.It {name}\n" in page, name
    assert check["verdict"] in ("fine", "costs", "broken") and check["text"], check
listed = re.search(r"It looks at:(.*?)\n\.El", page, re.S).group(1)
assert sorted(re.findall(r"^\.It (\w+)$", listed, re.M)) == sorted(said["checks"])
END

# -- the letter
doctor 0 "$SPILL" doctor --request
for word in 'Subject:' 'KERNEL=="userfaultfd", GROUP="userfaultfd"' 'What it allows' 'The risk'; do
	grep -q "$word" "$tmp/said" || fail "the letter has no '$word'"
done
[ "$(wc -L <"$tmp/said")" -le 90 ] || fail "the letter is too wide"

# -- an ordinary account
stranger=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if [ "$(id -u)" -eq 0 ] && "${stranger[@]}" "$SPILL" --version >/dev/null 2>&1 &&
	[ "$(cat /proc/sys/vm/unprivileged_userfaultfd)" = 0 ]; then
	doctor 1 "${stranger[@]}" "$SPILL" doctor -s /var/tmp
	says broken userfaultfd 'you may not use it'
	grep -q 'fix it: # .*userfaultfd' "$tmp/said" || fail "no command: $(cat "$tmp/said")"
	"${stranger[@]}" "$SPILL" run true 2>/dev/null && fail "and spill run works"
fi
refused 'doctor takes no arguments' doctor now
refused 'no such option' doctor --cure
exit 0
