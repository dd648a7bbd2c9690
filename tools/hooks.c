// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks that the module needs on a kernel: are their functions there, can
 * they be probed, and do they take what the module reads from their arguments.
 *
 * Names are shared with the module (dualbm_hook_names.h); which kernel has which it knows by
 * dualbm_compat.h. Here are prototypes. The test compares it with what the module attaches.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../dualbm_hook_names.h"
#include "check.h"

#define TRACEFS		"/sys/kernel/tracing"

enum mechanism { TRACEPOINT, FTRACE, REDIRECT, KRETPROBE, KPROBE, JUMP };

static const char * const mechanism_names[] = {
	[TRACEPOINT] = "tracepoint", [FTRACE] = "ftrace", [REDIRECT] = "redirect",
	[KRETPROBE] = "kretprobe", [KPROBE] = "kprobe", [JUMP] = "jump",
};

struct hook {
	const char *symbols[5];		/* newest first */
	enum mechanism mechanism;
	bool required;
	bool (*wanted)(const struct check *check);
	/* Of the arguments, as many as matter. */
	const char *prototypes[3];
	const char *what_for;
};

static bool always(const struct check *check)
{
	(void)check;
	return true;
}

static bool has_charge(const struct check *check)
{
	return !check->config || config_is(check, "MEMCG_KMEM") ||
	       (config_is(check, "MEMCG") && since(check, 6, 11));
}

static bool has_memcg(const struct check *check)
{
	return !check->config || config_is(check, "MEMCG");
}

static bool has_depart(const struct check *check)
{
	return (!check->config || config_is(check, "COMPACTION")) && since(check, 6, 9);
}

static bool has_bulk(const struct check *check)
{
	return since(check, 5, 13);
}

static bool has_unpoison(const struct check *check)
{
	return !check->config || config_is(check, "MEMORY_FAILURE");
}

/* The boundary's probes, where the kernel can make them. */
static bool has_jumps(const struct check *check)
{
	return !check->config || config_is(check, "OPTPROBES");
}

/* Where a probe inside of the function can be a jump, or a return probe ends no stack. */
static bool has_boundary(const struct check *check)
{
	return has_jumps(check) || since(check, 5, 19);
}

/* Before that it is a part of kfree(). */
static bool has_large_kfree(const struct check *check)
{
	return since(check, 5, 17);
}

static const struct hook hooks[] = {
	{ { DUALBM_NAMES_ALLOC }, TRACEPOINT, true, always,
	  { "void *, struct page *, unsigned int, gfp_t, int" }, "allocations" },
	{ { DUALBM_NAMES_FREE }, TRACEPOINT, true, always,
	  { "void *, struct page *, unsigned int" }, "frees" },
	{ { DUALBM_NAMES_ISOLATE }, FTRACE, true, always,
	  { "struct page *, unsigned int" }, "pages that leave the free lists silently" },
	{ { DUALBM_NAMES_PUTBACK }, FTRACE, false, always,
	  { "struct page *, unsigned int, int" }, "pages that come back to them" },
	{ { DUALBM_NAMES_CHARGE }, FTRACE, true, has_charge,
	  { "struct page *, gfp_t, int", "struct page *, gfp_t, unsigned int" },
	  "charges to a cgroup that fail" },
	{ { DUALBM_NAMES_DEPART }, FTRACE, true, has_depart,
	  { "struct folio *, long unsigned int", "struct page *, long unsigned int" },
	  "pages that compaction takes back" },
	{ { DUALBM_NAMES_BULK }, REDIRECT, true, has_bulk,
	  { "gfp_t, int, nodemask_t *, int, struct list_head *, struct page **",
	    "gfp_t, int, nodemask_t *, int, struct page **" }, "the bulk allocator" },
	{ { DUALBM_NAMES_UNPOISON }, FTRACE, true, has_unpoison,
	  { "long unsigned int" }, "pages that are no longer poisoned" },
	{ { DUALBM_NAMES_BAD_PAGE }, FTRACE, false, always,
	  { "struct page *, char *" }, "what the kernel's own checks find" },
	{ { DUALBM_NAMES_SPLIT }, FTRACE, false, has_memcg,
	  { "struct page *, unsigned int", "struct page *, int, int" },
	  "frees inside of blocks, for the history" },
	{ { DUALBM_NAMES_BOUNDARY_ALLOC }, KRETPROBE, false, has_boundary,
	  { "" }, "the boundary's check of allocations" },
	{ { DUALBM_NAMES_BOUNDARY_FREE }, KPROBE, false, always,
	  { "struct page *, unsigned int" }, "the boundary's check of frees" },
	{ { DUALBM_NAMES_FRAG_FREE }, FTRACE, false, always,
	  { "void *" }, "its check of page fragments" },
	{ { DUALBM_NAMES_FRAG_DRAIN }, FTRACE, false, always,
	  { "struct page *, unsigned int" }, "its check of what is left of them" },
	{ { DUALBM_NAMES_LARGE_KFREE }, FTRACE, false, has_large_kfree,
	  { "struct folio *, void *", "struct page *, void *" }, "its check of large objects" },
	{ { DUALBM_NAMES_PUT }, FTRACE, false, always,
	  { "struct folio *", "struct page *" }, "the last references of pages, for the history" },
};

