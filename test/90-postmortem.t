#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is left of a machine that dualbm has stopped: its last words in memory that
# outlives the reboot, and, with DUALBM_LONG=1, what scripts/dualbm-drgn.py finds in a
# dump (the kernel's debug symbols are a download of 800 MB and more).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dump-lib.sh"

for kernel in $KERNELS; do
	[[ $(arch_of "$kernel") == amd64 ]] || continue
	# As docs/deployment.md has it.
	# shellcheck disable=SC2016 # "$" is the kernel's word for reserved
	vm "pstore-$kernel" 'done' --kernel "$kernel" --reboot --append 'memmap=1M$0x20000000 ramoops.mem_address=0x20000000 ramoops.mem_size=0x100000 ramoops.record_size=0x20000 ramoops.ecc=1' -- \
		postmortem.sh pstore

	[[ ${DUALBM_LONG-} ]] || continue
	use_kernel "$kernel"
	core=$CACHE/dump-$kernel.core
	if ! debug_symbols "$kernel"; then
		not_ok "dump-$kernel: debug symbols" "$(tail -n 3 "${vmlinux%/*}/apt.log")"
		continue
	fi
	installed_module "$(kernel_release "$kernel")" "$CACHE/dump-$kernel.ko"
	# One node: of more, QEMU's file has the memory of the first one only.
	vm "dump-$kernel" panic --kernel "$kernel" --nodes 1 --mem 1024 --dump "$core" -- postmortem.sh dump
	drgn_root "$kernel"
	dump_points "dump-$kernel" "$core" "$CACHE/dump-$kernel.ko" \
		"$(panic_string | sed -n 's/.* pfn=\(0x[0-9a-f]*\) .*/\1/p')"
	rm -rf --one-file-system "$ROOT" "$core" "$CACHE/dump-$kernel.ko"
done
done_testing
