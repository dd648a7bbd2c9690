#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Proofs while every CPU wants zone->lock, or with held_ms=N while another one has it: each
# double free that contend.ko makes is proven, and the longest time that a proof kept
# interrupts off is told.
#
#	contend.sh [PARAMETERS OF contend.ko...]
. ./mm-lib.sh

COUNTERS='violations|boundary_double_free|double_free|double_alloc|unproven|relearns'
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
is "each is proven, and nothing else is said" "$(moved)" "violations+$_made boundary_double_free+$_made"
_max=$(stat proof_max_ns)
diag "proofs $(($(stat proofs) - _proofs)), interrupts off for $_max ns at most; the kernel's own wait $_waited ns"
at_least "the longest time with interrupts off is told" "$_max" 1
# A millisecond is meant for CPUs that run all the time. One that is emulated may stand still
# with the lock: a proof may take what the kernel's own longest wait took, and a bit.
_bound=$((_waited * 2 + 1000000))
[ "$_max" -le "$_bound" ] && _within=yes
is "interrupts are off no longer than the kernel itself waits" "${_within:-$_max > $_bound}" yes
is "armed all the time" "$(cat $D/state)" armed
finish
