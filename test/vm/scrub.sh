#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the module finds by itself, where no event comes.
#
#	scrub.sh churn SECONDS         the fastest pace under load finds nothing
#	scrub.sh cost                  what a pass takes (vm-run --icount, over 8 GiB)
#	scrub.sh hotplug SECONDS       nor does memory that comes and goes (movablecore=)
#	scrub.sh hurry                 who waits for a pass or not, beside a busy machine
#	scrub.sh repair                what is put right, and pages that are retired
#	scrub.sh placed                where copies lie
#	scrub.sh linger                departing frames that stay so (vm-run --icount)
#	scrub.sh control               directory, mode, policy; injection
#	scrub.sh metadata              faults in the allocator's own data
#	scrub.sh proof                 the proof tests
#	scrub.sh watchdog [stop]       a scrubber that stands still
. ./scrub-lib.sh

# ---- no finding without a fault ----

# covers: R-EVENT-1 R-SCRUB-2
churn() {
	load scrub_interval_ms=1
	load_start 160M
	stress-ng --quiet --temp-path /tmp --vm 1 --vm-bytes 96M --vm-method flip --fork 2 \
		--mmap 1 --mmap-bytes 32M --switch 1 --timeout "$1" >/dev/null 2>&1
	load_stop
	diag "$(cat $D/scrub)"
	_passes=$(stat scrub_passes)
	at_least "passes under load at the fastest pace" "$_passes" 3
	at_least "each pass was an audit as well" "$(stat audit_passes)" "$_passes"
	is "nothing was found" "$(moved)" ""
	is "no splat" "$(splats)" ""
	is "armed, and why not otherwise" "$(cat $D/state $D/state_reason | xargs)" "armed none"
}

# Nanoseconds that the scrubber has run; on such a machine they are instructions.
scrubber_ran() {
	cut -d' ' -f1 "$(grep -l '^dualbm_scrub$' /proc/[0-9]*/comm | sed 's/comm$/schedstat/')"
}

next_pass() {
	_pass=$(scrub_key pass)
	until [ "$(scrub_key pass)" -gt "$_pass" ]; do
		sleep 0.1
	done
}

# A machine of over 8 GiB is audited in two passes. One that was asked for is all of
# it without naps, and at a pace of 1 ms there are none either: that tells planes, audit
# and naps apart, and so what a pass a minute takes over 1 TiB, of which each pass audits
# a 128th, with 50 naps a second at most. A CPU of 2 GHz that does one instruction a cycle
# does better than it looks: planes and audit are loops through memory, one address
# after another.
# covers: R-SCRUB-10
cost() {
	load
	_chunks=$(($(stat pages_managed) / 32768))
	next_pass
	_was=$(scrubber_ran)
	next_pass
	next_pass
	_paced=$(($(scrubber_ran) - _was))
	at_least "an audit takes two passes" "$(stat scrub_passes)" $((2 * $(stat audit_passes)))
	echo 1 >/sys/module/dualbm/parameters/scrub_interval_ms
	_pass=$(scrub_key pass)
	_was=$(scrubber_ran)
	sleep 10
	_half=$((($(scrubber_ran) - _was) / ($(scrub_key pass) - _pass)))
	echo 0 >/sys/module/dualbm/parameters/scrub_interval_ms
	scrub
	_was=$(scrubber_ran)
	scrub
	_all=$(($(scrubber_ran) - _was))
	_planes=$((2 * _half - _all))
	_blocks=$(scrub_key blocks)
	diag "instructions: a full pass $_all, of them for planes $_planes; a half one $_half; two at their pace $_paced"
	_chunk=$((_planes / _chunks))
	_block=$(((_all - _planes) / _blocks))
	_nap=$(((_paced - _planes - _all) / (2 * _chunks + _blocks)))
	_tib=$((8192 * _chunk + 2048 * _block + 3000 * _nap))
	diag "a chunk $_chunk, a block of 4 MiB $_block, a nap $_nap; 1 TiB in a minute $_tib, which is 0.$(printf %04d $((_tib / 120000))) % of 1.2e11"
	at_least "planes were looked at" $_chunk 3000
	at_least "blocks were looked at" $_block 1000
	at_least "under 0.1 percent of a CPU for a TiB" $((120000000 - _tib)) 0
	# Memory whose every second page is free is as many blocks as there can be. They are
	# on the allocator's lists if the CPU's own are short.
	write /proc/sys/vm/percpu_pagelist_high_fraction 10000
	mkdir -p /mnt/frag && mount -t tmpfs -o size=200m tmpfs /mnt/frag
	if ! fragment /mnt/frag/file 128 4; then
		not_ok "fragmented memory"
	fi
	at_least "blocks of one page" "$(awk '{ n += $5 } END { print n }' /proc/buddyinfo)" 8192
	scrub
	umount /mnt/frag
	_held=$(scrub_key hold_max_ns)
	diag "zone->lock was held for $_held instructions at most"
	at_least "zone->lock is never held for 100000 instructions" $((100000 - _held)) 0
	is "nothing was found" "$(moved)" ""
}

