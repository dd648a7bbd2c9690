#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Others who probe, trace and patch the functions that dualbm hooks, before it,
# after it and while it comes and goes, under load and with policy=panic: nothing is
# found, nothing is missed, and the state is armed in the end.
#
#	coexist.sh [NAME...]	all of them, or those named
#
# kexec boots this script again, with "kexeced", which is not for people; hibernating
# (vm-run --reboot, and a disk) boots it again as it is.
. ./mm-lib.sh

only=" $* "
tracing=/sys/kernel/tracing
kprobes=/sys/kernel/debug/kprobes/enabled
ftrace=/proc/sys/kernel/ftrace_enabled
patch=/sys/kernel/livepatch/livepatch
charge=__memcg_kmem_charge_page

wanted() {
	name=$1
	case $only in
	"  ")
		[ "$name" != kexeced ] || return 1
		;;
	*" $name "*) ;;
	*) return 1 ;;
	esac
	dmesg -c >/dev/null
	started=$(cut -d. -f1 /proc/uptime)
}

# ---- functions ----

# first_of NAME...: the first that this kernel has, and that can be traced.
first_of() {
	for _function; do
		if grep -qx "$_function" /tmp/functions; then
			echo "$_function"
			return
		fi
	done
}

find_functions() {
	grep -E '^(__alloc_(frozen_)?pages(_noprof|_nodemask)?|(__)?alloc_pages_bulk(_noprof)?|__free_pages|__isolate_free_page|__putback_isolated_page|compaction_free|__memcg_kmem_charge_page|unpoison_memory)$' \
		"$tracing"/available_filter_functions >/tmp/functions
	alloc=$(first_of __alloc_frozen_pages_noprof __alloc_pages_noprof __alloc_pages __alloc_pages_nodemask)
	bulk=$(first_of alloc_pages_bulk_noprof __alloc_pages_bulk)
	hooked=$alloc
	for _function in "$bulk" __free_pages __isolate_free_page __putback_isolated_page $charge compaction_free; do
		_function=$(first_of "$_function")
		hooked="$hooked${_function:+ $_function}"
	done
	diag "hooked functions: $hooked"
}

# ---- what dualbm is put through ----

load() {
	if load_dualbm policy=panic on_degraded=report "$@"; then
		ok "$name: dualbm is armed"
	else
		not_ok "$name: dualbm is armed" "$(cat $D/state; dmesg | tail -n 5)"
	fi
}

unload() {
	check "$name: dualbm unloads" rmmod dualbm
}

one_work() {
	insmod_test paths "$@" seconds=1
	[ $? != 1 ] || not_ok "$name: paths $*" "$(said paths)"
}

work() {
	one_work op=pool ctx=task
	one_work op=contig ctx=task
	one_work op=vmalloc ctx=task
	[ -z "$bulk" ] || one_work op=bulk_array ctx=softirq
}

# clean STEP: after work; everything has been seen, and nothing was wrong.
clean() {
	check "$name: $1: armed" wait_for 60 state_is armed
	expect_clean "$name: $1"
	is "$name: $1: was not degraded" "$(dmesg | grep 'dualbm: degraded')" ""
}

done_with() {
	expect_quiet_kernel "$name: unloaded"
	check "$name: the load ran all the time" kill -0 "$load_pid"
	diag "$name: $(($(cut -d. -f1 /proc/uptime) - started)) s"
}

# ---- probes of others ----

# attach SPEC...: see probes.c
attach() {
	rm -f /tmp/probes
	probes /tmp/probes "$@" &
	probes_pid=$!
	wait_for 60 grep -q '^ready' /tmp/probes || not_ok "$name: probes are attached" "$(cat /tmp/probes)"
	sed -n 's/^no /this kernel cannot: /p' /tmp/probes | sort -u | head -n 3 | while read -r _line; do
		diag "$_line"
	done
}

