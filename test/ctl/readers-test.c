// SPDX-License-Identifier: GPL-2.0-only
/*
 * The readers of foreign files: small ones are made here, cut off at every byte,
 * and damaged in every byte. A reader may refuse or take them; it must never read
 * or write where it should not, which the sanitizers see, and never take long.
 *
 *	readers-test [FILE...]	also what each of these files is, cut and damaged
 *				at some hundred places
 */
#include <bpf/btf.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "map.h"

static unsigned int number, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++number, name);
	failures += !good;
}

/* ---- every reader behind one kind of function: 0 taken, -1 refused ---- */

static int read_image(const void *data, size_t size)
{
	static const char * const names[] = { "__free_pages", "loop", "anonymous", "" };
	struct image image;
	struct why why;
	struct btf *btf;
	size_t i;

	if (image_parse(data, size, &image, &why))
		return -1;
	if (image.btf.size) {
		btf = btf_parse(image.btf.data, image.btf.size, &why);
		for (i = 0; btf && i < ARRAY_SIZE(names); i++)
			free(btf_prototype(btf, names[i], false));
		if (btf)
			free(btf_prototype(btf, "mm_page_free", true));
		btf_done(btf);
	}
	image_free(&image);
	return 0;
}

static int read_btf(const void *data, size_t size)
{
	struct why why;
	struct btf *btf = btf_parse(data, size, &why);

	if (!btf)
		return -1;
	free(btf_prototype(btf, "__free_pages", false));
	free(btf_prototype(btf, "deep", false));
	free(btf_prototype(btf, "mm_page_free", true));
	btf_done(btf);
	return 0;
}

static int read_module(const void *data, size_t size)
{
	struct modfile mod;
	struct why why;

	if (modfile_parse(data, size, &mod, &why))
		return -1;
	modfile_free(&mod);
	return 0;
}

static int read_symvers(const void *data, size_t size)
{
	struct symvers symvers;
	struct why why;

	if (symvers_parse(data, size, &symvers, &why))
		return -1;
	symvers_find(&symvers, "__free_pages");
	symvers_free(&symvers);
	return 0;
}

static int read_map(const void *data, size_t size)
{
	struct map map;
	struct why why;

	if (map_load(data, size, &map, &why))
		return -1;
	map_free(&map);
	return 0;
}

static int read_map_lines(const void *data, size_t size)
{
	struct map map;
	struct why why;

	if (map_parse(data, size, &map, &why))
		return -1;
	map_free(&map);
	return 0;
}

/* The lines of a map with the first and the last line that they need, and what is shown of it. */
static int read_map_body(const void *data, size_t size)
{
	static const char head[] = "dualbm-map 2\nrelease x\ncaptured 1\npage_size 4096\n";
	const struct view_limits limits = { 64, 512, 128 };
	struct buffer file;
	struct view view;
	size_t lines = 0, i;
	struct map map;
	struct why why;
	FILE *stream;
	int ret;

	stream = open_memstream(&file.data, &file.size);
	fwrite(head, 1, sizeof(head) - 1, stream);
	fwrite(data, 1, size, stream);
	fflush(stream);
	for (i = 0; i < file.size; i++)
		lines += file.data[i] == '\n';
	fprintf(stream, "end %zu %08lx\n", lines,
		crc32(crc32(0, NULL, 0), (const unsigned char *)file.data, file.size));
	fclose(stream);
	ret = map_load(file.data, file.size, &map, &why);
	free(file.data);
	if (ret)
		return -1;
	view_make(&view, &map, &map, view_square_frames(&map, &limits), limits.columns, 1);
	for (i = 0; i < view.nr_nodes; i++)
		ret |= view.nodes[i].nr > limits.squares;
	view_free(&view);
	map_free(&map);
	/* A view that is larger than it may be is no refusal. */
	if (ret)
		abort();
	return 0;
}

static int read_map_zones(const void *data, size_t size)
{
	struct map map = { .page_size = 4096 };
	char *text = strndup(data, size);
	struct why why;
	int ret = map_add_zones(&map, text, &why);

	map_free(&map);
	free(text);
	return ret;
}

