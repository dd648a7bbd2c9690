/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of dualbmctl share: rooted files, output as text and as JSON,
 * and the readers of foreign files, which never end the program.
 */
#ifndef DUALBMCTL_H
#define DUALBMCTL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* Exit statuses; dualbmctl(8) documents them. */
enum status {
	STATUS_YES = 0,		/* done; the answer is yes, nothing is wrong */
	STATUS_NO = 1,		/* done; the answer is no, or something is wrong */
	STATUS_USAGE = 2,
	STATUS_UNLOADED = 3,	/* the module is not loaded */
	STATUS_PERMISSION = 4,
	STATUS_FOREIGN = 5,	/* a file is truncated, or is something else */
	STATUS_LACKING = 6,	/* a file is not there, the kernel lacks something */
	STATUS_REFUSED = 7,	/* the kernel refused */
	STATUS_OUTPUT = 8,	/* standard output, or FILE, cannot be written */
};

/* Why something cannot be read, filled in by whoever returns -1. */
struct why {
	char text[256];
};

/* A file's contents; a NUL follows them. */
struct buffer {
	char *data;
	size_t size;
};

/* What every command is told. */
struct options {
	const char *root;	/* "" is the machine itself */
	bool json;
	bool colour;		/* standard output is a terminal that has it */
	bool terminal;		/* standard error is one: progress is shown */
	int columns;
};

extern struct options options;

#define printf_like(text, first)	__attribute__((format(printf, text, first)))

/* ---- output.c: messages, memory, JSON ---- */

/* Ends the program with a message, as JSON as well if that is wanted. */
_Noreturn void fail(enum status status, const char *format, ...) printf_like(2, 3);
void warn(const char *format, ...) printf_like(1, 2);
/* Says why, and returns -1. */
int refuse(struct why *why, const char *format, ...) printf_like(2, 3);
void *allocate(size_t size);
void *reallocate(void *data, size_t size);
char *duplicate(const char *text);
char *format_text(const char *format, ...) printf_like(1, 2);
char *format_text_va(const char *format, va_list arguments) printf_like(1, 0);
/* The status to end with, after everything has been written. */
int output_end(int status);
/* Ends as SIGPIPE does if that is why standard output is broken. */
_Noreturn void output_broken(void);

/* What is to be undone before the program ends early; may be called twice. */
extern void (*at_end)(void);

enum colour { PLAIN, GOOD, BAD, DOUBTFUL, FAINT, BOLD };
/* An escape sequence, or "" where there is no colour. */
const char *colour(enum colour which);
/* How many columns a text takes, without what would move the cursor. */
void print_safe(FILE *stream, const char *text);
/* "1.5 MiB" */
const char *human_bytes(uint64_t bytes);
/* "0.8 s", "12 min 4 s", "3 d 5 h" */
const char *human_time(uint64_t milliseconds);
/* "1 pass", "2 passes" */
const char *human_count(uint64_t number, const char *one, const char *many);
/* "0.11 %" of all: never 0 where there is some, and never 100 where some is missing. */
const char *human_share(uint64_t part, uint64_t all);

/* A progress bar on standard error; nothing unless that is a terminal. */
void progress(const char *what, uint64_t done, uint64_t all);
void progress_end(void);

/* For errors: the command that was given. */
extern const char *json_command;
/*
 * JSON is kept until the end, so that an error never leaves half of it. Each begins with
 * the name of its schema and that one's version.
 */
void json_begin(const char *command);
void json_end(void);
/* The same for an object that goes to a file: its schema comes first, and @out has it. */
void json_file_begin(const char *schema, unsigned int version);
void json_file_end(struct buffer *out);
void json_open(const char *name, char bracket);
void json_close(void);
void json_string(const char *name, const char *value);
void json_number(const char *name, uint64_t value);
void json_signed(const char *name, int64_t value);
void json_real(const char *name, double value);
void json_bool(const char *name, bool value);
void json_null(const char *name);
/* One line of its own, at once: for a stream of records. */
void json_flush_line(void);

