// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which kernel it is that "check" is about, and what the configuration of modprobe says: whether
 * that kernel was tried (the module's side of this is dualbm_qualified.c), and what no module
 * knows.
 */
#include <errno.h>
#include <libkmod.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

/* As much as the module reads. */
#define NOTES_LIMIT	0x10000u
/* What uname() has room for. */
#define UTS_LENGTH	64
/* "options" of modules that nobody has: a file begins, and what follows is not of any. */
#define FILE_BEGINS	"dualbmctl_file_begins"
#define END_OF_FILES	"dualbmctl_end_of_files"

/* The module's parameters and their defaults; test/85-ctl.t compares them with its own. */
const struct parameter module_parameters[] = {
	{ "policy", "report" }, { "on_degraded", "report" }, { "boundary", "1" },
	{ "scrub_interval_ms", "60000" }, { "repair", "0" }, { "inject", "0" },
	{ "allow_untested", "0" }, { "qualified", "none" }, { "history", "frees" },
	{ "history_mib", "0" }, { "audit_mappings", "0" }, { NULL, NULL }
};

/* ---- which kernel it is ---- */

/*
 * "RELEASE:VERSION" out of "Linux version RELEASE (builder) (compiler) #1 SMP ...", for a
 * kernel without a build-id; allocated, NULL if it is no such line.
 */
static char *banner_identity(const char *banner)
{
	static const char prefix[] = "Linux version ";
	const char *release, *version = NULL, *found;
	char *identity, *at;
	size_t length;

	if (!banner || strncmp(banner, prefix, sizeof(prefix) - 1))
		return NULL;
	release = banner + sizeof(prefix) - 1;
	length = strcspn(release, " ");
	/* A compiler may call itself anything, but it stands before the version. */
	for (found = release; (found = strstr(found, " #")); found++)
		version = found + 1;
	if (!version || !length || length > UTS_LENGTH || strlen(version) > UTS_LENGTH)
		return NULL;
	identity = format_text("%.*s:%s", (int)length, release, version);
	for (at = identity; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == ',')
			*at = '_';
	return identity;
}

void identify_image(struct check *check)
{
	const struct image *image = &check->kernel_image;

	if (check->kernel_id)
		return;
	check->kernel_id = image->build_id ? duplicate(image->build_id) :
			   banner_identity(image->banner);
}

void identify_running(struct check *check)
{
	struct buffer notes;
	char *banner;
	int ret = file_read("/sys/kernel/notes", &notes, NOTES_LIMIT);

	if (!ret) {
		check->kernel_id = notes_build_id(notes.data, notes.size);
		buffer_free(&notes);
	} else if (ret != -ENOENT && ret != -EFBIG) {
		/* There may be a build-id, so nothing else is its identity. */
		add(check, VERDICT_DOUBT, "kernel", "/sys/kernel/notes", "%s", strerror(-ret));
		return;
	}
	if (check->kernel_id)
		return;
	banner = file_line("/proc/version");
	check->kernel_id = banner_identity(banner);
	free(banner);
}

/* ---- what modprobe would tell the module ---- */

struct configured {
	char *qualified;	/* where the identity is named, or NULL */
	bool allow_untested;
};

struct file {
	char *name, *path;
};

struct files {
	struct file *list;
	size_t nr;
};

static int by_name(const void *a, const void *b)
{
	const struct file *one = a, *other = b;

	return strcmp(one->name, other->name);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), of_end = strlen(end);

	return length > of_end && !strcmp(text + length - of_end, end);
}

/* A name counts once, as of the first place that has it: so /lib may be a link to /usr/lib. */
static void list_place(struct files *files, const char *place)
{
	char **names = directory_list(place);
	size_t had = files->nr, i, j;

	for (i = 0; names && names[i]; i++) {
		for (j = 0; j < had; j++)
			if (!strcmp(files->list[j].name, names[i]))
				break;
		if (j < had || !ends_with(names[i], ".conf"))
			continue;
		files->list = reallocate(files->list, (files->nr + 1) * sizeof(*files->list));
		files->list[files->nr++] = (struct file){
			duplicate(names[i]), format_text("%s/%s", place, names[i]),
		};
	}
	list_free(names);
}

static bool put(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			data += done;
			size -= done;
		}
	}
	return true;
}

/*
 * All files of modprobe.d in one that libkmod is given. It would open them itself, follow links
 * of a captured tree out of that, and read without an end.
 */