/* Of two chunks, so that some lines are about memory that is there. */
static int read_map_planes(const void *data, size_t size)
{
	static const char lines[] =
		"pfn=0x0 frames=512 node=0 cell=512 -\n"
		"pfn=0x200 frames=512 node=1 cell=512 -\n";
	char *text = strndup(data, size);
	struct map map;
	struct why why;
	int ret;

	if (map_parse(lines, strlen(lines), &map, &why))
		exit(99);
	map.page_size = 4096;
	ret = map_add_planes(&map, text, &why);
	map_free(&map);
	free(text);
	return ret;
}

static int read_map_violations(const void *data, size_t size)
{
	struct map map = { .page_size = 4096 };
	char *text = strndup(data, size);
	struct why why;
	int ret = map_add_violations(&map, text, &why);

	map_free(&map);
	free(text);
	return ret;
}

static int read_violation(const void *data, size_t size)
{
	char *line = strndup(data, size);
	struct violation v;
	struct why why;
	int ret = violation_parse(line, &v, &why);

	if (!ret)
		violation_free(&v);
	free(line);
	return ret;
}

static int read_notes(const void *data, size_t size)
{
	char *id = notes_build_id(data, size);
	int ret = id ? 0 : -1;

	free(id);
	return ret;
}

static int read_compressed(const void *data, size_t size)
{
	struct buffer out;
	struct why why;
	int ret = decompress(data, size, &out, 1 << 20, &why);

	buffer_free(&out);
	return ret ? -1 : 0;
}

typedef int (*reader)(const void *data, size_t size);

/* A copy of exactly @size bytes, so that one more is seen by the sanitizer. */
static int read_copy(reader function, const void *data, size_t size)
{
	void *copy = malloc(size);
	int ret;

	if (!copy && size)
		exit(99);
	if (size)
		memcpy(copy, data, size);
	ret = function(copy, size);
	free(copy);
	return ret;
}

/* Cut at every byte, and every byte changed in some ways. */
static void torment(const char *name, reader function, const char *data, size_t size,
		    bool whole_is_needed)
{
	static const unsigned char flips[] = { 0x01, 0x80, 0xff };
	char text[128], *copy = malloc(size);
	size_t step = size > 4096 ? size / 997 + 1 : 1, at, taken = 0, i;

	snprintf(text, sizeof(text), "%s: is read", name);
	ok(!read_copy(function, data, size), text);
	for (at = 0; at < size; at += step)
		taken += !read_copy(function, data, at);
	snprintf(text, sizeof(text), "%s: cut off at %zu places", name, (size + step - 1) / step);
	ok(!whole_is_needed || !taken, text);
	for (at = 0; at < size; at += step) {
		for (i = 0; i < ARRAY_SIZE(flips); i++) {
			memcpy(copy, data, size);
			copy[at] ^= flips[i];
			read_copy(function, copy, size);
		}
	}
	snprintf(text, sizeof(text), "%s: damaged at as many", name);
	ok(true, text);
	free(copy);
}

/* ---- small files of each kind ---- */

static struct buffer make_btf(void)
{
	struct btf *btf = btf__new_empty();
	int page, uint, pointer, nothing, proto, deep, i;
	struct buffer buffer;
	const void *data;
	__u32 size;

	uint = btf__add_int(btf, "unsigned int", 4, 0);
	page = btf__add_struct(btf, "page", 4);
	btf__add_field(btf, "flags", uint, 0, 0);
	pointer = btf__add_ptr(btf, page);
	proto = btf__add_func_proto(btf, 0);
	btf__add_func_param(btf, "page", pointer);
	btf__add_func_param(btf, "order", uint);
	btf__add_func(btf, "__free_pages", BTF_FUNC_GLOBAL, proto);
	nothing = btf__add_ptr(btf, 0);
	proto = btf__add_func_proto(btf, 0);
	btf__add_func_param(btf, "data", nothing);
	btf__add_func_param(btf, "page", pointer);
	proto = btf__add_ptr(btf, proto);
	btf__add_typedef(btf, "btf_trace_mm_page_free", proto);
	/* More pointers than anybody follows. */
	for (deep = uint, i = 0; i < 40; i++)
		deep = btf__add_ptr(btf, deep);
	proto = btf__add_func_proto(btf, 0);
	btf__add_func_param(btf, "deep", deep);
	btf__add_func(btf, "deep", BTF_FUNC_GLOBAL, proto);
	data = btf__raw_data(btf, &size);
	buffer.data = malloc(size);
	buffer.size = size;
	memcpy(buffer.data, data, size);
	btf__free(btf);
	return buffer;
}

