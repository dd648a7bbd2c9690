#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults made on purpose, by a module in the guest and by bits flipped from outside
# of it. With policy=report each is found with its class, frame, order, proof and
# caller, by as many reports as it has events, and nothing else is. With
# policy=panic the machine stops at the first of them, and its last words say so.
# covers: R-PANIC-1 R-PANIC-3 R-REPORT-2 R-REPORT-4
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# block_at PATTERN: where the block of the record is whose first line matches, seen from the
# panic, and whether it has all of its lines. An earlier fault may have been of the same frame.
block_at() {
	pattern=$1 awk '
	BEGIN { first = "^\\[[ 0-9.]+\\] " ENVIRON["pattern"] }
	/faulty: .*pfn=0x/ { at = ""; inside = 0; next }
	/Kernel panic - not syncing/ { panic = 1; next }
	!inside && $0 !~ first { next }
	!inside {
		at = at (at == "" ? "" : "; ") (panic ? "behind" : "before")
		inside = 1; lines = entries = 0; nobodys = / caller=- /; next
	}
	/dualbm:   record=[0-9]+ planes: / || /dualbm:   stack:$/ { lines++ }
	/dualbm:     .+\+0x/ { entries++ }
	nobodys && /dualbm:   stack: none, / { lines++; entries++ }
	inside && /dualbm:   end of record/ { at = at (lines == 2 && entries ? ", whole" : ", in parts"); inside = 0 }
	END { printf "%s", at }' "$vm_log"
}

# words_and_stack PATTERN: how many lines in plain words stand before the record's line in its
# block, and how many of the stack are dualbm's own functions, or of none that has a name.
words_and_stack() {
	pattern=$1 awk '
	/Kernel panic - not syncing/ { next }
	$0 ~ "^\\[[ 0-9.]+\\] " ENVIRON["pattern"] { inside = 1; next }
	!inside && /dualbm: ((not proven: )?(page frame|dualbm.s own|what the page)|suspect|one free is|next: )/ { words++ }
	inside && /dualbm:     / && /\[dualbm\]|: +0x/ { own++ }
	/dualbm:   end of record/ { exit }
	END { printf "%d lines of words, %d of its own", words, own }' "$vm_log"
}

# kernels_owners: what page_owner has said of the frame, within the block of the last record.
kernels_owners() {
	sed -n '/Kernel panic - not syncing/,/dualbm:   end of record/p' "$vm_log" | awk '
	/page dumped because: a finding of dualbm/ { said = "asked" }
	said && /page last allocated via order/ { said = said ", allocated" }
	said && /faulty_.*\[faulty\]/ { named = ", named" }
	END { printf "%s", said named }'
}

# stopped NAME CLASS PROOF OFFSET ORDER CALLER: the panic string of the last run.
# OFFSET counts from the frame that the guest announced before the fault.
stopped() {
	local frame pattern

	frame=$(sed -n 's/.*faulty: .*pfn=\(0x[0-9a-f]*\).*/\1/p' "$vm_log" | tail -n 1)
	pattern=$(printf 'dualbm: %s pfn=0x%x order=%d proof=%s .*caller=%s' "$2" $((frame + $4)) "$5" "$3" "$6")
	like "$1: the panic says what, where and who" "$(panic_string)" "^$pattern"
	# No console may stand before a panic: it comes first, and the block from its notifier.
	is "$1: and then comes the block of its record" "$(block_at "$pattern")" "behind, whole"
	# For people first: what, whom to suspect, what next; and none of dualbm's own functions.
	is "$1: its words and its stack" "$(words_and_stack "$pattern")" "3 lines of words, 0 of its own"
	# Nobody had the time to say anything else.
	empty "$1: and nothing after it" "$(sed -n '1,/Kernel panic - not syncing/d; /faulty: PASS/p' "$vm_log")"
}

