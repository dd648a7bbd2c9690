#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The history: who allocated and who freed a frame, by name, in reports and files.
#
#	history.sh [NAME...]	all of them, or those named
. ./mm-lib.sh

only=" $* "
# arm64 has nothing that tells callers cheaply.
if [ "$(uname -m)" = x86_64 ]; then by_default=frees; else by_default=off; fi

# past KEY: the function that a key of the last record names, without offset and sizes, and
# without what the compiler calls a part of it.
past() {
	last "$1" | sed 's/\.cold//; s/+[^_]*_/ /; s/+.*//'
}

# words KIND: what the block of the last record says behind "KIND by".
words() {
	dmesg | sed -n "s/.*dualbm:   $1 by //p" | tail -n 1
}

# frame PFN KIND: what the file "frame" says behind "KIND by".
frame() {
	echo "$1" >$DBG/frame
	sed -n "s/^  $2 by //p" $DBG/frame
}

refused() {
	! write "$D/history" "$1"
}

values() {
	part values || return 0
	modprobe dualbm history=deep 2>/dev/null && not_ok "$name: a bad word is refused at load" "loaded"
	is "$name: with what is accepted" \
		"$(dmesg | grep -c 'dualbm: history: "deep" is not accepted; use "off", "frees", "callers" or "stacks"')" 1
	modprobe dualbm history_mib=-1 2>/dev/null && not_ok "$name: a bad size is refused" "loaded"
	load_dualbm scrub_interval_ms=0 || bail "dualbm is not armed"
	is "$name: the default" "$(cat $D/history) $(cat /sys/module/dualbm/parameters/history)" "$by_default $by_default"
	rmmod dualbm
	load_dualbm scrub_interval_ms=0 boundary=0 || bail "dualbm is not armed"
	is "$name: without the boundary probes nobody is named by default" "$(cat $D/history)" off
	dmesg -c >/dev/null
	for _bad in on Callers 'callers off' ''; do
		check "$name: \"$_bad\" is refused" refused "$_bad"
	done
	is "$name: each with a line" "$(dmesg | grep -c 'history: ".*" is not accepted; use "off", "frees", "callers" or "stacks"')" 4
	is "$name: and it is off" "$(cat $D/history)" off
	echo 4096 >$DBG/frame
	is "$name: no file has anything" "$(wc -l <$DBG/frame) $(dd if=$D/frames_history bs=2048 count=1 skip=4096 iflag=fullblock 2>/dev/null | xargs)" \
		"1 pfn=0x1000 history=off"
	echo callers >$D/history
	is "$name: on" "$(cat $D/history)" callers
	like_kib=$(dmesg | sed -n 's/.*history: callers, \([0-9]*\) MiB, .*/\1/p')
	at_least "$name: a bucket of 64 bytes for each frame, in MiB" "$like_kib" 16
	echo frees >$D/history
	is "$name: from one to the other" "$(cat $D/history)" frees
	is "$name: 16 bytes for each frame, and no more than 64 MiB" \
		"$(dmesg | sed -n 's/.*history: frees, \([0-9]*\) MiB, .*/\1/p')" $((like_kib / 4 < 64 ? like_kib / 4 : 64))
	echo off >$D/history
	rmmod dualbm
	load_dualbm scrub_interval_ms=0 history=callers history_mib=3 || bail "dualbm is not armed"
	is "$name: the size that was asked for, rounded down" \
		"$(dmesg | sed -n 's/.*history: //p' | tail -n 1)" "callers, 2 MiB, for 32768 frames"
	expect_clean "$name"
	rmmod dualbm
}

