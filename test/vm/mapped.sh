#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Pages that drivers map into processes: what is freed under a mapping is reported, once, with
# who has it mapped; what comes and goes as it should is not; and nothing of it stops a machine.
#
#	mapped.sh [PART...]
. ./scrub-lib.sh

only=" $* "
P=/sys/module/dualbm/parameters
DEVICE='/dev/mappings pid=1'

# A process with a mapping, that does what it is told through a pipe, and says when it has.
holder_start() {
	rm -f /tmp/orders /tmp/done
	mkfifo /tmp/orders /tmp/done
	./holder.sh "$DEVICE" </tmp/orders >/tmp/done &
	holder=$!
	exec 8>/tmp/orders 9</tmp/done
}

tell() {
	echo "$*" >&8
	read -r answer <&9
	[ "$answer" = ok ] || bail "the process could not: $*"
}

holder_end() {
	exec 8>&- 9<&-
	wait $holder
}

# like NAME GOT PATTERN
like() {
	if echo "$2" | grep -qE "$3"; then ok "$1"; else not_ok "$1" "got '$2', wanted $3"; fi
}

# mapped KEY: of what the test module last said.
# covers: R-PANIC-5 R-FIND-1 R-FIND-2
mapped() {
	dmesg | sed -n 's/.*mappings: mapped //p' | tail -n 1 | tr ' ' '\n' | sed -n "s/^$1=//p"
}

insmod_test mappings || bail "mappings.ko: $?"
[ -c "$DEVICE" ] || { mdev -s; ls -l /dev/map*; }

if part parameter; then
	load
	is "off, if nobody asks for it" "$(param dualbm audit_mappings)" 0
	for value in 2 -1 yes ''; do
		check "\"$value\" is refused" sh -c "! echo '$value' >$P/audit_mappings 2>/dev/null"
	done
	is "and why" "$(dmesg | grep -c 'audit_mappings: .* is not accepted; use 0 or 1')" 4
	holder_start
	tell block 8
	tell free
	scrub
	is "while it is off nothing is found" "$(moved)" ""
	echo 1 >$P/audit_mappings
	scrub
	is "when it is on it is" "$(moved)" "mapped_free+1"
	holder_end
	rmmod dualbm
fi

if part found; then
	load audit_mappings=1 policy=panic on_degraded=panic history=callers
	holder_start
	tell block 8
	scrub
	is "what is mapped and not freed is well" "$(moved)" ""
	tell free
	_pfn=$(mapped pfn)
	_address=$(mapped address)
	scrub
	# The machine is still there, though both would have stopped it.
	is "freed under a mapping: one finding, no violation" "$(moved)" "mapped_free+1"
	is "its class" "$(last class)" mapped_free
	is "its frame" "$(last pfn)" "$_pfn"
	is "how many" "$(last frames)" 256
	is "who freed it, from the history" "$(last freed_by | sed 's/+.*_/ /')" "free_all [mappings]"
	is "nothing that proves a fault" "$(last proof)" none
	is "in whose call" "$(last caller | sed 's/+.*//') $(last event) $(last was)" "free_all free free"
	is "by whom" "$(last pid) $(last comm)" "$(mapped pid) $(cat /proc/$holder/comm)"
	is "who has it mapped" "$(last mapper_pid) $(last mapper_comm)" "$(mapped pid) $(cat /proc/$holder/comm)"
	is "where" "$(last address)" "$_address"
	like "of which area and file" "$(last vma) $(last file)" '^- [a-z/]*mappings\\040pid\\0751$'
	like "on which list it lies" "$(last what)" '^(buddy|pcp)$'
	is "the kernel is not tainted" "$(($(cat /proc/sys/kernel/tainted) >> 5 & 1))" 0
	is "one block in the log" "$(dmesg | grep -c "dualbm: mapped_free pfn=$_pfn order=0 proof=none ")" 1
	like "with words for people" "$(dmesg | grep 'dualbm: suspect')" 'mappings.040pid.0751; free_all\+.* freed it last'
	scrub
	scrub
	is "as long as it lasts it is reported once" "$(moved)" "mapped_free+1"
	holder_end
	scrub
	is "armed" "$(cat $D/state)" armed
	rmmod dualbm
fi

