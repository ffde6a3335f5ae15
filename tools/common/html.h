/* SPDX-License-Identifier: MIT */
/* html.h - pages for a browser: one file, which refers to no other
 */
#ifndef SPILL_HTML_H
#define SPILL_HTML_H

#include <stdio.h>

/* Up to the body's heading; style: rules beside those that all pages have.  The title is text. */
void html_begin(FILE *file, const char *title, const char *style);
void html_end(FILE *file);

/* Writes FILE (-: stdout) by means of put.  The exit status: what is wrong is said. */
int html_write(const char *path, void (*put)(FILE *file, const void *what), const void *what);

#endif
