#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is left of a machine that dualbm has stopped: its last words in memory that
# outlives the reboot, and, with DUALBM_LONG=1, what scripts/dualbm-drgn.py finds in a
# dump (the kernel's debug symbols are a download of 800 MB and more).
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# symbols RELEASE: the kernel's vmlinux with debug information, in $vmlinux.
symbols() {
	local package=linux-image-$1-dbg

	vmlinux=$CACHE/symbols/$1/vmlinux
	[[ ! -s $vmlinux ]] || return 0
	mkdir -p "${vmlinux%/*}"
	say "downloading $package"
	in_root sh -ec "cd /cache/symbols/$1 && apt-get -q download $package" >"${vmlinux%/*}/apt.log" 2>&1 </dev/null ||
		return
	dpkg-deb --fsys-tarfile "${vmlinux%/*}/$package"_*.deb |
		tar -xO "./usr/lib/debug/boot/vmlinux-$1" >"$vmlinux.new" || return
	rm -f "${vmlinux%/*}"/*.deb
	mv "$vmlinux.new" "$vmlinux"
}

for kernel in $KERNELS; do
	[[ $(arch_of "$kernel") == amd64 ]] || continue
	# As docs/deployment.md has it.
	# shellcheck disable=SC2016 # "$" is the kernel's word for reserved
	vm "pstore-$kernel" 'done' --kernel "$kernel" --reboot --append 'memmap=1M$0x20000000 ramoops.mem_address=0x20000000 ramoops.mem_size=0x100000 ramoops.record_size=0x20000 ramoops.ecc=1' -- \
		postmortem.sh pstore

	[[ ${DUALBM_LONG-} ]] || continue
	use_kernel "$kernel"
	release=$(kernel_release "$kernel")
	need_packages python3-drgn
	if ! symbols "$release"; then
		not_ok "dump-$kernel: debug symbols" "$(tail -n 3 "$CACHE/symbols/$release/apt.log")"
		continue
	fi
	core=$CACHE/dump-$kernel.core
	module=$ROOT/lib/modules/$release/updates/dkms/dualbm.ko
	if [[ -e $module.xz ]]; then
		xzcat "$module.xz" >"$CACHE/dump-$kernel.ko"
	else
		cp "$module" "$CACHE/dump-$kernel.ko"
	fi
	# One node: of more, QEMU's file has the memory of the first one only.
	vm "dump-$kernel" panic --kernel "$kernel" --nodes 1 --mem 1024 --dump "$core" -- postmortem.sh dump
	frame=$(panic_string | sed -n 's/.* pfn=\(0x[0-9a-f]*\) .*/\1/p')
	# look WORD...: what the script says of the dead machine.
	look() {
		drgn -q -c "$core" -s "$vmlinux" -s "$CACHE/dump-$kernel.ko" "$TOP/scripts/dualbm-drgn.py" "$@" 2>&1
	}
	out=$(look) || :
	if [[ $kernel != 6.1 ]] && dpkg --compare-versions "$(dpkg-query -Wf '${Version}' python3-drgn)" lt 0.0.23; then
		like "dump-$kernel: an older drgn is no use, and is told" "$out" 'this drgn is too old'
		rm -f "$core" "$CACHE/dump-$kernel.ko"
		continue
	fi
	like "dump-$kernel: state" "$out" 'state=armed policy=panic panic_withheld=0 trouble=-'
	like "dump-$kernel: stats" "$out" $'\nviolations 1\n'
	like "dump-$kernel: the finding" "$out" "record=1 time_ns=[0-9]+ class=boundary_double_free pfn=$frame order=0 .* caller=faulty_double_free"
	like "dump-$kernel: its stack" "$out" $'\n    __free_pages\\+0x[0-9a-f]+\n    0x[0-9a-f]+ \\[faulty\\]\n'
	hooks=$(look hooks)
	is "dump-$kernel: hooks" "$(grep -cE '^mm_page_(alloc|free) tracepoint [1-9][0-9]* required live$' <<<"$hooks")" 2
	at=$(look frame "$frame" 0xffffffff)
	like "dump-$kernel: the frame" "$at" "pfn=$frame state=free primary=0 secondary=1 untracked=0 "
	like "dump-$kernel: its history" "$at" $'\nrecord=1 '
	like "dump-$kernel: a frame that there is not" "$at" 'pfn=0xffffffff is not managed'
	like "dump-$kernel: a bad word" "$(look foo)" 'unknown word "foo": use state, stats, hooks, ring or frame PFN'
	rm -f "$core" "$CACHE/dump-$kernel.ko"
done
done_testing
