#!/bin/bash
# SPDX-License-Identifier: MIT
# test-deep-bind.sh - a library opened with RTLD_DEEPBIND has the same malloc as everybody; the
# caller that opens it stays the caller: its DT_RUNPATH, its $ORIGIN, its name space
#
# The bug: such a library called libc's free for what strdup had from the preload library's malloc,
# and the program crashed (php -r 'echo 1;').

. "$(dirname "$0")/lib.sh"
requires_paging
mkdir "$tmp/opener" "$tmp/opener/leaves"
cat >"$tmp/leaf.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
char *leaf_copy(const char *text) { return strdup(text); }
void leaf_drop(char *text) { free(text); }
int leaf_work(void)
{
	char *line = NULL, *text = NULL;
	size_t size = 0;
	FILE *file = fopen("/proc/self/stat", "r");
	int good = file && getline(&line, &size, file) > 0 && asprintf(&text, "%zu", strlen(line)) > 0;

	for (int i = 0; i < 1000; i++)
		free(strdup("as PHP does"));
	free(line);
	free(realloc(text, 100000));
	return good && fclose(file) == 0;
}
END
cat >"$tmp/opener.c" <<'END'
#include <dlfcn.h>
void *open_leaf(const char *name, int flags) { void *leaf = dlopen(name, flags); return leaf; }
END
cat >"$tmp/main.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void work(const char *what, void *leaf)
{
	char *(*copy)(const char *);
	void (*drop)(char *);
	int (*leaf_work)(void);
	Lmid_t space = -7;

	if (!leaf) {
		printf("%s: none\n", what);
		return;
	}
	*(void **)&copy = dlsym(leaf, "leaf_copy");
	*(void **)&drop = dlsym(leaf, "leaf_drop");
	*(void **)&leaf_work = dlsym(leaf, "leaf_work");
	dlinfo(leaf, RTLD_DI_LMID, &space);
	printf("%s: in name space %ld, %d\n", what, (long)space, leaf_work());
	drop(copy("its own"));
	if (space == LM_ID_BASE) {
		free(copy("ours"));
		drop(malloc(10));
	}
}

int main(int argc, char **argv)
{
	int flags = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;
	void *(*open_leaf)(const char *name, int flags);
	void *opener = dlopen(argv[1], flags);
	void *other = dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW);

	if (!opener || !other)
		return printf("%s\n", dlerror()), 1;
	*(void **)&open_leaf = dlsym(opener, "open_leaf");
	work("not by us", dlopen("leaf.so", flags));
	work("by the DT_RUNPATH of who opens it", open_leaf("leaf.so", flags));
	work("by its $ORIGIN", open_leaf("$ORIGIN/leaves/leaf.so", flags));
	work("not there", open_leaf("$ORIGIN/leaf.so", flags));
	*(void **)&open_leaf = dlsym(other, "open_leaf");
	work("from a name space", open_leaf("leaf.so", RTLD_NOW));
	work("by dlmopen", dlmopen(LM_ID_BASE, argv[2], flags));
	work("into a name space", dlmopen(LM_ID_NEWLM, argv[2], flags));
	return 0;
}
END
# shellcheck disable=SC2016 # the loader's $ORIGIN
if ! { ${CC:-cc} -D_GNU_SOURCE -w -shared -fPIC -o "$tmp/opener/leaves/leaf.so" "$tmp/leaf.c" &&
	${CC:-cc} -D_GNU_SOURCE -w -shared -fPIC -Wl,-rpath,'$ORIGIN/leaves' -Wl,--enable-new-dtags \
		-o "$tmp/opener/opener.so" "$tmp/opener.c" -ldl &&
	${CC:-cc} -D_GNU_SOURCE -w -o "$tmp/main" "$tmp/main.c" -ldl; } 2>"$tmp/err"; then
	skip "${CC:-cc} makes no shared libraries: $(head -n 1 "$tmp/err")"
fi
main=("$tmp/main" "$tmp/opener/opener.so" "$tmp/opener/leaves/leaf.so")
"${main[@]}" >"$tmp/plain.out" || fail "plainly: exit status $?: $(cat "$tmp/plain.out")"
"$SPILL" run -m 16M -s "$tmp" -- "${main[@]}" >"$tmp/out" || fail "exit status $?: $(cat "$tmp/out")"
diff "$tmp/plain.out" "$tmp/out" || fail "another output"
# shellcheck disable=SC2016
grep -qx 'by its $ORIGIN: in name space 0, 1' "$tmp/out" || fail "the test proves nothing: $(cat "$tmp/out")"
