// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the headers of the target kernel have. Kbuild compiles this file once for
 * each probe, with PROBE_NAME defined, and writes "#define DUALBM_PROBED_NAME"
 * into dualbm_probes.h if that compiles. dualbm_compat.h says which change each of
 * them is about.
 *
 * The two controls tell a kernel that lacks something from headers or a compiler
 * that do not work: one has to compile, the other must not.
 */
#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/sched.h>

#if defined(PROBE_CONTROL_PASS)

unsigned long probe(struct zone *zone);
unsigned long probe(struct zone *zone)
{
	return zone->spanned_pages;
}

#elif defined(PROBE_CONTROL_FAIL)

unsigned long probe(struct zone *zone);
unsigned long probe(struct zone *zone)
{
	return zone->no_such_member;
}

#elif defined(PROBE_BULK_LIST)

unsigned long probe(struct list_head *list, struct page **array);
unsigned long probe(struct list_head *list, struct page **array)
{
	return (__alloc_pages_bulk)(GFP_KERNEL, 0, NULL, 1, list, array);
}

#elif defined(PROBE_BULK_LIST_NOPROF)

unsigned long probe(struct list_head *list, struct page **array);
unsigned long probe(struct list_head *list, struct page **array)
{
	return alloc_pages_bulk_noprof(GFP_KERNEL, 0, NULL, 1, list, array);
}

#elif defined(PROBE_BULK_ARRAY_NOPROF)

unsigned long probe(struct page **array);
unsigned long probe(struct page **array)
{
	return alloc_pages_bulk_noprof(GFP_KERNEL, 0, NULL, 1, array);
}

#elif defined(PROBE_FTRACE_REGS)

static void callback(unsigned long ip, unsigned long parent_ip,
		     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
}

void probe(struct ftrace_ops *ops);
void probe(struct ftrace_ops *ops)
{
	ops->func = callback;
}

#elif defined(PROBE_PCP_LOCK)

bool probe(struct zone *zone, int cpu);
bool probe(struct zone *zone, int cpu)
{
	return spin_trylock(&per_cpu_ptr(zone->per_cpu_pageset, cpu)->lock) &&
	       NR_PCP_LISTS > NR_LOWORDER_PCP_LISTS;
}

#elif defined(PROBE_PAGE_FLAGS_WORD)

unsigned long probe(struct page *page);
unsigned long probe(struct page *page)
{
	return page->flags;
}

#elif defined(PROBE_LARGE_KMALLOC)

bool probe(const struct page *page);
bool probe(const struct page *page)
{
	return PageLargeKmalloc(page);
}

#elif defined(PROBE_UNACCEPTED)

bool probe(const struct page *page);
bool probe(const struct page *page)
{
	return PageUnaccepted(page);
}

#elif defined(PROBE_TASK_STATE)

bool probe(struct task_struct *task);
bool probe(struct task_struct *task)
{
	return READ_ONCE(task->__state) == TASK_DEAD;
}

#elif defined(PROBE_RETHOOK)

#include <linux/rethook.h>

unsigned long probe(struct task_struct *task);
unsigned long probe(struct task_struct *task)
{
	return llist_entry(task->rethooks.first, struct rethook_node, llist)->ret_addr;
}

#elif defined(PROBE_KRETPROBE_LIST)

#include <linux/kprobes.h>

#ifndef CONFIG_ARCH_CORRECT_STACKTRACE_ON_KRETPROBE
#error "a stack cannot be read through return probes"
#endif

unsigned long probe(struct task_struct *task);
unsigned long probe(struct task_struct *task)
{
	return (unsigned long)llist_entry(task->kretprobe_instances.first,
					  struct kretprobe_instance, llist)->ret_addr;
}

#elif defined(PROBE_BIN_ATTRIBUTE_CONST)

#include <linux/sysfs.h>

static ssize_t read(struct file *file, struct kobject *kobj, const struct bin_attribute *attr,
		    char *buffer, loff_t offset, size_t size)
{
	return 0;
}

void probe(struct bin_attribute *attr);
void probe(struct bin_attribute *attr)
{
	attr->read = read;
}

#elif defined(PROBE_FOLLOW_PFNMAP)

int probe(struct vm_area_struct *vma);
int probe(struct vm_area_struct *vma)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = vma->vm_start };
	int ret = follow_pfnmap_start(&args);

	if (!ret)
		follow_pfnmap_end(&args);
	return ret;
}

#elif defined(PROBE_FOLLOW_PTE)

int probe(struct mm_struct *mm, pte_t **pte, spinlock_t **lock);
int probe(struct mm_struct *mm, pte_t **pte, spinlock_t **lock)
{
	return follow_pte(mm, 0, pte, lock);
}

#else
#error "which probe?"
#endif
