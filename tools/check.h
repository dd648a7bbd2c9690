/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What "check" finds out, for itself and for "load".
 */
#ifndef CHECK_H
#define CHECK_H

#include "dualbmctl.h"

enum verdict {
	VERDICT_YES,
	VERDICT_INFO,		/* no part of the answer */
	VERDICT_DOUBT,		/* it will work, but not as one might expect */
	VERDICT_UNKNOWN,	/* the answer depends on it, and it cannot be told */
	VERDICT_NO,
};

struct finding {
	enum verdict verdict;
	const char *topic;
	char *subject, *text;
};

struct hook_found {
	const char *symbol, *mechanism;
	bool required;
};

struct check {
	/* What is asked; any of them may be NULL. */
	const char *release, *image, *module;

	char *kernel;		/* the release that the answer is about */
	char *kernel_id;	/* its identity, as the module's kernel_id has it, or NULL */
	bool qualified;		/* the configuration of modprobe names that */
	unsigned int major, minor;
	bool running;
	char *config;		/* lines of a kernel's configuration, or NULL */
	char *module_path;
	struct modfile mod;
	bool have_module;
	struct image kernel_image;
	struct buffer symbols;
	const char *symbols_from;
	struct btf *btf;

	struct finding *findings;
	size_t nr_findings;
	struct hook_found hooks[16];
	size_t nr_hooks;
};

void add(struct check *check, enum verdict verdict, const char *topic, const char *subject,
	 const char *format, ...) printf_like(5, 6);
/* Is CONFIG_@name y (or m)? */
bool config_is(const struct check *check, const char *name);
bool since(const struct check *check, unsigned int major, unsigned int minor);

/* Which kernel runs, or is in the image that was read last, unless that is known already. */
void identify_running(struct check *check);
void identify_image(struct check *check);
struct parameter {
	const char *name, *value;	/* the last is the default */
};

/* The module's, a name of NULL at the end. */
extern const struct parameter module_parameters[];
/* @value is NULL where there is none, and so is @file on the kernel's command line. */
typedef void (*option_taker)(void *data, const char *name, const char *value, const char *file);
/*
 * Calls @take for each parameter that modprobe would give the module, in its order; false if not
 * all can be told. What cannot be read is added to the findings of @check.
 */
bool configured_options(struct check *check, option_taker take, void *data);
/* Is it one that modprobe tells the module it was tried? */
void check_qualified(struct check *check);

/* Everything that is about the kernel and the module's file, none about the machine. */
/* The file that --module names, if it does; its vermagic may name the kernel. */
void check_module_file(struct check *check);
void check_kernel(struct check *check);
void check_hooks(struct check *check);
void check_module(struct check *check);
void check_free(struct check *check);

#endif /* CHECK_H */
