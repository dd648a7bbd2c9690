#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# dualbmctl on a machine: what it says is compared with what the module's files say,
# and what it foretold with what came. Lines "json NAME ..." and the captured tree
# are for the host to look into.
. ./mm-lib.sh

T=/sys/kernel/tracing

# run STATUS NAME ARGUMENTS...: dualbmctl ends with STATUS; /tmp/out, /tmp/err.
run() {
	_wanted=$1
	_name=$2
	shift 2
	dualbmctl "$@" >/tmp/out 2>/tmp/err
	_got=$?
	if [ "$_got" = "$_wanted" ]; then
		ok "$_name: status $_wanted"
	else
		not_ok "$_name: status $_wanted" "got $_got from: dualbmctl $*"
		diag "$(head -n 20 /tmp/out /tmp/err)"
	fi
}

# says NAME PATTERN: on standard error, or standard output.
says() {
	if grep -qE "$2" /tmp/out /tmp/err; then
		ok "$1"
	else
		not_ok "$1" "nothing like '$2' in: $(cat /tmp/out /tmp/err)"
	fi
}

# json NAME ARGUMENTS...: to the host.
json() {
	_name=$1
	shift
	dualbmctl --json "$@" 2>/dev/null | sed "s/^/json $_name /"
}

as_nobody() {
	su -s /bin/sh nobody -c "PATH=/bin:/sbin dualbmctl $1" >/tmp/out 2>/tmp/err
}

instances() {
	ls $T/instances
}

#### Before the module is loaded.

for _command in status watch violations "frame 1" map scrub proof policy unload; do
	# shellcheck disable=SC2086 # words
	run 3 "not loaded: $_command" $_command
	says "not loaded: $_command says so" "not loaded"
done
is "not loaded: no trace instance is left" "$(instances)" ""
run 0 "check: this kernel is good" --json check
cp /tmp/out /tmp/check.json
sed 's/^/json check /' /tmp/out
dualbmctl check | sed 's/^/| /'
run 2 "load: a parameter that does not exist" load polcy=panic
says "load: and which one it was" 'no parameter "polcy"'
is "load: nothing was loaded" "$(ls -d /sys/module/dualbm 2>/dev/null)" ""
run 7 "load: a value that the kernel refuses" load policy=explode
says "load: the kernel's own words are shown" 'kernel says: .*policy: "explode" is not accepted'
as_nobody load
is "load: not as a user" $? 4

#### Loaded.

run 0 "load: armed" load inject=1 scrub_interval_ms=0
says "load: and says so" armed
run 7 "load: not twice" load
run 0 "status: all is well" status
sed 's/^/| /' /tmp/out
says "status: state" '^ +state: armed'
says "status: which kernel" " kernel: $(uname -r | sed 's/[+.]/[&]/g'), (qualified|not qualified, but trusted [(]allow_untested=1[)])$"
says "status: protected" ' protected: (for [0-9.]+ (s|min) .*without a break|just begun); [0-9.]+ % of the uptime'
says "status: never called clean before a pass" ' scrub: no pass has ended yet; only on request'
is "status: fits on one screen" "$(($(wc -l </tmp/out) <= 24)) $(awk 'length > 80' /tmp/out)" "1 "
json status status

# What "check" foretold, when the boundary's probes have become what they can be.
check "status: the boundary's probes are jumps" wait_for 20 jumps_made
tr '}' '\n' </tmp/check.json | sed -n 's/.*"name":"\([^"]*\)","mechanism":"\([^"]*\)","required":\(.*\)/\1 \2 \3/p' |
	sort >/tmp/foretold
awk '$2 !~ /notifier|cpuhp/ { print $1, $2, $5 == "required" ? "true" : "false" }' $D/hooks |
	sort >/tmp/attached
is "check: the hooks are those that it foretold" "$(diff /tmp/foretold /tmp/attached)" ""
is "check: the planes take what it foretold" \
	"$(grep -o '"plane_bytes":[0-9]*' /tmp/check.json | cut -d: -f2)" "$(stat plane_bytes)"
