/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether this very kernel was put through the tests (dualbm_qualified.c).
 */
#ifndef DUALBM_QUALIFIED_H
#define DUALBM_QUALIFIED_H

#include <linux/types.h>

/**
 * dualbm_qualified_add() - add to the list of kernels that were tried
 * @what: the parameter's name, for the message
 * @text: identities as dualbm_kernel_identity() gives them, with commas between; or "none"
 *
 * May be called many times: each file of modprobe.d may name some.
 *
 * Context: Before module init, for one parameter after another.
 *
 * Return: 0, or -EINVAL with the list unchanged and a log line that says what is accepted.
 */
int dualbm_qualified_add(const char *what, const char *text);

/**
 * dualbm_qualified_list() - what dualbm_qualified_add() was given, with commas between
 *
 * Context: Any, after module parameters were read.
 *
 * Return: the list, or "none".
 */
const char *dualbm_qualified_list(void);

/**
 * dualbm_qualified_any() - does the list name any kernel
 *
 * Context: Any, after module parameters were read.
 *
 * Return: true if it does.
 */
bool dualbm_qualified_any(void);

/**
 * dualbm_kernel_identify() - find out which kernel this is
 *
 * Context: Module init, before anything else of this file but the list. Sleeps.
 */
void dualbm_kernel_identify(void);

/**
 * dualbm_kernel_identity() - what distinguishes this kernel from all others
 *
 * That is the build-id that its linker gave it, in hexadecimal digits: the note that
 * /sys/kernel/notes has (notes_read() of kernel/ksysfs.c, 5.10 to 7.3). Where there is none it is
 * "RELEASE:VERSION", as uname tells them, with "_" for what would part a list.
 *
 * Context: Any, after dualbm_kernel_identify().
 *
 * Return: the identity.
 */
const char *dualbm_kernel_identity(void);

/**
 * dualbm_kernel_is_qualified() - is this kernel on the list
 *
 * Context: Any, after dualbm_kernel_identify().
 *
 * Return: true if it is.
 */
bool dualbm_kernel_is_qualified(void);

#endif /* DUALBM_QUALIFIED_H */
