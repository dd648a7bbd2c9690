// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel itself finds wrong of a page.
 *
 * bad_page() is called after the free event, or before the alloc event, of a page that
 * cannot be what it is taken for. The kernel drops it: it is on no list then, whatever the
 * record says. That is exact, without any proof of dualbm's own.
 *
 * Some releases make one of these checks late, or never: there it is made here, in the call that
 * frees the page.
 */
#include <linux/page-flags.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_kernel.h"
#include "dualbm_mode.h"
#include "dualbm_names.h"
#include "dualbm_report.h"
#include "dualbm_violation.h"

bool dualbm_mapping_report(struct dualbm_violation *call)
{
	if (dualbm_mode_now() == DUALBM_OFF || dualbm_report_has(call->pfn))
		return false;
	call->class = DUALBM_BAD_PAGE;
	call->proof = DUALBM_PROOF_KERNEL;
	call->code = dualbm_frame_code(call->pfn);
	call->what = "early";
	dualbm_report_escape(call->reason, sizeof(call->reason), "non-NULL mapping",
			     sizeof(call->reason), '_');
	dualbm_report(call);
	return true;
}

void dualbm_mapping_put(struct page *page)
{
	unsigned long pfn = page_to_pfn(page);
	struct dualbm_violation v = {
		.event = DUALBM_FREE,
		.pfn = pfn,
		.first = pfn,
		.last = pfn,
		.frames = 1,
	};

	if (dualbm_planes_at(pfn) && !PageHuge(page))
		dualbm_mapping_report(&v);
}

void dualbm_entry_bad_page(struct ftrace_regs *regs, unsigned long caller)
{
	struct page *page = (struct page *)dualbm_ftrace_argument(regs, 0);
	const char *reason = (const char *)dualbm_ftrace_argument(regs, 1);
	unsigned long pfn = page_to_pfn(page);
	struct dualbm_violation v = {
		.class = DUALBM_BAD_PAGE,
		.proof = DUALBM_PROOF_KERNEL,
		.pfn = pfn,
		.first = pfn,
		.last = pfn,
		.frames = 1,
	};

	if (dualbm_mode_now() == DUALBM_OFF)
		return;
	v.code = dualbm_frame_code(pfn);
	dualbm_count(DUALBM_STAT_FORGET_EVENTS);
	if (!dualbm_report_has(pfn)) {
		/* The kernel prints it as it is; it has none for a page that is none of these. */
		dualbm_report_escape(v.reason, sizeof(v.reason), reason ?: "-",
				     sizeof(v.reason), '_');
		dualbm_report(&v);
	}
	dualbm_forget_range(pfn, 1);
}
