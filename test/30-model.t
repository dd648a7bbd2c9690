#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Who may change a frame: the Spin model of events, sweeps, learning and NMIs
# holds as it is, and fails with any of its exclusions taken out. That second
# half shows that the model can see what the exclusion guards against.

set -u
cd "$(dirname "$0")/model" || exit 1
model=$PWD/planes.pml
# pan takes a little more than 200 MB; it gives up instead of swapping.
memory_mb=1500

tests='
healthy			no violation, no illegal codeword, no wrong record
BREAK_FORGET_RCU	the sweep does not wait for handlers that still track
BREAK_SETTLE		tracking begins without settling first
BREAK_SETTLE_DRAIN	tracking begins while a depart call is inside
BREAK_GENERATION	the worker does not see that a bracket came
BREAK_OPEN_BRACKET	the worker begins while a bracket is open
BREAK_LIST_LOCK		free frames are learned without their list'\''s lock
BREAK_CANDIDATE_RCU	handlers that know of no candidates still run
BREAK_DISQUALIFY	events leave the candidates alone
BREAK_DISQUALIFY_ORDER	an event changes the planes before the candidate
BREAK_EVIDENCE_CODE	a departing frame passes for an untracked one
BREAK_EVIDENCE_LOCK	evidence is read while a frame goes back to its list
BREAK_POISON_EVIDENCE	the count of a poisoned frame passes for an owner
BREAK_FLIGHT_DRAIN	an allocation is still to have its alloc event
BREAK_BULK_DRAIN	a bulk allocation is still to have its alloc event
BREAK_STOP_MACHINE	allocated frames are learned while events run
BREAK_NMI_FORGET	an NMI tracks while allocated frames are learned
BREAK_NMI_WAIT		an NMI that tracks is not waited for
BREAK_RECHECK		an NMI that came in between is not noticed
BREAK_UNPOISON		unpoisoning changes a frame that others may hold
BREAK_SCRUB_STOP	the last look at an illegal codeword stops nobody
BREAK_SCRUB_NMI		the last look forgets that NMIs do not stop
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

# Search all of the model, or up to the first error; the result is in ./log.
search() {
	rm -f ./*.trail log
	spin -a "$@" "$model" >log 2>&1 || return 1
	# Breadth first finds the shortest way; no reduction leaves no doubt.
	cc -O0 -DSAFETY -DBFS -DNOREDUCE -DCOLLAPSE -DMEMLIM="$memory_mb" \
		-o pan pan.c >>log 2>&1 || return 1
	./pan >>log 2>&1 || return 1
}

holds() {
	search && grep -q 'errors: 0$' log &&
		! grep -qi 'not completed\|too small\|truncated\|out of memory' log
}

fails() {
	search "-D$1" && grep -q 'errors: 1$' log &&
		grep -q '^pan:1: assertion violated' log && [ -n "$(ls ./*.trail)" ]
}

show() {
	if [ -f planes.pml.trail ]; then
		cp "$model" . && spin -t -p "$@" planes.pml >>log 2>&1
	fi
	grep -v '^Depth' log | grep -v 'pml:[0-9]*, state [0-9]*,' | tail -n 100 |
		sed 's/^/# /'
}

echo "1..$(echo "$tests" | grep -c .)"
number=0
failed=0
while read -r name description; do
	[ -n "$name" ] || continue
	number=$((number + 1))
	if [ "$name" = healthy ]; then
		what="holds: $description"
		set -- holds
	else
		what="fails when $description"
		set -- fails "$name"
	fi
	if "$@"; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		show ${2:+"-D$2"}
		failed=1
	fi
done <<END
$tests
END

# A macro that is not in the list is never tried.
grep -o 'BREAK_[A-Z_]*[A-Z]' "$model" | sort -u >macros
echo "$tests" | grep -o '^BREAK_[A-Z_]*' | sort >tried
if ! diff macros tried; then
	echo "Bail out! the model's macros and the list of tests differ"
	exit 1
fi
exit "$failed"
