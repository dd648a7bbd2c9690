#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Proofs while every CPU wants zone->lock, or with held_ms=N while another one has it: each
# double free that contend.ko makes is proven, and the longest time that a proof kept
# interrupts off is told.
#
#	contend.sh [PARAMETERS OF contend.ko...]
# covers: R-PROOF-3 R-PROOF-4
. ./mm-lib.sh

COUNTERS='violations|boundary_double_free|double_free|double_alloc|count_underflow|unproven|relearns'
load_dualbm scrub_interval_ms=0 || bail "dualbm is not armed: $(cat $D/state)"
if kernel_has CONFIG_DEBUG_VM; then
	skip "double frees while all CPUs want the lock" "put_page_testzero() stops at them itself, with DEBUG_VM"
	finish
fi
counters
_proofs=$(stat proofs)
check "double frees while all CPUs want the lock" insmod_test contend "$@"
diag "$(said contend)"
_made=$(said contend | sed -n 's/.*made=\([0-9]*\) .*/\1/p')
_waited=$(said contend | sed -n 's/.*waited_max_ns=\([0-9]*\) .*/\1/p')
# With PREEMPT_RT the lock may not be waited for: then the call's count has to do as a proof.
_lists=$_made
if [ -e /sys/kernel/realtime ]; then
	_lists=$(moved | sed -n 's/.*boundary_double_free+\([0-9]*\).*/\1/p')
	_lists=${_lists:-0}
fi
_classes=
[ "$_lists" -eq 0 ] || _classes=" boundary_double_free+$_lists"
[ "$_lists" -eq "$_made" ] || _classes="$_classes count_underflow+$((_made - _lists))"
is "each is proven, and nothing else is said" "$(moved)" "violations+$_made$_classes"
_max=$(stat proof_max_ns)
diag "proofs $(($(stat proofs) - _proofs)), interrupts off for $_max ns at most; the kernel's own wait $_waited ns"
if [ "$_lists" -gt 0 ]; then
	at_least "the longest time with interrupts off is told" "$_max" 1
else
	skip "the longest time with interrupts off is told" "no lock could be had"
fi
# A millisecond is meant for CPUs that run all the time. One that is emulated may stand still
# with the lock: a proof may take what the kernel's own longest wait took, and a bit.
_bound=$((_waited * 2 + 1000000))
[ "$_max" -le "$_bound" ] && _within=yes
is "interrupts are off no longer than the kernel itself waits" "${_within:-$_max > $_bound}" yes
is "armed all the time" "$(cat $D/state)" armed
finish
