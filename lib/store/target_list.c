/* SPDX-License-Identifier: MIT */
/* target_list.c - how swap targets are written: see target.h */
#include "base/size.h"
#include "base/sys.h"
#include "store/target.h"
#include <stdlib.h>
#include <string.h>

static int parse_priority(const char *text, int *ret_priority)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < INT16_MIN || n > INT16_MAX)
		return -EINVAL;
	*ret_priority = (int)n;
	return 0;
}

/* Parses one option after the path, without its comma. */
static int parse_option(const char *text, struct target *target)
{
	if (strncmp(text, "pri=", 4) == 0)
		return parse_priority(text + 4, &target->priority);
	if (strncmp(text, "limit=", 6) == 0)
		return size_parse(text + 6, 0, &target->limit);
	return -EINVAL;
}

/* Takes "PATH,pri=1,limit=2G" apart, and cuts the text off after the path. */
static int parse_target(struct target *target)
{
	char *next = strchr(target->path, ',');
	int err = 0;

	while (next && !err) {
		char *option = next + 1;

		*next = '\0';
		next = strchr(option, ',');
		if (next)
			*next = '\0';
		err = parse_option(option, target);
	}
	return !err && target->path[0] ? err : -EINVAL;
}

int target_next(const char **list, struct target *ret_target)
{
	const char *start = *list + strspn(*list, ";");
	size_t length = strcspn(start, ";");
	struct target target = { .priority = 0, .limit = 0 };

	if (length == 0) {
		*list = start;
		return 1;
	}
	if (length >= sizeof(target.path))
		return -EINVAL;
	memcpy(target.path, start, length);
	if (parse_target(&target))
		return -EINVAL;
	*ret_target = target;
	*list = start + length;
	return 0;
}

static int append(char *list, size_t size, size_t *length, const char *text, size_t n)
{
	if (n >= size - *length)
		return -E2BIG;
	memcpy(list + *length, text, n);
	*length += n;
	list[*length] = '\0';
	return 0;
}

static int append_directory(char *list, size_t size, size_t *length)
{
	char cwd[4096];
	long n = sys_call2(SYS_getcwd, cwd, sizeof(cwd));
	int err;

	if (n < 0)
		return (int)n;
	if (cwd[0] != '/') /* "(unreachable)" */
		return -ENOENT;
	err = append(list, size, length, cwd, strlen(cwd));
	return err ? err : append(list, size, length, "/", 1);
}

int target_list_absolute(const char *list, char *ret_list, size_t size)
{
	size_t length = 0;

	for (;;) {
		const char *start = list + strspn(list, ";");
		struct target target;
		int err = target_next(&list, &target);

		if (err)
			return err > 0 ? 0 : err;
		if (length)
			err = append(ret_list, size, &length, ";", 1);
		if (!err && *start != '/')
			err = append_directory(ret_list, size, &length);
		if (!err)
			err = append(ret_list, size, &length, start, (size_t)(list - start));
		if (err)
			return err;
	}
}
