#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Bits of the planes are flipped from outside the VM, as failing DRAM would: each is
# found by the frame's next event or by a scrub, whichever comes, with the frame
# and its old bits, and nothing else is. Needs vm-run --share.
#
#	flip.sh all|none PARAMETERS... [stop event|scrub]
#
# "stop" flips one more, at which the machine has to stop: at the frame's next
# event, or when the scrub finds it.
# covers: R-LEARN-2 R-PANIC-2 R-SCRUB-1
. ./mm-lib.sh

COUNTERS='violations|double_alloc|double_free|boundary_double_free|plane_corruption|directory_corruption|allocator_corruption|bad_page|count_underflow|mapped_free|piece_free|unproven|corrected|coverage_gaps|relearns'
ALL="primary secondary untracked known"

# bits PFN: the state and the four bits, as debugfs says.
bits() {
	echo "$1" >$DBG/frame
	head -n 1 $DBG/frame | cut -d' ' -f2-
}

# address PLANE PFN: where that bit is, as physical address of its word and the
# bit's number there, in $phys and $bit.
address() {
	_page=$(awk -v chunk="pfn=$(printf '0x%x' $(($2 & ~32767)))" -v plane="plane=$1" '
		$1 == chunk && $2 == "frames=32768" && $3 == plane { print substr($5, 6) }' $DBG/planes)
	if [ -z "$_page" ]; then
		diag "no plane $1 of frame $2: $(head -n 3 $DBG/planes)"
		return 1
	fi
	phys=$((_page + (($2 & 32767) >> 6 << 3)))
	bit=$(($2 & 63))
}

flip() {
	address "$1" "$2" && host flip "$phys" "$bit"
}

# found NAME PFN BITS PROOF ORDER EVENT: one report, of that frame, and no other.
found() {
	_complaint=
	_moved=$(moved)
	[ "$_moved" = "violations+1 plane_corruption+1" ] || _complaint="counters: $_moved"
	_hex=$(printf '0x%x' "$2")
	_line=$(cat $D/last_violation)
	case $_line in
	*" class=plane_corruption pfn=$_hex order=$5 proof=$4 frames=1 "*" event=$6 was=illegal-"*" ${3% known=*} node="*" known=${3#* known=}") ;;
	*) _complaint="$_complaint; wanted pfn=$_hex order=$5 proof=$4 event=$6 $3; last_violation: $_line" ;;
	esac
	dmesg -c >/tmp/dmesg
	_lines=$(grep 'dualbm: .*pfn=' /tmp/dmesg)
	case $_lines in
	*"
"*) _complaint="$_complaint; log: $_lines" ;;
	*"dualbm: plane_corruption pfn=$_hex order=$5 proof=$4 caller="*) ;;
	*) _complaint="$_complaint; log: $_lines" ;;
	esac
	_splat=$(complaints </tmp/dmesg)
	is "$1" "$_complaint$_splat" ""
	counters
}

# The four bits of a codeword, one of them flipped.
flipped() {
	for _plane in $ALL; do
		_value=${2#*"$_plane="}
		_value=${_value%% *}
		[ "$_plane" != "$1" ] || _value=$((1 - _value))
		printf '%s=%s ' "$_plane" "$_value"
	done
}

# one PLANE STATE PFN PROOF ORDER EVENT CMD...: flip the bit of a frame whose
# state is STATE, have it found by CMD.
one() {
	_plane=$1
	_state=$2
	_pfn=$3
	_proof=$4
	_order=$5
	_event=$6
	shift 6
	_name="$_plane flipped, $_state frame of order $_order, $_event"
	[ "$_proof" != stopped ] || _name="$_plane flipped, $_state frame, scrub"
	_before=$(bits "$_pfn")
	case $_before in
	"state=$_state "*) ;;
	*)
		not_ok "$_name: state before" "$_before"
		return
		;;
	esac
	_want=$(flipped "$_plane" "$_before")
	_want=${_want% }
	flip "$_plane" "$_pfn" || {
		not_ok "$_name: flipped"
		return
	}
	_now=$(bits "$_pfn")
	case $_now in
	"state=illegal-"*" $_want") ;;
	*) not_ok "$_name: reached the guest" "wanted $_want, got $_now" ;;
	esac
	"$@" || not_ok "$_name: $*"
	found "$_name" "$_pfn" "$_want" "$_proof" "$_order" "$_event"
}