# The culprit is who freed before the one that freed before who is caught.
# covers: R-HIST-1 R-HIST-4
named() {
	part named || return 0
	load_dualbm scrub_interval_ms=0 history=callers || bail "dualbm is not armed"
	insmod_test past ms=300 pairs=100000
	is "$name: made" $? 0
	is "$name: found" "$(last class) $(past caller)" "boundary_double_free victim_give"
	is "$name: who had it before" \
		"$(past freed_by), $(past freed_before_by), $(past allocated_by), $(past allocated_before_by)" \
		"thief_give [past], late_release [past], thief_take [past], victim_take [past]"
	at_least "$name: some time ago" "$(last freed_before_ms)" 300
	is "$name: by whom" "$(last freed_before_comm) $(last freed_before_pid) $(last freed_before_order) $(last freed_before_interrupt)" \
		"insmod $(last pid) 0 0"
	check "$name: the log has it" [ "$(words 'freed before' | sed 's/+.* \[past\], order 0, .* ms ago, cpu . task/ task/')" ]
	diag "$(words 'freed before')"
	is "$name: in its first words" "$(dmesg | grep -cE 'dualbm: one free is too many: .*; before it, thief_give.*, and before that late_release')" 1
	_pfn=$(last pfn)
	insmod_test past keep=1
	_kept=$(dmesg | sed -n 's/.*\] past: pfn=//p' | tail -n 1)
	is "$name: of a module that has gone there are names" \
		"$(frame "$_kept" allocated | sed 's/+.*\[past\].*/ past/')" "keep_take past"
	# Where its code was there is other code now.
	insmod_test faulty fault=frag_free
	is "$name: and they stay" "$(frame "$_kept" allocated | sed 's/+.*\[past\].*/ past/')" "keep_take past"
	_line=$(dd if=$D/frames_history bs=2048 count=1 skip=$((_pfn)) iflag=fullblock 2>/dev/null)
	is "$name: one line of 2048 bytes" "$(printf '%s\n' "$_line" | wc -c)" 2048
	is "$name: of that frame" "${_line%% *}" "pfn=$_pfn"
	is "$name: its ring keeps names" \
		"$(grep -c 'freed_before_by=late_release+0x[0-9a-f]*/0x[0-9a-f]*_\[past\]' $DBG/violations)" 1
	rmmod dualbm
}

# fault CLASS KEY NAME ARGUMENTS...: of a fault of faulty.ko, what a key of its record names. Fails if
# this kernel cannot have that fault.
fault() {
	_class=$1 _key=$2 _name=$3
	shift 3
	insmod_test faulty "$@"
	[ "$(said faulty | cut -c1-4)" = PASS ] || { skip "$name: $*" "$(said faulty)"; return 1; }
	# A bad page's record comes a moment later.
	sleep 0.1
	is "$name: $*: $_key" "$(last class) $(past "$_key")" "$_class $_name [faulty]"
}

# What the audit finds has no caller; who freed it the history knows.
put_twice() {
	insmod_test faulty fault=put_page_twice leave=1
	echo now >$D/scrub
	case $(uname -r) in
	5.*) skip "$name: found by the audit: freed_by" "nobody may look at another CPU's lists before 6.0" ;;
	*)
		is "$name: found by the audit: freed_by" "$(last class) $(last caller) $(past freed_by)" \
			"allocator_corruption - faulty_put_page_twice [faulty]"
		;;
	esac
}

# covers: R-HIST-1
faults() {
	part faults || return 0
	load_dualbm scrub_interval_ms=0 history=callers || bail "dualbm is not armed"
	fault boundary_double_free freed_by faulty_double_free fault=double_free
	fault boundary_double_free allocated_by faulty_double_free fault=double_free
	fault bad_page freed_by faulty_wrong_order fault=wrong_order
	fault bad_page freed_by faulty_bad_alloc fault=bad_alloc
	fault double_alloc allocated_by faulty_hand_out_twice fault=handed_out_twice
	fault count_underflow allocated_by faulty_tail_free fault=tail_free order=2
	if fault boundary_double_free freed_by faulty_double_free fault=double_free ctx=hardirq; then
		is "$name: in an interrupt" "$(last freed_interrupt)" 1
	fi
	put_twice
	dmesg -c >/dev/null
	rmmod dualbm
}

