#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Others who probe, trace and patch the functions that dualbm hooks, before it,
# after it and while it comes and goes, under load and with policy=panic: nothing is
# found, nothing is missed, and the state is armed in the end.
#
#	coexist.sh [NAME...]	all of them, or those named
# covers: R-EVENT-10
. ./coexist-lib.sh

kprobes=/sys/kernel/debug/kprobes/enabled
ftrace=/proc/sys/kernel/ftrace_enabled
patch=/sys/kernel/livepatch/livepatch

# ---- probes of others ----

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

# A BPF program stands between the function and who called it.
# covers: R-REPORT-2
culprit() {
	wanted culprit || return 0
	load_dualbm policy=report scrub_interval_ms=0 || bail "dualbm is not armed"
	for _kind in fentry fexit kretprobe; do
		attach "$_kind:__free_pages"
		insmod_test faulty fault=double_free
		is "$name: behind a $_kind: who freed twice" "$(last class) $(last caller | sed 's/+.*//')" \
			"boundary_double_free faulty_double_free"
		is "$name: behind a $_kind: its stack has no trampoline" \
			"$(dmesg | grep -E 'dualbm:     (bpf_trampoline|__kretprobe_trampoline|el1|do_el1)')" ""
		detach
	done
	dmesg -c >/dev/null
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
	check "$name: is armed without kprobes" wait_for 60 state_is armed
	check "$name: and shows who is silent" grep -qE '^_?__free_pages .* silent$' $D/hooks
	work
	echo 1 >$kprobes
	work
	expect_clean "$name: kprobes are on again"
	is "$name: nobody is silent any more" "$(grep -c ' silent$' $D/hooks)" 0
	# With probes of others, which are silenced as well.
	# shellcheck disable=SC2046 # words
	attach $(everywhere kprobe kretprobe)
	echo 0 >$kprobes
	work
	is "$name: armed while they are off" "$(cat $D/state)" armed
	echo 1 >$kprobes
	work
	expect_clean "$name: on again, next to others' probes"
	is "$name: learned only once" "$(stat relearns)" 0
	detach
	unload
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

nobody_silent() {
	! grep -q ' silent$' "$D"/hooks
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

# clean_but_for_losses STEP: a return probe skips a call that interrupts another probe. That is
# counted, and all is learned again.
clean_but_for_losses() {
	_lost='dualbm: degraded: a required hook has missed events'
	check "$name: $1: armed" wait_for 60 state_is armed
	expect_clean "$name: $1"
	is "$name: $1: was not degraded but for lost events" "$(dmesg | grep 'dualbm: degraded' | grep -v "$_lost")" ""
	at_least "$name: $1: each loss is counted" "$(awk -v hook="$bulk" '$1 == hook { print $4 }' $D/hooks)" \
		"$(dmesg | grep -c "$_lost")"
}

# covers: R-HOOK-6
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
	[ "$lean" ] || [ "$(uname -m)" != x86_64 ] ||
		is "$name: behind a patch the boundary's probes are outside" \
			"$(boundary_is)" "kretprobe kprobe"
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
	check "$name: no check is silent for long" wait_for 30 nobody_silent
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
	clean_but_for_losses "the bulk allocator is patched"
	live_unpatch
	work
	clean_but_for_losses "the patch of the bulk allocator is gone"
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

# ---- ----

begin
# shellcheck disable=SC2046 # words
probes_of kprobes $(everywhere kprobe kretprobe) tracepoint:kmem/mm_page_alloc tracepoint:kmem/mm_page_free
# shellcheck disable=SC2046
probes_of bpf $(everywhere fentry fexit kprobe_multi kretprobe_multi) raw_tracepoint:mm_page_alloc raw_tracepoint:mm_page_free
tracefs
twice
culprit
churn
tracer
switches
tracer_all
# Last: a live patch leaves a mark on the kernel until it goes.
livepatch
load_stop
finish
