// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl frame": one page frame, as dualbm records it and as the kernel shows
 * it in /proc. Where the two contradict each other for longer than it takes to
 * look twice, that is said.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kernel-page-flags.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dualbmctl.h"

#define LOOKS	5
/* DUALBM_FRAME_LINE in dualbm_sysfs.h: the bytes of a line of "frames". */
#define FRAME_LINE	128
/* DUALBM_HISTORY_LINE, of "frames_history". */
#define HISTORY_LINE	2048

struct frame {
	uint64_t pfn, page_size;
	uint64_t pid, address;		/* asked for by these, if pid is not 0 */
	char *state;
	uint64_t primary, secondary, untracked, known;
	bool have_flags, have_count;
	uint64_t flags, count;
	char *zone;
	int64_t node;
	char *block;			/* the memory block in sysfs, and its state */
	char *block_state;
	uint64_t chunk, chunk_frames;
	uint64_t phys[4];		/* where its bits lie */
	bool have_phys;
	struct detail past[MAX_DETAILS];	/* who had it */
	unsigned int nr_past;
};

static const struct {
	unsigned int bit;
	const char *name;
} flag_names[] = {
	{ KPF_LOCKED, "locked" }, { KPF_ERROR, "error" }, { KPF_REFERENCED, "referenced" },
	{ KPF_UPTODATE, "uptodate" }, { KPF_DIRTY, "dirty" }, { KPF_LRU, "lru" },
	{ KPF_ACTIVE, "active" }, { KPF_SLAB, "slab" }, { KPF_WRITEBACK, "writeback" },
	{ KPF_RECLAIM, "reclaim" }, { KPF_BUDDY, "buddy" }, { KPF_MMAP, "mmap" },
	{ KPF_ANON, "anon" }, { KPF_SWAPCACHE, "swapcache" }, { KPF_SWAPBACKED, "swapbacked" },
	{ KPF_COMPOUND_HEAD, "compound_head" }, { KPF_COMPOUND_TAIL, "compound_tail" },
	{ KPF_HUGE, "huge" }, { KPF_UNEVICTABLE, "unevictable" }, { KPF_HWPOISON, "hwpoison" },
	{ KPF_NOPAGE, "nopage" }, { KPF_KSM, "ksm" }, { KPF_THP, "thp" },
	{ KPF_OFFLINE, "offline" }, { KPF_ZERO_PAGE, "zero_page" }, { KPF_IDLE, "idle" },
	{ KPF_PGTABLE, "pgtable" },
	/* Of interest to kernel developers only: fs/proc/page.c. */
	{ 32, "reserved" }, { 33, "mlocked" }, { 34, "mappedtodisk" }, { 35, "private" },
	{ 36, "private_2" }, { 37, "owner_private" }, { 38, "arch" }, { 39, "uncached" },
	{ 40, "softdirty" },
};

/* An array of 64-bit numbers in /proc: 0, or -errno. */
static int read_entry(const char *path, uint64_t index, uint64_t *value)
{
	int fd = root_open(path, O_RDONLY), error;
	ssize_t got;

	if (fd < 0)
		return fd;
	if (index > INT64_MAX / 8) {
		close(fd);
		return -ENXIO;
	}
	got = pread(fd, value, sizeof(*value), index * 8);
	error = errno;
	close(fd);
	if (got < 0)
		return -error;
	return got == sizeof(*value) ? 0 : -ENXIO;
}

/* PID:ADDRESS, through the task's own page table. */
static void find_by_task(struct frame *frame, const char *text)
{
	char *copy = duplicate(text), *colon = strchr(copy, ':'), *path;
	uint64_t entry;
	int ret;

	*colon++ = '\0';
	if (!parse_number(copy, &frame->pid) || !frame->pid ||
	    !parse_number(colon, &frame->address))
		fail(STATUS_USAGE, "frame: \"%s\" is not PID:ADDRESS", text);
	free(copy);
	path = format_text("/proc/%" PRIu64 "/pagemap", frame->pid);
	ret = read_entry(path, frame->address / frame->page_size, &entry);
	free(path);
	if (ret == -ENOENT || ret == -ESRCH)
		fail(STATUS_LACKING, "frame: no task %" PRIu64, frame->pid);
	if (ret == -EACCES || ret == -EPERM)
		fail(STATUS_PERMISSION, "frame: the memory of task %" PRIu64 ": %s; run this as root",
		     frame->pid, strerror(-ret));
	/* The end of the file is the end of the address space. */
	if (ret == -ENXIO)
		fail(STATUS_NO, "frame: 0x%" PRIx64 " is beyond what task %" PRIu64 " can address (or it has no memory)",
		     frame->address, frame->pid);
	if (ret)
		fail(STATUS_REFUSED, "frame: pagemap: %s", strerror(-ret));
	if (entry >> 62 & 1)
		fail(STATUS_NO, "frame: 0x%" PRIx64 " of task %" PRIu64 " is in swap",
		     frame->address, frame->pid);
	if (!(entry >> 63))
		fail(STATUS_NO, "frame: nothing is mapped at 0x%" PRIx64 " of task %" PRIu64,
		     frame->address, frame->pid);
	frame->pfn = entry & ((1ull << 55) - 1);
	if (!frame->pfn)
		fail(STATUS_PERMISSION, "frame: the kernel shows no page frame numbers to you; run this as root");
}