# Somebody's return probes have put another address in the place of the caller's: of the
# allocator, and of the bulk allocator, which dualbm calls in the place of its callers.
# covers: R-EVENT-2 R-HIST-5
behind() {
	part behind || return 0
	case $(uname -r) in
	5.1[0-8].*) skip "$name" "before 5.19 a stack ends there"; return ;;
	esac
	load_dualbm scrub_interval_ms=0 history=callers || bail "dualbm is not armed"
	_alloc=$(awk '$1 ~ /^__alloc_(frozen_)?pages/ && $1 !~ /bulk/ { print $1 }' $D/hooks)
	_bulk=$(awk '$1 ~ /_bulk/ { print $1 }' $D/hooks)
	echo "r:behind/alloc $_alloc" >/sys/kernel/tracing/kprobe_events
	echo "r:behind/bulk $_bulk" >>/sys/kernel/tracing/kprobe_events
	check "$name: return probes" write /sys/kernel/tracing/events/behind/enable 1
	# Stacks of tasks come from the bulk allocator; on a slow machine few do in three seconds.
	for _i in 1 2 3 4 5; do
		stress-ng --quiet --temp-path /tmp --fork 2 --vm 1 --vm-bytes 16M --timeout 3 >/dev/null 2>&1
		[ "$(grep -c "<- $_bulk" /sys/kernel/tracing/trace)" -lt 10 ] || break
	done
	at_least "$name: the bulk allocator's has fired" \
		"$(grep -c "<- $_bulk" /sys/kernel/tracing/trace)" 10
	expect_clean "$name, no fault yet"
	fault boundary_double_free allocated_by faulty_double_free fault=double_free
	fault bad_page freed_by faulty_wrong_order fault=wrong_order
	at_least "$name: it has fired" "$(grep -c "<- $_alloc" /sys/kernel/tracing/trace)" 1
	echo 0 >/sys/kernel/tracing/events/behind/enable
	echo "r:behind/free __free_pages" >/sys/kernel/tracing/kprobe_events
	check "$name: a return probe where pages are freed" write /sys/kernel/tracing/events/behind/enable 1
	echo frees >$D/history
	fault boundary_double_free freed_by faulty_double_free fault=double_free
	at_least "$name: it has fired" "$(grep -c "<- __free_pages" /sys/kernel/tracing/trace)" 1
	echo 0 >/sys/kernel/tracing/events/behind/enable
	echo >/sys/kernel/tracing/kprobe_events
	dmesg -c >/dev/null
	rmmod dualbm
}

# way WAY WHO: a page that past.ko frees so, and who freed it.
way() {
	insmod_test past way="$1"
	[ "$(said past | cut -c1-4)" = PASS ] || not_ok "$name: $1: made" "$(said past)"
	_pfn=$(dmesg | sed -n 's/.*\] past: pfn=//p' | tail -n 1)
	is "$name: $1: freed by" "$(frame "$_pfn" freed | sed 's/,.*//; s/+.*\[past\]/ past/')" "$2"
}

# Who freed a frame last, which is known by default.
# covers: R-HIST-1 R-HIST-2
frees() {
	part frees || return 0
	load_dualbm scrub_interval_ms=0 history=frees || bail "dualbm is not armed"
	insmod_test past ms=300 pairs=100000
	is "$name: found" "$(last class) $(past caller)" "boundary_double_free victim_give"
	is "$name: who freed it before the victim, and nothing else" \
		"$(past freed_by), $(past freed_before_by)$(past allocated_by)$(past allocated_before_by)" "thief_give [past], "
	is "$name: by whom" "$(last freed_comm) $(last freed_pid) $(last freed_order) $(last freed_interrupt)" \
		"insmod $(last pid) 0 0"
	is "$name: in its first words" "$(dmesg | grep -cE 'dualbm: one free is too many: .*; before it, thief_give.* freed it$')" 1
	fault boundary_double_free freed_by faulty_double_free fault=double_free order=3
	is "$name: of a block" "$(last freed_order)" 3
	if fault boundary_double_free freed_by faulty_double_free fault=double_free ctx=hardirq; then
		is "$name: in an interrupt" "$(last freed_interrupt)" 1
	fi
	for _way in far put; do
		way $_way "${_way}_give past"
	done
	# Who came before is not named for what is freed in a way that nobody sees.
	for _way in kept extra; do
		way $_way unknown
	done
	put_twice
	dmesg -c >/dev/null
	rmmod dualbm
}

# histories: those of frames all over memory.
histories() {
	for _pfn in $(sampled_frames 96 1); do
		dd if=$D/frames_history bs=2048 skip="$_pfn" count=30 iflag=fullblock 2>/dev/null
	done | grep -oE '[a-z_]+_by=.*[^ ]'
}