# Without a history: who frees what an earlier pass has seen mapped is named by his own call.
if part freer; then
	load audit_mappings=1 scrub_interval_ms=0 history=off
	holder_start
	tell block 8
	tell free
	scrub
	is "what no pass has seen mapped is nobody's call" \
		"$(moved) $(last caller) $(last event)" "mapped_free+1 - forget"
	holder_end
	holder_start
	tell block 8
	_holder=$(mapped pid)
	scrub
	dmesg -c >/dev/null
	tell free
	scrub
	is "what one has seen is" "$(last caller | sed 's/+.*//') $(last event)" "free_all free"
	is "of that task" "$(last pid) $(last comm)" "$_holder $(cat /proc/$holder/comm)"
	is "without a history" "$(last freed_by)" ""
	like "the words name it" "$(dmesg | grep 'dualbm: suspect')" 'suspect free_all.*which freed it while it was mapped; not the process'
	is "and the stack is the call's" "$(dmesg | grep -c 'dualbm:     free_all+')" 1
	holder_end
	# Who gave it back as he should is not named when the next one frees it under his mapping.
	holder_start
	tell block 8
	_pfn=$(mapped pfn)
	scrub
	tell unmap
	holder_end
	holder_start
	tell block 8
	_holder=$(mapped pid)
	if [ "$(mapped pfn)" = "$_pfn" ]; then
		scrub
		tell free
		scrub
		is "the last one who freed it is named" "$(last pfn) $(last pid)" "$_pfn $_holder"
	else
		skip "the last one who freed it is named" "the allocator gave another block"
	fi
	holder_end
	# What was seen mapped, and came back to the allocator as it should, is somebody else's now.
	holder_start
	tell map 512
	scrub
	tell unmap
	tell map 512
	scrub
	tell unmap
	holder_end
	counters
	scrub
	is "what comes back as it should is no finding" "$(moved)" ""
	echo 0 >$P/audit_mappings
	scrub
	is "armed" "$(cat $D/state)" armed
	echo 1 >$P/audit_mappings
	scrub
	rmmod dualbm
	is "no splat" "$(splats)" ""
fi

# A record that two faults have made free: the allocator does not have the frame.
if part unlisted; then
	load audit_mappings=1 inject=1 scrub_interval_ms=0
	holder_start
	tell map 8
	_pfn=$(mapped pfn)
	for plane in primary secondary; do
		echo "flip $plane $_pfn" >$DBG/inject
	done
	echo "$_pfn" >$DBG/frame
	like "the record says free" "$(cat $DBG/frame)" 'state=free '
	scrub
	is "which alone is no finding" "$(moved)" ""
	for plane in secondary primary; do
		echo "flip $plane $_pfn" >$DBG/inject
	done
	tell unmap
	holder_end
	is "armed" "$(cat $D/state)" armed
	rmmod dualbm
fi

if part healthy; then
	load audit_mappings=1
	is "before" "$(moved)" ""
	holder_start
	tell device
	tell map 1024
	scrub
	tell unmap
	_end=$(($(date +%s) + ${SECONDS_OF_LOAD:-8}))
	while :; do
		./holder.sh "$DEVICE" </dev/null >/dev/null
		printf '%s\n' "map 300" | ./holder.sh "$DEVICE" >/dev/null &
		printf '%s\n' "map 64" unmap "churn 20" "map 7" | ./holder.sh "$DEVICE" >/dev/null
		[ "$(date +%s)" -lt $_end ] || break
	done &
	_churn=$!
	_passes=0 _seen=0
	while kill -0 $_churn 2>/dev/null; do
		scrub
		[ "$(scrub_key mappings)" -eq 0 ] || _seen=$((_seen + 1))
		_passes=$((_passes + 1))
	done
	wait $_churn
	holder_end
	diag "$_passes passes, $_seen of them saw mappings; $(cat $D/scrub)"
	at_least "it was looked at meanwhile" "$_passes" 5
	is "mappings that come and go are no finding" "$(moved)" ""
	at_least "mappings were looked at" $_seen 1
	rmmod dualbm
fi

if part cost; then
	load audit_mappings=1
	scrub
	diag "few processes: $(cat $D/scrub)"
	_n=0
	while [ $_n -lt "${PROCESSES:-400}" ]; do
		sleep 1000 &
		_n=$((_n + 1))
	done
	holder_start
	tell map 1024
	scrub
	diag "$_n more, and 1024 pages: $(cat $D/scrub)"
	is "none of them is a finding" "$(moved)" ""
	holder_end
	killall sleep
	rmmod dualbm
fi
finish
