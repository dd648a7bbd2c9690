// SPDX-License-Identifier: GPL-2.0-only
/*
 * The past: who allocated and who freed a frame last, and before that. A table by frame,
 * so that it remembers by frames and not by time. It is evidence for reports, and nothing is
 * ever found by it: a wrong entry can make a report say less, or name somebody else.
 */
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>

#include "dualbm.h"
#include "dualbm_names.h"
#include "dualbm_past.h"
#include "dualbm_sites.h"
#include "dualbm_stacks.h"
#include "dualbm_violation.h"

static_assert(DUALBM_PAST_COMM == DUALBM_COMM_LENGTH);

/*
 * An entry: two words, and neither is believed without the other.
 *
 *	when:	jiffies (31), turn (1), task (22), check (10)
 *	who:	site (19), CPU (13), order (4), apart (1), tag (26), interrupt (1)
 *
 * Where stacks are kept, the number of one stands for the site.
 *
 * Where there are only last frees, which are to cost little, there is no CPU, and no turn. No entry
 * has a second word of 0: what was freed is apart, and what was allocated is, or has an order.
 *
 * The tag is what of the frame's number does not follow from the entry's place. Of a block that
 * may be freed in pieces it is said that it is apart. The last free of a frame has the turn of
 * the last allocation if it came behind it, and else the other one: within one tick of the
 * clock nothing else tells.
 */
#define TICKS_BITS	31
#define TICKS_MASK	(BIT_ULL(TICKS_BITS) - 1)
#define TURN		BIT_ULL(TICKS_BITS)
#define PID_SHIFT	32
#define PID_BITS	22
#define CHECK_SHIFT	54
#define CPU_SHIFT	DUALBM_MARK_BITS
#define CPU_BITS	13
#define ORDER_SHIFT	(CPU_SHIFT + CPU_BITS)
#define ORDER_BITS	4
#define APART_SHIFT	(ORDER_SHIFT + ORDER_BITS)
#define TAG_SHIFT	(APART_SHIFT + 1)
#define TAG_BITS	26
#define INTERRUPT_SHIFT	(TAG_SHIFT + TAG_BITS)

static_assert(BIT(PID_BITS) >= PID_MAX_LIMIT && PID_SHIFT + PID_BITS == CHECK_SHIFT);
static_assert(BIT(CPU_BITS) >= CONFIG_NR_CPUS && INTERRUPT_SHIFT == 63);

struct entry {
	u64 when;
	u64 who;
};

/* By enum dualbm_past_kind; of a frame, or of all frames that share its bucket. */
struct bucket {
	struct entry entries[DUALBM_NR_PASTS];
};

/* At least as many that the rest of a frame's number fits the tag. */
#define MIN_BUCKETS	BIT(MAX_PHYSMEM_BITS - PAGE_SHIFT - TAG_BITS)

static_assert(sizeof(struct bucket) == DUALBM_PAST_BYTES);
static_assert(sizeof(struct entry) == DUALBM_PAST_FREE_BYTES);

DEFINE_STATIC_KEY_FALSE(dualbm_history_on);
DEFINE_STATIC_KEY_FALSE(dualbm_frees_on);
DEFINE_PER_CPU(struct dualbm_free_call, dualbm_free_call);

/* One of the two: all that there is of a frame, or its last free. */
static struct bucket *buckets;
static struct entry *last_frees;
static unsigned int bucket_bits __read_mostly;
static unsigned long bucket_mask __read_mostly;
static bool splits_are_known __read_mostly;
static unsigned long nr_stacks __read_mostly;
/* Of the tables: what was noted in others has its names no more. */
static unsigned int era;

/* ---- writing ---- */

/*
 * Of @when without its check. No flipped bit leaves it as it is, as it adds or subtracts a power of
 * two: of the ten bits from any bit of the factor on, neither all are 0 nor all are 1. What is
 * mixed from two entries has the right one once in 1024.
 */