static const char *mechanism_name(const struct check *check, const struct hook *hook)
{
	bool jump = hook->mechanism == KPROBE || hook->mechanism == KRETPROBE;

	return mechanism_names[jump && has_jumps(check) ? JUMP : hook->mechanism];
}

/* How often a name stands in System.map or kallsyms, and with a compiler's suffix. */
struct occurrences {
	unsigned int exact, variants;
};

static struct occurrences count_symbol(const struct buffer *symbols, const char *name)
{
	struct occurrences found = { 0, 0 };
	const char *at = symbols->data, *end = at + symbols->size;
	size_t length = strlen(name);

	while (at && (at = memmem(at, end - at, name, length))) {
		const char *after = at + length;
		/* A text symbol: "ADDRESS T NAME". */
		bool is_text = at - symbols->data >= 3 && at[-1] == ' ' && at[-3] == ' ' &&
			       strchr("tTwW", at[-2]);

		if (is_text && (after == end || strchr("\n\t ", *after)))
			found.exact++;
		else if (is_text && *after == '.' && strncmp(after, ".cold", 5))
			found.variants++;
		at = after;
	}
	return found;
}

enum presence { ABSENT, PRESENT, VARIANT, SEVERAL, CANNOT_TELL };

static enum presence find_symbol(const struct check *check, const struct hook *hook,
				 const char *symbol, char **from)
{
	struct occurrences found;
	char *iterator, *prototype;

	*from = NULL;
	if (check->symbols.data) {
		/* include/linux/tracepoint.h: the function that calls the probes. */
		iterator = format_text("%s%s", hook->mechanism == TRACEPOINT ? "__traceiter_" : "",
				       symbol);
		found = count_symbol(&check->symbols, iterator);
		free(iterator);
		*from = duplicate(check->symbols_from);
		if (found.exact > 1 && hook->mechanism != TRACEPOINT)
			return SEVERAL;
		return found.exact ? PRESENT : found.variants ? VARIANT : ABSENT;
	}
	if (!check->btf)
		return CANNOT_TELL;
	prototype = btf_prototype(check->btf, symbol, hook->mechanism == TRACEPOINT);
	if (!prototype)
		return CANNOT_TELL;
	free(prototype);
	*from = duplicate("BTF");
	return PRESENT;
}

/* A file of the kernel that is asked for several names, and takes time to make. */
struct listing {
	const char *path;
	bool read, reported;
	int error;
	struct buffer buffer;
};

static struct listing traceable = { .path = TRACEFS "/available_filter_functions" };
static struct listing blacklist = { .path = "/sys/kernel/debug/kprobes/blacklist" };

/* "name" or "name [module]" as a line; 1 yes, 0 no, -errno if nobody can tell. */
static int listed(struct listing *listing, const char *name, bool behind_tab)
{
	size_t length = strlen(name);
	const char *at;
	int ret = 0;

	if (!listing->read)
		listing->error = file_read(listing->path, &listing->buffer, 64 * SMALL_FILE);
	listing->read = true;
	if (listing->error)
		return listing->error;
	for (at = listing->buffer.data; (at = strstr(at, name)); at += length) {
		bool begins = behind_tab ? at != listing->buffer.data && at[-1] == '\t' :
			      at == listing->buffer.data || at[-1] == '\n';

		if (begins && strchr(behind_tab ? "\n+" : "\n ", at[length])) {
			ret = 1;
			break;
		}
	}
	return listing->buffer.size ? ret : -ENODATA;
}

/* Once for a file, not for each function. */
static void not_seen(struct check *check, struct listing *listing, int error)
{
	if (!listing->reported)
		add(check, VERDICT_INFO, "hooks", listing->path, "what can be hooked was not seen: %s",
		    strerror(error));
	listing->reported = true;
}