# frames_of KEY NAME: of frames all over memory, how many a key says that of.
frames_of() {
	histories | grep -cE "(^| )$1=$2([+ ]|\$)"
}

# events FILE NAME: of what is said there, how many begin with NAME, once for each event: frames
# of one block have the same of it.
events() {
	sed -E 's/[a-z_]+_ms=[0-9]+//g' "$1" | uniq | tr ' ' '\n' | grep -c "_by=$2"
}

# expect_names FILE: of what is said there of frames, nearly all has a name. Of two CPUs that
# learn one place in code at once, one goes without it, once.
expect_names() {
	_frames=$(tr ' ' '\n' <"$1" | grep -c _by=)
	_nameless=$(tr ' ' '\n' <"$1" | grep -c _by=unknown)
	at_least "$name: frames have a history" "$_frames" 20
	_said=$(events "$1" '')
	_unknown=$(events "$1" unknown)
	diag "$_nameless of $_frames frames, $_unknown of $_said events are by unknown"
	# A block of many frames may be most of what a small table still has. From code that clang has
	# made the step to a caller is unknown more often; it is wrong nowhere.
	grep -q 'clang version' /proc/version || check "$name: nearly all of them with a name" [ $(((_unknown - 1) * 50)) -le "$_said" ]
	check "$name: most frames with a name" [ $((_nameless * 2)) -le "$_frames" ]
	is "$name: none has a raw address, or an order that is none" \
		"$(grep -cE '_by=0x|<0x|_order=[2-9][0-9]' "$1")" 0
}

# A frame that was freed since by who is not seen: it is not said of who freed it before.
# covers: R-HIST-2
stale() {
	part stale || return 0
	# One node's frames for both.
	taskset -p 1 $$ >/dev/null
	load_dualbm scrub_interval_ms=0 history=frees || bail "dualbm is not armed"
	insmod_test past many=120000
	is "$name: many are freed by name" "$?" 0
	_before=$(frames_of freed_by many_give)
	at_least "$name: and that is known" "$_before" 100
	# Pages of files go many at a time, and by a way of their own.
	use_frames 250000
	_after=$(frames_of freed_by many_give)
	diag "$_before before, $_after after"
	check "$name: nobody is named for what others have freed since" [ "$_after" -le $((_before / 4)) ]
	at_least "$name: that is unknown" "$(frames_of freed_by unknown)" "$_before"
	taskset -p 3 $$ >/dev/null
	expect_clean "$name"
	rmmod dualbm
}

# Who called who is named; a stack is kept once, and its names stay as those of callers do.
# covers: R-HIST-6
stacks() {
	part stacks || return 0
	load_dualbm scrub_interval_ms=0 history=stacks inject=1 || bail "dualbm is not armed"
	insmod_test past ms=10 pairs=1000
	is "$name: who had it before" \
		"$(past freed_by), $(past freed_before_by), $(past allocated_by), $(past allocated_before_by)" \
		"thief_give [past], late_release [past], thief_take [past], victim_take [past]"
	# clang has the name that all modules' init has.
	_above='(set_up|past_init|init_module)\+0x[0-9a-f]*/0x[0-9a-f]*.\[past\]'
	check "$name: who called those" sh -c \
		"grep -qE ' freed_before_comm=insmod freed_before_stack=<$_above<((past_init|init_module)[^<]*<)?do_one_initcall[^ ]* ' $D/last_violation"
	check "$name: in the log, below who it called" sh -c \
		"dmesg | grep -A 1 'dualbm:   freed before by late_release' | grep -qE 'dualbm:     $_above\$'"
	diag "$(last freed_before_stack)"
	_pfn=$(last pfn)
	echo "falsify history $_pfn" >$DBG/inject
	is "$name: of an entry with a flipped bit nothing is believed" "$(awk '{ print $(NF - 2) }' $DBG/inject)" 0
	insmod_test past keep=1
	_kept=$(dmesg | sed -n 's/.*\] past: pfn=//p' | tail -n 1)
	insmod_test faulty fault=frag_free
	echo "$_kept" >$DBG/frame
	is "$name: of a module that has gone there are names" \
		"$(sed -n '/allocated by keep_take/,/ by /p' $DBG/frame | sed -nE '2s/^ *(past_init|init_module)\+.*\[past\]$/past/p')" past
	# By a place in code that a stack has shown before anybody was looked for through it.
	way above "above_give past"
	load_start 100M
	use_frames 40000
	load_stop
	histories >/tmp/frames
	expect_names /tmp/frames
	at_least "$name: and with a stack" "$(grep -c _stack= /tmp/frames)" 20
	dmesg -c >/dev/null
	echo callers >$D/history
	is "$name: what has gone with the history is not said" "$(grep -c _stack= $DBG/violations)" 0
	is "$name: callers are" "$(grep -c freed_before_by=late_release $DBG/violations)" 1
	rmmod dualbm

	load_dualbm scrub_interval_ms=0 history=stacks history_mib=1 || bail "dualbm is not armed"
	insmod_test past deep=2187
	insmod_test past keep=1
	_kept=$(dmesg | sed -n 's/.*\] past: pfn=//p' | tail -n 1)
	echo "$_kept" >$DBG/frame
	is "$name: more than there is room for: the caller is known, and no more" \
		"$(sed -n '/allocated by keep_take/,/ by /p' $DBG/frame | grep -cE 'keep_take|^    ')" 1
	use_frames 40000
	histories >/tmp/frames
	expect_names /tmp/frames
	expect_clean "$name"
	rmmod dualbm
}