static __always_inline u64 check_of(u64 when, u64 who)
{
	return ((when + who) * GOLDEN_RATIO_64 >> CHECK_SHIFT) << CHECK_SHIFT;
}

static __always_inline void push(struct entry *entry, struct entry *before, u64 when, u64 who)
{
	/*
	 * Events of one frame never overlap. Those of frames that share a bucket may, and
	 * those of a frame that is freed twice at once: then one of them is lost, or the
	 * check tells.
	 */
	WRITE_ONCE(before->when, READ_ONCE(entry->when));
	WRITE_ONCE(before->who, READ_ONCE(entry->who));
	WRITE_ONCE(entry->when, when | check_of(when, who));
	WRITE_ONCE(entry->who, who);
}

static __always_inline u64 when_now(void)
{
	u32 pid = current->pid;

	return (u32)jiffies | (u64)pid << PID_SHIFT;
}

static __always_inline u64 who_now(u32 mark, unsigned long pfn, unsigned int order, bool apart)
{
	u64 who = mark | (u64)order << ORDER_SHIFT | (u64)apart << APART_SHIFT |
		  (u64)(pfn >> bucket_bits) << TAG_SHIFT;

	return likely(in_task()) ? who : who | BIT_ULL(INTERRUPT_SHIFT);
}

static __always_inline void note(enum dualbm_past_kind kind, struct page *page,
				 unsigned int order, bool apart, u32 mark)
{
	unsigned long pfn = page_to_pfn(page);
	struct bucket *bucket = &buckets[pfn & bucket_mask];
	u64 who = who_now(mark, pfn, order, apart) |
		  (u64)raw_smp_processor_id() << CPU_SHIFT;
	u64 when = when_now() & ~TURN;

	if (kind == DUALBM_FREED) {
		when |= READ_ONCE(bucket->entries[DUALBM_ALLOCATED].when) & TURN;
		push(&bucket->entries[DUALBM_FREED], &bucket->entries[DUALBM_FREED_BEFORE],
		     when, who);
	} else {
		when |= ~READ_ONCE(bucket->entries[DUALBM_FREED].when) & TURN;
		push(&bucket->entries[DUALBM_ALLOCATED],
		     &bucket->entries[DUALBM_ALLOCATED_BEFORE], when, who);
	}
}

static __always_inline void note_free(struct page *page, unsigned int order, u32 mark)
{
	unsigned long pfn = page_to_pfn(page);
	struct entry *entry = &last_frees[pfn & bucket_mask];
	u64 who = who_now(mark, pfn, order, true), when = when_now();

	/* As in push(). */
	WRITE_ONCE(entry->when, when | check_of(when, who));
	WRITE_ONCE(entry->who, who);
}

/* Cold for the next one, which would keep registers for it if it were a part of it. */
static noinline void note_free_far(struct page *page, unsigned int order)
{
	dualbm_event_enter();
	note_free(page, order, dualbm_site_caller(DUALBM_OWN_SLOT));
	dualbm_event_leave();
}

/* A free that nobody named has an entry as well: an older one would name the wrong function. */
static __always_inline void note_call(struct page *page, unsigned int order)
{
	u32 mark = 0;

	dualbm_event_enter();
	if (this_cpu_read(dualbm_free_call.page) == page) {
		this_cpu_write(dualbm_free_call.page, NULL);
		if (unlikely(!dualbm_site_at(this_cpu_read(dualbm_free_call.caller), &mark))) {
			dualbm_event_leave();
			note_free_far(page, order);
			return;
		}
	}
	note_free(page, order, mark);
	dualbm_event_leave();
}

void dualbm_past_note(struct page *page)
{
	note_call(page, 0);
}

void dualbm_past_note_block(struct page *page, unsigned int order)
{
	note_call(page, order);
}

/* ---- reading ---- */

/* NULL where that is not remembered. */
static const struct entry *entry_at(unsigned long pfn, enum dualbm_past_kind kind)
{
	if (buckets)
		return &buckets[pfn & bucket_mask].entries[kind];
	return kind == DUALBM_FREED ? &last_frees[pfn & bucket_mask] : NULL;
}

