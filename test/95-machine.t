#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A whole Debian machine: a throw-away root with systemd, node_exporter and kdump on a
# disk, the packages installed, and then what docs/deployment.md says, to the letter, in
# three lives (test/vm/machine.sh). On one kernel systemd loads dualbm, on the other the
# initramfs does. What kdump saved is read with drgn at the end.
#
# It takes forty minutes, and the kernels' debug symbols are downloads of 800 MB and more:
# with DUALBM_LONG=1 only, which "scripts/check --long" sets.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dump-lib.sh"

cd "$TOP"
long_only "a whole machine with systemd, node_exporter and kdump" "forty minutes"
need_packages e2fsprogs
work=$(mktemp -d "$CACHE/machine.XXXXXX")
trap 'status=$?; rm -rf "$work"; without_archive "$status"' EXIT
export DEBFULLNAME="The tests" DEBEMAIL=tests@dualbm.invalid

# documented FIRST LAST: the code of docs/deployment.md from the first line that begins
# with FIRST to the next one that begins with LAST.
documented() {
	awk -v first="    $1" -v last="    $2" '
		index($0, first) == 1 { inside = 1 }
		inside && /^    / { print substr($0, 5) }
		inside && index($0, last) == 1 { exit }' docs/deployment.md
}

# A machine as it is before anybody thinks of dualbm. Its initramfs has only what it
# needs: an emulated CPU takes long to unpack it.
furnish() {
	# The headers of its kernel are in the root: the newest may be those of another one.
	fetch root_apt "installing the machine's packages in the root" "$work/apt.log" \
		in_apt install --no-install-recommends systemd-sysv udev initramfs-tools zstd busybox-static \
		prometheus-node-exporter kdump-tools makedumpfile
	rm -f "$ROOT/usr/sbin/policy-rc.d"
	echo machine >"$ROOT/etc/hostname"
	echo "/dev/vda / ext4 defaults 0 1" >"$ROOT/etc/fstab"
	sed -i 's/^MODULES=.*/MODULES=list/' "$ROOT/etc/initramfs-tools/initramfs.conf"
	documented KDUMP_CMDLINE_APPEND KDUMP_CMDLINE_APPEND >>"$ROOT/etc/default/kdump-tools"
	[[ $kernel != 6.12 ]] || documented MAKEDUMP_ARGS MAKEDUMP_ARGS >>"$ROOT/etc/default/kdump-tools"
	printf '%s\n' virtio_pci virtio_blk ext4 >>"$ROOT/etc/initramfs-tools/modules"
}

# The test's own: a service that runs when all else does, on the port to the runner.
plant() {
	mkdir -p "$ROOT/test" "$ROOT/modules"
	cp test/vm/machine-init test/vm/machine.sh test/vm/guest-lib.sh "$ROOT/test/"
	documented '#!/bin/sh' 'dualbmctl status' >"$ROOT/test/stage"
	documented 'ACTION=="change"' 'ACTION=="change"' >"$ROOT/etc/udev/rules.d/90-dualbm.rules"
	{
		echo '#!/bin/sh'
		documented '# /usr/local/sbin/dualbm-alert' systemd-run
	} >"$ROOT/usr/local/sbin/dualbm-alert"
	printf '#!/bin/sh\ntouch /run/drained\n' >"$ROOT/usr/local/sbin/drain-this-machine"
	chmod 755 "$ROOT"/usr/local/sbin/*
	documented 'dualbmctl unload; dualbmctl load inject=1' 'echo now' >"$ROOT/test/try"
	cp "$CACHE/vm/$release/overlay/modules/faulty.ko" "$ROOT/modules/"
	cat >"$ROOT/etc/systemd/system/dualbm-test.service" <<-EOF
		[Unit]
		After=multi-user.target
		[Service]
		WorkingDirectory=/test
		Environment=port=/dev/ttyS1
		ExecStart=/bin/sh machine-init $1
		[Install]
		WantedBy=multi-user.target
	EOF
	in_root systemctl enable dualbm-test.service >/dev/null 2>&1
}

# dump_of KERNEL NAME: what kdump left on the disk.
dump_of() {
	local kernel=$1 name=$2

	if ! debug_symbols "$kernel"; then
		not_ok "$name: debug symbols" "$(tail -n 3 "${vmlinux%/*}/apt.log")"
		return
	fi
	debugfs -R "rdump /var/crash $work" "$work/disk" >"$work/debugfs.log" 2>&1
	mv "$work"/crash/2*/dump.2* "$work/dump.DATE"
	check "$name: the dump is put in order" in_root sh -c "cd /cache/${work##*/} &&
		$(documented 'makedumpfile -R' 'makedumpfile -R' | sed 's,/var/crash/DATE/,,')"
	installed_module "$release" "$work/dualbm.ko"
	rm -rf --one-file-system "$ROOT"
	drgn_root "$kernel"
	dump_points "$name" "$work/dump" "$work/dualbm.ko" \
		"$(sed -n 's/.*dualbm: boundary_double_free pfn=\(0x[0-9a-f]*\) .*/\1/p' "$vm_log" | head -n 1)"
}

