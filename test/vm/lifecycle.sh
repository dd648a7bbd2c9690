#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Loading and unloading at any time, under load, leaves nothing behind; whatever
# a person can write to the module is accepted or refused with a word of help,
# and never does harm.
#
#	lifecycle.sh [NAME...]	all of them but these, or those named
#	lifecycle.sh reload	a hundred loads and unloads, or dualbm_cycles= of them
#				(kernel command line); less on slow kernels
#	lifecycle.sh steps	a build with DUALBM_TEST_HOOKS: init fails at each step
#	lifecycle.sh unqualified	a kernel that is not qualified
. ./mm-lib.sh

only=" $* "
P=/sys/module/dualbm/parameters
tracing=/sys/kernel/tracing
cycles=$((${dualbm_cycles:-100} / ${dualbm_slow:-1}))
# A load and an unload wait for all tasks several times, which takes twice as long where
# those can be preempted everywhere.
[ ! -e /sys/kernel/realtime ] || cycles=$((cycles * 2 / 5))

wanted() {
	# These only if they are named.
	case $only$1 in
	"  reload" | "  steps" | "  unqualified") return 1 ;;
	esac
	part "$1"
}

# What one can see of the module in the system, one line each.
traces() {
	for _path in $D $DBG /sys/module/dualbm $tracing/events/dualbm; do
		[ ! -e "$_path" ] || echo "$_path is there"
	done
	for _file in /proc/vmallocinfo /proc/modules $tracing/enabled_functions \
		/sys/kernel/debug/kprobes/list /sys/devices/system/cpu/hotplug/states \
		/proc/slabinfo $tracing/available_events; do
		grep -H dualbm "$_file"
	done 2>/dev/null | head -n 5
	# A probe of a function that only the module probes here.
	grep -H -E '__free_pages|__alloc_pages|alloc_pages_bulk' $tracing/enabled_functions \
		/sys/kernel/debug/kprobes/list 2>/dev/null
	# An idle kworker goes on wearing the name of what it last worked for.
	cat /proc/[0-9]*/comm 2>/dev/null | grep dualbm | grep -v '^kworker/.*-dualbm'
}

nothing_left() {
	_left=$(traces)
	if [ -z "$_left" ]; then
		ok "$1: nothing is left behind"
	else
		not_ok "$1: nothing is left behind" "$_left"
	fi
}

tainted_bad_page() {
	[ $(($(cat /proc/sys/kernel/tainted) & 32)) != 0 ]
}

meminfo() {
	sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo
}

# Kilobytes of memory that nobody has. The free pages on the CPUs' own lists, 40 MB and
# more, are not in MemFree. Both are read at once: from 6.7 on the lists give up 8 MiB in one
# go when nobody asks (decay_pcp_high()), and between two looks these are in neither.
free_memory() {
	awk '/ pages free / { n += $3 } / count:/ { n += $2 } END { print 4 * n }' /proc/zoneinfo
}

# What is freed late, by RCU, by kworkers, by a process that is gone, is no loss: until two
# looks see the same.
settle() {
	sync
	_looks=30
	_then=0
	until _now=$(free_memory); [ $((_now - _then)) -lt 128 ] && [ $((_then - _now)) -lt 128 ]; do
		[ $((_looks -= 1)) -gt 0 ] || return
		_then=$_now
		echo 3 >/proc/sys/vm/drop_caches
		sleep 1
	done
}

# ---- loading and unloading ----

cycle_parameters() {
	case $(($1 % 4)) in
	0) echo "policy=panic boundary=1" ;;
	1) echo "policy=report boundary=0" ;;
	2) echo "policy=panic boundary=0 on_degraded=panic" ;;
	3) echo "policy=panic boundary=1 scrub_interval_ms=20" ;;
	esac
}

toggle_pid=

# A CPU that comes and goes all the time: after each it is learned again.
toggle_cpu() {
	while :; do
		write /sys/devices/system/cpu/cpu1/online 0
		write /sys/devices/system/cpu/cpu1/online 1
	done
}

toggle_end() {
	[ "$toggle_pid" ] || return 0
	kill "$toggle_pid"
	wait "$toggle_pid" 2>/dev/null
	toggle_pid=
	write /sys/devices/system/cpu/cpu1/online 1
}