/* An ELF file out of sections: names in the last, their contents one after another. */
struct section {
	const char *name;
	uint32_t type;
	const void *data;
	size_t size;
	uint64_t entsize;
	uint32_t link;
};

static struct buffer make_elf(uint16_t type, const struct section *sections, size_t nr)
{
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = type, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr), .e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = nr + 2, .e_shstrndx = nr + 1,
	};
	Elf64_Shdr headers[16] = { 0 };
	char names[512] = "";
	struct buffer buffer;
	size_t at = sizeof(header), name = 1, i;
	FILE *stream = open_memstream(&buffer.data, &buffer.size);

	fwrite(&header, 1, sizeof(header), stream);
	for (i = 0; i < nr; i++) {
		headers[i + 1] = (Elf64_Shdr){
			.sh_name = name, .sh_type = sections[i].type, .sh_offset = at,
			.sh_size = sections[i].size, .sh_entsize = sections[i].entsize,
			.sh_link = sections[i].link, .sh_addralign = 1,
		};
		strcpy(names + name, sections[i].name);
		name += strlen(sections[i].name) + 1;
		fwrite(sections[i].data, 1, sections[i].size, stream);
		at += sections[i].size;
	}
	headers[nr + 1] = (Elf64_Shdr){
		.sh_name = 0, .sh_type = SHT_STRTAB, .sh_offset = at, .sh_size = name,
		.sh_addralign = 1,
	};
	fwrite(names, 1, name, stream);
	/* Section headers where they are aligned, or elf_memory() refuses them. */
	for (at += name; at % 8; at++)
		fputc(0, stream);
	header.e_shoff = at;
	fwrite(headers, sizeof(headers[0]), nr + 2, stream);
	fclose(stream);
	memcpy(buffer.data, &header, sizeof(header));
	return buffer;
}

static struct buffer make_module(bool with_crcs, bool is_signed)
{
	static const char info[] = "name=dualbm\0version=1.2\0"
				   "vermagic=6.12.1 SMP mod_unload modversions \0"
				   "parm=policy:what to do\0parmtype=other:int";
	static const char strings[] = "\0__free_pages";
	unsigned char versions[128] = { 0x12, 0x34, 0x56, 0x78 };
	Elf64_Sym symbols[] = { { 0 }, { .st_name = 1, .st_shndx = SHN_UNDEF } };
	struct section sections[] = {
		{ ".modinfo", SHT_PROGBITS, info, sizeof(info), 0, 0 },
		{ ".gnu.linkonce.this_module", SHT_PROGBITS, "module", 6, 0, 0 },
		{ ".strtab", SHT_STRTAB, strings, sizeof(strings), 0, 0 },
		{ ".symtab", SHT_SYMTAB, symbols, sizeof(symbols), sizeof(symbols[0]), 3 },
		{ "__versions", SHT_PROGBITS, versions, sizeof(versions), 0, 0 },
	};
	static const unsigned char signature[] = {
		1, 2, 3, 4, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4,
	};
	struct buffer buffer;

	strcpy((char *)versions + 8, "__free_pages");
	strcpy((char *)versions + 72, "module_layout");
	buffer = make_elf(ET_REL, sections, with_crcs ? 5 : 4);
	if (is_signed) {
		static const char magic[] = "~Module signature appended~\n";
		size_t size = buffer.size;

		buffer.size += sizeof(signature) + sizeof(magic) - 1;
		buffer.data = realloc(buffer.data, buffer.size);
		memcpy(buffer.data + size, signature, sizeof(signature));
		memcpy(buffer.data + size + sizeof(signature), magic, sizeof(magic) - 1);
	}
	return buffer;
}

static struct buffer gzip(const void *data, size_t size)
{
	z_stream stream = { .next_in = (unsigned char *)data, .avail_in = size };
	struct buffer buffer = { malloc(size + 1024), 0 };

	deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	stream.next_out = (unsigned char *)buffer.data;
	stream.avail_out = size + 1024;
	deflate(&stream, Z_FINISH);
	buffer.size = stream.total_out;
	deflateEnd(&stream);
	return buffer;
}

static const char banner[] =
	"Linux version 6.12.1-test (somebody@somewhere) #1 SMP Debian 6.12.1-1\n";

