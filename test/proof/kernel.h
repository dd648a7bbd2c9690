/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the module that are proven here take from the kernel, besides what
 * kernel_shim.h has: enough to compile them. What a proof runs is defined; of what it does not run,
 * only the declaration is here, and CBMC fails if it comes to it all the same.
 */
#ifndef PROOF_KERNEL_H
#define PROOF_KERNEL_H

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_shim.h"

/* What differs between kernels is no part of a proof. */
#define DUALBM_COMPAT_H
#define dualbm_event_enter()	do { } while (0)
#define dualbm_event_leave()	do { } while (0)

typedef uint64_t u64;
typedef uint64_t phys_addr_t;
typedef int pid_t;
typedef unsigned long pte_t;
typedef unsigned int gfp_t;
typedef unsigned long seqcount_t;

struct list_head {
	struct list_head *next, *prev;
};

struct mutex {
	int unused;
};

struct page {
	bool is_head;
};

struct task_struct {
	pid_t pid;
	u64 start_time;
	char comm[16];
};

typedef struct {
	int counter;
} atomic_t;

#define __init
#define __printf(a, b)
#define U16_MAX			((u16)~0)
#define GFP_KERNEL		0
#define __GFP_ZERO		0
#define __GFP_NOWARN		0
#define __GFP_NORETRY		0
#define VM_MAP			0
#define PAGE_KERNEL		0
#define BIT_ULL(nr)		(1ULL << (nr))
#define NSEC_PER_MSEC		1000000UL
#define TASK_COMM_LEN		16
#define PID_MAX_LIMIT		(4 * 1024 * 1024)
#define CONFIG_NR_CPUS		8192
#define PIDTYPE_PID		0
#define PAGE_SHIFT		12
#define GOLDEN_RATIO_64		0x61C8864680B583EBULL
#define PAGES_PER_SUBSECTION	512UL
#define ATOMIC_INIT(value)	{ value }
#define SEQCNT_ZERO(name)	0
#define READ_MOSTLY
#define __read_mostly
#define DEFINE_STATIC_KEY_FALSE(name)	bool name
#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define DEFINE_PER_CPU(type, name)	type name
#define DECLARE_PER_CPU(type, name)	extern type name
#define DEFINE_RAW_SPINLOCK(name)	int name
#define OPTIMIZER_HIDE_VAR(variable)	do { } while (0)
#define static_key_enabled(key)		(*(key))
#define this_cpu_read(variable)		(variable)
#define this_cpu_write(variable, value)	((variable) = (value))
#define smp_load_acquire(pointer)	(*(pointer))
#define max(a, b)			((a) > (b) ? (a) : (b))
#define min_t(type, a, b)		min((type)(a), (type)(b))
#define max_t(type, a, b)		max((type)(a), (type)(b))
#define ilog2(value)			(63 - __builtin_clzl(value))
#define IS_ENABLED(option)		0

/* One CPU, and nobody stops it: locks have nothing to keep out. */
#define raw_spin_lock_irqsave(lock, flags)	((void)(lock), (flags) = 0)
#define raw_spin_unlock_irqrestore(lock, flags)	((void)(lock), (void)(flags))
#define lockdep_assert_held(lock)		do { } while (0)
#define preempt_disable()			do { } while (0)
#define preempt_enable()			do { } while (0)
#define rcu_read_lock()				do { } while (0)
#define rcu_read_unlock()			do { } while (0)
#define synchronize_rcu()			do { } while (0)
#define mutex_lock(lock)			do { } while (0)
#define mutex_unlock(lock)			do { } while (0)
#define raw_write_seqcount_begin(count)		do { } while (0)
#define raw_write_seqcount_end(count)		do { } while (0)
#define raw_read_seqcount(count)		(*(count))
#define read_seqcount_retry(count, seq)		(*(count) != (seq))
#define atomic_xchg(variable, value)		xchg(&(variable)->counter, value)
#define atomic_set(variable, value)		((variable)->counter = (value))

#define list_empty(list)			((list)->next == (list))
#define list_entry(pointer, type, member)	\
	((type *)((char *)(pointer) - offsetof(type, member)))
#define list_last_entry(list, type, member)	list_entry((list)->prev, type, member)
#define list_for_each_entry(entry, list, member)				\
	for (entry = list_entry((list)->next, typeof(*entry), member);		\
	     &entry->member != (list);						\
	     entry = list_entry(entry->member.next, typeof(*entry), member))

#define pr_warn(...)	do { } while (0)
#define pr_err(...)	do { } while (0)

extern unsigned long jiffies;
extern struct task_struct *current;
extern int init_pid_ns;

bool in_task(void);
int raw_smp_processor_id(void);
unsigned long page_to_pfn(const struct page *page);
bool PageHead(const struct page *page);
unsigned int jiffies_to_msecs(unsigned long ticks);
u64 ktime_get_mono_fast_ns(void);
void *find_pid_ns(int number, int *space);
struct task_struct *pid_task(void *pid, int type);
int scnprintf(char *buffer, size_t size, const char *format, ...);
void *vmalloc(unsigned long size);
void *__vmalloc(unsigned long size, gfp_t gfp);
void vfree(const void *address);
void *vmap(struct page **pages, unsigned int count, unsigned long flags, int protection);
void vunmap(const void *address);
struct page *vmalloc_to_page(const void *address);
struct page *alloc_page(gfp_t gfp);
void __free_page(struct page *page);
unsigned long array3_size(unsigned long a, unsigned long b, unsigned long c);
void change_bit(long bit, unsigned long *word);

#endif /* PROOF_KERNEL_H */