static void find_frame(struct frame *frame, const char *text)
{
	const char *number = text;
	bool physical = false;

	frame->page_size = sysconf(_SC_PAGESIZE);
	if (!strncmp(text, "pfn:", 4)) {
		number = text + 4;
	} else if (!strncmp(text, "phys:", 5)) {
		number = text + 5;
		physical = true;
	} else if (strchr(text, ':')) {
		find_by_task(frame, text);
		return;
	}
	if (!parse_number(number, &frame->pfn))
		fail(STATUS_USAGE,
		     "frame: \"%s\" is not PFN, phys:ADDRESS or PID:ADDRESS, decimal or 0x...",
		     text);
	if (physical)
		frame->pfn /= frame->page_size;
}

/* A line of "frames" or "frame": true if it is about the frame that was asked for. */
static bool parse_state(struct frame *frame, const char *file, const char *line, uint64_t *pfn)
{
	if (!word_number(line, "pfn", pfn))
		fail(STATUS_FOREIGN, "%s: not the line that is expected", file);
	if (*pfn != frame->pfn)
		return false;
	free(frame->state);
	frame->state = word_value(line, "state");
	word_number(line, "primary", &frame->primary);
	word_number(line, "secondary", &frame->secondary);
	word_number(line, "untracked", &frame->untracked);
	word_number(line, "known", &frame->known);
	if (!frame->state)
		fail(STATUS_FOREIGN, "%s: not the line that is expected", file);
	return true;
}

/*
 * "frames" in sysfs, where the offset is the question: nothing is written, so lockdown
 * lets root read it. A captured tree cannot have it, and an older module has none: false.
 */
static bool read_frames(struct frame *frame)
{
	char line[FRAME_LINE + 1];
	uint64_t pfn;
	ssize_t got;
	int fd, error;

	/* No offset leads to it: the other file has the answer to any number. */
	if (frame->pfn > INT64_MAX / FRAME_LINE)
		return false;
	fd = root_open(SYSFS "/frames", O_RDONLY);
	if (fd == -ENOENT)
		return false;
	if (fd < 0)
		module_fail(SYSFS, "frames", -fd);
	got = pread(fd, line, FRAME_LINE, frame->pfn * FRAME_LINE);
	error = errno;
	close(fd);
	if (got < 0)
		module_fail(SYSFS, "frames", error);
	line[got < 0 ? 0 : got] = '\0';
	if (got != FRAME_LINE || !parse_state(frame, SYSFS "/frames", line, &pfn))
		fail(STATUS_FOREIGN, SYSFS "/frames: not the line that is expected");
	return true;
}

/* An older module has none, and while the history is off there is nothing in it. */
static void read_past(struct frame *frame)
{
	char line[HISTORY_LINE + 1];
	ssize_t got;
	int fd;

	if (frame->pfn > INT64_MAX / HISTORY_LINE)
		return;
	fd = root_open(SYSFS "/frames_history", O_RDONLY);
	if (fd < 0)
		return;
	got = pread(fd, line, HISTORY_LINE, frame->pfn * HISTORY_LINE);
	close(fd);
	if (got != HISTORY_LINE)
		return;
	line[got] = '\0';
	frame->nr_past = details_parse(line, frame->past);
}

/* "frame" in debugfs is one for all: somebody else may have asked between write and read. */
static void read_state(struct frame *frame)
{
	char number[24];
	struct buffer buffer;
	bool captured, found;
	uint64_t pfn;
	int i, ret;

	if (read_frames(frame))
		return;
	snprintf(number, sizeof(number), "0x%" PRIx64, frame->pfn);
	for (i = 0; i < LOOKS; i++) {
		ret = file_write(DEBUGFS "/frame", number);
		captured = ret == -EROFS;
		if (ret && !captured)
			module_fail(DEBUGFS, "frame", -ret);
		module_read(DEBUGFS, "frame", &buffer);
		found = parse_state(frame, DEBUGFS "/frame", buffer.data, &pfn);
		buffer_free(&buffer);
		if (found)
			return;
		if (captured)
			fail(STATUS_LACKING, "the captured tree has the state of frame 0x%" PRIx64 " only",
			     pfn);
	}
	fail(STATUS_REFUSED, DEBUGFS "/frame: somebody else asks all the time");
}

