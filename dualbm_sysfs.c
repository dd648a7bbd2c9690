// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interface in /sys/kernel/dualbm.
 */
#include <linux/kobject.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "dualbm.h"
#include "dualbm_census.h"
#include "dualbm_chunks.h"
#include "dualbm_history.h"
#include "dualbm_hooks.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_names.h"
#include "dualbm_past.h"
#include "dualbm_prove.h"
#include "dualbm_proven.h"
#include "dualbm_qualified.h"
#include "dualbm_record.h"
#include "dualbm_report.h"
#include "dualbm_rest.h"
#include "dualbm_scrub.h"
#include "dualbm_selftest.h"
#include "dualbm_source.h"
#include "dualbm_stop.h"
#include "dualbm_sysfs.h"
#include "dualbm_uptime.h"
#include "dualbm_violation.h"

static const char * const stat_names[] = {
	[DUALBM_STAT_ALLOC_EVENTS] = "alloc_events",
	[DUALBM_STAT_ALLOC_PAGES] = "alloc_pages",
	[DUALBM_STAT_FREE_EVENTS] = "free_events",
	[DUALBM_STAT_FREE_PAGES] = "free_pages",
	[DUALBM_STAT_FORGET_EVENTS] = "forget_events",
	[DUALBM_STAT_VIOLATIONS] = "violations",
	[DUALBM_STAT_DOUBLE_ALLOC] = "double_alloc",
	[DUALBM_STAT_DOUBLE_FREE] = "double_free",
	[DUALBM_STAT_BOUNDARY_DOUBLE_FREE] = "boundary_double_free",
	[DUALBM_STAT_PLANE_CORRUPTION] = "plane_corruption",
	[DUALBM_STAT_DIRECTORY_CORRUPTION] = "directory_corruption",
	[DUALBM_STAT_ALLOCATOR_CORRUPTION] = "allocator_corruption",
	[DUALBM_STAT_UNPROVEN] = "unproven",
	[DUALBM_STAT_CORRECTED] = "corrected",
	[DUALBM_STAT_HOOKS_MISSED] = "hooks_missed",
	[DUALBM_STAT_COVERAGE_GAPS] = "coverage_gaps",
	[DUALBM_STAT_RELEARNS] = "relearns",
	[DUALBM_STAT_PAGES_MANAGED] = "pages_managed",
	[DUALBM_STAT_PAGES_ALLOCATED] = "pages_allocated",
	[DUALBM_STAT_PAGES_FREE] = "pages_free",
	[DUALBM_STAT_PAGES_UNTRACKED] = "pages_untracked",
	[DUALBM_STAT_PLANE_BYTES] = "plane_bytes",
	[DUALBM_STAT_SCRUB_PASSES] = "scrub_passes",
	[DUALBM_STAT_AUDIT_PASSES] = "audit_passes",
	[DUALBM_STAT_SELFTEST_PASSES] = "selftest_passes",
	[DUALBM_STAT_UNTRACKED_HUGETLB] = "untracked_hugetlb",
	[DUALBM_STAT_UNTRACKED_UNACCEPTED] = "untracked_unaccepted",
	[DUALBM_STAT_UNTRACKED_POISONED] = "untracked_poisoned",
	[DUALBM_STAT_UNTRACKED_IN_USE] = "untracked_in_use",
	[DUALBM_STAT_UNTRACKED_MOVING] = "untracked_moving",
	[DUALBM_STAT_UNTRACKED_TAIL] = "untracked_tail",
	[DUALBM_STAT_STOPS] = "stops",
	[DUALBM_STAT_STOPPED_NS] = "stopped_ns",
	[DUALBM_STAT_STOPPED_MAX_NS] = "stopped_max_ns",
	[DUALBM_STAT_PROOFS] = "proofs",
	[DUALBM_STAT_PROOF_MAX_NS] = "proof_max_ns",
	[DUALBM_STAT_PAGES_UNMANAGED] = "pages_unmanaged",
	[DUALBM_STAT_UNMANAGED_EVENTS] = "unmanaged_events",
	[DUALBM_STAT_CENSUS_AGE_MS] = "census_age_ms",
	[DUALBM_STAT_BAD_PAGE] = "bad_page",
	[DUALBM_STAT_COUNT_UNDERFLOW] = "count_underflow",
	[DUALBM_STAT_MAPPED_FREE] = "mapped_free",
	[DUALBM_STAT_PIECE_FREE] = "piece_free",
	[DUALBM_STAT_PIECE_FREE_DOUBTS] = "piece_free_doubts",
	[DUALBM_STAT_PROTECTED_MS] = "protected_ms",
	[DUALBM_STAT_PROTECTED_AGE_MS] = "protected_age_ms",
	[DUALBM_STAT_SCRUB_AGE_MS] = "scrub_age_ms",
};