grep -oE 'primary=[0-9] secondary=[0-9] untracked=[0-9] chunks=[0-9]+ separation=[a-z-]+ known=[0-9]' /tmp/check.json >/tmp/foretold
sed -n 's/^node=[0-9]* \(primary=.*\) distance=[^ ]*\( known=.*\)/\1\2/p' $D/placement >/tmp/placed
is "check: and lie where it foretold" "$(diff /tmp/foretold /tmp/placed)" ""

#### Frames.

address=0x$(head -n 1 /proc/$$/maps | cut -d- -f1)
run 0 "frame: of this task" frame $$:"$address"
says "frame: allocated, mapped" 'dualbm     (allocated|untracked)'
says "frame: the kernel's side" 'kernel     .*mmap'
says "frame: its place" 'place      node [01], zone (DMA|DMA32|Normal), memory[0-9]+ \(online\), section'
json frame frame $$:"$address"
pfn=$(dualbmctl --json frame $$:"$address" | grep -o '"pfn":[0-9]*' | cut -d: -f2)
echo "$pfn" >$DBG/frame
is "frame: as debugfs says" "$(grep -o 'state=[a-z]*' $DBG/frame)" \
	"$(dualbmctl frame "$pfn" | sed -n 's/^dualbm     \([a-z]*\).*/state=\1/p')"
bad=
for _pfn in 0 1 0x100 0x1000 0x2345 0x8000 0xffff 0x12345 0x20000 0x2ffff; do
	dualbmctl frame $_pfn >/tmp/out 2>&1 || bad="$bad $_pfn: $(cat /tmp/out)"
done
is "frame: no contradiction on a healthy machine" "$bad" ""
run 0 "frame: beyond all memory" frame 0xfffffffff
says "frame: is not managed" unmanaged
run 0 "frame: by its address" frame phys:0x1234567
says "frame: the frame of it" '^frame      0x1234,'
run 1 "frame: nothing is mapped there" frame $$:0x1000
run 6 "frame: no such task" frame 999999:0x1000
run 2 "frame: no number" frame 12q

#### The map.

run 0 "map: captured" map --capture /tmp/one.map
dd if=/dev/zero of=/tmp/fill bs=1M count=64 2>/dev/null
run 0 "map: captured again" map --capture /tmp/two.map
rm -f /tmp/fill
json map map
json compare map --compare /tmp/one.map /tmp/two.map
run 0 "map: SVG" map --output /tmp/m.svg
run 0 "map: PNG of a comparison" map --compare /tmp/one.map /tmp/two.map --output /tmp/m.png
is "map: what it wrote" "$(head -c 4 /tmp/m.svg)$(head -c 4 /tmp/m.png | tail -c 3)" "<svgPNG"
run 0 "map: on the terminal" map
sed 's/^/| /' /tmp/out
is "map: all frames that are managed" \
	"$(tr ' ' '\n' <$DBG/map | grep -cE '^[0-9]+/')" "$(($(stat pages_managed) / 512))"

#### Scrub, proof, policy.

run 0 "scrub: finds nothing" scrub
json scrub scrub
is "scrub: it was a pass" "$(stat scrub_passes)" 2
run 0 "status: after a scrub" status
says "status: when it ended, how long it took" ' scrub: last pass ended [0-9.]+ s ago, took [0-9.]+ s, nothing found'
_before=$(stat protected_ms)
at_least "the time that is protected goes on, and no faster than the clock" \
	$((_before > 0 && _before <= $(cut -d. -f1 /proc/uptime) * 1000 + 1000)) 1