static void read_kernel(struct frame *frame)
{
	frame->have_flags = !read_entry("/proc/kpageflags", frame->pfn, &frame->flags);
	frame->have_count = !read_entry("/proc/kpagecount", frame->pfn, &frame->count);
}

static bool has_flag(const struct frame *frame, unsigned int bit)
{
	return frame->have_flags && frame->flags >> bit & 1;
}

/* A free block is what PageBuddy marks; the kernel tells of each of its frames. */
static const char *contradiction(const struct frame *frame)
{
	bool in_use = has_flag(frame, KPF_LRU) || has_flag(frame, KPF_SLAB) ||
		      has_flag(frame, KPF_MMAP) || has_flag(frame, KPF_PGTABLE);

	if (!strcmp(frame->state, "unmanaged") && has_flag(frame, KPF_BUDDY))
		return "the kernel has it in a free block, and dualbm does not know it";
	if (!strncmp(frame->state, "illegal", 7))
		return "the bits are no codeword: dualbm's record of it is damaged";
	if (!strcmp(frame->state, "allocated") && has_flag(frame, KPF_BUDDY))
		return "the kernel has it in a free block, and dualbm records it allocated";
	if (!strcmp(frame->state, "free") && in_use)
		return "the kernel has it in use, and dualbm records it free";
	return NULL;
}

/* "Node 0, zone   Normal", with "start_pfn: N" and "spanned N" among its lines. */
static void read_zone(struct frame *frame)
{
	uint64_t spanned = 0, start, number;
	struct buffer buffer;
	char zone[32] = "", name[32];
	char *rest, *line;
	int node = -1, id;

	frame->node = -1;
	if (file_read("/proc/zoneinfo", &buffer, 16 * SMALL_FILE))
		return;
	rest = buffer.data;
	while ((line = next_line(&rest))) {
		if (sscanf(line, "Node %d, zone %31s", &id, name) == 2) {
			node = id;
			strcpy(zone, name);
			spanned = 0;
		} else if (sscanf(line, " spanned %" SCNu64, &number) == 1) {
			spanned = number;
		} else if (sscanf(line, " start_pfn: %" SCNu64, &start) == 1 &&
			   frame->pfn >= start && frame->pfn - start < spanned) {
			/* Zones of several nodes may overlap: the block decides below. */
			free(frame->zone);
			frame->zone = duplicate(zone);
			frame->node = node;
		}
	}
	buffer_free(&buffer);
}

static void read_block(struct frame *frame)
{
	char *size_text = file_line("/sys/devices/system/memory/block_size_bytes"), *path;
	uint64_t size = size_text ? strtoull(size_text, NULL, 16) : 0;
	int node;

	free(size_text);
	if (!size)
		return;
	frame->block = format_text("memory%" PRIu64, frame->pfn * frame->page_size / size);
	path = format_text("/sys/devices/system/memory/%s/state", frame->block);
	frame->block_state = file_line(path);
	free(path);
	for (node = 0; frame->block_state && node < 1024; node++) {
		path = format_text("/sys/devices/system/node/node%d/%s", node, frame->block);
		if (file_exists(path))
			frame->node = node;
		free(path);
	}
}

/* From "planes": the chunk, and the address of the word that has the frame's bit. */
static void read_planes(struct frame *frame)
{
	static const char * const names[] = { "primary", "secondary", "untracked",
					     "known" };
	struct buffer buffer;
	char *rest, *line;

	if (file_read(DEBUGFS "/planes", &buffer, LARGE_FILE))
		return;
	rest = buffer.data;
	while ((line = next_line(&rest))) {
		uint64_t pfn, frames, byte, page, value;
		char *plane, *word;
		size_t i;

		if (!word_number(line, "pfn", &pfn) || !word_number(line, "frames", &frames) ||
		    frame->pfn < pfn || frame->pfn - pfn >= frames)
			continue;
		frame->chunk = pfn;
		frame->chunk_frames = frames;
		byte = (frame->pfn - pfn) / 64 * 8;
		page = byte / frame->page_size;
		plane = word_value(line, "plane");
		for (i = 0; plane && i < ARRAY_SIZE(names); i++) {
			if (strcmp(plane, names[i]))
				continue;
			while ((word = next_word(&line))) {
				if (strncmp(word, "phys=", 5) || page--)
					continue;
				if (parse_number(word + 5, &value)) {
					frame->phys[i] = value + byte % frame->page_size;
					frame->have_phys = true;
				}
				break;
			}
		}
		free(plane);
	}
	buffer_free(&buffer);
}

static void print_flags(const struct frame *frame)
{
	bool any = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flag_names); i++) {
		if (!has_flag(frame, flag_names[i].bit))
			continue;
		printf("%s%s", any ? " " : "", flag_names[i].name);
		any = true;
	}
	if (!any)
		fputs("none", stdout);
}

