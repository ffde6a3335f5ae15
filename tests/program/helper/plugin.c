/* SPDX-License-Identifier: MIT */
/* plugin.c - libspill as a plug-in's library: plugin LIBSPILL.SO
 *
 * It is opened and closed again and again, with a pager used between.  At last it is closed while a
 * pager is in use, whose data must be there nevertheless, in a child too.
 */
#include <dlfcn.h>
#include <err.h>
#include <spill.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE ((size_t)32 << 20)
#define WORDS (SIZE / sizeof(uint64_t))
#define TURNS 20

static __typeof__(&spill_open) open_pager;
static __typeof__(&spill_reserve) reserve;
static __typeof__(&spill_close) close_pager;

static void *load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		errx(1, "dlopen: %s", dlerror());
	*(void **)&open_pager = dlsym(library, "spill_open");
	*(void **)&reserve = dlsym(library, "spill_reserve");
	*(void **)&close_pager = dlsym(library, "spill_close");
	if (!open_pager || !reserve || !close_pager)
		errx(1, "dlsym: %s", dlerror());
	return library;
}

static uint64_t *make(spill **pager)
{
	struct spill_options options = SPILL_OPTIONS_INIT;
	uint64_t *words;

	options.budget = SPILL_BUDGET_MIN;
	options.swap = getenv("TEST_TMP");
	*pager = open_pager(&options);
	words = *pager ? reserve(*pager, SIZE) : NULL;
	if (!words)
		err(1, "no memory");
	for (size_t i = 0; i < WORDS; i++)
		words[i] = i * UINT64_C(0x9E3779B97F4A7C15);
	return words;
}

static void check(const uint64_t *words)
{
	for (size_t i = 0; i < WORDS; i++)
		if (words[i] != i * UINT64_C(0x9E3779B97F4A7C15))
			errx(1, "word %zu is wrong", i);
}

int main(int argc, char **argv)
{
	uint64_t *words;
	void *library;
	spill *pager;
	int status;

	if (argc != 2)
		errx(2, "which library?");
	for (unsigned turn = 0; turn < TURNS; turn++) {
		library = load(argv[1]);
		words = make(&pager);
		check(words);
		close_pager(pager);
		dlclose(library);
		if (fork() == 0)
			_exit(0);
		if (wait(&status) < 0 || status)
			errx(1, "a child ended with %x", (unsigned)status);
	}
	library = load(argv[1]);
	words = make(&pager);
	dlclose(library);
	check(words);
	if (fork() == 0) {
		check(words);
		_exit(0);
	}
	if (wait(&status) < 0 || status)
		errx(1, "the last child ended with %x", (unsigned)status);
	check(words);
	printf("right\n");
	return 0;
}
