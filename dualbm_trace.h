/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of system "dualbm": one per finding, change of state and scrub.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dualbm

#if !defined(DUALBM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DUALBM_TRACE_H

#include <linux/tracepoint.h>

#include "dualbm_violation.h"

/* For tools that read the events' format. */
TRACE_DEFINE_ENUM(DUALBM_DOUBLE_ALLOC);
TRACE_DEFINE_ENUM(DUALBM_DOUBLE_FREE);
TRACE_DEFINE_ENUM(DUALBM_BOUNDARY_DOUBLE_FREE);
TRACE_DEFINE_ENUM(DUALBM_PLANE_CORRUPTION);
TRACE_DEFINE_ENUM(DUALBM_DIRECTORY_CORRUPTION);
TRACE_DEFINE_ENUM(DUALBM_ALLOCATOR_CORRUPTION);
TRACE_DEFINE_ENUM(DUALBM_BAD_PAGE);
TRACE_DEFINE_ENUM(DUALBM_COUNT_UNDERFLOW);
TRACE_DEFINE_ENUM(DUALBM_MAPPED_FREE);
TRACE_DEFINE_ENUM(DUALBM_PIECE_FREE);
TRACE_DEFINE_ENUM(DUALBM_PRIMARY);
TRACE_DEFINE_ENUM(DUALBM_SECONDARY);
TRACE_DEFINE_ENUM(DUALBM_UNTRACKED);
TRACE_DEFINE_ENUM(DUALBM_NR_PLANES);
TRACE_DEFINE_ENUM(DUALBM_NO_WITNESS);
TRACE_DEFINE_ENUM(DUALBM_WITNESS_BUDDY);
TRACE_DEFINE_ENUM(DUALBM_WITNESS_OWNER);
TRACE_DEFINE_ENUM(DUALBM_WITNESS_COUNT);
TRACE_DEFINE_ENUM(DUALBM_WITNESS_EVENT);

TRACE_EVENT(violation,
	TP_PROTO(const struct dualbm_violation *v),
	TP_ARGS(v),
	TP_STRUCT__entry(
		__field(u64, number)
		__field(unsigned long, pfn)
		__field(unsigned long, frames)
		__array(char, caller, DUALBM_CALLER_NAME)
		__field(unsigned int, class)
		__field(unsigned int, proof)
		__field(unsigned int, order)
		__field(unsigned int, code)
		__field(int, node)
		__field(unsigned int, liars)
		__field(unsigned int, liar)
		__field(unsigned int, witness)
		__array(char, what, 16)
		__field(long, value)
		__array(char, reason, DUALBM_REASON_LENGTH)
	),
	TP_fast_assign(
		__entry->number = v->number;
		__entry->pfn = v->first;
		__entry->frames = v->frames;
		strscpy(__entry->caller, v->caller_name, sizeof(__entry->caller));
		__entry->class = v->class;
		__entry->proof = v->proof;
		__entry->order = v->order;
		__entry->code = v->code;
		__entry->node = v->node;
		__entry->liars = v->liars;
		__entry->liar = v->liars ? v->liar : DUALBM_NR_PLANES;
		__entry->witness = v->witness;
		strscpy(__entry->what, v->what ?: "-", sizeof(__entry->what));
		__entry->value = v->value;
		strscpy(__entry->reason, *v->reason ? v->reason : "-", sizeof(__entry->reason));
	),
	TP_printk("number=%llu class=%s pfn=0x%lx order=%u frames=%lu proof=%u code=%u node=%d liar=%s liars=%u witness=%s what=%s value=%ld reason=%s caller=%s",
		  __entry->number,
		  __print_symbolic(__entry->class,
				   { DUALBM_DOUBLE_ALLOC, "double_alloc" },
				   { DUALBM_DOUBLE_FREE, "double_free" },
				   { DUALBM_BOUNDARY_DOUBLE_FREE, "boundary_double_free" },
				   { DUALBM_PLANE_CORRUPTION, "plane_corruption" },
				   { DUALBM_DIRECTORY_CORRUPTION, "directory_corruption" },
				   { DUALBM_ALLOCATOR_CORRUPTION, "allocator_corruption" },
				   { DUALBM_BAD_PAGE, "bad_page" },
				   { DUALBM_COUNT_UNDERFLOW, "count_underflow" },
				   { DUALBM_MAPPED_FREE, "mapped_free" },
				   { DUALBM_PIECE_FREE, "piece_free" }),
		  __entry->pfn, __entry->order, __entry->frames, __entry->proof,
		  __entry->code, __entry->node,
		  __print_symbolic(__entry->liar,
				   { DUALBM_PRIMARY, "primary" },
				   { DUALBM_SECONDARY, "secondary" },
				   { DUALBM_UNTRACKED, "untracked" },
				   { DUALBM_KNOWN, "known" },
				   { DUALBM_NR_PLANES, "-" }),
		  __entry->liars,
		  __print_symbolic(__entry->witness,
				   { DUALBM_NO_WITNESS, "-" },
				   { DUALBM_WITNESS_BUDDY, "buddy" },
				   { DUALBM_WITNESS_OWNER, "owner" },
				   { DUALBM_WITNESS_COUNT, "count" },
				   { DUALBM_WITNESS_EVENT, "event" }),
		  __entry->what, __entry->value, __entry->reason, __entry->caller)
);

TRACE_EVENT(state,
	TP_PROTO(const char *from, const char *to),
	TP_ARGS(from, to),
	TP_STRUCT__entry(
		__array(char, from, 12)
		__array(char, to, 12)
	),
	TP_fast_assign(
		strscpy(__entry->from, from, sizeof(__entry->from));
		strscpy(__entry->to, to, sizeof(__entry->to));
	),
	TP_printk("from=%s to=%s", __entry->from, __entry->to)
);

TRACE_EVENT(scrub,
	TP_PROTO(u64 pass, u64 words, u64 found),
	TP_ARGS(pass, words, found),
	TP_STRUCT__entry(
		__field(u64, pass)
		__field(u64, words)
		__field(u64, found)
	),
	TP_fast_assign(
		__entry->pass = pass;
		__entry->words = words;
		__entry->found = found;
	),
	TP_printk("pass=%llu words=%llu found=%llu",
		  __entry->pass, __entry->words, __entry->found)
);

#endif /* DUALBM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE dualbm_trace
#include <trace/define_trace.h>
