// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verdicts: what a mismatch is, when the allocator has been asked.
 */
#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_mode.h"
#include "dualbm_prove.h"
#include "dualbm_report.h"
#include "dualbm_source.h"
#include "dualbm_verdict.h"
#include "dualbm_violation.h"

void dualbm_verdict(struct dualbm_violation *v)
{
	if (dualbm_report_is_claimed(v))
		return;
	v->proof = dualbm_prove(v);
	if (v->proof != DUALBM_UNPROVEN)
		dualbm_report(v);
	else
		dualbm_verdict_unproven(v);
}

void dualbm_verdict_unproven(struct dualbm_violation *v)
{
	const char *lost = dualbm_hooks_lost();

	/* Not every loss of a return probe is counted: one that is off sees none. */
	if (!lost && dualbm_hooks_may_lose() &&
	    (v->class == DUALBM_DOUBLE_FREE || v->class == DUALBM_BOUNDARY_DOUBLE_FREE))
		lost = "a mismatch that a return probe's loss explains";
	/*
	 * Only a lost free event could have faked the record of an allocated
	 * frame. Those are lost in a CPU bracket, after which everything is
	 * forgotten, or with the tracepoint itself, which is provoked each second. A
	 * live patch may free without one, and then the record proves nothing.
	 */
	if (!lost && v->class == DUALBM_DOUBLE_ALLOC && !test_taint(TAINT_LIVEPATCH)) {
		v->proof = DUALBM_PROOF_RECORD;
		dualbm_report(v);
		return;
	}
	/* A lost event explains a mismatch that nothing proves. */
	if (lost)
		dualbm_degrade(lost);
	else
		dualbm_report(v);
	dualbm_forget_range(v->pfn, 1UL << v->order);
}