/* Build-ids: bytes that count up, from one that says whose it is. */
#define KERNEL_ID	"101112131415161718191a1b1c1d1e1f20212223"
#define KERNEL_FIRST	0x10
#define OTHER_FIRST	0x80

static void put_note(FILE *stream, const char *name, uint32_t type, unsigned char first,
		     uint32_t id_size)
{
	uint32_t header[] = { strlen(name) + 1, id_size, type }, i;

	fwrite(header, sizeof(header), 1, stream);
	for (i = 0; i < ((header[0] + 3) & ~3u); i++)
		fputc(i < header[0] ? name[i] : 0, stream);
	for (i = 0; i < ((id_size + 3) & ~3u); i++)
		fputc(i < id_size ? first + i : 0, stream);
}

/* As a kernel has them: others' notes, also some of the same type or the same name, before it. */
static struct buffer make_notes(unsigned char first, uint32_t id_size)
{
	struct buffer buffer;
	FILE *stream = open_memstream(&buffer.data, &buffer.size);

	put_note(stream, "Xen", NT_GNU_BUILD_ID, OTHER_FIRST, 20);
	put_note(stream, "GNU", NT_GNU_ABI_TAG, OTHER_FIRST, 16);
	put_note(stream, "Linux", 0x101, OTHER_FIRST, 5);
	put_note(stream, "GNU", NT_GNU_BUILD_ID, first, id_size);
	fclose(stream);
	return buffer;
}

static struct buffer make_vmlinux(void)
{
	struct buffer btf = make_btf(), notes = make_notes(KERNEL_FIRST, 20), elf;
	struct buffer other = make_notes(OTHER_FIRST, 20);
	struct section sections[] = {
		{ ".note.other", SHT_NOTE, other.data, other.size, 0, 0 },
		{ ".rodata", SHT_PROGBITS, banner, sizeof(banner), 0, 0 },
		{ ".BTF", SHT_PROGBITS, btf.data, btf.size, 0, 0 },
		{ ".notes", SHT_NOTE, notes.data, notes.size, 0, 0 },
		{ ".note.last", SHT_NOTE, other.data, other.size, 0, 0 },
	};

	elf = make_elf(ET_EXEC, sections, ARRAY_SIZE(sections));
	free(btf.data);
	free(notes.data);
	free(other.data);
	return elf;
}

#define RAW_PAGE	4096

/*
 * An Image without sections: a vDSO of two pages with a note in each, and what looks like a
 * note and has no room for a build-id; then the kernel's own, if it has one.
 */
static struct buffer make_raw(bool with_id)
{
	struct buffer btf = make_btf(), other = make_notes(OTHER_FIRST, 20);
	struct buffer small = make_notes(OTHER_FIRST, 4), own = make_notes(KERNEL_FIRST, 20), raw;

	raw.size = 6 * RAW_PAGE;
	raw.data = calloc(1, raw.size);
	memcpy(raw.data + 64, banner, sizeof(banner));
	memcpy(raw.data + RAW_PAGE, ELFMAG, SELFMAG);
	memcpy(raw.data + RAW_PAGE + 512, other.data, other.size);
	memcpy(raw.data + 2 * RAW_PAGE + 512, other.data, other.size);
	memcpy(raw.data + 3 * RAW_PAGE, small.data, small.size);
	memcpy(raw.data + 3 * RAW_PAGE + 512, btf.data, btf.size);
	if (with_id)
		memcpy(raw.data + raw.size - own.size, own.data, own.size);
	free(btf.data);
	free(other.data);
	free(small.data);
	free(own.data);
	return raw;
}

/* A bzImage: a setup header, and a payload that is compressed. */
static struct buffer make_bzimage(void)
{
	struct buffer elf = make_vmlinux(), payload = gzip(elf.data, elf.size), image;
	unsigned char *at;

	image.size = 1024 + 16 + payload.size;
	image.data = calloc(1, image.size);
	at = (unsigned char *)image.data;
	at[0x1f1] = 1;
	memcpy(at + 0x202, "HdrS", 4);
	at[0x206] = 0x0f;
	at[0x207] = 0x02;
	at[0x20e] = 0x80;
	at[0x20f] = 0;
	strcpy((char *)at + 0x280, "6.12.1-test (somebody) #1");
	at[0x248] = 16;
	at[0x24c] = payload.size & 0xff;
	at[0x24d] = payload.size >> 8;
	memcpy(at + 1024 + 16, payload.data, payload.size);
	free(elf.data);
	free(payload.data);
	return image;
}

