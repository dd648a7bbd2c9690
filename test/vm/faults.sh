#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Faults made on purpose by faulty.ko: each is found with its class, frame, order,
# proof and caller, by as many reports as it has events, and nothing else is.
#
#	faults.sh all|none PARAMETERS... [stop load|sysfs|parameter FAULT...]
#
# Loads dualbm with PARAMETERS, makes all faults under policy=report, or none;
# then the one fault at which the machine has to stop, after policy=panic was
# given at load (by PARAMETERS), or is now, through sysfs or the parameter.
. ./mm-lib.sh

T=/sys/kernel/tracing
P=/sys/module/dualbm/parameters
COUNTERS='violations|double_alloc|double_free|boundary_double_free|plane_corruption|directory_corruption|allocator_corruption|bad_page|count_underflow|mapped_free|piece_free|unproven|corrected|coverage_gaps|relearns'

# The counters that a report moves, as they are now.
counters() {
	grep -E "^($COUNTERS) " $D/stats >/tmp/counters
}

# Reads all that was reported, in every place, and prints what is not as /tmp/want
# says. That holds a line CLASS PFN ORDER PROOF CALLER MODULE for each record.
# covers: R-REPORT-1
examine() {
	awk -v last="$1" -v splat="$splat" '
	# A block of an order that per-CPU lists hold may have left them already.
	function differ(one, other) {
		if (other ~ / list /)
			sub(/ (pcp|buddy) /, " list ", one)
		return one != other
	}
	function wrong(text) {
		print text
	}
	# The same line, from a line of any of the places.
	function canonical(   i, at, key, value, got, class, module) {
		for (i = 1; i <= NF; i++) {
			at = index($i, "=")
			if (!at)
				continue
			key = substr($i, 1, at - 1)
			value = substr($i, at + 1)
			if (key == "pfn" && class == "")
				class = $(i - 1)
			if (key == "class")
				class = value
			if (key == "caller") {
				sub(/[+.].*/, "", value)
				module = $(i + 1)
			}
			got[key] = value
		}
		return class " " got["pfn"] " " got["order"] " " got["proof"] " " got["caller"] " " module
	}
	function compare(where, got, n,   i) {
		if (n != wants)
			wrong(where ": " n + 0 " records, not " wants)
		for (i = 1; i <= n || i <= wants; i++)
			if (differ(got[i], want[i]))
				wrong(where ": \"" got[i] "\", not \"" want[i] "\"")
	}
	function named(where, seen,   i) {
		for (i = 1; i <= wants; i++)
			if (!seen[i])
				wrong(where ": the stack of record " i " does not lead through its caller")
	}
	BEGIN { wants = logs = records = traces = 0 }
	FILENAME == "/tmp/want" {
		want[++wants] = $0
		traced[wants] = $1 " " $2 " " $3 "  " $5 " " $6
		caller[wants] = " " $5
		if ($4 == "none") {
			expect["unproven"]++
		} else {
			expect["violations"]++
			expect[$1]++
		}
		next
	}
	FILENAME == "/tmp/counters" { was[$1] = $2; next }
	FILENAME ~ /stats$/ {
		if ($1 in was && $2 - was[$1] != expect[$1] + 0)
			wrong($1 ": " was[$1] " -> " $2)
		next
	}
	FILENAME == "/tmp/dmesg" {
		if (/dualbm: .*pfn=/) {
			in_log[++logs] = canonical()
			if (!/dualbm: (double_alloc|(boundary_)?double_free|bad_page|count_underflow|unproven) pfn=0x[0-9a-f]+ order=[0-9]+ proof=[a-z]+ /)
				wrong("the log: " $0)
			if (/ unproven / != / proof=none /)
				wrong("the log: " $0)
		} else if (logs && index($0, caller[logs]) && /\[faulty\]/) {
			log_stack[logs] = 1
		}
		if (/BUG:|WARNING:|general protection|list_(add|del) corruption|cannot undo/ && !/BUG: KCSAN: / && !(splat != "" && $0 ~ splat))
			wrong("splat: " $0)
		next
	}
	FILENAME ~ /violations$/ {
		if (/^record=/) {
			number = substr($1, 8) + 0
			if (number > last)
				in_ring[++records] = canonical()
		} else if (number > last && index($0, caller[records]) && /\[faulty\]/) {
			ring_stack[records] = 1
		}
		next
	}
	FILENAME ~ /last_violation$/ {
		if (differ(canonical(), want[wants]))
			wrong("last_violation: " $0)
		next
	}
	/ violation: / {
		line = canonical()
		split(line, part, " ")
		in_trace[++traces] = part[1] " " part[2] " " part[3] "  " part[5] " " part[6]
	}
	END {
		compare("the log", in_log, logs)
		named("the log", log_stack)
		compare("debugfs violations", in_ring, records)
		named("debugfs violations", ring_stack)
		for (i = 1; i <= wants; i++)
			want[i] = traced[i]
		compare("the trace event", in_trace, traces)
	}' /tmp/want /tmp/counters $D/stats /tmp/dmesg $DBG/violations $D/last_violation $T/trace
}

