#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Next to others on a healthy machine, under load and with policy=panic, nothing is
# found and nothing is missed: probes of perf and bpftrace, tracers, live patches,
# switches, suspend to memory and to disk, and another kernel by kexec; and what is learned
# while tasks sleep inside the allocator behind the probes of others is right.
# covers: R-EVENT-10
set -euo pipefail
. "$(dirname "$0")/lib.sh"

disk=$(mktemp "$CACHE/swap.XXXXXX")
trap 'rm -f "$disk"' EXIT
for kernel in $KERNELS; do
	vm "coexist-$kernel" 'done' --kernel "$kernel" --timeout 1200 -- coexist.sh \
		kprobes bpf tracefs twice culprit churn tracer switches livepatch
	vm "learning-$kernel" 'done' --kernel "$kernel" --timeout 1200 -- coexist-learn.sh
	vm "power-$kernel" 'done' --kernel "$kernel" --timeout 1200 --kexec -- \
		coexist-power.sh suspend kexec
	truncate -s 0 "$disk"
	truncate -s 2G "$disk"
	vm "disk-$kernel" 'done' --kernel "$kernel" --reboot \
		--qemu -drive --qemu "file=$disk,format=raw,if=virtio" -- coexist-power.sh hibernate
done
done_testing