# cycle N: once in four the module is let to arm itself; once it goes while a CPU comes and goes,
# so that it learns; otherwise at once or a little later, in whatever state it is.
cycle() {
	# shellcheck disable=SC2046 # words
	insmod /tmp/dualbm.ko allow_untested=1 $(cycle_parameters "$1") || return 1
	case $(($1 % 4)) in
	0) wait_for 30 state_is armed || return 1 ;;
	1)
		toggle_cpu &
		toggle_pid=$!
		wait_for 30 state_is learning || return 1
		;;
	2) sleep 0.$(($1 % 10)) ;;
	3) cat $D/* >/dev/null 2>&1 ;;
	esac
	[ "$(stat violations)$(stat unproven)$(stat coverage_gaps)" = 000 ] || return 1
	case $(cat $D/state) in
	learning) learning=$((learning + 1)) ;;
	armed) armed=$((armed + 1)) ;;
	*) return 1 ;;
	esac
	rmmod dualbm || return 1
	toggle_end
}

# A load that works wherever loading and unloading wait, which is most of the time.
idle_load() {
	sh -c 'renice -n 19 $$ && exec stress-ng "$@"' sh --quiet --temp-path /tmp --vm 1 --vm-bytes 48M \
		--fork 1 --pipe 1 --mmap 1 --mmap-bytes 16M >/tmp/load.log 2>&1 &
	load_pid=$!
}

# covers: R-LOAD-1
reload() {
	wanted reload || return 0
	# Decompressed once: an emulated CPU takes a second for it.
	_file=$(modinfo -n dualbm)
	case $_file in
	*.xz) xzcat "$_file" >/tmp/dualbm.ko ;;
	*) cp "$_file" /tmp/dualbm.ko ;;
	esac
	# What the first load leaves in the kernel for good is no leak, be it of the module or
	# of programs: slabs keep pages for objects that were many once.
	idle_load
	cycle 0
	load_stop
	settle
	free=$(free_memory)
	slab=$(meminfo Slab)
	learning=0
	armed=0
	start=$(cut -d. -f1 /proc/uptime)
	i=0
	while [ $i -lt $cycles ] && cycle $i; do
		i=$((i + 1))
		[ $i != $((cycles / 2)) ] || idle_load
	done
	toggle_end
	took=$(($(cut -d. -f1 /proc/uptime) - start))
	if [ $i = $cycles ]; then
		ok "$name: $cycles loads and unloads, half of them under load"
	else
		not_ok "$name: $cycles loads and unloads, half of them under load" "the one with number $i, $(cycle_parameters $i):
$(cat $D/state $D/stats $D/hooks $D/last_violation 2>&1)
$(dmesg | tail -n 20)"
		rmmod dualbm
	fi
	diag "$took s; unloaded while learning: $learning, when armed: $armed"
	at_least "$name: some were unloaded while learning" $learning $((cycles / 10))
	at_least "$name: some were unloaded when armed" $armed $((cycles / 10))
	# The last one, without load, to compare like with like.
	load_stop
	nothing_left "$name"
	if tainted_bad_page; then
		not_ok "$name: no taint"
	else
		ok "$name: no taint"
	fi
	expect_quiet_kernel "$name"
	settle
	_drift=$((free - $(free_memory)))
	diag "free memory less by $_drift KiB, Slab more by $(($(meminfo Slab) - slab)) KiB"
	# One leaked plane is 48 KiB: 45 would be seen.
	if kernel_has CONFIG_DEBUG_KMEMLEAK; then
		skip "$name: no memory is lost" "the debug kernel keeps what was freed, and looks for leaks itself"
	elif [ $_drift -lt 2048 ]; then
		ok "$name: no memory is lost"
	else
		not_ok "$name: no memory is lost" "$_drift KiB: $(cat /proc/meminfo)"
	fi
}

# ---- learning ----

# Calls that sleep inside the allocator since before the module came have a page, and
# an alloc event to come: that page must not be taken for one that is in use.
# covers: R-LEARN-1
sleepers() {
	wanted sleepers || return 0
	insmod_test poolhog threads=8 depth=2 || bail "no call sleeps inside the allocator"
	_held=$(cat /sys/module/poolhog/parameters/held)
	at_least "$name: calls that sleep inside the allocator" "$_held" 8
	load_dualbm policy=report || bail "dualbm does not load"
	rmmod poolhog
	at_least "$name: pages were allocated" "$(stat alloc_pages)" "$_held"
	expect_clean "$name"
	rmmod dualbm
	# And with nobody asleep there, nearly all is known.
	load_dualbm policy=report || bail "dualbm does not load"
	_untracked=$(($(stat pages_untracked) * 100 / $(stat pages_managed)))
	diag "$(grep '^pages_' $D/stats | xargs)"
	is "$name: percent of pages untracked when it can look" "$_untracked" 0
	expect_clean "$name"
	rmmod dualbm
	nothing_left "$name"
}

# Calls that sleep inside the allocator make learning try again and again for a while.
watched() {
	wanted watched || return 0
	insmod_test poolhog threads=8 depth=2 || bail "no call sleeps inside the allocator"
	modprobe dualbm policy=report || bail "dualbm does not load"
	sleep 3
	is "$name: it learns" "$(cat $D/state)" learning
	is "$name: no hook is silent" "$(grep -c ' silent$' $D/hooks)" 0
	echo 0 >/sys/kernel/debug/kprobes/enabled
	check "$name: hooks that fall silent show meanwhile" wait_for 3 grep -q ' silent$' $D/hooks
	is "$name: it still learns" "$(cat $D/state)" learning
	echo 1 >/sys/kernel/debug/kprobes/enabled
	rmmod poolhog
	check "$name: armed in the end" wait_for 60 state_is armed
	expect_clean "$name"
	rmmod dualbm
}

# ---- parameters ----

# complains NAME TEXT: the log says in one line what is accepted for NAME.
complains() {
	dmesg | grep -q "dualbm: $1: \".*\" is not accepted; use $2"
}

accepted() {
	case $1 in
	policy | on_degraded) echo '"report" or "panic"' ;;
	scrub_interval_ms) echo 'milliseconds, 0 to ' ;;
	qualified) echo 'what kernel_id says of such kernels' ;;
	*) echo '0 or 1' ;;
	esac
}

refused_at_load() {
	_value=${1#*=}
	_param=${1%%=*}
	dmesg -c >/dev/null
	if _err=$(modprobe dualbm "$1" 2>&1); then
		not_ok "$name: $1 is refused"
		rmmod dualbm
		return
	fi
	case $_err in
	*"Invalid argument"*) ok "$name: $1 is refused as an invalid argument" ;;
	*) not_ok "$name: $1 is refused as an invalid argument" "$_err" ;;
	esac
	check "$name: $1: the log says what is accepted" complains "$_param" "$(accepted "$_param")"
	nothing_left "$name: $1"
}

# covers: R-LOAD-3
bad_parameters() {
	wanted parameters || return 0
	for _bad in policy=foo policy= policy=Panic policy=reports on_degraded=x on_degraded=1 \
		boundary=2 boundary=yes boundary= scrub_interval_ms=-1 scrub_interval_ms=abc \
		scrub_interval_ms= scrub_interval_ms=4294967296 scrub_interval_ms=10s \
		repair=9 repair=true inject=y inject=11 allow_untested=2 qualified= qualified=xyz \
		qualified=0123456789abcde qualified=0123456789ABCDEF "qualified=a:b," \
		"qualified=,a:b" "qualified=$(printf '%080d' 0)"; do
		refused_at_load "$_bad"
	done
}

# put FILE: standard input, in one write; printf would not say that it failed.
put() {
	dd of="$1" bs=1M conv=notrunc iflag=fullblock 2>/tmp/put && return
	head -n 1 /tmp/put
	return 1
}

# refused_write FILE TEXT ERROR: and the file reads as before.
refused_write() {
	_was=$(cat "$1" 2>/dev/null)
	if _err=$(printf '%b' "$2" | put "$1"); then
		not_ok "$name: ${1##*/} refuses '$2'" "it reads now: $(cat "$1" 2>&1)"
		return
	fi
	case $_err in
	*"$3"*) ;;
	*)
		not_ok "$name: ${1##*/} refuses '$2' with: $3" "$_err"
		return
		;;
	esac
	is "$name: ${1##*/} refuses '$2' and stays" "$(cat "$1" 2>/dev/null)" "$_was"
}