last_number() {
	_number=$(last record)
	echo "${_number:-0}"
}

# fault NAME RECORDS ARGUMENTS...: RECORDS are words CLASS:PROOF:OFFSET:ORDER:CALLER,
# as many as are to come, OFFSET from the frame that faulty.ko tells. PROOF "list"
# is either kind of list.
# $splat is a pattern of what the kernel itself may say about it.
splat=
fault() {
	_name=$1
	_want=$2
	shift 2
	dmesg -c >/dev/null
	echo >$T/trace
	_last=$(last_number)
	insmod_test faulty stay=1 "$@"
	case $? in
	0) ;;
	2)
		skip "$_name" "this kernel cannot do it: $(said faulty)"
		return
		;;
	*)
		not_ok "$_name: was made"
		return
		;;
	esac
	dmesg >/tmp/dmesg
	_pfn=$(sed -n 's/.*faulty: fault=.* pfn=//p' /tmp/dmesg)
	for _record in $_want; do
		IFS=: read -r _class _proof _offset _order _caller <<-EOF
			$_record
		EOF
		printf '%s 0x%x %s %s %s [faulty]\n' "$_class" $((_pfn + _offset)) \
			"$_order" "$_proof" "$_caller"
	done >/tmp/want
	is "$_name" "$(examine "$_last")" ""
	rmmod faulty
	# What comes between two faults is the next one's: it must not come at all.
	counters
}

# The records of a block whose tails are freed again, each on its own.
tails() {
	_ord=$1
	_how=$2
	while [ "$_ord" -gt 0 ]; do
		_ord=$((_ord - 1))
		echo "double_free:$_how:$((1 << _ord)):$_ord:faulty_double_free"
	done
}

# double NAME ORDER PROOF ARGUMENTS...: of order 0 the second free is no event.
# covers: R-COUNT-1
double() {
	_title=$1
	_of=$2
	_by=$3
	shift 3
	if kernel_has CONFIG_DEBUG_VM; then
		skip "$_title" "put_page_testzero() stops at it itself, with DEBUG_VM"
	elif [ "$boundary" = 1 ]; then
		fault "$_title" "boundary_double_free:$_by:0:$_of:faulty_double_free" \
			fault=double_free order="$_of" "$@"
	else
		fault "$_title" "$(tails "$_of" "$_by")" fault=double_free order="$_of" "$@"
	fi
}

# again NAME ORDER PROOF VIA: only a call of __free_pages() passes the boundary.
again() {
	_class=double_free
	[ "$boundary$4" != 1pages ] || _class=boundary_double_free
	fault "$1" "$_class:$3:0:$2:free_again" fault=reset_free order="$2" via="$4"
}