# Blocks come and go for $1 seconds; how often one went is in $_emptied.
come_and_go() {
	_end=$(($(cut -d. -f1 /proc/uptime) + $1))
	while [ "$(cut -d. -f1 /proc/uptime)" -lt $_end ]; do
		for _block in $_blocks; do
			write "$_block/state" offline && _emptied=$((_emptied + 1))
		done
		for _block in $_blocks; do
			write "$_block/state" online_movable
		done
	done
}

# Blocks are on free lists before their section is online, and for a moment after it
# is offline; and a zone that loses its last block loses its per-CPU lists.
# covers: R-SCRUB-2
hotplug() {
	load scrub_interval_ms=1
	_blocks=$(movable_blocks | xargs)
	_emptied=0
	insmod_test pause symbol=online_mem_sections || not_ok "pause.ko"
	come_and_go "$(($1 / 3))"
	at_least "sections that come online late" "$(param pause pauses)" 5
	rmmod pause
	insmod_test pause symbol=offline_mem_sections at_return=1 || not_ok "pause.ko"
	come_and_go "$(($1 / 3))"
	at_least "sections that go offline early" "$(param pause pauses)" 5
	rmmod pause
	load_start 64M
	come_and_go "$(($1 / 3))"
	load_stop
	diag "$_emptied times a block was emptied; $(cat $D/scrub)"
	at_least "and there were passes" "$(stat audit_passes)" 3
	is "nothing was found" "$(moved)" ""
	is "no splat" "$(splats)" ""
	wait_for 20 state_is armed || not_ok "armed"
	is "armed, and why not otherwise" "$(cat $D/state $D/state_reason | xargs)" "armed none"
}

# A frame of frame.ko's block of order 10. Once the block is free, whoever needs frames
# splits it from below.
high_frame() {
	echo $(($(cat $F/pfn) + 1000))
}

# ---- a pass that is waited for ----

# watch_nice PASSES: until there are more of them, sees what priority the thread has in
# one. What is over before anybody has looked was in no hurry for a look.
watch_nice() {
	_stat=$(grep -l '^dualbm_scrub$' /proc/[0-9]*/comm | sed 's/comm$/stat/')
	_idle=0 _seen=0 _left=300
	while [ "$(stat scrub_passes)" = "$1" ] && [ "$((_left -= 1))" -gt 0 ]; do
		_from=$(cut -d' ' -f1,3 $D/scrub)
		_nice=$(cut -d' ' -f19 "$_stat")
		# The same pass before and after the look.
		[ "$_from" = "$(cut -d' ' -f1,3 $D/scrub)" ] || continue
		[ "${_from%% *}" = running=1 ] || continue
		_seen=$((_seen + 1))
		[ "$_nice" -le 0 ] || _idle=$((_idle + 1))
	done
	diag "$_seen looks at a pass, $_idle at idle priority"
	[ $_left -gt 0 ]
}