static_assert(ARRAY_SIZE(stat_names) == DUALBM_NR_STATS);

static struct kobject *dualbm_kobject;

static void stats_read(u64 *values)
{
	struct dualbm_census census;
	struct dualbm_uptime uptime;
	int cpu, id;

	memset(values, 0, DUALBM_NR_STATS * sizeof(*values));
	for_each_possible_cpu(cpu) {
		const struct dualbm_counters *counters = per_cpu_ptr(&dualbm_counters, cpu);

		for (id = 0; id < DUALBM_NR_STATS; id++)
			values[id] += READ_ONCE(counters->stat[id]);
		for (id = 0; id < DUALBM_COUNTED_ORDERS; id++) {
			u64 allocs = READ_ONCE(counters->alloc[id]);
			u64 frees = READ_ONCE(counters->free[id]);

			values[DUALBM_STAT_ALLOC_EVENTS] += allocs;
			values[DUALBM_STAT_ALLOC_PAGES] += allocs << id;
			values[DUALBM_STAT_FREE_EVENTS] += frees;
			values[DUALBM_STAT_FREE_PAGES] += frees << id;
		}
	}
	dualbm_memory_census(&census);
	values[DUALBM_STAT_HOOKS_MISSED] = dualbm_hooks_missed();
	values[DUALBM_STAT_PAGES_MANAGED] = census.managed;
	values[DUALBM_STAT_PAGES_ALLOCATED] = census.allocated;
	values[DUALBM_STAT_PAGES_FREE] = census.free;
	values[DUALBM_STAT_PAGES_UNTRACKED] = census.untracked;
	values[DUALBM_STAT_PLANE_BYTES] = census.bytes;
	for (id = 0; id < DUALBM_NR_RESTS; id++)
		values[DUALBM_STAT_UNTRACKED_HUGETLB + id] = dualbm_rest_of(id);
	values[DUALBM_STAT_STOPPED_MAX_NS] = dualbm_stopped_max_ns();
	values[DUALBM_STAT_PROOF_MAX_NS] = dualbm_prove_max_ns();
	values[DUALBM_STAT_PAGES_UNMANAGED] = READ_ONCE(dualbm_unmanaged_frames);
	values[DUALBM_STAT_CENSUS_AGE_MS] = census.age_ms;
	dualbm_uptime_read(&uptime);
	values[DUALBM_STAT_PROTECTED_MS] = uptime.protected;
	values[DUALBM_STAT_PROTECTED_AGE_MS] = uptime.unbroken;
	values[DUALBM_STAT_SCRUB_AGE_MS] = uptime.scrubbed;
}

static ssize_t stats_show(struct kobject *kobj, struct kobj_attribute *attr, char *buffer)
{
	u64 values[DUALBM_NR_STATS];
	int id, length = 0;

	stats_read(values);
	for (id = 0; id < DUALBM_NR_STATS; id++)
		length += sysfs_emit_at(buffer, length, "%s %llu\n", stat_names[id],
					values[id]);
	return length;
}

static ssize_t state_show(struct kobject *kobj, struct kobj_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", dualbm_state_name());
}

static ssize_t kernel_id_show(struct kobject *kobj, struct kobj_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", dualbm_kernel_identity());
}

static ssize_t state_reason_show(struct kobject *kobj, struct kobj_attribute *attr,
				 char *buffer)
{
	return sysfs_emit(buffer, "%s\n", dualbm_state_reason());
}

