// SPDX-License-Identifier: GPL-2.0-only
/*
 * The archive that "dualbmctl report" makes, through libarchive. It has another name until it is
 * whole, and whatever ends the program before that takes it away, but for SIGKILL.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

#ifdef HAVE_LIBARCHIVE

#include <archive.h>
#include <archive_entry.h>

#define TOP_DIRECTORY	"dualbm-report"
#define MANIFEST	"MANIFEST"
#define NAME_END	".tar.zst"
#define BUNDLE_BYTES	0x4000000u
#define DIGEST_DIGITS	64

struct bundle {
	const char *path, *name;	/* the last is in the directory */
	struct archive *archive;
	int fd;
	unsigned int nr;
	size_t bytes;
	time_t when;
	struct buffer manifest;
};

/* For signals: where the file is that is to go. */
static int directory = -1;
static char temporary[64];

static void abandon(void)
{
	if (directory >= 0 && *temporary)
		unlinkat(directory, temporary, 0);
	*temporary = '\0';
}

static void on_signal(int number)
{
	static const char late[] = "dualbmctl: report: it takes too long; given up\n";

	abandon();
	if (number == SIGALRM) {
		if (write(STDERR_FILENO, late, sizeof(late) - 1) < 0)
			_exit(STATUS_OUTPUT);
		_exit(STATUS_LACKING);
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void watch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM };
	struct sigaction action = { .sa_handler = on_signal }, old;
	size_t i;

	at_end = abandon;
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		/* What nohup ignores stays so. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	/* A limit of file sizes is an error like a full disk then. */
	signal(SIGXFSZ, SIG_IGN);
}

static _Noreturn void cannot_write(const char *path, int error)
{
	fail(STATUS_OUTPUT, "report: %s: %s", path, strerror(error));
}

/* The directory may be reached by links, which the caller has chosen; the file is never one. */
static void open_directory(struct bundle *bundle, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = !slash ? duplicate(".") : format_text("%.*s", (int)(slash - path + 1), path);
	size_t length, end = strlen(NAME_END);
	struct stat stat;

	bundle->path = path;
	bundle->name = slash ? slash + 1 : path;
	length = strlen(bundle->name);
	if (length <= end || strcmp(bundle->name + length - end, NAME_END))
		fail(STATUS_USAGE,
		     "report: --output takes the name of a file that ends with " NAME_END);
	directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		cannot_write(parent, errno);
	free(parent);
	if (!fstatat(directory, bundle->name, &stat, AT_SYMLINK_NOFOLLOW))
		cannot_write(path, EEXIST);
	if (errno != ENOENT)
		cannot_write(path, errno);
}

