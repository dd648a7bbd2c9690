#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Kinds of page bugs, one after the other, with what the kernel and dualbm say of each in the
# console's log, between marks: test/kinds-lib.sh reads it.
#
#	kinds.sh bare|PARAMETERS... -- KIND...		PARAMETERS of dualbm; bare is without it
. ./mm-lib.sh

parameters=''
while [ "$1" != -- ]; do
	parameters="$parameters $1"
	shift
done
shift

mark() {
	echo "<1>kinds: $*" >/dev/kmsg
}

# A machine that goes on after a bug, as most are.
echo 0 >/proc/sys/kernel/panic_on_warn
[ "$parameters" = " bare" ] || {
	# shellcheck disable=SC2086 # words
	load_dualbm policy=report scrub_interval_ms=0 $parameters || bail "dualbm is not armed"
	# Of each kind there is a report, also of the tenth within a second.
	[ ! -e /proc/sys/kernel/printk_ratelimit ] || echo 0 >/proc/sys/kernel/printk_ratelimit
}
mkdir -p /tmp/fill
mount -t tmpfs -o size=90% fill /tmp/fill
for kind; do
	mark "begin $kind"
	insmod_test kinds kind="$kind"
	status=$?
	mark "later $kind"
	# Whatever is free is handed out, and given back.
	dd if=/dev/zero of=/tmp/fill/x bs=1M count=400 2>/dev/null
	rm -f /tmp/fill/x
	[ ! -e $D/scrub ] || echo now >$D/scrub
	mark "end $kind"
	is "$kind is made" $status 0
	dmesg -c >/dev/null
done
finish