# Idle priority beside work that leaves nothing idle would be minutes to a pass.
# covers: R-SCRUB-8
hurry() {
	load scrub_interval_ms=0 inject=1
	insmod_test frame order=0 || not_ok "frame.ko"
	busy_loops
	# What an event found asks for a pass.
	for _n in 1 2 3; do
		_was=$(stat scrub_passes)
		flip_frame primary "$(cat $F/pfn)"
		echo free >$F/action
		watch_nice "$_was" || not_ok "an event asked for a pass"
		is "asked for by an event, try $_n: none of it at idle priority" "$_idle" 0
		echo alloc >$F/action
	done
	# So does one who waits, also one who comes when a pass is ending.
	for _n in 1 2 3 4 5 6; do
		_was=$(stat scrub_passes)
		scrub &
		watch_nice "$_was" || not_ok "there was a pass"
		wait $!
		is "waited for, try $_n: none of it at idle priority" "$_idle" 0
	done
	# shellcheck disable=SC2086 # words
	kill $_busy
	is "no splat" "$(splats)" ""
	flood
}

now_relearned() {
	[ "$(stat relearns)" -gt "$_relearns" ]
}

busy_loops() {
	_busy=
	for _n in 1 2 3 4; do
		while :; do :; done &
		_busy="$_busy $!"
	done
}

# At idle priority beside a busy machine no pass keeps its pace, so that there is no nap
# between its steps. Learning waits until each task has been seen outside of the kernel,
# or at such a step: not until the pass has ended.
behind() {
	load scrub_interval_ms=1000
	busy_loops
	sleep 5
	for _n in 1 2 3; do
		_relearns=$(stat relearns)
		write /sys/devices/system/cpu/cpu1/online 0 || not_ok "a CPU goes offline"
		write /sys/devices/system/cpu/cpu1/online 1 || not_ok "a CPU comes online"
		_from=$(cut -d. -f1 /proc/uptime)
		wait_for 120 now_relearned || not_ok "learned again"
		wait_for 120 state_is armed || not_ok "armed again"
		_took=$(($(cut -d. -f1 /proc/uptime) - _from))
		at_least "learned again beside a scrubber that lags, within 20 s ($_took s), try $_n" \
			$((20 - _took)) 0
	done
	# shellcheck disable=SC2086 # words
	kill $_busy
	is "nothing was found" "$(moved)" ""
	is "no splat" "$(splats)" ""
	rmmod dualbm
}

# One fault can have thousands of events; a slow console must not stand in their way.
# covers: R-REPORT-3
flood() {
	_was=$(stat plane_corruption)
	dmesg -c >/dev/null
	_from=$(cut -d. -f1 /proc/uptime)
	for _n in $(seq 150); do
		flip_frame primary "$(cat $F/pfn)"
		echo free >$F/action
		echo alloc >$F/action
	done
	_minutes=$((($(cut -d. -f1 /proc/uptime) - _from) / 60 + 2))
	_logged=$(dmesg | grep -c 'dualbm: plane_corruption pfn=')
	at_least "each is counted" $(($(stat plane_corruption) - _was)) 150
	at_least "the log has $_logged blocks, and no more than 60 a minute" $((60 * _minutes - _logged)) 0
	at_least "but the first ones" "$_logged" 20
	rmmod frame
}

# ---- what is put right ----

F=/sys/module/frame/parameters

flip_frame() {
	echo "flip $1 $2" >$DBG/inject
}

frame_is() {
	echo "$2" >$DBG/frame
	_got=$(sed -n '1s/.*state=\([^ ]*\).*/\1/p' $DBG/frame)
	is "$1" "$_got" "$3"
}

