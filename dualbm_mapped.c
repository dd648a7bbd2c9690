// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit of mappings: frames that are free and that a process still has mapped.
 *
 * A page in an area with VM_PFNMAP has no reference for being mapped, and no map count. Who
 * frees it there before it has taken the mapping away gives a process the memory of whoever has it
 * next, and no check of the kernel sees that. Page tables say so, under their lock.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/major.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_freer.h"
#include "dualbm_mapped.h"
#include "dualbm_mode.h"
#include "dualbm_names.h"
#include "dualbm_prove.h"
#include "dualbm_report.h"
#include "dualbm_violation.h"

#define REMEMBERED	64
#define NAME_LENGTH	48
/* Minor of /dev/mem, drivers/char/mem.c, all releases. */
#define MEM_MINOR	1

/*
 * What has been reported, and is still there: one report for each area. An mm is only compared,
 * and never followed.
 */
struct known {
	const struct mm_struct *mm;
	pid_t pid;
	unsigned long start;
	unsigned long round;	/* in which it was last seen */
};

/**
 * struct look - a step under way
 * @units: what it may still look at
 * @mm: whose memory is looked at, its lock held
 * @task: one of its tasks
 * @found: there is a finding to be reported, described in @v, when the locks are released
 * @v: the finding
 */
struct look {
	unsigned int units;
	struct mm_struct *mm;
	struct task_struct *task;
	bool found;
	struct dualbm_violation v;
};

static struct known known[REMEMBERED];
static unsigned int nr_known;
static unsigned long round_number = 1;
/* Where the round goes on. */
static int next_pid = 1;
static unsigned long next_address;
/* The round that is under way, and the last whole one. */
static unsigned long steps, last_steps = 1;
static u64 looks, last_looks, took_ns, last_ns;

u64 dualbm_mapped_looks(void)
{
	return READ_ONCE(last_looks);
}

u64 dualbm_mapped_ns(void)
{
	return READ_ONCE(last_ns);
}

unsigned long dualbm_mapped_steps(void)
{
	return last_steps;
}

void dualbm_mapped_begin(void)
{
	next_pid = 1;
	next_address = 0;
	steps = 0;
	looks = 0;
	took_ns = 0;
}

static void end_round(void)
{
	last_steps = max(steps, 1UL);
	WRITE_ONCE(last_looks, looks);
	WRITE_ONCE(last_ns, took_ns);
	round_number++;
	dualbm_mapped_begin();
}

static bool is_known(const struct vm_area_struct *vma, pid_t pid)
{
	struct known *old;
	bool recent;

	for (old = known; old < known + REMEMBERED; old++) {
		if (old->mm != vma->vm_mm || old->pid != pid || old->start != vma->vm_start)
			continue;
		recent = old->round + 1 >= round_number;
		old->round = round_number;
		return recent;
	}
	known[nr_known++ % REMEMBERED] = (struct known){
		.mm = vma->vm_mm,
		.pid = pid,
		.start = vma->vm_start,
		.round = round_number,
	};
	return false;
}

/* Who looks at memory by its address, /dev/mem, may look at what is free. */
static bool is_window(const struct vm_area_struct *vma)
{
	const struct inode *inode = vma->vm_file ? file_inode(vma->vm_file) : NULL;

	return inode && S_ISCHR(inode->i_mode) && inode->i_rdev == MKDEV(MEM_MAJOR, MEM_MINOR);
}

/* What a driver maps without references; of all other areas each mapped page has one. */
static bool is_of_interest(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_PFNMAP && !is_window(vma);
}

/*
 * Past what has no page table at all, which may be terabytes. Only read, and never believed for
 * more than to leave something out: mmap_lock keeps the tables of an area from being freed,
 * but not their entries from changing.
 */
static unsigned long skip_holes(const struct mm_struct *mm, unsigned long address,
				unsigned long end)
{
	pgd_t *pgdp = pgd_offset(mm, address), pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	if (pgd_none(pgd))
		return pgd_addr_end(address, end);
	p4dp = p4d_offset_lockless(pgdp, pgd, address);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d))
		return p4d_addr_end(address, end);
	pudp = pud_offset_lockless(p4dp, p4d, address);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud))
		return pud_addr_end(address, end);
	if (!pud_present(pud) || pud_leaf(pud))
		return address;
	pmdp = pmd_offset_lockless(pudp, pud, address);
	pmd = READ_ONCE(*pmdp);
	return pmd_none(pmd) ? pmd_addr_end(address, end) : address;
}

/* Believed only while events are. Memory without planes, and no memory at all, is untracked. */
static unsigned int recorded_code(unsigned long pfn)
{
	unsigned int code = DUALBM_CODE_UNTRACKED;

	rcu_read_lock();
	if (dualbm_mode_now() == DUALBM_TRACKING)
		code = dualbm_frame_code(pfn);
	rcu_read_unlock();
	return code;
}

static void describe_mapper(struct look *look, const struct vm_area_struct *vma,
			    unsigned long address)
{
	char comm[DUALBM_COMM_LENGTH], name[NAME_LENGTH] = "-", file[2 * NAME_LENGTH] = "-";
	char raw[NAME_LENGTH];
	const char *text = NULL;

	dualbm_report_escape(comm, sizeof(comm), look->task->comm, TASK_COMM_LEN - 1, 0);
	if (vma->vm_ops && vma->vm_ops->name)
		text = vma->vm_ops->name((struct vm_area_struct *)vma);
	if (text)
		dualbm_report_escape(name, sizeof(name), text, NAME_LENGTH, 0);
	if (vma->vm_file) {
		scnprintf(raw, sizeof(raw), "%pD4", vma->vm_file);
		dualbm_report_escape(file, sizeof(file), raw, sizeof(raw), 0);
	}
	scnprintf(look->v.mapper, sizeof(look->v.mapper),
		  "mapper_pid=%d mapper_comm=%s address=0x%lx vma=%s file=%s",
		  task_tgid_nr(look->task), comm, address, name, file);
}

