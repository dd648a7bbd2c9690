// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes of other people's tools, as perf and bpftrace attach them, without
 * their size: each a BPF program that counts its calls.
 *
 *	probes FILE KIND:NAME...
 *
 * KIND is kprobe, kretprobe, fentry, fexit, kprobe_multi, kretprobe_multi,
 * tracepoint (NAME is SYSTEM/EVENT) or raw_tracepoint. FILE gets a line "ready",
 * or before it a line "no KIND:NAME WHY" for each that this kernel cannot do; at
 * SIGTERM everything is detached, and it gets a line "KIND:NAME CALLS" for each
 * of the others.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define MAX_PROBES		64

/* "bpf: Add multi kprobe link", 5.18: not in every linux/bpf.h. */
#define ATTACH_KPROBE_MULTI	42
#define KPROBE_MULTI_RETURN	1

struct link_kprobe_multi {
	uint32_t prog_fd, target_fd, attach_type, flags;
	struct {
		uint32_t flags, cnt;
		uint64_t syms, addrs, cookies;
	} multi;
};

struct probe {
	const char *spec, *name;
	char kind[32];
	int map, prog, link;
};

static struct probe probes[MAX_PROBES];
static int nr_probes;
static FILE *out;

static long bpf(int command, void *attr, size_t size)
{
	return syscall(SYS_bpf, command, attr, size);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- BTF: the number of a function's type ---- */

static char *btf;
static size_t btf_size;

static void btf_load(void)
{
	size_t room = 32 << 20;
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY);
	ssize_t got;

	if (fd < 0)
		return;
	btf = malloc(room);
	while (btf && btf_size < room && (got = read(fd, btf + btf_size, room - btf_size)) > 0)
		btf_size += got;
	close(fd);
}

/* What follows a type of this kind, in bytes. */
static size_t btf_tail(unsigned int kind, unsigned int vlen)
{
	switch (kind) {
	case 1: /* integer */
	case 14: /* variable */
	case 17: /* declaration tag */
		return 4;
	case 3: /* array */
		return 12;
	case 4: /* struct */
	case 5: /* union */
	case 15: /* section */
	case 19: /* enum of 64 bits */
		return vlen * 12;
	case 6: /* enum */
	case 13: /* prototype */
		return vlen * 8;
	}
	return 0;
}

static int btf_function(const char *name)
{
	struct btf_header *header;
	const char *strings;
	char *at, *end;
	int id;

	if (!btf)
		btf_load();
	if (btf_size < sizeof(*header))
		return -1;
	header = (void *)btf;
	at = btf + header->hdr_len + header->type_off;
	end = at + header->type_len;
	strings = btf + header->hdr_len + header->str_off;
	for (id = 1; at < end; id++) {
		struct btf_type *type = (void *)at;
		unsigned int kind = type->info >> 24 & 0x1f;

		if (kind == 12 && !strcmp(strings + type->name_off, name))
			return id;
		at += sizeof(*type) + btf_tail(kind, type->info & 0xffff);
	}
	return -1;
}

/* ---- programs ---- */