static int gather(struct check *check, struct files *files)
{
	static const char * const places[] = {
		"/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d",
		"/usr/lib/modprobe.d", "/lib/modprobe.d",
	};
	static const char end[] = "options " END_OF_FILES " x\n";
	int fd = memfd_create("modprobe.d", MFD_CLOEXEC), ret;
	struct buffer buffer;
	bool good = fd >= 0;
	char *mark;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		list_place(files, places[i]);
	/* The last one to speak of allow_untested is right. */
	if (files->nr)
		qsort(files->list, files->nr, sizeof(*files->list), by_name);
	for (i = 0; i < files->nr; i++) {
		ret = good ? file_read(files->list[i].path, &buffer, SMALL_FILE) : 0;
		if (good && !ret) {
			/* A last line may go on in the next one, which is to be empty then. */
			mark = format_text("options " FILE_BEGINS " %zu\n", i);
			good = put(fd, mark, strlen(mark)) && put(fd, buffer.data, buffer.size) &&
			       put(fd, "\n\n", 2);
			free(mark);
			buffer_free(&buffer);
		}
		/* A link to /dev/null hides a file; a captured tree has no such device. */
		if (ret && ret != -ENOENT && ret != -EISDIR)
			add(check, VERDICT_DOUBT, "kernel", files->list[i].path, "%s",
			    strerror(-ret));
	}
	if (good && put(fd, end, sizeof(end) - 1))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What it says about bad lines has no escaping, and is the business of others. */
static struct kmod_ctx *quiet_kmod(const char * const *paths)
{
	bool quiet = !getenv("KMOD_LOG");
	struct kmod_ctx *kmod;

	if (quiet)
		setenv("KMOD_LOG", "0", 1);
	kmod = kmod_new(NULL, paths);
	if (quiet)
		unsetenv("KMOD_LOG");
	return kmod;
}

static bool among(const char *list, const char *identity)
{
	size_t length = strlen(identity), part;

	for (; *list; list += part + (list[part] == ',')) {
		part = strcspn(list, ",");
		if (part == length && !memcmp(list, identity, length))
			return true;
	}
	return false;
}

/* The kernel loads a module with it all the same, and says so in its log alone. */
static void check_parameter(struct check *check, const char *name, const char *from)
{
	char shown[32];
	size_t i;

	for (i = 0; module_parameters[i].name; i++)
		if (!strcmp(name, module_parameters[i].name))
			return;
	for (i = 0; i < sizeof(shown) - 1 && name[i]; i++)
		shown[i] = name[i] > ' ' && name[i] <= '~' ? name[i] : '?';
	shown[i] = '\0';
	add(check, VERDICT_DOUBT, "module", shown,
	    "%s has it, and dualbm has no such parameter: it would be ignored", from);
}

/* Words as the kernel takes them: quotes do not count, and "-" is "_" in a name. */
static void read_options(const char *text, const char *file, option_taker take, void *data)
{
	char *copy = duplicate(text), *rest = copy, *at, *to, *word;

	for (at = to = copy; *at; at++)
		if (*at != '"')
			*to++ = *at;
	*to = '\0';
	while ((word = next_word(&rest))) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		for (at = word; *at; at++)
			if (*at == '-')
				*at = '_';
		take(data, word, value, file);
	}
	free(copy);
}

static void free_files(struct files *files)
{
	size_t i;

	for (i = 0; i < files->nr; i++) {
		free(files->list[i].name);
		free(files->list[i].path);
	}
	free(files->list);
}

bool configured_options(struct check *check, option_taker take, void *data)
{
	struct files files = { NULL, 0 };
	int fd = gather(check, &files);
	char *path = format_text("/proc/self/fd/%d", fd);
	const char *paths[] = { path, NULL };
	struct kmod_config_iter *options_iter = NULL;
	struct kmod_ctx *kmod = NULL;
	bool complete = false;
	uint64_t number, at = 0;

	if (fd >= 0)
		kmod = quiet_kmod(paths);
	if (kmod)
		options_iter = kmod_config_get_options(kmod);
	while (options_iter && kmod_config_iter_next(options_iter)) {
		const char *name = kmod_config_iter_get_key(options_iter);
		const char *value = kmod_config_iter_get_value(options_iter);

		if (!name || !value)
			continue;
		if (!strcmp(name, END_OF_FILES)) {
			/*
			 * What follows is of this machine's command line, which modprobe
			 * obeys: of this boot, and of no other machine.
			 */
			complete = true;
			if (!check->running || *options.root)
				break;
		} else if (!strcmp(name, FILE_BEGINS)) {
			if (parse_number(value, &number) && number < files.nr)
				at = number;
		} else if (!strcmp(name, "dualbm")) {
			read_options(value, complete || !files.nr ? NULL : files.list[at].path,
				     take, data);
		}
	}
	kmod_config_iter_free_iter(options_iter);
	kmod_unref(kmod);
	if (fd >= 0)
		close(fd);
	free(path);
	free_files(&files);
	return complete;
}

struct looked_at {
	struct check *check;
	struct configured configured;
};

static void look_at_option(void *data, const char *name, const char *value, const char *file)
{
	const char *from = file ? "modprobe.d" : "the kernel's command line";
	struct looked_at *looked = data;
	struct configured *configured = &looked->configured;

	check_parameter(looked->check, name, from);
	if (!value)
		return;
	if (!strcmp(name, "allow_untested"))
		configured->allow_untested = !strcmp(value, "1");
	else if (!strcmp(name, "qualified") && looked->check->kernel_id &&
		 !configured->qualified && among(value, looked->check->kernel_id))
		configured->qualified = duplicate(from);
}

/* ---- the answer ---- */

void check_qualified(struct check *check)
{
	struct looked_at looked = { .check = check };
	bool complete = configured_options(check, look_at_option, &looked);
	struct configured configured = looked.configured;
	const char *id = check->kernel_id;

	check->qualified = configured.qualified;
	if (id)
		add(check, VERDICT_INFO, "kernel", "identity", "%s", id);
	if (check->qualified)
		add(check, VERDICT_YES, "kernel", check->kernel, "qualified: %s names its %s",
		    configured.qualified, strchr(id, ':') ? "release and version" : "build-id");
	else if (configured.allow_untested)
		add(check, VERDICT_DOUBT, "kernel", check->kernel,
		    id ? "not qualified, and allow_untested=1 trusts it" :
			 "whether it is qualified cannot be told, and allow_untested=1 trusts it");
	else if (!id)
		add(check, VERDICT_DOUBT, "kernel", check->kernel,
		    "whether it is qualified cannot be told: neither build-id nor version was found");
	else if (!complete)
		add(check, VERDICT_DOUBT, "kernel", check->kernel,
		    "whether it is qualified cannot be told: modprobe.d cannot be read (/proc is not mounted?)");
	else
		add(check, VERDICT_DOUBT, "kernel", check->kernel,
		    "not qualified: dualbm works there, says unqualified and withholds panic; scripts/qualify tries it");
	free(configured.qualified);
}