# Those that fire have to have fired.
detach() {
	kill "$probes_pid"
	wait "$probes_pid"
	_silent=$(awk '!/^(no|ready)/ && $2 == 0 { print $1 }' /tmp/probes |
		grep -vE ':(__putback_isolated_page|compaction_free|__memcg_kmem_charge_page)$')
	_calls=$(awk '!/^(no|ready)/ { n++; sum += $2 } END { print sum " calls of " n " probes" }' /tmp/probes)
	if [ -z "$_silent" ] && [ "${_calls%% *}" -gt 0 ]; then
		ok "$name: the other's probes fired"
	else
		not_ok "$name: the other's probes fired" "$_calls, silent: $_silent"
	fi
	diag "$name: $_calls"
}

# everywhere KIND...: a probe of each kind on each function. 6.1 breaks its own
# ftrace if fexit comes to a function that somebody redirects (docs/coexistence.md).
everywhere() {
	for _kind; do
		for _function in $hooked; do
			[ "$_kind:$_function" = "$breaks" ] || printf ' %s:%s' "$_kind" "$_function"
		done
	done
}

# Every order of attaching, loading, detaching and unloading.
# probes_of NAME SPEC...
probes_of() {
	wanted "$1" || return 0
	shift
	attach "$@"
	load
	work
	clean "loaded while probes are active"
	detach
	work
	clean "probes are gone"
	attach "$@"
	work
	clean "probes came while loaded"
	unload
	work
	expect_quiet_kernel "$name: unloaded while probes are active"
	detach
	done_with
}

# What perf probe and trace-cmd use.
tracefs_on() {
	for _function in $hooked; do
		echo "p:coexist/p_$_function $_function" >>"$tracing"/kprobe_events
		echo "r:coexist/r_$_function $_function" >>"$tracing"/kprobe_events
	done
	echo 1 >"$tracing"/events/coexist/enable
	echo 1 >"$tracing"/events/kmem/enable
}

tracefs_off() {
	grep -q "$alloc" "$tracing"/trace || not_ok "$name: the other's events came" "$(head "$tracing"/trace)"
	echo 0 >"$tracing"/events/kmem/enable
	echo 0 >"$tracing"/events/coexist/enable
	echo >"$tracing"/kprobe_events
	echo >"$tracing"/trace
}

tracefs() {
	wanted tracefs || return 0
	tracefs_on
	load
	work
	clean "loaded while events are on"
	tracefs_off
	work
	clean "events are off"
	tracefs_on
	work
	clean "events came while loaded"
	unload
	tracefs_off
	done_with
}

# A call of the bulk allocator that is redirected passes its entry twice, so
# others count it twice: known, and told in docs/coexistence.md.
twice() {
	wanted twice || return 0
	[ "$bulk" ] || return 0
	attach "fexit:$bulk"
	load
	one_work op=vmalloc ctx=task
	one_work op=bulk_array ctx=softirq
	clean "fexit was there before"
	detach
	one_work op=vmalloc ctx=task
	clean "fexit is gone"
	for _kind in kprobe kretprobe fentry fexit; do
		[ "$_kind:$bulk" != "$breaks" ] || continue
		attach "$_kind:$bulk"
		_ours=$(hits "$bulk")
		one_work op=vmalloc ctx=task
		_ours=$(($(hits "$bulk") - _ours))
		kill "$probes_pid"
		wait "$probes_pid"
		_theirs=$(awk -v probe="$_kind:$bulk" '$1 == probe { print $2 }' /tmp/probes)
		diag "$name: $_kind: $_ours calls, counted as ${_theirs:-none}"
		[ -z "$_theirs" ] || at_least "$name: a $_kind sees each call, and that of the redirect" \
			$((_theirs * 100 / (_ours + 1))) 190
	done
	clean "they are gone"
	unload
	done_with
}

# They come and go as fast as they can while the module does.
churn() {
	wanted churn || return 0
	(
		while :; do
			# shellcheck disable=SC2046 # words
			probes /tmp/churn $(everywhere kprobe kretprobe fentry fexit kretprobe_multi) &
			wait_for 20 grep -q '^ready' /tmp/churn
			kill $!
			wait $!
			rm -f /tmp/churn
		done
	) &
	_churn=$!
	for _round in 1 2 3 4; do
		load
		one_work op=pool ctx=softirq
		one_work op=vmalloc ctx=task
		clean "round $_round"
		unload
	done
	kill $_churn
	wait $_churn 2>/dev/null
	killall probes 2>/dev/null
	done_with
}

