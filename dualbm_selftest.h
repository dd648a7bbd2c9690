/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Proof tests (dualbm_selftest.c).
 */
#ifndef DUALBM_SELFTEST_H
#define DUALBM_SELFTEST_H

#include "dualbm.h"

/**
 * dualbm_selftest_load() - does the machinery find what it has to find
 *
 * On scratch planes and a scratch base of the flat map: every rule, by a second table; every
 * class of violation; reports and policy up to the panic.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, -ENOMEM, or -EIO with a log line that names the part that failed.
 */
int dualbm_selftest_load(void);

/**
 * dualbm_selftest_proof() - the same, and on frames that the module owns
 *
 * Allocates a block and falsifies its bits in each plane: the event path has to
 * find that, and the scrubber. Protection goes on, and the policy does not fire.
 *
 * Context: Process, not the scrubber; sleeps.
 *
 * Return: 0, -ENOMEM, -EAGAIN while events are not believed, -ERESTARTSYS, or -EIO
 * after a log line that names the part that failed; the state is degraded then.
 */
int dualbm_selftest_proof(void);

#endif /* DUALBM_SELFTEST_H */
