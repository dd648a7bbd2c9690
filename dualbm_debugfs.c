// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files in /sys/kernel/debug/dualbm, for root: the ring, where the planes
 * lie, a map of all memory, one frame's state, and injection for tests.
 */
#include <linux/debugfs.h>
#include <linux/gfp.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dualbm.h"
#include "dualbm_chunks.h"
#include "dualbm_debugfs.h"
#include "dualbm_event.h"
#include "dualbm_flat.h"
#include "dualbm_mode.h"
#include "dualbm_names.h"
#include "dualbm_past.h"
#include "dualbm_record.h"
#include "dualbm_report.h"
#include "dualbm_scrub.h"
#include "dualbm_sysfs.h"
#include "dualbm_violation.h"

static struct dentry *directory;

/* The frame that was last asked for in "frame". */
static unsigned long asked_pfn;

static int violations_show(struct seq_file *file, void *data)
{
	struct dualbm_violation *v;
	u64 seen = 0;
	unsigned int index, entry;
	char *line;

	v = kmalloc(sizeof(*v), GFP_KERNEL);
	line = kmalloc(PAGE_SIZE, GFP_KERNEL);
	for (index = 0; v && line && dualbm_report_get(index, v); index++) {
		if (v->number <= seen)
			continue;
		seen = v->number;
		dualbm_record_keys(v, line, PAGE_SIZE);
		seq_puts(file, line);
		for (entry = 0; entry < v->stack_entries; entry++)
			seq_printf(file, "  %pS\n", (void *)v->stack[entry]);
	}
	kfree(line);
	kfree(v);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(violations);

static void show_plane(struct seq_file *file, const struct dualbm_chunk *chunk,
		       enum dualbm_plane plane)
{
	unsigned long byte;

	seq_printf(file, "pfn=0x%lx frames=%lu plane=%s node=%d", chunk->start_pfn,
		   DUALBM_CHUNK_FRAMES, dualbm_plane_names[plane],
		   pfn_to_nid(PHYS_PFN(dualbm_plane_phys(chunk, plane, 0))));
	for (byte = 0; byte < DUALBM_PLANE_BYTES; byte += PAGE_SIZE)
		seq_printf(file, " phys=0x%llx",
			   (u64)dualbm_plane_phys(chunk, plane, byte));
	seq_putc(file, '\n');
}

/*
 * What goes through all chunks holds the lock for one of them at a time, and remembers the
 * place: whoever waits does not wait for all of memory. The position is a frame number.
 */
static void *chunks_start(struct seq_file *file, loff_t *position)
{
	struct dualbm_walk *walk = file->private;

	if (walk->pfn != *position)
		*walk = (struct dualbm_walk){ .pfn = *position };
	mutex_lock(&dualbm_memory_lock);
	return dualbm_walk_at(walk);
}

static void *chunks_next(struct seq_file *file, void *chunk, loff_t *position)
{
	struct dualbm_walk *walk = file->private;

	dualbm_walk_on(walk);
	*position = walk->pfn;
	mutex_unlock(&dualbm_memory_lock);
	cond_resched();
	mutex_lock(&dualbm_memory_lock);
	return dualbm_walk_at(walk);
}

static void chunks_stop(struct seq_file *file, void *chunk)
{
	mutex_unlock(&dualbm_memory_lock);
}

static int planes_show(struct seq_file *file, void *chunk)
{
	int plane;

	for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
		show_plane(file, chunk, plane);
	return 0;
}

static const struct seq_operations planes_sops = {
	.start = chunks_start,
	.next = chunks_next,
	.stop = chunks_stop,
	.show = planes_show,
};

/*
 * The map: a line for each chunk, in it a word for each subsection (2 MiB) that
 * counts its frames, "allocated/free/untracked/runs", or "-" for one that does
 * not exist. Runs are rows of free frames. Frames in no count are departing, or
 * their codeword is illegal. Events go on meanwhile.
 */
static void map_subsection(struct seq_file *file, const struct dualbm_chunk *chunk,
			   unsigned long first)
{
	unsigned int allocated = 0, free = 0, untracked = 0, runs = 0;
	unsigned long word, before = 0;

	for (word = BIT_WORD(first); word < BIT_WORD(first + PAGES_PER_SUBSECTION); word++) {
		unsigned long p = READ_ONCE(dualbm_plane(chunk->planes, DUALBM_PRIMARY)[word]);
		unsigned long s = READ_ONCE(dualbm_plane(chunk->planes, DUALBM_SECONDARY)[word]);
		unsigned long u = READ_ONCE(dualbm_plane(chunk->planes, DUALBM_UNTRACKED)[word]);
		unsigned long k = READ_ONCE(dualbm_plane(chunk->planes, DUALBM_KNOWN)[word]);
		unsigned long f = s & ~p & ~u & k;

		allocated += hweight_long(p & ~s & ~u & k);
		free += hweight_long(f);
		untracked += hweight_long(u & ~p & ~s & ~k);
		/* A run begins at a free frame whose predecessor is not free. */
		runs += hweight_long(f & ~(f << 1 | before));
		before = f >> (BITS_PER_LONG - 1);
	}
	seq_printf(file, " %u/%u/%u/%u", allocated, free, untracked, runs);
}

static int map_show(struct seq_file *file, void *entry)
{
	const struct dualbm_chunk *chunk = entry;
	unsigned long first;

	seq_printf(file, "pfn=0x%lx frames=%lu node=%d cell=%lu", chunk->start_pfn,
		   DUALBM_CHUNK_FRAMES, chunk->node, PAGES_PER_SUBSECTION);
	for (first = 0; first < DUALBM_CHUNK_FRAMES; first += PAGES_PER_SUBSECTION)
		if (dualbm_subsection_present(chunk, first))
			map_subsection(file, chunk, first);
		else
			seq_puts(file, " -");
	seq_putc(file, '\n');
	return 0;
}

static const struct seq_operations map_sops = {
	.start = chunks_start,
	.next = chunks_next,
	.stop = chunks_stop,
	.show = map_show,
};

/* Of a file that shows all chunks: which, the inode knows. */
static int chunks_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, inode->i_private, sizeof(struct dualbm_walk));
}

