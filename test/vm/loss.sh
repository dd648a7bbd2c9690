#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Events that are lost, under load and with policy=panic: nothing is ever lost
# where the bulk allocator is redirected, also where a switch silences the optional
# probes; where a return probe has to do, the loss is counted, the module says that
# it is degraded, learns again, and finds nothing. What leaves the allocator by a way that
# no hook knows is counted as a gap, by a probe that is a jump and by what takes its place; and one that
# dualbm knows and no event tells of is found when it is loaded.
#
#	loss.sh [NAME...]	all of them, or those named; the last one panics
. ./mm-lib.sh

only=" $* "
bulk='alloc_pages_bulk'
boundary='^(__alloc_pages|__alloc_pages_noprof|_?__free_pages)$'
kprobes=/sys/kernel/debug/kprobes/enabled
jumps=/proc/sys/debug/kprobes-optimization
ftrace=/proc/sys/kernel/ftrace_enabled
tracing=/sys/kernel/tracing

wanted() {
	part "$1" || return 1
	echo >"$tracing"/trace
	loaded_or_bail
	check "$name: armed before" wait_for 60 state_is armed
	bulk_before=$(missed $bulk)
	boundary_before=$(missed "$boundary")
	hooks_before=$(stat hooks_missed)
	relearns_before=$(stat relearns)
	unproven_before=$(stat unproven)
}

# A way back to the allocator of which no event tells: no record can be kept of such a kernel.
# covers: R-HOOK-1
silent_way() {
	part silent_way || return 0
	insmod_test swallow || bail "swallow does not load"
	check "$name: is refused" sh -c '! modprobe dualbm 2>/dev/null'
	is "$name: and says which" "$(dmesg | sed -n 's/.*\] dualbm: //p' | sort -u)" \
		"event mm_page_free does not tell of release_pages(), order 0, on this kernel; not loaded"
	check "$name: nothing is left" [ ! -e /sys/module/dualbm ]
	rmmod swallow
	# A task that has to free memory before it is given some is told last of all.
	insmod_test swallow at=__folio_alloc noise=100 || bail "swallow does not load"
	check "$name: much that is told before does not hide it" load_dualbm policy=report
	rmmod dualbm
	rmmod swallow
	expect_quiet_kernel "$name"
}

# A function that is hooked, and has other arguments on this kernel than on any that is known. It is
# noticed at the first call, makes no event, and no other of its events is believed any more.
# covers: R-HOOK-8
strange() {
	part strange || return 0
	for _function in __isolate_free_page __memcg_kmem_charge_page; do
		load
		_missed=$(missed $_function)
		check "$name: $_function is called with what is no block" insmod_test strange function=$_function
		is "$name: each of these calls is counted" $(($(missed $_function) - _missed)) 5
		check "$name: degraded within 3 s" wait_for 3 state_is degraded
		sleep 3
		is "$name: for good, and it says why" "$(cat $D/state $D/state_reason | xargs)" \
			"degraded a hooked function was called with what is no block of frames"
		is "$name: the log has it once" "$(dmesg | grep -c 'dualbm: degraded: a hooked function')" 1
		is "$name: no violation, nothing unproven" "$(stat violations) $(stat unproven)" "0 0"
		check "$name: unloaded" rmmod dualbm
		expect_quiet_kernel "$name"
		dmesg -c >/dev/null
	done
}

loaded_or_bail() {
	[ -d $D ] || bail "$name: dualbm is not loaded"
}

load() {
	load_dualbm policy=panic on_degraded=report || bail "dualbm is not armed: $(dmesg | tail -n 5)"
	echo 1 >"$tracing"/events/dualbm/state/enable
}

mechanism() {
	awk -v hook="$1" '$1 ~ hook { print $2 " " $5 }' $D/hooks
}

# The state's own trace: it may be degraded for less time than a look takes.
went_degraded() {
	grep -q 'to=degraded' "$tracing"/trace && dmesg | grep -q 'dualbm: degraded: '
}

now_missed() {
	[ "$(stat hooks_missed)" -gt "$hooks_before" ]
}

now_relearned() {
	[ "$(stat relearns)" -gt "$relearns_before" ]
}

