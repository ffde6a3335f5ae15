/* SPDX-License-Identifier: MIT */
/* text.c - a copy of a text that is somebody else's: see text.h */
#include "base/text.h"
#include <string.h>

void text_copy(char *to, size_t size, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (length >= size)
		length = 0;
	memcpy(to, text ? text : "", length);
	to[length] = '\0';
}