static void print_frame(const struct frame *frame, const char *wrong)
{
	printf("frame      0x%" PRIx64 ", physical address 0x%" PRIx64, frame->pfn,
	       frame->pfn * frame->page_size);
	if (frame->pid)
		printf(", at 0x%" PRIx64 " of task %" PRIu64, frame->address, frame->pid);
	printf("\ndualbm     %s%s%s", colour(wrong ? BAD : BOLD), frame->state, colour(PLAIN));
	if (strcmp(frame->state, "unmanaged"))
		printf(" (primary %" PRIu64 ", secondary %" PRIu64 ", untracked %" PRIu64
		       ", known %" PRIu64 ")",
		       frame->primary, frame->secondary, frame->untracked, frame->known);
	putchar('\n');
	if (frame->have_phys)
		printf("bits       bit %" PRIu64 " of the words at phys 0x%" PRIx64 ", 0x%" PRIx64
		       ", 0x%" PRIx64 ", 0x%" PRIx64 "\n", frame->pfn % 64, frame->phys[0],
		       frame->phys[1], frame->phys[2], frame->phys[3]);
	fputs("kernel     ", stdout);
	if (frame->have_flags) {
		print_flags(frame);
		if (frame->have_count)
			printf("; mapped %" PRIu64 " times", frame->count);
		putchar('\n');
	} else {
		puts("has no page there, or /proc/kpageflags cannot be read");
	}
	printf("place      node %" PRId64 ", zone %s", frame->node, frame->zone ? frame->zone : "?");
	if (frame->block)
		printf(", %s (%s)", frame->block, frame->block_state ? frame->block_state : "absent");
	if (frame->chunk_frames)
		printf(", section 0x%" PRIx64, frame->chunk / frame->chunk_frames);
	putchar('\n');
	print_past(frame->past, frame->nr_past, "history    ");
	if (wrong)
		printf("%scontradiction%s: %s\n", colour(BAD), colour(PLAIN), wrong);
}

static void json_frame(const struct frame *frame, const char *wrong)
{
	size_t i;

	json_begin("frame");
	json_number("pfn", frame->pfn);
	json_number("physical", frame->pfn * frame->page_size);
	if (frame->pid) {
		json_number("pid", frame->pid);
		json_number("address", frame->address);
	}
	json_string("state", frame->state);
	if (strcmp(frame->state, "unmanaged")) {
		json_number("primary", frame->primary);
		json_number("secondary", frame->secondary);
		json_number("untracked", frame->untracked);
		json_number("known", frame->known);
	}
	if (frame->have_phys) {
		json_number("bit", frame->pfn % 64);
		json_open("words", '[');
		for (i = 0; i < ARRAY_SIZE(frame->phys); i++)
			json_number(NULL, frame->phys[i]);
		json_close();
	}
	if (frame->have_flags) {
		json_open("flags", '[');
		for (i = 0; i < ARRAY_SIZE(flag_names); i++)
			if (has_flag(frame, flag_names[i].bit))
				json_string(NULL, flag_names[i].name);
		json_close();
	} else {
		json_null("flags");
	}
	if (frame->have_count)
		json_number("mapcount", frame->count);
	json_signed("node", frame->node);
	json_string("zone", frame->zone);
	json_string("block", frame->block);
	json_string("block_state", frame->block_state);
	if (frame->chunk_frames)
		json_number("section", frame->chunk / frame->chunk_frames);
	json_string("contradiction", wrong);
	json_open("history", '{');
	for (i = 0; i < frame->nr_past; i++)
		if (is_past(&frame->past[i]))
			json_detail(&frame->past[i]);
	json_close();
	json_end();
}

int command_frame(int argc, char **argv)
{
	struct frame frame = { 0 };
	const char *wrong;
	int i;

	no_options(argc, argv, "frame");
	if (argc != 2)
		fail(STATUS_USAGE, "frame takes one argument: PFN, phys:ADDRESS or PID:ADDRESS");
	find_frame(&frame, argv[1]);
	need_loaded();
	/* Kernel and record are read one after the other, and memory goes on moving. */
	for (i = 0; i < LOOKS; i++) {
		read_state(&frame);
		read_kernel(&frame);
		wrong = contradiction(&frame);
		if (!wrong)
			break;
		usleep(20000);
	}
	read_zone(&frame);
	read_block(&frame);
	read_planes(&frame);
	read_past(&frame);
	if (options.json)
		json_frame(&frame, wrong);
	else
		print_frame(&frame, wrong);
	free(frame.state);
	free(frame.zone);
	free(frame.block);
	free(frame.block_state);
	while (frame.nr_past--) {
		free(frame.past[frame.nr_past].key);
		free(frame.past[frame.nr_past].value);
	}
	return wrong ? STATUS_NO : STATUS_YES;
}
