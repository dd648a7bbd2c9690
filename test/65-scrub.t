#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# It looks by itself: faults in the planes and in the allocator's own data are found
# where no event comes, without one there is no finding, and what looks is watched.
#
# DUALBM_STORM=N: how many faults are put into the planes from outside, however long it
# takes; otherwise as many as fit in 40 seconds, and ten thousand with DUALBM_LONG=1.
# covers: R-PANIC-3
set -euo pipefail
. "$(dirname "$0")/lib.sh"

faults=(1000000 40) limit=900
[[ ! ${DUALBM_LONG-} ]] || DUALBM_STORM=${DUALBM_STORM:-10000}
[[ ! ${DUALBM_STORM-} ]] || faults=("$DUALBM_STORM") limit=$((900 + DUALBM_STORM))

for kernel in $KERNELS; do
	vm "control-$kernel" 'done' --kernel "$kernel" -- scrub.sh control
	vm "metadata-$kernel" 'done' --kernel "$kernel" -- scrub.sh metadata
	vm_once "$kernel" "hurry-$kernel" 'done' --mem 3072 -- scrub.sh hurry
	vm_once "$kernel" "repair-$kernel" 'done' -- scrub.sh repair
	vm_once "$kernel" "placed-$kernel" 'done' -- scrub.sh placed
	vm_once "$kernel" "placed-1-node-$kernel" 'done' --nodes 1 -- scrub.sh placed
	# Where instructions are the clock, minutes of sleep are none.
	vm_once "$kernel" "linger-$kernel" 'done' --icount -- scrub.sh linger
	vm_once "$kernel" "cost-$kernel" 'done' --icount --mem 6144 -- scrub.sh cost
	vm "proof-$kernel" 'done' --kernel "$kernel" -- scrub.sh proof
	vm_once "$kernel" "churn-$kernel" 'done' -- scrub.sh churn 15
	vm "hotplug-$kernel" 'done' --kernel "$kernel" --append movablecore=1024M --mem 1536 \
		-- scrub.sh hotplug 30
	vm_once "$kernel" "storm-$kernel" 'done' --share --timeout "$limit" -- storm.sh faults "${faults[@]}"
	# Each of ten words twice, and every bit with DUALBM_LONG=1.
	vm_once "$kernel" "storm-control-$kernel" 'done' --share -- \
		storm.sh control "$([[ ${DUALBM_LONG-} ]] && echo 640 || echo 20)"
	vm_once "$kernel" "latency-$kernel" 'done' --share -- storm.sh latency 15
	# Three minutes.
	if [[ ${DUALBM_LONG-} != 1 ]]; then
		skip "urgent-$kernel" "DUALBM_LONG=1"
	else
		vm "urgent-$kernel" 'done' --debian --kernel "$kernel" -- scrub.sh urgent
	fi
	vm "watchdog-$kernel" 'done' --kernel "$kernel" -- scrub.sh watchdog
	once "$kernel" "watchdog-stop-$kernel" || continue
	vm "watchdog-stop-$kernel" panic --kernel "$kernel" -- scrub.sh watchdog stop
	like "watchdog-stop-$kernel: the panic says why" "$(panic_string)" \
		'^dualbm: degraded: the scrubber has stalled'
done
done_testing
