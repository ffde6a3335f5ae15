/* SPDX-License-Identifier: MIT */
/* finding.c - what a check has found: see finding.h */
#include "common/finding.h"
#include <stdarg.h>
#include <stdio.h>

static const char *const verdicts[] = { "fine", "costs", "broken" };

void found(struct finding *finding, enum verdict verdict, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	finding->verdict = verdict;
	finding->remedy = NULL;
	vsnprintf(finding->text, sizeof(finding->text), format, list);
	va_end(list);
}

bool findings_work(const struct finding findings[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (findings[i].verdict == BROKEN)
			return false;
	return true;
}

void findings_print(const struct finding findings[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct finding *finding = &findings[i];

		printf("%-7s %-12s %s\n", verdicts[finding->verdict], finding->name, finding->text);
		if (finding->remedy)
			printf("%-20s fix it: %s\n", "", finding->remedy);
	}
}

json_t *findings_object(const struct finding findings[], size_t n)
{
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(object, findings[i].name,
				    json_pack("{s:s, s:s, s:s?}", "verdict",
					      verdicts[findings[i].verdict], "text",
					      findings[i].text, "remedy", findings[i].remedy));
	return object;
}