static unsigned int order_of(const struct entry *entry)
{
	return entry->who >> ORDER_SHIFT & (BIT(ORDER_BITS) - 1);
}

static bool entry_covers(const struct entry *entry, unsigned long pfn, unsigned long head,
			 struct entry *copy)
{
	copy->when = READ_ONCE(entry->when);
	copy->who = READ_ONCE(entry->who);
	return copy->who && copy->when >> CHECK_SHIFT << CHECK_SHIFT ==
		check_of(copy->when & (BIT(CHECK_SHIFT) - 1), copy->who) &&
		(copy->who >> TAG_SHIFT & (BIT(TAG_BITS) - 1)) == head >> bucket_bits &&
		pfn - head < BIT(order_of(copy));
}

static u32 ticks_since(const struct entry *entry)
{
	return (jiffies - entry->when) & TICKS_MASK;
}

/* The task has that name now, if it is the one that it was. */
static void find_comm(struct dualbm_past *past)
{
	struct task_struct *task = pid_task(find_pid_ns(past->pid, &init_pid_ns), PIDTYPE_PID);
	u64 now = ktime_get_mono_fast_ns(), born;

	*past->comm = '\0';
	if (!task)
		return;
	/* A jiffy is how exactly an entry knows its time. */
	born = READ_ONCE(task->start_time);
	if (born > now || (now - born) / NSEC_PER_MSEC + jiffies_to_msecs(1) < past->age_ms)
		return;
	dualbm_report_escape(past->comm, sizeof(past->comm), task->comm, TASK_COMM_LEN - 1, 0);
}

static void describe(const struct entry *entry, struct dualbm_past *past)
{
	u32 mark = entry->who & (BIT(DUALBM_MARK_BITS) - 1);

	past->age_ms = jiffies_to_msecs(ticks_since(entry));
	past->pid = entry->when >> PID_SHIFT & (BIT(PID_BITS) - 1);
	past->cpu = last_frees ? -1 : (int)(entry->who >> CPU_SHIFT & (BIT(CPU_BITS) - 1));
	past->order = order_of(entry);
	past->interrupt = entry->who >> INTERRUPT_SHIFT;
	past->era = era;
	if (nr_stacks) {
		dualbm_stack_get(mark, past->levels);
		mark = past->levels[0];
	}
	dualbm_site_name(mark, past->name, sizeof(past->name));
	find_comm(past);
}

/* An entry, and the first frame of the block that it is of. */
struct found {
	struct entry entry;
	unsigned long head;
};

static bool is_of(const struct found *this, const struct found *block)
{
	return this->head == block->head && order_of(&this->entry) == order_of(&block->entry);
}

/* Within one tick nobody knows; then what was freed is the block that had been allocated. */
static bool is_newer(const struct found *this, const struct found *that,
		     const struct found *allocated)
{
	u32 age = ticks_since(&this->entry), other = ticks_since(&that->entry);

	if (!that->entry.who || age != other)
		return !that->entry.who || age < other;
	return allocated && is_of(this, allocated) && !is_of(that, allocated);
}

/*
 * The newest two of a kind. An event is noted for the first frame of its block: go through all
 * that a block can have.
 */
static void collect(unsigned long pfn, enum dualbm_past_kind last,
		    enum dualbm_past_kind before_last, const struct found *allocated,
		    struct found *newest, struct found *before)
{
	unsigned long passed = ~0UL;
	unsigned int order, i;

	for (order = 0; order < BIT(ORDER_BITS); order++) {
		struct found this = { .head = pfn >> order << order };

		if (this.head == passed)
			continue;
		passed = this.head;
		for (i = 0; i < 2; i++) {
			const struct entry *entry = entry_at(this.head, i ? before_last : last);

			if (!entry || !entry_covers(entry, pfn, this.head, &this.entry))
				continue;
			if (is_newer(&this, newest, allocated)) {
				*before = *newest;
				*newest = this;
			} else if (is_newer(&this, before, allocated)) {
				*before = this;
			}
		}
	}
}

