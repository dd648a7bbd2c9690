// SPDX-License-Identifier: GPL-2.0-only
/*
 * The boundary probes: kprobes where callers enter and leave the allocator.
 *
 * They deliver no event: a lost one loses one check and nothing else. The free
 * side sees what the allocator itself never notices, a second __free_pages() of
 * a page whose count is 0 already, and sees it in the culprit's own call. The
 * alloc side sees a path out of the allocator that the hooks do not know.
 */
#include "dualbm.h"
#include "dualbm_hooks.h"
#include "dualbm_memory.h"
#include "dualbm_mode.h"
#include "dualbm_report.h"
#include "dualbm_scrub.h"

/* The deepest nesting of allocations that sleep in reclaim; more is counted. */
#define BOUNDARY_MAXACTIVE	1024

/* What a call to __alloc_pages() found at its entry. */
struct boundary_call {
	unsigned long generation;
	unsigned long trials;
};

static unsigned int frame_code(unsigned long pfn)
{
	unsigned long *planes = dualbm_planes_at(pfn);

	if (!planes)
		return DUALBM_CODE_UNTRACKED;
	return dualbm_planes_code(planes, pfn % DUALBM_CHUNK_FRAMES);
}

/*
 * The last block reported, and by whom: what the same call frees of it is no
 * second finding. That is the whole block if its count is 1, once more; if the
 * count is 0 already, each frame but the first.
 */
static struct {
	struct task_struct *task;
	unsigned long pfn;
	unsigned long frames;
	unsigned long left;
} reported;

bool dualbm_boundary_reported(unsigned long pfn, unsigned long frames)
{
	if (READ_ONCE(reported.task) != current || pfn < reported.pfn ||
	    pfn + frames > reported.pfn + reported.frames || frames > reported.left)
		return false;
	reported.left -= frames;
	return true;
}

/*
 * The caller must own the block. If its first frame is recorded free and lies
 * in the allocator, he does not. The report is for the whole call.
 */
static int on_free_pages(struct kprobe *probe, struct pt_regs *regs)
{
	struct page *page = (struct page *)regs_get_kernel_argument(regs, 0);
	unsigned int order = regs_get_kernel_argument(regs, 1);
	unsigned long pfn = page_to_pfn(page);
	struct dualbm_violation v;

	dualbm_hit(DUALBM_HOOK_BOUNDARY_FREE);
	if (unlikely(READ_ONCE(reported.task) == current))
		WRITE_ONCE(reported.task, NULL);
	if (READ_ONCE(dualbm_mode) != DUALBM_TRACKING ||
	    frame_code(pfn) != DUALBM_CODE_FREE)
		return 0;
	v = (struct dualbm_violation) {
		.class = DUALBM_BOUNDARY_DOUBLE_FREE,
		.proof = dualbm_prove_free(pfn),
		.event = DUALBM_FREE,
		.code = DUALBM_CODE_FREE,
		.pfn = pfn,
		.first = pfn,
		.last = pfn,
		.frames = 1,
		.order = order,
		.entry = instruction_pointer(regs),
		.caller = dualbm_entry_caller(regs),
	};
	if (v.proof == DUALBM_UNPROVEN)
		return 0;
	reported.pfn = pfn;
	reported.frames = 1UL << order;
	reported.left = reported.frames - (page_ref_count(page) != 1);
	WRITE_ONCE(reported.task, current);
	dualbm_report(&v);
	return 0;
}

static int on_alloc_pages_entry(struct kretprobe_instance *instance,
				struct pt_regs *regs)
{
	struct boundary_call *call = (struct boundary_call *)instance->data;

	call->generation = dualbm_mode_generation();
	call->trials = READ_ONCE(dualbm_trials);
	return 0;
}

static int on_alloc_pages_exit(struct kretprobe_instance *instance,
			       struct pt_regs *regs)
{
	struct boundary_call *call = (struct boundary_call *)instance->data;
	struct page *page = (struct page *)regs_return_value(regs);
	unsigned int code;

	dualbm_hit(DUALBM_HOOK_BOUNDARY_ALLOC);
	if (!page)
		return 0;
	code = frame_code(page_to_pfn(page));
	/* Nobody else has an event of this frame: an illegal one is a fault of the planes. */
	if (code == DUALBM_CODE_ALLOCATED || !(hweight_long(code) & 1))
		return 0;
	/*
	 * Read after the code: if a loss, a bracket or a fault of the planes has made
	 * the frame untracked since, these tell. A generation that does not track is 0.
	 */
	smp_rmb();
	if (call->generation && call->generation == dualbm_mode_generation() &&
	    call->trials == READ_ONCE(dualbm_trials))
		dualbm_count(DUALBM_STAT_COVERAGE_GAPS);
	return 0;
}

static struct kprobe free_probe;
static struct kretprobe alloc_probe;

static u64 free_missed(void)
{
	return free_probe.nmissed;
}

static u64 alloc_missed(void)
{
	return alloc_probe.nmissed + alloc_probe.kp.nmissed;
}

static int attach_one(struct dualbm_hook *hook, const char *symbol)
{
	if (hook->mechanism == DUALBM_KPROBE) {
		free_probe = (struct kprobe) {
			.symbol_name = symbol,
			.pre_handler = on_free_pages,
		};
		return register_kprobe(&free_probe);
	}
	alloc_probe = (struct kretprobe) {
		.kp.symbol_name = symbol,
		.entry_handler = on_alloc_pages_entry,
		.handler = on_alloc_pages_exit,
		.data_size = sizeof(struct boundary_call),
		.maxactive = BOUNDARY_MAXACTIVE,
	};
	return register_kretprobe(&alloc_probe);
}

int dualbm_boundary_attach(struct dualbm_hook *hook)
{
	int i, ret = -ENOENT;

	for (i = 0; i < DUALBM_MAX_ALTERNATES && hook->symbols[i]; i++) {
		ret = attach_one(hook, hook->symbols[i]);
		if (!ret) {
			hook->symbol = hook->symbols[i];
			hook->missed = hook->mechanism == DUALBM_KPROBE ?
				       free_missed : alloc_missed;
			break;
		}
	}
	return ret;
}

void dualbm_boundary_detach(struct dualbm_hook *hook)
{
	if (hook->mechanism == DUALBM_KPROBE)
		unregister_kprobe(&free_probe);
	else
		unregister_kretprobe(&alloc_probe);
}
