// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel images: what an image says of itself, its build-id, its BTF, and its symbols if it
 * has them. bzImage of x86, EFI zboot images, plain and gzipped Image of arm64, ELF.
 *
 * Everything read from an image is checked against its size first: it may be
 * truncated, or no image at all.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "dualbmctl.h"

#define IMAGE_LIMIT	((size_t)1 << 30)
#define BTF_DEPTH	16

/* A build-id has 8 bytes (xxhash of lld) to 32; the module takes no others either. */
#define ID_MIN_BYTES	8
#define ID_MAX_BYTES	32
/* A note's header: the sizes of its name and of what it holds, and its type. */
#define NOTE_HEADER	12
/* Of the vDSO: it lies at a page of its own, with its notes at the beginning. */
#define VDSO_PAGE	((size_t)4096)

static uint16_t le16(const unsigned char *at)
{
	return at[0] | at[1] << 8;
}

static uint32_t le32(const unsigned char *at)
{
	return le16(at) | (uint32_t)le16(at + 2) << 16;
}

static char *hex_text(const unsigned char *data, size_t size)
{
	char *text = allocate(2 * size + 1);
	size_t i;

	for (i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	return text;
}

/* Up to three bytes of padding follow a name, and what the note holds. */
static uint64_t padded(uint64_t size)
{
	return (size + 3) & ~(uint64_t)3;
}

char *notes_build_id(const void *notes, size_t size)
{
	const unsigned char *data = notes;
	uint64_t at, id, end;

	for (at = 0; at < size && size - at >= NOTE_HEADER; at = end) {
		const unsigned char *note = data + at;
		uint32_t name_size = le32(note), id_size = le32(note + 4);

		/* No overflow: these are sums of numbers of 32 bits, and of what is in memory. */
		id = at + NOTE_HEADER + padded(name_size);
		end = id + padded(id_size);
		if (end > size)
			return NULL;
		if (le32(note + 8) != NT_GNU_BUILD_ID || name_size != sizeof(ELF_NOTE_GNU) ||
		    memcmp(note + NOTE_HEADER, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)))
			continue;
		if (id_size < ID_MIN_BYTES || id_size > ID_MAX_BYTES)
			return NULL;
		return hex_text(data + id, id_size);
	}
	return NULL;
}

static void copy_section(struct buffer *to, const Elf_Data *data)
{
	to->data = allocate(data->d_size + 1);
	to->size = data->d_size;
	memcpy(to->data, data->d_buf, data->d_size);
}

/* As lines of System.map, which is what everybody else reads. */
static void write_symbols(struct buffer *to, Elf *elf, const GElf_Shdr *header, Elf_Data *data)
{
	size_t nr = header->sh_entsize ? header->sh_size / header->sh_entsize : 0, i;
	FILE *stream = open_memstream(&to->data, &to->size);
	GElf_Sym symbol;

	if (!stream)
		fail(STATUS_LACKING, "out of memory");
	for (i = 0; i < nr; i++) {
		const char *name;

		if (!gelf_getsym(data, i, &symbol))
			break;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (!name || !*name || symbol.st_shndx == SHN_UNDEF || strpbrk(name, " \n"))
			continue;
		fprintf(stream, "%016llx %c %s\n", (unsigned long long)symbol.st_value,
			GELF_ST_TYPE(symbol.st_info) == STT_FUNC ? 'T' : 'D', name);
	}
	fclose(stream);
}

static void find_banner(const char *data, size_t size, struct image *image)
{
	static const char prefix[] = "Linux version ";
	const char *at = data;

	while ((at = memmem(at, data + size - at, prefix, sizeof(prefix) - 1))) {
		size_t length = strnlen(at, data + size - at < 512 ? data + size - at : 512);
		const char *release = at + sizeof(prefix) - 1;

		/* The banner itself, not a format string. */
		if (release < data + size && *release >= '0' && *release <= '9') {
			image->banner = strndup(at, length);
			if (!image->banner)
				return;
			image->banner[strcspn(image->banner, "\n")] = '\0';
			release = image->banner + sizeof(prefix) - 1;
			if (!image->release)
				image->release = strndup(release, strcspn(release, " "));
			return;
		}
		at++;
	}
}

/* What the kernel shows as its notes is .notes; others count where that has no build-id. */
static void read_notes(struct image *image, Elf_Scn *section, bool best, bool *have_best)
{
	/* As it is in the file: libelf would turn around what it takes for notes. */
	Elf_Data *contents = elf_rawdata(section, NULL);
	char *id;

	if (!contents || !contents->d_buf || *have_best || (image->build_id && !best))
		return;
	id = notes_build_id(contents->d_buf, contents->d_size);
	if (!id)
		return;
	free(image->build_id);
	image->build_id = id;
	*have_best = best;
}

