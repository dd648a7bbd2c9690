#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Next to others on a healthy machine, under load and with policy=panic, nothing is
# found and nothing is missed: probes of perf and bpftrace, tracers, live patches,
# switches, suspend to memory and to disk, and another kernel by kexec; and what is learned
# while tasks sleep inside the allocator behind the probes of others is right.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

disk=$CACHE/swap.img
for kernel in $KERNELS; do
	vm "coexist-$kernel" 'done' --kernel "$kernel" --timeout 1200 -- coexist.sh \
		kprobes bpf tracefs twice churn tracer switches
	vm "learning-$kernel" 'done' --kernel "$kernel" --timeout 1200 -- coexist.sh \
		learn-kretprobe learn-graph learn-fexit learn-multi learn-all learn-reclaim
	# Last: a live patch leaves a mark on the kernel until it goes.
	vm "power-$kernel" 'done' --kernel "$kernel" --timeout 1200 --kexec -- coexist.sh \
		suspend livepatch kexec
	truncate -s 2G "$disk"
	vm "disk-$kernel" 'done' --kernel "$kernel" --timeout 600 --reboot \
		--qemu -drive --qemu "file=$disk,format=raw,if=virtio" -- coexist.sh hibernate
	rm -f "$disk"
done
done_testing
