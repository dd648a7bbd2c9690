#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# No false alarm: every way in which pages leave the allocator and come back,
# one after another, under load, with policy=panic. Each has to be seen to have
# been taken, by the hooks that it passes, and to end with nothing found, nothing
# unproven, and no gap.
#
#	paths.sh [NAME...]	all of them, or those named
#	paths.sh bare		all of them without the module, to hear what the kernel itself
#				has to say; no test point means anything then
# covers: R-RULE-8 R-EVENT-1 R-EVENT-2 R-EVENT-3
. ./mm-lib.sh

only=" $* "
cgroup=/sys/fs/cgroup

# path NAME HOOKS FUNCTION ARGUMENTS...: FUNCTION returns 0, or 2 if the kernel
# or the machine cannot do it, with the reason in $why.
path() {
	name=$1
	hooks=$2
	shift 2
	case $only in
	"  " | *" $name "*) ;;
	*) return ;;
	esac
	why=
	before=
	for hook in $hooks; do
		before="$before $(hits "$hook")"
	done
	started=$(cut -d. -f1 /proc/uptime)
	allocs=$(stat alloc_pages)
	frees=$(stat free_pages)
	"$@"
	status=$?
	if [ $status = 2 ]; then
		skip "$name" "$why"
	elif [ $status != 0 ]; then
		not_ok "$name: was taken" "$why"
	else
		ok "$name: was taken${why:+ ($why)}"
		for hook in $hooks; do
			count=${before# }
			count=${count%% *}
			before=${before# * }
			now=$(hits "$hook")
			if [ "$now" -gt "$count" ]; then
				ok "$name: passed $hook $((now - count)) times"
			else
				not_ok "$name: passed $hook" "still at $now"
			fi
		done
		at_least "$name: pages allocated" $(($(stat alloc_pages) - allocs)) 1
		at_least "$name: pages freed" $(($(stat free_pages) - frees)) 1
	fi
	diag "$name: $(($(cut -d. -f1 /proc/uptime) - started)) s"
	check "$name: armed at the end" wait_for 120 state_is armed
	# A healthy machine loses nothing that matters, whatever the load.
	is "$name: was not degraded" "$(dmesg | grep 'dualbm: degraded')" ""
	expect_clean "$name"
	dmesg -c >/dev/null
}

# A path of the module paths.ko, in one or more contexts.
op() {
	_op=$1
	_contexts=$2
	for _ctx in $_contexts; do
		insmod_test paths op="$_op" ctx="$_ctx" seconds="${3:-1}" && continue
		_status=$?
		why="op=$_op ctx=$_ctx: $(said paths)"
		# A context that the kernel does not have is left out after another.
		[ "$_status" = 2 ] && [ "$_ctx" != "${_contexts%% *}" ] && break
		return "$_status"
	done
	why=$(said paths | sed 's/^PASS op=[^ ]* //')
}

# Pages that are pinned, so that compaction returns the targets that it took, and
# huge pages that want memory to be compacted.
# covers: R-RULE-7 R-EVENT-5
compaction() {
	write /sys/kernel/mm/transparent_hugepage/enabled always
	write /sys/kernel/mm/transparent_hugepage/defrag always
	mkdir -p /mnt/frag
	mount -t tmpfs -o size=2G tmpfs /mnt/frag
	if ! fragment /mnt/frag/file 128 64 || ! insmod_test pinned; then
		why="no fragmented memory"
		return 1
	fi
	_pinned=$(param pinned pinned)
	_failed=$(sed -n 's/^pgmigrate_fail //p' /proc/vmstat)
	for _round in 1 2; do
		write /proc/sys/vm/compact_memory 1
		thp 64 2 >/tmp/thp
	done
	_failed=$(($(sed -n 's/^pgmigrate_fail //p' /proc/vmstat) - _failed))
	rmmod pinned
	# Not pinned any more: the same again, to the end.
	write /proc/sys/vm/compact_memory 1
	_thp=$(thp 64 2)
	umount /mnt/frag
	why="$_pinned pages pinned, $_failed migrations failed, $_thp huge pages"
	# PREEMPT_RT has no huge pages.
	[ -d /sys/kernel/mm/transparent_hugepage ] || _thp=1
	[ "$_failed" -gt 0 ] && [ "$_thp" -gt 0 ]
}

# Charges that fail, so that a block is freed again before its alloc event.
# covers: R-RULE-6 R-EVENT-4
charge() {
	write "$cgroup"/cgroup.subtree_control +memory
	mkdir -p "$cgroup"/small
	echo 3M >"$cgroup"/small/memory.max
	echo 0 2>/dev/null >"$cgroup"/small/memory.swap.max
	sh -c "echo \$\$ >$cgroup/small/cgroup.procs
		exec /sbin/insmod /modules/paths.ko op=charge threads=0 seconds=4" 2>/dev/null
	why=$(said paths)
	_events=$(sed -n 's/^max //p' "$cgroup"/small/memory.events)
	expect_quiet_kernel "$name so far"
	# As a container does that is full; the kernel's own words about each
	# process that it kills are no findings.
	dmesg -n 1
	for _round in 1 2 3 4 5 6; do
		sh -c "echo \$\$ >$cgroup/small/cgroup.procs; exec pipes" >/dev/null 2>&1
		write "$cgroup/small/cgroup.kill" 1
	done
	dmesg -n 5
	_kills=$(sed -n 's/^oom_kill //p' "$cgroup/small/memory.events")
	case $why in
	PASS*) ;;
	*) return 1 ;;
	esac
	dmesg -c >/tmp/after-kills
	grep 'dualbm: .*pfn=' /tmp/after-kills && return 1
	complaints </tmp/after-kills && return 1
	why="${why#PASS }; at the limit $_events times; $_kills killed"
	[ "$_events" -gt 0 ]
}

