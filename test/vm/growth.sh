#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What loading, learning, a scrub pass and unloading take on a machine of this size, and how much
# memory; one line for scripts/bench. With a clock that counts instructions (vm-run --icount).
. ./guest-lib.sh

now_ms() {
	awk '{ print int($1 * 1000) }' /proc/uptime
}

free_kib() {
	awk '$1 == "MemFree:" { print $2 }' /proc/meminfo
}

# Whoever frees or allocates in the background has done so.
sync
sleep 2
_free=$(free_kib)
_start=$(now_ms)
modprobe dualbm policy=panic on_degraded=panic scrub_interval_ms=0 || bail "the module does not load"
_loaded=$(now_ms)
until state_is armed; do
	usleep 10000
done
_armed=$(now_ms)
_taken=$((_free - $(free_kib)))
_stops="$(stat stops) $(stat stopped_max_ns)"
check "a pass of the scrubber" eval 'echo now >$D/scrub'
_pass=$(tr ' ' '\n' <$D/scrub | sed -n 's/^last_ms=//p')
_stats="$(stat pages_managed) $(stat pages_untracked) $(stat plane_bytes)"
_end=$(now_ms)
check "unloads" rmmod dualbm
_gone=$(now_ms)
# managed untracked plane_bytes taken_kib load_ms learn_ms stops stopped_max_ns pass_ms unload_ms
echo "| growth $_stats $_taken $((_loaded - _start)) $((_armed - _loaded)) $_stops $_pass $((_gone - _end))"
finish
