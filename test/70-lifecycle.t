#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading and unloading under load leaves nothing behind, also when init fails
# at any of its steps; whatever is written to the module does no harm.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

modules=$(mktemp -d "$CACHE/other.XXXXXX")
trap 'rm -rf "$modules"' EXIT

# build_other RELEASE: what DKMS does not build: its init fails when told to.
build_other() {
	local dir=$modules/$1

	mkdir -p "$dir"
	cp "$TOP"/*.[ch] "$TOP"/{Kbuild,VERSION} "$dir/"
	in_root make -j "$(nproc)" -C "/lib/modules/$1/build" M="/cache/${modules##*/}/$1" "${cross[@]}" \
		DUALBM_TEST_HOOKS=y modules
}

# 45 times, in a long run a hundred; most of the time it waits for RCU: all kernels at once.
times=45
[[ ${DUALBM_LONG-} != 1 ]] || times=100
for kernel in $KERNELS; do
	once "$kernel" "reload-$kernel" || continue
	vm_start "reload-$kernel" --kernel "$kernel" --timeout 1500 \
		--append "dualbm_cycles=$times" -- lifecycle.sh reload
done
for kernel in $KERNELS; do
	use_kernel "$kernel"
	release=$(kernel_release "$kernel")
	read -ra cross <<<"$(cross_of "$kernel")"
	vm "lifecycle-$kernel" 'done' --kernel "$kernel" --timeout 900 -- lifecycle.sh
	# Where a CPU can sign return addresses, the kernel does.
	[[ $(arch_of "$kernel") != arm64 ]] ||
		vm "signed-$kernel" 'done' --kernel "$kernel" --qemu -cpu --qemu max,pauth-impdef=on -- \
			lifecycle.sh sleepers
	once "$kernel" "init-$kernel" || continue
	check "$kernel: a build whose init fails when told to" build_other "$release"
	DUALBM_MODULES=$modules vm "init-$kernel" 'done' --kernel "$kernel" \
		--append dualbm.allow_untested=0 -- lifecycle.sh steps unqualified
done
for kernel in $KERNELS; do
	[[ ! ${vm_pids[reload-$kernel]-} ]] || vm_end "reload-$kernel" 'done'
done
done_testing
