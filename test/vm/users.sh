#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What a user without rights can see, and what they can do to it.
#
#	users.sh census [block]        numbers of all memory that nobody has to count
#	users.sh held                  what everybody may read waits for no lock
#	users.sh waits                 nor is the scrubber judged while it waits for one (70 s)
#	users.sh files                 who may read what
#	users.sh lockdown              one frame is shown under lockdown too, and to root only
#	users.sh namespace             the root of a user namespace is everybody
#	users.sh chunks                who sweeps all memory holds the lock for a chunk at a time
#	users.sh cost                  how long a read of stats takes
#	users.sh disturb [WHAT...]     what a user can do, at once (or only that), and learning
#	                               ends, and passes go on; "slow" and "threads", which are
#	                               throttled to 1 %, keep it from its end (docs/design.md)
#	users.sh names                 a task's name ends no line and begins no key
. ./scrub-lib.sh

# The files of everybody; the others are for root.
public_files() {
	find "$D" -maxdepth 1 -type f -perm -444 | sed 's,.*/,,' | sort
}

as_nobody() {
	su -s /bin/sh nobody -c "PATH=/bin:/sbin; $1"
}

# in_time NAME CMD: a user's command ends, and well, within 10 s. One that does not cannot
# always be killed, so nobody waits for it.
in_time() {
	rm -f /tmp/in_time
	{ as_nobody "$2" >/dev/null && : >/tmp/in_time; } &
	check "$1" wait_for 10 [ -e /tmp/in_time ]
}

# ---- the census ----

# In all subsections, as debugfs counts them now: "all allocated free untracked".
counted() {
	tr ' ' '\n' <"$DBG"/map | awk -F/ 'NF == 4 { all += 512; allocated += $1; free += $2; untracked += $3 }
		END { print all, allocated, free, untracked }'
}

# near NAME GOT WANTED SLACK
near() {
	if [ $(($2 - $3)) -le "$4" ] && [ $(($3 - $2)) -le "$4" ]; then
		ok "$1"
	else
		not_ok "$1" "got $2, wanted $3, give or take $4"
	fi
}

# agrees NAME: stats against a count of all planes; what runs meanwhile moves little.
agrees() {
	# shellcheck disable=SC2046 # numbers
	set -- "$1" $(counted)
	is "$1: frames managed" "$(stat pages_managed)" "$2"
	near "$1: allocated" "$(stat pages_allocated)" "$3" 2048
	near "$1: free" "$(stat pages_free)" "$4" 2048
	near "$1: untracked" "$(stat pages_untracked)" "$5" 2048
	_sum=$(($(stat pages_allocated) + $(stat pages_free) + $(stat pages_untracked)))
	at_least "$1: the parts are no more than the whole" $(($(stat pages_managed) - _sum)) 0
	near "$1: and nearly it" "$_sum" "$(stat pages_managed)" 64
}

# covers: R-LEARN-6
census() {
	load scrub_interval_ms=0
	agrees "after learning"
	at_least "after learning: counted less than 30 s ago" $((30000 - $(stat census_age_ms))) 0
	_bytes=$(stat plane_bytes) _managed=$(stat pages_managed)
	# A quarter of a GiB that was free: known after a pass, and at once to who asks for one.
	_was=$(stat pages_free)
	dd if=/dev/zero of=/dev/shm/fill bs=1M count=256 2>/dev/null
	sleep 2
	at_least "nobody counts meanwhile: the age says so" "$(stat census_age_ms)" 2000
	scrub
	at_least "after a pass: counted less than 2 s ago" $((2000 - $(stat census_age_ms))) 0
	near "after a pass: what was taken is not free" $((_was - $(stat pages_free))) 65536 16384
	agrees "after a pass"
	rm /dev/shm/fill
	if [ "$1" = block ]; then
		_places=$(sed 's/.*chunks=\([0-9]*\).*/\1/' $D/placement | awk '{ sum += $1 } END { print sum }')
		wait_for 20 block_leaves || not_ok "a block goes offline"
		_gone=$((_managed - $(stat pages_managed)))
		at_least "a block has gone: at once in no number" $_gone 32768
		is "a block has gone: nor are its planes" $((_bytes - $(stat plane_bytes))) $((_gone * 4 / 8))
		is "a block has gone: nor their placement" \
			"$(sed 's/.*chunks=\([0-9]*\).*/\1/' $D/placement | awk '{ sum += $1 } END { print sum }')" \
			$((_places - _gone / 32768))
		write "$_block/state" online_movable || not_ok "a block comes online"
		is "a block has come: at once in the number" "$(stat pages_managed)" "$_managed"
		is "a block has come: so are its planes" "$(stat plane_bytes)" "$_bytes"
		scrub
		agrees "a block has come, after a pass"
	fi
	expect_clean "census"
	rmmod dualbm
}

