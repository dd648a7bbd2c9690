#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whose a debug kernel's reports are (scripts/kernel-reports): every kind of report with
# the module in it makes a run red, and one that merely lists the module among those
# that are loaded does not make it the module's. And which deaths are the emulated CPU's own.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A log's lines, as the kernel prints them.
kernel_says() {
	sed 's/^/[   12.345678] /'
}

guest_ends() {
	printf 'kmemleak: was read\n@done 0\n'
}

# judged NAME STATUS WANTED [KNOWN-LOG]: what the log in $work is counted as.
judged() {
	local name=$1 wanted=$3 status=0 out

	out=$("$TOP/scripts/kernel-reports" "$work/log" ${4:+"$4"}) || status=$?
	is "$name: exit status" "$status" "$2"
	is "$name: counted as" "$(grep -oE '^(kernel|module|provoked|unknown): [0-9]+$' <<<"$out" | xargs)" "$wanted"
}

kasan() {
	cat <<-EOF2
		==================================================================
		BUG: KASAN: slab-use-after-free in $1
		Read of size 8 at addr ffff888003a51d40 by task rmmod/131

		CPU: 1 UID: 0 PID: 131 Comm: rmmod Tainted: G           O
		Call Trace:
		 <TASK>
		 dump_stack_lvl+0x4f/0x70
		 $1
		 do_syscall_64+0x52/0x110
		 </TASK>

		Allocated by task 101:
		 $2
		==================================================================
	EOF2
}

lockdep() {
	cat <<-EOF2
		======================================================
		WARNING: possible circular locking dependency detected
		------------------------------------------------------
		kworker/u8:1/33 is trying to acquire lock:
		ffffffff82c5b0e0 ($1){+.+.}-{3:3}, at: $2

		stack backtrace:
		Call Trace:
		 <TASK>
		 dump_stack_lvl+0x4f/0x70
		 __lock_acquire+0x1b1e/0x2560
		 </TASK>
	EOF2
}

warning() {
	cat <<-EOF2
		------------[ cut here ]------------
		WARNING: CPU: 1 PID: $1 at mm/page_alloc.c:651 $2
		Modules linked in: paths(O) dualbm(O) virtio_pci
		CPU: 1 UID: 0 PID: $1 Comm: stress-ng Tainted: G           O
		RIP: 0010:$2
		Call Trace:
		 <TASK>
		 $2
		 $3
		 </TASK>
		---[ end trace 0000000000000000 ]---
	EOF2
}

race() {
	cat <<-EOF2
		==================================================================
		BUG: KCSAN: data-race in $1 / $2

		write to 0xffff888003a51d40 of 8 bytes by task 31 on cpu 1:
		 $1+0x12/0x40
		 $3

		read to 0xffff888003a51d40 of 8 bytes by task 33 on cpu 0:
		 $2+0x12/0x40
		 ${4-}
		==================================================================
	EOF2
}

leak() {
	cat <<-EOF2
		unreferenced object 0xffff888003a51d40 (size 64):
		  comm "modprobe", pid 101, jiffies 4294938370
		  hex dump (first 32 bytes):
		    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
		  backtrace (crc 0):
		    $1
		    do_one_initcall+0x9e/0x2a0
	EOF2
}

ours="memory_gone+0x1f2/0x2c0 [dualbm]"
theirs="vfree+0x1f2/0x2c0"

