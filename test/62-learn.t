#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Learning ends whatever a user does, knows idle huge pages, says why it leaves the rest, and
# does not stop the machine where there is nothing to learn. A page of 1 GiB that is there
# from the start of the machine needs nodes of this size.
# covers: R-HOOK-7
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "learn-$kernel" 'done' --kernel "$kernel" --mem 3072 \
		--append "default_hugepagesz=2M hugepagesz=1G hugepages=1" -- learn.sh
done
done_testing
