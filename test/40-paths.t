#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# No false alarm: every path of the allocator on a healthy machine, under load
# and with policy=panic, on both kernels. Two nodes; room for a memory module;
# a balloon that reports free pages; some memory that can be taken away; and a
# reserved page of 1 GiB, which needs nodes of this size. And memory that comes at a bad
# moment, or far from all other memory; huge pages that give their memory map back; and network traffic
# whose pages come from page pools, beside memory that is pinned.
# covers: R-EVENT-1 R-PORT-1
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	# A block with a boot-time page in it does not go offline: the last of a node has some,
	# and the kernel itself lies in a random place.
	# KASAN's own memory is at the end of each node, one eighth of it. And a debug kernel
	# is too slow for ACPI's own limit on the way to the balloon's interrupt.
	movable=1024M balloon=--balloon mem=3072
	# It also uses so much memory that the page of 1 GiB would not be had again.
	! is_debug_kernel "$kernel" || movable=2048M balloon='' mem=4096
	# What kmemleak and KASAN keep takes the place of a page of 1 GiB at once, and 7.3 does not
	# get it back. But that kernel can have one in movable memory, if KASAN's is not in it.
	[[ $kernel != 7.*-debug ]] || movable=4096M
	vm "paths-$kernel" "done" --kernel "$kernel" --mem $mem --hotplug ${balloon:+"$balloon"} \
		--append "movablecore=$movable default_hugepagesz=2M hugepagesz=1G hugepages=1" -- paths.sh
	vm "vmemmap-$kernel" "done" --kernel "$kernel" --mem 1024 --append hugetlb_free_vmemmap=on -- vmemmap.sh
	vm "pools-$kernel" "done" --kernel "$kernel" -- pools.sh $((15 * (1 + 7 * ${DUALBM_LONG:-0})))
	vm "memory-$kernel" "done" --kernel "$kernel" --mem 1536 --append movablecore=1024M -- memory.sh
	# Memory at 12 TiB; and at 58 TiB, of which such a small machine gets no map.
	for tib in 12 58; do
		[[ $kernel != *-arm64 ]] || continue
		[[ ${DUALBM_LONG-} || $tib == 12 ]] || continue
		once "$kernel" "far-$tib-$kernel" || continue
		vm "far-$tib-$kernel" "done" --kernel "$kernel" --mem 1024 --hotplug \
			--append memhp_default_state=offline \
			--qemu -m --qemu maxmem=61T --qemu -cpu --qemu max,phys-bits=46 \
			--qemu -object --qemu memory-backend-ram,id=far,size=128M \
			--qemu -device --qemu "pc-dimm,memdev=far,node=1,addr=$((tib << 40))" \
			-- memory.sh far $((tib << 28))
	done
done
done_testing