/* ---- blocks ---- */

/*
 * Of a block of two frames, a second one that is freed by itself is what __free_pages() does
 * with a reference too many.
 */
#define PIECE_MIN_ORDER	2

/* A frame that was last freed and not allocated by itself was, if at all, as part of a block. */
static __always_inline bool is_suspect(const struct bucket *bucket)
{
	const struct entry *allocated = &bucket->entries[DUALBM_ALLOCATED];
	const struct entry *freed = &bucket->entries[DUALBM_FREED];

	return !READ_ONCE(allocated->who) ||
	       !((READ_ONCE(allocated->when) ^ READ_ONCE(freed->when)) & TURN);
}

/* From here on its frames may be freed each by itself. */
static void take_apart(const struct found *block)
{
	struct bucket *bucket = &buckets[block->head & bucket_mask];
	u64 who = block->entry.who | BIT_ULL(APART_SHIFT);
	u64 when = block->entry.when & (BIT_ULL(CHECK_SHIFT) - 1);
	unsigned int i;

	for (i = 0; i < DUALBM_NR_PASTS; i++) {
		struct entry *entry = &bucket->entries[i];

		if (READ_ONCE(entry->who) != block->entry.who ||
		    READ_ONCE(entry->when) != block->entry.when)
			continue;
		WRITE_ONCE(entry->when, when | check_of(when, who));
		WRITE_ONCE(entry->who, who);
	}
}

/* The block that a frame was allocated in, if nothing was freed of it since. */
static bool find_block(unsigned long pfn, struct found *block)
{
	struct found before = {}, freed = {};

	*block = (struct found){};
	collect(pfn, DUALBM_ALLOCATED, DUALBM_ALLOCATED_BEFORE, NULL, block, &before);
	if (!block->entry.who || block->entry.who >> APART_SHIFT & 1)
		return false;
	before = (struct found){};
	collect(pfn, DUALBM_FREED, DUALBM_FREED_BEFORE, NULL, &freed, &before);
	/* Within one tick nobody knows. */
	return !freed.entry.who || ticks_since(&freed.entry) > ticks_since(&block->entry);
}

static noinline void look_for_block(unsigned long pfn, unsigned int order,
				    dualbm_piece_found *found)
{
	struct found block;
	unsigned int whole;

	if (!find_block(pfn, &block) || block.head == pfn)
		return;
	/* Whatever it is: its other frames are not judged by it any more. */
	take_apart(&block);
	whole = order_of(&block.entry);
	/*
	 * __free_pages() with a reference too many frees the block but for its first frame, the
	 * upper half first (mm/page_alloc.c, 5.10 to 7.3).
	 */
	if (order + 1 == whole && pfn == block.head + BIT(order))
		return;
	found(pfn, order, block.head, whole);
}

void dualbm_history_split(struct page *page)
{
	struct found block;

	if (find_block(page_to_pfn(page), &block))
		take_apart(&block);
}

/* ---- events ---- */

void dualbm_past_alloc(struct page *page, unsigned int order, u32 mark)
{
	/* prep_new_page(), mm/page_alloc.c, all releases, has set PG_head by now. */
	note(DUALBM_ALLOCATED, page, order,
	     order < PIECE_MIN_ORDER || PageHead(page) || !splits_are_known, mark);
}

void dualbm_past_free(struct page *page, unsigned int order, u32 mark,
		      dualbm_piece_found *found)
{
	if (unlikely(is_suspect(&buckets[page_to_pfn(page) & bucket_mask])))
		look_for_block(page_to_pfn(page), order, found);
	note(DUALBM_FREED, page, order, true, mark);
}

noinline void dualbm_history_bulk(struct page *page)
{
	note(DUALBM_ALLOCATED, page, 0, true, nr_stacks ? dualbm_stack_now(DUALBM_OWN_SLOT) :
	     dualbm_site_caller(DUALBM_OWN_SLOT));
}

