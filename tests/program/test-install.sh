#!/bin/bash
# SPDX-License-Identifier: MIT
# What `make install' installs works from where DESTDIR put it: the command, and the example of
# spill(3), built with what pkg-config says.
. "$(dirname "$0")/lib.sh"
requires make

builddir=${top_builddir:-$here/../..}
srcdir=${top_srcdir:-$here/../..}
root=$tmp/root
env -u MAKEFLAGS -u MFLAGS make -s -C "$builddir" install DESTDIR="$root" >"$tmp/log" 2>&1 ||
	fail "make install: $(tail -n 3 "$tmp/log")"

variable() {
	sed -n "s/^$1 = //p" "$builddir/Makefile" | head -n 1
}
# The directories may be given by others: ${prefix}/bin.
prefix=$(variable prefix) exec_prefix=$(variable exec_prefix)
exec_prefix=${exec_prefix//\$\{prefix\}/$prefix}
directory() {
	local value
	value=$(variable "$1")
	value=${value//\$\{exec_prefix\}/$exec_prefix}
	echo "$root${value//\$\{prefix\}/$prefix}"
}
bin=$(directory bindir) lib=$(directory libdir)

# -- the manual
mandir=$(find "$root" -type d -name man)
for page in "$srcdir"/man/*.[1357]; do
	[ -f "$mandir/man${page##*.}/${page##*/}" ] || fail "${page##*/} is not installed"
done

# -- what has to come with it
for text in bash-completion/completions/spill zsh/site-functions/_spill README.md NEWS LICENSE \
	LICENSES/jemalloc LICENSES/liburing LICENSES/xxHash; do
	[ -n "$(find "$root" -path "*/$text")" ] || fail "$text is not installed"
done

# -- the command
"$bin/spill" --version >"$tmp/out" || fail "spill --version: exit status $?"
grep -q "^spill $(variable PACKAGE_VERSION)" "$tmp/out" || fail "spill --version: $(cat "$tmp/out")"
requires_paging
preload=$("$bin/spill" run -- sh -c 'echo $LD_PRELOAD')
[ "$preload" = "$lib/spill/libspill-preload.so" ] || fail "it preloads $preload"
mv "$root" "$tmp/elsewhere"
preload=$("${bin/$root/$tmp/elsewhere}/spill" run -- sh -c 'echo $LD_PRELOAD')
[ "$preload" = "${lib/$root/$tmp/elsewhere}/spill/libspill-preload.so" ] ||
	fail "moved, it preloads $preload"
mv "$tmp/elsewhere" "$root"

# -- the library; less of it than the page has
requires pkg-config
sed -n '/example\.c begin/,/example\.c end/p' "$srcdir/man/spill.3" |
	sed '/^\./d; s/\\e/\\/g; s/COUNT ((size_t)1 << 27)/COUNT ((size_t)1 << 24)/' >"$tmp/example.c"
flags=$(PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root \
	pkg-config --cflags --libs spill) || fail "pkg-config does not find spill"
# shellcheck disable=SC2086 # flags, and CC with options
${CC:-cc} -o "$tmp/example" "$tmp/example.c" $flags || fail "with $flags the example is not built"
SPILL_SWAP=$tmp LD_LIBRARY_PATH=$lib "$tmp/example" >"$tmp/out" || fail "example: exit status $?"
[ "$(head -n 1 "$tmp/out")" = "sum $(((1 << 24) * ((1 << 24) - 1) / 2))" ] ||
	fail "the example prints: $(cat "$tmp/out")"
grep -Eq '^held at most [0-9]+ MiB, wrote [1-9][0-9]* MiB, read [1-9][0-9]* MiB$' "$tmp/out" ||
	fail "the example prints: $(cat "$tmp/out")"
exit 0
