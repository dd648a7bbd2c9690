#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What it costs: instructions per pair of allocation and free, counted by an emulator
# whose clock counts them; and a machine of 4 GiB: the time to arm, the share of memory
# that is known, and the size of the record. What scrubbing costs is in 65-scrub.t.
# covers: R-COST-1
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "$kernel, cost" 'done' --kernel "$kernel" --icount --append init_on_alloc=0 -- \
		bench.sh 92 147 400 352 402 659 597 649 886 60 75 75
	vm "$kernel, 4 GiB" 'done' --kernel "$kernel" --mem 2048 -- size.sh
done
done_testing