static void open_temporary(struct bundle *bundle)
{
	uint64_t number;

	do {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			fail(STATUS_LACKING, "report: no random numbers: %s", strerror(errno));
		/* Not with the name in it: that may be as long as a name can be. */
		snprintf(temporary, sizeof(temporary), ".dualbm-report.%016llx",
			 (unsigned long long)number);
		bundle->fd = openat(directory, temporary,
				    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (bundle->fd < 0 && errno == EEXIST);
	if (bundle->fd < 0) {
		int error = errno;

		*temporary = '\0';
		cannot_write(bundle->path, error);
	}
}

static void check(struct bundle *bundle, int ret)
{
	/* A warning may be a filter that would be another program. */
	if (ret != ARCHIVE_OK)
		fail(STATUS_OUTPUT, "report: %s: %s", bundle->path,
		     archive_error_string(bundle->archive) ?: "libarchive does not say why");
}

struct bundle *bundle_begin(const char *path)
{
	struct bundle *bundle = allocate(sizeof(*bundle));

	open_directory(bundle, path);
	watch_signals();
	open_temporary(bundle);
	bundle->when = time(NULL);
	bundle->archive = archive_write_new();
	if (!bundle->archive)
		fail(STATUS_LACKING, "out of memory");
	check(bundle, archive_write_add_filter_zstd(bundle->archive));
	check(bundle, archive_write_set_format_pax_restricted(bundle->archive));
	check(bundle, archive_write_open_fd(bundle->archive, bundle->fd));
	return bundle;
}

/* Names and numbers of whoever has made it are not in it. */
static struct archive_entry *new_entry(const struct bundle *bundle, const char *name, size_t size)
{
	struct archive_entry *entry = archive_entry_new();
	char *path = format_text(TOP_DIRECTORY "/%s", name);

	if (!entry)
		fail(STATUS_LACKING, "out of memory");
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	archive_entry_set_size(entry, size);
	archive_entry_set_mtime(entry, bundle->when, 0);
	free(path);
	return entry;
}

static void add_entry(struct bundle *bundle, const char *name, const char *data, size_t size)
{
	struct archive_entry *entry = new_entry(bundle, name, size);

	check(bundle, archive_write_header(bundle->archive, entry));
	if (size && archive_write_data(bundle->archive, data, size) != (la_ssize_t)size)
		check(bundle, ARCHIVE_FATAL);
	archive_entry_free(entry);
	bundle->nr++;
}

/* The one format of libarchive that has check sums tells them; allocated. */
static char *check_sum(struct bundle *bundle, const char *data, size_t size)
{
	struct archive *list = archive_write_new();
	struct archive_entry *entry = new_entry(bundle, "x", size);
	char text[1024] = "", *digest;
	size_t used = 0;
	bool good;

	if (!list)
		fail(STATUS_LACKING, "out of memory");
	good = archive_write_set_format_mtree(list) == ARCHIVE_OK &&
	       archive_write_set_options(list, "!all,sha256") == ARCHIVE_OK &&
	       archive_write_open_memory(list, text, sizeof(text) - 1, &used) == ARCHIVE_OK &&
	       archive_write_header(list, entry) == ARCHIVE_OK &&
	       (!size || archive_write_data(list, data, size) == (la_ssize_t)size) &&
	       archive_write_close(list) == ARCHIVE_OK;
	text[good ? used : 0] = '\0';
	archive_entry_free(entry);
	archive_write_free(list);
	digest = word_value(text, "sha256digest");
	if (!digest || strlen(digest) != DIGEST_DIGITS)
		fail(STATUS_LACKING, "report: this libarchive has no SHA-256");
	return digest;
}

/* As sha256sum --check reads it. */
static void note_sum(struct bundle *bundle, const char *name, const char *data, size_t size)
{
	char *digest = check_sum(bundle, data, size), *line = format_text("%s  %s\n", digest, name);
	size_t length = strlen(line);

	bundle->manifest.data = reallocate(bundle->manifest.data,
					   bundle->manifest.size + length + 1);
	memcpy(bundle->manifest.data + bundle->manifest.size, line, length + 1);
	bundle->manifest.size += length;
	free(line);
	free(digest);
}

bool bundle_add(struct bundle *bundle, const char *name, const char *data, size_t size)
{
	if (size > BUNDLE_BYTES - bundle->bytes)
		return false;
	bundle->bytes += size;
	add_entry(bundle, name, data, size);
	note_sum(bundle, name, data, size);
	return true;
}

void bundle_finish(struct bundle *bundle, uint64_t *bytes, unsigned int *files)
{
	struct stat stat;

	add_entry(bundle, MANIFEST, bundle->manifest.data, bundle->manifest.size);
	check(bundle, archive_write_close(bundle->archive));
	if (fsync(bundle->fd) || fstat(bundle->fd, &stat))
		cannot_write(bundle->path, errno);
	/* Somebody may have made a file of that name since it was looked at. */
	if (renameat2(directory, temporary, directory, bundle->name, RENAME_NOREPLACE)) {
		if (errno != EINVAL)
			cannot_write(bundle->path, errno);
		/* A file system that cannot do that can do this. */
		if (linkat(directory, temporary, directory, bundle->name, 0))
			cannot_write(bundle->path, errno);
		abandon();
	}
	*temporary = '\0';
	alarm(0);
	/* It has its name; whether that outlives a power cut at once is no failure. */
	fsync(directory);
	archive_write_free(bundle->archive);
	buffer_free(&bundle->manifest);
	close(bundle->fd);
	close(directory);
	*bytes = stat.st_size;
	*files = bundle->nr;
	free(bundle);
}

#else /* HAVE_LIBARCHIVE */

struct bundle *bundle_begin(const char *path)
{
	(void)path;
	fail(STATUS_LACKING, "report: this dualbmctl was built without libarchive");
}

bool bundle_add(struct bundle *bundle, const char *name, const char *data, size_t size)
{
	(void)bundle;
	(void)name;
	(void)data;
	(void)size;
	return false;
}

void bundle_finish(struct bundle *bundle, uint64_t *bytes, unsigned int *files)
{
	(void)bundle;
	*bytes = 0;
	*files = 0;
}

#endif /* HAVE_LIBARCHIVE */
