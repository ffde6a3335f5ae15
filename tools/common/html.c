/* SPDX-License-Identifier: MIT */
/* html.c - pages for a browser: see html.h */
#include "common/html.h"
#include "common/tool.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Light or dark, as the reader prefers. */
static const char common[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<style>\n"
	":root{--page:#fff;--text:#1d2126;--dim:#667;--line:#c8ccd2}\n"
	"@media(prefers-color-scheme:dark){:root{--page:#15181c;--text:#e4e6e9;--dim:#99a;"
	"--line:#444a52}}\n"
	"body{background:var(--page);color:var(--text);font:14px/1.5 system-ui,sans-serif;"
	"margin:1.5em auto;max-width:1180px;padding:0 1em}\n"
	"h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.6em}\n"
	"svg{display:block;width:100%;height:auto}svg text{fill:var(--text);font:11px monospace}\n"
	".legend span{margin-right:1.2em;white-space:nowrap}"
	".legend svg{display:inline-block;width:12px;height:12px;vertical-align:-1px}\n";

/* Writes plain text: nothing in it is markup. */
static void put_text(FILE *file, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", file);
			break;
		case '&':
			fputs("&amp;", file);
			break;
		default:
			fputc((unsigned char)*text < ' ' ? '?' : *text, file);
		}
}

void html_begin(FILE *file, const char *title, const char *style)
{
	fprintf(file, "%s%s</style>\n<title>", common, style);
	put_text(file, title);
	fputs("</title></head><body>\n<h1>", file);
	put_text(file, title);
	fputs("</h1>\n", file);
}

void html_end(FILE *file)
{
	fputs("</body></html>\n", file);
}

int html_write(const char *path, void (*put)(FILE *file, const void *what), const void *what)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	bool failed;

	if (!file)
		return tool_fail("--html: %s: %s", path, strerror(errno));
	put(file, what);
	failed = ferror(file);
	failed |= file == stdout ? fflush(file) : fclose(file);
	return failed ? tool_fail("--html: %s: %s", path, strerror(errno)) : 0;
}
