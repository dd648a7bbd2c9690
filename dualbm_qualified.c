// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which kernel this is, and whether it is one of those that were put through the tests.
 *
 * A name proves little: the next update has it too. So what is compared is the build-id.
 */
#include <linux/ctype.h>
#include <linux/elf.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/utsname.h>

#include "dualbm.h"
#include "dualbm_qualified.h"

/* A build-id has 8 bytes (xxhash of lld) to 32; 20 are what ld makes. */
#define ID_MIN_BYTES	8
#define ID_MAX_BYTES	32
/* NT_GNU_BUILD_ID, which only newer headers have. */
#define BUILD_ID_NOTE	3
#define NOTES_MAX	(64 * 1024)

static char list[4096];
static char identity[2 * __NEW_UTS_LEN + 2];

/* Digits as identity has them, or something with a colon, which no build-id has. */
static bool acceptable(const char *text, size_t length)
{
	size_t digits = strspn(text, "0123456789abcdef"), i;

	if (digits >= length)
		return length >= 2 * ID_MIN_BYTES && length <= 2 * ID_MAX_BYTES && !(length & 1);
	for (i = 0; i < length; i++)
		if (!isascii(text[i]) || !isgraph(text[i]))
			return false;
	return length < sizeof(identity) && memchr(text, ':', length);
}

int dualbm_qualified_add(const char *what, const char *text)
{
	static const char accepted[] =
		"what kernel_id says of such kernels, 4095 characters at most";
	size_t length = strcspn(text, "\n"), had = strlen(list), at, part;

	if (sysfs_streq(text, "none"))
		return 0;
	for (at = 0; at <= length; at += part + 1) {
		part = min(strcspn(text + at, ","), length - at);
		if (!acceptable(text + at, part))
			return dualbm_param_refuse(what, text + at, accepted);
	}
	if (had + 1 + length >= sizeof(list))
		return dualbm_param_refuse(what, text, accepted);
	if (had)
		list[had++] = ',';
	memcpy(list + had, text, length);
	list[had + length] = '\0';
	return 0;
}

const char *dualbm_qualified_list(void)
{
	return *list ? list : "none";
}

bool dualbm_qualified_any(void)
{
	return *list;
}

/* The build-id in @size bytes of notes, as digits in identity. */
static bool find_build_id(const char *notes, size_t size)
{
	const Elf64_Nhdr *note;
	size_t at, name, id, end;

	for (at = 0; at < size && size - at >= sizeof(*note); at = end) {
		note = (const void *)(notes + at);
		name = at + sizeof(*note);
		if (note->n_namesz > size || note->n_descsz > size)
			return false;
		id = name + ALIGN(note->n_namesz, 4);
		end = id + ALIGN(note->n_descsz, 4);
		if (end > size)
			return false;
		if (note->n_type == BUILD_ID_NOTE && note->n_namesz == sizeof("GNU") &&
		    !memcmp(notes + name, "GNU", sizeof("GNU"))) {
			if (note->n_descsz < ID_MIN_BYTES || note->n_descsz > ID_MAX_BYTES)
				return false;
			snprintf(identity, sizeof(identity), "%*phN", (int)note->n_descsz,
				 notes + id);
			return true;
		}
	}
	return false;
}

/*
 * The notes are where the linker has put them, which only the kernel's own file knows without
 * CONFIG_KALLSYMS_ALL. On some kernels before 6.17 it may be without this callback.
 */
static bool read_build_id(void)
{
	struct kernfs_node *node = kernfs_find_and_get(kernel_kobj->sd, "notes");
	struct bin_attribute *file;
	bool found = false;
	ssize_t size;
	char *notes;

	if (!node)
		return false;
	file = node->priv;
	if (file->read && file->size && file->size <= NOTES_MAX) {
		notes = kmalloc(file->size, GFP_KERNEL);
		size = notes ? file->read(NULL, kernel_kobj, file, notes, 0, file->size) : 0;
		found = size > 0 && find_build_id(notes, size);
		kfree(notes);
	}
	kernfs_put(node);
	return found;
}

void dualbm_kernel_identify(void)
{
	char *at;

	if (read_build_id())
		return;
	snprintf(identity, sizeof(identity), "%s:%s", init_utsname()->release,
		 init_utsname()->version);
	for (at = identity; *at; at++)
		if (!isascii(*at) || !isgraph(*at) || *at == ',')
			*at = '_';
}

const char *dualbm_kernel_identity(void)
{
	return identity;
}

bool dualbm_kernel_is_qualified(void)
{
	size_t length = strlen(identity), part;
	const char *at;

	for (at = list; *at; at += part + (at[part] == ',')) {
		part = strcspn(at, ",");
		if (part == length && !memcmp(at, identity, length))
			return true;
	}
	return false;
}