static int parse_elf(const char *data, size_t size, struct image *image, struct why *why)
{
	Elf_Scn *section = NULL;
	bool have_best = false;
	size_t names;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)data, size);
	if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &names)) {
		elf_end(elf);
		return refuse(why, "truncated or damaged ELF file: %s", elf_errmsg(-1));
	}
	while ((section = elf_nextscn(elf, section))) {
		GElf_Shdr header;
		const char *name;
		Elf_Data *contents;

		if (!gelf_getshdr(section, &header))
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (!name || header.sh_type == SHT_NOBITS)
			continue;
		if (!strcmp(name, ".notes") || header.sh_type == SHT_NOTE)
			read_notes(image, section, !strcmp(name, ".notes"), &have_best);
		if (strcmp(name, ".BTF") && header.sh_type != SHT_SYMTAB)
			continue;
		contents = elf_getdata(section, NULL);
		if (!contents || !contents->d_buf)
			continue;
		if (header.sh_type == SHT_SYMTAB && !image->symbols.data)
			write_symbols(&image->symbols, elf, &header, contents);
		else if (!strcmp(name, ".BTF") && !image->btf.data)
			copy_section(&image->btf, contents);
	}
	elf_end(elf);
	return 0;
}

/* A raw Image has no sections: BTF is found by its header. */
static void find_btf(const char *data, size_t size, struct image *image)
{
	static const unsigned char magic[] = { 0x9f, 0xeb, 1, 0, 24, 0, 0, 0 };
	const char *at = data;

	while ((at = memmem(at, data + size - at, magic, sizeof(magic)))) {
		const unsigned char *header = (const unsigned char *)at;
		size_t left = data + size - at;
		uint64_t types, strings, end;

		if (left < 24)
			return;
		types = (uint64_t)le32(header + 8) + le32(header + 12);
		strings = (uint64_t)le32(header + 16) + le32(header + 20);
		end = 24 + (types > strings ? types : strings);
		/* Modules inside the image have BTF as well; the kernel's is large. */
		if (end <= left && end > image->btf.size) {
			free(image->btf.data);
			image->btf.data = allocate(end + 1);
			memcpy(image->btf.data, at, end);
			image->btf.size = end;
		}
		at++;
	}
}

/* An ELF file inside of the image, as the vDSO is, has a build-id of its own. */
static bool is_inner_elf(const char *data, size_t at)
{
	size_t page = at & ~(VDSO_PAGE - 1);

	return !memcmp(data + page, ELFMAG, SELFMAG) ||
	       (page && !memcmp(data + page - VDSO_PAGE, ELFMAG, SELFMAG));
}

/* A raw Image has no sections: its note is found by what stands before the build-id. */
static void find_build_id(const char *data, size_t size, struct image *image)
{
	static const char head[] = "\3\0\0\0" ELF_NOTE_GNU;
	const char *at = data;

	while ((at = memmem(at, data + size - at, head, sizeof(head)))) {
		size_t offset = at - data;

		at++;
		/* The two sizes stand before it. */
		if (offset < NOTE_HEADER - 4)
			continue;
		offset -= NOTE_HEADER - 4;
		if (is_inner_elf(data, offset))
			continue;
		/* This note and no other one: what follows it may be anything. */
		if (le32((const unsigned char *)data + offset) == sizeof(ELF_NOTE_GNU))
			image->build_id = notes_build_id(data + offset, size - offset);
		if (image->build_id)
			return;
	}
}

static int parse_kernel(const char *data, size_t size, struct image *image, struct why *why)
{
	find_banner(data, size, image);
	if (size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG))
		return parse_elf(data, size, image, why);
	find_btf(data, size, image);
	find_build_id(data, size, image);
	if (!image->banner && !image->btf.data)
		return refuse(why, "not a kernel image");
	return 0;
}

static int parse_payload(const void *data, size_t size, struct image *image, struct why *why)
{
	struct buffer plain;
	int ret = decompress(data, size, &plain, IMAGE_LIMIT, why);

	if (ret)
		return ret < 0 ? -1 : refuse(why, "its payload is compressed in an unknown way");
	ret = parse_kernel(plain.data, plain.size, image, why);
	buffer_free(&plain);
	return ret;
}

/* Documentation/arch/x86/boot.rst has the offsets of the setup header. */
static int parse_bzimage(const unsigned char *data, size_t size, struct image *image,
			 struct why *why)
{
	uint64_t setup, payload, length, version;

	if (le16(data + 0x206) < 0x208)
		return refuse(why, "a bzImage of a boot protocol before 2.08");
	setup = ((uint64_t)(data[0x1f1] ? data[0x1f1] : 4) + 1) * 512;
	payload = setup + le32(data + 0x248);
	length = le32(data + 0x24c);
	if (payload > size || length > size - payload)
		return refuse(why, "truncated: the payload ends at byte %llu, the file at %zu",
			      (unsigned long long)(payload + length), size);
	version = (uint64_t)le16(data + 0x20e) + 0x200;
	if (version > 0x200 && version < setup && version < size) {
		const char *text = (const char *)data + version;
		size_t room = size - version, end = strnlen(text, room < 256 ? room : 256);

		image->release = strndup(text, end);
		if (image->release)
			image->release[strcspn(image->release, " ")] = '\0';
	}
	return parse_payload(data + payload, length, image, why);
}

