#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading and unloading under load leaves nothing behind, also when init fails
# at any of its steps; whatever is written to the module does no harm.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

modules=$CACHE/steps
rm -rf "$modules"

# A build whose init can be told to fail: the one thing that DKMS does not build.
build_steps() {
	local release=$1 dir=$modules/$1

	mkdir -p "$dir"
	cp "$TOP"/*.[ch] "$TOP"/{Kbuild,VERSION} "$dir/"
	in_root make -C "/lib/modules/$release/build" M="/cache/steps/$release" DUALBM_TEST_HOOKS=y modules
}

for kernel in $KERNELS; do
	release=$(kernel_release "$kernel")
	vm "lifecycle-$kernel" 'done' --kernel "$kernel" --timeout 900 -- lifecycle.sh
	check "$kernel: a build whose init fails when told to" build_steps "$release"
	DUALBM_MODULES=$modules vm "steps-$kernel" 'done' --kernel "$kernel" -- lifecycle.sh steps
done
rm -rf "$modules"
done_testing
