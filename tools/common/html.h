/* SPDX-License-Identifier: MIT */
/* html.h - pages for a browser: each is one file, which refers to no other
 */
#ifndef SPILL_HTML_H
#define SPILL_HTML_H

#include <stdio.h>

/* Writes everything up to the body's heading.  title is plain text; style: rules in addition to
 * those that all pages have. */
void html_begin(FILE *file, const char *title, const char *style);
void html_end(FILE *file);

/* Writes the file at path (-: stdout) by means of put.  Reports what goes wrong; returns the exit
 * status. */
int html_write(const char *path, void (*put)(FILE *file, const void *what), const void *what);

#endif