static ssize_t policy_show(struct kobject *kobj, struct kobj_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", dualbm_reaction_name(dualbm_policy));
}

static ssize_t policy_store(struct kobject *kobj, struct kobj_attribute *attr,
			    const char *buffer, size_t size)
{
	int ret = dualbm_reaction_parse("policy", buffer, &dualbm_policy);

	return ret ?: size;
}

static ssize_t history_show(struct kobject *kobj, struct kobj_attribute *attr, char *buffer)
{
	return sysfs_emit(buffer, "%s\n", dualbm_history_name());
}

static ssize_t history_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buffer, size_t size)
{
	return dualbm_history_write(buffer) ?: size;
}

static ssize_t hooks_show(struct kobject *kobj, struct kobj_attribute *attr, char *buffer)
{
	return dualbm_hooks_show(buffer);
}

static ssize_t placement_show(struct kobject *kobj, struct kobj_attribute *attr,
			      char *buffer)
{
	return dualbm_placement_show(buffer);
}

static ssize_t scrub_show(struct kobject *kobj, struct kobj_attribute *attr, char *buffer)
{
	return dualbm_scrub_show(buffer);
}

static ssize_t scrub_store(struct kobject *kobj, struct kobj_attribute *attr,
			   const char *buffer, size_t size)
{
	if (sysfs_streq(buffer, "now"))
		return dualbm_scrub_now() ?: size;
	if (sysfs_streq(buffer, "proof"))
		return dualbm_selftest_proof() ?: size;
	pr_err("scrub: \"now\" or \"proof\" is accepted\n");
	return -EINVAL;
}

static ssize_t proof_show(struct kobject *kobj, struct kobj_attribute *attr, char *buffer)
{
	return dualbm_proven_show(buffer);
}

static ssize_t last_violation_show(struct kobject *kobj, struct kobj_attribute *attr,
				   char *buffer)
{
	struct dualbm_violation *v;
	ssize_t length = 0;

	v = kmalloc(sizeof(*v), GFP_KERNEL);
	if (!v)
		return -ENOMEM;
	if (dualbm_report_last(v))
		length = dualbm_record_keys(v, buffer, PAGE_SIZE);
	kfree(v);
	return length;
}

/* The codeword of a frame, or -ENXIO if no chunk holds it. */
static int frame_code(unsigned long pfn)
{
	unsigned long *planes;
	int code = -ENXIO;

	rcu_read_lock();
	planes = dualbm_planes_at(pfn);
	if (planes)
		code = dualbm_planes_code(planes, pfn % DUALBM_CHUNK_FRAMES);
	rcu_read_unlock();
	return code;
}

int dualbm_frame_line(unsigned long pfn, char line[DUALBM_FRAME_LINE])
{
	int code = frame_code(pfn);

	if (code < 0)
		return scnprintf(line, DUALBM_FRAME_LINE, "pfn=0x%lx state=unmanaged", pfn);
	return scnprintf(line, DUALBM_FRAME_LINE,
			 "pfn=0x%lx state=%s primary=%d secondary=%d untracked=%d known=%d",
			 pfn, dualbm_code_names[code], code & 1, code >> 1 & 1,
			 code >> 2 & 1, code >> 3 & 1);
}

/*
 * A line of fixed size for each frame that could be, and one line in each read: a frame is
 * asked for by the offset, as nothing may be written under lockdown. Who copies all of
 * sysfs does not ask for one frame, and gets an error instead of a file without an end.
 */
static ssize_t frames_read(struct file *file, struct kobject *kobj,
			   dualbm_bin_attribute *attr, char *buffer, loff_t offset, size_t size)
{
	int length;

	if (size != DUALBM_FRAME_LINE || offset % DUALBM_FRAME_LINE)
		return -EINVAL;
	length = dualbm_frame_line(offset / DUALBM_FRAME_LINE, buffer);
	memset(buffer + length, ' ', DUALBM_FRAME_LINE - 1 - length);
	buffer[DUALBM_FRAME_LINE - 1] = '\n';
	return DUALBM_FRAME_LINE;
}

