// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel that "check" is about: which one it is, how it was configured, and
 * where its symbols and its BTF are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* The release of the kernel, from whatever was named. */
static void find_release(struct check *check)
{
	char *running = file_line("/proc/sys/kernel/osrelease");
	struct buffer buffer;
	struct why why;
	int ret;

	if (check->image) {
		ret = caller_read(check->image, &buffer, LARGE_FILE);
		if (ret)
			fail(ret == -EACCES || ret == -EPERM ? STATUS_PERMISSION : STATUS_LACKING,
			     "%s: %s", check->image, strerror(-ret));
		if (image_parse(buffer.data, buffer.size, &check->kernel_image, &why))
			fail(STATUS_FOREIGN, "%s: %s", check->image, why.text);
		buffer_free(&buffer);
		identify_image(check);
	}
	if (check->release)
		check->kernel = duplicate(check->release);
	else if (check->kernel_image.release)
		check->kernel = duplicate(check->kernel_image.release);
	else if (check->have_module)
		check->kernel = strndup(check->mod.vermagic, strcspn(check->mod.vermagic, " "));
	else if (running)
		check->kernel = duplicate(running);
	else
		fail(STATUS_LACKING, "which kernel runs is not known (/proc is not mounted?); use --kernel RELEASE");
	check->running = running && !check->image && !strcmp(running, check->kernel);
	if (check->running)
		identify_running(check);
	free(running);
	if (strchr(check->kernel, '/') ||
	    sscanf(check->kernel, "%u.%u", &check->major, &check->minor) != 2)
		fail(STATUS_USAGE, "\"%s\" is not the release of a kernel, as \"uname -r\" gives it",
		     check->kernel);
	if (check->release && check->kernel_image.release &&
	    strcmp(check->release, check->kernel_image.release))
		add(check, VERDICT_NO, "kernel", check->kernel, "%s is an image of %s",
		    check->image, check->kernel_image.release);
}

/*
 * An image of this release, where distributions keep it. The first one is what boots, and says
 * which kernel it is; of the others, which may be of another build, only BTF is taken.
 */
static void find_image(struct check *check)
{
	static const char * const places[] = {
		"/boot/vmlinuz-%s", "/usr/lib/modules/%s/vmlinuz", "/lib/modules/%s/vmlinuz",
		"/boot/vmlinux-%s", "/usr/lib/debug/boot/vmlinux-%s",
		"/lib/modules/%s/build/vmlinux",
	};
	struct buffer buffer;
	struct why why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places) && !check->kernel_image.btf.data; i++) {
		char *path;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		path = format_text(places[i], check->kernel);
#pragma GCC diagnostic pop
		if (!file_read(path, &buffer, LARGE_FILE)) {
			image_free(&check->kernel_image);
			if (image_parse(buffer.data, buffer.size, &check->kernel_image, &why))
				add(check, VERDICT_DOUBT, "kernel", path, "%s", why.text);
			else if (!check->running)
				identify_image(check);
			buffer_free(&buffer);
		}
		free(path);
	}
}

static bool try_config(struct check *check, const char *path)
{
	struct buffer buffer, plain;
	struct why why;
	int ret;

	if (file_read(path, &buffer, 16 * SMALL_FILE))
		return false;
	ret = decompress(buffer.data, buffer.size, &plain, 16 * SMALL_FILE, &why);
	if (!ret) {
		buffer_free(&buffer);
		buffer = plain;
	}
	if (ret < 0 || !strstr(buffer.data, "CONFIG_")) {
		add(check, VERDICT_DOUBT, "config", path, "%s",
		    ret < 0 ? why.text : "not a kernel's configuration");
		buffer_free(&buffer);
		return false;
	}
	check->config = buffer.data;
	return true;
}

static void find_config(struct check *check)
{
	char *paths[] = {
		check->running ? duplicate("/proc/config.gz") : NULL,
		format_text("/boot/config-%s", check->kernel),
		format_text("/lib/modules/%s/config", check->kernel),
		format_text("/lib/modules/%s/build/.config", check->kernel),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (paths[i] && !check->config && try_config(check, paths[i]))
			add(check, VERDICT_INFO, "config", paths[i], "read");
		free(paths[i]);
	}
	if (!check->config)
		add(check, VERDICT_DOUBT, "config", check->kernel,
		    "no configuration in /boot, /lib/modules or the headers: not checked");
}

/* Debian ships a System.map of one line that says where the real one is. */
static bool real_symbols(const struct buffer *buffer)
{
	const char *at = buffer->data;
	unsigned int lines = 0;

	while (lines < 10 && (at = strchr(at, '\n'))) {
		lines++;
		at++;
	}
	return lines >= 10;
}

