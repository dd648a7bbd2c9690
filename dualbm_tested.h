/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernels that dualbm is tested on (docs/kernels.md). The module asks when it is
 * loaded, and "dualbmctl check" before that, of a kernel that may never have run: both
 * from here.
 */
#ifndef DUALBM_TESTED_H
#define DUALBM_TESTED_H

#ifdef __KERNEL__
#include <linux/ctype.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#endif

/*
 * How a release begins, and its flavour, which is what comes after the numbers. Another
 * distribution's kernel of the same release is another kernel.
 */
static const struct dualbm_tested_kernel {
	const char *begins;
	const char *flavour;
} dualbm_tested_kernels[] = {
	{ "5.10.",	"-amd64" },
	{ "6.1.",	"-amd64" },
	{ "6.1.",	"-arm64" },
	{ "6.1.",	"-cloud-amd64" },
	{ "6.1.",	"-rt-amd64" },
	{ "6.12.",	"-amd64" },
	{ "6.12.",	"-arm64" },
	{ "6.12.",	"-rt-amd64" },
	{ "7.2.",	"-amd64" },
	{ "7.3.",	"-amd64" },
	{ }
};

#ifndef DUALBM_TESTED_DISTRIBUTION
#define DUALBM_TESTED_DISTRIBUTION	" Debian "
#endif

/**
 * dualbm_release_is_tested() - is this one of the kernels that the tests go through?
 * @release: the kernel's release, as "uname -r" gives it
 *
 * Says nothing of whose kernel it is: dualbm_version_is_tested(). Any context.
 */
static inline bool dualbm_release_is_tested(const char *release)
{
	const struct dualbm_tested_kernel *tested;
	const char *flavour = strchr(release, '-');

	/* "-rt-amd64" of 6.1.0-56-rt-amd64. */
	while (flavour && !isalpha((unsigned char)flavour[1]))
		flavour = strchr(flavour + 1, '-');
	if (!flavour)
		return false;
	for (tested = dualbm_tested_kernels; tested->begins; tested++)
		if (!strncmp(release, tested->begins, strlen(tested->begins)) &&
		    !strcmp(flavour, tested->flavour))
			return true;
	return false;
}

/**
 * dualbm_version_is_tested() - does this kernel come from whom the tested ones do?
 * @version: what the kernel says of its build, as "uname -v" or /proc/version has it
 *
 * Any context.
 */
static inline bool dualbm_version_is_tested(const char *version)
{
	return strstr(version, DUALBM_TESTED_DISTRIBUTION);
}

#endif /* DUALBM_TESTED_H */