taken() {
	if ! _err=$(printf '%s\n' "$2" | put "$1"); then
		not_ok "$name: ${1##*/} takes $2" "$_err"
		return
	fi
	is "$name: ${1##*/} takes $2" "$(cat "$1")" "$2"
}

runtime_parameters() {
	wanted runtime || return 0
	load_dualbm policy=report repair=1 scrub_interval_ms=12345 || bail "dualbm does not load"
	is "$name: as loaded" "$(cat $P/policy $P/on_degraded $P/boundary $P/scrub_interval_ms $P/repair $P/inject | tr '\n' ' ')" \
		"report report 1 12345 1 0 "
	for _param in policy on_degraded; do
		taken $P/$_param panic
		taken $P/$_param report
		for _bad in foo '' Panic 'report panic' 1; do
			dmesg -c >/dev/null
			refused_write $P/$_param "$_bad\n" "Invalid argument"
			check "$name: $_param: the log says what is accepted" complains $_param "$(accepted $_param)"
		done
	done
	for _good in 0 1 100 2147483647 60000; do
		taken $P/scrub_interval_ms $_good
	done
	for _bad in -1 abc '' 2147483648 1.5 '1 2'; do
		dmesg -c >/dev/null
		refused_write $P/scrub_interval_ms "$_bad\n" "Invalid argument"
		check "$name: scrub_interval_ms: the log says what is accepted" complains scrub_interval_ms "$(accepted scrub_interval_ms)"
	done
	taken $P/repair 0
	taken $P/repair 1
	for _bad in 9 y '' on 10; do
		dmesg -c >/dev/null
		refused_write $P/repair "$_bad\n" "Invalid argument"
		check "$name: repair: the log says what is accepted" complains repair "$(accepted repair)"
	done
	for _param in boundary inject; do
		is "$name: $_param cannot be written" "$(/bin/stat -c %a $P/$_param)" 444
		refused_write $P/$_param 0 ""
	done
	# The two ways to the policy are one.
	for _word in panic report; do
		echo $_word >$D/policy
		is "$name: $_word by way of /sys/kernel/dualbm" "$(cat $P/policy)" $_word
		echo panic >$P/policy
		is "$name: panic by way of the module's parameter" "$(cat $D/policy)" panic
	done
	dmesg -c >/dev/null
	check "$name: still armed" state_is armed
	expect_clean "$name"
	rmmod dualbm
	nothing_left "$name"
}

