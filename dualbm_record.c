// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record: what is known of a finding when it is made, and its lines for people and machines.
 * What follows from it is decided elsewhere.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mmdebug.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "dualbm.h"
#include "dualbm_caller.h"
#include "dualbm_chunks.h"
#include "dualbm_names.h"
#include "dualbm_past.h"
#include "dualbm_prove.h"
#include "dualbm_record.h"
#include "dualbm_violation.h"
#include "dualbm_words.h"

/* What an event says that its frames were, if that leaves no choice. */
static unsigned int event_truth(enum dualbm_event_type event)
{
	switch (event) {
	case DUALBM_ALLOC:
	case DUALBM_ISOLATE:
	case DUALBM_CHARGE:
		return DUALBM_CODE_FREE;
	case DUALBM_FREE:
	case DUALBM_DEPART:
		return DUALBM_CODE_ALLOCATED;
	default:
		return 0;
	}
}

/*
 * Which plane lied. The scrubber has said so already; for an event the planes are
 * at hand, and what was tracked is likelier than what was not.
 */
static void name_liar(struct dualbm_violation *v)
{
	unsigned long *planes = dualbm_planes_at(v->first);
	unsigned int plane, truth = event_truth(v->event);

	if (!v->liars) {
		v->liars = dualbm_code_liars(v->code, truth);
		v->witness = truth ? DUALBM_WITNESS_EVENT : DUALBM_NO_WITNESS;
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
			if (v->liars & BIT(plane) &&
			    (!(v->liars & BIT(v->liar)) || (v->code ^ BIT(plane)) == truth))
				v->liar = plane;
	}
	if (planes && v->liars)
		v->liar_phys = dualbm_planes_phys(planes, v->liar,
						  v->first % DUALBM_CHUNK_FRAMES /
						  BITS_PER_LONG * sizeof(long));
}

/* Where the map count stands there are other things in a page that cannot be mapped. */
static const char *type_of(struct page *page)
{
	if (PageBuddy(page))
		return "buddy";
	if (PageOffline(page))
		return "offline";
	if (PageTable(page))
		return "table";
	return PageSlab(page) ? "slab" : NULL;
}

/* Whoever freed a frame has not damaged its record. */
static bool is_of_owners(const struct dualbm_violation *v)
{
	return v->class != DUALBM_DIRECTORY_CORRUPTION && v->class != DUALBM_PLANE_CORRUPTION;
}

static void describe_task(struct dualbm_violation *v)
{
	v->cpu = raw_smp_processor_id();
	v->pid = current->pid;
	/* A task may call itself anything, a newline and what looks like a key included. */
	dualbm_report_escape(v->comm, sizeof(v->comm), current->comm, TASK_COMM_LEN - 1, 0);
}

/* Who, where, and what struct page says. */
void dualbm_record_describe(struct dualbm_violation *v)
{
	struct page *page = pfn_to_online_page(v->first);
	struct zone *zone = dualbm_zone_of(page);

	v->time_ns = ktime_get_mono_fast_ns();
	if (!v->task_is_known)
		describe_task(v);
	if (!v->stack_entries)
		v->stack_entries = stack_trace_save(v->stack, DUALBM_STACK_DEPTH, 1);
	dualbm_caller_find(v);
	if (v->caller)
		scnprintf(v->caller_name, sizeof(v->caller_name), "%pS", (void *)v->caller);
	else
		strscpy(v->caller_name, "-", sizeof(v->caller_name));
	if (v->class == DUALBM_PLANE_CORRUPTION && v->code != DUALBM_CODE_DEPARTING) {
		rcu_read_lock();
		name_liar(v);
		rcu_read_unlock();
	}
	if (is_of_owners(v))
		dualbm_history_of(v->first, v->past);
	v->have_page = page;
	v->node = NUMA_NO_NODE;
	strscpy(v->zone, "-", sizeof(v->zone));
	if (!page)
		return;
	v->page_flags = dualbm_page_flags(page);
	v->page_refcount = page_ref_count(page);
	v->page_mapcount = atomic_read(&page->_mapcount);
	v->page_type = type_of(page);
	if (!zone)
		return;
	v->node = page_to_nid(page);
	strscpy(v->zone, zone->name, sizeof(v->zone));
}

