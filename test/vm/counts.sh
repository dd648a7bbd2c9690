#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Calls that drop references they have, very many of them: none is a finding.
#
#	counts.sh ROUNDS [PARAMETERS OF references.ko]
# covers: R-COUNT-4
. ./mm-lib.sh

load_dualbm scrub_interval_ms=0 || bail "dualbm is not armed: $(cat $D/state)"
# The real thing beside it: packets that go to this machine itself.
stress-ng --quiet --temp-path /tmp --sock 1 --udp 1 >/tmp/load.log 2>&1 &
load_pid=$!
_rounds=$1
shift
insmod_test references rounds="$_rounds" "$@"
is "the calls were made" $? 0
diag "$(said references)"
check "another CPU took references" [ "$(said references | sed -n 's/.*taken=//p')" -gt 0 ]
load_stop
for hook in page_frag_free __page_frag_cache_drain free_large_kmalloc '_?__free_pages'; do
	diag "$hook: $(hits "^$hook\$")"
	case $hook in
	free_large_kmalloc) grep -q "^$hook " $D/hooks || continue ;;
	esac
	check "$hook: was called" [ "$(hits "^$hook\$")" -ge "$_rounds" ]
done
expect_clean "references"
is "nothing is unproven" "$(sed -n 's/^unproven //p' $D/stats)" 0
is "armed" "$(cat $D/state)" armed
rmmod dualbm
finish
