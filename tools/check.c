// SPDX-License-Identifier: GPL-2.0-only
/*
 * "dualbmctl check": will dualbm work on this kernel and this machine, and why.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* ---- what this machine lets in ---- */

/* 1 on, 0 off, -1 not known. The variable's four bytes of attributes come first. */
static int secure_boot(void)
{
	static const char variable[] =
		"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	struct buffer buffer;
	int on = -1;

	if (file_read(variable, &buffer, SMALL_FILE))
		return file_exists("/sys/firmware/efi") ? -1 : 0;
	if (buffer.size == 5)
		on = buffer.data[4];
	buffer_free(&buffer);
	return on;
}

static void check_security(struct check *check)
{
	char *lockdown = file_line("/sys/kernel/security/lockdown"), *enforce;
	bool enforced = config_is(check, "MODULE_SIG_FORCE"), locked, forced;
	int secure = secure_boot();

	enforce = file_line("/sys/module/module/parameters/sig_enforce");
	locked = lockdown && !strstr(lockdown, "[none]");
	forced = enforced || locked || secure > 0 ||
		 (check->running && enforce && (*enforce == 'Y' || *enforce == '1'));
	add(check, VERDICT_INFO, "security", "Secure Boot",
	    secure > 0 ? "on" : secure < 0 ? "not known" : "off");
	add(check, VERDICT_INFO, "security", "lockdown", "%s",
	    lockdown ? lockdown : "not known: securityfs is not mounted, or the kernel has none");
	if (forced && !check->have_module)
		add(check, VERDICT_DOUBT, "security", "signature",
		    "the kernel takes only signed modules: enrol the key that DKMS signs with, mokutil --import /var/lib/dkms/mok.pub");
	else if (forced && !check->mod.sig)
		add(check, VERDICT_NO, "security", "signature",
		    "the kernel takes only signed modules, and this one is not: enrol a key, mokutil --import /var/lib/dkms/mok.pub, and build it again");
	else if (check->have_module && check->mod.sig)
		add(check, forced ? VERDICT_DOUBT : VERDICT_INFO, "security", "signature",
		    "%llu bytes%s", (unsigned long long)check->mod.sig_bytes,
		    forced ? "; whether the kernel trusts its key shows when it is loaded" : "");
	else
		add(check, VERDICT_INFO, "security", "signature", "not needed");
	if (locked)
		add(check, VERDICT_INFO, "security", "debugfs",
		    "may be read under lockdown, but not what can be written too: \"frame\" and \"inject\"; \"dualbmctl frame\" needs neither");
	if (lockdown && strstr(lockdown, "[confidentiality]"))
		add(check, VERDICT_DOUBT, "security", "tracefs",
		    "is closed under this lockdown: no \"dualbmctl watch\"");
	free(lockdown);
	free(enforce);
}

/* ---- memory ---- */

struct plan {
	bool known;
	struct machine machine;
	uint64_t bytes;
};

static void check_memory(struct check *check, struct plan *plan)
{
	struct machine *machine = &plan->machine;
	uint64_t memory;
	struct why why;

	if (machine_read(machine, &why)) {
		add(check, VERDICT_INFO, "memory", "planes", "%s", why.text);
		return;
	}
	plan->known = true;
	plan->bytes = machine_plane_bytes(machine);
	memory = machine->nr_chunks * machine->chunk_frames * machine->page_size;
	if (machine->available && machine->available < plan->bytes)
		add(check, VERDICT_NO, "memory", "planes", "%s are needed, and %s are available",
		    human_bytes(plan->bytes), human_bytes(machine->available));
	else
		add(check, VERDICT_YES, "memory", "planes",
		    "%s for %s of memory: 4 bits per frame, and the map of them",
		    human_bytes(plan->bytes), human_bytes(memory));
}

static unsigned int memory_nodes(const struct machine *machine)
{
	unsigned int nr = 0;
	size_t i;

	for (i = 0; i < machine->nr_nodes; i++)
		nr += machine->nodes[i].memory;
	return nr;
}

static void check_placement(struct check *check, struct plan *plan)
{
	const struct machine *machine = &plan->machine;
	size_t i;

	if (!plan->known)
		return;
	for (i = 0; i < machine->nr_nodes; i++) {
		const struct node *node = &machine->nodes[i];
		char *subject = format_text("node %d", node->id);
		int place[4];

		if (node->chunks) {
			machine_place(machine, node->id, place);
			add(check, VERDICT_INFO, "placement", subject,
			    "primary=%d secondary=%d untracked=%d chunks=%llu separation=%s known=%d",
			    place[0], place[1], place[2], (unsigned long long)node->chunks,
			    place[0] == place[1] ? "single-node" : "distinct-node", place[3]);
		}
		free(subject);
	}
	if (memory_nodes(machine) == 1)
		add(check, VERDICT_INFO, "placement", "single node",
		    "one node has all memory: the planes lie as far apart as can be had");
}

/* ---- the answer ---- */

static unsigned int count(const struct check *check, enum verdict verdict)
{
	unsigned int nr = 0;
	size_t i;

	for (i = 0; i < check->nr_findings; i++)
		nr += check->findings[i].verdict == verdict;
	return nr;
}

