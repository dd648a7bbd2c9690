/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files in debugfs (dualbm_debugfs.c).
 */
#ifndef DUALBM_DEBUGFS_H
#define DUALBM_DEBUGFS_H

#include "dualbm.h"

/**
 * dualbm_debugfs_init() - make the files in /sys/kernel/debug/dualbm
 *
 * Cannot fail: without debugfs there are no files, and the module does all its
 * work.
 *
 * Context: Module init, when all that they show works; sleeps.
 */
void dualbm_debugfs_init(void);

/**
 * dualbm_debugfs_exit() - undo dualbm_debugfs_init()
 *
 * Context: Module exit, before what they show ends; sleeps until nobody reads
 * or writes them any more.
 */
void dualbm_debugfs_exit(void);

#endif /* DUALBM_DEBUGFS_H */