planes_of() {
	grep "^pfn=$(printf '0x%x' $(($1 & ~32767))) .* plane=$2 " $DBG/planes | sed 's/.* phys=//'
}

# covers: R-PLANE-4 R-PLANE-6 R-SCRUB-5
repair() {
	load scrub_interval_ms=0 inject=1 repair=1
	insmod_test frame order=10 || not_ok "frame.ko"
	_frame=$(high_frame)
	echo free >$F/action
	# It lies in a buddy block now, which is an exact witness.
	for _p in primary secondary untracked known; do
		flip_frame $_p "$_frame"
		scrub
		frame_is "$_p flipped, frame free: put right" "$_frame" free
		is "$_p flipped, frame free: the plane is named" "$(last liar | cut -d"|" -f1) $(last witness)" \
			"$_p buddy"
		is "$_p flipped, frame free: so is where it lies" "$(last liar_phys | cut -c1-2)" 0x
		is "$_p flipped, frame free: corrected" "$(last repaired)" 1
	done
	is "corrected are counted" "$(stat corrected)" 4
	rmmod frame
	# A page of a file has an owner's marks.
	dd if=/dev/zero of=/tmp/file bs=4096 count=1 2>/dev/null
	_frame=$(lru_frame)
	if [ "$_frame" ]; then
		flip_frame secondary "$_frame"
		scrub
		frame_is "secondary flipped, frame in use: put right" "$_frame" allocated
		is "secondary flipped, frame in use: who said so" "$(last liar | cut -d"|" -f1) $(last witness)" \
			"secondary owner"
	else
		not_ok "a frame of the page cache"
	fi
	# The third correction in a page of a plane is its last.
	insmod_test frame order=10 || not_ok "frame.ko"
	_frame=$(high_frame)
	echo free >$F/action
	_was=$(planes_of "$_frame" primary)
	_tries=0
	while [ "$(planes_of "$_frame" primary)" = "$_was" ] && [ $_tries -lt 5 ]; do
		flip_frame primary "$_frame"
		scrub
		_tries=$((_tries + 1))
	done
	at_least "a page that is wrong again and again" $_tries 2
	if [ "$(planes_of "$_frame" primary)" != "$_was" ]; then
		ok "its planes lie in other memory"
	else
		not_ok "its planes lie in other memory"
	fi
	is "the log says where it was" \
		"$(dmesg | grep -c "moved to fresh memory; the page at $_was was wrong")" 1
	frame_is "what it said is kept" "$_frame" free
	rmmod frame
	scrub
	is "nothing is left" "$(scrub_key last_result)" clean
	is "nothing else was found" "$(moved | tr ' ' '\n' | grep -vE '^(violations|plane_corruption)')" ""
	rmmod dualbm
	is "unloaded, the page is given back" "$(dmesg | grep -c 'the retired page at .* goes back')" 1
	is "no splat" "$(splats)" ""
}

# The first frame on the LRU lists that the kernel shows, by its page flags.
lru_frame() {
	_pid=$$
	# The shell's own text is page cache or anonymous memory: on the LRU.
	_address=$(awk '{ split($1, range, "-"); if ($2 ~ /^r-x/) { print range[1]; exit } }' /proc/$_pid/maps)
	_entry=$(dd if=/proc/$_pid/pagemap bs=8 skip=$((0x$_address >> 12)) count=1 2>/dev/null | od -An -tu8)
	[ "$_entry" ] && echo $((_entry & 0x7fffffffffffff))
}

# ---- where copies lie ----

# of_place KEY LINE
of_place() {
	echo " $2 " | sed -n "s/.* $1=\([^ ]*\) .*/\1/p"
}