# ---- files ----

# What must not change by anything that is refused.
snapshot() {
	cat $D/state $D/policy $D/placement $DBG/planes $DBG/frame $DBG/violations $D/last_violation $P/*
	grep -E '^(violations|unproven|relearns|plane_corruption|hooks_missed) ' $D/stats
}

# bad_writes FILE NAME-OF-ERROR...
# covers: R-LOAD-3
bad_writes() {
	for _what in 'foo\n' '\n' '\0' 'nowhere\n' '\0377\0376\01\0200' '-1\n' '%s%n\n' ' \n'; do
		refused_write "$1" "$_what" "$2"
	done
	if head -c 3000 /dev/zero | tr '\0' x | put "$1" >/dev/null; then
		not_ok "$name: ${1##*/} refuses something very long"
	else
		ok "$name: ${1##*/} refuses something very long"
	fi
	if head -c 100000 /dev/urandom | put "$1" >/dev/null; then
		not_ok "$name: ${1##*/} refuses noise"
	else
		ok "$name: ${1##*/} refuses noise"
	fi
	if head -c 200 /dev/zero | put "$1" >/dev/null; then
		not_ok "$name: ${1##*/} refuses zeroes"
	else
		ok "$name: ${1##*/} refuses zeroes"
	fi
	# No byte at all: nothing happens, whatever the answer is.
	: >"$1"
}