{ kasan "$ours" "$ours" | kernel_says; guest_ends; } >"$work/log"
judged "KASAN, the module's" 1 "module: 1"
{ kasan "$theirs" "$ours" | kernel_says; guest_ends; } >"$work/log"
judged "KASAN, of the module's memory" 1 "module: 1"
{ kasan "$theirs" "$theirs" | kernel_says; guest_ends; } >"$work/log"
judged "KASAN, nobody's" 1 "unknown: 1"
{ lockdep dualbm_memory_lock "memory_event+0x41/0x180" | kernel_says; guest_ends; } >"$work/log"
judged "lockdep, the module's lock" 1 "module: 1"
{ lockdep "&zone->lock" "learn_free+0x41/0x180 [dualbm]" | kernel_says; guest_ends; } >"$work/log"
judged "lockdep, in the module" 1 "module: 1"
{ warning 33 "expand+0x41/0x180" "$ours" | kernel_says; guest_ends; } >"$work/log"
judged "warning, called by the module" 1 "module: 1"
{ warning 33 "expand+0x41/0x180" "$theirs" | kernel_says; guest_ends; } >"$work/log"
judged "warning while the module is loaded" 1 "unknown: 1"
{ warning 33 "expand+0x41/0x180" "? memory_gone+0x1f2/0x2c0 [dualbm]" | kernel_says; guest_ends; } >"$work/log"
judged "warning, the module may be on the stack" 1 "module: 1"
{ warning 33 "expand+0x41/0x180" "? memory_gone+0x2c0/0x2c0 [dualbm]" | kernel_says; guest_ends; } >"$work/log"
judged "warning, on the stack is what begins where the module ends" 1 "unknown: 1"
{ warning 61 "expand+0x41/0x180" "$theirs" | kernel_says; guest_ends; } >"$work/known"
{ warning 33 "expand+0x41/0x180" "$theirs" | kernel_says; guest_ends; } >"$work/log"
judged "warning that comes without the module too" 0 "kernel: 1" "$work/known"
{ warning 33 "rmqueue+0x41/0x180" "$theirs" | kernel_says; guest_ends; } >"$work/log"
judged "another one than comes without the module" 1 "unknown: 1" "$work/known"
{ race expand rmqueue "$ours" | kernel_says; guest_ends; } >"$work/log"
judged "data race with the module" 1 "module: 1"
{ race expand rmqueue "$theirs" | kernel_says; guest_ends; } >"$work/log"
judged "data race of others" 0 "kernel: 1"
interrupt="asm_sysvec_apic_timer_interrupt+0x1a/0x20"
{ race expand rmqueue "$interrupt"$'\n '"$ours" | kernel_says; guest_ends; } >"$work/log"
judged "data race in an interrupt, of others, as the module is interrupted" 0 "kernel: 1"
{ race expand rmqueue "$ours"$'\n '"$interrupt" | kernel_says; guest_ends; } >"$work/log"
judged "data race with the module in an interrupt" 1 "module: 1"
{ race expand rmqueue "$interrupt" "$ours" | kernel_says; guest_ends; } >"$work/log"
judged "data race of an interrupt with the module" 1 "module: 1"
{ leak "kmalloc_trace+0x12/0x40"; leak "$ours"; guest_ends; } >"$work/log"
judged "leaks" 1 "module: 1 unknown: 1"
{ leak 0xffffffffc04d1b42; guest_ends; } >"$work/log"
judged "leak of a module that has gone" 1 "module: 1"
{ printf 'BUG: Bad page state in process insmod  pfn:2c1\n' && kasan x y | sed -n '/Call Trace/,/<.TASK>/p' |
	sed 's/^ x$/ free_again+0x30\/0x60 [faulty]/'; } | kernel_says >"$work/log"
judged "a fault made on purpose" 0 "provoked: 1"
{ kasan "$theirs" "$theirs" && race expand rmqueue "$theirs" && kasan "$theirs" "$ours"; } | kernel_says >"$work/log"
judged "one after another" 1 "kernel: 1 module: 1 unknown: 1"
printf '@done 0\n' >"$work/log"
judged "nobody has looked for leaks" 2 ""
guest_ends >"$work/log"
judged "nothing to report" 0 ""
for flags in 6f132202 00000200 00008202 ffffffff; do
	echo "[  362.603735] RSP: 0018:ffffd32800aebbf0 EFLAGS: $flags" >"$work/log"
	check "no CPU has the flags $flags" emulator_failed "$work/log"
done
for flags in 00000246 00010286 00000002 00250ed7; do
	echo "[  362.603735] RSP: 0018:ffffd32800aebbf0 EFLAGS: $flags" >"$work/log"
	check "a CPU may have the flags $flags" eval '! emulator_failed "$work/log"'
done
: >"$work/log"
check "a kernel that dies without a register has no excuse" eval '! emulator_failed "$work/log"'

done_testing