# What every loss ends with.
end_clean() {
	check "$name: armed at the end" wait_for 60 state_is armed
	is "$name: no violation" "$(stat violations)" 0
	is "$name: no coverage gap" "$(stat coverage_gaps)" 0
	case $name in
	kprobes_fallback)
		# What was handed out unseen in the second before somebody looked
		# may come back: a mismatch, for which there is no proof.
		if dmesg | grep -v 'dualbm: unproven ' | grep -E 'BUG:|WARNING:|Call Trace|Bad page state|dualbm: .*pfn=' >/tmp/splat; then
			not_ok "$name: no splat in the kernel log" "$(head -n 20 /tmp/splat)"
		else
			ok "$name: no splat in the kernel log"
		fi
		;;
	*)
		is "$name: nothing unproven" "$(stat unproven)" "$unproven_before"
		expect_quiet_kernel "$name"
		;;
	esac
	diag "$name: missed=$(($(stat hooks_missed) - hooks_before)) relearns=$(($(stat relearns) - relearns_before)) unproven=$(($(stat unproven) - unproven_before))"
}

# Nothing that matters was lost, so nothing has been forgotten either.
end_nothing_lost() {
	is "$name: no call of the bulk allocator was missed" "$(($(missed $bulk) - bulk_before))" 0
	is "$name: was not degraded" "$(grep -c 'to=degraded' "$tracing"/trace)" 0
	is "$name: learned only once" "$(stat relearns)" "$relearns_before"
	end_clean
}

end_lost() {
	check "$name: the loss was counted" now_missed
	check "$name: was degraded" went_degraded
	end_clean
	check "$name: learned again" now_relearned
}

slow_probe() {
	check "$name: a slow probe, and bulk allocations in softirq inside it" insmod_test slowprobe seconds=4
	diag "$(said slowprobe)"
}

# ---- what no hook knows ----

# both_are WORDS
both_are() {
	[ "$(boundary_is)" = "$1" ]
}

# unseen AT_LEAST AT_MOST: of 1024 pages that no event tells of, how many are gaps; of others that
# are allocated meanwhile some are. That the probe is off for a moment may be noticed: then again.
unseen() {
	for _try in 1 2 3 4 5 6; do
		_before="$(cat $D/state) $(stat relearns) $(stat violations)"
		_gaps=$(stat coverage_gaps)
		insmod /modules/unseen.ko pages=1024 || not_ok "$name: pages are allocated unseen"
		_gaps=$(($(stat coverage_gaps) - _gaps))
		_after="$(cat $D/state) $(stat relearns) $(stat violations)"
		diag "$name: $(dmesg | sed -n 's/.*\] unseen: //p' | tail -n 1), $_gaps gaps, $_before, $_after"
		[ "$_after" != "$_before" ] || break
		rmmod unseen
		wait_for 60 state_is armed
	done
	is "$name: a gap is no violation, and no reason to learn" "$_after" "$_before"
	at_least "$name: gaps" "$_gaps" "$1"
	check "$name: no more than were allocated" [ "$_gaps" -le "$2" ]
}

# freed_twice WHERE: a call at fault is found there, named, and has a stack to its end.
freed_twice() {
	dmesg -c >/dev/null
	insmod_test faulty fault=double_free
	is "$name: a second free is found $1" "$(stat boundary_double_free) $(last class)" "1 boundary_double_free"
	is "$name: and named" "$(last caller | sed 's/+.*//')" faulty_double_free
	is "$name: its stack begins with the call and leads to the end" \
		"$(dmesg | sed -n 's/.*dualbm:     \(__free_pages\|make_fault\|do_init_module\|entry_SYSCALL_64[a-z_]*\)+.*/\1/p' | xargs)" \
		"__free_pages make_fault do_init_module entry_SYSCALL_64_after_hwframe"
}

load_for_gaps() {
	load_dualbm policy=report on_degraded=report scrub_interval_ms=0 || bail "dualbm is not armed"
}

unload_after_gaps() {
	check "$name: unloaded" rmmod dualbm
	rmmod unseen
	dmesg -c >/dev/null
}

