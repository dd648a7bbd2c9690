#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Huge pages whose part of the memory map is given back while they are in use
# (hugetlb_free_vmemmap=on): their frames are found by what is left of it, and what the map
# is put together from again is allocated and freed like all else. 6.12.117 puts it together
# wrongly, and says so itself: then that is what is told, and nothing else.
. ./mm-lib.sh

if [ "$(cat /proc/sys/vm/hugetlb_optimize_vmemmap 2>/dev/null)" != 1 ]; then
	skip "huge pages without a part of the memory map" "this kernel keeps all of it"
	finish
fi

# huge COUNT: so many are wanted; how many there are.
huge() {
	echo "$1" >/proc/sys/vm/nr_hugepages
	awk '$1 == "HugePages_Total:" { print $2 }' /proc/meminfo
}

load_dualbm scrub_interval_ms=1000 || bail "dualbm is not armed: $(cat $D/state)"
COUNTERS='violations|unproven|coverage_gaps|bad_page|count_underflow|relearns'
counters
load_start 32M
for _i in 1 2 3 4; do
	at_least "round $_i: huge pages" "$(huge 60)" 20
	sleep 1
	huge 10 >/dev/null
	is "round $_i: all are given back" "$(huge 0)" 0
done
load_stop
echo now >$D/scrub
is "a scrub finds nothing" "$(sed -n 's/.* found=\([0-9]*\).*/\1/p' $D/scrub)" 0
_moved=$(moved)
diag "$_moved"
if dmesg | grep -q 'BUG: Bad page state'; then
	is "bad pages, as the kernel says, and nothing else" \
		"$(echo "$_moved" | sed 's/+[0-9]*//g')" "violations bad_page"
	is "each by who gives the huge page back" \
		"$(dmesg | sed -n 's/.*dualbm: bad_page .* reason=\([A-Za-z_]*\) caller=\([a-z_]*\)+.*/\1 \2/p' | sort -u |
			grep -v ' update_and_free_pages_bulk$')" ""
else
	is "nothing is found" "$_moved" ""
	expect_quiet_kernel "huge pages"
fi
is "armed" "$(cat $D/state)" armed
check "the module unloads" rmmod dualbm
finish