# A free that is found by its event: what is said was before it. The block was of order 4, and
# its second half, of order 3, is freed again.
# covers: R-HIST-1
before() {
	part before || return 0
	load_dualbm scrub_interval_ms=0 history=callers boundary=0 || bail "dualbm is not armed"
	fault double_free freed_by faulty_double_free fault=double_free order=4
	is "$name: of the first free" "$(last freed_order)" 4
	rmmod dualbm
}

# A free that begins inside of a block: at the culprit's call, and no policy stops for it.
# covers: R-PANIC-5 R-FIND-3 R-FIND-4
pieces() {
	part pieces || return 0
	load_dualbm scrub_interval_ms=0 history=callers policy=panic on_degraded=panic ||
		bail "dualbm is not armed"
	COUNTERS='violations|unproven|piece_free|piece_free_doubts'
	_taint=$(cat /proc/sys/kernel/tainted)
	for _order in 2 4 9; do
		for _op in whole compound split exact extra; do
			counters
			insmod_test pieces op=$_op order=$_order
			is "$name: $_op, order $_order: is no finding" "$? $(moved)" "0 "
		done
		counters
		insmod_test pieces op=put order=$_order
		is "$name: put, order $_order: is one" "$? $(moved)" "0 piece_free+1"
		_said=$(dmesg | sed -n 's/.*\] pieces: pfn=//p' | tail -n 1)
		is "$name: put, order $_order: which" "$(last class) $(last proof) $(last pfn) block=$(last block) $(last value)" \
			"piece_free none $_said $_order"
		is "$name: put, order $_order: by whom, of whose" "$(past caller), $(past allocated_by) $(last allocated_order)" \
			"piece_put, work [pieces] $_order"
	done
	counters
	insmod_test pieces op=hand order=4
	_ret=$?
	_doubts=$(moved)
	is "$name: what is taken apart by hand is no finding" "$_ret ${_doubts%+*}" "0 piece_free_doubts"
	check "$name: of 32 blocks each is counted once, if at all" \
		[ "${_doubts##*+}" -ge 4 ] && [ "${_doubts##*+}" -le 32 ]
	diag "$_doubts"
	is "$name: nothing is tainted" "$(cat /proc/sys/kernel/tainted)" "$_taint"
	check "$name: the log has it in words" sh -c \
		"dmesg | grep -q 'dualbm: page frame 0x[0-9a-f]* was freed out of the middle of a block'"
	is "$name: armed" "$(cat $D/state)" armed
	rmmod dualbm
}

# sampled_frames PLACES FRAMES: so many neighbours at so many places all over memory, movable
# memory at its end too.
sampled_frames() {
	awk -v places="$1" -v frames="$2" '
		$1 == "MemTotal:" {
			for (i = 0; i < places; i++)
				for (j = 0; j < frames; j++)
					print int($2 / 4 * (i + 0.5) / places) + j
		}' /proc/meminfo
}

