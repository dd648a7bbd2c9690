#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Memory that comes and goes at a bad moment: while there is none for its planes, and while
# what is allocated is being learned.
#
#	memory.sh [NAME...]	all of them, or those named
#	memory.sh far PFN	memory at PFN, where nothing else is near (vm-run --hotplug, and
#				a module that is there from the start; memhp_default_state=offline)
. ./mm-lib.sh

only=" $* "

# The blocks that went offline are in $blocks.
blocks_offline() {
	blocks=
	for _block in $(movable_blocks); do
		# shellcheck disable=SC2086 # words
		set -- $blocks
		[ $# -lt 2 ] || break
		! write "$_block/state" offline || blocks="$blocks $_block"
	done
	[ "$blocks" ]
}

blocks_online() {
	for _block in $blocks; do
		write "$_block/state" online_movable || return 1
	done
}

use_memory() {
	insmod_test paths op=contig
	insmod_test paths op=pool ctx=task seconds=1
	stress-ng --quiet --temp-path /tmp --vm 2 --vm-bytes 70% --timeout 4 >/dev/null 2>&1
}

# covers: R-PLANE-6 R-EVENT-9
unmanaged() {
	part unmanaged || return 0
	# Passes only when asked for; and a loss would stop the machine.
	load_dualbm policy=panic on_degraded=panic scrub_interval_ms=0 || bail "dualbm does not load"
	check "$name: memory blocks are offline" blocks_offline
	_managed=$(stat pages_managed)
	insmod_test starve symbol=dualbm_copies_map || bail "starve.ko"
	check "$name: without memory for planes, memory comes online all the same" blocks_online
	at_least "$name: there was none" "$(param starve starved)" 1
	is "$name: what was managed is" "$(stat pages_managed)" "$_managed"
	at_least "$name: what is not is counted" "$(stat pages_unmanaged)" 32768
	is "$name: the state says so" "$(cat $D/state $D/state_reason | xargs)" \
		"degraded memory is online that there are no planes for"
	use_memory
	at_least "$name: its events are counted apart" "$(stat unmanaged_events)" 1
	expect_no_finding "$name"
	echo now >$D/scrub
	sleep 2
	at_least "$name: still without" "$(stat pages_unmanaged)" 32768
	# One goes again, and does not come back.
	_first=${blocks# }
	_first=${_first%% *}
	_frames=$(stat pages_unmanaged)
	if write "$_first/state" offline; then
		is "$name: what went is not counted" "$(stat pages_unmanaged)" $((_frames - _frames / $(echo "$blocks" | wc -w)))
		write "$_first/state" online_movable
	else
		skip "$name: what went is not counted" "the block is busy"
	fi
	rmmod starve
	echo now >$D/scrub
	check "$name: managed as soon as there is memory" wait_for 20 state_is armed
	is "$name: none is left" "$(stat pages_unmanaged)" 0
	at_least "$name: all of it" "$(stat pages_managed)" $((_managed + _frames))
	_events=$(stat unmanaged_events)
	use_memory
	is "$name: its events are as others" "$(stat unmanaged_events)" "$_events"
	echo now >$D/scrub
	expect_clean "$name"
	is "$name: was never forgotten" "$(stat relearns)" 0
	rmmod dualbm
}

midlearn_met() {
	[ "$(param midlearn met)" = Y ]
}

# Its planes are there, its frames nobody's: whoever learned them as in use would be wrong.
# covers: R-LEARN-2
while_learned() {
	part while_learned || return 0
	load_dualbm policy=panic on_degraded=panic scrub_interval_ms=0 || bail "dualbm does not load"
	check "$name: memory blocks are offline" blocks_offline
	_first=${blocks# }
	_first=${_first%% *}
	insmod_test midlearn || bail "midlearn.ko"
	blocks_online &
	_coming=$!
	check "$name: memory comes while the window is open" wait_for 60 midlearn_met
	echo $((${_first##*/memory} * 32768 + 4711)) >/sys/kernel/debug/dualbm/frame
	is "$name: frames that came have not been learned" \
		"$(sed 's/.*state=\([^ ]*\).*/\1/' /sys/kernel/debug/dualbm/frame)" untracked
	echo 1 >/sys/module/midlearn/parameters/give
	check "$name: memory is online" wait "$_coming"
	rmmod midlearn
	use_memory
	echo now >$D/scrub
	expect_clean "$name"
	is "$name: armed" "$(cat $D/state)" armed
	rmmod dualbm
}

# far PFN: there is nothing between most of the memory and the rest of it.
# covers: R-EVENT-8
far() {
	name=far
	_block=/sys/devices/system/memory/memory$(($1 / 32768))
	check "$name: there is memory at $(($1 >> 28)) TiB" [ -d "$_block" ]
	is "$name: nobody uses it yet" "$(cat "$_block/state")" offline
	load_dualbm policy=panic on_degraded=panic scrub_interval_ms=0 || bail "dualbm does not load"
	_bytes=$(stat plane_bytes)
	_managed=$(stat pages_managed)
	check "$name: it comes online" write "$_block/state" online_movable
	is "$name: it is managed" "$(($(stat pages_managed) - _managed))" 32768
	# An entry of 8 bytes for 4 pages of each chunk below: a byte for 1024 frames. vmap()
	# takes no more pages than the machine has (mm/vmalloc.c, 6.1 and 6.12).
	_map=$(($1 >> 30))
	if [ $(($1 / 8192)) -gt "$(awk '/^MemTotal/ { print int($2 / 4) }' /proc/meminfo)" ]; then
		_map=0
		is "$name: the log says that there is no map" \
			"$(dmesg | grep -c 'dualbm: no room to map the planes in a row')" 1
	fi
	is "$name: MiB that the map of all planes takes" "$(($(stat plane_bytes) - _bytes >> 20))" "$_map"
	use_memory
	echo $(($1 + 4711)) >/sys/kernel/debug/dualbm/frame
	is "$name: its frames are known" "$(grep -c 'state=\(allocated\|free\) ' /sys/kernel/debug/dualbm/frame)" 1
	echo now >$D/scrub
	check "$name: a pass ends" wait_for 60 passed 1
	expect_clean "$name"
	check "$name: it goes offline" write "$_block/state" offline
	use_memory
	rmmod dualbm
	check "$name: online once more" write "$_block/state" online_movable
	load_dualbm policy=panic on_degraded=panic scrub_interval_ms=0 || bail "dualbm does not load again"
	use_memory
	expect_clean "$name, there from the start"
	rmmod dualbm
}

passed() {
	[ "$(stat scrub_passes)" -ge "$1" ]
}

if [ "$1" = far ]; then
	far "$2"
	finish
fi
if [ "$(uname -m)" = aarch64 ]; then
	skip "memory that comes at a bad moment" "arm64 gives no memory up that the machine booted with"
	finish
fi
unmanaged
while_learned
finish
