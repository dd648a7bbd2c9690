// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asking for learning, from any context: whoever loses events asks, and learning is done by a
 * worker above.
 */
#include <linux/irq_work.h>
#include <linux/workqueue.h>

#include "dualbm.h"
#include "dualbm_request.h"

/* An ordered queue is bound to no CPU and no node. */
struct workqueue_struct *dualbm_worker;

struct work_struct dualbm_relearn_work;
static struct irq_work relearn_irq_work;

static void relearn_from_irq(struct irq_work *work)
{
	queue_work(dualbm_worker, &dualbm_relearn_work);
}

/* An event's context may hold any lock; an interrupt of its own does not. */
void dualbm_learn_request(void)
{
	irq_work_queue(&relearn_irq_work);
}

int dualbm_request_init(work_func_t relearn)
{
	INIT_WORK(&dualbm_relearn_work, relearn);
	init_irq_work(&relearn_irq_work, relearn_from_irq);
	dualbm_worker = alloc_ordered_workqueue("dualbm", 0);
	if (dualbm_worker)
		return 0;
	pr_err("no memory for the queue of learning\n");
	return -ENOMEM;
}

void dualbm_request_exit(void)
{
	/* Nobody asks any more; what was asked for last is on its way to the queue. */
	irq_work_sync(&relearn_irq_work);
	destroy_workqueue(dualbm_worker);
}
