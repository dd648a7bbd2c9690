// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace events themselves, made from their descriptions.
 */
#include "dualbm.h"

#define CREATE_TRACE_POINTS
#include "dualbm_trace.h"