F=/sys/module/frame/parameters
act() {
	echo "$1" >$F/action
}

scrub() {
	echo now >$D/scrub
}

scrub_result() {
	sed -n 's/.* found=\([0-9]*\).*/\1/p' $D/scrub
}

# after NAME PFN STATE
after() {
	_is=$(bits "$2")
	is "$1" "${_is%% *}" "state=$3"
}

# A single frame in use, found when it is freed; and by a scrub while it is held.
flip_single() {
	for _p in $ALL; do
		insmod_test frame || not_ok "frame.ko"
		_frame=$(cat $F/pfn)
		if [ "$_p" != known ]; then
			one "$_p" allocated "$_frame" planes 0 free act free
		else
			flip known "$_frame" || not_ok "known flipped, allocated frame"
			act free
			passed_over "a free"
		fi
		rmmod frame
		insmod_test frame
		_frame=$(cat $F/pfn)
		one "$_p" allocated "$_frame" stopped 0 forget scrub
		after "$_p flipped, frame allocated, scrub: untracked afterwards" "$_frame" untracked
		act free
		rmmod frame
	done
}

# A frame inside a block: the largest one, because a smaller one that is free
# does not stay as it is for long.
flip_block() {
	insmod_test frame order=10 || not_ok "frame.ko, order 10"
	_block=$(cat $F/pfn)
	_frame=$((_block + 517))
	for _p in $ALL; do
		[ "$_p" != known ] || continue
		# Held here.
		one "$_p" allocated "$_frame" planes 10 free act free
		after "$_p flipped in a block that was freed: free afterwards" "$_frame" free
		one "$_p" free "$_frame" planes 10 alloc act alloc
		is "the same block came back" "$(cat $F/pfn)" "$_block"
		after "$_p flipped in a block that was allocated: allocated afterwards" "$_frame" allocated
		act free
		one "$_p" free "$_frame" stopped 0 forget scrub
		after "$_p flipped, frame free, scrub: learned again by the same pass" "$_frame" free
		act alloc
		after "allocated by its next event" "$_frame" allocated
		is "the same block came back" "$(cat $F/pfn)" "$_block"
	done
	rmmod frame
}

# Alloc and free do without the known bit. They accuse nobody with it, and it stays wrong
# until a scrub; and whoever does accuse somebody looks at it.
passed_over() {
	is "known flipped, $1: nobody is accused" "$(moved)" ""
	scrub
	is "known flipped, $1: a scrub finds it" "$(moved) $(last liar)" \
		"violations+1 plane_corruption+1 known"
	dmesg -c >/dev/null
	counters
}

flip_known() {
	insmod_test frame order=10 || not_ok "frame.ko, order 10"
	_block=$(cat $F/pfn)
	_frame=$((_block + 517))
	flip known $_frame || not_ok "known flipped"
	act free
	passed_over "a block is freed"
	act alloc
	is "the same block came back" "$(cat $F/pfn)" "$_block"
	flip known $_frame
	scrub
	is "known flipped, frame allocated: which plane" "$(moved) $(last liar)" \
		"violations+1 plane_corruption+1 known"
	dmesg -c >/dev/null
	counters
	act free
	rmmod frame
}

# A frame of which nothing is known.
flip_untracked() {
	for _p in $ALL; do
		insmod_test frame how=contig || not_ok "frame.ko, contiguous range"
		_frame=$(cat $F/pfn)
		one "$_p" untracked "$_frame" stopped 0 forget scrub
		after "$_p flipped, frame untracked, scrub: untracked afterwards" "$_frame" untracked
		one "$_p" untracked "$_frame" planes 0 free act free
		rmmod frame
	done
}

