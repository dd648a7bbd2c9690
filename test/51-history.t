#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Who had a frame before: reports and files name who allocated and who freed it, on each
# kernel; under load it is switched on and off, and memory goes and comes.
# covers: R-HIST-1
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# A block that goes may have nothing from boot time in it: of this many some have not.
for kernel in $KERNELS; do
	vm "history-$kernel" 'done' --kernel "$kernel" --mem 1536 --append movablecore=1024M -- history.sh
done

done_testing