static const char map_lines[] =
	"pfn=0x0 frames=2048 node=0 cell=512 512/0/0/0 500/12/0/3 0/0/512/0 -\n"
	"pfn=0x800 frames=2048 node=1 cell=512 0/512/0/1 0/511/0/1 - -\n";

static const char map_more[] =
	"zone name=DMA node=0 pfn=0x1 frames=2047\nzone name=Normal node=1 pfn=0x800 frames=2048\n"
	"plane name=primary of=0x0 pfn=0x10 frames=1\nplane name=secondary of=0x0 pfn=0x810 frames=2\n"
	"violation name=double_free record=1 pfn=0x803 frames=4\n";

static const char map_zones[] =
	"Node 0, zone      DMA\n  pages free     1\n        spanned  2047\n  start_pfn:           1\n"
	"Node 0, zone   Device\n        spanned  0\n  start_pfn:           0\n"
	"Node 1, zone   Normal\n        spanned  2048\n  start_pfn:           2048\n";

static const char map_planes[] =
	"pfn=0x0 frames=512 plane=primary node=0 phys=0x10000 phys=0x11000\n"
	"pfn=0x0 frames=512 plane=secondary node=1 phys=0x210000 phys=0x219000\n"
	"pfn=0x9000 frames=512 plane=known node=1 phys=0x210000\n";

static struct buffer make_capture(void)
{
	char *zones, *planes;
	struct buffer buffer;
	struct map map;
	struct why why;
	FILE *stream;

	if (map_parse(map_lines, strlen(map_lines), &map, &why))
		exit(99);
	map.release = strdup("6.12.1-test");
	map.captured = 1700000000;
	map.page_size = 4096;
	zones = strdup(map_zones);
	planes = strdup("pfn=0x0 frames=2048 plane=primary node=0 phys=0x10000 phys=0x11000\n"
			"pfn=0x0 frames=2048 plane=secondary node=1 phys=0x810000\n");
	if (map_add_zones(&map, zones, &why) || map_add_planes(&map, planes, &why))
		exit(99);
	free(zones);
	free(planes);
	stream = open_memstream(&buffer.data, &buffer.size);
	map_save(stream, &map);
	fclose(stream);
	map_free(&map);
	return buffer;
}

static struct buffer make_body(void)
{
	struct buffer buffer = { .size = strlen(map_lines) + strlen(map_more) };

	buffer.data = malloc(buffer.size + 1);
	strcpy(stpcpy(buffer.data, map_lines), map_more);
	return buffer;
}

/* ---- what they read ---- */