# ---- locks ----

# covers: R-USER-1
held() {
	load scrub_interval_ms=1000
	insmod_test hold || not_ok "hold.ko"
	for _file in $(public_files); do
		in_time "$_file is read while memory is locked" "cat $D/$_file"
	done
	in_time "dualbmctl status too" "dualbmctl status"
	rmmod hold
	expect_clean "held"
	rmmod dualbm
}

# Longer than a scrubber may be silent, with a machine that would stop for that.
# covers: R-SCRUB-7
waits() {
	load scrub_interval_ms=1000 on_degraded=panic
	insmod_test hold || not_ok "hold.ko"
	sleep 70
	is "waits: no trouble after 70 s" "$(cat $D/state) $(cat $D/state_reason)" "armed none"
	rmmod hold
	_passes=$(stat scrub_passes)
	sleep 5
	at_least "waits: and then it goes on" $(($(stat scrub_passes) - _passes)) 2
	expect_clean "waits"
	rmmod dualbm
}

# How often the lock is taken while it is read, by a probe.
# covers: R-USER-1
chunks() {
	load scrub_interval_ms=0
	_lock=$(awk '$3 == "dualbm_memory_lock" { print $1 }' /proc/kallsyms)
	case $(uname -m) in
	x86_64) _argument=%di ;;
	*) _argument=%x0 ;;
	esac
	echo "p:taken mutex_lock lock=$_argument" >>$T/kprobe_events || bail "no probe"
	echo "lock == 0x$_lock" >$T/events/kprobes/taken/filter || bail "no filter"
	_chunks=$(wc -l <$DBG/map)
	at_least "chunks: there are some" "$_chunks" 8
	for _file in map planes; do
		echo >$T/trace
		echo 1 >$T/events/kprobes/taken/enable
		cat $DBG/$_file >/tmp/read
		echo 0 >$T/events/kprobes/taken/enable
		at_least "chunks: $_file takes the lock for each of $_chunks" "$(grep -c ' taken: ' $T/trace)" "$_chunks"
		is "chunks: and shows each once" "$(grep -oE '^pfn=0x[0-9a-f]+' /tmp/read | uniq | wc -l)" "$_chunks"
		dd if=$DBG/$_file bs=100 of=/tmp/again 2>/dev/null
		is "chunks: $_file is the same in small pieces" "$(grep -oE '^pfn=[^ ]* frames=[^ ]*( plane=[a-z]*)?' /tmp/again | md5sum)" \
			"$(grep -oE '^pfn=[^ ]* frames=[^ ]*( plane=[a-z]*)?' /tmp/read | md5sum)"
	done
	echo >$T/kprobe_events
	expect_clean "chunks"
	rmmod dualbm
}

# With a clock that counts instructions (vm-run --icount).
cost() {
	load scrub_interval_ms=0
	# shellcheck disable=SC2046 # a number for each
	for _file in $(public_files); do
		_cost=$(as_nobody "busy read $D/$_file 100")
		at_least "cost: $_file" "$_cost" 1
		diag "cost of $_file: $_cost at $(stat pages_managed)"
	done
	rmmod dualbm
}

# ---- all that a user can do ----

G=/sys/fs/cgroup/users

# user CGROUP CMD...
user() {
	_group=$1
	shift
	(
		echo 0 >$G/"$_group"/cgroup.procs
		exec su -s /bin/sh nobody -c "PATH=/bin:/sbin; cd /tmp; exec $*" >/dev/null 2>&1
	) &
}

# Groups as root sets them up for its users: 1 % of a CPU, and memory beyond which a task that
# is charged for more is put to sleep.
groups() {
	echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
	mkdir $G
	echo "+cpu +memory +pids" >$G/cgroup.subtree_control
	mkdir $G/free $G/slow $G/tight
	echo "1000 100000" >$G/slow/cpu.max
	echo 8M >$G/tight/memory.high
	echo 600 >$G/pids.max
}

user_does() {
	case $1 in
	threads) user slow busy spin 40 ;;
	slow)
		user slow busy pages
		user slow busy pipes
		user slow busy clone
		;;
	futex) user free busy futex 20 ;;
	clone) user free busy clone ;;
	ptrace) user free busy ptrace 20 ;;
	uffd) user free busy uffd 20 ;;
	pages) user free busy pages ;;
	huge) user free thp 64 3600 ;;
	pipes) user free pipes ;;
	tight)
		user tight busy hold 24
		user tight busy pipes
		user tight busy pages
		;;
	read) user free "sh -c 'while cat $D/* >/dev/null 2>&1 || :; do :; done'" ;;
	esac
}

