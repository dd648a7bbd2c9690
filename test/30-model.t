#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Who may change a frame: the Spin model of events, sweeps, learning and NMIs
# holds as it is, and fails with any of its exclusions taken out. That second
# half shows that the model can see what the exclusion guards against. The same for
# unload, and all who may come late, and for what is shown and believed beside losses.
# covers: R-LOSS-4

set -u
cd "$(dirname "$0")/model" || exit 1
models=$PWD
# pan takes a little more than 200 MB; it gives up instead of swapping.
memory_mb=1500

tests='
planes healthy		no violation, no illegal codeword, no wrong record
planes BREAK_FORGET_RCU	the sweep does not wait for handlers that still track
planes BREAK_SETTLE		tracking begins without settling first
planes BREAK_SETTLE_DRAIN	tracking begins while a depart call is inside
planes BREAK_GENERATION	the worker does not see that a bracket came
planes BREAK_OPEN_BRACKET	the worker begins while a bracket is open
planes BREAK_LIST_LOCK		free frames are learned without their list'\''s lock
planes BREAK_CANDIDATE_RCU	handlers that know of no candidates still run
planes BREAK_DISQUALIFY	events leave the candidates alone
planes BREAK_DISQUALIFY_ORDER	an event changes the planes before the candidate
planes BREAK_EVIDENCE_CODE	a departing frame passes for an untracked one
planes BREAK_EVIDENCE_LOCK	evidence is read while a frame goes back to its list
planes BREAK_POISON_EVIDENCE	the count of a poisoned frame passes for an owner
planes BREAK_FLIGHT_DRAIN	an allocation is still to have its alloc event
planes BREAK_BULK_DRAIN	a bulk allocation is still to have its alloc event
planes BREAK_STOP_MACHINE	allocated frames are learned while events run
planes BREAK_NMI_FORGET	an NMI tracks while allocated frames are learned
planes BREAK_NMI_WAIT		an NMI that tracks is not waited for
planes BREAK_RECHECK		an NMI that came in between is not noticed
planes BREAK_UNPOISON		unpoisoning changes a frame that others may hold
planes BREAK_SCRUB_STOP	the last look at an illegal codeword stops nobody
planes BREAK_SCRUB_NMI		the last look forgets that NMIs do not stop
unload healthy		nobody comes too late, and nothing is left
unload BREAK_FILES	files are closed when what they show is gone
unload BREAK_STOP	the mode is left as it is
unload BREAK_SCRUB	the scrubber ends last
unload BREAK_WATCH_CANCEL	the watch goes on
unload BREAK_LEARN_CANCEL	a learning that runs is not waited for
unload BREAK_QUEUE_FIRST	the queue goes before the hooks that ask
unload BREAK_DETACH_RCU	a handler that runs is not waited for
unload BREAK_IRQ_SYNC	the interrupt that asks is not waited for
unload BREAK_REPORT_SYNC	what a report has yet to do is not waited for
mode healthy		what is armed has lost nothing, and what has lost is armed again
mode BREAK_ADVANCE	events are believed though some were lost meanwhile
mode BREAK_BRACKET_ASK	nobody asks when a CPU has arrived
mode BREAK_BRACKET_FORGET	events are believed while a CPU comes
mode BREAK_FINISH_GENERATION	what was lost meanwhile is not looked at in the end
mode BREAK_FINISH_LOSS	what an NMI has lost is written over in the end
mode BREAK_FINISH_UNLOCKED	it is looked at, and the state stored a while later
mode BREAK_FORGET_ARMED	it is armed while all is being forgotten
mode BREAK_LOSS_APART	the state and an NMI'\''s loss are two words
mode BREAK_LOSS_ASK	nobody asks after a loss
mode BREAK_OPEN_BRACKET	the worker begins while a CPU comes
mode BREAK_SILENT	a silent hook is told of after unload has begun
mode BREAK_STOP		a loss is obeyed after unload has begun
'

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

for tool in spin cc; do
	if ! command -v "$tool" >/dev/null; then
		echo "Bail out! $tool is not installed"
		exit 1
	fi
done

# search MODEL OPTION...: all of it, or up to the first error; the result is in ./log.
search() {
	model=$models/$1.pml
	shift
	rm -f ./*.trail log
	spin -a "$@" "$model" >log 2>&1 || return 1
	# Breadth first finds the shortest way; no reduction leaves no doubt.
	cc -O0 -DSAFETY -DBFS -DNOREDUCE -DCOLLAPSE -DMEMLIM="$memory_mb" \
		-o pan pan.c >>log 2>&1 || return 1
	./pan >>log 2>&1 || return 1
}

holds() {
	search "$1" && grep -q 'errors: 0$' log &&
		! grep -qi 'not completed\|too small\|truncated\|out of memory' log
}

fails() {
	search "$1" "-D$2" && grep -q 'errors: 1$' log &&
		grep -q '^pan:1: assertion violated' log && [ -n "$(ls ./*.trail)" ]
}

# show MODEL OPTION...
show() {
	model=$1.pml
	shift
	if [ -f "$model.trail" ]; then
		cp "$models/$model" . && spin -t -p "$@" "$model" >>log 2>&1
	fi
	grep -v '^Depth' log | grep -v 'pml:[0-9]*, state [0-9]*,' | tail -n 100 |
		sed 's/^/# /'
}

echo "1..$(echo "$tests" | grep -c .)"
number=0
failed=0
while read -r which name description; do
	[ -n "$which" ] || continue
	number=$((number + 1))
	if [ "$name" = healthy ]; then
		what="$which holds: $description"
		set -- holds "$which"
	else
		what="$which fails when $description"
		set -- fails "$which" "$name"
	fi
	if "$@"; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		show "$which" ${3:+"-D$3"}
		failed=1
	fi
done <<END
$tests
END

# A macro that is not in the list is never tried.
for which in mode planes unload; do
	grep -o 'BREAK_[A-Z_]*[A-Z]' "$models/$which.pml" | sort -u | sed "s/^/$which /"
done >macros
echo "$tests" | grep -o '^[a-z]* BREAK_[A-Z_]*' | sort >tried
if ! diff macros tried; then
	echo "Bail out! the models' macros and the list of tests differ"
	exit 1
fi
exit "$failed"
