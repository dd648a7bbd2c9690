// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place that stops the machine.
 */
#include <linux/kernel.h>

#include "dualbm.h"
#include "dualbm_halt.h"

void dualbm_halt(const char *what, const char *why)
{
	panic("dualbm: %s%s", what, why);
}