# With one node or two: no two copies of a frame are near each other, and with two no node
# has primary and secondary, or untracked and known.
# covers: R-PLANE-3
placed() {
	load
	_nodes=$(grep -c . $D/placement)
	while read -r _line; do
		_node=${_line%% *}
		_distance=$(of_place distance "$_line")
		# More is to be had on a machine that has more.
		at_least "$_node: the nearest two copies are 4 MiB apart ($_distance)" \
			$((${_distance:-0} - 0x400000)) 0
		[ "$_nodes" -gt 1 ] || continue
		for _pair in "primary secondary" "untracked known"; do
			if [ "$(of_place "${_pair% *}" "$_line")" = "$(of_place "${_pair#* }" "$_line")" ]; then
				not_ok "$_node: $_pair lie on two nodes" "$_line"
			else
				ok "$_node: $_pair lie on two nodes"
			fi
		done
	done <$D/placement
	# What it says is so: by what "planes" has of each page.
	is "planes: each chunk has four" "$(awk '{ n[$1]++ } END { for (c in n) if (n[c] != 4) print c, n[c] }' $DBG/planes)" ""
	rmmod dualbm
}

# ---- departing frames ----

# make_departing PFN: of a frame in use.
make_departing() {
	for _p in secondary untracked known; do
		flip_frame $_p "$1"
	done
	frame_is "allocated with three bits flipped: departing" "$1" departing
}

# A frame is departing for microseconds. One that is so at each look for a minute is
# strange; where a witness contradicts it, it is a fault of the planes.
# covers: R-SCRUB-6
linger() {
	load scrub_interval_ms=0 inject=1
	insmod_test frame order=10 || not_ok "frame.ko"
	_frame=$(high_frame)
	make_departing "$_frame"
	scrub
	sleep 30
	scrub
	is "half a minute is not long enough" "$(scrub_key last_result) $(moved)" "clean "
	sleep 31
	scrub
	is "a departing frame that lingers is found" "$(moved)" "unproven+1"
	is "which frame" "$(dmesg -c | grep -c "dualbm: unproven pfn=$(printf 0x%x "$_frame") .* was=departing ")" 1
	frame_is "it is untracked afterwards" "$_frame" untracked
	counters
	# Its owner's marks contradict it, exactly.
	_owned=$(lru_frame)
	make_departing "$_owned"
	scrub
	sleep 61
	scrub
	is "with an exact witness it is proven" "$(moved) $(last witness)" \
		"violations+1 plane_corruption+1 "
	is "which frame" "$(last pfn) $(last was)" "$(printf 0x%x "$_owned") departing"
	counters
	# One that is on its way for a moment is none.
	echo free >$F/action
	echo alloc >$F/action
	_frame=$(high_frame)
	make_departing "$_frame"
	scrub
	echo free >$F/action
	sleep 61
	scrub
	scrub
	is "one that went on is no finding" "$(scrub_key last_result) $(moved)" "clean "
	rmmod frame
	is "no splat" "$(splats)" ""
	rmmod dualbm
}

# ---- directory and control data ----

inject() {
	echo "$1" >$DBG/inject
}

# covers: R-PLANE-5 R-PLANE-6 R-PLANE-7 R-LOSS-3 R-SCRUB-4
control() {
	load scrub_interval_ms=0 inject=1
	insmod_test frame order=10 || not_ok "frame.ko"
	_frame=$(high_frame)
	for _copy in directory complement; do
		inject "flip $_copy $_frame"
		is "$_copy: the answer says what was done" \
			"$(grep -c "flipped a bit of the directory's" $DBG/inject)" 1
		scrub
		is "$_copy: found by the scrubber" "$(last class) $(last what) $(last repaired)" \
			"directory_corruption directory 1"
		dmesg -c >/dev/null
		inject "flip $_copy $_frame"
		# An event that comes by does not get lost.
		echo free >$F/action
		frame_is "$_copy: an event finds its planes all the same" "$_frame" free
		# The first event in that chunk does, whosever it is, and no other.
		is "$_copy: and reports it" "$(dmesg -c | grep 'dualbm: directory_corruption' |
			grep -vc ' event=forget ')" 1
		scrub
		echo alloc >$F/action
		_frame=$(high_frame)
		scrub
		is "$_copy: put right" "$(scrub_key last_result)" clean
	done
	inject "flip map $_frame"
	echo free >$F/action
	frame_is "map: an event finds its planes all the same" "$_frame" free
	scrub
	is "map: found by the scrubber" "$(last class) $(last what) $(last value) $(last repaired)" \
		"directory_corruption directory 0 1"
	scrub
	is "map: put right" "$(scrub_key last_result)" clean
	echo alloc >$F/action
	is "nothing but the directory" "$(moved | tr ' ' '\n' | grep -vE '^(violations|directory_corruption)')" ""
	_was=$(stat directory_corruption)
	inject "flip policy"
	is "policy flipped" "$(cat $D/policy)" panic
	scrub
	is "policy: found, and put right" "$(last what) $(cat $D/policy)" "policy report"
	echo panic >$D/policy
	echo report >$D/policy
	scrub
	is "policy: a change is no finding" "$(stat directory_corruption)" $((_was + 1))
	wait_for 60 state_is armed || not_ok "armed again"
	for _part in limit armed; do
		_relearns=$(stat relearns)
		_frame=$(high_frame)
		inject "flip $_part$([ "$_part" = armed ] || echo " $_frame")"
		echo free >$F/action
		# Nothing is believed while the mode is another one; a limit is not looked at then.
		frame_is "$_part: what an event says" "$_frame" \
			"$([ "$_part" = armed ] && echo untracked || echo free)"
		scrub
		is "$_part: found" "$(last what)" mode
		wait_for 60 state_is armed || not_ok "armed again after $_part was wrong"
		is "$_part: learned again" "$(cat $D/state_reason)" none
		at_least "$_part: relearned for it" "$(($(stat relearns) - _relearns))" 1
		echo alloc >$F/action
	done
	echo "fly to the moon" >$DBG/inject 2>/dev/null && not_ok "nonsense is refused"
	is "nonsense: the line says what is accepted" \
		"$(dmesg | grep -c 'inject: not understood; use "flip primary')" 1
	_unproven=$(stat unproven)
	inject "drop alloc"
	is "a dropped alloc event makes a mismatch" "$(($(stat unproven) > _unproven))" 1
	inject "drop free"
	is "a dropped free event makes one" "$(last class) $(last proof)" "double_alloc record"
	rmmod frame
	is "no splat" "$(splats)" ""
	rmmod dualbm
	load scrub_interval_ms=0
	inject "flip armed" 2>/dev/null && not_ok "without inject=1 it is refused"
	is "without inject=1: the line says why" \
		"$(dmesg | grep -c 'inject: refused, the module was loaded without inject=1')" 1
}

# ---- the allocator's own data ----

# covers: R-PROOF-5 R-REPORT-2 R-SCRUB-3
metadata() {
	load scrub_interval_ms=0
	scrub
	is "nothing at first" "$(moved)" ""
	for _case in "refcount refcount" "order links" "bigorder order" "flags links" \
		"links links" "count length" "zone zone" "node zone"; do
		_fault=${_case% *}
		_what=${_case#* }
		_was=$(stat allocator_corruption)
		insmod_test metafault what="$_fault" node="${NODE:-1}" || not_ok "metafault.ko what=$_fault"
		_pfn=$(printf '0x%x' "$(param metafault pfn)")
		scrub
		_now=$(stat allocator_corruption)
		scrub
		_again=$(stat allocator_corruption)
		rmmod metafault
		at_least "$_fault: found" $((_now - _was)) 1
		is "$_fault: one fault is one report" "$_again" "$_now"
		_line=$(dmesg -c | grep -E "dualbm: allocator_corruption pfn=.* proof=buddy what=$_what ")
		if [ "$_line" ]; then ok "$_fault: its class says $_what"; else
			not_ok "$_fault: its class says $_what" "$(cat $D/last_violation)"
		fi
		like_line "$_fault: nobody's call" "$_line" " caller=- event=forget "
		case $_fault in
		refcount) like_line "$_fault: frame and count" "$_line" "pfn=$_pfn .*value=-1 " ;;
		bigorder) like_line "$_fault: the block" "$_line" "pfn=$_pfn " ;;
		esac
		scrub
		dmesg -c >/dev/null
	done
	is "nothing else was found" "$(moved | tr ' ' '\n' | grep -vE '^(violations|allocator_corruption)')" ""
	scrub
	is "nothing is left" "$(scrub_key last_result)" clean
}