at_least "all of it without a break so far" $((2000 - (_before - $(stat protected_age_ms)))) 0
# covers: R-LOSS-5
# A CPU that goes and comes: all is forgotten, and the time without a break begins anew.
_age=$(stat protected_age_ms)
write /sys/devices/system/cpu/cpu1/online 0
write /sys/devices/system/cpu/cpu1/online 1
check "a break: armed again" wait_for 60 state_is armed
at_least "a break: the time without one began anew" $((_age - $(stat protected_age_ms))) 1
at_least "a break: what was protected before it counts" $(($(stat protected_ms) - _age)) 0
run 0 "proof: what was proven at load" proof --list
sed 's/^/| /' /tmp/out
says "proof: at load, all parts" '^  8 of 8 passed'
says "proof: not asked for yet" 'not asked for a proof since'
run 0 "proof: asked for" proof
sed 's/^/| /' /tmp/out
says "proof: asked for, all parts" '^  7 of 7 passed'
says "proof: events and the scrubber" '  passed  scrubber +.* ms$'
json proof proof --list
as_nobody "proof --list"
is "user: proof --list" $? 0
as_nobody proof
is "user: proof: no permission" $? 4
run 0 "policy: is report" policy
says "policy: report" '^report$'
run 0 "policy: panic" policy panic
is "policy: is set" "$(cat $D/policy)" panic
run 0 "policy: report again" policy report
run 2 "policy: no such one" policy explode
is "policy: as it was" "$(cat $D/policy)" report
TERM=xterm terminal dualbmctl scrub >/tmp/typescript
check "scrub: a progress bar on a terminal" grep -qF 'scrub [....' /tmp/typescript
check "scrub: colour on a terminal" grep -q "$(printf '\033')\[32mnothing was found" /tmp/typescript
dualbmctl scrub >/tmp/out 2>/tmp/err
is "scrub: none where there is no terminal" "$(cat /tmp/err)" ""

#### Watching.

# watch_start WORD ARGS...: until it has said WORD. What the one before said is no sign
# of this one.
watch_start() {
	_word=$1
	shift
	rm -f /tmp/watched
	dualbmctl "$@" >/tmp/watched 2>/tmp/watch.err &
	watcher=$!
	wait_for 10 grep -qs "$_word" /tmp/watched
}

watch_start begin --json watch
is "watch: an instance of its own" "$(instances)" "dualbmctl-$watcher"
is "watch: the machine's own trace is not touched" "$(cat $T/events/dualbm/enable)" 0
echo now >$D/scrub
wait_for 10 grep -q '"event":"scrub"' /tmp/watched
kill -INT $watcher
wait $watcher
is "watch: interrupted, it ends well" $? 0
is "watch: and leaves no instance" "$(instances)" ""
sed 's/^/json watch /' /tmp/watched
check "watch: the scrub was seen" grep -q '"event":"scrub".*"found":0' /tmp/watched

# A reader that goes: nothing is left either.
(
	dualbmctl watch 2>/tmp/watch.err
	echo "$?" >/tmp/watch.status
) | head -n 1 >/dev/null
wait_for 10 test -s /tmp/watch.status
is "watch | head: ends as SIGPIPE does" "$(cat /tmp/watch.status)" 141
is "watch | head: no complaint" "$(cat /tmp/watch.err)" ""
is "watch | head: no instance is left" "$(instances)" ""

# Killed, it cannot clean up: the next one does.
watch_start 'dualbm is' watch
kill -9 $watcher
wait $watcher 2>/dev/null
is "watch: killed, its instance stays" "$(instances)" "dualbmctl-$watcher"
watch_start 'dualbm is' watch --count 1
is "watch: the next one removes it" "$(instances)" "dualbmctl-$watcher"
dualbmctl scrub >/dev/null
wait $watcher
is "watch: --count 1 ends by itself" $? 0
is "watch: and leaves no instance" "$(instances)" ""
check "watch: what it shows" grep -qE '^ +[0-9]+\.[0-9]+  cpu [0-9]+ +scrub  +pass=[0-9]+ words=[0-9]+ found=0' /tmp/watched

#### Not root.

as_nobody status
is "user: status" $? 0
for _command in violations map "frame 1" watch; do
	as_nobody "$_command"
	is "user: $_command: no permission" $? 4
	says "user: $_command: says so" "run this as root"
done
for _command in scrub "policy panic" unload; do
	as_nobody "$_command"
	is "user: $_command: no permission" $? 4
done
is "user: nothing was changed" "$(cat $D/policy) $(instances)" "report "

#### No debugfs.

umount /sys/kernel/debug
run 6 "no debugfs: map" map
says "no debugfs: how to get it" 'mount -t debugfs'
run 6 "no debugfs: violations" violations
run 0 "no debugfs: status" status
mount -t debugfs debugfs /sys/kernel/debug