/* ---- files.c: files below the root ---- */

/* As open(2), but below the root, absolute links included; -errno on error. */
int root_open(const char *path, int flags);
/* 0 or -errno; at most @limit bytes, -EFBIG beyond. */
int file_read(const char *path, struct buffer *buffer, size_t limit);
/* The same for a file that the command line names: it is not below the root. */
int caller_read(const char *path, struct buffer *buffer, size_t limit);
int fd_read(int fd, struct buffer *buffer, size_t limit);
/* The first @limit bytes of what may be longer; @more says whether it is. */
int fd_read_part(int fd, struct buffer *buffer, size_t limit, bool *more);
void buffer_free(struct buffer *buffer);
/* The first line, allocated; NULL if there is none. */
char *file_line(const char *path);
bool file_number(const char *path, uint64_t *value);
bool file_exists(const char *path);
/* One write(2) of @text; 0 or -errno, -EROFS in a captured tree. */
int file_write(const char *path, const char *text);
/* Names in a directory, sorted, NULL at the end; NULL if it cannot be read. */
char **directory_list(const char *path);
void list_free(char **list);
/* The path as an argument of functions that open it themselves. */
char *root_path(const char *path);

#define SYSFS		"/sys/kernel/dualbm"
#define DEBUGFS		"/sys/kernel/debug/dualbm"
#define SMALL_FILE	0x100000u
#define LARGE_FILE	0x40000000u

/* Reads a file of the loaded module, or ends with the reason why not. */
void module_read(const char *directory, const char *name, struct buffer *buffer);
/* Ends with the reason why a file of the module could not be used. */
_Noreturn void module_fail(const char *directory, const char *name, int error);
void need_loaded(void);
/* Neither loaded, nor on its way in or out. */
bool is_unloaded(void);

/* ---- parse.c: the formats of the module's files, and numbers ---- */

/* A number, decimal or 0x..., all of the text; false if it is anything else. */
bool parse_number(const char *text, uint64_t *value);
/* The value of "name value", one per line; false if there is none. */
bool line_number(const char *text, const char *name, uint64_t *value);
/* The value of key=value among words; allocated, NULL if there is none. */
char *word_value(const char *line, const char *key);
bool word_number(const char *line, const char *key, uint64_t *value);
/* Takes the next line off; NULL at the end. Changes the text. */
char *next_line(char **text);
/* Takes the next word off; NULL at the end. Changes the text. */
char *next_word(char **text);

#define MAX_STACK	64
#define MAX_DETAILS	48

/* What is only said of some classes, as "liar=primary". */
struct detail {
	char *key, *value;
};

/* A record of "last_violation" or "violations". */
struct violation {
	uint64_t number, pfn, order, frames, block, time_ns;
	uint64_t primary, secondary, untracked, known, flags, repaired;
	int64_t node, cpu, pid, refcount, mapcount;
	bool have_page, have_known;
	char *class, *proof, *event, *was, *zone, *comm, *caller;
	struct detail details[MAX_DETAILS];
	unsigned int nr_details;
	char *stack[MAX_STACK];
	unsigned int depth;
};

/* "... key=value key=value", all but the first word: how many; each allocated. */
unsigned int details_parse(const char *text, struct detail details[MAX_DETAILS]);

int violation_parse(const char *line, struct violation *v, struct why *why);
void violation_free(struct violation *v);
/* "freed while it was free", and what the proof is */
const char *violation_class_text(const char *class);
const char *violation_proof_text(const char *proof);

/* ---- violations.c ---- */

/*
 * What the history says, in the keys and values of @details: a line for each event of the
 * past, its first column being of the width of @indent.
 */
void print_past(const struct detail *details, unsigned int nr, const char *indent);
/* Is it of the history? */
bool is_past(const struct detail *detail);

void json_detail(const struct detail *detail);
void violation_json(const char *name, const struct violation *v);
/* What "violations --json" has, of the text of "violations"; how many records. Changes the text. */
size_t violations_json(char *text);

