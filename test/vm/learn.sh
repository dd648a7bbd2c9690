#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Learning ends whatever a user does, leaves nearly nothing untracked, says why it leaves the
# rest, and does not stop the machine for nothing.
#
#	learn.sh [NAME...]	all of them, or those named
. ./mm-lib.sh

only=" $* "
huge=/sys/kernel/mm/hugepages
tracing=/sys/kernel/tracing

# permille: how much is untracked.
permille() {
	awk '$1 == "pages_managed" { all = $2 } $1 == "pages_untracked" { untracked = $2 }
		END { print int(untracked * 1000 / all) }' $D/stats
}

# learned NAME PERMILLE: no more than that is untracked.
learned() {
	_permille=$(permille)
	if [ "$_permille" -le "$2" ]; then
		ok "$1"
	else
		not_ok "$1" "$_permille of 1000 frames are untracked: $(grep -E '^(untracked_|stops|stopped_)' $D/stats | xargs)"
	fi
}

numbers() {
	diag "$name: $(grep -E '^(pages_managed|pages_untracked|untracked_.*|stops|stopped_.*) ' $D/stats | xargs)"
}

load() {
	load_dualbm policy=panic on_degraded=panic "$@" || bail "$name: dualbm is not armed: $(dmesg | tail -n 5)"
}

unload() {
	numbers
	expect_clean "$name"
	check "$name: unloads" rmmod dualbm
}

# with_addresses RUNNING SLEEPING WAITING: the user of addresses.c, until $user is killed.
with_addresses() {
	_at=$(awk '$3 ~ /^__alloc_(frozen_)?pages(_noprof|_nodemask)?$/ { print $1; exit }' /proc/kallsyms)
	# Well inside, wherever its entry is.
	addresses "$1" "$2" "$3" "$(printf '%s' "$_at" | sed 's/.$/8/')" &
	user=$!
	sleep 2
	check "$name: a user has the kernel's addresses" kill -0 $user
}

# A user's registers are no part of a kernel stack, and what a user has put there is no call.
# covers: R-HOOK-7
user_running() {
	part running || return 0
	with_addresses 40 0 0
	load
	learned "$name: all is learned beside 40 threads with addresses in their registers" 50
	kill -0 $user || not_ok "$name: the user is still there"
	kill $user
	unload
}

user_sleeping() {
	part sleeping || return 0
	with_addresses 2 60 0
	load
	learned "$name: all is learned beside 60 threads with addresses on their stacks" 50
	kill -0 $user || not_ok "$name: the user is still there"
	kill $user
	unload
}

# Whom the registers put in doubt would be looked at with all CPUs stopped, 32 in a stop. Without
# them there is a stop for each 2 GiB, and some for tasks that happened to run.
# covers: R-LEARN-5 R-USER-3
user_waiting() {
	part waiting || return 0
	with_addresses 0 0 400
	load
	learned "$name: all is learned beside 400 waiting threads with addresses in their registers" 50
	at_most "$name: they make for no stops" "$(stat stops)" 12
	kill -0 $user || not_ok "$name: the user is still there"
	kill $user
	unload
}

# Those that nobody has in use: the pool's.
# covers: R-LEARN-4
huge_pages() {
	part huge || return 0
	echo 40 >$huge/hugepages-2048kB/nr_hugepages
	_large=$(cat $huge/hugepages-1048576kB/free_hugepages)
	at_least "$name: idle pages of 2 MiB" "$(cat $huge/hugepages-2048kB/free_hugepages)" 20
	if grep -q hugepagesz=1G /proc/cmdline; then
		at_least "$name: idle pages of 1 GiB, from boot" "${_large:-0}" 1
	else
		skip "$name: idle pages of 1 GiB, from boot" "none was asked for (hugepagesz=1G hugepages=1)"
	fi
	load
	learned "$name: idle huge pages are learned" 20
	is "$name: none is left" "$(stat untracked_hugetlb)" 0
	# What becomes of them has its events.
	if [ "${_large:-0}" -ge 1 ] && [ -e $huge/hugepages-1048576kB/demote ]; then
		echo 1 >$huge/hugepages-1048576kB/demote
		at_least "$name: one is demoted" "$(cat $huge/hugepages-2048kB/free_hugepages)" 512
	fi
	echo 0 >$huge/hugepages-2048kB/nr_hugepages
	echo 0 >$huge/hugepages-1048576kB/nr_hugepages
	is "$name: all are given back" "$(cat $huge/hugepages-*/nr_hugepages | tr -d '0\n')" ""
	insmod_test paths op=pool ctx=task seconds=1
	echo 40 >$huge/hugepages-2048kB/nr_hugepages
	echo 1 >$huge/hugepages-1048576kB/nr_hugepages
	echo 0 >$huge/hugepages-2048kB/nr_hugepages
	echo 0 >$huge/hugepages-1048576kB/nr_hugepages
	unload
}

# How often stop_machine() was called: the kernel's own count, not dualbm's.
stops() {
	awk '$1 == "learn_stops" { print $2 }' "$tracing"/kprobe_profile
}

# passed N: so many passes of the scrubber.
passed() {
	[ "$(stat scrub_passes)" -ge "$1" ]
}

# Frames that have neither a count nor a mark: they stay, it is said why, and nobody tries
# again and again.
# covers: R-LEARN-5 R-LEARN-6
tails() {
	part tails || return 0
	_all=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
	insmod_test tails mib=$((_all * 15 / 100)) || bail "$name: no blocks"
	load scrub_interval_ms=1000
	is "$name: armed, for what is known is protected" "$(cat $D/state)" armed
	is "$name: says what is unknown" "$(cat $D/state_reason)" \
		"more than 10 % of memory is untracked, most of it frames that have neither a count nor a mark"
	at_least "$name: they are counted" "$(stat untracked_tail)" $((_all * 14 * 256 / 100))
	echo p:learn_stops stop_machine >"$tracing"/kprobe_events
	echo 1 >"$tracing"/events/kprobes/learn_stops/enable
	# Learning that the pass before has asked for is over by then.
	check "$name: passes of the scrubber" wait_for 60 passed $(($(stat scrub_passes) + 2))
	_stops=$(stops) _counted=$(stat stops)
	check "$name: more passes" wait_for 60 passed $(($(stat scrub_passes) + 5))
	is "$name: the machine is not stopped for what cannot be learned" "$(stops)" "$_stops"
	is "$name: nor is that counted" "$(stat stops)" "$_counted"
	echo 0 >"$tracing"/events/kprobes/learn_stops/enable
	echo >"$tracing"/kprobe_events
	rmmod tails
	# They are free now.
	echo now >$D/scrub
	is "$name: nothing is left to be said" "$(cat $D/state_reason)" none
	at_least "$name: stops are counted" "$(stat stops)" 1
	at_least "$name: and timed" "$(stat stopped_ns)" "$(stat stopped_max_ns)"
	unload
}

user_running
user_sleeping
user_waiting
huge_pages
tails
finish
