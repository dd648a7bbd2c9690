#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Loading, unloading, and whatever a person can write to the module.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "lifecycle-$kernel" done --kernel "$kernel" -- lifecycle.sh
done
done_testing