int image_parse(const void *file, size_t size, struct image *image, struct why *why)
{
	const unsigned char *data = file;
	int ret;

	memset(image, 0, sizeof(*image));
	if (size > 0x250 && !memcmp(data + 0x202, "HdrS", 4)) {
		ret = parse_bzimage(data, size, image, why);
	} else if (size > 0x20 && !memcmp(data, "MZ\0\0zimg", 8)) {
		uint64_t offset = le32(data + 8), length = le32(data + 12);

		if (offset > size || length > size - offset)
			ret = refuse(why, "truncated zboot image");
		else
			ret = parse_payload(data + offset, length, image, why);
	} else if (size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG)) {
		ret = parse_kernel(file, size, image, why);
	} else {
		struct buffer plain;

		ret = decompress(data, size, &plain, IMAGE_LIMIT, why);
		if (!ret) {
			ret = parse_kernel(plain.data, plain.size, image, why);
			buffer_free(&plain);
		} else if (ret > 0) {
			ret = parse_kernel(file, size, image, why);
		}
	}
	if (ret)
		image_free(image);
	return ret;
}

void image_free(struct image *image)
{
	free(image->release);
	free(image->banner);
	free(image->build_id);
	buffer_free(&image->btf);
	buffer_free(&image->symbols);
	memset(image, 0, sizeof(*image));
}

/* ---- BTF ---- */

struct btf *btf_parse(const void *data, size_t size, struct why *why)
{
	struct btf *btf;

	libbpf_set_print(NULL);
	if (size > UINT32_MAX) {
		refuse(why, "too large for BTF");
		return NULL;
	}
	btf = btf__new(data, size);
	if (!btf)
		refuse(why, "truncated or damaged BTF: %s", strerror(errno));
	return btf;
}

void btf_done(struct btf *btf)
{
	btf__free(btf);
}

static void append(char *out, size_t room, const char *text)
{
	size_t length = strlen(out);

	snprintf(out + length, room - length, "%s", text);
}

/* A type as it is written in C, as far as prototypes of interest need it. */
static void type_name(const struct btf *btf, uint32_t id, char *out, size_t room, int depth)
{
	const struct btf_type *type = id ? btf__type_by_id(btf, id) : NULL;
	const char *name;
	size_t length;

	if (!id) {
		append(out, room, "void");
		return;
	}
	if (!type || depth > BTF_DEPTH) {
		append(out, room, "?");
		return;
	}
	name = btf__name_by_offset(btf, type->name_off);
	if (!name)
		name = "";
	switch (btf_kind(type)) {
	case BTF_KIND_PTR:
		type_name(btf, type->type, out, room, depth + 1);
		length = strlen(out);
		append(out, room, length && out[length - 1] == '*' ? "*" : " *");
		return;
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		/* A qualifier changes nothing in how an argument is passed. */
		type_name(btf, type->type, out, room, depth + 1);
		return;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_FWD:
		append(out, room, btf_kind(type) == BTF_KIND_UNION ? "union " : "struct ");
		append(out, room, *name ? name : "(anonymous)");
		return;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		append(out, room, "enum ");
		append(out, room, *name ? name : "(anonymous)");
		return;
	case BTF_KIND_FUNC_PROTO:
		append(out, room, "(function)");
		return;
	default:
		append(out, room, *name ? name : "?");
	}
}

static char *proto_text(const struct btf *btf, const struct btf_type *proto)
{
	char text[512] = "";
	const struct btf_param *params;
	unsigned int i;

	if (!proto || btf_kind(proto) != BTF_KIND_FUNC_PROTO)
		return NULL;
	params = btf_params(proto);
	for (i = 0; i < btf_vlen(proto); i++) {
		if (i)
			append(text, sizeof(text), ", ");
		type_name(btf, params[i].type, text, sizeof(text), 0);
	}
	return duplicate(*text ? text : "void");
}

char *btf_prototype(const struct btf *btf, const char *name, bool tracepoint)
{
	const struct btf_type *type;
	char typedef_name[128];
	int id;

	if (tracepoint) {
		/* include/trace/bpf_probe.h: what a probe of the tracepoint looks like. */
		snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
		id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	} else {
		id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	}
	if (id <= 0)
		return NULL;
	type = btf__type_by_id(btf, id);
	type = type ? btf__type_by_id(btf, type->type) : NULL;
	if (tracepoint && type && btf_kind(type) == BTF_KIND_PTR)
		type = btf__type_by_id(btf, type->type);
	return proto_text(btf, type);
}
