// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a check has found so far, and what it knows of the kernel.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

bool since(const struct check *check, unsigned int major, unsigned int minor)
{
	return check->major > major || (check->major == major && check->minor >= minor);
}

bool config_is(const struct check *check, const char *name)
{
	char line[128];
	const char *at = check->config;
	int length = snprintf(line, sizeof(line), "CONFIG_%s=", name);

	while (at && (at = strstr(at, line))) {
		if ((at == check->config || at[-1] == '\n') &&
		    (at[length] == 'y' || at[length] == 'm'))
			return true;
		at += length;
	}
	return false;
}

void add(struct check *check, enum verdict verdict, const char *topic, const char *subject,
	 const char *format, ...)
{
	struct finding *finding;
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_text_va(format, arguments);
	va_end(arguments);
	check->findings = reallocate(check->findings,
				     (check->nr_findings + 1) * sizeof(*check->findings));
	finding = &check->findings[check->nr_findings++];
	finding->verdict = verdict;
	finding->topic = topic;
	finding->subject = duplicate(subject);
	finding->text = text;
}

void check_free(struct check *check)
{
	size_t i;

	for (i = 0; i < check->nr_findings; i++) {
		free(check->findings[i].subject);
		free(check->findings[i].text);
	}
	free(check->findings);
	free(check->kernel);
	free(check->kernel_id);
	free(check->config);
	free(check->module_path);
	modfile_free(&check->mod);
	image_free(&check->kernel_image);
	buffer_free(&check->symbols);
	btf_done(check->btf);
}
