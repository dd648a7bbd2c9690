// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files in /sys/kernel/debug/dualbm, for root: the ring, where the planes
 * lie, one frame's state, and injection for tests.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "dualbm.h"

static struct dentry *directory;
static const char * const plane_names[DUALBM_NR_PLANES] = {
	[DUALBM_PRIMARY] = "primary",
	[DUALBM_SECONDARY] = "secondary",
	[DUALBM_UNTRACKED] = "untracked",
};

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
		dualbm_report_keys(v, line, PAGE_SIZE);
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
	phys_addr_t phys = dualbm_plane_phys(chunk, plane, 0);
	unsigned long byte;

	seq_printf(file, "pfn=0x%lx frames=%lu plane=%s node=%d", chunk->start_pfn,
		   DUALBM_CHUNK_FRAMES, plane_names[plane], pfn_to_nid(PHYS_PFN(phys)));
	for (byte = 0; byte < DUALBM_PLANE_BYTES; byte += PAGE_SIZE)
		seq_printf(file, " phys=0x%llx",
			   (u64)dualbm_plane_phys(chunk, plane, byte));
	seq_putc(file, '\n');
}

static int planes_show(struct seq_file *file, void *data)
{
	const struct dualbm_chunk *chunk;
	int plane;

	mutex_lock(&dualbm_memory_lock);
	list_for_each_entry(chunk, &dualbm_chunks, list)
		for (plane = 0; plane < DUALBM_NR_PLANES; plane++)
			show_plane(file, chunk, plane);
	mutex_unlock(&dualbm_memory_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(planes);

/* The codeword of a frame, or -ENXIO if no chunk holds it. */
static int frame_code(unsigned long pfn)
{
	unsigned long *planes;
	int code = -ENXIO;

	rcu_read_lock();
	planes = dualbm_planes_at(pfn);
	if (planes)
		code = dualbm_planes_code(planes, pfn % DUALBM_CHUNK_FRAMES);
	rcu_read_unlock();
	return code;
}

static int frame_show(struct seq_file *file, void *data)
{
	unsigned long pfn = READ_ONCE(asked_pfn);
	int code = frame_code(pfn);

	if (code < 0)
		seq_printf(file, "pfn=0x%lx state=unmanaged\n", pfn);
	else
		seq_printf(file, "pfn=0x%lx state=%s primary=%d secondary=%d untracked=%d\n",
			   pfn, dualbm_code_name(code), code & 1, code >> 1 & 1,
			   code >> 2 & 1);
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

static int inject_flip(const char *name, unsigned long pfn)
{
	unsigned long *planes;
	int plane, ret = -ENXIO;

	plane = match_string(plane_names, DUALBM_NR_PLANES, name);
	if (plane < 0)
		return -EINVAL;
	rcu_read_lock();
	planes = dualbm_planes_at(pfn);
	if (planes) {
		change_bit(pfn % DUALBM_CHUNK_FRAMES, dualbm_plane(planes, plane));
		ret = 0;
	}
	rcu_read_unlock();
	if (ret)
		pr_err("inject: no plane holds pfn 0x%lx\n", pfn);
	else
		pr_notice("inject: flipped the %s bit of pfn 0x%lx\n", name, pfn);
	return ret;
}

static ssize_t inject_write(struct file *file, const char __user *buffer, size_t size,
			    loff_t *offset)
{
	char text[64], plane[16];
	unsigned long pfn;
	int ret = -EINVAL;

	if (!dualbm_inject) {
		pr_err("inject: refused, the module was loaded without inject=1\n");
		return -EPERM;
	}
	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buffer, size))
		return -EFAULT;
	text[size] = '\0';
	if (sscanf(text, "flip %15s %li", plane, &pfn) == 2)
		ret = inject_flip(plane, pfn);
	if (ret == -EINVAL)
		pr_err("inject: \"flip primary|secondary|untracked PFN\" is accepted\n");
	return ret ?: size;
}

static const struct file_operations inject_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = inject_write,
	.llseek = noop_llseek,
};

/* Without debugfs the module does all its work; there is nothing to fail. */
void dualbm_debugfs_init(void)
{
	directory = debugfs_create_dir("dualbm", NULL);
	debugfs_create_file("violations", 0400, directory, NULL, &violations_fops);
	debugfs_create_file("planes", 0400, directory, NULL, &planes_fops);
	debugfs_create_file("frame", 0600, directory, NULL, &frame_fops);
	debugfs_create_file("inject", 0200, directory, NULL, &inject_fops);
}

void dualbm_debugfs_exit(void)
{
	debugfs_remove_recursive(directory);
}