# Several at once: what one plane is accused of in a chunk is one report.
flip_several() {
	insmod_test frame order=10 || not_ok "frame.ko, order 10"
	_block=$(cat $F/pfn)
	flip primary $((_block + 130))
	flip secondary $((_block + 133))
	flip primary $((_block + 700))
	scrub
	is "three flips in two planes: two reports" "$(moved)" "violations+2 plane_corruption+2"
	is "three flips in two planes: the scrub says three" "$(scrub_result)" 3
	_got=$(dmesg -c | sed -n 's/.*dualbm: \(plane_corruption pfn=[^ ]*\) .* \(frames=[^ ]*\) .*/\1 \2/p')
	is "three flips in two planes: the frames" "$_got" \
		"$(printf 'plane_corruption pfn=0x%x frames=2\nplane_corruption pfn=0x%x frames=1' \
			$((_block + 130)) $((_block + 133)))"
	counters
	rmmod frame
}

# A whole page of a plane. Every frame that this changes has an illegal codeword:
# each is found by its next event, or by a scrub, a part of them at a time.
wipe() {
	_before=$(stat violations)
	_planes=$1
	[ "$1" != all ] || _planes=$ALL
	for _plane in $_planes; do
		address "$_plane" "$_block" || return
		if ! host set $((phys & ~4095)) 4096 "$2"; then
			not_ok "$1 wiped with $2: done"
			return
		fi
	done
	scrub
	at_least "$1 wiped with $2: it is found" $(($(stat violations) - _before)) 1
	_passes=1
	while [ "$(scrub_result)" != 0 ] && [ $_passes -lt 12 ]; do
		scrub
		_passes=$((_passes + 1))
	done
	is "$1 wiped with $2: a scrub after $_passes finds no more" "$(scrub_result)" 0
	_violations=$(($(stat violations) - _before))
	is "$1 wiped with $2: only this ($_violations reports)" "$(moved)" \
		"violations+$_violations plane_corruption+$_violations"
	is "$1 wiped with $2: no splat" "$(dmesg -c | complaints)" ""
	counters
}

what=$1
shift
parameters=
while [ $# -gt 0 ] && [ "$1" != stop ]; do
	parameters="$parameters $1"
	shift
done
# shellcheck disable=SC2086 # words
load_dualbm scrub_interval_ms=0 $parameters || bail "dualbm is not armed: $(cat $D/state)"
scrub
is "nothing to find at first" "$(scrub_result)" 0
counters
dmesg -c >/dev/null
# The block that was freed last is the next one only on the same CPU and node.
taskset -p 1 $$ >/dev/null
if [ "$what" = all ]; then
	flip_single
	flip_block
	flip_known
	flip_untracked
	flip_several
	scrub
	is "nothing is left of single flips" "$(scrub_result) $(moved)" "0 "
	insmod_test frame order=10 || not_ok "frame.ko, order 10"
	_block=$(cat $F/pfn)
	wipe primary 0
	wipe secondary 0
	wipe primary 0xff
	wipe untracked 0xff
	wipe known 0
	wipe known 0xff
	# All of them at once, as where a row of each is wiped, or the whole machine.
	wipe all 0
	wipe all 0xff
	rmmod frame
	stress-ng --quiet --temp-path /tmp --vm 1 --vm-bytes 64M --fork 1 --timeout 3
	is "the machine lives on" $? 0
	scrub
	is "nothing is found afterwards" "$(scrub_result) $(moved)" "0 "
	is "armed all the time" "$(cat $D/state)" armed
fi
[ $# -gt 0 ] || finish

echo panic >$D/policy
insmod_test frame order=4 || not_ok "frame.ko, order 4"
_frame=$(($(cat $F/pfn) + 9))
echo "faulty: flip pfn=$(printf 0x%x $_frame)" >/dev/kmsg
flip secondary $_frame || not_ok "flipped"
flush
case $2 in
event) act free ;;
scrub) scrub ;;
esac
not_ok "the machine stops at once" "it went on: $(cat $D/last_violation)"
finish