#### Something is found.

watch_start begin --json watch
run 0 "violations: none yet" violations
# A frame that nobody touches meanwhile: the kernel's own code.
pfn=$(($(sed -n 's/^ *\([0-9a-f]*\)-.*Kernel code$/0x\1/p' /proc/iomem) >> 12))
echo "flip primary $pfn" >$DBG/inject
run 1 "frame: a damaged record" frame $pfn
says "frame: is a contradiction" 'contradiction: the bits are no codeword'
run 1 "scrub: finds it" scrub
says "scrub: and says so" 'something was found'
run 1 "status: is not well" status
run 1 "violations: there is one" violations
says "violations: what it is" '#1 plane_corruption: dualbm.s own record was damaged'
run 1 "violations: the last" violations --last
insmod_test faulty stay=1 fault=double_free order=4
run 1 "violations: a stack" violations
says "violations: leads to the culprit" 'caller   faulty_double_free[+.].* \[faulty\]'
sed 's/^/| /' /tmp/out
json violations violations
json badstatus status
wait_for 10 grep -q double_free /tmp/watched
kill -TERM $watcher
wait $watcher
is "watch: ended by SIGTERM" $? 0
check "watch: the violation was seen" grep -qE '"event":"violation".*"caller":"faulty_double_free[^"]*\[faulty\]"' /tmp/watched
sed 's/^/json watched /' /tmp/watched
run 0 "policy: says what there is to look at" policy panic
says "policy: violations" 'violations is [1-9]'
dualbmctl policy report >/dev/null

#### A pipe that closes, a device that is full.

for _command in status violations map check; do
	(
		dualbmctl $_command 2>/tmp/err
		echo "$?" >/tmp/pipe.status
	) | head -c 1 >/dev/null
	is "$_command | head: no complaint" "$(cat /tmp/err)" ""
done
dualbmctl status >/dev/full 2>/tmp/err
is "a full device: status 8" $? 8
is "no terminal: no escape sequence" "$(dualbmctl status | grep -c "$(printf '\033')")" 0

#### A tree for the tests that need no machine.

C=/tmp/tree
for _file in /sys/kernel/dualbm/* /sys/kernel/debug/dualbm/violations /sys/kernel/debug/dualbm/planes \
	/sys/kernel/debug/dualbm/map /sys/kernel/debug/dualbm/frame /sys/module/dualbm/version \
	/proc/sys/kernel/osrelease /proc/version /proc/meminfo /proc/zoneinfo /proc/sys/kernel/ftrace_enabled \
	/sys/devices/system/node/online /sys/devices/system/node/has_memory \
	/sys/devices/system/node/node*/distance /sys/devices/system/memory/block_size_bytes \
	/sys/devices/system/memory/memory*/state /sys/devices/system/memory/memory*/phys_index \
	/sys/kernel/debug/kprobes/blacklist; do
	mkdir -p "$C${_file%/*}"
	cat "$_file" >"$C$_file"
done
for _file in /sys/devices/system/node/node*/memory*; do
	[ -e "$_file/state" ] || continue
	: >"$C$_file"
done
# Of the long lists, what hooks need and some more.
mkdir -p $C/proc $C$T
names='__alloc|alloc_pages|free_page|isolate|memcg_kmem|compaction|unpoison|mm_page_'
grep -E " ($names)" /proc/kallsyms | head -n 400 >$C/proc/kallsyms
grep -E " (__traceiter_mm_page_alloc|__traceiter_mm_page_free|__putback_isolated_page|__memcg_kmem_charge_page|__free_pages|__isolate_free_page)$" /proc/kallsyms >>$C/proc/kallsyms
grep -E "^($names|__putback|__memcg|__free_pages|__isolate)" $T/available_filter_functions >$C$T/available_filter_functions
grep -m 1 flags /proc/cpuinfo >$C/proc/cpuinfo
(cd $C && tar -cz .) | base64 | sed 's/^/tree /'

run 0 "unload" unload
says "unload: what goes with it" 'violations had been found'
is "unload: it is gone" "$(ls -d /sys/module/dualbm 2>/dev/null)" ""
run 3 "unload: not twice" unload
finish
