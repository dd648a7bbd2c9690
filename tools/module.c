// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl load", "unload" and "policy": modprobe's work by modprobe's library,
 * with a look first at what would go wrong, and words afterwards for what did.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libkmod.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define PATIENCE	120

static void need_this_machine(const char *command)
{
	if (*options.root)
		fail(STATUS_USAGE, "%s acts on this machine, and not below --root", command);
	if (geteuid())
		fail(STATUS_PERMISSION, "%s: run this as root", command);
}

/* Where the kernel's log ends now. */
static int log_mark(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* What the kernel has said of the module since then. */
static void log_show(int fd)
{
	char record[8192];
	ssize_t got;

	while (fd >= 0 && ((got = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE)) {
		char *text;

		if (got <= 0)
			continue;
		record[got] = '\0';
		record[strcspn(record, "\n")] = '\0';
		text = strchr(record, ';');
		if (text && strstr(text, "dualbm"))
			warn("the kernel says: %s", text + 1);
	}
}

static _Noreturn void load_failed(int error)
{
	switch (error) {
	case ENOKEY:
	case EKEYREJECTED:
	case EBADMSG:
		fail(STATUS_REFUSED,
		     "load: the kernel does not trust the module's signature (%s); enrol the key that DKMS signs with: mokutil --import /var/lib/dkms/mok.pub, then reboot",
		     strerror(error));
	case ENOEXEC:
		fail(STATUS_REFUSED, "load: the module was built for another kernel (%s); make install",
		     strerror(error));
	case EPERM:
		fail(STATUS_PERMISSION,
		     "load: %s: kernel lockdown, kernel.modules_disabled=1 or a container forbids it",
		     strerror(error));
	case EEXIST:
		fail(STATUS_REFUSED, "load: dualbm is loaded already");
	default:
		fail(STATUS_REFUSED, "load: %s", strerror(error));
	}
}

static _Noreturn void no_such_parameter(const struct check *check, const char *word, size_t length)
{
	char *name = strndup(word, length);
	const char *meant = NULL;
	size_t nr = 0;

	while (check->mod.parameters && check->mod.parameters[nr])
		nr++;
	if (nr && name)
		meant = did_you_mean(name, (const char * const *)check->mod.parameters, nr,
				     sizeof(*check->mod.parameters));
	if (meant)
		fail(STATUS_USAGE, "load: the module has no parameter \"%s\"; did you mean \"%s\"?",
		     name, meant);
	fail(STATUS_USAGE, "load: the module has no parameter \"%.*s\"; modinfo dualbm lists them",
	     (int)length, word);
}

/* The kernel takes a parameter that a module does not have, and drops it. */
static char *parameters(const struct check *check, int argc, char **argv)
{
	char *all = duplicate("");
	int i;

	for (i = 0; i < argc; i++) {
		size_t length = strcspn(argv[i], "="), j;
		char *more;

		if (!argv[i][length] || !length)
			fail(STATUS_USAGE, "load: \"%s\" is not PARAMETER=VALUE", argv[i]);
		for (j = 0; check->mod.parameters && check->mod.parameters[j]; j++)
			if (strlen(check->mod.parameters[j]) == length &&
			    !strncmp(check->mod.parameters[j], argv[i], length))
				break;
		if (!check->mod.parameters || !check->mod.parameters[j])
			no_such_parameter(check, argv[i], length);
		if (strpbrk(argv[i], " \t\n\""))
			fail(STATUS_USAGE, "load: no value of a parameter has blanks or quotes: \"%s\"",
			     argv[i]);
		more = format_text("%s%s%s", all, *all ? " " : "", argv[i]);
		free(all);
		all = more;
	}
	return all;
}

static int insert(const char *file, const char *options_text)
{
	struct kmod_ctx *kmod = kmod_new(NULL, NULL);
	struct kmod_module *module = NULL;
	struct kmod_list *list = NULL;
	int ret;

	if (!kmod)
		return -ENOMEM;
	if (file) {
		ret = kmod_module_new_from_path(kmod, file, &module);
		if (!ret)
			ret = kmod_module_insert_module(module, 0, options_text);
	} else {
		kmod_load_resources(kmod);
		ret = kmod_module_new_from_lookup(kmod, "dualbm", &list);
		if (!ret && !list)
			ret = -ENOENT;
		if (!ret) {
			module = kmod_module_get_module(list);
			ret = kmod_module_probe_insert_module(module, KMOD_PROBE_FAIL_ON_LOADED,
							      options_text, NULL, NULL, NULL);
		}
	}
	kmod_module_unref(module);
	kmod_module_unref_list(list);
	kmod_unref(kmod);
	return ret > 0 ? -EEXIST : ret;
}

/* Until it is armed, or something else that stays. */
static char *wait_for_state(void)
{
	const struct timespec pause = { 0, 200 * 1000 * 1000 };
	struct buffer stats;
	char *state = NULL;
	int turn;

	for (turn = 0; turn < PATIENCE * 5; turn++) {
		free(state);
		state = file_line(SYSFS "/state");
		if (state && strcmp(state, "learning") && strcmp(state, "disarmed"))
			break;
		if (options.terminal && !file_read(SYSFS "/stats", &stats, SMALL_FILE)) {
			uint64_t managed = 0, untracked = 0;

			line_number(stats.data, "pages_managed", &managed);
			line_number(stats.data, "pages_untracked", &untracked);
			progress("learning", managed - untracked, managed);
			buffer_free(&stats);
		}
		nanosleep(&pause, NULL);
	}
	progress_end();
	return state ? state : duplicate("unknown");
}

/* What would keep the module from working is better said before it is tried. */
static void look_first(struct check *check, bool force)
{
	unsigned int reasons = 0;
	size_t i;

	check_module_file(check);
	check_kernel(check);
	check_hooks(check);
	check_module(check);
	if (!check->have_module)
		fail(STATUS_LACKING, "load: dualbm is not installed for %s: make install",
		     check->kernel);
	for (i = 0; i < check->nr_findings; i++) {
		if (check->findings[i].verdict != VERDICT_NO)
			continue;
		warn("%s: %s: %s", check->findings[i].topic, check->findings[i].subject,
		     check->findings[i].text);
		reasons++;
	}
	if (reasons && !force)
		fail(STATUS_NO, "load: not tried: it would not work on %s; --force tries it all the same",
		     check->kernel);
}

int command_load(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "module", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	struct check check = { 0 };
	bool force = false, armed;
	char *words, *state, *reason;
	int option, ret, log;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'f':
			force = true;
			break;
		case 'm':
			check.module = optarg;
			break;
		default:
			bad_option("load", argv, long_options);
		}
	}
	need_this_machine("load");
	if (file_exists("/sys/module/dualbm"))
		fail(STATUS_REFUSED, "load: dualbm is loaded already");
	look_first(&check, force);
	words = parameters(&check, argc - optind, argv + optind);
	log = log_mark();
	ret = insert(check.module, words);
	free(words);
	if (ret) {
		log_show(log);
		load_failed(-ret);
	}
	if (log >= 0)
		close(log);
	state = wait_for_state();
	reason = file_line(SYSFS "/state_reason");
	armed = !strcmp(state, "armed");
	if (options.json) {
		json_begin("load");
		json_string("state", state);
		if (reason && *reason)
			json_string("reason", reason);
		json_end();
	} else {
		printf("loaded: %s%s%s", colour(armed ? GOOD : DOUBTFUL), state, colour(PLAIN));
		if (reason && *reason)
			printf(" (%s)", reason);
		putchar('\n');
	}
	free(state);
	free(reason);
	check_free(&check);
	return armed ? STATUS_YES : STATUS_NO;
}

