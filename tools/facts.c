// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine, as far as it decides how much memory the planes take and where
 * they come to lie. It mirrors dualbm_memory.c: a chunk for each memory section,
 * and what it predicts is compared with what the module does in test/85-ctl.t.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../dualbm_nearest.h"
#include "dualbmctl.h"

#define NODES	"/sys/devices/system/node"
#define MEMORY	"/sys/devices/system/memory"

bool parse_list(const char *text, void (*call)(void *data, unsigned int id), void *data)
{
	while (*text) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			return false;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (end == text)
				return false;
		}
		if (last < first || last >= MAX_NODE_IDS)
			return false;
		for (; first <= last; first++)
			call(data, first);
		if (*end == ',')
			end++;
		else if (*end)
			return false;
		text = end;
	}
	return true;
}

static struct node *find_node(const struct machine *machine, int id)
{
	size_t i;

	for (i = 0; i < machine->nr_nodes; i++)
		if (machine->nodes[i].id == id)
			return &machine->nodes[i];
	return NULL;
}

static void add_node(void *data, unsigned int id)
{
	struct machine *machine = data;
	struct node *node;

	machine->nodes = reallocate(machine->nodes,
				    (machine->nr_nodes + 1) * sizeof(*machine->nodes));
	node = &machine->nodes[machine->nr_nodes++];
	memset(node, 0, sizeof(*node));
	node->id = id;
}

static void set_memory(void *data, unsigned int id)
{
	struct node *node = find_node(data, id);

	if (node)
		node->memory = true;
}

static void read_distances(struct node *node)
{
	char *path = format_text(NODES "/node%d/distance", node->id), *line, *word, *rest;
	uint64_t value;

	line = file_line(path);
	free(path);
	rest = line;
	while ((word = next_word(&rest)) && parse_number(word, &value)) {
		node->distances = reallocate(node->distances, (node->nr_distances + 1) *
					     sizeof(*node->distances));
		node->distances[node->nr_distances++] = value;
	}
	free(line);
}

static int read_nodes(struct machine *machine, struct why *why)
{
	char *online = file_line(NODES "/online"), *memory = file_line(NODES "/has_memory");
	bool any = false;
	int ret = 0;
	size_t i;

	if (!online || !memory) {
		/* A kernel without NUMA has no such directory. */
		add_node(machine, 0);
		machine->nodes[0].memory = true;
	} else if (!parse_list(online, add_node, machine) ||
		   !parse_list(memory, set_memory, machine) || !machine->nr_nodes) {
		ret = refuse(why, NODES ": not lists of nodes");
	}
	free(online);
	free(memory);
	for (i = 0; i < machine->nr_nodes; i++) {
		read_distances(&machine->nodes[i]);
		any |= machine->nodes[i].memory;
	}
	if (!ret && !any)
		ret = refuse(why, NODES ": no node has memory");
	return ret;
}

