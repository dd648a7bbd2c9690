// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of the kernel and of the system, below the root that --root names.
 *
 * A captured tree and a Debian root hold absolute links: openat2() resolves them
 * inside the root, so that nothing of the machine itself is read by mistake.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dualbmctl.h"

int root_open(const char *path, int flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};
	int root, fd;

	if (!*options.root) {
		fd = open(path, flags | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	root = open(options.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		fail(STATUS_LACKING, "--root %s: %s", options.root, strerror(errno));
	fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(root);
	return fd;
}

char *root_path(const char *path)
{
	return format_text("%s%s", options.root, path);
}

int fd_read(int fd, struct buffer *buffer, size_t limit)
{
	size_t room = 4096, used = 0;
	char *data = allocate(room + 1);

	for (;;) {
		ssize_t got = read(fd, data + used, room - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int error = errno;

			free(data);
			return -error;
		}
		if (!got)
			break;
		used += got;
		if (used > limit) {
			free(data);
			return -EFBIG;
		}
		if (used == room) {
			room *= 2;
			data = reallocate(data, room + 1);
		}
	}
	data[used] = '\0';
	buffer->data = data;
	buffer->size = used;
	return 0;
}

int fd_read_part(int fd, struct buffer *buffer, size_t limit, bool *more)
{
	size_t room = 4096, used = 0;
	char *data = allocate(room + 1);
	ssize_t got = 1;

	while (got && used <= limit) {
		if (used == room) {
			room *= 2;
			data = reallocate(data, room + 1);
		}
		got = read(fd, data + used, room - used);
		if (got < 0 && errno != EINTR) {
			int error = errno;

			free(data);
			*buffer = (struct buffer){ NULL, 0 };
			return -error;
		}
		if (got > 0)
			used += got;
	}
	*more = used > limit;
	if (*more)
		used = limit;
	data[used] = '\0';
	*buffer = (struct buffer){ data, used };
	return 0;
}

int file_read(const char *path, struct buffer *buffer, size_t limit)
{
	int ret, fd = root_open(path, O_RDONLY);

	*buffer = (struct buffer){ NULL, 0 };
	if (fd < 0)
		return fd;
	ret = fd_read(fd, buffer, limit);
	close(fd);
	return ret;
}

int caller_read(const char *path, struct buffer *buffer, size_t limit)
{
	int ret, fd = open(path, O_RDONLY | O_CLOEXEC);

	*buffer = (struct buffer){ NULL, 0 };
	if (fd < 0)
		return -errno;
	ret = fd_read(fd, buffer, limit);
	close(fd);
	return ret;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ NULL, 0 };
}

char *file_line(const char *path)
{
	struct buffer buffer;

	if (file_read(path, &buffer, SMALL_FILE))
		return NULL;
	buffer.data[strcspn(buffer.data, "\n")] = '\0';
	return buffer.data;
}

bool file_number(const char *path, uint64_t *value)
{
	char *line = file_line(path);
	bool is_number = line && parse_number(line, value);

	free(line);
	return is_number;
}

bool file_exists(const char *path)
{
	int fd = root_open(path, O_PATH);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* A root may be a host that is mounted in a container, or a captured tree. */
static bool is_of_a_kernel(int fd)
{
	struct statfs fs;

	if (!*options.root)
		return true;
	return !fstatfs(fd, &fs) && (fs.f_type == SYSFS_MAGIC || fs.f_type == DEBUGFS_MAGIC ||
				     fs.f_type == TRACEFS_MAGIC);
}

int file_write(const char *path, const char *text)
{
	int fd = root_open(path, O_WRONLY);
	ssize_t put;
	int error;

	if (fd < 0)
		return fd;
	if (!is_of_a_kernel(fd)) {
		close(fd);
		return -EROFS;
	}
	do {
		put = write(fd, text, strlen(text));
	} while (put < 0 && errno == EINTR);
	error = errno;
	close(fd);
	return put < 0 ? -error : 0;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(*(char * const *)a, *(char * const *)b);
}

char **directory_list(const char *path)
{
	int fd = root_open(path, O_RDONLY | O_DIRECTORY);
	char **list = NULL;
	struct dirent *entry;
	size_t nr = 0;
	DIR *directory;

	if (fd < 0)
		return NULL;
	directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return NULL;
	}
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		list = reallocate(list, (nr + 2) * sizeof(*list));
		list[nr++] = duplicate(entry->d_name);
	}
	closedir(directory);
	if (!list)
		return allocate(sizeof(*list));
	list[nr] = NULL;
	qsort(list, nr, sizeof(*list), by_name);
	return list;
}

void list_free(char **list)
{
	size_t i;

	for (i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

/* ---- files of the module ---- */

bool is_unloaded(void)
{
	return !file_exists(SYSFS) && !file_exists("/sys/module/dualbm/initstate");
}

void need_loaded(void)
{
	if (file_exists(SYSFS))
		return;
	if (file_exists("/sys/module/dualbm/initstate"))
		fail(STATUS_UNLOADED, "dualbm is just being loaded or unloaded; try again");
	fail(STATUS_UNLOADED, "dualbm is not loaded; see \"dualbmctl check\" and \"dualbmctl load\"");
}

_Noreturn void module_fail(const char *directory, const char *name, int error)
{
	bool debug = !strcmp(directory, DEBUGFS);

	need_loaded();
	if ((error == ENOENT || error == ENOTDIR) && debug) {
		if (!file_exists("/sys/kernel/debug"))
			fail(STATUS_LACKING,
			     "this kernel has no debugfs (CONFIG_DEBUG_FS), and so no %s", name);
		if (!file_exists(DEBUGFS)) {
			char **list = directory_list("/sys/kernel/debug");
			bool empty = list && !list[0];

			list_free(list);
			if (empty)
				fail(STATUS_LACKING,
				     "debugfs is not mounted: mount -t debugfs debugfs /sys/kernel/debug");
		}
		fail(STATUS_LACKING, "%s/%s is not there: the loaded dualbm may be older than this program",
		     directory, name);
	}
	if (error == EACCES || error == EPERM) {
		char *lockdown = file_line("/sys/kernel/security/lockdown");
		bool locked = lockdown && !strstr(lockdown, "[none]");

		free(lockdown);
		if (!geteuid() && locked)
			fail(STATUS_PERMISSION, "%s/%s: kernel lockdown forbids this, even to root",
			     directory, name);
		fail(STATUS_PERMISSION, "%s/%s: %s; run this as root", directory, name,
		     strerror(error));
	}
	if (error == EROFS)
		fail(STATUS_LACKING, "%s/%s belongs to a captured tree, which can only be read",
		     directory, name);
	if (error == ENOENT)
		fail(STATUS_LACKING, "%s/%s is not there: the loaded dualbm may be older than this program",
		     directory, name);
	fail(STATUS_REFUSED, "%s/%s: %s", directory, name, strerror(error));
}

void module_read(const char *directory, const char *name, struct buffer *buffer)
{
	char *path = format_text("%s/%s", directory, name);
	int ret = file_read(path, buffer, LARGE_FILE);

	free(path);
	if (ret)
		module_fail(directory, name, -ret);
}
