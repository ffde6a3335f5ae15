#!/bin/bash
# SPDX-License-Identifier: MIT
# git gc of a generated repository, and git fsck after it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires git perl numfmt
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
git init -q --bare "$tmp/made" || fail "git init: exit status $?"
perl -e '
	srand(1);
	my @lines = map { join(" ", map { int rand 1e9 } 1 .. 8) . "\n" } 1 .. 6000;
	for my $commit (1 .. 50) {
		$lines[rand @lines] = "changed in $commit " . rand() . "\n" for 1 .. 100;
		print "commit refs/heads/main\ncommitter a <a\@b> $commit +0000\ndata 2\nc\n";
		for my $file (1 .. 4) {
			my $text = join("", @lines[$file * 1000 .. 6000 - 1]);
			print "M 644 inline file$file\ndata ", length($text), "\n$text\n";
		}
	}
' | git -C "$tmp/made" fast-import --quiet --depth=0 || fail "git fast-import: exit status $?"
cat >"$tmp/work" <<'END'
rm -rf "$1.git"
cp -r "$1" "$1.git" && cd "$1.git" &&
	git -c pack.threads=2 -c pack.window=30 -c gc.autoDetach=false gc --aggressive --prune=now -q &&
	git fsck --full --strict --no-progress >&2 &&
	git rev-list --objects --all | git cat-file --batch | cksum
END
compare_family 70M 25M bash "$tmp/work" "$tmp/made"
