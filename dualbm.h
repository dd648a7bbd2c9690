/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all rooms of the module share: planes, what differs between kernels, counters and
 * parameters. What a room does for the others is in its own header.
 *
 * Data flows one way: hook -> event -> planes -> verdict -> report -> policy.
 */
#ifndef DUALBM_H
#define DUALBM_H

#include "dualbm_bitmap.h"
#include "dualbm_compat.h"

#undef pr_fmt
#define pr_fmt(fmt) "dualbm: " fmt

#include "dualbm_param.h"
#include "dualbm_stat.h"

#endif /* DUALBM_H */