# ---- tracers ----

trace_filter() {
	echo >"$tracing"/set_ftrace_filter
	for _function in "$@"; do
		echo "$_function" >>"$tracing"/set_ftrace_filter
	done
}

tracer() {
	wanted tracer || return 0
	for _tracer in function function_graph; do
		# shellcheck disable=SC2086 # words
		trace_filter $hooked
		check "$name: $_tracer of hooked functions" write "$tracing"/current_tracer $_tracer
		load
		work
		grep -q "$alloc" "$tracing"/trace || not_ok "$name: it traces" "$(head "$tracing"/trace)"
		clean "loaded while $_tracer is on"
		write "$tracing"/current_tracer nop
		work
		clean "$_tracer is off"
		write "$tracing"/current_tracer $_tracer
		work
		clean "$_tracer came while loaded"
		unload
		write "$tracing"/current_tracer nop
	done
	trace_filter
	done_with
}

# Of all functions: slow, so the buffer is small and the work is little.
tracer_all() {
	wanted tracer-all || return 0
	trace_filter
	for _tracer in function function_graph; do
		check "$name: $_tracer of everything" write "$tracing"/current_tracer $_tracer
		load
		one_work op=pool ctx=task
		clean "loaded while $_tracer is on"
		write "$tracing"/current_tracer nop
		one_work op=pool ctx=task
		clean "$_tracer is off"
		check "$name: $_tracer of everything once more" write "$tracing"/current_tracer $_tracer
		one_work op=pool ctx=softirq
		write "$tracing"/current_tracer nop
		clean "$_tracer came and went"
		unload
	done
	done_with
}

# ---- switches ----

switches() {
	wanted switches || return 0
	# Off when it comes.
	if [ "$(cat $ftrace)" = 1 ] && write $ftrace 0 && [ "$(cat $ftrace)" = 0 ]; then
		dmesg -c >/dev/null
		_err=$(modprobe dualbm policy=panic 2>&1) && not_ok "$name: refuses to load without ftrace"
		case $_err in
		*busy*) ok "$name: refuses to load without ftrace" ;;
		*) not_ok "$name: refuses to load without ftrace" "$_err" ;;
		esac
		is "$name: and says why, in one line" \
			"$(dmesg | sed -n 's/.*dualbm: //p' | grep -v 'taint')" \
			"cannot hook __isolate_free_page (ftrace): error -16, ftrace is switched off (kernel.ftrace_enabled=0); not loaded"
		check "$name: nothing is left" [ ! -e $D ]
		write $ftrace 1
	else
		skip "$name: refuses to load without ftrace" "this kernel's ftrace is always on"
	fi
	dmesg -c >/dev/null
	echo 0 >$kprobes
	modprobe dualbm policy=panic on_degraded=report || not_ok "$name: loads without kprobes"
	check "$name: is degraded without kprobes" wait_for 30 state_is degraded
	echo 1 >$kprobes
	check "$name: is armed with them" wait_for 60 state_is armed
	work
	expect_clean "$name: kprobes are on again"
	at_least "$name: learned again" "$(stat relearns)" 1
	# With probes of others, which are silenced as well.
	# shellcheck disable=SC2046 # words
	attach $(everywhere kprobe kretprobe)
	echo 0 >$kprobes
	check "$name: degraded" wait_for 5 state_is degraded
	work
	echo 1 >$kprobes
	check "$name: armed again" wait_for 60 state_is armed
	work
	expect_clean "$name: on again, next to others' probes"
	detach
	unload
	done_with
}

# ---- learning while tasks sleep inside the allocator, behind others' probes ----

