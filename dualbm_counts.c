// SPDX-License-Identifier: GPL-2.0-only
/*
 * A count that cannot pay for the call.
 *
 * Who calls a function that drops references of a page holds them. Others can only make the
 * count higher: get_page_unless_zero() takes one more, and page_ref_freeze(), which makes it
 * 0, fails where there is a reference that it was not told of. So at the entry of the call
 * the count is no lower than what the call drops. Where it is, that is a fault by itself,
 * whatever the record says: of the caller, or of who took his reference from him.
 */
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/slab.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_counts.h"
#include "dualbm_mode.h"
#include "dualbm_past.h"
#include "dualbm_report.h"
#include "dualbm_violation.h"

static void report(struct page *page, const char *what, int count)
{
	unsigned long pfn = page_to_pfn(page);
	struct dualbm_violation v = {
		.class = DUALBM_COUNT_UNDERFLOW,
		.proof = DUALBM_PROOF_COUNT,
		.event = DUALBM_FREE,
		.code = dualbm_frame_code(pfn),
		.pfn = pfn,
		.first = pfn,
		.last = pfn,
		.frames = 1,
		.what = what,
		.value = count,
	};

	dualbm_report(&v);
}

/*
 * Each call is a finding of its own, also of a frame that has one: only what a call does
 * inside of another one is not.
 */
bool dualbm_count_report(struct dualbm_violation *call, int count)
{
	if (dualbm_mode_now() == DUALBM_OFF || dualbm_report_has_outer(call))
		return false;
	call->class = DUALBM_COUNT_UNDERFLOW;
	call->proof = DUALBM_PROOF_COUNT;
	call->code = dualbm_frame_code(call->pfn);
	call->what = "count";
	call->value = count;
	dualbm_report(call);
	return true;
}

/*
 * The pointer of a caller at fault may lead anywhere: only what has planes is known to have a
 * struct page.
 */
static bool has_planes(struct page *page)
{
	return dualbm_mode_now() != DUALBM_OFF && dualbm_planes_at(page_to_pfn(page));
}

/* Read once, as the call itself does. */
static void check(struct page *page, int drops, unsigned long caller)
{
	int count = page_ref_count(page);

	if (unlikely(count < drops))
		report(page, "count", count);
	else if (static_branch_likely(&dualbm_frees_on) && count == drops)
		dualbm_past_call(page, caller);
}

/*
 * Where slab's pages have a count, the reference is slab's: it gives its pages back itself,
 * and by another way.
 */
void dualbm_entry_frag_free(struct ftrace_regs *regs, unsigned long caller)
{
	void *address = (void *)dualbm_ftrace_argument(regs, 0);
	struct page *page;

	if (!virt_addr_valid(address))
		return;
	page = virt_to_page(address);
	if (!has_planes(page))
		return;
	page = compound_head(page);
	if (!has_planes(page))
		return;
	if (unlikely(PageSlab(page)))
		report(page, "slab", page_ref_count(page));
	else
		check(page, 1, caller);
}

void dualbm_entry_frag_drain(struct ftrace_regs *regs, unsigned long caller)
{
	struct page *page = (struct page *)dualbm_ftrace_argument(regs, 0);

	if (has_planes(page))
		check(page, (unsigned int)dualbm_ftrace_argument(regs, 1), caller);
}

void dualbm_entry_large_kfree(struct ftrace_regs *regs, unsigned long caller)
{
	struct page *page = (struct page *)dualbm_ftrace_argument(regs, 0);

	if (!has_planes(page))
		return;
	if (!DUALBM_HAVE_LARGE_TYPE)
		check(page, 1, caller);
	else if (unlikely(!dualbm_page_is_large(page)))
		report(page, "kmalloc", page_ref_count(page));
}

bool dualbm_large_is_told(void)
{
	void *object = kmalloc(2 * KMALLOC_MAX_CACHE_SIZE, GFP_KERNEL | __GFP_NOWARN);
	struct page *page = object ? virt_to_head_page(object) : NULL;
	bool told = page && (DUALBM_HAVE_LARGE_TYPE ? dualbm_page_is_large(page) :
						      page_ref_count(page) > 0);

	kfree(object);
	return told;
}
