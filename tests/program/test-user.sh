#!/bin/bash
# SPDX-License-Identifier: MIT
# An ordinary user is told how to get permission for userfaultfd, and then needs nothing else:
# read(2) into paged-out memory works.
. "$(dirname "$0")/lib.sh"
requires_hungry
requires_root
requires setpriv
device=/dev/userfaultfd
[ -c "$device" ] || skip "there is no $device"

nobody=65534
as_user() {
	setpriv --reuid="$nobody" --regid="$nobody" --clear-groups "$@"
}
new_directory 777
public=$directory
cd "$public" || exit 99

# The library and the command must be within that user's reach.
as_user "$SPILL" --version >/dev/null 2>&1 || skip "$SPILL is not within an ordinary user's reach"

sysctl=/proc/sys/vm/unprivileged_userfaultfd
owner=$(stat -c %u:%g "$device")
mode=$(stat -c %a "$device")
setting=$(cat "$sysctl")
at_exit "chown '$owner' '$device'; chmod '$mode' '$device'; echo '$setting' 2>/dev/null >'$sysctl'"
chown root:root "$device" || skip "$device cannot be changed here"
chmod 600 "$device"
[ "$setting" -eq 0 ] || echo 0 >"$sysctl" || skip "$sysctl cannot be changed here"

# -- refused, with the three ways
as_user "$SPILL" run touch "$public/ran" 2>"$tmp/err"
[ $? -eq 125 ] || fail "a user without permission: exit status $?, not 125"
[ ! -e "$public/ran" ] || fail "a refused command ran"
[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "not one line: $(cat "$tmp/err")"
for way in 'KERNEL=="userfaultfd"' vm.unprivileged_userfaultfd=1 CAP_SYS_PTRACE; do
	grep -qF "$way" "$tmp/err" || fail "no $way in: $(cat "$tmp/err")"
done

# Pages, and has the kernel read into and write from memory that is paged out.
# shellcheck disable=SC2016
program='
	my $n = 48;
	my @piece = map { chr(32 + $_) x (1 << 20) } 1 .. $n;
	open(my $file, "+>", "$ARGV[0]/file") or die "open: $!\n";
	for my $i (1 .. $n) {
		syswrite($file, $piece[$i - 1]) == 1 << 20 or die "write $i: $!\n";
	}
	seek($file, 0, 0);
	for my $i (reverse 1 .. $n) {
		sysread($file, $piece[$i - 1], 1 << 20) == 1 << 20 or die "read $i: $!\n";
	}
	for my $i (1 .. $n) {
		$piece[$n - $i] eq chr(32 + $i) x (1 << 20) or die "piece $i is wrong\n";
	}
	print "checked\n";
'
works() {
	local out
	rm -f "$public/stats" "$public/file"
	out=$("$@" -m 16M --stats="$public/stats" --json perl -e "$program" "$public" 2>&1) ||
		fail "$way: exit status $?: $out"
	[ "$out" = checked ] || fail "$way: $out"
	[ "$(json_value "$public/stats" armed)" -eq 1 ] || fail "$way: nothing was paged"
}

# -- the three ways, and what an outer run hands on
way="a group"
chgrp "$nobody" "$device" && chmod 660 "$device"
as_ordinary() {
	as_user "$SPILL" run "$@"
}
works as_ordinary
chown "$owner" "$device"
chmod 600 "$device"

# Docker's seccomp profile, with the device alone: no userfaultfd(2), no io_uring.
way="a container"
case $(uname -m) in
x86_64) numbers="157 323 425 426 427" ;; # prctl, what is refused
*) numbers="167 282 425 426 427" ;;
esac
# shellcheck disable=SC2016
confine='
	my ($prctl, @refused) = split(" ", shift);
	my $code = pack("SCCL", 0x20, 0, 0, 0);	# the number of the system call
	$code .= pack("SCCL", 0x15, 0, 1, $_) . pack("SCCL", 6, 0, 0, 0x50001) for @refused; # EPERM
	$code .= pack("SCCL", 6, 0, 0, 0x7fff0000);
	my $program = pack("Sx6P", length($code) / 8, $code);
	syscall($prctl, 38, 1, 0, 0, 0) == 0 && syscall($prctl, 22, 2, $program, 0, 0) == 0 or die "$!\n";
	syscall($refused[0], 0) == -1 or die "not refused\n";
	exec @ARGV;
'
as_confined() {
	as_user perl -e "$confine" "$numbers" "$SPILL" run "$@"
}
chgrp "$nobody" "$device" && chmod 660 "$device"
works as_confined
chown "$owner" "$device"
chmod 600 "$device"

way="the sysctl"
if echo 1 2>/dev/null >"$sysctl"; then
	works as_ordinary
	echo 0 >"$sysctl"
fi

way="CAP_SYS_PTRACE"
as_capable() {
	setpriv --reuid="$nobody" --regid="$nobody" --clear-groups \
		--inh-caps=+sys_ptrace --ambient-caps=+sys_ptrace "$SPILL" run "$@"
}
if setpriv --inh-caps=+sys_ptrace --ambient-caps=+sys_ptrace true 2>/dev/null; then
	works as_capable
fi

way="a descriptor that was handed on"
as_inner() {
	"$SPILL" run -- setpriv --reuid="$nobody" --regid="$nobody" --clear-groups "$SPILL" run "$@"
}
works as_inner
exit 0
