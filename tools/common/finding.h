/* SPDX-License-Identifier: MIT */
/* finding.h - what a check has found: it is fine, costs something, or is broken; and what mends it
 */
#ifndef SPILL_FINDING_H
#define SPILL_FINDING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum verdict { FINE, COSTS, BROKEN };

struct finding {
	const char *name; /* a word for what was checked, which is its key in JSON */
	enum verdict verdict;
	char text[512];
	const char *remedy; /* a command, to be run by root if it begins with #; or NULL */
};

/* Sets verdict and text; there is no remedy yet. */
void found(struct finding *finding, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Is none of them broken? */
bool findings_work(const struct finding findings[], size_t n);

/* Prints a line for each, and a line for its remedy. */
void findings_print(const struct finding findings[], size_t n);

/* An object with an entry for each, by its name: verdict, text, remedy. */
json_t *findings_object(const struct finding findings[], size_t n);

#endif