# covers: R-USER-3
disturb() {
	groups
	load policy=panic on_degraded=panic scrub_interval_ms=1000
	[ $# -gt 0 ] || set -- futex clone ptrace uffd pages huge pipes tight read
	for _what; do
		user_does "$_what"
	done
	sleep 5
	diag "disturb: $(cat $G/*/cgroup.procs | wc -l) tasks of a user, $(cat $G/*/cgroup.threads | wc -l) threads"
	_relearns=$(stat relearns) _passes=$(stat scrub_passes) _since=$(cut -d. -f1 /proc/uptime)
	echo 0 >/sys/devices/system/cpu/cpu1/online && echo 1 >/sys/devices/system/cpu/cpu1/online
	check "disturb: armed again after a CPU has gone and come" wait_for 100 state_is armed
	diag "disturb: after $(($(cut -d. -f1 /proc/uptime) - _since)) s; $(grep -E '^(pages_managed|pages_untracked|untracked_.*|stops|stopped_.*|scrub_passes|relearns) ' $D/stats | xargs)"
	at_least "disturb: it has learned again" "$(stat relearns)" $((_relearns + 1))
	[ ! "${dualbm_long-}" ] || sleep 120
	check "disturb: passes go on" wait_for 30 passed $((_passes + 5))
	# A task of a throttled group may be inside an allocation for longer than learning waits
	# for it: then a later pass has the rest learned.
	check "disturb: no more than 5 % stays unknown" wait_for 90 few_unknown
	diag "disturb: $_permille of 1000 untracked, $(scrub_key pass) passes"
	is "disturb: and it is armed, for no reason not to be" "$(cat $D/state) $(cat $D/state_reason)" "armed none"
	# "cgroup: introduce cgroup.kill", 5.14
	if [ -e $G/cgroup.kill ]; then echo 1 >$G/cgroup.kill; else cat $G/*/cgroup.procs | xargs kill -9; fi
	expect_clean "disturb"
	rmmod dualbm
}

passed() {
	[ "$(stat scrub_passes)" -ge "$1" ]
}

# What is counted is up to a pass old.
few_unknown() {
	_permille=$(awk '$1 == "pages_managed" { all = $2 } $1 == "pages_untracked" { untracked = $2 }
		END { print int(untracked * 1000 / all) }' "$D/stats")
	[ "$_permille" -le 50 ]
}

# ---- who may read what ----

# covers: R-USER-2
files() {
	load
	is "files: these are for everybody" "$(public_files | xargs)" \
		"history hooks kernel_id policy proof scrub state state_reason stats"
	for _file in $(public_files); do
		check "files: $_file, as nobody" as_nobody "cat $D/$_file >/dev/null"
	done
	for _file in $D/last_violation $D/placement $D/frames $DBG/violations $DBG/frame; do
		check "files: ${_file##*/} is there" [ -e "$_file" ]
		refused "files: ${_file##*/}, as nobody" "cat $_file"
	done
	refused "files: policy is written, as nobody" "echo report >$D/policy"
	refused "files: a scrub is asked for, as nobody" "echo now >$D/scrub"
	check "files: dualbmctl status, as nobody" as_nobody "dualbmctl status"
	expect_clean "files"
	rmmod dualbm
}

# refused NAME CMD: of a user without rights.
refused() {
	if as_nobody "$2" >/dev/null 2>&1; then not_ok "$1: refused"; else ok "$1: refused"; fi
}

# ---- lockdown ----

# Free, of the kernel's code, of the hole below 1 MiB, damaged, and of no memory.
some_frames() {
	_code=$((0x$(sed -n 's/^ *\([0-9a-f]*\)-.* : Kernel code$/\1/p' /proc/iomem) / 4096))
	tr ' ' '\n' <$DBG/map | awk -F'[=/]' '/^pfn=/ { pfn = $2; cell = 0 }
		/^[0-9]+\/512\// && !found { found = 1; print pfn, cell }
		/\// || /^-$/ { cell++ }' >/tmp/free
	read -r _pfn _cell </tmp/free
	echo $((_pfn + _cell * 512 + 77)) $_code $((_code + 1)) 160 $((0xfffffffff)) 0
}

# frame_line PFN: as sysfs has it; without the blanks that fill it up.
frame_line() {
	dd if=$D/frames bs=128 skip="$1" count=1 2>/dev/null | sed 's/ *$//'
}