# A probe that takes the return address into __alloc_pages() off the stack of
# whoever sleeps in the charge, and what the frames of those sleepers become.
# learn_behind NAME ON OFF
learn_behind() {
	wanted "$1" || return 0
	"$2"
	if ! insmod_test poolhog threads=64 depth=1; then
		not_ok "$name: tasks sleep inside the allocator" "$(dmesg | tail -n 3)"
		"$3"
		return
	fi
	ok "$name: $(param poolhog held) tasks sleep inside the allocator"
	load
	diag "$name: pages_untracked $(stat pages_untracked)"
	flush
	rmmod poolhog
	sleep 1
	clean "they were let go after learning"
	unload
	# And in the middle of it.
	insmod_test poolhog threads=64 depth=1 || not_ok "$name: tasks sleep inside the allocator again"
	modprobe dualbm policy=panic on_degraded=report || not_ok "$name: loads"
	sleep 2
	is "$name: waits for them" "$(cat $D/state)" learning
	rmmod poolhog
	wait_for 60 state_is armed
	clean "they were let go while learning"
	"$3"
	work
	clean "the other is gone"
	# Everything is known in the end: nobody sleeps there any more.
	_untracked=$(($(stat pages_untracked) * 100 / $(stat pages_managed)))
	if [ $_untracked -lt 2 ]; then
		ok "$name: it has learned what is allocated"
	else
		not_ok "$name: it has learned what is allocated" "$_untracked % untracked"
	fi
	unload
	done_with
}

charge_kretprobe_on() {
	echo "r:coexist/charge $charge" >"$tracing"/kprobe_events
	echo 1 >"$tracing"/events/coexist/enable
}

charge_kretprobe_off() {
	echo 0 >"$tracing"/events/coexist/enable
	echo >"$tracing"/kprobe_events
}

charge_graph_on() {
	trace_filter $charge
	write "$tracing"/current_tracer function_graph
}

charge_graph_off() {
	write "$tracing"/current_tracer nop
	trace_filter
}

charge_fexit_on() {
	attach "fexit:$charge" "fentry:$charge"
}

charge_multi_on() {
	attach "kretprobe_multi:$charge"
}

charge_probe_off() {
	kill "$probes_pid"
	wait "$probes_pid"
}

# All of them on one function.
charge_all_on() {
	charge_kretprobe_on
	charge_graph_on
	attach "fexit:$charge" "kretprobe_multi:$charge" "kretprobe:$charge"
}

charge_all_off() {
	charge_probe_off
	charge_graph_off
	charge_kretprobe_off
}

# Charges that really wait: a cgroup at its limit, with swap to wait for.
learn_reclaim() {
	wanted learn-reclaim || return 0
	if ! modprobe zram || ! write /sys/block/zram0/disksize 256M ||
		! mkswap /dev/zram0 >/dev/null || ! swapon /dev/zram0; then
		skip "$name" "no zram to swap to"
		return
	fi
	mkdir -p /sys/fs/cgroup/small
	echo 24M >/sys/fs/cgroup/small/memory.max
	charge_all_on
	sh -c 'echo $$ >/sys/fs/cgroup/small/cgroup.procs
		exec stress-ng --quiet --oomable --temp-path /tmp --vm 1 --vm-bytes 40M --fork 1 --pipe 1' \
		>/tmp/small.log 2>&1 &
	_small=$!
	sleep 3
	for _round in 1 2; do
		load
		diag "$name: pages_untracked $(stat pages_untracked)"
		sleep 3
		for _counter in violations unproven coverage_gaps; do
			is "$name: round $_round: $_counter" "$(stat $_counter)" 0
		done
		unload
	done
	at_least "$name: charges waited" "$(sed -n 's/^max //p' /sys/fs/cgroup/small/memory.events)" 1
	diag "$name: at the limit $(sed -n 's/^max //p' /sys/fs/cgroup/small/memory.events) times"
	kill $_small
	write /sys/fs/cgroup/small/cgroup.kill 1
	wait $_small 2>/dev/null
	charge_all_off
	swapoff /dev/zram0
	# Whom the kernel kills in a cgroup that is full it lists with a stack.
	dmesg -c | grep -v 'Call Trace' >/tmp/splats
	is "$name: no splat in the kernel log" "$(grep -E 'BUG:|WARNING:|Bad page state|dualbm: .*pfn=' /tmp/splats)" ""
	done_with
}

# ---- live patches ----

# live_patch FUNCTION...
live_patch() {
	_list=$(echo "$@" | tr ' ' ,)
	insmod_test livepatch functions="$_list" || return
	wait_for 120 patch_settled && return
	not_ok "$name: $_list is patched" "transition $(cat "$patch"/transition)"
}