static int counter_map(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = 4;
	attr.value_size = 8;
	attr.max_entries = 1;
	return bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

/* One call more, by an atomic addition to the map's value; returns 0. */
static int counting_program(int map, int type, int attach_type, int btf_id)
{
	struct bpf_insn code[] = {
		{ BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_VALUE, 0, map },
		{ 0, 0, 0, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 1 },
		{ BPF_STX | BPF_DW | 0xc0, 1, 2, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0 },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.expected_attach_type = attach_type;
	attr.attach_btf_id = btf_id > 0 ? btf_id : 0;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = ARRAY_SIZE(code);
	attr.license = (uintptr_t)"GPL";
	return bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* ---- links ---- */

static int number_in(const char *format, ...)
{
	char path[256];
	va_list args;
	int number = -1;
	FILE *file;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	file = fopen(path, "r");
	if (file && fscanf(file, "%d", &number) != 1)
		number = -1;
	if (file)
		fclose(file);
	return number;
}

/* One event on CPU 0, as bpftrace opens it: the program runs on all of them. */
static int perf_link(struct perf_event_attr *attr, int prog)
{
	int fd;

	attr->size = sizeof(*attr);
	attr->sample_period = 1;
	attr->wakeup_events = 1;
	fd = syscall(SYS_perf_event_open, attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int kprobe_link(const char *name, int prog, int is_return)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.type = number_in("/sys/bus/event_source/devices/kprobe/type");
	attr.config = is_return;
	attr.config1 = (uintptr_t)name;
	return perf_link(&attr, prog);
}

static int tracepoint_link(const char *name, int prog)
{
	struct perf_event_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.type = PERF_TYPE_TRACEPOINT;
	attr.config = number_in("/sys/kernel/tracing/events/%s/id", name);
	return perf_link(&attr, prog);
}

/* What fentry, fexit and raw tracepoints are attached with. */
static int raw_link(const char *name, int prog)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.name = (uintptr_t)name;
	attr.raw_tracepoint.prog_fd = prog;
	return bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, sizeof(attr));
}

static int multi_link(const char *name, int prog, int is_return)
{
	uint64_t names[] = { (uintptr_t)name };
	struct link_kprobe_multi attr = {
		.prog_fd = prog,
		.attach_type = ATTACH_KPROBE_MULTI,
		.multi = {
			.flags = is_return ? KPROBE_MULTI_RETURN : 0,
			.cnt = 1,
			.syms = (uintptr_t)names,
		},
	};

	return bpf(BPF_LINK_CREATE, &attr, sizeof(attr));
}

static int attach(struct probe *probe)
{
	int is_return = !!strstr(probe->kind, "ret"), type = BPF_PROG_TYPE_KPROBE;
	int attach_type = 0, id = 0;

	if (!strcmp(probe->kind, "fentry") || !strcmp(probe->kind, "fexit")) {
		type = BPF_PROG_TYPE_TRACING;
		attach_type = strcmp(probe->kind, "fentry") ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY;
		id = btf_function(probe->name);
		errno = ENOENT;
		if (id < 0)
			return -1;
	} else if (strstr(probe->kind, "multi")) {
		attach_type = ATTACH_KPROBE_MULTI;
	} else if (!strcmp(probe->kind, "tracepoint")) {
		type = BPF_PROG_TYPE_TRACEPOINT;
	} else if (!strcmp(probe->kind, "raw_tracepoint")) {
		type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	}
	probe->map = counter_map();
	if (probe->map < 0)
		return -1;
	probe->prog = counting_program(probe->map, type, attach_type, id);
	if (probe->prog < 0)
		return -1;
	switch (type) {
	case BPF_PROG_TYPE_TRACEPOINT:
		return tracepoint_link(probe->name, probe->prog);
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		return raw_link(probe->name, probe->prog);
	case BPF_PROG_TYPE_TRACING:
		return raw_link(NULL, probe->prog);
	}
	if (attach_type)
		return multi_link(probe->name, probe->prog, is_return);
	return kprobe_link(probe->name, probe->prog, is_return);
}

static unsigned long long calls_of(const struct probe *probe)
{
	unsigned long long calls = 0;
	union bpf_attr attr;
	uint32_t key = 0;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = probe->map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&calls;
	bpf(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr));
	return calls;
}

int main(int argc, char **argv)
{
	sigset_t signals;
	int i, signal;

	if (argc < 3 || argc - 2 > MAX_PROBES)
		return 2;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	out = fopen(argv[1], "w");
	if (!out)
		die(argv[1]);
	setlinebuf(out);
	for (i = 2; i < argc; i++) {
		struct probe *probe = &probes[nr_probes];
		const char *colon = strchr(argv[i], ':');

		if (!colon || (size_t)(colon - argv[i]) >= sizeof(probe->kind))
			return 2;
		probe->spec = argv[i];
		probe->name = colon + 1;
		snprintf(probe->kind, sizeof(probe->kind), "%.*s", (int)(colon - argv[i]), argv[i]);
		probe->link = attach(probe);
		if (probe->link < 0)
			fprintf(out, "no %s %s\n", probe->spec, strerror(errno));
		else
			nr_probes++;
	}
	fprintf(out, "ready\n");
	sigwait(&signals, &signal);
	for (i = 0; i < nr_probes; i++)
		close(probes[i].link);
	for (i = 0; i < nr_probes; i++)
		fprintf(out, "%s %llu\n", probes[i].spec, calls_of(&probes[i]));
	return 0;
}
