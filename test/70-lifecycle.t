#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading and unloading under load leaves nothing behind, also when init fails
# at any of its steps; whatever is written to the module does no harm.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

modules=$CACHE/steps
rm -rf "$modules"

# build_other DIRECTORY RELEASE VARIABLE: what DKMS does not build.
build_other() {
	local dir=$modules/$1/$2

	mkdir -p "$dir"
	cp "$TOP"/*.[ch] "$TOP"/{Kbuild,VERSION} "$dir/"
	in_root make -C "/lib/modules/$2/build" M="/cache/steps/$1/$2" "${cross[@]}" "$3" modules
}

for kernel in $KERNELS; do
	use_kernel "$kernel"
	release=$(kernel_release "$kernel")
	read -ra cross <<<"$(cross_of "$kernel")"
	vm "lifecycle-$kernel" 'done' --kernel "$kernel" --timeout 900 -- lifecycle.sh
	# Where a CPU can sign return addresses, the kernel does.
	[[ $(arch_of "$kernel") != arm64 ]] ||
		vm "signed-$kernel" 'done' --kernel "$kernel" --qemu -cpu --qemu max,pauth-impdef=on -- \
			lifecycle.sh sleepers
	check "$kernel: a build whose init fails when told to" \
		build_other steps "$release" DUALBM_TEST_HOOKS=y
	DUALBM_MODULES=$modules/steps vm "steps-$kernel" 'done' --kernel "$kernel" -- lifecycle.sh steps
	check "$kernel: a build that has not heard of this kernel" \
		build_other untested "$release" KCFLAGS='-DDUALBM_TESTED_DISTRIBUTION=\"nowhere\"'
	DUALBM_MODULES=$modules/untested vm "untested-$kernel" 'done' --kernel "$kernel" \
		--append dualbm.allow_untested=0 -- lifecycle.sh untested
done
rm -rf "$modules"
done_testing