patch_settled() {
	[ "$(cat "$patch"/transition 2>/dev/null)" = 0 ]
}

patch_gone() {
	! [ -e "$patch" ]
}

live_unpatch() {
	_calls=$(param livepatch calls)
	at_least "$name: the patch was called" "${_calls:-0}" 1
	write "$patch"/enabled 0
	check "$name: the patch is off" wait_for 120 patch_gone
	# Its last reference goes a moment later.
	wait_for 20 rmmod livepatch 2>/dev/null
}

livepatch() {
	wanted livepatch || return 0
	if ! [ -d /sys/kernel/livepatch ]; then
		skip "$name" "this kernel has no live patches"
		return
	fi
	_functions="$alloc __free_pages __isolate_free_page $charge $(first_of compaction_free)"
	# shellcheck disable=SC2086 # words
	check "$name: patched before loading" live_patch $_functions
	load $lean
	work
	clean "loaded with a patch"
	at_least "$name: what is in use is not learned on a kernel that is patched" "$(stat pages_untracked)" \
		$(($(stat pages_managed) / 50))
	live_unpatch
	work
	clean "the patch is gone"
	# shellcheck disable=SC2086
	check "$name: patched while loaded" live_patch $_functions
	work
	clean "a patch came while loaded"
	unload
	work
	live_unpatch
	expect_quiet_kernel "$name: unloaded with a patch"
	[ "$bulk" ] || return 0
	# One may redirect the bulk allocator: who comes first.
	check "$name: $bulk is patched" live_patch "$bulk"
	load $lean
	is "$name: dualbm has a return probe then" "$(awk -v hook="$bulk" '$1 == hook { print $2 }' $D/hooks)" kretprobe
	work
	clean "the bulk allocator is patched"
	live_unpatch
	work
	clean "the patch of the bulk allocator is gone"
	unload
	load $lean
	is "$name: dualbm redirects it again" "$(awk -v hook="$bulk" '$1 == hook { print $2 }' $D/hooks)" redirect
	_err=$(insmod /modules/livepatch.ko functions="$bulk" 2>&1)
	case $_err in
	*busy*) ok "$name: a patch of the bulk allocator is refused as busy" ;;
	*) not_ok "$name: a patch of the bulk allocator is refused as busy" "$_err" ;;
	esac
	work
	check "$name: armed" state_is armed
	for _counter in violations unproven coverage_gaps; do
		is "$name: $_counter" "$(stat $_counter)" 0
	done
	unload
	check "$name: and taken after unloading" live_patch "$bulk"
	work
	live_unpatch
	done_with
}

# ---- power ----

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

# ---- ----

case $only in
*" hibernate "*) ! hibernated || bring_back ;;
esac
mkdir /sys/fs/cgroup/any 2>/dev/null
echo +memory 2>/dev/null >/sys/fs/cgroup/cgroup.subtree_control
find_functions
# 6.1 warns when the stack of a task that wakes up inside a return probe is read,
# as changing to a live patch does.
case $(uname -r) in
6.1.*) lean=boundary=0 breaks=fexit:$bulk ;;
*) lean='' breaks='' ;;
esac
load_start 64M

kexeced
# shellcheck disable=SC2046 # words
probes_of kprobes $(everywhere kprobe kretprobe) tracepoint:kmem/mm_page_alloc tracepoint:kmem/mm_page_free
# shellcheck disable=SC2046
probes_of bpf $(everywhere fentry fexit kprobe_multi kretprobe_multi) raw_tracepoint:mm_page_alloc raw_tracepoint:mm_page_free
tracefs
twice
churn
tracer
switches
learn_behind learn-kretprobe charge_kretprobe_on charge_kretprobe_off
learn_behind learn-graph charge_graph_on charge_graph_off
learn_behind learn-fexit charge_fexit_on charge_probe_off
learn_behind learn-multi charge_multi_on charge_probe_off
learn_behind learn-all charge_all_on charge_all_off
learn_reclaim
tracer_all
livepatch
to_memory
to_disk
kexec_away
load_stop
finish