/* ---- decompress.c ---- */

/*
 * What @data is compressed with, by its magic, and what it holds; trailing bytes
 * are left out. 1 if it is not compressed in a way known here, 0 or -1.
 */
int decompress(const void *data, size_t size, struct buffer *out, size_t limit,
	       struct why *why);

/* ---- image.c: kernel images and BTF ---- */

struct image {
	char *release;		/* NULL if the image does not say */
	char *banner;		/* "Linux version ...", or NULL */
	char *build_id;		/* its digits, lower case; NULL if it has none */
	struct buffer btf;	/* empty if there is none */
	struct buffer symbols;	/* lines as in System.map; empty if stripped */
};

int image_parse(const void *data, size_t size, struct image *image, struct why *why);
void image_free(struct image *image);
/*
 * The build-id in ELF notes, as the module reads them: the digits, allocated; NULL if there is
 * none, or if a note before it is damaged.
 */
char *notes_build_id(const void *notes, size_t size);

struct btf;
struct btf *btf_parse(const void *data, size_t size, struct why *why);
void btf_done(struct btf *btf);
/*
 * "struct page *, unsigned int" for a function, or for the probe of a tracepoint;
 * allocated; NULL if BTF does not have it.
 */
char *btf_prototype(const struct btf *btf, const char *name, bool tracepoint);

/* ---- modfile.c: a module's file, and Module.symvers ---- */

struct symbol_crc {
	char *name;
	uint64_t crc;
};

struct modfile {
	char *name, *version, *vermagic, *srcversion;
	char **parameters;	/* names, NULL at the end */
	bool versions;		/* it has CRCs */
	struct symbol_crc *imports;
	size_t nr_imports;
	bool sig;
	uint64_t sig_bytes;
	unsigned int machine;
};

int modfile_parse(const void *data, size_t size, struct modfile *mod, struct why *why);
void modfile_free(struct modfile *mod);

struct symvers {
	struct symbol_crc *symbols;
	size_t nr;
};

int symvers_parse(const char *text, size_t size, struct symvers *symvers, struct why *why);
const struct symbol_crc *symvers_find(const struct symvers *symvers, const char *name);
void symvers_free(struct symvers *symvers);

/* ---- capture.c: a map of memory ---- */

struct cell {
	uint32_t allocated, free, untracked, runs;
	bool present;
};

enum plane { PRIMARY, SECONDARY, UNTRACKED, KNOWN, NR_PLANES };
extern const char * const plane_names[NR_PLANES];

struct map {
	char *release;
	uint64_t page_size, cell_frames;
	uint64_t captured;	/* seconds since 1970; 0 if not known */
	size_t nr_chunks;
	struct map_chunk {
		uint64_t pfn, frames;
		int node;
		size_t nr_cells;
		struct cell *cells;
	} *chunks;
	/* What is known besides; maps that were captured by an older program have none of it. */
	size_t nr_zones;
	struct map_zone {
		int node;
		char name[16];
		uint64_t pfn, frames;
	} *zones;
	size_t nr_planes;
	struct map_plane {
		enum plane plane;
		uint64_t of;		/* the first frame of the chunk that it is about */
		uint64_t pfn, frames;	/* where it lies */
	} *planes;
	size_t nr_violations;
	struct map_violation {
		uint64_t record, pfn, frames;
		char class[32];
	} *violations;
};

/* The lines of debugfs "map". */
int map_parse(const char *text, size_t size, struct map *map, struct why *why);
/* What /proc/zoneinfo, and debugfs "planes" and "violations" say, added to @map; texts change. */
int map_add_zones(struct map *map, char *text, struct why *why);
int map_add_planes(struct map *map, char *text, struct why *why);
int map_add_violations(struct map *map, char *text, struct why *why);
/* The chunk that has @pfn, or NULL. */
const struct map_chunk *map_chunk_at(const struct map *map, uint64_t pfn);
/* A file that map_save() wrote. */
int map_load(const char *text, size_t size, struct map *map, struct why *why);
/* How many bytes of @text the first of the maps takes that were written one behind the other. */
size_t map_first(const char *text, size_t size);
int map_save(FILE *stream, const struct map *map);
void map_free(struct map *map);