# use_frames COUNT: so many are allocated, each by itself, and freed.
use_frames() {
	dd if=/dev/zero of=/tmp/fill bs=4k count="$1" 2>/dev/null
	rm /tmp/fill
}

# falsify_many: of frames all over memory, _tried and _believed.
falsify_many() {
	sampled_frames 128 8 | while read -r _pfn; do
		echo "falsify history $_pfn" >$DBG/inject
		cat $DBG/inject
	done | awk '{ tried += $2; believed += $(NF - 2) } END { print tried + 0, believed + 0 }' >/tmp/sums
	read -r _tried _believed </tmp/sums
}

# What is half written, or damaged, is no entry.
# covers: R-HIST-3
torn() {
	part torn || return 0
	load_dualbm scrub_interval_ms=0 history=callers inject=1 || bail "dualbm is not armed"
	insmod_test past ms=0 pairs=0
	_pfn=$(last pfn)
	dmesg -c >/dev/null
	echo "falsify history $_pfn" >$DBG/inject
	is "$name: of an entry with a flipped bit nothing is believed" \
		"$(sed 's/of [5-9][0-9][0-9] entries of pfn 0x[0-9a-f]*/of many/' $DBG/inject)" \
		"of many with a flipped bit, 0 are believed"
	use_frames 75000
	use_frames 75000
	falsify_many
	at_least "$name: of many frames" "$_tried" 8000
	is "$name: nothing" "$_believed" 0
	echo frees >$D/history
	insmod_test past many=200000
	falsify_many
	at_least "$name: of last frees" "$_tried" 8000
	is "$name: nothing either" "$_believed" 0
	expect_quiet_kernel "$name"
	rmmod dualbm
}

# On and off, with buckets that many frames share, under load: nothing is found, nothing hangs.
switch() {
	part switch || return 0
	load_dualbm policy=panic on_degraded=panic scrub_interval_ms=1000 history_mib=1 history=off ||
		bail "dualbm is not armed"
	load_start 100M
	_i=0
	while [ $((_i += 1)) -le "${rounds:-6}" ]; do
		write $D/history callers || not_ok "$name: on"
		use_frames 10000
		dd if=$D/frames_history bs=2048 skip=$((_i * 50000)) count=500 iflag=fullblock 2>/dev/null |
			grep -oE '[a-z_]+_by=.*[^ ]' >>/tmp/frames
		write $D/history frees || not_ok "$name: last frees"
		use_frames 10000
		write $D/history stacks || not_ok "$name: with stacks"
		use_frames 5000
		write $D/history off || not_ok "$name: off"
	done
	load_stop
	write $D/history callers || not_ok "$name: on"
	use_frames 40000
	histories >>/tmp/frames
	expect_names /tmp/frames
	expect_clean "$name"
	is "$name: armed" "$(cat $D/state)" armed
	rmmod dualbm
	expect_quiet_kernel "$name: unloaded while on"
}

# Frames that go and come back.
hotplug() {
	part hotplug || return 0
	if [ "$(uname -m)" = aarch64 ]; then
		skip "$name: frames that go and come back" "arm64 gives no memory up that the machine booted with"
		return
	fi
	load_dualbm policy=panic scrub_interval_ms=0 history=callers || bail "dualbm is not armed"
	check "$name: a block goes" wait_for 60 block_leaves
	_size=0x$(cat /sys/devices/system/memory/block_size_bytes)
	_pfn=$((_size * ${_block##*memory} / 4096))
	frame $_pfn freed >/tmp/gone
	check "$name: and comes back" write "$_block/state" online_movable
	stress-ng --quiet --temp-path /tmp --vm 2 --vm-bytes 70% --timeout 2 >/dev/null 2>&1
	_said=0
	for _i in 1 3 5 7 9 11 13 15; do
		[ -z "$(frame $((_pfn + _i * 1000)) freed)" ] || _said=$((_said + 1))
	done
	at_least "$name: its frames have a history" $_said 1
	expect_clean "$name"
	rmmod dualbm
}

values
# These want a healthy kernel: a page that is in a list twice may hold a block of memory for good.
hotplug
switch
stale
behind
frees
named
stacks
before
pieces
torn
# Afterwards the allocator may hand out a ring of the same few pages, over and over.
faults
finish
