// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module's file: what it says of itself, what it imports and with which CRCs,
 * and whether a signature is appended. And Module.symvers, which has a kernel's.
 */
#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "dualbmctl.h"

#define MODULE_LIMIT	((size_t)256 << 20)

/* include/linux/module_signature.h: the file ends with this, after its header. */
static const char sig_magic[] = "~Module signature appended~\n";
#define SIG_HEADER	12

/* Takes a signature off the end, for what the module itself is. */
static int parse_signature(const unsigned char *data, size_t *size, struct modfile *mod,
			   struct why *why)
{
	size_t magic = sizeof(sig_magic) - 1, left = *size;
	const unsigned char *header;
	uint64_t length;

	if (left < magic || memcmp(data + left - magic, sig_magic, magic))
		return 0;
	left -= magic;
	if (left < SIG_HEADER)
		return refuse(why, "its signature is truncated");
	header = data + left - SIG_HEADER;
	/* Bytes 3 and 4 are lengths of names, in a format of long ago. */
	length = (uint64_t)header[3] + header[4] + ((uint32_t)header[8] << 24 |
		 header[9] << 16 | header[10] << 8 | header[11]);
	left -= SIG_HEADER;
	if (length > left)
		return refuse(why, "its signature is longer than the file");
	mod->sig = true;
	mod->sig_bytes = length;
	*size = left - length;
	return 0;
}

static void parse_modinfo(const char *data, size_t size, struct modfile *mod)
{
	static const char parmtype[] = "parmtype=", parm[] = "parm=";
	size_t at = 0, nr = 0;

	while (at < size) {
		size_t length = strnlen(data + at, size - at);
		char *line = strndup(data + at, length), **field = NULL;

		at += length + 1;
		if (!line)
			continue;
		if (!strncmp(line, "vermagic=", 9))
			field = &mod->vermagic;
		else if (!strncmp(line, "version=", 8))
			field = &mod->version;
		else if (!strncmp(line, "name=", 5))
			field = &mod->name;
		else if (!strncmp(line, "srcversion=", 11))
			field = &mod->srcversion;
		if (field && !*field) {
			*field = duplicate(strchr(line, '=') + 1);
		} else if (!strncmp(line, parm, sizeof(parm) - 1) ||
			   !strncmp(line, parmtype, sizeof(parmtype) - 1)) {
			char *name = strchr(line, '=') + 1;
			size_t i;

			name[strcspn(name, ":")] = '\0';
			for (i = 0; i < nr && strcmp(mod->parameters[i], name); i++)
				;
			if (i == nr) {
				mod->parameters = reallocate(mod->parameters, (nr + 2) *
							     sizeof(*mod->parameters));
				mod->parameters[nr++] = duplicate(name);
				mod->parameters[nr] = NULL;
			}
		}
		free(line);
	}
}

static void add_import(struct modfile *mod, char *name, uint64_t crc)
{
	mod->imports = reallocate(mod->imports, (mod->nr_imports + 1) * sizeof(*mod->imports));
	mod->imports[mod->nr_imports++] = (struct symbol_crc){ name, crc };
}

/* include/linux/module.h, struct modversion_info: 64 bytes, a CRC and a name. */
static void parse_versions(const unsigned char *data, size_t size, bool wide, struct modfile *mod)
{
	size_t at, head = wide ? 8 : 4;

	for (at = 0; at + 64 <= size; at += 64) {
		uint32_t crc;
		char *name = strndup((const char *)data + at + head, 64 - head);

		if (!name)
			continue;
		memcpy(&crc, data + at, sizeof(crc));
		add_import(mod, name, crc);
	}
	mod->versions = true;
}

/* Since 6.14: CRCs in one section, names one after the other in the next. */
static void parse_ext_versions(const Elf_Data *crcs, const Elf_Data *names, struct modfile *mod)
{
	const char *name = names->d_buf, *end = name + names->d_size;
	size_t i;

	for (i = 0; i + 4 <= crcs->d_size && name < end; i += 4) {
		uint32_t crc;

		memcpy(&crc, (const char *)crcs->d_buf + i, sizeof(crc));
		add_import(mod, strndup(name, end - name), crc);
		name += strnlen(name, end - name) + 1;
	}
	mod->versions = true;
}

/* Without CRCs, at least the names. */
static void parse_undefined(Elf *elf, const GElf_Shdr *header, Elf_Data *data,
			    struct modfile *mod)
{
	size_t nr = header->sh_entsize ? header->sh_size / header->sh_entsize : 0, i;
	GElf_Sym symbol;

	for (i = 1; i < nr && gelf_getsym(data, i, &symbol); i++) {
		const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);

		if (name && *name && symbol.st_shndx == SHN_UNDEF)
			add_import(mod, duplicate(name), 0);
	}
}

