/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files in /sys/kernel/dualbm (dualbm_sysfs.c).
 */
#ifndef DUALBM_SYSFS_H
#define DUALBM_SYSFS_H

#include "dualbm.h"

/**
 * dualbm_sysfs_init() - make the directory /sys/kernel/dualbm
 *
 * It is there before the first finding, whose uevent comes from it.
 *
 * Context: Module init; sleeps.
 *
 * Return: 0 or -ENOMEM.
 */
int dualbm_sysfs_init(void);

/**
 * dualbm_sysfs_open() - make the files in it
 *
 * Context: Module init, when all that they show works; sleeps.
 *
 * Return: 0, or what sysfs_create_group() or sysfs_create_bin_file() says; then there is none.
 */
int dualbm_sysfs_open(void);

/**
 * dualbm_sysfs_close() - undo dualbm_sysfs_open()
 *
 * Context: Module exit, before what they show ends; sleeps until nobody reads
 * or writes them any more.
 */
void dualbm_sysfs_close(void);

/**
 * dualbm_sysfs_exit() - undo dualbm_sysfs_init()
 *
 * Context: Module exit, or init that fails, after dualbm_report_exit(); sleeps.
 */
void dualbm_sysfs_exit(void);

/* The bytes of a frame's line in "frames", its newline too. */
#define DUALBM_FRAME_LINE	128
/* The same in "frames_history". */
#define DUALBM_HISTORY_LINE	2048

/**
 * dualbm_frame_line() - what the record says of a frame
 * @pfn: any number; frames of no memory are allowed
 * @line: where to write it, without a newline
 *
 * For all files that show a frame. An update that is half done looks illegal for a moment.
 *
 * Context: Any but NMI; takes no lock.
 *
 * Return: its length, less than %DUALBM_FRAME_LINE.
 */
int dualbm_frame_line(unsigned long pfn, char line[DUALBM_FRAME_LINE]);

#endif /* DUALBM_SYSFS_H */