like_line() {
	if echo "$2" | grep -qE "$3"; then ok "$1"; else not_ok "$1" "wanted $3 in: $2"; fi
}

# ---- proof tests ----

# covers: R-PANIC-7 R-SCRUB-9
proof() {
	load scrub_interval_ms=10000
	_passes=$(stat selftest_passes)
	is "passed at load" "$_passes" 1
	echo panic >$D/policy
	load_start 128M
	_n=0 _bad=0
	while [ $_n -lt 5 ]; do
		_n=$((_n + 1))
		echo proof >$D/scrub || _bad=$((_bad + 1))
	done
	load_stop
	is "five proofs under load" $_bad 0
	is "each is counted" "$(stat selftest_passes)" $((_passes + 5))
	is "no policy fires, nothing is counted or logged" "$(moved)$(dmesg | grep -c 'dualbm: .*pfn=')" 0
	is "armed" "$(cat $D/state)" armed
	# Two at once, and one that is interrupted.
	echo proof >$D/scrub &
	_one=$!
	echo proof >$D/scrub &
	wait $! $_one
	is "two at once" "$(stat selftest_passes)" $((_passes + 7))
	echo now >$D/scrub &
	kill -INT $! 2>/dev/null
	wait $!
	scrub
	is "an interrupted pass does not matter" "$(scrub_key last_result)" clean
	is "no splat" "$(splats)" ""
}