# covers: R-EVENT-8
memory_blocks() {
	# arm64 refuses to give up memory that the machine booted with.
	[ "$(uname -m)" != aarch64 ] || plug_memory 256 || return
	_count=0
	_failed=0
	for _block in $(movable_blocks); do
		if write "$_block/state" offline; then
			write "$_block/state" online_movable && _count=$((_count + 1))
		else
			_failed=$((_failed + 1))
		fi
		[ "$_count" -lt 4 ] || break
	done
	insmod_test paths op=contig
	[ "$(uname -m)" != aarch64 ] || unplug_memory
	why="$_count blocks offline and online, $_failed busy"
	[ "$_count" -gt 0 ]
}

# Work that is still queued on a CPU when it is not online any more.
# covers: R-EVENT-6
dying_cpu() {
	why="no interrupt that allocates on a CPU that dies"
	insmod_test dyingcpu || return
	for _round in 1 2 3; do
		write /sys/devices/system/cpu/cpu1/online 0
		insmod_test paths op=pool seconds=1
		write /sys/devices/system/cpu/cpu1/online 1
	done
	_rounds=$(param dyingcpu rounds)
	_online=$(param dyingcpu online)
	rmmod dyingcpu
	why="$_rounds times on a CPU that was not online"
	[ "$_rounds" -eq 3 ] && [ "$_online" -eq 0 ]
}

# covers: R-RULE-3 R-EVENT-7
poison() {
	if ! modprobe hwpoison_inject || ! [ -e /sys/kernel/debug/hwpoison/unpoison-pfn ]; then
		why="this kernel has no hwpoison_inject"
		return 2
	fi
	_soft=0
	_hard=0
	_free=0
	for _pfn in $(softoffline soft 16); do
		unpoison "$_pfn" && _soft=$((_soft + 1))
	done
	for _pfn in $(softoffline hard 16); do
		unpoison "$_pfn" && _hard=$((_hard + 1))
	done
	# Free pages, which leave the buddy lists without any event.
	insmod_test frame order=9
	_pfn=$(param frame pfn)
	rmmod frame
	for _i in 1 2 3 4; do
		write /sys/devices/system/memory/soft_offline_page $(((_pfn + _i) * 4096)) &&
			unpoison $((_pfn + _i)) && _free=$((_free + 1))
	done
	insmod_test paths op=pool
	why="$_soft soft, $_hard hard, $_free free pages poisoned and unpoisoned"
	[ "$_soft" -ge 8 ] && [ "$_hard" -ge 8 ] && [ "$_free" -ge 1 ]
}

unpoison() {
	write /sys/kernel/debug/hwpoison/unpoison-pfn "$1"
}

huge() {
	_most=0
	for _round in 1 2 3; do
		echo 48 >/proc/sys/vm/nr_hugepages
		_now=$(cat /proc/sys/vm/nr_hugepages)
		[ "$_now" -le "$_most" ] || _most=$_now
		echo 0 >/proc/sys/vm/nr_hugepages
	done
	why="up to $_most huge pages"
	[ "$_most" -gt 0 ]
}

# One is there from the start of the machine on, or there would be no place for
# it; 2^18 frames go and come, each way as one event or as none.
gigantic() {
	_file=/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages
	_lost=
	if [ "$(cat "$_file" 2>/dev/null)" != 1 ]; then
		why="no page of 1 GiB was reserved at boot (hugepagesz=1G hugepages=1)"
		return 2
	fi
	# Not under load at first: in the moment between, the load may get pages there that
	# cannot be moved, and the place is lost for good.
	load_stop
	# Where a kernel can do that, among pages that can all be moved.
	write /proc/sys/vm/movable_gigantic_pages 1
	write "$_file" 0
	write "$_file" 1
	gigantic_is_there || wait_for 30 gigantic_again || _lost=yes
	load_start 64M
	[ ! "$_lost" ] || return
	why="freed, allocated and freed"
	write "$_file" 0
	write "$_file" 1
	if gigantic_is_there; then
		why="$why, and once more under load"
		write "$_file" 0
	fi
}