files() {
	wanted files || return 0
	# Without passes of its own, "scrub" says the same until somebody asks for one.
	load_dualbm policy=report boundary=0 scrub_interval_ms=0 || bail "dualbm does not load"
	echo 4096 >$DBG/frame
	snapshot >/tmp/before
	bad_writes $D/policy "Invalid argument"
	bad_writes $D/scrub "Invalid argument"
	bad_writes $DBG/frame "Invalid argument"
	refused_write $DBG/frame '0x\n' "Invalid argument"
	refused_write $DBG/frame '99999999999999999999999\n' "Invalid argument"
	bad_writes $DBG/inject "Operation not permitted"
	refused_write $DBG/inject 'flip primary 4096\n' "Operation not permitted"
	for _file in $D/stats $D/state $D/hooks $D/placement $D/last_violation; do
		# Frames and addresses are for root.
		case $_file in
		*/placement | */last_violation) _mode=400 ;;
		*) _mode=444 ;;
		esac
		is "$name: ${_file##*/} is for reading" "$(/bin/stat -c %a "$_file")" $_mode
		if echo armed | put "$_file" >/dev/null; then
			not_ok "$name: ${_file##*/} cannot be written"
		else
			ok "$name: ${_file##*/} cannot be written"
		fi
	done
	for _file in $DBG/violations $DBG/planes; do
		is "$name: ${_file##*/} is root's, to read" "$(/bin/stat -c %a "$_file")" 400
		refused_write "$_file" 'x\n' ""
	done
	is "$name: inject is root's" "$(/bin/stat -c %a $DBG/inject)" 600
	# Frames that are not there, or not memory.
	for _pfn in 0 0xfffff 0xffffffffff 0xffffffffffffffff; do
		check "$name: frame takes $_pfn" write $DBG/frame $_pfn
		case $(cat $DBG/frame) in
		"pfn=0x"*" state="*) ok "$name: frame $_pfn has a state" ;;
		*) not_ok "$name: frame $_pfn has a state" "$(cat $DBG/frame)" ;;
		esac
	done
	check "$name: scrub takes now" write $D/scrub now
	echo 4096 >$DBG/frame
	# Reading with all sizes and from all places.
	for _file in "$D"/* $DBG/violations $DBG/planes $DBG/frame; do
		dd if="$_file" bs=1 of=/dev/null 2>/dev/null
		dd if="$_file" bs=4096 skip=9 of=/dev/null 2>/dev/null
	done
	snapshot >/tmp/after
	check "$name: nothing has changed by that" cmp -s /tmp/before /tmp/after
	cmp -s /tmp/before /tmp/after || diag "$(diff /tmp/before /tmp/after)"
	expect_clean "$name"
	rmmod dualbm
	nothing_left "$name"
}

# ---- injection ----

inject() {
	wanted inject || return 0
	load_dualbm policy=report inject=1 scrub_interval_ms=0 || bail "dualbm does not load"
	for _bad in 'flip\n' 'flip primary\n' 'flip first 4096\n' 'flip primary x\n' 'clear primary 4096\n' \
		'flip primaryprimaryprimaryprimary 4096\n'; do
		refused_write $DBG/inject "$_bad" "Invalid argument"
	done
	bad_writes $DBG/inject "Invalid argument"
	refused_write $DBG/inject 'flip primary 0xfffffffff\n' "No such device or address"
	echo now >$D/scrub
	is "$name: what was refused has done nothing" "$(stat violations)" 0
	insmod_test frame order=0 || bail "no frame"
	pfn=$(param frame pfn)
	_found=0
	for _plane in primary secondary untracked; do
		check "$name: flip $_plane $pfn" write $DBG/inject "flip $_plane $pfn"
		check "$name: scrub" write $D/scrub now
		_found=$((_found + 1))
		is "$name: found as plane_corruption" "$(stat plane_corruption)" $_found
		is "$name: that frame" "$(($(last pfn)))" "$((pfn))"
	done
	is "$name: nothing else" "$(stat violations)" 3
	check "$name: taints" tainted_bad_page
	rmmod frame
	check "$name: still armed" state_is armed
	is "$name: nothing else" "$(stat violations)" 3
	rmmod dualbm
	nothing_left "$name"
}

# ---- scrubbing ----

scrubbing() {
	wanted scrubbing || return 0
	load_dualbm policy=panic scrub_interval_ms=100 || bail "dualbm does not load"
	# At idle priority: next to a load, what that leaves.
	load_start 64M
	_passes=$(stat scrub_passes)
	sleep 8
	load_stop
	at_least "$name: passes under load" $(($(stat scrub_passes) - _passes)) 1
	_passes=$(stat scrub_passes)
	sleep 5
	at_least "$name: passes in 5 s" $(($(stat scrub_passes) - _passes)) 10
	case $(cat $D/scrub) in
	*" interval_ms=100 "*" found=0"*) ok "$name: found nothing" ;;
	*) not_ok "$name: found nothing" "$(cat $D/scrub)" ;;
	esac
	echo 0 >$P/scrub_interval_ms
	sleep 0.5
	_passes=$(stat scrub_passes)
	sleep 1
	is "$name: 0 is off" "$(stat scrub_passes)" "$_passes"
	echo 100 >$P/scrub_interval_ms
	sleep 2
	at_least "$name: and on again" $(($(stat scrub_passes) - _passes)) 3
	check "$name: armed" state_is armed
	expect_clean "$name"
	rmmod dualbm
	nothing_left "$name"
}

# ---- init that fails ----

# covers: R-LOAD-2
steps() {
	wanted steps || return 0
	load_start 48M
	for _step in 1 2 3 4 5 6 7 8 9 10 11; do
		if _err=$(modprobe dualbm policy=panic fail_at=$_step 2>&1); then
			not_ok "$name: step $_step fails"
			rmmod dualbm
			continue
		fi
		case $_err in
		*"Operation canceled"*) ok "$name: step $_step fails" ;;
		*) not_ok "$name: step $_step fails as it was told to" "$_err" ;;
		esac
		nothing_left "$name: step $_step"
	done
	check "$name: without a failure it loads" load_dualbm policy=panic fail_at=12 allow_untested=1
	expect_clean "$name"
	load_stop
	rmmod dualbm
	nothing_left "$name"
	expect_quiet_kernel "$name"
}

# ---- events that come late ----

# stretched NAME: what happened at each step of the init or the exit that just was.
stretched() {
	diag "$1: $(param stretch steps) steps, $(param stretch happened) times unpoisoned, CPU back $(param stretch moved) times, late $(param stretch late): $(param stretch last)"
	_wanted=$((2 * $(param stretch steps)))
	_happened=$(param stretch happened)
	# Without memory failures there are only CPUs, which are late where a step has what
	# they need.
	[ "$_happened" -gt 0 ] || _happened=$(($(param stretch moved) * 2))
	at_least "$1: something happened at each of its steps" "$_happened" "$_wanted"
	at_least "$1: steps" "$(param stretch steps)" "$2"
	expect_quiet_kernel "$1"
	rmmod stretch
}

# All that anybody may write to a module, for as long as it is there.
writers() {
	while :; do
		for _ms in 100 0 60000; do
			echo $_ms >$P/scrub_interval_ms
		done
		echo report >$P/policy
		echo panic >$P/policy
		echo now >$D/scrub
		cat $D/stats $DBG/violations
	done >/dev/null 2>&1 &
	writers_pid=$!
}

# covers: R-LOAD-1
late_load() {
	wanted late_load || return 0
	load_start 48M
	insmod_test stretch thread=modprobe cpu=1 || bail "stretch.ko"
	check "$name: loaded, with events at each step of init" load_dualbm policy=report
	stretched "$name" 4
	expect_no_finding "$name"
	load_stop
	rmmod dualbm
	nothing_left "$name"
}

# covers: R-LOAD-1
late_unload() {
	wanted late_unload || return 0
	load_dualbm policy=report || bail "dualbm does not load"
	load_start 48M
	writers
	insmod_test stretch thread=rmmod cpu=1 || bail "stretch.ko"
	# Whoever reads its debugfs has hold of the module; then rmmod says so, and nothing else.
	check "$name: unloaded, with events at each step of exit" wait_for 30 rmmod dualbm 2>/dev/null
	kill "$writers_pid"
	wait "$writers_pid" 2>/dev/null
	stretched "$name" 12
	load_stop
	nothing_left "$name"
}

# A CPU that has come back asks for learning, and is slow to do it.
# covers: R-EVENT-6
late_cpu() {
	wanted late_cpu || return 0
	load_dualbm policy=report || bail "dualbm does not load"
	insmod_test stretch thread=rmmod quiet=1 late_ms=4000 || bail "stretch.ko"
	echo 0 >/sys/devices/system/cpu/cpu1/online
	check "$name: armed" wait_for 30 state_is armed
	echo 1 >/sys/devices/system/cpu/cpu1/online &
	sleep 0.5
	check "$name: unloaded before a CPU that came back has asked for learning" rmmod dualbm
	wait $!
	at_least "$name: and then it asked" "$(param stretch late)" 1
	is "$name: of a queue that was still there" "$(param stretch too_late)" 0
	rmmod stretch
	nothing_left "$name"
	expect_quiet_kernel "$name"
}

# ---- a kernel that nobody tried ----

# qualified_as NAME STATE REASON PARAMETERS...
qualified_as() {
	_qname=$1 _qstate=$2 _qreason=$3
	shift 3
	modprobe dualbm policy=panic on_degraded=panic "$@" || bail "dualbm does not load"
	check "$name: $_qname: $_qstate" wait_for 60 state_is "$_qstate"
	is "$name: $_qname: and why" "$(cat $D/state_reason)" "$_qreason"
	given=$(param dualbm qualified)
	rmmod dualbm
}

# covers: R-PANIC-6
unqualified() {
	wanted unqualified || return 0
	modprobe dualbm policy=panic on_degraded=panic || bail "dualbm does not load"
	check "$name: says that it learned all the same" wait_for 60 learned
	is "$name: stays unqualified" "$(cat $D/state)" unqualified
	is "$name: and why" "$(cat $D/state_reason)" \
		"not qualified: nobody has tried this kernel; panic is withheld"
	_id=$(cat $D/kernel_id)
	# The last 20 bytes of the kernel's own note.
	check "$name: the identity is the kernel's build-id" [ "$(echo "$_id" | tr -d 0-9a-f)" = "" ]
	check "$name: as the kernel tells it" notes_have "$_id"
	is "$name: the log says so in one line" \
		"$(dmesg | grep -c "dualbm: kernel $(uname -r) ($_id) is not qualified, panic is withheld; qualify it, or trust it with allow_untested=1")" 1
	is "$name: the policy is what was asked for" "$(cat $D/policy)" panic
	# Not the one at which a kernel with DEBUG_VM stops itself.
	insmod_test faulty fault=reset_free order=5
	at_least "$name: a double free is found" "$(stat violations)" 1
	ok "$name: but the machine does not stop for it"
	is "$name: and is not relearned for nothing" "$(stat relearns)" 0
	rmmod dualbm
	nothing_left "$name"
	qualified_as "allow_untested=1" armed none allow_untested=1
	qualified_as "this kernel's identity" armed none qualified="$_id"
	is "$name: nor does the log complain then" "$(dmesg -c | grep -c 'dualbm: kernel .* is not qualified, panic')" 1
	qualified_as "another kernel's" unqualified \
		"not qualified: other kernels were tried, not this one; panic is withheld" \
		qualified=0123456789abcdef0123456789abcdef01234567
	qualified_as "its beginning" unqualified \
		"not qualified: other kernels were tried, not this one; panic is withheld" \
		qualified="$(echo "$_id" | cut -c1-38)"
	qualified_as "several, in several files" armed none qualified=0123456789abcdef,a:b qualified="c:d,$_id"
	is "$name: the parameter says what it was given" "$given" "0123456789abcdef,a:b,c:d,$_id"
	nothing_left "$name"
}

# notes_have DIGITS: whether /sys/kernel/notes has those bytes.
notes_have() {
	hexdump -v -e '1/1 "%02x"' /sys/kernel/notes | grep -q "040000001400000003000000474e5500$1"
}

learned() {
	dmesg | grep -q 'dualbm: unqualified, policy=panic, panic withheld'
}

mkdir /sys/fs/cgroup/any 2>/dev/null
echo +memory 2>/dev/null >/sys/fs/cgroup/cgroup.subtree_control
steps
unqualified
bad_parameters
runtime_parameters
files
scrubbing
sleepers
watched
late_load
late_unload
late_cpu
reload
# Last: it leaves a taint.
inject
finish
