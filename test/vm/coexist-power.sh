#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2119
#
# The machine sleeps, in memory and on disk, or another kernel takes it over.
#
#	coexist-power.sh suspend|hibernate|kexec...
#
# kexec boots this script again, with "kexeced", which is not for people; hibernating
# (vm-run --reboot, and a disk) boots it again as it is.
. ./coexist-lib.sh

# learned_again STEP RELEARNS: after a sleep, before which there were so many.
learned_again() {
	check "$name: $1: armed again" wait_for 60 state_is armed
	at_least "$name: $1: has learned again" "$(stat relearns)" $(($2 + 1))
	work
	clean "$1"
}

to_memory() {
	wanted suspend || return 0
	if ! grep -q mem /sys/power/state || ! [ -e /sys/class/rtc/rtc0/wakealarm ]; then
		skip "$name" "this machine cannot suspend to memory"
		return
	fi
	load
	for _round in 1 2 3; do
		work
		_relearns=$(stat relearns)
		_slept=$(cat /sys/power/suspend_stats/success 2>/dev/null || awk '/^success:/ { print $2 }' /sys/kernel/debug/suspend_stats)
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		echo +4 >/sys/class/rtc/rtc0/wakealarm
		check "$name: round $_round: to memory and back" write /sys/power/state mem
		is "$name: round $_round: it slept" \
			"$(cat /sys/power/suspend_stats/success 2>/dev/null || awk '/^success:/ { print $2 }' /sys/kernel/debug/suspend_stats)" \
			$((_slept + 1))
		learned_again "round $_round" "$_relearns"
	done
	unload
	done_with
}

# Of the disk: all but the last MiB for swap, and there how often an image came back.
swap_disk() {
	modprobe virtio_pci
	modprobe virtio_blk
	wait_for 10 test -e /dev/vda && last_mib=$(($(cat /sys/block/vda/size) / 2048 - 1))
}

came_back() {
	echo 3 >/proc/sys/vm/drop_caches
	dd if=/dev/vda bs=1M skip="$last_mib" count=1 2>/dev/null | head -c 16 | tr -d '\0'
}

# The kernel that boots after hibernating runs this script from its beginning.
hibernated() {
	swap_disk && [ "$(dd if=/dev/vda bs=2 skip=2043 count=5 2>/dev/null)" = "S1SUSPEND" ]
}

bring_back() {
	printf '%-16s' $(($(came_back) + 1)) | tr ' ' '\0' |
		dd of=/dev/vda bs=1M seek="$last_mib" conv=notrunc,fsync 2>/dev/null
	cat /sys/block/vda/dev >/sys/power/resume
	bail "the image of the machine that was hibernated is not taken"
}

# To disk: planes, allocator and all come back as they were at one moment.
to_disk() {
	wanted hibernate || return 0
	if ! grep -q disk /sys/power/state || ! swap_disk; then
		skip "$name" "this machine cannot hibernate"
		return
	fi
	mkswap /dev/vda $((last_mib * 1024)) >/dev/null
	swapon /dev/vda || bail "no swap"
	echo reboot >/sys/power/disk
	load
	for _round in 1 2; do
		work
		_relearns=$(stat relearns)
		check "$name: round $_round: to disk and back" write /sys/power/state disk
		is "$name: round $_round: another kernel brought it back" "$(came_back)" $_round
		learned_again "round $_round" "$_relearns"
	done
	unload
	swapoff /dev/vda
	done_with
}

# The second kernel runs this script again.
kexec_away() {
	wanted kexec || return 0
	modprobe virtio_pci
	modprobe virtio_blk
	if ! wait_for 10 test -e /dev/vdb; then
		skip "$name" "no disks with the kernel and its initramfs (vm-run --kexec)"
		return
	fi
	load
	work
	clean "before"
	cat /dev/vda >/tmp/kernel
	cat /dev/vdb >/tmp/initrd
	_line=$(sed 's/ *"dualbm_args=[^"]*"//' /proc/cmdline)
	flush
	kexec /tmp/kernel /tmp/initrd "$_line dualbm_args=kexeced"
	not_ok "$name: another kernel runs"
}

kexeced() {
	wanted kexeced || return 0
	ok "$name: another kernel runs, up $(cut -d' ' -f1 /proc/uptime) s"
	is "$name: dualbm is not there yet" "$(ls -d $D 2>/dev/null)" ""
	load
	work
	clean "after"
	unload
	done_with
}

case $only in
*" hibernate "*) ! hibernated || bring_back ;;
esac
begin
kexeced
to_memory
to_disk
kexec_away
load_stop
finish