static int by_frame(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int node_of_block(const struct machine *machine, const char *block)
{
	size_t i;

	for (i = 0; i < machine->nr_nodes; i++) {
		char *path = format_text(NODES "/node%d/%s", machine->nodes[i].id, block);
		bool found = file_exists(path);

		free(path);
		if (found)
			return machine->nodes[i].id;
	}
	return machine->nodes[0].id;
}

/* A block of memory is one section, or several. */
static void add_block(struct machine *machine, const char *block, uint64_t size)
{
	uint64_t chunk_bytes = machine->chunk_frames * machine->page_size, address;
	char *path = format_text(MEMORY "/%s/state", block), *state, *index, *end;
	struct node *node;

	state = file_line(path);
	free(path);
	path = format_text(MEMORY "/%s/phys_index", block);
	index = file_line(path);
	free(path);
	if (state && index && !strcmp(state, "online")) {
		address = strtoull(index, &end, 16) * size;
		node = find_node(machine, node_of_block(machine, block));
		for (; size >= chunk_bytes; size -= chunk_bytes, address += chunk_bytes) {
			machine->chunks = reallocate(machine->chunks, (machine->nr_chunks + 1) *
						     sizeof(*machine->chunks));
			machine->chunks[machine->nr_chunks++] = address / machine->page_size;
			node->chunks++;
		}
	}
	free(state);
	free(index);
}

static int read_memory(struct machine *machine, struct why *why)
{
	char *size_text = file_line(MEMORY "/block_size_bytes"), *end = NULL;
	uint64_t size = size_text ? strtoull(size_text, &end, 16) : 0;
	char **blocks = directory_list(MEMORY);
	size_t i;

	if (!size || *end || size % (machine->chunk_frames * machine->page_size)) {
		free(size_text);
		list_free(blocks);
		return refuse(why, MEMORY "/block_size_bytes: no size of memory blocks");
	}
	free(size_text);
	for (i = 0; blocks && blocks[i]; i++)
		if (!strncmp(blocks[i], "memory", 6))
			add_block(machine, blocks[i], size);
	list_free(blocks);
	if (!machine->nr_chunks)
		return refuse(why, MEMORY ": no memory is online");
	qsort(machine->chunks, machine->nr_chunks, sizeof(*machine->chunks), by_frame);
	return 0;
}

int machine_read(struct machine *machine, struct why *why)
{
	struct buffer buffer;
	uint64_t kilobytes;
	char *line;

	memset(machine, 0, sizeof(*machine));
	machine->release = file_line("/proc/sys/kernel/osrelease");
	machine->page_size = sysconf(_SC_PAGESIZE);
	/* SECTION_SIZE_BITS: 27 on amd64 and arm64, 29 there with pages of 64 KiB. */
	machine->chunk_frames = (machine->page_size > 16384 ? 1ull << 29 : 1ull << 27) /
				machine->page_size;
	line = NULL;
	if (!file_read("/proc/cpuinfo", &buffer, 16 * SMALL_FILE)) {
		line = strstr(buffer.data, "\nflags");
		machine->la57 = line && memmem(line, strcspn(line + 1, "\n") + 1, " la57", 5);
		buffer_free(&buffer);
	}
	if (!file_read("/proc/meminfo", &buffer, SMALL_FILE)) {
		line = strstr(buffer.data, "MemAvailable:");
		if (line && sscanf(line, "MemAvailable: %lu kB", &kilobytes) == 1)
			machine->available = kilobytes << 10;
		buffer_free(&buffer);
	}
	if (read_nodes(machine, why) || read_memory(machine, why)) {
		machine_free(machine);
		return -1;
	}
	return 0;
}

void machine_free(struct machine *machine)
{
	size_t i;

	for (i = 0; i < machine->nr_nodes; i++)
		free(machine->nodes[i].distances);
	free(machine->nodes);
	free(machine->chunks);
	free(machine->release);
	memset(machine, 0, sizeof(*machine));
}

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

uint64_t machine_plane_bytes(const struct machine *machine)
{
	uint64_t plane = round_up(machine->chunk_frames / 8, machine->page_size), span = 0;
	size_t i;

	for (i = 0; i < machine->nr_chunks; i++)
		if (machine->chunks[i] / machine->chunk_frames >= span)
			span = machine->chunks[i] / machine->chunk_frames + 1;
	/* All of them are mapped once more, in a row: an entry of 8 bytes for each page. */
	return 4 * plane * machine->nr_chunks + 4 * (plane / machine->page_size) * 8 * span;
}

struct search {
	const struct machine *machine;
	const struct node *from;
	const bool *avoid;
};

static int distance(int node, const void *context)
{
	const struct search *search = context;

	if (!search->machine->nodes[node].memory || search->avoid[node])
		return 0;
	return (size_t)node < search->from->nr_distances ? search->from->distances[node] : 10;
}

void machine_place(const struct machine *machine, int id, int place[4])
{
	bool *avoid = allocate(machine->nr_nodes * sizeof(*avoid));
	struct search search = { machine, find_node(machine, id), avoid };
	int at[4], i;

	for (i = 0; i < 4; i++) {
		at[i] = dualbm_nearest_node(machine->nr_nodes, distance, &search);
		if (at[i] < 0)
			at[i] = at[dualbm_copy_beside(i)];
		avoid[at[i]] = true;
		place[i] = machine->nodes[at[i]].id;
	}
	free(avoid);
}
