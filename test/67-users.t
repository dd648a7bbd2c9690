#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a user without rights may read takes no lock that protection needs, and is
# kept up by others.
# covers: R-USER-1
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "census-$kernel" 'done' --kernel "$kernel" --mem 1536 --append movablecore=1024M -- users.sh census block
	vm "held-$kernel" 'done' --kernel "$kernel" -- users.sh held
	vm "chunks-$kernel" 'done' --kernel "$kernel" -- users.sh chunks
	vm_once "$kernel" "files-$kernel" 'done' -- users.sh files
	[[ ! ${DUALBM_LONG-} ]] || vm "waits-$kernel" 'done' --kernel "$kernel" -- users.sh waits
	vm "disturb-$kernel" 'done' --kernel "$kernel" -- users.sh disturb
	vm_once "$kernel" "names-$kernel" 'done' -- users.sh names
	vm_once "$kernel" "lockdown-$kernel" 'done' -- users.sh lockdown
	vm_once "$kernel" "namespace-$kernel" 'done' -- users.sh namespace
done
done_testing
