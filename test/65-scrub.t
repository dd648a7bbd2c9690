#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# It looks by itself: faults in the planes and in the allocator's own data are found
# where no event comes, without one there is no finding, and what looks is watched.
#
# DUALBM_STORM=N: how many faults are put into the planes from outside, however long it
# takes; otherwise as many as fit in 40 seconds, and ten thousand with DUALBM_LONG=1.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

faults=(1000000 40) limit=900
[[ ! ${DUALBM_LONG-} ]] || DUALBM_STORM=${DUALBM_STORM:-10000}
[[ ! ${DUALBM_STORM-} ]] || faults=("$DUALBM_STORM") limit=$((900 + DUALBM_STORM))

for kernel in $KERNELS; do
	vm "control-$kernel" 'done' --kernel "$kernel" -- scrub.sh control
	vm "metadata-$kernel" 'done' --kernel "$kernel" -- scrub.sh metadata
	vm "hurry-$kernel" 'done' --kernel "$kernel" --mem 3072 -- scrub.sh hurry
	vm "repair-$kernel" 'done' --kernel "$kernel" -- scrub.sh repair
	vm "placed-$kernel" 'done' --kernel "$kernel" -- scrub.sh placed
	vm "placed-1-node-$kernel" 'done' --kernel "$kernel" --nodes 1 -- scrub.sh placed
	# Where instructions are the clock, minutes of sleep are none.
	vm "linger-$kernel" 'done' --kernel "$kernel" --icount -- scrub.sh linger
	# Three minutes, and nothing of a kernel's own is in it.
	if [[ $kernel != 6.12 && ${DUALBM_LONG-} != 1 ]]; then
		skip "cost-$kernel" "DUALBM_LONG=1"
	else
		vm "cost-$kernel" 'done' --kernel "$kernel" --icount --mem 6144 -- scrub.sh cost
	fi
	vm "proof-$kernel" 'done' --kernel "$kernel" -- scrub.sh proof
	vm "churn-$kernel" 'done' --kernel "$kernel" -- scrub.sh churn 15
	vm "hotplug-$kernel" 'done' --kernel "$kernel" --append movablecore=1024M --mem 1536 \
		-- scrub.sh hotplug 30
	vm "storm-$kernel" 'done' --share --timeout "$limit" --kernel "$kernel" -- storm.sh faults "${faults[@]}"
	# Each of ten words twice, and every bit with DUALBM_LONG=1.
	vm "storm-control-$kernel" 'done' --share --timeout 600 --kernel "$kernel" -- \
		storm.sh control "$([[ ${DUALBM_LONG-} ]] && echo 640 || echo 20)"
	vm "latency-$kernel" 'done' --share --kernel "$kernel" -- storm.sh latency 15
	# Three minutes.
	if [[ ${DUALBM_LONG-} != 1 ]]; then
		skip "urgent-$kernel" "DUALBM_LONG=1"
	else
		vm "urgent-$kernel" 'done' --debian --kernel "$kernel" -- scrub.sh urgent
	fi
	vm "watchdog-$kernel" 'done' --kernel "$kernel" -- scrub.sh watchdog
	[[ $kernel == 6.12 || ${DUALBM_LONG-} ]] || continue
	vm "watchdog-stop-$kernel" panic --kernel "$kernel" -- scrub.sh watchdog stop
	like "watchdog-stop-$kernel: the panic says why" "$(panic_string)" \
		'^dualbm: degraded: the scrubber has stalled'
done
done_testing
