#!/bin/bash
# SPDX-License-Identifier: MIT
# The commands of doc/tutorial.md, one after the other in one shell, as somebody would type them:
# each succeeds, and the job and the program print what they print without spill.
# Variants: default
# Time limit: 300
. "$(dirname "$0")/lib.sh"
requires python3 cc pkg-config
requires_paging
build=$(realpath "${top_builddir:-$here/../..}")
tutorial=${top_srcdir:-$here/../..}/doc/tutorial.md

# What is installed with spill: the command in the path, and what pkg-config says of the library.
mkdir "$tmp/bin" "$tmp/work"
ln -s "$(realpath "$SPILL")" "$tmp/bin/spill"
cat >"$tmp/bin/spill.pc" <<END
Name: spill
Description: of the build tree
Version: 0
Cflags: -I$(realpath "${top_srcdir:-$here/../..}")/include
Libs: -L$build/lib/.libs -Wl,-rpath,$build/lib/.libs -lspill
END
export PATH=$tmp/bin:$PATH PKG_CONFIG_PATH=$tmp/bin TMPDIR=$tmp

# ```LANGUAGE FILE begins a file, ```console commands: those behind a $.
awk -v work="$tmp/work" '
/^```/ { file = "" ; console = 0 }
file { print > file }
console && /^\$ / { print substr($0, 3) }
/^```console/ { console = 1 }
/^```[a-z]+ [a-z.]+$/ { file = work "/" $2 }' "$tutorial" >"$tmp/commands"
[ "$(wc -l <"$tmp/commands")" -gt 20 ] || fail "commands were not found: $(cat "$tmp/commands")"

# Each is shown before it runs; what fails ends it.
{
	echo "cd $tmp/work"
	while read -r line; do
		printf 'echo "+ %s"\n' "$(sed 's/[\\"$`]/\\&/g' <<<"$line")"
		printf '%s\n' "$line"
		case $line in
		*'&' | *=*) ;;
		*) printf '[ $? -eq 0 ] || { echo "exit status $?"; exit 1; }\n' ;;
		esac
	done <"$tmp/commands"
} >"$tmp/script"
at_exit 'kill -KILL $(cat "$tmp/work/pid" 2>/dev/null) 2>/dev/null'
sed -i 's/^JOB=\$!$/&; echo $! >pid/' "$tmp/script"
bash "$tmp/script" >"$tmp/out" 2>&1 || fail "$(tail -n 20 "$tmp/out")"

# step COMMAND: what it printed
step() {
	awk -v wanted="+ $1" '$0 == wanted { on = 1; next } /^\+ / { on = 0 } on' "$tmp/out"
}
# The doctor says no only where it is true.
step 'spill doctor' | grep -q 'will work' || fail "doctor: $(step 'spill doctor')"
python3 "$tmp/work/job.py" >"$tmp/plain" || fail "job.py without spill"
[ "$(step 'spill run -m 64M -- python3 job.py')" = "$(cat "$tmp/plain")" ] || fail "the job's output"
step 'spill run -m 64M --stats -- python3 job.py' | grep -Eq '^ *faults .* major' || fail "--stats"
step 'spill ps' | grep -q python3 || fail "ps: $(step 'spill ps')"
[ "$(step 'spill stat $JOB 1 3' | wc -l)" -eq 8 ] || fail "stat: $(step 'spill stat $JOB 1 3')"
step 'spill map $JOB' | grep -q 'swapped; budget 64M' || fail "map: $(step 'spill map $JOB')"
step 'spill set $JOB' | grep -qx 'paused=on' || fail "set: $(step 'spill set $JOB')"
[ "$(step 'spill run -m 64M -s job.swap -- python3 job.py')" = "$(cat "$tmp/plain")" ] ||
	fail "the job's output with a swap file"
step 'spill report job.trace' | grep -q enough || fail "report: $(step 'spill report job.trace')"
[ "$(step ./squares)" = "$(python3 -c 'n = 20 << 20; print(sum(i * i for i in range(n)) % 2 ** 64)')" ] ||
	fail "squares: $(step ./squares)"
for page in map job; do
	grep -q '</html>' "$tmp/work/$page.html" || fail "$page.html is not whole"
done
exit 0
