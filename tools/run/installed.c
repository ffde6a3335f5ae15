/* SPDX-License-Identifier: MIT */
/* installed.c - where the preload library is: installed with this program, or built with it */
#include "config.h"
#include "run/installed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef WITHOUT_PRELOAD
#define PRELOAD_MISSING "spill was built with --disable-preload"
#else
#define PRELOAD_MISSING "is spill installed?"
#endif

static bool is_there(const char *path)
{
	return access(path, R_OK) == 0;
}

/* The directory of this program, which may be in its build tree: libtool puts the program itself
 * into .libs. */
static bool own_directory(char path[PROGRAM_PATH])
{
	ssize_t n = readlink("/proc/self/exe", path, PROGRAM_PATH - 1);
	char *slash;

	if (n <= 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash && slash - path >= 6 && strncmp(slash - 6, "/.libs", 6) == 0)
		slash -= 6;
	if (slash)
		*slash = '\0';
	return slash != NULL;
}

static bool find_in_build_tree(char path[PROGRAM_PATH])
{
	static const char *const places[] = { "../lib/preload/.libs", "../lib/.libs", "../.libs" };
	char own[PROGRAM_PATH], text[PROGRAM_PATH + 64];

	if (!own_directory(own))
		return false;
	snprintf(text, sizeof(text), "%s/../config.status", own);
	if (!is_there(text)) /* installed */
		return false;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(text, sizeof(text), "%s/%s/" PRELOAD_NAME, own, places[i]);
		if (is_there(text) && realpath(text, path))
			return true;
	}
	return false;
}

/* Where it is installed, or where the installation was moved as a whole, as with DESTDIR. */
static void find_installed(char path[PROGRAM_PATH])
{
	char own[PROGRAM_PATH], text[PROGRAM_PATH + sizeof(PKGLIBDIR "/" PRELOAD_NAME)];
	size_t length = own_directory(own) ? strlen(own) : 0;

	strcpy(path, PKGLIBDIR "/" PRELOAD_NAME);
	if (length <= strlen(BINDIR) || strcmp(own + length - strlen(BINDIR), BINDIR) != 0)
		return;
	own[length - strlen(BINDIR)] = '\0';
	snprintf(text, sizeof(text), "%s%s", own, path);
	if (is_there(text) && strlen(text) < PROGRAM_PATH)
		strcpy(path, text);
}

const char *installed_find_preload(char path[PROGRAM_PATH])
{
	static char why[PROGRAM_PATH + 64];

	if (!find_in_build_tree(path))
		find_installed(path);
	if (!is_there(path))
		snprintf(why, sizeof(why), "%s: not found; " PRELOAD_MISSING, path);
	else if (strpbrk(path, " :"))
		snprintf(why, sizeof(why), "%s: LD_PRELOAD takes no path with a space or a colon",
			 path);
	return why[0] ? why : NULL;
}
