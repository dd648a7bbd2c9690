#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2119
#
# What dualbm learns while tasks sleep inside the allocator, behind the probes of others.
#
#	coexist-learn.sh [NAME...]	all of them, or those named
. ./coexist-lib.sh

# A probe that takes the return address into __alloc_pages() off the stack of
# whoever sleeps in the charge, and what the frames of those sleepers become.
# learn_behind NAME ON OFF
# covers: R-LEARN-1
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
	wanted reclaim || return 0
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

begin
learn_behind kretprobe charge_kretprobe_on charge_kretprobe_off
learn_behind graph charge_graph_on charge_graph_off
learn_behind fexit charge_fexit_on charge_probe_off
learn_behind multi charge_multi_on charge_probe_off
learn_behind all charge_all_on charge_all_off
learn_reclaim
load_stop
finish
