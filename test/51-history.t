#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Who had a frame before: reports and files name who allocated and who freed it, on each
# kernel; under load it is switched on and off, and memory goes and comes.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "history-$kernel" 'done' --kernel "$kernel" --timeout 600 --mem 1536 --append movablecore=512M -- history.sh
done

done_testing
