#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a user without rights may read takes no lock that protection needs, and is
# kept up by others.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "census-$kernel" 'done' --kernel "$kernel" --mem 1536 --append movablecore=1024M -- users.sh census block
	vm "held-$kernel" 'done' --kernel "$kernel" -- users.sh held
	vm "chunks-$kernel" 'done' --kernel "$kernel" -- users.sh chunks
	vm "files-$kernel" 'done' --kernel "$kernel" -- users.sh files
	[[ ! ${DUALBM_LONG-} ]] || vm "waits-$kernel" 'done' --kernel "$kernel" -- users.sh waits
	vm "disturb-$kernel" 'done' --kernel "$kernel" -- users.sh disturb
	vm "names-$kernel" 'done' --kernel "$kernel" -- users.sh names
	# Who may read what is the same on both; in a long run it is looked at on both.
	[[ $kernel == 6.12 || ${DUALBM_LONG-} ]] || continue
	vm "lockdown-$kernel" 'done' --kernel "$kernel" -- users.sh lockdown
	vm "namespace-$kernel" 'done' --kernel "$kernel" -- users.sh namespace
done
done_testing