/* ---- what is remembered of a frame ---- */

static bool is_on(void)
{
	return static_key_enabled(&dualbm_history_on) || static_key_enabled(&dualbm_frees_on);
}

bool dualbm_history_of(unsigned long pfn, struct dualbm_past past[DUALBM_NR_PASTS])
{
	struct found found[DUALBM_NR_PASTS] = {};
	unsigned int i;
	bool on;

	memset(past, 0, DUALBM_NR_PASTS * sizeof(*past));
	/* Pairs with switch_off(), which waits for readers before the table goes. */
	rcu_read_lock();
	on = is_on();
	if (on && pfn < BIT(MAX_PHYSMEM_BITS - PAGE_SHIFT)) {
		collect(pfn, DUALBM_ALLOCATED, DUALBM_ALLOCATED_BEFORE, NULL,
			&found[DUALBM_ALLOCATED], &found[DUALBM_ALLOCATED_BEFORE]);
		collect(pfn, DUALBM_FREED, DUALBM_FREED_BEFORE, &found[DUALBM_ALLOCATED],
			&found[DUALBM_FREED], &found[DUALBM_FREED_BEFORE]);
		for (i = 0; i < DUALBM_NR_PASTS; i++)
			if (found[i].entry.who)
				describe(&found[i].entry, &past[i]);
	}
	rcu_read_unlock();
	return on;
}

/* Is a falsified copy of it an entry still? */
static bool is_believed(struct entry entry, u64 when, u64 who, unsigned long pfn)
{
	struct entry copy;

	entry.when ^= when;
	entry.who ^= who;
	return entry_covers(&entry, pfn, pfn, &copy);
}

unsigned int dualbm_history_falsify(unsigned long pfn, unsigned int *believed)
{
	unsigned int tried = 0, i, bit;
	struct entry entry;

	*believed = 0;
	rcu_read_lock();
	for (i = 0; is_on() && i < DUALBM_NR_PASTS; i++) {
		const struct entry *there = entry_at(pfn, i);

		if (!there || !entry_covers(there, pfn, pfn, &entry))
			continue;
		for (bit = 0; bit < 64; bit++, tried += 2)
			*believed += is_believed(entry, BIT_ULL(bit), 0, pfn) +
				     is_believed(entry, 0, BIT_ULL(bit), pfn);
	}
	rcu_read_unlock();
	return tried;
}

static const char * const past_words[DUALBM_NR_PASTS] = {
	[DUALBM_ALLOCATED] = "allocated by",
	[DUALBM_FREED] = "freed by",
	[DUALBM_FREED_BEFORE] = "freed before by",
	[DUALBM_ALLOCATED_BEFORE] = "allocated before by",
};

static const char * const past_keys[DUALBM_NR_PASTS] = {
	[DUALBM_ALLOCATED] = "allocated",
	[DUALBM_FREED] = "freed",
	[DUALBM_FREED_BEFORE] = "freed_before",
	[DUALBM_ALLOCATED_BEFORE] = "allocated_before",
};

bool dualbm_past_level(const struct dualbm_past *past, unsigned int level, char *name,
		       size_t size)
{
	bool known;

	if (level >= DUALBM_PAST_LEVELS || !past->levels[level])
		return false;
	/* As in dualbm_history_of(): the names do not go meanwhile. */
	rcu_read_lock();
	known = is_on() && past->era == READ_ONCE(era);
	if (known)
		dualbm_site_name(past->levels[level], name, size);
	rcu_read_unlock();
	return known;
}

bool dualbm_past_is_named(const struct dualbm_past *past)
{
	return *past->name && strcmp(past->name, "unknown");
}

int dualbm_past_line(enum dualbm_past_kind kind, const struct dualbm_past *past,
		     char *line, size_t size)
{
	int length;

	if (!*past->name)
		return 0;
	length = scnprintf(line, size, "%s %s, order %u, %llu ms ago", past_words[kind],
			   past->name, past->order, past->age_ms);
	if (past->cpu >= 0)
		length += scnprintf(line + length, size - length, ", cpu %d", past->cpu);
	return length + scnprintf(line + length, size - length, ", %stask %d%s%s%s",
				  past->interrupt ? "an interrupt of " : "", past->pid,
				  *past->comm ? " (" : "", past->comm, *past->comm ? ")" : "");
}