for kernel in $KERNELS; do
	by="[.+].* \[faulty\]"

	# Everything under policy=report, then one stop.
	vm "$kernel, faults" panic --kernel "$kernel" -- faults.sh all stop sysfs fault=double_free ctx=softirq
	stopped "$kernel, freed twice, stopped at the boundary" boundary_double_free pcp 0 0 "faulty_double_free$by"
	# With DEBUG_VM the kernel itself stops at the second free of a page that is free,
	# unless its count says that it is not.
	use_kernel "$kernel"
	config=$ROOT/boot/config-$(kernel_release "$kernel")
	if grep -qsx CONFIG_DEBUG_VM=y "$config"; then
		again="fault=reset_free order=5" where=(0 5 "free_again$by")
	else
		again="fault=double_free order=4" where=(8 3 "faulty_double_free$by")
	fi
	# With PREEMPT_RT no interrupt frees pages.
	context=hardirq
	! grep -qsx CONFIG_PREEMPT_RT=y "$config" || context=task
	# shellcheck disable=SC2086 # words
	vm "$kernel, faults without the boundary" panic --kernel "$kernel" -- \
		faults.sh all boundary=0 stop parameter $again ctx=$context
	stopped "$kernel, freed twice" double_free buddy "${where[@]}"
	# A debug kernel is never so idle that a block which is freed stays whole until it
	# is asked for again, as flips of free frames need.
	flips=all
	! is_debug_kernel "$kernel" || flips=none
	vm "$kernel, flips" panic --kernel "$kernel" --share -- flip.sh $flips stop event
	stopped "$kernel, bit flipped" plane_corruption planes 0 4 "frame_free[.+].* \[frame\]"

	# policy=panic from the start.
	vm "$kernel, handed out twice" panic --kernel "$kernel" -- \
		faults.sh none policy=panic stop load fault=handed_out_twice
	stopped "$kernel, handed out twice" double_alloc record 0 0 "faulty_hand_out_twice$by"
	vm "$kernel, freed with the wrong order" panic --kernel "$kernel" -- \
		faults.sh none policy=panic boundary=0 stop load fault=wrong_order checked=0
	stopped "$kernel, freed with the wrong order" double_free "(pcp|buddy)" 1 0 "faulty_wrong_order$by"
	vm "$kernel, not proven" panic --kernel "$kernel" -- \
		faults.sh none on_degraded=panic stop load fault=unlisted
	stopped "$kernel, not proven, on_degraded=panic" unproven none 0 0 "faulty_unlisted$by"
	vm "$kernel, a bad page" panic --kernel "$kernel" --append page_owner=on -- \
		faults.sh none policy=panic stop load fault=wrong_order
	stopped "$kernel, found by the kernel itself" bad_page kernel 1 0 "faulty_wrong_order$by"
	# Stock kernels are built without it.
	! grep -qsx CONFIG_PAGE_OWNER=y "$config" ||
		is "$kernel, found by the kernel itself: and the kernel's own record of its owners" \
			"$(kernels_owners)" "asked, allocated, named"
	vm "$kernel, a count too low" panic --kernel "$kernel" -- \
		faults.sh none policy=panic stop load fault=frag_free
	stopped "$kernel, a count too low" count_underflow count 0 0 "faulty_frag_free$by"
	vm "$kernel, bit flipped, scrub" panic --kernel "$kernel" --share -- flip.sh none policy=panic boundary=0 stop scrub
	stopped "$kernel, bit flipped, scrub" plane_corruption stopped 0 0 ""

	# Calls that drop what they have: some ten thousand, or millions with DUALBM_LONG=1.
	rounds=500
	[[ ! ${DUALBM_LONG-} ]] || rounds=20000
	vm "counts-$kernel" 'done' --kernel "$kernel" --timeout 900 -- counts.sh $rounds

	# Longer than anything is worth trying.
	vm "held-$kernel" 'done' --kernel "$kernel" -- contend.sh held_ms=700 faults=3

	# All CPUs want zone->lock, which takes an emulator its time.
	[[ ${DUALBM_LONG-} ]] || continue
	vm "contend-$kernel" 'done' --kernel "$kernel" --cpus 8 --nodes 1 --mem 1024 -- contend.sh
done

done_testing