# covers: R-EVENT-11 R-HOOK-6 R-HOOK-7 R-REPORT-2
gap() {
	part gap || return 0
	case $(uname -m) in
	x86_64) ;;
	*)
		skip "$name" "there are no jumps"
		return
		;;
	esac
	# What takes their place; a return probe would end stacks before 5.19.
	case $(uname -r) in
	5.1[0-8].*) plain='jump kprobe' ;;
	*) plain='kretprobe kprobe' ;;
	esac
	load_for_gaps
	check "$name: the kernel makes jumps of both, one after the other" wait_for 20 jumps_made
	is "$name: both sides say so" "$(boundary_is)" "jump jump"
	freed_twice "by the jump"
	unseen 1024 3000
	unload_after_gaps

	# The switch is turned while they are there, under load.
	load_for_gaps
	check "$name: they are jumps again" wait_for 20 jumps_made
	_relearns=$(stat relearns)
	echo 0 >$jumps
	sleep 2
	is "$name: as breakpoints they are what they were" "$(boundary_is)" "jump jump"
	check "$name: they leave, when that lasts" wait_for 40 both_are "$plain"
	is "$name: the log has it" "$(dmesg | grep -c 'dualbm: the probe inside of .* it is at the [er][a-z]* now')" \
		"$(echo "$plain" | tr ' ' '\n' | grep -vc jump)"
	freed_twice "at the entry"
	is "$name: nothing was learned again" "$(stat relearns)" "$_relearns"
	is "$name: no hook is silent" "$(silent .*)" 0
	is "$name: armed" "$(cat $D/state)" armed
	case $plain in
	jump*) unseen 1024 3000 ;;
	*) unseen 3 100 ;;
	esac
	echo 1 >$jumps
	unload_after_gaps

	# Switched off before.
	echo 0 >$jumps
	load_for_gaps
	check "$name: what never was a jump leaves as well" wait_for 40 both_are "$plain"
	check "$name: unloaded" rmmod dualbm
	echo 1 >$jumps
	expect_quiet_kernel "$name"
}

# ---- what can be lost ----

redirect() {
	wanted redirect || return 0
	is "$name: the bulk allocator is redirected" "$(mechanism $bulk)" "redirect required"
	slow_probe
	at_least "$name: boundary probes missed, and say so" "$(($(missed "$boundary") - boundary_before))" 1
	check "$name: hooks_missed has them" now_missed
	end_nothing_lost
}

# covers: R-LOSS-1
fallback() {
	wanted fallback || return 0
	is "$name: the bulk allocator has a return probe" "$(mechanism $bulk)" "kretprobe required"
	slow_probe
	at_least "$name: calls of the bulk allocator missed" "$(($(missed $bulk) - bulk_before))" 1
	end_lost
}

silent() {
	grep -c "^$1 .* silent\$" $D/hooks
}

bulk_calls() {
	insmod_test paths op=bulk_array ctx=softirq seconds=1
	insmod_test paths op=bulk_list ctx=task seconds=1
	insmod_test paths op=vmalloc ctx=task seconds=1
}

# All kprobes of the machine are switched off under load: two checks are lost, which
# somebody can see, and nothing else.
# covers: R-HOOK-5
kprobes_off() {
	wanted kprobes || return 0
	is "$name: a loss would stop the machine" \
		"$(write /sys/module/dualbm/parameters/on_degraded panic && cat /sys/module/dualbm/parameters/on_degraded)" panic
	flush
	is "$name: no hook is silent before" "$(silent .*)" 0
	echo 0 >$kprobes
	bulk_calls
	at_least "$name: boundary probes missed, and say so" "$(($(missed "$boundary") - boundary_before))" 1
	is "$name: the free side's is shown as silent" "$(silent __free_pages)" 1
	is "$name: and logged, once" "$(dmesg | grep -c 'dualbm: the optional hook __free_pages does not fire')" 1
	is "$name: armed while they are off" "$(cat $D/state $D/state_reason | xargs)" "armed none"
	echo 1 >$kprobes
	bulk_calls
	is "$name: no hook is silent after" "$(silent .*)" 0
	is "$name: and the log says so" "$(dmesg | grep -c 'dualbm: the optional hook __free_pages fires again')" 1
	echo report >/sys/module/dualbm/parameters/on_degraded
	end_nothing_lost
}

# The same where the bulk allocator's exit, which is required, is one of them.
# covers: R-HOOK-4
kprobes_off_fallback() {
	wanted kprobes_fallback || return 0
	echo 0 >$kprobes
	check "$name: degraded within 3 s" wait_for 3 state_is degraded
	bulk_calls
	at_least "$name: boundary probes missed, and say so" "$(($(missed "$boundary") - boundary_before))" 1
	at_least "$name: so does the bulk allocator's" "$(($(missed $bulk) - bulk_before))" 1
	is "$name: shown as silent" "$(silent '[_a-z]*bulk[_a-z]*')" 1
	is "$name: degraded as long as they are off" "$(cat $D/state)" degraded
	echo 1 >$kprobes
	check "$name: armed again once they are on" wait_for 30 state_is armed
	end_lost
	# What was handed out unseen comes back now.
	insmod_test paths op=pool ctx=softirq seconds=1
	insmod_test paths op=bulk_array ctx=softirq seconds=1
	is "$name: no violation after that" "$(stat violations)" 0
}

