#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Events that are lost are counted, make the module say so and learn again, and
# never become a verdict; with on_degraded=panic they stop the machine.
# covers: R-PANIC-3
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "loss-$kernel" panic --kernel "$kernel" -- loss.sh
	like "loss-$kernel: the panic says what was lost" "$(panic_string)" '^dualbm: degraded: '
done
done_testing
