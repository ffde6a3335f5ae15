#!/bin/bash
# SPDX-License-Identifier: MIT
# The examples in section 3 of the manual compile and run: whole programs as they are, fragments
# inside a program that declares what they mention.
# Variants: default
# Time limit: 120
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/secret.sh"
requires cc
requires_paging
source=$(realpath "${top_srcdir:-$here/../..}")
library=$(realpath "${top_builddir:-$here/../..}")/lib/.libs
export SPILL_SWAP=$tmp

# compile NAME: $tmp/NAME.c, to $tmp/NAME
compile() {
	cc -std=gnu11 -I"$source/include" -o "$tmp/$1" "$tmp/$1.c" -L"$library" -Wl,-rpath,"$library" -lspill \
		>"$tmp/said" 2>&1 || fail "$1: $(cat "$tmp/said")"
}
# blocks PAGE: its examples, each in braces
blocks() {
	awk '/^\.Sh / { on = $2 == "EXAMPLES" } on' "$1" |
		sed -n '/^\.Bd/,/^\.Ed/p' |
		sed 's/^\.Bd.*/{/; s/^\.Ed/}/; /^\.\\/d; s/\\e/\\/g' |
		sed "s#/scratch,limit=100G#$tmp,limit=64M#"
}

# -- programs
sed -n '/example\.c begin/,/example\.c end/p' "$source/man/spill.3" | sed '/^\./d; s/\\e/\\/g' >"$tmp/example.c"
compile example
"$tmp/example" >"$tmp/said" 2>&1 || fail "spill.3: exit status $?: $(cat "$tmp/said")"
grep -qx "sum $(((1 << 27) * ((1 << 27) - 1) / 2))" "$tmp/said" || fail "spill.3: $(cat "$tmp/said")"

blocks "$source/man/spill_attach.3" | sed '1d; $d' >"$tmp/attach.c"
compile attach
start -s "$tmp" -- "$secret" 16
"$tmp/attach" "$pid" >"$tmp/said" 2>&1 &
attached=$!
at_exit "kill $attached 2>/dev/null"
next checked
next freed
finish
wait "$attached" || fail "spill_attach.3: exit status $?: $(cat "$tmp/said")"
grep -qvE '^[0-9]+$' "$tmp/said" && fail "spill_attach.3: $(cat "$tmp/said")"
[ -s "$tmp/said" ] || fail "spill_attach.3 prints nothing"

# -- fragments: what each page's is given
context() {
	case $1 in
	spill_advise) echo 'double *array = memory, sum = 0; size_t n = size / sizeof(*array);' ;;
	spill_get_states) echo 'void *region = memory;' ;;
	spill_pin) echo 'size = 1 << 20; char *buffer = memory; ssize_t n; int fd = open("/dev/zero", O_RDONLY);' ;;
	spill_release) echo 'char *region = memory;' ;;
	esac
}
fragments=0
for page in "$source"/man/spill_*.3; do
	name=$(basename "$page" .3)
	[ "$name" != spill_attach ] && ! grep -q '^\.so ' "$page" || continue
	blocks "$page" >"$tmp/fragment"
	grep -q spill_ "$tmp/fragment" || fail "$name has no example"
	fragments=$((fragments + 1))
	{
		printf '#include <%s>\n' err.h errno.h fcntl.h inttypes.h spill.h stdio.h stdlib.h unistd.h
		cat <<'END'
static void work(double *matrix) { matrix[0] = 1; }
static void run_other_job(void) {}
int main(void)
{
	struct spill_options small = SPILL_OPTIONS_INIT;
	size_t size = (size_t)16 << 20;
	spill *pager;
	void *memory;

	(void)work;
	(void)run_other_job;
	small.budget = 8 << 20;
	pager = spill_open(&small);
	memory = pager ? spill_reserve(pager, size) : NULL;
	if (!memory)
		err(2, "what the example is given");
END
		context "$name"
		cat "$tmp/fragment"
		echo 'return 0; }'
	} >"$tmp/$name.c"
	compile "$name"
	"$tmp/$name" >"$tmp/said" 2>&1 || fail "$name: exit status $?: $(cat "$tmp/said")"
	grep -q : "$tmp/said" && fail "$name: $(cat "$tmp/said")"
done
[ "$fragments" -ge 10 ] || fail "only $fragments fragments were found"
exit 0
