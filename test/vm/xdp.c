// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets whose memory comes from page pools, as the drivers of fast network cards have it:
 * an XDP program on an interface that passes what comes in.
 *
 *	xdp pass INTERFACE		until it is killed
 *	xdp frames INTERFACE FRAMES	the kernel makes them itself, each a page of a pool (since
 *					5.18): half go up to a socket, a quarter out, a quarter
 *					nowhere; says how many the socket got
 *
 * Exit status 2: the kernel cannot do that.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/if.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define PORT			4711

/* "bpf: Add 'live packet' mode", 5.18: not in every linux/bpf.h. Nor is what says "frags". */
#define TEST_LIVE_FRAMES	2
#define PROGRAM_HAS_FRAGS	32
/* BPF_PROG_TEST_RUN's part of union bpf_attr. */
struct test_run {
	uint32_t prog_fd, retval, data_size_in, data_size_out;
	uint64_t data_in, data_out;
	uint32_t repeat, duration, ctx_size_in, ctx_size_out;
	uint64_t ctx_in, ctx_out;
	uint32_t flags, cpu, batch_size, pad;
};

static long bpf(int command, void *attr, size_t size)
{
	return syscall(SYS_bpf, command, attr, size);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int program(const struct bpf_insn *code, int nr, int attach_type, int flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.expected_attach_type = attach_type;
	attr.prog_flags = flags;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = nr;
	attr.license = (uintptr_t)"GPL";
	return bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int pass(int interface)
{
	static const struct bpf_insn code[] = {
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr;
	int fd;

	fd = program(code, ARRAY_SIZE(code), BPF_XDP, PROGRAM_HAS_FRAGS);
	if (fd < 0)
		fd = program(code, ARRAY_SIZE(code), BPF_XDP, 0);
	if (fd < 0)
		die("BPF_PROG_LOAD");
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = fd;
	attr.link_create.target_fd = interface;
	attr.link_create.attach_type = BPF_XDP;
	if (bpf(BPF_LINK_CREATE, &attr, sizeof(attr)) < 0) {
		perror("BPF_LINK_CREATE");
		return errno == EINVAL || errno == EOPNOTSUPP ? 2 : 1;
	}
	printf("attached\n");
	fflush(stdout);
	for (;;)
		pause();
}

static unsigned long long received;

static void *receive(void *socket)
{
	char buffer[2048];

	while (recv(*(int *)socket, buffer, sizeof(buffer), 0) > 0)
		__atomic_add_fetch(&received, 1, __ATOMIC_RELAXED);
	return NULL;
}

static uint16_t checksum(const void *data, size_t bytes)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (; bytes; bytes -= 2)
		sum += *word++;
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* From nobody to the interface's own address. */
static size_t make_frame(unsigned char *frame, const char *name, int socket)
{
	struct ethhdr *ether = (void *)frame;
	struct iphdr *ip = (void *)(ether + 1);
	struct udphdr *udp = (void *)(ip + 1);
	size_t bytes = sizeof(*ether) + sizeof(*ip) + sizeof(*udp) + 64;
	struct ifreq request;

	memset(frame, 0, bytes);
	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(socket, SIOCGIFHWADDR, &request))
		die("SIOCGIFHWADDR");
	memcpy(ether->h_dest, request.ifr_hwaddr.sa_data, ETH_ALEN);
	ether->h_source[0] = 2;
	ether->h_proto = htons(ETH_P_IP);
	if (ioctl(socket, SIOCGIFADDR, &request))
		die("SIOCGIFADDR");
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->tot_len = htons(bytes - sizeof(*ether));
	ip->daddr = ((struct sockaddr_in *)&request.ifr_addr)->sin_addr.s_addr;
	ip->saddr = ip->daddr ^ htonl(3);
	ip->check = checksum(ip, sizeof(*ip));
	udp->source = htons(PORT);
	udp->dest = htons(PORT);
	udp->len = htons(sizeof(*udp) + 64);
	return bytes;
}

static int frames(const char *name, int interface, unsigned int nr)
{
	/* By chance: passed, passed, dropped (1) or sent out (3). */
	static const struct bpf_insn code[] = {
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32 },
		{ BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 3 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 1 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, 3 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct xdp_md context = { .ingress_ifindex = interface };
	unsigned char frame[256];
	struct test_run run;
	int fd, udp;
	pthread_t thread;

	udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (udp < 0 || bind(udp, (struct sockaddr *)&any, sizeof(any)))
		die("socket");
	if (pthread_create(&thread, NULL, receive, &udp))
		die("pthread_create");
	fd = program(code, ARRAY_SIZE(code), BPF_XDP, 0);
	if (fd < 0)
		die("BPF_PROG_LOAD");
	memset(&run, 0, sizeof(run));
	run.prog_fd = fd;
	run.data_in = (uintptr_t)frame;
	run.data_size_in = make_frame(frame, name, udp);
	context.data_end = run.data_size_in;
	run.ctx_in = (uintptr_t)&context;
	run.ctx_size_in = sizeof(context);
	run.repeat = nr;
	run.flags = TEST_LIVE_FRAMES;
	if (bpf(BPF_PROG_TEST_RUN, &run, sizeof(run))) {
		perror("BPF_PROG_TEST_RUN");
		return errno == EINVAL || errno == EOPNOTSUPP ? 2 : 1;
	}
	/* The last ones are still on their way. */
	usleep(20000);
	printf("received %llu\n", __atomic_load_n(&received, __ATOMIC_RELAXED));
	return 0;
}

int main(int argc, char **argv)
{
	int interface;

	if (argc < 3)
		return 1;
	interface = if_nametoindex(argv[2]);
	if (!interface)
		die(argv[2]);
	if (!strcmp(argv[1], "pass") && argc == 3)
		return pass(interface);
	if (!strcmp(argv[1], "frames") && argc == 4)
		return frames(argv[2], interface, strtoul(argv[3], NULL, 10));
	return 1;
}