# Calls that give back what they have not.
# covers: R-COUNT-2 R-COUNT-3
underflows() {
	if kernel_has CONFIG_DEBUG_VM; then
		skip "a count that cannot pay for the call" "put_page_testzero() stops at it itself, with DEBUG_VM"
		return
	fi
	fault "a page inside a block is freed" count_underflow:count:1:0:faulty_tail_free \
		fault=tail_free order=3
	_record=count_underflow:count:1:0:faulty_tail_free
	fault "each call is one finding" "$_record $_record" fault=tail_free order=3 times=2
	fault "a fragment is given back that nobody has" \
		count_underflow:count:0:0:faulty_frag_free fault=frag_free
	fault "more is given back of a page of fragments than there is" \
		count_underflow:count:0:0:faulty_frag_drain fault=frag_drain
	# Where it calls __free_pages(), that is the same call; before 5.17 there is only that one,
	# and it says of what order the object is.
	_order=0
	grep -q '^free_large_kmalloc ' $D/hooks || _order=4
	_record=count_underflow:count:0:$_order:faulty_large_kfree
	# Since 6.15 the kernel says so as well, once.
	_warns=$(cat /proc/sys/kernel/panic_on_warn)
	echo 0 >/proc/sys/kernel/panic_on_warn
	splat='WARNING: .*free_large_kmalloc'
	fault "a large object is freed that nobody has" $_record fault=large_kfree
	fault "each call is one finding, of a large object" "$_record $_record" \
		fault=large_kfree times=2
	splat=
	echo "$_warns" >/proc/sys/kernel/panic_on_warn
	fault "memory of slab is given back as a fragment" \
		count_underflow:count:0:0:faulty_frag_slab fault=frag_slab
	splat='BUG: Bad page state in process insmod'
	fault "a page is freed that the kernel has dropped" \
		"bad_page:kernel:1:0:faulty_bad_again count_underflow:count:1:0:faulty_bad_again" \
		fault=bad_again
	# Since 6.3 the kernel says so itself, in the call; before that it may be silent.
	fault "a page is freed while it is in an address space" \
		bad_page:kernel:0:0:faulty_in_mapping fault=in_mapping
	fault "so is one whose last reference is dropped" \
		bad_page:kernel:0:0:faulty_in_mapping fault=in_mapping via=put
	splat=
}

# covers: R-RULE-1 R-RULE-2 R-PROOF-1 R-PROOF-2 R-PROOF-6 R-COUNT-5 R-PANIC-2
all_faults() {
	is "taint: no bad page before" $(($(cat /proc/sys/kernel/tainted) >> 5 & 1)) 0
	uevent sh -c 'echo "$DUALBM_VIOLATION"' >/tmp/uevents 2>/dev/null &
	_listener=$!
	sleep 0.5
	again "freed whole again by put_page()" 0 pcp put
	is "taint: bad page after the first violation" \
		$(($(cat /proc/sys/kernel/tainted) >> 5 & 1)) 1
	check "uevent: sent" wait_for 10 grep -qx "double_free record=[0-9]* proof=pcp" /tmp/uevents
	kill $_listener

	if [ "$boundary" = 1 ]; then
		double "double free of one page" 0 pcp
		double "double free of one page, by its address" 0 pcp via=address
	fi
	double "double free of order 4" 4 buddy
	double "double free of order 4, compound" 4 buddy comp=1
	double "double free of order 4, by its address" 4 buddy via=address
	double "double free of order 3" 3 list
	double "double free of order 9" 9 list
	double "double free of order 10" 10 buddy
	double "double free in softirq" 4 buddy ctx=softirq
	double "double free in hardirq" 4 buddy ctx=hardirq
	if [ "$boundary" = 1 ]; then
		double "double free of one page in softirq" 0 pcp ctx=softirq
		double "double free of one page in hardirq" 0 pcp ctx=hardirq
	fi
	_first=boundary_double_free:buddy:0:4:faulty_left_over
	[ "$boundary" = 1 ] || _first=
	fault "what another call frees of a block that was reported" \
		"$_first double_free:buddy:1:0:left_over_put" fault=left_over order=4
	again "freed whole again" 0 pcp pages
	splat='BUG: Bad page state in process insmod'
	again "freed whole again, order 2" 2 list pages
	again "freed whole again, order 5" 5 buddy pages
	splat=
	for _order in 0 4 8 10; do
		fault "handed out twice, order $_order" \
			double_alloc:record:0:$_order:faulty_hand_out_twice \
			fault=handed_out_twice order=$_order
	done
	fault "handed out twice in softirq" double_alloc:record:0:0:faulty_hand_out_twice \
		fault=handed_out_twice ctx=softirq
	_class=double_free
	[ "$boundary" = 0 ] || _class=boundary_double_free
	fault "freed with the wrong order" $_class:list:1:0:faulty_wrong_order \
		fault=wrong_order checked=0
	[ "$boundary" = 0 ] || underflows
	splat='BUG: Bad page state in process insmod'
	fault "freed with the wrong order, the kernel sees it" \
		bad_page:kernel:1:0:faulty_wrong_order fault=wrong_order
	fault "a count that the kernel finds when it allocates" \
		bad_page:kernel:0:0:bad_alloc_victim fault=bad_alloc
	splat=
	fault "freed again, and on no list: nothing proves it" \
		double_free:none:0:0:faulty_unlisted fault=unlisted

	dmesg -c >/dev/null
	stress-ng --quiet --temp-path /tmp --vm 1 --vm-bytes 64M --fork 1 --timeout 3
	is "the machine lives on" $? 0
	echo now >$D/scrub
	is "a scrub afterwards finds nothing" "$(sed -n 's/.* found=\([0-9]*\).*/\1/p' $D/scrub)" 0
	is "nothing is reported later" "$(grep -E "^($COUNTERS) " $D/stats | diff /tmp/counters -)" ""
	# A boundary probe may miss a call in another probe's handler; no event may.
	is "no required hook has missed anything" "$(awk '$5 == "required" && $4' $D/hooks)" ""
	is "no line in the log" "$(dmesg | grep -E 'dualbm: ')" ""
	is "armed all the time" "$(cat $D/state)" armed

	# The last one: it leaves a mark for good.
	if insmod_test livepatch functions=cmdline_proc_show; then
		fault "handed out twice on a livepatched kernel: the record proves nothing" \
			double_alloc:none:0:4:faulty_hand_out_twice fault=handed_out_twice order=4
	else
		skip "handed out twice on a livepatched kernel" "this kernel cannot be"
	fi
}