int command_unload(int argc, char **argv)
{
	struct kmod_module *module = NULL;
	struct kmod_ctx *kmod;
	struct buffer stats;
	uint64_t found = 0;
	int ret;

	no_arguments(argc, argv, "unload");
	need_this_machine("unload");
	if (!file_exists("/sys/module/dualbm"))
		fail(STATUS_UNLOADED, "unload: dualbm is not loaded");
	if (!file_read(SYSFS "/stats", &stats, SMALL_FILE)) {
		line_number(stats.data, "violations", &found);
		buffer_free(&stats);
	}
	kmod = kmod_new(NULL, NULL);
	if (!kmod || kmod_module_new_from_name(kmod, "dualbm", &module))
		fail(STATUS_LACKING, "unload: libkmod does not start");
	ret = kmod_module_remove_module(module, 0);
	kmod_module_unref(module);
	kmod_unref(kmod);
	if (ret == -EAGAIN || ret == -EBUSY)
		fail(STATUS_REFUSED, "unload: somebody uses the module (a file of it is open?)");
	if (ret == -EPERM)
		fail(STATUS_PERMISSION, "unload: %s", strerror(-ret));
	if (ret)
		fail(STATUS_REFUSED, "unload: %s", strerror(-ret));
	if (options.json) {
		json_begin("unload");
		json_number("violations", found);
		json_end();
	} else {
		puts("unloaded");
	}
	if (found)
		warn("%llu violations had been found; their records went with the module, and the log has them",
		     (unsigned long long)found);
	return STATUS_YES;
}

/* panic is what one asks for on a machine that has soaked. */
static void advise(void)
{
	char *state = file_line(SYSFS "/state");
	static const char * const names[] = { "violations", "unproven", "coverage_gaps" };
	struct buffer stats;
	uint64_t value;
	size_t i;

	if (state && !strcmp(state, "degraded"))
		warn("dualbm is degraded: see \"dualbmctl status\"");
	if (state && !strcmp(state, "unqualified"))
		warn("nobody has tried dualbm on this kernel, so panic is withheld: see \"dualbmctl status\"");
	free(state);
	module_read(SYSFS, "stats", &stats);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (line_number(stats.data, names[i], &value) && value)
			warn("%s is %llu: look at that before you rely on panic", names[i],
			     (unsigned long long)value);
	buffer_free(&stats);
}

int command_policy(int argc, char **argv)
{
	char *policy;
	int ret;

	no_options(argc, argv, "policy");
	if (argc > 2)
		fail(STATUS_USAGE, "policy takes one word, report or panic");
	if (argc == 2 && strcmp(argv[1], "report") && strcmp(argv[1], "panic"))
		fail(STATUS_USAGE, "policy: \"%s\" is none; report and panic are", argv[1]);
	need_loaded();
	if (argc == 2) {
		if (!strcmp(argv[1], "panic"))
			advise();
		ret = file_write(SYSFS "/policy", argv[1]);
		if (ret)
			module_fail(SYSFS, "policy", -ret);
	}
	policy = file_line(SYSFS "/policy");
	if (!policy)
		module_fail(SYSFS, "policy", EIO);
	if (options.json) {
		json_begin("policy");
		json_string("policy", policy);
		json_end();
	} else {
		puts(policy);
	}
	ret = argc == 2 && strcmp(policy, argv[1]) ? STATUS_REFUSED : STATUS_YES;
	free(policy);
	return ret;
}