static const char * const words[] = {
	[VERDICT_YES] = "yes", [VERDICT_INFO] = "info", [VERDICT_DOUBT] = "doubt",
	[VERDICT_UNKNOWN] = "unknown", [VERDICT_NO] = "no",
};

static enum verdict answer(const struct check *check)
{
	if (count(check, VERDICT_NO))
		return VERDICT_NO;
	return count(check, VERDICT_UNKNOWN) ? VERDICT_UNKNOWN : VERDICT_YES;
}

static void print_finding(const struct finding *finding, const char **topic)
{
	static const enum colour colours[] = {
		[VERDICT_YES] = GOOD, [VERDICT_INFO] = FAINT, [VERDICT_DOUBT] = DOUBTFUL,
		[VERDICT_UNKNOWN] = DOUBTFUL, [VERDICT_NO] = BAD,
	};
	static const char * const marks[] = {
		[VERDICT_YES] = "ok", [VERDICT_INFO] = "-", [VERDICT_DOUBT] = "but",
		[VERDICT_UNKNOWN] = "?", [VERDICT_NO] = "NO",
	};

	if (!*topic || strcmp(*topic, finding->topic)) {
		*topic = finding->topic;
		printf("%s%s%s\n", colour(BOLD), *topic, colour(PLAIN));
	}
	printf("  %s%-3s%s ", colour(colours[finding->verdict]), marks[finding->verdict],
	       colour(PLAIN));
	print_safe(stdout, finding->subject);
	fputs(": ", stdout);
	print_safe(stdout, finding->text);
	putchar('\n');
}

static void print_reasons(const struct check *check, enum verdict verdict)
{
	size_t i;

	for (i = 0; i < check->nr_findings; i++) {
		const struct finding *finding = &check->findings[i];

		if (finding->verdict != verdict)
			continue;
		printf("  %s: ", finding->topic);
		print_safe(stdout, finding->subject);
		fputs(": ", stdout);
		print_safe(stdout, finding->text);
		putchar('\n');
	}
}

static void print_check(const struct check *check)
{
	unsigned int doubts = count(check, VERDICT_DOUBT);
	const char *topic = NULL;
	size_t i;

	for (i = 0; i < check->nr_findings; i++)
		print_finding(&check->findings[i], &topic);
	putchar('\n');
	switch (answer(check)) {
	case VERDICT_NO:
		printf("%sno%s: dualbm will not work on %s\n", colour(BAD), colour(PLAIN),
		       check->kernel);
		print_reasons(check, VERDICT_NO);
		break;
	case VERDICT_UNKNOWN:
		printf("%sunknown%s: whether dualbm will work on %s cannot be told\n",
		       colour(DOUBTFUL), colour(PLAIN), check->kernel);
		print_reasons(check, VERDICT_UNKNOWN);
		break;
	default:
		printf("%syes%s: dualbm will work on %s%s\n", colour(GOOD), colour(PLAIN),
		       check->kernel, doubts ? ", but:" : "");
		print_reasons(check, VERDICT_DOUBT);
	}
}

static void json_check(const struct check *check, const struct plan *plan)
{
	size_t i;

	json_begin("check");
	json_string("kernel", check->kernel);
	if (check->kernel_id)
		json_string("kernel_id", check->kernel_id);
	json_bool("qualified", check->qualified);
	json_bool("running", check->running);
	json_string("answer", words[answer(check)]);
	json_open("findings", '[');
	for (i = 0; i < check->nr_findings; i++) {
		const struct finding *finding = &check->findings[i];

		json_open(NULL, '{');
		json_string("topic", finding->topic);
		json_string("subject", finding->subject);
		json_string("verdict", words[finding->verdict]);
		json_string("text", finding->text);
		json_close();
	}
	json_close();
	json_open("hooks", '[');
	for (i = 0; i < check->nr_hooks; i++) {
		json_open(NULL, '{');
		json_string("name", check->hooks[i].symbol);
		json_string("mechanism", check->hooks[i].mechanism);
		json_bool("required", check->hooks[i].required);
		json_close();
	}
	json_close();
	if (plan->known)
		json_number("plane_bytes", plan->bytes);
	json_end();
}

int command_check(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "image", required_argument, NULL, 'i' },
		{ "module", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	struct check check = { 0 };
	struct plan plan = { 0 };
	enum verdict verdict;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'k':
			check.release = optarg;
			break;
		case 'i':
			check.image = optarg;
			break;
		case 'm':
			check.module = optarg;
			break;
		default:
			bad_option("check", argv, long_options);
		}
	}
	if (optind < argc)
		fail(STATUS_USAGE, "check: \"%s\" is one argument too many", argv[optind]);
	check_module_file(&check);
	check_kernel(&check);
	check_hooks(&check);
	check_module(&check);
	check_security(&check);
	check_memory(&check, &plan);
	check_placement(&check, &plan);
	verdict = answer(&check);
	if (options.json)
		json_check(&check, &plan);
	else
		print_check(&check);
	machine_free(&plan.machine);
	check_free(&check);
	return verdict == VERDICT_YES ? STATUS_YES :
	       verdict == VERDICT_NO ? STATUS_NO : STATUS_LACKING;
}