what=$1
shift
parameters=
while [ $# -gt 0 ] && [ "$1" != stop ]; do
	parameters="$parameters $1"
	shift
done
case $parameters in
*boundary=0*) boundary=0 ;;
*) boundary=1 ;;
esac
# Long per-CPU lists: one that is flushed while a page is on it twice fails the
# kernel's own list check, and the machine stops before its time.
for _fraction in /proc/sys/vm/percpu_pagelist_*fraction; do
	write "$_fraction" 8
done
# shellcheck disable=SC2086 # words
load_dualbm scrub_interval_ms=0 $parameters || bail "dualbm is not armed: $(cat $D/state)"
echo 1 >$T/events/dualbm/violation/enable
# Debian's kernels can have them on amd64; what was made to be looked at may have other exits.
if [ "$what$boundary$(uname -m)" = all1x86_64 ] && [ ! "${dualbm_slow-}" ]; then
	check "the boundary's probes are made jumps" wait_for 20 jumps_made
	is "both of them" "$(boundary_is)" "jump jump"
fi
counters
[ "$what" = none ] || all_faults
[ $# -gt 0 ] || finish

how=$2
shift 2
case $parameters in
*policy=panic*) is "policy" "$(cat $D/policy)" panic ;;
*) is "policy" "$(cat $D/policy)" report ;;
esac
case $what$parameters in
*on_degraded=panic*) ;;
none*)
	fault "policy=panic goes on when nothing is proven" \
		double_free:none:0:0:faulty_unlisted fault=unlisted
	;;
esac
case $how in
sysfs) echo panic >$D/policy ;;
parameter) echo panic >$P/policy ;;
load) ;;
*) bail "policy by what?" ;;
esac
case $parameters in
*on_degraded=panic*) ;;
*)
	is "policy: the file says panic" "$(cat $D/policy)" panic
	is "policy: the parameter says panic" "$(cat $P/policy)" panic
	;;
esac
flush
insmod_test faulty "$@"
not_ok "the machine stops at once" "it went on: $(cat $D/last_violation)"
finish