static void test_contents(void)
{
	struct buffer btf = make_btf(), module = make_module(true, true), image = make_bzimage();
	struct buffer plain = make_module(false, false), capture = make_capture();
	struct image read;
	struct modfile mod;
	struct btf *types;
	struct map map;
	struct why why;
	char *text, *two;

	types = btf_parse(btf.data, btf.size, &why);
	text = types ? btf_prototype(types, "__free_pages", false) : NULL;
	ok(text && !strcmp(text, "struct page *, unsigned int"), "BTF: a function's arguments");
	free(text);
	text = types ? btf_prototype(types, "mm_page_free", true) : NULL;
	ok(text && !strcmp(text, "void *, struct page *"), "BTF: a tracepoint's arguments");
	free(text);
	ok(types && !btf_prototype(types, "nothing", false), "BTF: no such function");
	btf_done(types);

	ok(!image_parse(image.data, image.size, &read, &why) && read.btf.size == btf.size &&
	   !strcmp(read.release, "6.12.1-test") && strstr(read.banner, " Debian ") &&
	   read.build_id && !strcmp(read.build_id, KERNEL_ID),
	   "bzImage: release, banner, BTF and build-id");
	image_free(&read);

	ok(!modfile_parse(module.data, module.size, &mod, &why) && mod.sig && mod.sig_bytes == 4 &&
	   mod.versions && mod.nr_imports == 2 && mod.imports[0].crc == 0x78563412 &&
	   !strcmp(mod.imports[0].name, "__free_pages") && !strcmp(mod.name, "dualbm") &&
	   !strcmp(mod.parameters[0], "policy") && !strcmp(mod.parameters[1], "other"),
	   "module: name, parameters, CRCs and signature");
	modfile_free(&mod);
	ok(!modfile_parse(plain.data, plain.size, &mod, &why) && !mod.sig && !mod.versions &&
	   mod.nr_imports == 1 && !strcmp(mod.imports[0].name, "__free_pages"),
	   "module without CRCs: what it imports");
	modfile_free(&mod);

	ok(!map_load(capture.data, capture.size, &map, &why) && map.nr_chunks == 2 &&
	   map.chunks[0].cells[1].free == 12 && map.chunks[0].cells[1].runs == 3 &&
	   !map.chunks[0].cells[3].present && map.chunks[1].node == 1,
	   "captured map: what was kept");
	ok(map.nr_zones == 2 && !strcmp(map.zones[1].name, "Normal") && map.zones[1].pfn == 2048 &&
	   map.zones[1].frames == 2048 && map.zones[1].node == 1,
	   "captured map: its zones, without those that are empty");
	ok(map.nr_planes == 2 && map.planes[0].plane == PRIMARY && map.planes[0].pfn == 0x10 &&
	   map.planes[0].frames == 2 && map.planes[1].plane == SECONDARY &&
	   map.planes[1].pfn == 0x810 && map.planes[1].frames == 1,
	   "captured map: its planes, pages that follow each other as one");
	map_free(&map);
	two = malloc(2 * capture.size);
	memcpy(two, capture.data, capture.size);
	memcpy(two + capture.size, capture.data, capture.size);
	ok(map_first(two, 2 * capture.size) == capture.size &&
	   map_first(two, capture.size) == capture.size &&
	   map_first(two, capture.size - 1) == capture.size - 1,
	   "captured map: where the first of several ends");
	free(two);
	memcpy(capture.data, "dualbm-map 3", 12);
	ok(map_load(capture.data, capture.size, &map, &why) == -1,
	   "captured map: a later format is refused");
	free(btf.data);
	free(module.data);
	free(image.data);
	free(plain.data);
	free(capture.data);
}

/* Whose build-id it is, or that there is none. */
static bool has_id(const void *notes, size_t size, const char *wanted)
{
	void *copy = malloc(size);
	bool good;
	char *id;

	memcpy(copy, notes, size);
	id = notes_build_id(copy, size);
	good = wanted ? id && !strcmp(id, wanted) : !id;
	free(id);
	free(copy);
	return good;
}

static void test_notes(void)
{
	/* Also those that come to 0 if they are rounded up in 32 bits. */
	static const uint32_t huge[] = {
		0xffffffff, 0xfffffffd, 0xfffffff4, 0x80000000, 0x7fffffff, 0x1000,
	};
	static const struct {
		uint32_t size;
		bool taken;
	} sizes[] = { { 0, false }, { 7, false }, { 8, true }, { 18, true }, { 32, true },
		      { 33, false } };
	struct buffer notes = make_notes(KERNEL_FIRST, 20), raw;
	/* Where each of the notes begins. */
	const size_t begins[] = { 0, 36, 68, 96 };
	struct image image;
	struct why why;
	char *id;
	size_t i, j, k;
	bool good;

	ok(has_id(notes.data, notes.size, KERNEL_ID), "notes: the build-id, behind others' notes");
	for (good = true, i = 0; i < notes.size; i++)
		good = good && has_id(notes.data, i, NULL);
	ok(good, "notes: cut off at each byte there is none");
	for (good = true, i = 0; i < ARRAY_SIZE(begins); i++) {
		for (j = 0; j < ARRAY_SIZE(huge); j++) {
			for (k = 0; k < 2; k++) {
				char *field = notes.data + begins[i] + 4 * k;
				uint32_t was;

				memcpy(&was, field, sizeof(was));
				memcpy(field, &huge[j], sizeof(was));
				good = good && has_id(notes.data, notes.size, NULL);
				memcpy(field, &was, sizeof(was));
			}
		}
	}
	ok(good && has_id(notes.data, notes.size, KERNEL_ID),
	   "notes: sizes beyond their end are not believed");
	free(notes.data);
	for (good = true, i = 0; i < ARRAY_SIZE(sizes); i++) {
		notes = make_notes(KERNEL_FIRST, sizes[i].size);
		id = notes_build_id(notes.data, notes.size);
		good = good && !id == !sizes[i].taken && (!id || strlen(id) == 2 * sizes[i].size);
		free(id);
		free(notes.data);
	}
	ok(good, "notes: a build-id has 8 to 32 bytes");

	raw = make_raw(true);
	ok(!image_parse(raw.data, raw.size, &image, &why) && image.build_id &&
	   !strcmp(image.build_id, KERNEL_ID), "Image: the build-id, and not that of its vDSO");
	image_free(&image);
	free(raw.data);
	raw = make_raw(false);
	ok(!image_parse(raw.data, raw.size, &image, &why) && !image.build_id,
	   "Image: without a build-id its vDSO has still another one");
	image_free(&image);
	free(raw.data);
}