/*
 * The lock of the page table is held, so the frame is mapped; and it is on a list of the
 * allocator, while that list is locked. Both are true at the same time. A lock that cannot be
 * had at once is not waited for: as long as it lasts each round comes here.
 */
static bool look_at_frame(struct look *look, const struct vm_area_struct *vma,
			  unsigned long address, unsigned long pfn)
{
	unsigned int code = recorded_code(pfn);
	enum dualbm_proof list;

	looks++;
	if (code == DUALBM_CODE_ALLOCATED)
		dualbm_freer_note(pfn);
	if (likely(code != DUALBM_CODE_FREE))
		return false;
	if (look->found) {
		look->v.frames++;
		return false;
	}
	preempt_disable();
	list = dualbm_prove_free(pfn, false);
	preempt_enable();
	if (list == DUALBM_UNPROVEN)
		return false;
	look->found = true;
	look->v = (struct dualbm_violation){
		.class = DUALBM_MAPPED_FREE,
		.proof = DUALBM_UNPROVEN,
		.event = DUALBM_FORGET,
		.code = DUALBM_CODE_FREE,
		.pfn = pfn,
		.first = pfn,
		.last = pfn,
		.frames = 1,
		.what = list == DUALBM_PROOF_BUDDY ? "buddy" : "pcp",
		.value = page_ref_count(pfn_to_page(pfn)),
	};
	dualbm_freer_find(pfn, &look->v);
	return true;
}

/* Returns where to go on. */
static unsigned long look_at_area(struct look *look, struct vm_area_struct *vma,
				  unsigned long address)
{
	unsigned long begun = address, found_at = 0;
	struct dualbm_mapping mapping;

	while (address < vma->vm_end && look->units) {
		look->units--;
		if (address == begun || !(address & ~PMD_MASK)) {
			unsigned long next = skip_holes(vma->vm_mm, address, vma->vm_end);

			if (next != address) {
				address = next;
				begun = address;
				continue;
			}
		}
		if (!dualbm_mapping_begin(&mapping, vma, address)) {
			if (look_at_frame(look, vma, address, mapping.pfn))
				found_at = address;
			dualbm_mapping_end(&mapping);
		}
		address += PAGE_SIZE;
	}
	if (!look->found)
		return address;
	if (is_known(vma, task_tgid_nr(look->task)))
		look->found = false;
	else
		describe_mapper(look, vma, found_at);
	/* One report for each area is enough. */
	return vma->vm_end;
}

/* Returns true at the end of this mm. */
static bool look_at_areas(struct look *look)
{
	struct vm_area_struct *vma;

	while (look->units && !look->found) {
		vma = find_vma(look->mm, next_address);
		if (!vma)
			return true;
		look->units--;
		if (is_of_interest(vma))
			next_address = look_at_area(look, vma,
						    max(next_address, vma->vm_start));
		else
			next_address = vma->vm_end;
	}
	return false;
}

/*
 * The lock of the mm is tried: who waits for it may have it for long, and whoever comes after a
 * waiting writer waits, too. The mm is given back without waiting for its end, which would be this
 * thread's to make if its last process has gone meanwhile.
 */
static bool look_at_process(struct look *look)
{
	bool done = true;

	look->mm = get_task_mm(look->task);
	if (!look->mm)
		return true;
	if (mmap_read_trylock(look->mm)) {
		done = look_at_areas(look);
		mmap_read_unlock(look->mm);
	}
	mmput_async(look->mm);
	return done;
}

/* One task for each mm, nearly always; of a process whose first thread has ended, all others. */
static bool stands_for_mm(const struct task_struct *task)
{
	return thread_group_leader((struct task_struct *)task) ||
	       !READ_ONCE(task->group_leader->mm);
}

/* The task at or after the position, with a reference; NULL without units, or at the end. */
static struct task_struct *find_task(struct look *look, bool *end)
{
	struct task_struct *task = NULL;
	struct pid *pid;

	rcu_read_lock();
	while (!task && look->units) {
		pid = dualbm_pid_at(next_pid);
		if (!pid) {
			*end = true;
			break;
		}
		look->units--;
		if (pid_nr(pid) != next_pid)
			next_address = 0;
		next_pid = pid_nr(pid);
		task = pid_task(pid, PIDTYPE_PID);
		if (task && !(task->flags & PF_KTHREAD) && stands_for_mm(task)) {
			get_task_struct(task);
			break;
		}
		task = NULL;
		next_pid++;
		next_address = 0;
	}
	rcu_read_unlock();
	return task;
}

unsigned int dualbm_mapped_step(bool *done)
{
	/* Large, and the scrubber's alone. */
	static struct look look;
	u64 since = ktime_get_mono_fast_ns();
	unsigned int reported = 0;
	bool end = false;

	lockdep_assert_held(&dualbm_memory_lock);
	look.units = DUALBM_MAPPED_UNITS;
	look.found = false;
	while (look.units && !reported) {
		look.task = find_task(&look, &end);
		if (!look.task)
			break;
		if (look_at_process(&look)) {
			next_pid++;
			next_address = 0;
		}
		put_task_struct(look.task);
		if (look.found) {
			dualbm_report(&look.v);
			reported++;
		}
	}
	steps++;
	took_ns += ktime_get_mono_fast_ns() - since;
	*done = end;
	if (end)
		end_round();
	return reported;
}