/* ---- picture.c ---- */

struct rgb {
	uint8_t r, g, b;
};

enum align { LEFT, CENTRE, RIGHT };

struct picture;
/* False if this program was built without them. */
bool pictures_built(void);
/* True if a picture can have this name. */
bool picture_kind(const char *path);
/* SVG and PNG come from the same calls. Coordinates are pixels, y goes down. */
struct picture *picture_new(unsigned int width);
/* Neighbours of the same colour and title become one shape; @title may be NULL. */
void picture_box(struct picture *picture, double x, double y, double width, double height,
		 struct rgb colour, const char *title);
void picture_line(struct picture *picture, double x, double y, double to_x, double to_y,
		  double width, struct rgb colour);
/* The outline of a box; its line is @line wide, and lies on its edge. */
void picture_outline(struct picture *picture, double x, double y, double width, double height,
		     double line, struct rgb colour);
/* @y is the base line. What is wider than @room is cut, and ends with "..". */
void picture_text(struct picture *picture, double x, double y, double size, bool bold,
		  enum align align, double room, const char *text);
double picture_text_width(const char *text, double size, bool bold);
/* The height is that of what was drawn. */
int picture_write(struct picture *picture, unsigned int height, const char *path,
		  struct why *why);
void picture_free(struct picture *picture);

/* ---- facts.c: the machine, and which hooks a kernel needs ---- */

struct node {
	int id;
	bool memory;
	unsigned int *distances;
	size_t nr_distances;
	uint64_t chunks;
};

struct machine {
	char *release;
	uint64_t page_size, chunk_frames;
	struct node *nodes;
	size_t nr_nodes;
	uint64_t *chunks;	/* first frame of each memory section that is online */
	size_t nr_chunks;
	uint64_t available;	/* bytes of free memory, 0 if not known */
	bool la57;
};

#define MAX_NODE_IDS	4096

/* "0-3,7": calls for each number below %MAX_NODE_IDS; false if it is no such list. */
bool parse_list(const char *text, void (*call)(void *data, unsigned int id), void *data);
int machine_read(struct machine *machine, struct why *why);
void machine_free(struct machine *machine);
/* What planes and their map will take. */
uint64_t machine_plane_bytes(const struct machine *machine);
/* The node for each plane of memory on @node, by the module's own rule. */
void machine_place(const struct machine *machine, int node, int place[4]);

/* ---- arguments.c ---- */

struct option;

/*
 * What somebody may have meant by @word, of the @nr names that are @step bytes apart: one that
 * is written nearly so; NULL if there is none.
 */
const char *did_you_mean(const char *word, const char * const *names, size_t nr, size_t step);
/* For commands without options: ends with a message if there is one. */
void no_options(int argc, char **argv, const char *command);
/* For commands without arguments: ends with a message if there is one. */
void no_arguments(int argc, char **argv, const char *command);
/* After getopt_long() has returned '?'. */
_Noreturn void bad_option(const char *command, char **argv, const struct option *options);

/* ---- scrub.c ---- */

/* Writes to the file "scrub", in a child, and shows how far it is; 0 or -errno. */
int scrub_write(const char *text, const char *what, uint64_t words);

/* ---- commands ---- */

int command_check(int argc, char **argv);
int command_status(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_violations(int argc, char **argv);
int command_frame(int argc, char **argv);
int command_scrub(int argc, char **argv);
int command_proof(int argc, char **argv);
int command_load(int argc, char **argv);
int command_unload(int argc, char **argv);
int command_policy(int argc, char **argv);
int command_map(int argc, char **argv);
int command_report(int argc, char **argv);
int command_journal(int argc, char **argv);
int command_history(int argc, char **argv);

#endif /* DUALBMCTL_H */