/* As frames_read(): what the history has of a frame. */
static ssize_t frames_history_read(struct file *file, struct kobject *kobj,
				   dualbm_bin_attribute *attr, char *buffer, loff_t offset,
				   size_t size)
{
	struct dualbm_past past[DUALBM_NR_PASTS];
	unsigned long pfn = offset / DUALBM_HISTORY_LINE;
	int length;

	if (size != DUALBM_HISTORY_LINE || offset % DUALBM_HISTORY_LINE)
		return -EINVAL;
	length = scnprintf(buffer, size, "pfn=0x%lx history=%s", pfn,
			   dualbm_history_of(pfn, past) ? dualbm_history_name() : "off");
	length += dualbm_past_keys(past, buffer + length, size - length);
	memset(buffer + length, ' ', DUALBM_HISTORY_LINE - 1 - length);
	buffer[DUALBM_HISTORY_LINE - 1] = '\n';
	return DUALBM_HISTORY_LINE;
}

static struct kobj_attribute stats_attribute = __ATTR_RO(stats);
static struct kobj_attribute state_attribute = __ATTR_RO(state);
static struct kobj_attribute state_reason_attribute = __ATTR_RO(state_reason);
static struct kobj_attribute kernel_id_attribute = __ATTR_RO(kernel_id);
static struct kobj_attribute policy_attribute = __ATTR_RW(policy);
static struct kobj_attribute history_attribute = __ATTR_RW(history);
static struct kobj_attribute hooks_attribute = __ATTR_RO(hooks);
/* Frame numbers, physical and code addresses are for root. */
static struct kobj_attribute placement_attribute = __ATTR_RO_MODE(placement, 0400);
static struct kobj_attribute scrub_attribute = __ATTR_RW(scrub);
static struct kobj_attribute proof_attribute = __ATTR_RO(proof);
static struct kobj_attribute last_violation_attribute =
	__ATTR_RO_MODE(last_violation, 0400);

static struct attribute *attributes[] = {
	&stats_attribute.attr,
	&state_attribute.attr,
	&state_reason_attribute.attr,
	&kernel_id_attribute.attr,
	&policy_attribute.attr,
	&history_attribute.attr,
	&hooks_attribute.attr,
	&placement_attribute.attr,
	&scrub_attribute.attr,
	&proof_attribute.attr,
	&last_violation_attribute.attr,
	NULL
};

static const struct attribute_group attribute_group = { .attrs = attributes };
/* Not in the group, whose list of them has another type from release to release. */
static const struct bin_attribute frames_attribute = {
	.attr = { .name = "frames", .mode = 0400 },
	.read = frames_read,
};

static const struct bin_attribute frames_history_attribute = {
	.attr = { .name = "frames_history", .mode = 0400 },
	.read = frames_history_read,
};

int dualbm_sysfs_init(void)
{
	dualbm_kobject = kobject_create_and_add("dualbm", kernel_kobj);
	if (dualbm_kobject)
		return 0;
	pr_err("cannot make /sys/kernel/dualbm: no memory, or it is there\n");
	return -ENOMEM;
}

int dualbm_sysfs_open(void)
{
	int ret = sysfs_create_group(dualbm_kobject, &attribute_group);

	if (ret)
		return ret;
	ret = sysfs_create_bin_file(dualbm_kobject, &frames_attribute);
	if (ret)
		goto remove_group;
	ret = sysfs_create_bin_file(dualbm_kobject, &frames_history_attribute);
	if (ret)
		goto remove_frames;
	return 0;

remove_frames:
	sysfs_remove_bin_file(dualbm_kobject, &frames_attribute);
remove_group:
	sysfs_remove_group(dualbm_kobject, &attribute_group);
	return ret;
}

void dualbm_sysfs_close(void)
{
	sysfs_remove_bin_file(dualbm_kobject, &frames_history_attribute);
	sysfs_remove_bin_file(dualbm_kobject, &frames_attribute);
	sysfs_remove_group(dualbm_kobject, &attribute_group);
}

void dualbm_sysfs_exit(void)
{
	kobject_put(dualbm_kobject);
}
