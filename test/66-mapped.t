#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is freed while a process has it mapped is reported, once and with the process, and
# stops no machine; mappings that come and go as they should are no finding.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

for kernel in $KERNELS; do
	vm "mapped-$kernel" 'done' --kernel "$kernel" -- mapped.sh
done
done_testing