/* The running kernel says which functions it can trace, and which not be probed. */
static void check_probing(struct check *check, const struct hook *hook, const char *symbol)
{
	enum verdict no = hook->required ? VERDICT_NO : VERDICT_DOUBT;
	int ret;

	if (!check->running || hook->mechanism == TRACEPOINT)
		return;
	if (hook->mechanism == FTRACE || hook->mechanism == REDIRECT) {
		ret = listed(&traceable, symbol, false);
		if (!ret)
			add(check, no, "hooks", symbol,
			    "ftrace cannot hook it: it is not among available_filter_functions");
		else if (ret < 0)
			not_seen(check, &traceable, -ret);
		return;
	}
	ret = listed(&blacklist, symbol, true);
	if (ret > 0)
		add(check, no, "hooks", symbol, "it is on the kernel's list of functions that must not be probed");
	else if (ret < 0 && ret != -ENODATA)
		not_seen(check, &blacklist, -ret);
}

static void check_prototype(struct check *check, const struct hook *hook, const char *symbol,
			    const char *from)
{
	char *prototype;
	size_t i;

	prototype = check->btf ? btf_prototype(check->btf, symbol, hook->mechanism == TRACEPOINT) :
		    NULL;
	if (!prototype) {
		add(check, VERDICT_YES, "hooks", symbol, "%s, in %s; prototype not known: %s",
		    mechanism_name(check, hook), from,
		    check->btf ? "BTF does not have it" : "no BTF");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(hook->prototypes) && hook->prototypes[i]; i++)
		if (!*hook->prototypes[i] || !strcmp(hook->prototypes[i], prototype))
			break;
	if (i < ARRAY_SIZE(hook->prototypes) && hook->prototypes[i])
		add(check, VERDICT_YES, "hooks", symbol, "%s, in %s: (%s)",
		    mechanism_name(check, hook), from, prototype);
	else
		add(check, VERDICT_NO, "hooks", symbol,
		    "takes (%s), and dualbm would read (%s)", prototype, hook->prototypes[0]);
	free(prototype);
}

static void check_hook(struct check *check, const struct hook *hook)
{
	enum verdict no = hook->required ? VERDICT_NO : VERDICT_DOUBT;
	enum presence presence = ABSENT;
	const char *symbol = NULL;
	char *from = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hook->symbols) && hook->symbols[i]; i++) {
		enum presence this;

		free(from);
		this = find_symbol(check, hook, hook->symbols[i], &from);
		if (this != ABSENT && (presence == ABSENT || this == PRESENT)) {
			presence = this;
			symbol = hook->symbols[i];
		}
		if (this == PRESENT)
			break;
	}
	if (!symbol)
		symbol = hook->symbols[0];
	switch (presence) {
	case PRESENT:
		check->hooks[check->nr_hooks++] = (struct hook_found){
			symbol, mechanism_name(check, hook), hook->required,
		};
		check_prototype(check, hook, symbol, from);
		check_probing(check, hook, symbol);
		break;
	case VARIANT:
		add(check, no, "hooks", symbol,
		    "the compiler made a variant of it, whose arguments are not known (%s)",
		    hook->what_for);
		break;
	case SEVERAL:
		add(check, no, "hooks", symbol, "several functions have this name (%s)",
		    hook->what_for);
		break;
	case CANNOT_TELL:
		add(check, hook->required ? VERDICT_UNKNOWN : VERDICT_INFO, "hooks", symbol,
		    check->btf ? "not in BTF, which leaves some functions out (%s)" :
		    "no list of the kernel's symbols was found (%s)", hook->what_for);
		break;
	default:
		add(check, no, "hooks", symbol, "this kernel does not have it (%s)%s",
		    hook->what_for, hook->required ? "" : ": one check less");
	}
	free(from);
}

/* What would keep hooks from working on the kernel that runs now. */
static void check_switches(struct check *check)
{
	uint64_t enabled;
	char **patches;

	if (!check->running)
		return;
	if (file_number("/proc/sys/kernel/ftrace_enabled", &enabled) && !enabled)
		add(check, VERDICT_NO, "hooks", "ftrace",
		    "is switched off: sysctl kernel.ftrace_enabled=1");
	if (file_number("/sys/kernel/debug/kprobes/enabled", &enabled) && !enabled)
		add(check, VERDICT_DOUBT, "hooks", "kprobes",
		    "are switched off in debugfs: the boundary's checks will see nothing");
	patches = directory_list("/sys/kernel/livepatch");
	if (patches && patches[0])
		add(check, VERDICT_DOUBT, "hooks", "livepatch",
		    "%s is active: memory in use now stays untracked until its first event",
		    patches[0]);
	list_free(patches);
}

void check_hooks(struct check *check)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hooks[i].wanted(check))
			check_hook(check, &hooks[i]);
	check_switches(check);
	buffer_free(&traceable.buffer);
	buffer_free(&blacklist.buffer);
}
