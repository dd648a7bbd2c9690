#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Events that are lost are counted, and never become a verdict.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "loss-$kernel" done --kernel "$kernel" -- loss.sh
done
done_testing