# frame_told PFN: what dualbmctl makes of it.
frame_told() {
	dualbmctl frame "$1" 2>&1 | sed -n 's/^dualbm     //p'
}

# frames_agree NAME: sysfs, dualbmctl and what debugfs said before lockdown.
frames_agree() {
	_bad=
	while read -r _pfn _line; do
		# dd cannot seek that far in sysfs: beyond 2 GiB there is only pread().
		if [ "$_pfn" -lt $((0xfffffffff)) ]; then
			_got=$(frame_line "$_pfn")
			[ "$_got" = "$_line" ] || _bad="$_bad $_pfn: '$_got' is not '$_line'"
		fi
		_state=$(echo "$_line" | sed 's/.*state=\([^ ]*\).*/\1/')
		case $(frame_told "$_pfn") in
		"$_state" | "$_state ("*) ;;
		*) _bad="$_bad $_pfn: $_state, but $(dualbmctl frame "$_pfn" 2>&1)" ;;
		esac
	done </tmp/frames
	is "$1: every frame is shown as debugfs had it" "$_bad" ""
}

# covers: R-USER-2
lockdown() {
	mount -t securityfs securityfs /sys/kernel/security || bail "no securityfs"
	load inject=1 scrub_interval_ms=0
	# shellcheck disable=SC2046 # numbers
	set -- $(some_frames)
	echo flip untracked "$3" >$DBG/inject || not_ok "lockdown: a frame is damaged"
	for _pfn; do
		echo "$_pfn" >$DBG/frame
		echo "$_pfn $(cat $DBG/frame)"
	done >/tmp/frames
	is "lockdown: frames of all kinds" "$(grep -oE 'state=(free|unmanaged|illegal|allocated|untracked)' /tmp/frames |
		sort -u | sed 's/allocated/untracked/' | uniq | wc -l)" 4
	frames_agree "no lockdown"
	is "a line is 128 bytes" "$(dd if=$D/frames bs=128 skip="$1" count=1 2>/dev/null | wc -c)" 128
	for _size in 1 127 129 256 4096; do
		check "a read of $_size bytes is refused" sh -c \
			"dd if=$D/frames bs=$_size count=1 2>&1 | grep -q 'Invalid argument'"
	done
	check "one that is not at a line is refused" sh -c \
		"{ dd bs=64 skip=1 count=0; dd bs=128 count=1; } <$D/frames 2>&1 | grep -q 'Invalid argument'"
	refused "frames, as nobody" "dd if=$D/frames bs=128 count=1"
	for _level in integrity confidentiality; do
		echo $_level >/sys/kernel/security/lockdown || not_ok "lockdown=$_level"
		is "$_level: it holds" "$(grep -o '\[.*\]' /sys/kernel/security/lockdown)" "[$_level]"
		check "$_level: debugfs refuses frame, even to root" sh -c "! cat $DBG/frame 2>/dev/null"
		check "$_level: and inject" sh -c "! echo drop free 2>/dev/null >$DBG/inject"
		frames_agree $_level
		for _file in $DBG/violations $DBG/planes $DBG/map $D/placement $D/last_violation; do
			check "$_level: ${_file##*/} is read" sh -c "cat $_file >/dev/null"
		done
		is "$_level: dualbmctl frame has all of it" "$(dualbmctl frame "$1" | cut -d' ' -f1 | xargs)" \
			"frame dualbm bits kernel place"
		in_time "$_level: dualbmctl status, as nobody" "dualbmctl status"
	done
	scrub
	is "lockdown: no address of the kernel in any of it" \
		"$(cat $D/* $DBG/violations $DBG/planes $DBG/map /tmp/frames 2>/dev/null | grep -cE '(^|[^0-9a-f])ffff[0-9a-f]{12}')" 0
	is "lockdown: the damaged one was found, and nothing else" "$(stat violations) $(last class)" "1 plane_corruption"
	rmmod dualbm
}

# ---- the root of a user namespace ----

# Whatever of the module they can open: read by "root" in a namespace of nobody's.
as_namespace_root() {
	as_nobody "unshare -U -r sh -c '$1'"
}

# frame numbers, physical addresses and code addresses, however they are written
tells() {
	grep -nE 'pfn=|phys=|\+0x|0x0*[1-9a-f]|(^|[^0-9a-f])ffff[0-9a-f]{12}' "$1" | head -n 5
}