static const struct file_operations chunks_fops = {
	.owner = THIS_MODULE,
	.open = chunks_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static int frame_show(struct seq_file *file, void *data)
{
	unsigned long pfn = READ_ONCE(asked_pfn);
	struct dualbm_past past[DUALBM_NR_PASTS];
	char line[DUALBM_PAST_LINE];
	unsigned int level;
	int kind;

	BUILD_BUG_ON(DUALBM_PAST_LINE < DUALBM_FRAME_LINE);
	dualbm_frame_line(pfn, line);
	seq_printf(file, "%s\n", line);
	if (!dualbm_history_of(pfn, past))
		return 0;
	for (kind = 0; kind < DUALBM_NR_PASTS; kind++) {
		if (dualbm_past_line(kind, &past[kind], line, sizeof(line)))
			seq_printf(file, "  %s\n", line);
		for (level = 1; dualbm_past_level(&past[kind], level, line, sizeof(line)); level++)
			seq_printf(file, "    %s\n", line);
	}
	return 0;
}

static int frame_open(struct inode *inode, struct file *file)
{
	return single_open(file, frame_show, NULL);
}

static ssize_t frame_write(struct file *file, const char __user *buffer, size_t size,
			   loff_t *offset)
{
	unsigned long pfn;
	int ret = kstrtoul_from_user(buffer, size, 0, &pfn);

	if (ret) {
		pr_err("frame: a page frame number is accepted, decimal or 0x...\n");
		return -EINVAL;
	}
	WRITE_ONCE(asked_pfn, pfn);
	return size;
}

static const struct file_operations frame_fops = {
	.owner = THIS_MODULE,
	.open = frame_open,
	.read = seq_read,
	.write = frame_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ---- injection ---- */

static const char * const inject_syntax[] = {
	"flip primary|secondary|untracked|known PFN", "flip directory|complement|limit|map PFN",
	"flip armed|policy", "drop alloc|free", "stop|start scrubber", "falsify history PFN",
};

/* What the last command did. */
static char inject_answer[160] = "nothing yet";
static DEFINE_MUTEX(inject_lock);

__printf(1, 2) static void answer(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vscnprintf(inject_answer, sizeof(inject_answer), format, arguments);
	va_end(arguments);
	pr_notice("inject: %s\n", inject_answer);
}

static int inject_plane(int plane, unsigned long pfn)
{
	unsigned long *planes;
	unsigned int code = 0;

	rcu_read_lock();
	planes = dualbm_planes_at(pfn);
	if (planes) {
		change_bit(pfn % DUALBM_CHUNK_FRAMES, dualbm_plane(planes, plane));
		code = dualbm_planes_code(planes, pfn % DUALBM_CHUNK_FRAMES);
	}
	rcu_read_unlock();
	if (!planes)
		return -ENXIO;
	answer("flipped the %s bit of pfn 0x%lx, which is %s now", dualbm_plane_names[plane], pfn,
	       dualbm_code_names[code]);
	return 0;
}

static const char * const flat_part_names[] = {
	[DUALBM_FLAT_BASE] = "directory",
	[DUALBM_FLAT_CHECK] = "complement",
	[DUALBM_FLAT_LIMIT] = "limit",
};

static int inject_directory(enum dualbm_flat_part part, unsigned long pfn)
{
	int ret = dualbm_flat_flip(pfn, part);

	if (!ret)
		answer("flipped a bit of the directory's %s for pfn 0x%lx",
		       part == DUALBM_FLAT_BASE ? "entry" : flat_part_names[part], pfn);
	return ret;
}

static int inject_map(unsigned long pfn)
{
	int ret = dualbm_flat_misplace(pfn);

	if (!ret)
		answer("mapped zeroes in place of the planes of pfn 0x%lx", pfn);
	return ret;
}

/* Not by dualbm_guard_store(): that would change all three copies. */
static int inject_control(const char *name)
{
	if (!strcmp(name, "armed")) {
		dualbm_mode_flip();
		answer("flipped a bit of the mode: events are not believed now");
	} else if (!strcmp(name, "policy")) {
		WRITE_ONCE(dualbm_policy, READ_ONCE(dualbm_policy) ^ 1);
		answer("flipped a bit of the policy, which is %s now",
		       dualbm_reaction_name(dualbm_policy));
	} else {
		return -EINVAL;
	}
	return 0;
}

/*
 * The event has come, but its record is undone: the planes are as if it had been
 * lost. The next event of the frame finds the other state.
 */
static int inject_drop(const char *name)
{
	bool alloc = !strcmp(name, "alloc");
	unsigned long pfn, *planes;
	struct dualbm_mismatch found;
	struct page *page;

	if (!alloc && strcmp(name, "free"))
		return -EINVAL;
	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	pfn = page_to_pfn(page);
	/* Its owner is here, so nobody else has an event of it, nor stops all CPUs in it. */
	preempt_disable();
	planes = dualbm_planes_at(pfn);
	if (planes && alloc)
		dualbm_planes_apply(planes, DUALBM_PUTBACK, pfn % DUALBM_CHUNK_FRAMES, 1,
				    &found);
	preempt_enable();
	if (alloc) {
		answer("dropped the alloc event of pfn 0x%lx, and freed it", pfn);
		__free_page(page);
		return 0;
	}
	answer("dropped the free event of pfn 0x%lx, and allocated it again", pfn);
	/* Free and allocated again, with one event lost: allocated twice by the record. */
	preempt_disable();
	dualbm_event(DUALBM_ALLOC, pfn, 0);
	preempt_enable();
	__free_page(page);
	return 0;
}

static int inject_scrubber(bool stop)
{
	int ret = dualbm_scrub_halt(stop);

	if (ret)
		return ret;
	answer("the scrubber %s", stop ? "stands still" : "goes on");
	return 0;
}

static int inject_history(unsigned long pfn)
{
	unsigned int believed, tried = dualbm_history_falsify(pfn, &believed);

	answer("of %u entries of pfn 0x%lx with a flipped bit, %u are believed", tried, pfn,
	       believed);
	return 0;
}

static int inject(const char *text)
{
	char verb[16] = "", object[16] = "";
	unsigned long pfn = 0;
	int words = sscanf(text, "%15s %15s %li", verb, object, &pfn);
	int plane = match_string(dualbm_plane_names, DUALBM_NR_PLANES, object);
	int part = match_string(flat_part_names, ARRAY_SIZE(flat_part_names), object);

	if (words == 3 && !strcmp(verb, "flip") && plane >= 0)
		return inject_plane(plane, pfn);
	if (words == 3 && !strcmp(verb, "flip") && part >= 0)
		return inject_directory(part, pfn);
	if (words == 3 && !strcmp(verb, "flip") && !strcmp(object, "map"))
		return inject_map(pfn);
	if (words == 3 && !strcmp(verb, "falsify") && !strcmp(object, "history"))
		return inject_history(pfn);
	if (words == 2 && !strcmp(verb, "flip"))
		return inject_control(object);
	if (words == 2 && !strcmp(verb, "drop"))
		return inject_drop(object);
	if (words == 2 && !strcmp(object, "scrubber") &&
	    (!strcmp(verb, "stop") || !strcmp(verb, "start")))
		return inject_scrubber(!strcmp(verb, "stop"));
	return -EINVAL;
}

static ssize_t inject_write(struct file *file, const char __user *buffer, size_t size,
			    loff_t *offset)
{
	char text[64];
	int ret = -EINVAL;

	if (!dualbm_inject) {
		pr_err("inject: refused, the module was loaded without inject=1\n");
		return -EPERM;
	}
	if (size < sizeof(text)) {
		if (copy_from_user(text, buffer, size))
			return -EFAULT;
		text[size] = '\0';
		mutex_lock(&inject_lock);
		ret = inject(text);
		mutex_unlock(&inject_lock);
	}
	if (ret == -EINVAL)
		pr_err("inject: not understood; use \"%s\", \"%s\", \"%s\", \"%s\", \"%s\" or \"%s\"\n",
		       inject_syntax[0], inject_syntax[1], inject_syntax[2],
		       inject_syntax[3], inject_syntax[4], inject_syntax[5]);
	if (ret == -ENXIO)
		pr_err("inject: no plane holds that pfn\n");
	return ret ?: size;
}

static int inject_show(struct seq_file *file, void *data)
{
	mutex_lock(&inject_lock);
	seq_printf(file, "%s\n", inject_answer);
	mutex_unlock(&inject_lock);
	return 0;
}

static int inject_open(struct inode *inode, struct file *file)
{
	return single_open(file, inject_show, NULL);
}

static const struct file_operations inject_fops = {
	.owner = THIS_MODULE,
	.open = inject_open,
	.read = seq_read,
	.write = inject_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* Without debugfs the module does all its work; there is nothing to fail. */
void dualbm_debugfs_init(void)
{
	directory = debugfs_create_dir("dualbm", NULL);
	debugfs_create_file("violations", 0400, directory, NULL, &violations_fops);
	debugfs_create_file("planes", 0400, directory, (void *)&planes_sops,
			    &chunks_fops);
	debugfs_create_file("map", 0400, directory, (void *)&map_sops, &chunks_fops);
	debugfs_create_file("frame", 0600, directory, NULL, &frame_fops);
	debugfs_create_file("inject", 0600, directory, NULL, &inject_fops);
}

void dualbm_debugfs_exit(void)
{
	debugfs_remove_recursive(directory);
}