# ---- watchdog ----

# covers: R-SCRUB-7
watchdog() {
	load scrub_interval_ms=1000 inject=1
	[ "$1" != stop ] || echo panic >/sys/module/dualbm/parameters/on_degraded
	flush
	inject "stop scrubber"
	wait_for 120 state_is degraded || not_ok "a scrubber that stands still"
	[ "$1" != stop ] || not_ok "the machine stops"
	is "the reason is told" "$(cat $D/state_reason)" "the scrubber has stalled"
	is "and logged" "$(dmesg | grep -c 'dualbm: degraded: the scrubber has stalled')" 1
	is "events are believed all the same" "$(stat relearns)" 0
	inject "start scrubber"
	wait_for 20 state_is armed || not_ok "armed again when it goes on"
	is "no reason left" "$(cat $D/state_reason)" none
	is "nothing was found" "$(moved)" ""
	rmmod dualbm
	is "unloaded" "$(lsmod | grep -c '^dualbm ')" 0
	unloaded_late
	died
	is "no splat" "$(splats)" ""
}

# The watchdog goes on until the scrubber is gone, and looks in between.
unloaded_late() {
	load scrub_interval_ms=1000
	insmod_test late || not_ok "late.ko"
	rmmod dualbm
	is "unloaded late: the ends of the scrubber and of the watchdog were heard late" \
		"$(param late stops)" 2
	is "unloaded late: one that was stopped has not died" \
		"$(dmesg | grep -c 'dualbm: degraded: the scrubber has died')" 0
	rmmod late
}

# watch_state SECONDS: $_worst is "armed", or the last state that was not, and why.
watch_state() {
	_worst=armed
	_until=$(($(cut -d. -f1 /proc/uptime) + $1))
	while [ "$(cut -d. -f1 /proc/uptime)" -lt $_until ]; do
		sleep 1
		state_is armed || _worst="$(cat $D/state): $(cat $D/state_reason)"
	done
}

