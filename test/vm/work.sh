#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What whole workloads cost, in instructions for each operation: needs vm-run --icount.
#
#	work.sh NAME...	plain: without dualbm; lean: boundary=0; default; history
#
# Prints a line "figure NAME WORKLOAD COUNT NOISE" for each, NOISE in thousandths.
. ./mm-lib.sh

mount -t tmpfs work /tmp 2>/dev/null
# What a machine does by itself in between must be as much each time.
echo 0 >/proc/sys/kernel/randomize_va_space
echo always >/sys/kernel/mm/transparent_hugepage/enabled
echo 0 >/sys/kernel/mm/transparent_hugepage/khugepaged/defrag

measure() {
	work 3 | awk -v name="$1" '
		$1 == "work" { count = $3 }
		$1 == "noise" { print "| figure", name, $2, count, $3; n++ }
		END { exit n != 7 }' || not_ok "$1: all workloads ran"
}

for _name; do
	case $_name in
	lean) load_dualbm policy=panic scrub_interval_ms=0 boundary=0 ;;
	default) load_dualbm policy=panic scrub_interval_ms=0 ;;
	history) load_dualbm policy=panic scrub_interval_ms=0 history=callers ;;
	esac || bail "dualbm is not armed"
	# The kernel makes probes jumps a moment later.
	sleep 3
	measure "$_name"
	[ ! -d $D ] || expect_clean "$_name"
	[ ! -d $D ] || rmmod dualbm
	ok "$_name: measured"
done
finish