# machine KERNEL installed|early
machine() {
	local kernel=$1 how=$2 name=machine-$1

	release=$(kernel_release "$kernel")
	throw_away_root "$(column "$kernel" 2)"
	in_root sh -c 'cd /src && scripts/install --remove' >/dev/null 2>&1 || :
	furnish
	check "$name: both packages install" in_apt install \
		"/cache/${work##*/}/deb/dualbm-dkms_${VERSION}_all.deb" "/cache/${work##*/}/deb/dualbm-tools_${VERSION}_amd64.deb"
	plant "$how"
	check "$name: an initramfs" in_root update-initramfs -c -k "$release"
	if [[ $how == early ]]; then
		# It has a copy of the policy.
		in_root sed -i 's/^#*options dualbm policy=.*/options dualbm policy=panic/' /etc/modprobe.d/dualbm.conf
		check "$name: dualbm into the initramfs" \
			in_root sh -ec "$(documented 'echo dualbm >> /etc/initramfs' update-initramfs)"
	fi
	is "$name: what the initramfs has of dualbm" \
		"$(in_root lsinitramfs "/boot/initrd.img-$release" | grep -oE 'dualbm[.](ko|conf)' | sort -u | xargs)" \
		"dualbm.conf$([[ $how != early ]] || echo " dualbm.ko")"

	# Without what the module was built with.
	truncate -s 6G "$work/disk"
	rm -rf "$ROOT"/usr/src/* "$ROOT"/usr/lib/gcc/* "$ROOT"/usr/share/{doc,locale,man} "$ROOT"/var/cache/apt/archives/*.deb
	check "$name: its disk" mke2fs -q -t ext4 -d "$ROOT" "$work/disk"
	vm "$name" 'done' --kernel "$kernel" --no-build --reboot --nodes 1 --mem 1536 --timeout 1800 \
		--append "crashkernel=256M" --disk "$work/disk" --initrd "$ROOT/boot/initrd.img-$release" -- machine.sh
	is "$name: loaded in three lives, and not by the kernel that wrote the dump" \
		"$(grep -c 'dualbm: loading out-of-tree module' "$vm_log")" 3
	dump_of "$kernel" "$name"
	rm -rf --one-file-system "$ROOT" "$work"/{crash,dump,dump.DATE,disk}
}

check "packages" env O="$work/deb" packaging/deb
for kernel in ${DUALBM_KERNELS:-6.1 6.12 6.12-trixie}; do
	scripts/vm-image "$kernel"
	if [[ $kernel == 6.1 ]]; then how=installed; else how=early; fi
	machine "$kernel" $how
done
done_testing
