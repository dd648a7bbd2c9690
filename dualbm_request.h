/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asking for learning (dualbm_request.c).
 */
#ifndef DUALBM_REQUEST_H
#define DUALBM_REQUEST_H

#include <linux/workqueue.h>

#include "dualbm.h"

/**
 * dualbm_learn_request() - ask the worker to relearn
 *
 * Context: Any, NMI included, and under any lock: an irq_work queues the work
 * (kernel/irq_work.c, irq_work_queue(), 6.1 and 6.12). Several requests may
 * become one learning.
 */
void dualbm_learn_request(void);

/* The one worker that learns. */
extern struct workqueue_struct *dualbm_worker;
extern struct work_struct dualbm_relearn_work;

/**
 * dualbm_request_init() - let learning be asked for
 * @relearn: what the worker then does
 *
 * Context: Module init; sleeps.
 *
 * Return: 0, or -ENOMEM with a line in the log.
 */
int dualbm_request_init(work_func_t relearn);

/**
 * dualbm_request_exit() - undo dualbm_request_init()
 *
 * Context: Module exit, or init that fails, when nobody asks any more; sleeps.
 */
void dualbm_request_exit(void);

#endif /* DUALBM_REQUEST_H */