static void find_symbols(struct check *check)
{
	char *paths[] = {
		check->running ? duplicate("/proc/kallsyms") : NULL,
		check->image ? NULL : format_text("/boot/System.map-%s", check->kernel),
		check->image ? NULL : format_text("/lib/modules/%s/System.map", check->kernel),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		if (paths[i] && !check->symbols.data &&
		    !file_read(paths[i], &check->symbols, 256 * SMALL_FILE)) {
			if (real_symbols(&check->symbols))
				check->symbols_from = i ? "System.map" : "kallsyms";
			else
				buffer_free(&check->symbols);
		}
		free(paths[i]);
	}
	if (!check->symbols.data && check->kernel_image.symbols.size) {
		check->symbols = check->kernel_image.symbols;
		check->kernel_image.symbols = (struct buffer){ NULL, 0 };
		check->symbols_from = "the image's symbols";
	}
}

static void find_btf(struct check *check)
{
	struct buffer buffer;
	struct why why;

	if (check->running && !file_read("/sys/kernel/btf/vmlinux", &buffer, LARGE_FILE)) {
		check->btf = btf_parse(buffer.data, buffer.size, &why);
		if (!check->btf)
			add(check, VERDICT_DOUBT, "kernel", "/sys/kernel/btf/vmlinux", "%s",
			    why.text);
		buffer_free(&buffer);
		if (check->btf)
			return;
	}
	if (!check->kernel_image.btf.data && !check->image)
		find_image(check);
	if (!check->kernel_image.btf.size)
		return;
	check->btf = btf_parse(check->kernel_image.btf.data, check->kernel_image.btf.size, &why);
	if (!check->btf)
		add(check, VERDICT_DOUBT, "kernel", "BTF", "%s", why.text);
}

static void check_release(struct check *check)
{
	if (!since(check, 5, 10)) {
		add(check, VERDICT_NO, "kernel", check->kernel, "too old: 5.10 is the oldest that works");
		return;
	}
	check_qualified(check);
}

static void check_config(struct check *check)
{
	static const struct {
		const char *name, *alternative;
		enum verdict without;
		const char *why;
	} wanted[] = {
		{ "64BIT", NULL, VERDICT_NO, "a kernel of 64 bits is needed" },
		{ "MODULES", NULL, VERDICT_NO, "the kernel loads no modules" },
		{ "SMP", NULL, VERDICT_NO, "not built for it, and never tried" },
		{ "SYSFS", NULL, VERDICT_NO, "dualbm's files are there" },
		{ "SPARSEMEM_VMEMMAP", "SPARSEMEM", VERDICT_NO, "the planes follow its sections" },
		{ "MEMORY_HOTPLUG", NULL, VERDICT_NO, "which memory is online cannot be asked" },
		{ "TRACEPOINTS", NULL, VERDICT_NO, "allocations and frees are seen by them" },
		{ "FUNCTION_TRACER", NULL, VERDICT_NO, "needed to hook functions" },
		{ "DYNAMIC_FTRACE", NULL, VERDICT_NO, "needed to hook functions" },
		{ "DYNAMIC_FTRACE_WITH_REGS", "DYNAMIC_FTRACE_WITH_ARGS", VERDICT_NO,
		  "needed to read the arguments of a function" },
		{ "KALLSYMS", NULL, VERDICT_NO, "needed to find functions" },
		{ "KPROBES", NULL, VERDICT_NO, "needed to find functions, and for the boundary" },
		{ "STACKTRACE", NULL, VERDICT_NO, "needed to learn which memory is in use" },
		{ "DEBUG_FS", NULL, VERDICT_DOUBT, "no list of violations, no map, no frame" },
		{ "NUMA", NULL, VERDICT_INFO, "all planes lie on the one node" },
		{ "DEBUG_INFO_BTF", NULL, VERDICT_INFO, "prototypes cannot be checked" },
	}, unwelcome[] = {
		{ "LTO_CLANG", NULL, VERDICT_DOUBT,
		  "functions may be inlined across files, past the hooks" },
		{ "PREEMPT_RT", NULL, VERDICT_INFO, "locks sleep: some proofs run later" },
	};
	unsigned int good = 0;
	size_t i;

	if (!check->config)
		return;
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (config_is(check, wanted[i].name) ||
		    (wanted[i].alternative && config_is(check, wanted[i].alternative))) {
			good++;
			continue;
		}
		add(check, wanted[i].without, "config", wanted[i].name, "not set: %s",
		    wanted[i].why);
	}
	for (i = 0; i < ARRAY_SIZE(unwelcome); i++)
		if (config_is(check, unwelcome[i].name))
			add(check, unwelcome[i].without, "config", unwelcome[i].name, "set: %s",
			    unwelcome[i].why);
	if (good == ARRAY_SIZE(wanted))
		add(check, VERDICT_YES, "config", check->kernel,
		    "has all %u options that dualbm uses", good);
}

void check_kernel(struct check *check)
{
	find_release(check);
	find_btf(check);
	find_symbols(check);
	check_release(check);
	find_config(check);
	check_config(check);
}