/* The callers' callers, each behind a "<". */
static int stack_key(const struct dualbm_past *past, const char *key, char *buffer, size_t size)
{
	char name[DUALBM_PAST_NAME], escaped[DUALBM_PAST_NAME];
	unsigned int level;
	int length = 0;

	for (level = 1; dualbm_past_level(past, level, name, sizeof(name)); level++) {
		dualbm_report_escape(escaped, sizeof(escaped), name, sizeof(name), '_');
		if (level == 1)
			length = scnprintf(buffer, size, " %s_stack=", key);
		length += scnprintf(buffer + length, size - length, "<%s", escaped);
	}
	return length;
}

int dualbm_past_keys(const struct dualbm_past past[DUALBM_NR_PASTS], char *buffer, size_t size)
{
	char name[DUALBM_PAST_NAME];
	int kind, length = 0;

	for (kind = 0; kind < DUALBM_NR_PASTS; kind++) {
		if (!*past[kind].name)
			continue;
		dualbm_report_escape(name, sizeof(name), past[kind].name,
				     sizeof(past[kind].name), '_');
		length += scnprintf(buffer + length, size - length,
				    " %s_by=%s %s_order=%u %s_ms=%llu",
				    past_keys[kind], name, past_keys[kind], past[kind].order,
				    past_keys[kind], past[kind].age_ms);
		if (past[kind].cpu >= 0)
			length += scnprintf(buffer + length, size - length, " %s_cpu=%d",
					    past_keys[kind], past[kind].cpu);
		length += scnprintf(buffer + length, size - length, " %s_pid=%d %s_interrupt=%d",
				    past_keys[kind], past[kind].pid,
				    past_keys[kind], past[kind].interrupt);
		if (*past[kind].comm)
			length += scnprintf(buffer + length, size - length, " %s_comm=%s",
					    past_keys[kind], past[kind].comm);
		length += stack_key(&past[kind], past_keys[kind], buffer + length, size - length);
	}
	return length;
}

/* ---- the table ---- */

/* A stack for 32 frames, up to 4.5 MiB of them. */
#define STACK_SHIFT	5U
#define MAX_STACK_BITS	17U

unsigned long dualbm_past_open(size_t bytes, unsigned int bits, bool splits, bool with_stacks)
{
	void *table;

	bucket_bits = max_t(unsigned int, ilog2(MIN_BUCKETS), bits);
	bucket_mask = BIT(bucket_bits) - 1;
	splits_are_known = splits;
	/* Rather nothing than what others need. */
	table = __vmalloc(bytes << bucket_bits,
			  GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_NORETRY);
	if (!table || dualbm_sites_init())
		goto free_table;
	nr_stacks = 0;
	if (with_stacks) {
		nr_stacks = dualbm_stacks_init(min(bucket_bits - STACK_SHIFT, MAX_STACK_BITS));
		if (!nr_stacks)
			goto exit_sites;
	}
	WRITE_ONCE(era, era + 1);
	if (bytes == DUALBM_PAST_BYTES)
		buckets = table;
	else
		last_frees = table;
	return BIT(bucket_bits);

exit_sites:
	dualbm_sites_exit();
free_table:
	vfree(table);
	return 0;
}

size_t dualbm_past_bytes(void)
{
	return (buckets ? sizeof(*buckets) : sizeof(*last_frees)) * BIT(bucket_bits) +
		nr_stacks * DUALBM_STACK_BYTES;
}

void dualbm_past_close(void)
{
	dualbm_stacks_exit();
	dualbm_sites_exit();
	vfree(buckets);
	vfree(last_frees);
	buckets = NULL;
	last_frees = NULL;
}
