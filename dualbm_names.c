// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words of reports and files for what the code has numbers for, and text from outside as it
 * may stand in a line.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "dualbm.h"
#include "dualbm_names.h"
#include "dualbm_violation.h"

const char * const dualbm_class_names[DUALBM_NR_CLASSES] = {
	[DUALBM_NO_VIOLATION] = "none",
	[DUALBM_DOUBLE_ALLOC] = "double_alloc",
	[DUALBM_DOUBLE_FREE] = "double_free",
	[DUALBM_BOUNDARY_DOUBLE_FREE] = "boundary_double_free",
	[DUALBM_PLANE_CORRUPTION] = "plane_corruption",
	[DUALBM_DIRECTORY_CORRUPTION] = "directory_corruption",
	[DUALBM_ALLOCATOR_CORRUPTION] = "allocator_corruption",
	[DUALBM_BAD_PAGE] = "bad_page",
	[DUALBM_COUNT_UNDERFLOW] = "count_underflow",
	[DUALBM_MAPPED_FREE] = "mapped_free",
	[DUALBM_PIECE_FREE] = "piece_free",
};

const char * const dualbm_proof_names[DUALBM_NR_PROOFS] = {
	[DUALBM_UNPROVEN] = "none",
	[DUALBM_PROOF_BUDDY] = "buddy",
	[DUALBM_PROOF_PCP] = "pcp",
	[DUALBM_PROOF_OWNER] = "owner",
	[DUALBM_PROOF_RECORD] = "record",
	[DUALBM_PROOF_PLANES] = "planes",
	[DUALBM_PROOF_STOPPED] = "stopped",
	[DUALBM_PROOF_DIRECTORY] = "directory",
	[DUALBM_PROOF_KERNEL] = "kernel",
	[DUALBM_PROOF_COUNT] = "count",
};

const char * const dualbm_witness_names[DUALBM_NR_WITNESSES] = {
	[DUALBM_NO_WITNESS] = "none",
	[DUALBM_WITNESS_BUDDY] = "buddy",
	[DUALBM_WITNESS_OWNER] = "owner",
	[DUALBM_WITNESS_COUNT] = "count",
	[DUALBM_WITNESS_EVENT] = "event",
};

const char * const dualbm_plane_names[DUALBM_NR_PLANES] = {
	[DUALBM_PRIMARY] = "primary",
	[DUALBM_SECONDARY] = "secondary",
	[DUALBM_UNTRACKED] = "untracked",
	[DUALBM_KNOWN] = "known",
};

const char * const dualbm_event_names[DUALBM_NR_EVENTS] = {
	[DUALBM_ALLOC] = "alloc",
	[DUALBM_FREE] = "free",
	[DUALBM_FREE_POISONED] = "free_poisoned",
	[DUALBM_ISOLATE] = "isolate",
	[DUALBM_PUTBACK] = "putback",
	[DUALBM_CHARGE] = "charge",
	[DUALBM_DEPART] = "depart",
	[DUALBM_BULK_SINGLE] = "alloc",
	[DUALBM_FORGET] = "forget",
};

const char * const dualbm_code_names[DUALBM_NR_CODES] = {
	[0] = "illegal-0000",
	[1] = "illegal-1000",
	[2] = "illegal-0100",
	[3] = "illegal-1100",
	[DUALBM_CODE_UNTRACKED] = "untracked",
	[5] = "illegal-1010",
	[6] = "illegal-0110",
	[DUALBM_CODE_DEPARTING] = "departing",
	[8] = "illegal-0001",
	[DUALBM_CODE_ALLOCATED] = "allocated",
	[DUALBM_CODE_FREE] = "free",
	[11] = "illegal-1101",
	[12] = "illegal-0011",
	[13] = "illegal-1011",
	[14] = "illegal-0111",
	[15] = "illegal-1111",
};

void dualbm_report_escape(char *out, size_t size, const char *text, size_t length, char blank)
{
	char *end = out + size - 4;
	size_t i;

	for (i = 0; i < length && text[i] && out < end; i++) {
		unsigned char c = text[i];

		if (c == ' ' && blank)
			*out++ = blank;
		else if (c > ' ' && c < 0x7f && !strchr("\"=\\", c))
			*out++ = c;
		else
			out += sprintf(out, "\\%03o", c);
	}
	*out = '\0';
}