#define RECORD(comm)	"record=3 class=double_free pfn=0x10 order=2 proof=buddy frames=4 block=0x10 " \
			"event=free was=free primary=0 secondary=1 untracked=0 node=-1 zone=Normal cpu=1 " \
			"pid=77 comm=" comm " time_ns=5000000001 caller=bad+0x1/0x2 [mod] " \
			"flags=0x10 refcount=-1 mapcount=-1 repaired=0\n"

static void test_violations(void)
{
	static const struct {
		const char *line, *comm;
	} names[] = {
		{ RECORD("kworker/0:1"), "kworker/0:1" }, { RECORD("a b"), "a b" },
		{ RECORD("x time_ns=5"), "x time_ns=5" }, { RECORD("x caller=y"), "x caller=y" },
		{ RECORD(""), "" }, { RECORD("pid=1 node=9"), "pid=1 node=9" },
		{ RECORD("a\nb"), "a\nb" }, { RECORD("\" \\\x01\xff"), "\" \\\x01\xff" },
	};
	struct violation v;
	struct why why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		bool good = !violation_parse(names[i].line, &v, &why);

		good = good && !strcmp(v.comm, names[i].comm) && v.pid == 77 && v.node == -1 &&
		       v.time_ns == 5000000001 && !strcmp(v.caller, "bad+0x1/0x2 [mod]") &&
		       v.refcount == -1 && v.have_page && v.pfn == 16;
		ok(good, "violation: a task's name cannot lie about the rest");
		violation_free(&v);
	}
}

/* What is only said of some classes, also what this program has never heard of. */
static void test_details(void)
{
	static const struct detail wanted[] = {
		{ "unseen", "pcp" }, { "what", "count" }, { "value", "-3" },
		{ "witness", "buddy" }, { "liar", "primary|secondary" }, { "liar_node", "1" },
		{ "liar_phys", "0x1000" }, { "news", "two words" },
	};
	static const char line[] = RECORD("comm=x liar=y");
	struct violation v;
	struct why why;
	char text[2 * sizeof(line)], *tail;
	bool good;
	size_t i;

	strcpy(text, line);
	tail = strstr(text, " repaired=0");
	strcpy(tail, " unseen=pcp what=count value=-3 witness=buddy liar=primary|secondary");
	strcat(tail, " liar_node=1 liar_phys=0x1000 news=two words repaired=1 known=1\n");
	good = !violation_parse(text, &v, &why) && v.nr_details == ARRAY_SIZE(wanted) &&
	       v.have_known && v.known == 1 &&
	       v.repaired == 1 && v.have_page && v.mapcount == -1 &&
	       !strcmp(v.comm, "comm=x liar=y");
	for (i = 0; good && i < ARRAY_SIZE(wanted); i++)
		good = !strcmp(v.details[i].key, wanted[i].key) &&
		       !strcmp(v.details[i].value, wanted[i].value);
	ok(good, "violation: every key behind the caller is kept");
	violation_free(&v);
}

static void test_numbers(void)
{
	static const char * const bad[] = {
		"", " 1", "-1", "+1", "1 ", "1x", "0x", "x1", "0x1g", "18446744073709551616",
	};
	uint64_t value;
	size_t i, taken = 0;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		taken += parse_number(bad[i], &value);
	ok(!taken, "numbers: what is none is refused");
	ok(parse_number("18446744073709551615", &value) && value == UINT64_MAX,
	   "numbers: the largest");
	ok(parse_number("0x10", &value) && value == 16 &&
	   parse_number("010", &value) && value == 10,
	   "numbers: hexadecimal and decimal, nothing else");
}

