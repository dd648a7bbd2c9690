# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Sourced by the guest scripts about the allocator: . ./mm-lib.sh

. ./guest-lib.sh

# param MODULE NAME: a parameter of a loaded module.
param() {
	cat "/sys/module/$1/parameters/$2"
}

# hits PATTERN, missed PATTERN: columns of "hooks", for the hook whose name matches.
hits() {
	awk -v hook="$1" '$1 ~ hook { print $3; found = 1; exit } END { if (!found) print 0 }' $D/hooks
}

missed() {
	awk -v hook="$1" '$1 ~ hook { sum += $4 } END { print sum + 0 }' $D/hooks
}

# boundary_is: what the two boundary probes are now, by their mechanism.
boundary_is() {
	awk '$1 ~ /^(__alloc_(frozen_)?pages(_noprof|_nodemask)?|_?__free_pages)$/ { print $2 }' $D/hooks | xargs
}

# The kernel makes a probe a jump a moment after it was registered.
jumps_made() {
	[ "$(grep -cE '(__alloc_(frozen_)?pages|__free_pages).*OPTIMIZED' /sys/kernel/debug/kprobes/list)" = 2 ]
}

# last KEY: a value of last_violation.
last() {
	tr ' ' '\n' <$D/last_violation | sed -n "s/^$1=//p"
}

# said MODULE: what a test module last said about its result.
said() {
	dmesg | sed -n "s/.*\] $1: //p" | grep -E '^(PASS|SKIP|FAIL)' | tail -n 1
}

write() {
	echo "$2" 2>/dev/null >"$1"
}

# load_start BYTES: a little of everything, all the time, until load_stop.
load_start() {
	stress-ng --quiet --temp-path /tmp --vm 1 --vm-bytes "$1" --fork 1 \
		--pipe 1 >/tmp/load.log 2>&1 &
	load_pid=$!
}

# Without it a test of what happens under load would be none.
load_stop() {
	kill "$load_pid" 2>/dev/null || not_ok "the load ran until it was stopped" "$(cat /tmp/load.log)"
	wait "$load_pid" 2>/dev/null
}

# counters: what "stats" says now of those in $COUNTERS, a|b|c, for moved.
counters() {
	grep -E "^($COUNTERS) " $D/stats >/tmp/counters
}

# Which counters moved since then, as NAME+N...
moved() {
	grep -E "^($COUNTERS) " $D/stats | awk '
		FILENAME == "/tmp/counters" { was[$1] = $2; next }
		$2 != was[$1] { printf "%s%s+%d", separator, $1, $2 - was[$1]; separator = " " }' \
		/tmp/counters -
}

# The memory blocks that can be emptied.
movable_blocks() {
	for _block in /sys/devices/system/memory/memory[0-9]*; do
		[ "$(cat "$_block/valid_zones" 2>/dev/null)" = Movable ] && echo "$_block"
	done
}

# A block of memory goes offline, $_block. What is in it may be pinned: wait_for SECONDS block_leaves.
block_leaves() {
	for _block in $(movable_blocks); do
		! write "$_block/state" offline || return 0
	done
	return 1
}