/* What is only said of some classes. */
static int details(const struct dualbm_violation *v, char *buffer, size_t size)
{
	int plane, length = 0;

	if (dualbm_prove_is_partial(v))
		length += scnprintf(buffer, size, " unseen=pcp");
	if (v->what)
		length += scnprintf(buffer + length, size - length, " what=%s value=%ld",
				    v->what, v->value);
	if (*v->reason)
		length += scnprintf(buffer + length, size - length, " reason=%s", v->reason);
	if (*v->mapper)
		length += scnprintf(buffer + length, size - length, " %s", v->mapper);
	if (v->liars) {
		length += scnprintf(buffer + length, size - length, " witness=%s liar=%s",
				    dualbm_witness_names[v->witness], dualbm_plane_names[v->liar]);
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
			if (v->liars & BIT(plane) && plane != v->liar)
				length += scnprintf(buffer + length, size - length, "|%s",
						    dualbm_plane_names[plane]);
	}
	if (v->liar_phys)
		length += scnprintf(buffer + length, size - length,
				    " liar_node=%d liar_phys=0x%llx",
				    pfn_to_nid(PHYS_PFN(v->liar_phys)), (u64)v->liar_phys);
	return length;
}

int dualbm_record_line(const struct dualbm_violation *v, char *buffer, size_t size)
{
	bool unproven = dualbm_is_mismatch(v);
	int length;

	length = scnprintf(buffer, size, "%s pfn=0x%lx order=%u proof=%s",
			   unproven ? "unproven" : dualbm_class_names[v->class],
			   v->first, v->order, dualbm_proof_names[v->proof]);
	if (unproven)
		length += scnprintf(buffer + length, size - length, " class=%s",
				    dualbm_class_names[v->class]);
	if (v->what)
		length += scnprintf(buffer + length, size - length, " what=%s value=%ld",
				    v->what, v->value);
	if (*v->reason)
		length += scnprintf(buffer + length, size - length, " reason=%s", v->reason);
	length += scnprintf(buffer + length, size - length,
		" caller=%s event=%s was=%s block=0x%lx frames=%lu node=%d zone=%s cpu=%d pid=%d comm=%s",
		v->caller_name, dualbm_event_names[v->event], dualbm_code_names[v->code],
		v->pfn, v->frames, v->node, v->zone, v->cpu, v->pid, v->comm);
	/* The stack of a panic is the caller's: whom it does not show is in its line. */
	if (dualbm_past_is_named(&v->past[DUALBM_FREED]))
		length += scnprintf(buffer + length, size - length, " freed_by=%s",
				    v->past[DUALBM_FREED].name);
	return length;
}

int dualbm_record_keys(const struct dualbm_violation *v, char *buffer, size_t size)
{
	int length = scnprintf(buffer, size,
		"record=%llu class=%s pfn=0x%lx order=%u proof=%s frames=%lu block=0x%lx event=%s was=%s primary=%u secondary=%u untracked=%u node=%d zone=%s cpu=%d pid=%d comm=%s time_ns=%llu caller=%s",
		v->number, dualbm_class_names[v->class], v->first, v->order,
		dualbm_proof_names[v->proof], v->frames, v->pfn, dualbm_event_names[v->event],
		dualbm_code_names[v->code], v->code & 1, v->code >> 1 & 1, v->code >> 2 & 1,
		v->node, v->zone, v->cpu, v->pid, v->comm, v->time_ns,
		v->caller_name);

	if (v->have_page)
		length += scnprintf(buffer + length, size - length,
				    " flags=0x%lx refcount=%d mapcount=%d",
				    v->page_flags, v->page_refcount, v->page_mapcount);
	length += details(v, buffer + length, size - length);
	length += scnprintf(buffer + length, size - length, " repaired=%d known=%u",
			    v->repaired, v->code >> 3 & 1);
	length += dualbm_past_keys(v->past, buffer + length, size - length);
	return length + scnprintf(buffer + length, size - length, "\n");
}

