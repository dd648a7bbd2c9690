# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by tests, after lib.sh: what scripts/dualbm-drgn.py finds in the memory of a
# machine that a double free of the test module "faulty" has stopped.

# debug_symbols KERNEL: its vmlinux with debug information, in $vmlinux.
debug_symbols() {
	local release package

	release=$(kernel_release "$1")
	package=linux-image-$release-dbg
	vmlinux=$CACHE/symbols/$release/vmlinux
	[[ ! -s $vmlinux ]] || return 0
	mkdir -p "${vmlinux%/*}"
	say "downloading $package"
	fetch root_apt "download of $package" "${vmlinux%/*}/apt.log" \
		in_root sh -ec "cd /cache/symbols/$release && apt-get -q download $package"
	dpkg-deb --fsys-tarfile "${vmlinux%/*}/$package"_*.deb |
		tar -xO "./usr/lib/debug/boot/vmlinux-$release" >"$vmlinux.new" || return
	rm -f "${vmlinux%/*}"/*.deb
	mv "$vmlinux.new" "$vmlinux"
}

# drgn_kernel KERNEL: one of the Debian release whose drgn can place its modules.
drgn_kernel() {
	case $1 in
	5.10 | 6.1 | 6.1-*) echo 6.1 ;;
	*) echo 7.3 ;;
	esac
}

# drgn_root KERNEL: from here on ROOT is a throw-away one with a drgn for that kernel.
drgn_root() {
	local helper

	helper=$(drgn_kernel "$1")
	"$TOP/scripts/root" "$helper"
	throw_away_root "$(column "$helper" 2)" --exclude=./lib/modules --exclude=./usr/lib/modules --exclude=./boot
	fetch root_apt "installing python3-drgn in the root" "$CACHE/drgn.log" in_apt install python3-drgn
}

# dump_points NAME CORE MODULE FRAME: the script on a dump, with $vmlinux and the module
# that was loaded, all of them files in $CACHE. FRAME was freed twice. The drgn is that of
# $ROOT.
dump_points() {
	local name=$1 frame=$4 out hooks at

	# look WORD...: what the script says of the dead machine.
	look() {
		in_root drgn -q -c "/cache/${core#"$CACHE/"}" -s "/cache/${vmlinux#"$CACHE/"}" \
			-s "/cache/${module#"$CACHE/"}" scripts/dualbm-drgn.py "$@" 2>&1 || :
	}
	core=$2 module=$3
	out=$(look)
	like "$name: state" "$out" 'state=armed policy=panic panic_withheld=0 trouble=-'
	like "$name: stats" "$out" $'\nviolations 1\n'
	like "$name: the finding" "$out" "record=1 time_ns=[0-9]+ class=boundary_double_free pfn=$frame order=0 .* caller=faulty_double_free"
	like "$name: its stack" "$out" $'\n    __free_pages\\+0x[0-9a-f]+\n    0x[0-9a-f]+ \\[faulty\\]\n'
	hooks=$(look hooks)
	is "$name: hooks" "$(grep -cE '^mm_page_(alloc|free) tracepoint [1-9][0-9]* required live$' <<<"$hooks")" 2
	at=$(look frame "$frame" 0xffffffff)
	like "$name: the frame" "$at" "pfn=$frame state=free primary=0 secondary=1 untracked=0 "
	like "$name: its history" "$at" $'\nrecord=1 '
	like "$name: a frame that there is not" "$at" 'pfn=0xffffffff is not managed'
	like "$name: a bad word" "$(look foo)" 'unknown word "foo": use state, stats, hooks, ring or frame PFN'
}
