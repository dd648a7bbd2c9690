#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What dualbm adds to a pair of allocation and free, in instructions: needs
# vm-run --icount and init_on_alloc=0.
#
#	bench.sh LIMIT...	for orders 0, 3 and 9: with boundary=0; with history=off; with that
#				where the boundary's probes cannot be jumps; and what the
#				default, history=frees, adds to history=off
# covers: R-COST-1
. ./mm-lib.sh

# measure: "ORDER INSTRUCTIONS" for each order, and "CALL INSTRUCTIONS" for other calls.
measure() {
	dmesg -c >/dev/null
	insmod_test bench || bail "bench.ko: $(said bench)"
	dmesg | sed -n 's/.*[ ]\(order\|call\)=\([0-9a-z_]*\) ns_per_pair=\([0-9]*\)$/\2 \3/p'
}

# added NAME: what the second measurement has more than the first.
added() {
	diag "$1: $(awk 'NR == FNR { was[$1] = $2; next }
		{ printf "%s%s%s: %d + %d", separator, $1 ~ /^[0-9]/ ? "order " : "", $1, was[$1], $2 - was[$1]; separator = ", " }' \
		/tmp/without /tmp/with)"
}

# of_order ORDER [WITHOUT WITH]: what the second of two measurements has more.
of_order() {
	awk -v order="$1" 'NR == FNR { was[$1] = $2; next } $1 == order { print $2 - was[$1] }' \
		"${2:-/tmp/without}" "${3:-/tmp/with}"
}

at_most() {
	if [ -n "$2" ] && [ "$2" -le "$3" ]; then ok "$1: $2"; else not_ok "$1" "got '$2', wanted at most $3"; fi
}

# limits NAME LIMIT0 LIMIT3 LIMIT9
limits() {
	measure >/tmp/with
	added "$1"
	at_most "$1 adds to a pair of order 0" "$(of_order 0)" "$2"
	at_most "$1 adds to a pair of order 3" "$(of_order 3)" "$3"
	at_most "$1 adds to a pair of order 9" "$(of_order 9)" "$4"
}

# What was probed is as it was.
unload() {
	rmmod dualbm
	measure >/tmp/with
	is "$1: nothing is left after it" "$(of_order 0)" 0
}

jumps_left() {
	! awk '{ print $2 }' "$D"/hooks | grep -q jump
}

# Long per-CPU lists: one that is flushed in between is a cost of its own.
echo 8 >/proc/sys/vm/percpu_pagelist_high_fraction
# What the machine does by itself in between must be as much each time.
measure >/dev/null
measure >/tmp/without
measure >/tmp/with
is "the same twice gives the same" "$(cat /tmp/with)" "$(cat /tmp/without)"

load_dualbm policy=panic boundary=0 scrub_interval_ms=0 || bail "dualbm is not armed: $(cat $D/state)"
limits "boundary=0" "$1" "$2" "$3"
plain=$(of_order 0)
echo callers >$D/history
measure >/tmp/with
added "boundary=0 history=callers"
echo stacks >$D/history
measure >/tmp/with
added "boundary=0 history=stacks"
echo off >$D/history
measure >/tmp/with
# What is counted for many pairs is divided by them.
check "a history that is switched off again adds nothing: $(of_order 0), $plain" \
	[ $(($(of_order 0) - plain)) -ge -1 -a $(($(of_order 0) - plain)) -le 1 ]
unload "boundary=0"

load_dualbm policy=panic scrub_interval_ms=0 || bail "dualbm is not armed: $(cat $D/state)"
check "the boundary's probes are jumps" wait_for 30 jumps_made
is "the default" "$(cat $D/history)" frees
measure >/tmp/with
added "boundary=1 history=frees"
cp /tmp/with /tmp/frees
echo off >$D/history
limits "boundary=1 history=off" "$4" "$5" "$6"
at_most "history=frees adds to a pair of order 0" "$(of_order 0 /tmp/with /tmp/frees)" "${10}"
at_most "history=frees adds to a pair of order 3" "$(of_order 3 /tmp/with /tmp/frees)" "${11}"
at_most "history=frees adds to a pair of order 9" "$(of_order 9 /tmp/with /tmp/frees)" "${12}"
expect_clean "costs"
unload "boundary=1"

echo 0 >/proc/sys/debug/kprobes-optimization
load_dualbm policy=panic scrub_interval_ms=0 history=off || bail "dualbm is not armed: $(cat $D/state)"
check "they are none where that is switched off" wait_for 60 jumps_left
limits "boundary=1 history=off without jumps" "$7" "$8" "$9"
expect_clean "costs without jumps"
unload "boundary=1 without jumps"
finish
