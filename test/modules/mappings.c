// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device whose pages a process maps as drivers of graphics cards and ring buffers do: by
 * remap_pfn_range(), so that nothing but the driver knows that they are mapped. What is written
 * to it is done in the process that writes, which the mapping belongs to:
 *
 *	map N		N pages are allocated and mapped
 *	block ORDER	the same with one block, of the zone that others take last
 *	unmap		the mapping is taken away from whoever has it, then the pages are freed
 *	free		the pages are freed under the mapping, which is the fault
 *	device		memory of a device that has no struct page is mapped
 *	churn N		N times: mapped and unmapped again, by the driver, by the process, and when
 *			one half of it is gone
 */
#include "testmod.h"

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define MOST_PAGES	1024

struct pages {
	struct mutex lock;	/* one command at a time; a mapping is made within one */
	unsigned int count;
	unsigned int order;	/* of the block that they are, or 0 */
	bool device;
	struct page *page[MOST_PAGES];
};

static void free_all(struct pages *pages)
{
	unsigned int i;

	for (i = 0; !pages->order && i < pages->count; i++)
		__free_page(pages->page[i]);
	if (pages->order)
		__free_pages(pages->page[0], pages->order);
	pages->count = 0;
	pages->order = 0;
}

static int allocate_block(struct pages *pages, unsigned int order)
{
	struct page *page;

	if (pages->count || !order || BIT(order) > MOST_PAGES)
		return -EINVAL;
	page = alloc_pages(TEST_GFP_TASK | GFP_DMA, order);
	if (!page)
		return -ENOMEM;
	pages->order = order;
	while (pages->count < BIT(order)) {
		pages->page[pages->count] = page + pages->count;
		pages->count++;
	}
	return 0;
}

static int allocate(struct pages *pages, unsigned int count)
{
	if (pages->count || !count || count > MOST_PAGES)
		return -EINVAL;
	while (pages->count < count) {
		struct page *page = alloc_page(TEST_GFP_TASK);

		if (!page) {
			free_all(pages);
			return -ENOMEM;
		}
		pages->page[pages->count++] = page;
	}
	return 0;
}

static int mappings_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pages *pages = file->private_data;
	unsigned int i;
	int ret = 0;

	if (pages->device)
		return remap_pfn_range(vma, vma->vm_start, PFN_DOWN(0xfec00000), PAGE_SIZE,
				       pgprot_noncached(vma->vm_page_prot));
	for (i = 0; i < pages->count && !ret; i++)
		ret = remap_pfn_range(vma, vma->vm_start + i * PAGE_SIZE,
				      page_to_pfn(pages->page[i]), PAGE_SIZE,
				      vma->vm_page_prot);
	return ret;
}

static unsigned long map(struct file *file, unsigned int count)
{
	return vm_mmap(file, 0, count * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
}

static void unmap_everywhere(struct file *file)
{
	unmap_mapping_range(file->f_mapping, 0, 0, 1);
}

static int churn(struct file *file, struct pages *pages, unsigned int rounds)
{
	unsigned int round, count = 64;
	unsigned long address;
	int ret = 0;

	for (round = 0; round < rounds && !ret; round++) {
		ret = allocate(pages, count);
		if (ret)
			break;
		address = map(file, count);
		if (IS_ERR_VALUE(address)) {
			ret = (int)address;
		} else {
			if (round % 3 == 0)
				unmap_everywhere(file);
			else if (round % 3 == 1)
				vm_munmap(address, count / 2 * PAGE_SIZE);
			vm_munmap(address, count * PAGE_SIZE);
		}
		free_all(pages);
		cond_resched();
	}
	return ret;
}

static int obey(struct file *file, const char *command)
{
	struct pages *pages = file->private_data;
	unsigned long address = 0;
	unsigned int number;
	int ret = 0;
	bool block = sscanf(command, "block %u", &number) == 1;

	if (block || sscanf(command, "map %u", &number) == 1) {
		ret = block ? allocate_block(pages, number) : allocate(pages, number);
		if (ret)
			return ret;
		address = map(file, pages->count);
		pr_info("mapped pfn=0x%lx address=0x%lx pid=%d\n",
			page_to_pfn(pages->page[0]), address, current->tgid);
	} else if (sscanf(command, "churn %u", &number) == 1) {
		ret = churn(file, pages, number);
	} else if (sysfs_streq(command, "unmap")) {
		unmap_everywhere(file);
		free_all(pages);
	} else if (sysfs_streq(command, "free")) {
		free_all(pages);
	} else if (sysfs_streq(command, "device")) {
		pages->device = true;
		address = map(file, 1);
		pages->device = false;
	} else {
		ret = -EINVAL;
	}
	return IS_ERR_VALUE(address) ? (int)address : ret;
}

static ssize_t mappings_write(struct file *file, const char __user *buffer, size_t size,
			      loff_t *offset)
{
	struct pages *pages = file->private_data;
	char command[32] = "";
	int ret;

	if (size >= sizeof(command) || copy_from_user(command, buffer, size))
		return -EINVAL;
	mutex_lock(&pages->lock);
	ret = obey(file, command);
	mutex_unlock(&pages->lock);
	return ret ?: size;
}

static int mappings_open(struct inode *inode, struct file *file)
{
	struct pages *pages = kvzalloc(sizeof(*pages), GFP_KERNEL);

	if (!pages)
		return -ENOMEM;
	mutex_init(&pages->lock);
	file->private_data = pages;
	return 0;
}

/* A mapping keeps its file open: here there is none any more. */
static int mappings_release(struct inode *inode, struct file *file)
{
	free_all(file->private_data);
	kvfree(file->private_data);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = mappings_open,
	.release = mappings_release,
	.write = mappings_write,
	.mmap = mappings_mmap,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	/* A name that would begin a key of its own. */
	.name = "mappings pid=1",
	.fops = &operations,
	.mode = 0600,
};

module_misc_device(device);

MODULE_DESCRIPTION("dualbm test: pages that a driver maps into processes");
MODULE_LICENSE("GPL");