/*
 * Quietly: into the log, and to consoles with whatever is said next. That is
 * printk_deferred() of kernel/printk/printk.c, which is not for modules.
 */
static __printf(2, 3) void say(bool quietly, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (quietly)
		vprintk_emit(0, LOGLEVEL_SCHED, NULL, format, arguments);
	else
		vprintk(format, arguments);
	va_end(arguments);
}

static void log_page(const struct dualbm_violation *v, bool quietly)
{
	if (v->page_type)
		say(quietly,
		    KERN_EMERG pr_fmt("  page: flags=0x%lx names=%pGp refcount=%d type=%s\n"),
		    v->page_flags, &v->page_flags, v->page_refcount, v->page_type);
	else
		say(quietly,
		    KERN_EMERG pr_fmt("  page: flags=0x%lx names=%pGp refcount=%d mapcount=%d\n"),
		    v->page_flags, &v->page_flags, v->page_refcount, v->page_mapcount);
}

/*
 * What the kernel itself knows of the page. With page_owner=on these are the stacks of its last
 * allocation and free, however long ago. Whether that is on cannot be asked by a module.
 */
static void log_kernels_page(const struct dualbm_violation *v)
{
	struct page *page = pfn_to_online_page(v->first);

	if (IS_ENABLED(CONFIG_PAGE_OWNER) && page && is_of_owners(v))
		dump_page(page, "a finding of dualbm");
}

/* What one event of the past was, and, if stacks are kept, who called its caller. */
static void log_past(const struct dualbm_violation *v, enum dualbm_past_kind kind, bool quietly)
{
	char line[DUALBM_PAST_LINE];
	unsigned int level;

	if (!dualbm_past_line(kind, &v->past[kind], line, sizeof(line)))
		return;
	say(quietly, KERN_EMERG pr_fmt("  %s\n"), line);
	for (level = 1; dualbm_past_level(&v->past[kind], level, line, sizeof(line)); level++)
		say(quietly, KERN_EMERG pr_fmt("    %s\n"), line);
}

void dualbm_record_log(const struct dualbm_violation *v, bool quietly)
{
	char line[512];
	unsigned int i;

	for (i = 0; dualbm_words(v, i, line, sizeof(line)); i++)
		say(quietly, KERN_EMERG pr_fmt("%s\n"), line);
	dualbm_record_line(v, line, sizeof(line));
	say(quietly, KERN_EMERG pr_fmt("%s\n"), line);
	if (details(v, line, sizeof(line)))
		say(quietly, KERN_EMERG pr_fmt(" %s\n"), line);
	scnprintf(line, sizeof(line),
		  "record=%llu planes: primary=%u secondary=%u untracked=%u known=%u%s",
		  v->number, v->code & 1, v->code >> 1 & 1, v->code >> 2 & 1,
		  v->code >> 3 & 1, v->repaired ? " corrected" : "");
	say(quietly, KERN_EMERG pr_fmt("  %s\n"), line);
	if (v->have_page)
		log_page(v, quietly);
	for (i = 0; i < DUALBM_NR_PASTS; i++)
		log_past(v, i, quietly);
	say(quietly, KERN_EMERG pr_fmt("  stack:%s\n"),
	    v->stack_entries ? "" : " none, as it would be of who looked");
	for (i = 0; i < v->stack_entries; i++)
		say(quietly, KERN_EMERG pr_fmt("    %pS\n"), (void *)v->stack[i]);
	/* dump_page() asks consoles. */
	if (!quietly)
		log_kernels_page(v);
	say(quietly, KERN_EMERG pr_fmt("  end of record %llu\n"), v->number);
}