# covers: R-USER-2
namespace() {
	load inject=1 policy=report
	echo drop free >$DBG/inject
	cat $D/last_violation >/tmp/root
	check "namespace: root sees a frame and a caller" grep -qE 'pfn=0x[0-9a-f]+ .*caller=[a-z_]+\+0x' /tmp/root
	is "namespace: it is root there" "$(as_namespace_root "id -u")" 0
	for _level in 0 1 2; do
		echo $_level >/proc/sys/kernel/kptr_restrict
		as_namespace_root "find $D /sys/module/dualbm -type f -exec cat {} +; grep -w dualbm /proc/modules; grep dualbm /proc/kallsyms" \
			>/tmp/seen 2>/dev/null
		at_least "kptr_restrict=$_level: something is seen" "$(wc -l </tmp/seen)" 100
		is "kptr_restrict=$_level: but no frame and no address" "$(tells /tmp/seen)" ""
		is "kptr_restrict=$_level: root sees the record as ever" "$(cat $D/last_violation)" "$(cat /tmp/root)"
		is "kptr_restrict=$_level: with names of code, and no address" \
			"$(grep -cE '(^|[^0-9a-f])ffff[0-9a-f]{12}' $D/last_violation $DBG/violations | cut -d: -f2 | xargs)" "0 0"
	done
	for _file in frames last_violation placement; do
		check "namespace: $_file is refused" sh -c \
			"! su -s /bin/sh nobody -c 'unshare -U -r dd if=$D/$_file bs=128 count=1' 2>/dev/null"
	done
	is "namespace: debugfs is refused" "$(as_namespace_root "ls $DBG" 2>/dev/null)" ""
	is "namespace: and cannot be mounted" "$(as_namespace_root "mount -t debugfs d /mnt && ls /mnt" 2>/dev/null)" ""
	is "namespace: nor can tracefs" "$(as_namespace_root "mount -t tracefs d /mnt && ls /mnt" 2>/dev/null)" ""
	echo 1 >/proc/sys/kernel/dmesg_restrict
	is "namespace: dmesg_restrict=1: no record in the log" "$(as_namespace_root "dmesg; cat /dev/kmsg" 2>/dev/null | grep -c pfn=)" 0
	for _file in policy scrub; do
		check "namespace: $_file is not written" sh -c \
			"! su -s /bin/sh nobody -c 'unshare -U -r sh -c \"echo now >$D/$_file\"' 2>/dev/null"
	done
	check "namespace: no parameter is written" sh -c \
		"! su -s /bin/sh nobody -c 'unshare -U -r sh -c \"echo report >/sys/module/dualbm/parameters/policy\"' 2>/dev/null"
	rmmod dualbm
}

# ---- names ----

# called NAME: from here on this task is called so, as any task may call itself.
called() {
	# shellcheck disable=SC2059 # its escapes are meant
	printf "$1" >/proc/self/comm
}

# A subshell's /proc/self is what writes: the shell itself, as printf and echo are its own.
# covers: R-REPORT-5
names() {
	load inject=1 policy=report
	uevent sh -c 'echo "$DUALBM_VIOLATION"' >/tmp/uevents 2>/dev/null &
	_listener=$!
	sleep 0.5
	(
		called 'x\nrecord=1'
		echo drop free >$DBG/inject
	)
	is "names: a newline ends no line" "$(wc -l <$D/last_violation)" 1
	is "names: and begins no record" "$(grep -c '^record=' $DBG/violations)" "$(last record)"
	is "names: it is written as a number" "$(last comm)" 'x\012record\0751'
	is "names: in the log too" "$(dmesg | grep -cE 'comm=x.012record.0751( freed_by=[^ ]*)?$')" 1
	(
		# shellcheck disable=SC1003 # a backslash, for printf
		called 'a b="\033\\'
		echo drop free >$DBG/inject
	)
	is "names: blanks, quotes and what a terminal obeys" "$(last comm)" 'a\040b\075\042\033\134'
	check "names: dualbmctl shows all of it" sh -c '[ "$(dualbmctl violations --json | grep -o "\"foreign_lines\":[^,}]*" | tr -d " ")" = "\"foreign_lines\":0" ]'
	check "names: the uevent has class, record and proof, and no more" \
		wait_for 10 grep -qxE "double_alloc record=[0-9]+ proof=[a-z]+" /tmp/uevents
	is "names: no other uevent" "$(grep -vxE '[a-z_]+ record=[0-9]+ proof=[a-z]+|' /tmp/uevents)" ""
	kill $_listener
	rmmod dualbm
}

case $1 in
files) files ;;
waits) waits ;;
names) names ;;
lockdown) lockdown ;;
namespace) namespace ;;
chunks) chunks ;;
cost) cost ;;
disturb)
	shift
	disturb "$@"
	;;
census) census "${2-}" ;;
held) held ;;
*) bail "what?" ;;
esac
finish
