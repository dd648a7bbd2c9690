#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The trace events in the hands of those who read them: the examples of
# docs/interface.md, in the file "examples", each in a Debian of its own, which is the
# 9p share "root", while a violation comes.
. ./mm-lib.sh

mount_debian
load_dualbm policy=report inject=1 || bail "dualbm is not armed: $(cat $D/state)"
insmod_test frame order=0 || bail "no frame"
_pfn=$(param frame pfn)

# in_debian COMMAND: until it is told to end, as Ctrl-C does.
in_debian() {
	chroot /mnt /bin/sh -c "cd /tmp && exec $1" >/tmp/out 2>&1 &
	_pid=$!
}

attached() {
	[ "$(cat "/sys/kernel/tracing/events/dualbm/violation/enable")" != 0 ] ||
		grep -q 'Attaching' /tmp/out ||
		grep -qs 1 /sys/kernel/tracing/instances/*/events/dualbm/violation/enable
}

violate() {
	_was=$(stat violations)
	echo "flip primary $_pfn" >$DBG/inject
	echo now >$D/scrub
	at_least "$1: a violation came" $(($(stat violations) - _was)) 1
}

while read -r _example; do
	_tool=${_example%% *}
	in_debian "$_example"
	check "$_tool: listens" wait_for 60 attached
	sleep 3
	violate "$_tool"
	sleep 1
	kill -INT $_pid
	wait $_pid
	if [ "$_tool" = trace-cmd ]; then
		chroot /mnt /bin/sh -c "cd /tmp && trace-cmd report" >/tmp/report 2>&1
		diag "$(grep dualbm /tmp/report | head -n 5)"
		at_least "$_tool: the violation" "$(grep -c ' violation: .*pfn=' /tmp/report)" 1
		at_least "$_tool: the scrubber" "$(grep -c ' scrub: .*found=' /tmp/report)" 1
	else
		diag "$(cat /tmp/out)"
		is "$_tool: the violation" "$(grep '^pfn ' /tmp/out)" "$(printf 'pfn %x frames 1' "$_pfn")"
	fi
done <./examples
rmmod frame
is "only plane corruptions" "$(stat violations)" "$(stat plane_corruption)"
check "unloads" rmmod dualbm
finish