static void test_bomb(void)
{
	char *zeroes = calloc(1, 8 << 20);
	struct buffer bomb = gzip(zeroes, 8 << 20), out;
	struct why why;

	ok(decompress(bomb.data, bomb.size, &out, 1 << 20, &why) == -1 &&
	   strstr(why.text, "more than 1 MiB"), "decompress: more than the limit is refused");
	free(zeroes);
	free(bomb.data);
}

static reader kind_of(const char *name)
{
	if (strstr(name, "vmlinuz") || strstr(name, "vmlinux") || strstr(name, "Image"))
		return read_image;
	if (strstr(name, ".ko"))
		return read_module;
	if (strstr(name, "symvers"))
		return read_symvers;
	return strstr(name, ".map") ? read_map : read_btf;
}

/* A file of the system: large, so at a few places, and for a limited time. */
static void torment_file(const char *name)
{
	reader function = kind_of(name);
	struct buffer buffer;
	char text[512], *copy;
	time_t end = time(NULL) + 20;
	unsigned int seed = 1, rounds = 0;
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;

	if (caller_read(name, &buffer, LARGE_FILE)) {
		printf("# %s cannot be read\n", name);
		return;
	}
	snprintf(text, sizeof(text), "%s: is read", base);
	ok(!read_copy(function, buffer.data, buffer.size), text);
	copy = malloc(buffer.size);
	while (time(NULL) < end && rounds < 300) {
		size_t size = rounds % 2 ? buffer.size : (size_t)rand_r(&seed) % buffer.size, i;

		memcpy(copy, buffer.data, buffer.size);
		/* Headers are at the beginning, and for ELF at the end. */
		for (i = 0; i < 8; i++) {
			size_t span = i % 2 && buffer.size > 4096 ? 4096 : buffer.size;
			size_t at = (size_t)rand_r(&seed) % span;

			copy[rounds % 4 == 3 ? buffer.size - 1 - at : at] ^= 1 << rand_r(&seed) % 8;
		}
		read_copy(function, copy, size);
		rounds++;
	}
	snprintf(text, sizeof(text), "%s: cut and damaged", base);
	ok(rounds > 0, text);
	printf("# %u times\n", rounds);
	free(copy);
	buffer_free(&buffer);
}

int main(int argc, char **argv)
{
	static const char symvers[] =
		"0x12345678\t__free_pages\tvmlinux\tEXPORT_SYMBOL\t\n"
		"0x00000001\tzone\tvmlinux\tEXPORT_SYMBOL_GPL\n";
	struct {
		const char *name;
		reader function;
		struct buffer buffer;
		bool whole_is_needed;
	} files[] = {
		{ "BTF", read_btf, make_btf(), true },
		{ "bzImage", read_image, make_bzimage(), true },
		{ "vmlinux", read_image, make_vmlinux(), false },
		{ "Image", read_image, make_raw(true), false },
		{ "notes", read_notes, make_notes(KERNEL_FIRST, 20), true },
		{ "module", read_module, make_module(true, false), true },
		{ "signed module", read_module, make_module(true, true), false },
		{ "module without CRCs", read_module, make_module(false, false), true },
		{ "captured map", read_map, make_capture(), true },
		{ "map", read_map_lines, { strdup(map_lines), strlen(map_lines) }, false },
		{ "map and what is behind it", read_map_body, make_body(), false },
		{ "zones of a map", read_map_zones, { strdup(map_zones), strlen(map_zones) },
		  false },
		{ "planes of a map", read_map_planes, { strdup(map_planes), strlen(map_planes) },
		  false },
		{ "violations of a map", read_map_violations,
		  { strdup(RECORD("name")), strlen(RECORD("name")) }, false },
		{ "Module.symvers", read_symvers, { strdup(symvers), strlen(symvers) }, false },
		{ "violation", read_violation, { strdup(RECORD("name")), strlen(RECORD("name")) },
		  false },
		{ "gzip", read_compressed, gzip(symvers, sizeof(symvers)), true },
	};
	size_t i;
	int n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	test_numbers();
	test_contents();
	test_notes();
	test_violations();
	test_details();
	test_bomb();
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		torment(files[i].name, files[i].function, files[i].buffer.data,
			files[i].buffer.size, files[i].whole_is_needed);
		free(files[i].buffer.data);
	}
	for (n = 1; n < argc; n++)
		torment_file(argv[n]);
	printf("1..%u\n", number);
	return failures != 0;
}