gigantic_is_there() {
	[ "$(cat "$_file")" = 1 ]
}

gigantic_again() {
	write /proc/sys/vm/drop_caches 3
	write "$_file" 1
	gigantic_is_there
}

# The host says how much memory the guest shall have, and hears what is free.
# covers: R-EVENT-3
balloon() {
	modprobe virtio_pci 2>/dev/null
	if ! modprobe virtio_balloon || ! ls /sys/bus/virtio/drivers/virtio_balloon/virtio* >/dev/null 2>&1; then
		why="no balloon in this machine"
		return 2
	fi
	_total=$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
	insmod_test paths op=plain seconds=1
	_before=$(hits __putback_isolated_page)
	# Reports are sent two seconds after a large block was freed.
	insmod_test frame order=10 && rmmod frame
	wait_for 15 putback_since "$_before" || why="no free page was reported"
	host balloon $((_total - 200))
	wait_for 30 memory_below $((_total - 100)) || why="$why the balloon did not grow"
	host balloon "$(((_total + 1023) / 1024 * 1024))"
	wait_for 30 memory_above $((_total - 100)) || why="$why the balloon did not shrink"
	[ -z "$why" ] || return 1
	why="200 MiB given and taken back"
}

putback_since() {
	[ "$(hits __putback_isolated_page)" -gt "$1" ]
}

memory_below() {
	[ "$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" -lt "$1" ]
}

memory_above() {
	! memory_below "$1"
}

hot_add() {
	plug_memory 128 || return
	insmod_test paths op=contig
	insmod_test paths op=pool
	unplug_memory
	why="one block came, $(($(block_count) - _blocks)) are still there"
}

# covers: R-EVENT-8
plug_memory() {
	modprobe -a virtio_pci virtio_mem 2>/dev/null
	_blocks=$(block_count)
	write /sys/devices/system/memory/auto_online_blocks online_movable
	if ! host dimm-add "$1" 0; then
		why="no room for a memory module"
		return 2
	fi
	wait_for 20 more_blocks_than "$_blocks"
}

unplug_memory() {
	host dimm-del >/dev/null
	wait_for 20 no_more_blocks_than "$_blocks"
}

block_count() {
	set -- /sys/devices/system/memory/memory[0-9]*
	echo $#
}

more_blocks_than() {
	[ "$(block_count)" -gt "$1" ]
}

no_more_blocks_than() {
	! more_blocks_than "$1"
}

if [ "$1" = bare ]; then
	only="  "
	hits() { echo 0; }
	stat() { echo 0; }
	state_is() { :; }
	expect_clean() { :; }
	load_dualbm() { D=/tmp/none; mkdir -p $D; touch $D/hooks $D/stats $D/scrub; }
	putback_since() { :; }
fi
load_dualbm policy=panic on_degraded=report scrub_interval_ms=1000 || bail "the module does not load and arm"
ok "the module loads and arms"
load_start 64M
# What fired until now may have been provoked: the module does that when it is loaded.
cp $D/hooks /tmp/hooks.loaded
# 6.1 has no compaction_free(), and 5.10 no bulk allocator.
depart=$(awk '$1 ~ /^compaction_free/ { print "compaction_free"; exit }' $D/hooks)
bulk=$(awk '$1 ~ /bulk/ { print "bulk"; exit }' $D/hooks)
returns=${bulk:+'^__alloc_(frozen_)?pages(_noprof)?$'}

# First, while its place is still free.
path gigantic "__isolate_free_page" gigantic
path bulk-array "$bulk" op bulk_array "task softirq hardirq"
path bulk-list "$bulk" op bulk_list "task softirq hardirq"
path vmalloc "$bulk" op vmalloc task 2
path pool "$returns ^_?__free_pages$" op pool "task softirq hardirq"
path exact "" op exact "task softirq"
path speculated "" op speculated "task softirq hardirq"
path contig "__isolate_free_page" op contig task 3
path compaction "__isolate_free_page $depart" compaction
path charge "__memcg_kmem_charge_page" charge
path huge "" huge
path poison "unpoison_memory" poison
path memory-blocks "memory_hotplug" memory_blocks
path hot-add "memory_hotplug" hot_add
path balloon "__putback_isolated_page __isolate_free_page" balloon
path dying-cpu "cpu_hotplug" dying_cpu
path all-again "$bulk" op pool "task softirq hardirq"
check "the load ran all the time" kill -0 "$load_pid"
diag "$(cat /tmp/load.log)"
load_stop

write $D/scrub now || not_ok "a scrub at the end"
expect_clean "a scrub at the end"
awk 'NR == FNR { was[$1] = $3; next }
	{ print "# fired", $1, $3 - was[$1], $5 }' /tmp/hooks.loaded $D/hooks
diag "$(cat $D/hooks $D/stats)"
check "the module unloads" rmmod dualbm
expect_quiet_kernel "unloaded"
finish