# Beside tasks that are more urgent than any normal one, and that take all of a node's CPUs
# for good, both go on elsewhere: the scrubber, and the watchdog that helps it. Each node is
# taken, as nobody knows where the watchdog is; and with ksoftirqd of its CPUs woken, which on
# 6.1 keeps their timers from expiring for as long.
# covers: R-SCRUB-7 R-SCRUB-8
urgent() {
	mount_debian
	load scrub_interval_ms=1000
	insmod_test softirqd || not_ok "softirqd.ko"
	write /proc/sys/kernel/sched_rt_runtime_us -1 || not_ok "urgent tasks are not held back"
	for _node in /sys/devices/system/node/node[0-9]*; do
		take_node "$_node"
	done
	is "nothing was found" "$(moved)" ""
	rmmod dualbm
	rmmod softirqd
}

take_node() {
	_hogs=
	for _cpu in "$1"/cpu[0-9]*; do
		chroot /mnt taskset -c "${_cpu##*/cpu}" chrt -f 1 /bin/sh -c 'while :; do :; done' &
		_hogs="$_hogs $!"
	done
	sleep 2
	for _cpu in "$1"/cpu[0-9]*; do
		write /sys/module/softirqd/parameters/cpu "${_cpu##*/cpu}" || not_ok "wake ksoftirqd"
	done
	_passes=$(stat scrub_passes)
	watch_state 40
	is "armed all the time beside urgent tasks on all CPUs of ${1##*/}" "$_worst" armed
	_passes=$(($(stat scrub_passes) - _passes))
	echo "# $_passes passes"
	at_least "passes in 40 s beside those of ${1##*/}" $_passes 3
	# shellcheck disable=SC2086 # words
	kill $_hogs
}

# A pass that somebody asked for takes all of memory at once, which on a machine of many TiB is
# longer than twice the interval. Here each of its steps is slow.
asked_for() {
	load scrub_interval_ms=0
	insmod_test pause symbol=dualbm_audit_frames ms=300 || not_ok "pause.ko"
	scrub &
	_asked=$!
	wait_for 10 is_running || not_ok "the pass has begun"
	_passes=$(stat scrub_passes)
	write /sys/module/dualbm/parameters/scrub_interval_ms 1000 || not_ok "an interval of a second"
	watch_state 70
	is "a slow pass that was asked for is still running" \
		"$(scrub_key running) $(stat scrub_passes)" "1 $_passes"
	is "it was armed all the time" "$_worst" armed
	write /sys/module/pause/parameters/ms 0
	wait $_asked
	rmmod pause
	is "and ended" "$(scrub_key last_result)" clean
	rmmod dualbm
}

is_running() {
	[ "$(scrub_key running)" = 1 ]
}

# What an oops in it leaves, where that does not stop the machine.
died() {
	load scrub_interval_ms=1000
	insmod_test leave thread=dualbm_scrub symbol=dualbm_learn_rest || not_ok "leave.ko"
	wait_for 10 state_is degraded || not_ok "a scrubber that has died"
	is "died: the reason is told" "$(cat $D/state_reason)" "the scrubber has died"
	timeout 20 sh -c "echo now 2>/dev/null >$D/scrub"
	is "died: nobody waits for a pass in vain" $? 1
	is "died: events are believed all the same" "$(stat relearns)" 0
	rmmod dualbm
	is "died: unloaded" "$(lsmod | grep -c '^dualbm ')" 0
	rmmod leave
}

case $1 in
churn) churn "$2" ;;
cost) cost ;;
hotplug) hotplug "$2" ;;
hurry)
	behind
	hurry
	;;
repair) repair ;;
linger) linger ;;
placed) placed ;;
control) control ;;
metadata) metadata ;;
proof) proof ;;
watchdog) watchdog "${2-}" ;;
urgent)
	urgent
	asked_for
	;;
*) bail "scrub.sh: which part?" ;;
esac
finish