# pool PARAMETERS...: return probes run out of instances, because thousands of
# calls sleep inside the allocator. Charges are made only if a cgroup exists.
pool() {
	if ! insmod_test poolhog "$@"; then
		not_ok "$name: calls that sleep inside the allocator"
		return
	fi
	ok "$name: $(param poolhog held) calls sleep inside the allocator"
	insmod_test paths op=bulk_array ctx=task seconds=1
	insmod_test paths op=vmalloc ctx=task seconds=1
	check "$name: the loss was counted" now_missed
	rmmod poolhog
	insmod_test paths op=pool ctx=softirq seconds=1
}

# covers: R-LOSS-1
pool_bulk() {
	wanted pool_bulk || return 0
	pool bulk=1 threads=600 depth=8
	at_least "$name: calls of the bulk allocator missed" "$(($(missed $bulk) - bulk_before))" 1
	end_lost
}

ftrace_refused() {
	wanted ftrace || return 0
	if err=$( (echo 0 >$ftrace) 2>&1); then
		not_ok "$name: cannot be switched off"
	else
		ok "$name: cannot be switched off"
	fi
	case $err in
	*busy*) ok "$name: is busy" ;;
	*) not_ok "$name: is busy" "$err" ;;
	esac
	is "$name: is still on" "$(cat $ftrace)" 1
	end_nothing_lost
}

ftrace_after() {
	case $only in
	"  " | *" ftrace "*) ;;
	*) return ;;
	esac
	check "ftrace: can be switched off after unloading" write $ftrace 0
	is "ftrace: is off" "$(cat $ftrace)" 0
	check "ftrace: can be switched on again" write $ftrace 1
}

function_tracer() {
	wanted tracer || return 0
	# Of all functions it would take an emulated CPU minutes to switch it on.
	for _filter in '__alloc_pages*' '*alloc_pages_bulk*' '__free_pages*' '__isolate_free_page' \
		'__memcg_kmem_charge_page' 'vmalloc*' 'kfree' 'dualbm*'; do
		echo "$_filter" 2>/dev/null >>"$tracing"/set_ftrace_filter
	done
	diag "traced functions: $(grep -c . "$tracing"/set_ftrace_filter)"
	for _round in 1 2 3 4; do
		check "$name: on" write "$tracing"/current_tracer "function$([ $((_round % 2)) = 0 ] && echo _graph)"
		insmod_test paths op=bulk_array ctx=softirq seconds=1
		grep -q alloc_pages "$tracing"/trace || not_ok "$name: it traces the allocator" "$(head -n 30 "$tracing"/trace)"
		check "$name: off" write "$tracing"/current_tracer nop
		insmod_test paths op=vmalloc ctx=task seconds=1
	done
	echo >"$tracing"/set_ftrace_filter
	end_nothing_lost
}

# covers: R-LOSS-2
forgotten_while_arming() {
	wanted arming || return 0
	check "$name: \"armed\" is never shown while nothing is believed" insmod_test learnrace
	diag "$(said learnrace)"
	end_clean
}

# covers: R-PANIC-3
panic_on_loss() {
	wanted panic || return 0
	is "$name: can be asked for at run time" \
		"$(write /sys/module/dualbm/parameters/on_degraded panic && cat /sys/module/dualbm/parameters/on_degraded)" panic
	flush
	insmod /modules/slowprobe.ko seconds=10
	not_ok "$name: has panicked" "$(cat $D/state $D/hooks)"
}

# ---- ----

mkdir /sys/fs/cgroup/any 2>/dev/null
echo +memory 2>/dev/null >/sys/fs/cgroup/cgroup.subtree_control
silent_way
strange
load_start 64M
gap
load
redirect
kprobes_off
ftrace_refused
function_tracer
forgotten_while_arming
check "unloaded" rmmod dualbm
ftrace_after

insmod_test livepatchlike || bail "livepatchlike does not load"
load
fallback
kprobes_off_fallback
pool_bulk
panic_on_loss
load_stop
check "unloaded once more" rmmod dualbm
rmmod livepatchlike
finish