static int parse_sections(Elf *elf, struct modfile *mod, struct why *why)
{
	Elf_Data *versions = NULL, *crcs = NULL, *names = NULL, *symtab = NULL;
	GElf_Shdr symtab_header = { 0 }, header;
	bool this_module = false;
	Elf_Scn *section = NULL;
	GElf_Ehdr elf_header;
	size_t strings;

	if (!gelf_getehdr(elf, &elf_header) || elf_getshdrstrndx(elf, &strings))
		return refuse(why, "truncated or damaged ELF file: %s", elf_errmsg(-1));
	if (elf_header.e_type != ET_REL)
		return refuse(why, "an ELF file, but not a module");
	mod->machine = elf_header.e_machine;
	while ((section = elf_nextscn(elf, section))) {
		Elf_Data *data;
		const char *name;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, strings, header.sh_name);
		data = elf_getdata(section, NULL);
		if (!name || !data || !data->d_buf)
			continue;
		if (!strcmp(name, ".modinfo")) {
			parse_modinfo(data->d_buf, data->d_size, mod);
		} else if (!strcmp(name, ".gnu.linkonce.this_module")) {
			this_module = true;
		} else if (!strcmp(name, "__versions")) {
			versions = data;
		} else if (!strcmp(name, "__version_ext_crcs")) {
			crcs = data;
		} else if (!strcmp(name, "__version_ext_names")) {
			names = data;
		} else if (header.sh_type == SHT_SYMTAB) {
			symtab = data;
			symtab_header = header;
		}
	}
	if (!this_module || !mod->vermagic)
		return refuse(why, "an object file, or a truncated module");
	if (versions && versions->d_size)
		parse_versions(versions->d_buf, versions->d_size,
			       gelf_getclass(elf) == ELFCLASS64, mod);
	else if (crcs && names)
		parse_ext_versions(crcs, names, mod);
	else if (symtab)
		parse_undefined(elf, &symtab_header, symtab, mod);
	return 0;
}

int modfile_parse(const void *file, size_t size, struct modfile *mod, struct why *why)
{
	struct buffer plain;
	Elf *elf;
	int ret;

	memset(mod, 0, sizeof(*mod));
	ret = decompress(file, size, &plain, MODULE_LIMIT, why);
	if (ret < 0)
		return -1;
	if (ret == 1) {
		/* libelf writes into what it is given. */
		plain.data = allocate(size + 1);
		memcpy(plain.data, file, size);
		plain.size = size;
	}
	if (plain.size < SELFMAG || memcmp(plain.data, ELFMAG, SELFMAG)) {
		buffer_free(&plain);
		return refuse(why, "not a module: no ELF file");
	}
	ret = parse_signature((unsigned char *)plain.data, &plain.size, mod, why);
	if (!ret) {
		elf_version(EV_CURRENT);
		elf = elf_memory(plain.data, plain.size);
		if (!elf || elf_kind(elf) != ELF_K_ELF)
			ret = refuse(why, "truncated or damaged ELF file");
		else
			ret = parse_sections(elf, mod, why);
		elf_end(elf);
	}
	buffer_free(&plain);
	if (ret)
		modfile_free(mod);
	return ret;
}

void modfile_free(struct modfile *mod)
{
	size_t i;

	free(mod->name);
	free(mod->version);
	free(mod->vermagic);
	free(mod->srcversion);
	list_free(mod->parameters);
	for (i = 0; i < mod->nr_imports; i++)
		free(mod->imports[i].name);
	free(mod->imports);
	memset(mod, 0, sizeof(*mod));
}

/* ---- Module.symvers ---- */

static int by_symbol(const void *a, const void *b)
{
	return strcmp(((const struct symbol_crc *)a)->name, ((const struct symbol_crc *)b)->name);
}

/* "0xCRC<tab>symbol<tab>module<tab>export[<tab>namespace]" */
int symvers_parse(const char *text, size_t size, struct symvers *symvers, struct why *why)
{
	const char *at = text, *end = text + size;
	size_t room = 0, number = 0;

	memset(symvers, 0, sizeof(*symvers));
	while (at < end) {
		const char *stop = memchr(at, '\n', end - at), *tab;
		char crc[20];
		uint64_t value;

		number++;
		if (!stop) {
			symvers_free(symvers);
			return refuse(why, "line %zu has no end: truncated", number);
		}
		tab = memchr(at, '\t', stop - at);
		if (!tab || (size_t)(tab - at) >= sizeof(crc))
			goto foreign;
		memcpy(crc, at, tab - at);
		crc[tab - at] = '\0';
		at = tab + 1;
		tab = memchr(at, '\t', stop - at);
		if (!tab || !parse_number(crc, &value))
			goto foreign;
		if (symvers->nr == room) {
			room = room ? room * 2 : 1024;
			symvers->symbols = reallocate(symvers->symbols,
						      room * sizeof(*symvers->symbols));
		}
		symvers->symbols[symvers->nr].crc = value;
		symvers->symbols[symvers->nr++].name = strndup(at, tab - at);
		at = stop + 1;
	}
	if (!symvers->nr)
		return refuse(why, "empty");
	qsort(symvers->symbols, symvers->nr, sizeof(*symvers->symbols), by_symbol);
	return 0;

foreign:
	symvers_free(symvers);
	return refuse(why, "line %zu is not one of a Module.symvers", number);
}

const struct symbol_crc *symvers_find(const struct symvers *symvers, const char *name)
{
	struct symbol_crc wanted = { (char *)name, 0 };

	if (!symvers->nr)
		return NULL;
	return bsearch(&wanted, symvers->symbols, symvers->nr, sizeof(wanted), by_symbol);
}

void symvers_free(struct symvers *symvers)
{
	size_t i;

	for (i = 0; i < symvers->nr; i++)
		free(symvers->symbols[i].name);
	free(symvers->symbols);
	memset(symvers, 0, sizeof(*symvers));
}
