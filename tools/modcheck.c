// SPDX-License-Identifier: GPL-2.0-only
/*
 * Will the kernel take this module's file: vermagic, CRCs, signature.
 */
#include <elf.h>
#include <errno.h>
#include <libkmod.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* Where modprobe would find the module; NULL if it is not installed. */
static char *installed_module(const char *release)
{
	char *relative = format_text("/lib/modules/%s", release), *directory = root_path(relative);
	const char *no_config = NULL;
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	struct kmod_ctx *kmod;
	char *path = NULL;

	kmod = kmod_new(directory, &no_config);
	if (kmod && !kmod_module_new_from_lookup(kmod, "dualbm", &list) && list) {
		module = kmod_module_get_module(list);
		if (kmod_module_get_path(module))
			path = duplicate(kmod_module_get_path(module) + strlen(options.root));
		kmod_module_unref(module);
		kmod_module_unref_list(list);
	}
	kmod_unref(kmod);
	free(relative);
	free(directory);
	return path;
}

/* The vermagic that the kernel's own modules have. */
static char *vermagic_of_kernel(const struct check *check)
{
	char *path = format_text("/lib/modules/%s/modules.dep", check->kernel);
	char *found = NULL, *rest, *line;
	struct buffer list, file;
	struct modfile mod;
	struct why why;
	int ret;

	ret = file_read(path, &list, 64 * SMALL_FILE);
	free(path);
	if (ret)
		return NULL;
	rest = list.data;
	while (!found && (line = next_line(&rest))) {
		if (strncmp(line, "kernel/", 7))
			continue;
		line[strcspn(line, ":")] = '\0';
		path = format_text("/lib/modules/%s/%s", check->kernel, line);
		if (!file_read(path, &file, LARGE_FILE)) {
			if (!modfile_parse(file.data, file.size, &mod, &why)) {
				found = duplicate(mod.vermagic);
				modfile_free(&mod);
			}
			buffer_free(&file);
		}
		free(path);
	}
	buffer_free(&list);
	return found;
}

/* kernel/module/version.c, same_magic(): with CRCs, the release need not agree. */
static void check_vermagic(struct check *check)
{
	char *kernel = vermagic_of_kernel(check);
	const char *module = check->mod.vermagic;
	size_t release = strcspn(module, " ");
	bool crcs = check->mod.versions && config_is(check, "MODVERSIONS");

	if (!kernel) {
		if (strlen(check->kernel) == release && !strncmp(module, check->kernel, release))
			add(check, VERDICT_YES, "module", "vermagic", "%s", module);
		else
			add(check, crcs ? VERDICT_DOUBT : VERDICT_NO, "module", "vermagic",
			    "built for \"%s\", not for %s", module, check->kernel);
		return;
	}
	if (!strcmp(kernel, module))
		add(check, VERDICT_YES, "module", "vermagic", "%s", module);
	else if (strcmp(kernel + strcspn(kernel, " "), module + release))
		add(check, VERDICT_NO, "module", "vermagic", "\"%s\", and the kernel's is \"%s\"",
		    module, kernel);
	else
		add(check, crcs ? VERDICT_DOUBT : VERDICT_NO, "module", "vermagic",
		    "built for another release, \"%s\", not for %s", module, check->kernel);
	free(kernel);
}

static void check_crcs(struct check *check)
{
	char *path = format_text("/lib/modules/%s/build/Module.symvers", check->kernel);
	unsigned int missing = 0, different = 0;
	const char *first_missing = "", *first_different = "";
	struct symvers symvers;
	struct buffer buffer;
	struct why why;
	size_t i;
	int ret;

	ret = file_read(path, &buffer, 256 * SMALL_FILE);
	if (ret) {
		add(check, VERDICT_INFO, "module", "symbols",
		    "not compared: %s: %s (are the headers installed?)", path, strerror(-ret));
		free(path);
		return;
	}
	ret = symvers_parse(buffer.data, buffer.size, &symvers, &why);
	buffer_free(&buffer);
	if (ret) {
		add(check, VERDICT_DOUBT, "module", path, "%s", why.text);
		free(path);
		return;
	}
	free(path);
	for (i = 0; i < check->mod.nr_imports; i++) {
		const struct symbol_crc *import = &check->mod.imports[i], *export;

		export = symvers_find(&symvers, import->name);
		if (!export) {
			if (!missing++)
				first_missing = import->name;
		} else if (check->mod.versions && export->crc != import->crc) {
			if (!different++)
				first_different = import->name;
		}
	}
	if (missing)
		add(check, VERDICT_NO, "module", "symbols", "the kernel does not export %u of %zu: %s%s",
		    missing, check->mod.nr_imports, first_missing, missing > 1 ? ", ..." : "");
	if (different)
		add(check, VERDICT_NO, "module", "symbols",
		    "%u of %zu CRCs differ from the kernel's: %s%s; build it against these headers",
		    different, check->mod.nr_imports, first_different, different > 1 ? ", ..." : "");
	if (!missing && !different)
		add(check, VERDICT_YES, "module", "symbols", "the kernel has all %zu%s",
		    check->mod.nr_imports, check->mod.versions ? ", with the same CRCs" : "");
	symvers_free(&symvers);
}

static void check_machine(struct check *check)
{
	bool other = (check->mod.machine == EM_AARCH64 && config_is(check, "X86_64")) ||
		     (check->mod.machine == EM_X86_64 && config_is(check, "ARM64"));

	if (other)
		add(check, VERDICT_NO, "module", check->module_path, "built for another architecture");
}

/* Read before everything else: its vermagic may be what names the kernel. */
static void read_module(struct check *check)
{
	struct buffer buffer;
	struct why why;
	int ret;

	ret = check->module ? caller_read(check->module, &buffer, LARGE_FILE) :
	      file_read(check->module_path, &buffer, LARGE_FILE);
	if (ret)
		fail(ret == -EACCES || ret == -EPERM ? STATUS_PERMISSION : STATUS_LACKING, "%s: %s",
		     check->module_path, strerror(-ret));
	ret = modfile_parse(buffer.data, buffer.size, &check->mod, &why);
	buffer_free(&buffer);
	if (ret)
		fail(STATUS_FOREIGN, "%s: %s", check->module_path, why.text);
	if (!check->mod.name || strcmp(check->mod.name, "dualbm"))
		fail(STATUS_FOREIGN, "%s: this is a module, but not dualbm", check->module_path);
	check->have_module = true;
}

void check_module_file(struct check *check)
{
	if (!check->module)
		return;
	check->module_path = duplicate(check->module);
	read_module(check);
}

void check_module(struct check *check)
{
	if (!check->have_module) {
		check->module_path = installed_module(check->kernel);
		if (!check->module_path) {
			add(check, VERDICT_INFO, "module", "dualbm",
			    "not installed for this kernel yet: make install KERNELRELEASE=%s",
			    check->kernel);
			return;
		}
		read_module(check);
	}
	add(check, VERDICT_INFO, "module", check->module_path, "dualbm %s",
	    check->mod.version ? check->mod.version : "of an unknown version");
	check_machine(check);
	check_vermagic(check);
	check_crcs(check);
}
