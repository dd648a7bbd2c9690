#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# No false alarm: every path of the allocator on a healthy machine, under load
# and with policy=panic, on both kernels. Two nodes; room for a memory module;
# a balloon that reports free pages; some memory that can be taken away; and a
# reserved page of 1 GiB, which needs nodes of this size.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "paths-$kernel" "done" --kernel "$kernel" --timeout 600 --mem 3072 --hotplug --balloon \
		--append "movablecore=512M default_hugepagesz=2M hugepagesz=1G hugepages=1" -- paths.sh
done
done_testing
