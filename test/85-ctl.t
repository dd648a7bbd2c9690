#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dualbmctl: on a captured tree and on broken ones, against the kernels of the Debian
# root that never ran here, its readers of foreign files with sanitizers, and in VMs,
# where what it foretells is compared with what comes.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ctl-lib.sh"

cd "$TOP"
tools=$CACHE/tools
ctl=$tools/dualbmctl
work=$(mktemp -d "$CACHE/ctl.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export COLUMNS=80
unset DUALBMCTL_ROOT NO_COLOR

# ---- built, and clean ----

check "builds without a warning" make -s -C tools O="$tools" CFLAGS='-O2 -g -Werror'
[[ -x $ctl ]] || { echo "Bail out! dualbmctl does not build"; exit 1; }
check "cppcheck is silent" cppcheck -q --error-exitcode=1 --library=tools/cppcheck.cfg \
	--enable=warning,performance,portability --std=c11 --suppress=missingIncludeSystem \
	--suppress=ctuuninitvar -I tools -DDUALBM_VERSION='""' -D_GNU_SOURCE -DHAVE_CAIRO tools test/ctl
empty "the manual pages are well formed" "$(mandoc -T lint -W warning tools/dualbmctl.8 tools/dualbm.4 2>&1 || :)"

# ---- the readers of foreign files ----

if make -s -C test/ctl O="$tools" >"$work/make.log" 2>&1; then
	status=0
	"$tools/readers-test" "$ROOT/lib/modules/$(kernel_release 6.12)/updates/dkms/"dualbm.ko* \
		>"$work/readers" 2>&1 || status=$?
	while IFS= read -r line; do
		case $line in
		'ok '*) ok "readers: ${line#ok * - }" ;;
		'not ok '*) not_ok "readers: ${line#not ok * - }" ;;
		esac
	done <"$work/readers"
	planned=$(sed -n 's/^1\.\.//p' "$work/readers")
	is "readers: ran to the end, and no sanitizer complained" \
		"$status $(grep -cE '^(not )?ok ' "$work/readers")" "0 ${planned:-?}"
	[[ $status == 0 ]] || tail -n 30 "$work/readers" >&2
else
	not_ok "readers: build with sanitizers" "$(tail -n 20 "$work/make.log")"
fi

# ---- a captured tree ----

unpack test/ctl/machine.tree "$work/tree"
# What the tree has of the module's files is what they are named by.
sys=sys/kernel/dualbm debug=sys/kernel/debug/dualbm

# json NAME EXPRESSION: valid JSON in $work/out, for which the Perl expression of
# $j is true; its schema is named.
json() {
	local got

	got=$(perl -MJSON::PP -e '
		local $/;
		my $text = <STDIN>;
		my $j = eval { JSON::PP->new->utf8->decode($text) };
		if ($@) { print "no JSON: $@\n$text"; exit 1 }
		my $s = $j->{schema};
		my $of = exists $j->{error} ? "error" : $j->{command};
		print "no schema: $text" and exit 1 unless $s->{name} eq "dualbmctl.$of" && $s->{version} == 1;
		print eval($ARGV[0]) ? "true" : "not true: $ARGV[0] $@\n$text";' "$2" <"$work/out" 2>&1) || :
	is "$1" "$(head -c 600 <<<"$got")" true
}

# changed NAME: a copy of the tree to break, in $broken.
changed() {
	broken=$work/broken
	rm -rf "$broken"
	cp -a "$work/tree" "$broken"
}

tree=(--root "$work/tree")
run 1 "status: with findings" "${tree[@]}" status
like "status: the state" "$out" '^ +state: armed'
like "status: and what it means" "$out" ' status: Pages of memory were handed out or given back wrongly'
like "status: coverage" "$out" 'coverage: [0-9]+ pages, [0-9]+ \([0-9.]+ %\) not known yet'
like "status: findings" "$out" 'findings: 2 violations: 1 boundary_double_free, 1 plane_corruption'
like "status: the newest, and its culprit" "$(xargs <<<"$out")" 'newest: #2 boundary_double_free, page frame 0x30b80, 41 s after boot, by faulty_double_free.0x81/0xe0 .faulty. in task 379 .insmod.'
run 1 "status -v" "${tree[@]}" status -v
like "status -v: losses" "$out" '__free_pages \(jump, optional\): [0-9]+ events, 1 missed'
is "status -v: every hook" "$(grep -cE '\((tracepoint|ftrace|redirect|notifier|cpuhp|jump), (required|optional)\)' "$work/out")" "$(wc -l <"$work/tree/$sys/hooks")"
like "status -v: every node" "$(xargs <<<"$out")" 'nodes: 6 chunks of memory on node 0: primary plane on 0, secondary on 1, untracked on 0, known on 1; .* node 1: primary plane on 1'
run 1 "status --verbose is the same" "${tree[@]}" status --verbose
is "status --verbose is the same: is it" "$(cat "$work/out")" "$out"
run 1 "status, JSON" "${tree[@]}" --json status
json "status, JSON: numbers are those of the files" \
	"\$j->{stats}{pages_managed} == $(sed -n 's/^pages_managed //p' "$work/tree/$sys/stats") && \$j->{last_violation}{record} == 2 && @{\$j->{hooks}} == $(wc -l <"$work/tree/$sys/hooks") && \$j->{well} == 0"
run 1 "violations" "${tree[@]}" violations
like "violations: a stack" "$out" 'stack +on_free_pages.*make_fault\+.*stack +report_suspect'
run 1 "violations, JSON" "${tree[@]}" violations --json
json "violations, JSON: both, decoded" '@{$j->{violations}} == 2 && $j->{violations}[1]{caller} eq "faulty_double_free+0x81/0xe0 [faulty]" && @{$j->{violations}[1]{stack}} == 14 && $j->{violations}[0]{proof} eq "stopped" && $j->{violations}[1]{mapcount} == -268435456'
run 0 "frame: of a captured tree" "${tree[@]}" frame 0x26c00 --json
json "frame: state, zone, node and where its bits lie" '$j->{state} eq "untracked" && $j->{zone} eq "DMA32" && $j->{node} == 0 && $j->{section} == 4 && @{$j->{words}} == 4'
run 6 "frame: another one is not in the tree" "${tree[@]}" frame 7
run 6 "scrub: a captured tree is not written to" "${tree[@]}" scrub
like "scrub: and that is said" "$err" 'captured tree'
run 6 "policy: nor here" "${tree[@]}" policy panic
is "policy: as it was" "$(cat "$work/tree/$sys/policy")" report
run 2 "load: not below a root" "${tree[@]}" load
run 6 "watch: no tracefs" "${tree[@]}" watch
mkdir -p "$work/tree/sys/kernel/tracing/instances"
run 6 "watch: no events" "${tree[@]}" watch
is "watch: and no instance is left" "$(ls "$work/tree/sys/kernel/tracing/instances")" ""

DUALBMCTL_ROOT=$work/tree run 0 "the root from the environment" policy
is "the root from the environment: is read" "$out" report
# An absolute link of the tree means the tree.
changed
mv "$broken/$sys/policy" "$broken/real-policy"
ln -s /real-policy "$broken/$sys/policy"
run 0 "an absolute link in the tree" --root "$broken" policy
is "an absolute link in the tree: stays inside" "$out" report
run 6 "a root that is not there" --root "$work/nothing" status

# A newer module says why.
changed
echo degraded >"$broken/$sys/state"
echo "ftrace was switched off" >"$broken/$sys/state_reason"
run 1 "status: degraded" --root "$broken" status
like "status: and why" "$out" 'reason: ftrace was switched off'
run 1 "status, JSON: an older module" --root "$broken" --json status
json "status, JSON: an older module says not which kernel it is" '!exists $j->{kernel_id}'
run 6 "policy: advice, degraded" --root "$broken" policy panic
like "policy: advice, degraded: says so" "$err" 'dualbm is degraded: see'
changed
sed -i -E 's/^(violations|unproven|coverage_gaps) .*/\1 0/' "$broken/$sys/stats"
sed -i -E 's/^(\S+ +\S+ +\S+) +\S+ +required/\1 0 required/' "$broken/$sys/hooks"
run 0 "status: armed, and nothing found" --root "$broken" status
echo unqualified >"$broken/$sys/state"
echo "not qualified: nobody has tried this kernel; panic is withheld" >"$broken/$sys/state_reason"
echo 0123456789abcdef >"$broken/$sys/kernel_id"
run 1 "status: unqualified" --root "$broken" status
like "status: unqualified: and why" "$out" 'reason: not qualified: nobody has tried'
run 1 "status, JSON: unqualified" --root "$broken" --json status
json "status, JSON: unqualified" '$j->{state} eq "unqualified" && !$j->{well} && $j->{kernel_id} eq "0123456789abcdef"'
run 6 "policy: advice, unqualified" --root "$broken" policy panic
like "policy: advice, unqualified: says so" "$err" 'nobody has tried dualbm on this kernel, so panic is withheld'

# ---- the screen, in each state ----

# well: a machine on which all is well, to break, in $broken.
well() {
	changed
	sed -i -E 's/^(violations|boundary_double_free|plane_corruption) .*/\1 0/' "$broken/$sys/stats"
	: >"$broken/$sys/last_violation"
	echo none >"$broken/$sys/state_reason"
	echo 0123456789abcdef >"$broken/$sys/kernel_id"
	mkdir -p "$broken/sys/module/dualbm/parameters"
	echo feedfeedfeedfeed,0123456789abcdef >"$broken/sys/module/dualbm/parameters/qualified"
	echo 0 >"$broken/sys/module/dualbm/parameters/allow_untested"
	echo "running=0 interval_ms=60000 pass=6 progress=100% audit=12% blocks=31 hold_max_ns=4100 last_ms=812 last_result=clean words=6144 found=0 mappings=0 mappings_ns=0" >"$broken/$sys/scrub"
}

# stats NAME=VALUE...: of the tree in $broken.
stats() {
	local pair

	for pair; do
		sed -i "s/^${pair%=*} .*/${pair%=*} ${pair#*=}/" "$broken/$sys/stats"
	done
}

# screen STATUS NAME LINES: what "status" shows of the tree in $broken has these lines, in
# this order, with blanks as they come; each is an extended regular expression.
screen() {
	local line said at=0 found

	run "$1" "screen: $2" --root "$broken" status
	# A field that goes on in the next line is one line here.
	said=$(sed -E ':more; N; $!b more; s/\n {13}/ /g; s/(^|\n) +/\1/g' "$work/out")
	while IFS= read -r line; do
		[[ $line ]] || continue
		found=$(tail -n +$((at + 1)) <<<"$said" | grep -nE "^$line\$" | head -n 1 | cut -d: -f1 || :)
		if [[ $found ]]; then
			at=$((at + found))
		else
			not_ok "screen: $2: $line" "$out"
			return
		fi
	done <<<"$3"
	ok "screen: $2: says what is so"
	is "screen: $2: 24 lines of 80 columns hold it" "$(($(wc -l <"$work/out") <= 24)) $(awk 'length > 80' "$work/out")" "1 "
	is "screen: $2: what it tells to see is in the manual" \
		"$(grep -cxE "\.SS \"?$(sed -n 's/^ *see: dualbmctl(8), STATES: //p' "$work/out")\"?" tools/dualbmctl.8)" 1
}

well
screen 0 "armed" 'state: armed
status: Each allocation and each free of a page of memory is checked. Nothing was found.
action: None is needed.
kernel: 6[.]12[.]117[+]deb12-amd64, qualified
module: [0-9.]+, policy report: a violation is reported and stops nothing
uptime: 12 min 40 s
protected: for 12 min 31 s without a break; 98[.]77 % of the uptime
coverage: 393216 pages, 446 [(]0[.]11 %[)] not known yet; when last learned: 446 [(]0[.]11 %[)] in large blocks that drivers had before the load
findings: none
planes: 192[.]4 KiB on 2 nodes; primary and secondary lie on different ones
scrub: last pass ended 12 s ago, took 0[.]8 s, nothing found; interval 1 min'
is "screen: armed: docs/operation.md shows it" "$(sed 's/ *$//; s/^/    /; s/^    $//' "$work/out")" \
	"$(sed -n '/^ *state: armed$/,/^ *scrub: /p' docs/operation.md)"
empty "screen: armed: no word for programs, and nothing without a meaning" "$(grep -E '=|\(none\)|hooks:|reason:' "$work/out" || :)"
run 0 "screen: armed, JSON" --root "$broken" --json status
json "screen: armed, JSON: what it means, and its times" '$j->{well} && $j->{qualified} && $j->{kernel} eq "6.12.117+deb12-amd64" && $j->{uptime_seconds} == 760.52 && $j->{protected_seconds} == 751.2 && $j->{meaning} =~ /^Each/ && $j->{action} eq "None is needed." && $j->{see} =~ /STATES: armed$/ && !grep { $_->{silent} } @{$j->{hooks}}'
echo panic >"$broken/$sys/policy"
stats pages_untracked=0 untracked_tail=0 scrub_age_ms=3 protected_age_ms=0 protected_ms=0
screen 0 "armed, panic" 'module: [0-9.]+, policy panic: a violation stops the machine
protected: just begun; 0[.]00 % of the uptime
coverage: 393216 pages, each of them known
scrub: last pass ended 0[.]0 s ago, .*'
echo "none" >"$broken/sys/module/dualbm/parameters/qualified"
echo 1 >"$broken/sys/module/dualbm/parameters/allow_untested"
screen 0 "armed, trusted" 'kernel: .*, not qualified, but trusted [(]allow_untested=1[)]'
run 0 "screen: armed, trusted, JSON" --root "$broken" --json status
json "screen: armed, trusted, JSON: is not qualified" 'exists $j->{qualified} && defined $j->{qualified} && !$j->{qualified}'
# Part of an identity is none.
well
echo 0123456789abcde,123456789abcdef >"$broken/sys/module/dualbm/parameters/qualified"
screen 0 "armed, another kernel is qualified" 'kernel: .*, not qualified'

well
echo learning >"$broken/$sys/state"
echo "what is free and what is allocated is being learned" >"$broken/$sys/state_reason"
sed -i 's/running=0/running=1/; s/progress=100%/progress=43%/; s/last_ms=812/last_ms=0/' "$broken/$sys/scrub"
stats scrub_passes=0 scrub_age_ms=0 protected_age_ms=0
screen 1 "learning" 'state: learning
status: What is free and what is allocated is being learned. Nothing is checked until that is done.
action: Wait: .*
protected: not now; 98[.]77 % of the uptime
scrub: no pass has ended yet; one is running [(]43%[)]; interval 1 min'
empty "screen: learning: no pass is called clean before there was one" "$(grep -E 'nothing found|last pass' "$work/out" || :)"

well
echo degraded >"$broken/$sys/state"
echo "memory is online that there are no planes for" >"$broken/$sys/state_reason"
stats pages_unmanaged=32768 untracked_hugetlb=1 untracked_poisoned=2 untracked_tail=443
screen 1 "degraded" 'state: degraded
status: Events may have been lost, .*
reason: memory is online that there are no planes for
action: End what the reason names[.] .*
coverage: .* when last learned: 1 [(]less than 0[.]01 %[)] in huge pages .*, 2 [(]less than 0[.]01 %[)] poisoned by hardware, 443 [(].* 32768 pages are online and not watched: there was no memory for their record'

well
echo disarmed >"$broken/$sys/state"
echo "the module is being loaded or unloaded" >"$broken/$sys/state_reason"
screen 1 "disarmed" 'state: disarmed
status: The module is being loaded or unloaded. Nothing is checked.'

well
echo unqualified >"$broken/$sys/state"
echo panic >"$broken/$sys/policy"
echo "not qualified: other kernels were tried, not this one; panic is withheld" >"$broken/$sys/state_reason"
echo feedfeedfeedfeed >"$broken/sys/module/dualbm/parameters/qualified"
screen 1 "unqualified" 'state: unqualified
status: Each allocation and each free is checked. But nobody has tried this build .*
reason: not qualified: other kernels were tried, not this one; panic is withheld
action: Qualify this kernel, or trust it untried with allow_untested=1.
kernel: .*, not qualified
module: .*, policy panic: a violation would stop the machine, but panic is withheld'

# What was found, by class, is told whatever the state is.
well
cp "$work/tree/$sys/last_violation" "$broken/$sys/last_violation"
echo learning >"$broken/$sys/state"
stats violations=3 double_free=2 bad_page=1 unproven=4 corrected=1 relearns=2
sed -i -E 's/class=\S+/class=double_alloc/; s/comm=\S+/comm=a\\012b\o033c/; s/$/ freed_by=give+0x1\/0x2_[m]/' "$broken/$sys/last_violation"
screen 1 "findings" 'state: learning
status: Pages of memory were handed out or given back wrongly. Two owners may have written to the same page.
findings: 3 violations: 2 double_free, 1 bad_page; not proven: 4 unproven; 1 piece of its own data put right; learned again 2 times
newest: #2 double_alloc, .* seen in the call of faulty_double_free.* in task 379 [(]a.012b.x1bc[)]; freed before by give.*'
stats violations=3 double_free=0 bad_page=0 plane_corruption=2 directory_corruption=1
screen 1 "its own record" 'status: dualbm.s own record was damaged: .*'
well
echo armed >"$broken/$sys/state"
stats unproven=1
screen 1 "unproven" 'status: Something did not agree with the record, and nothing proves that the kernel is at fault. .*
findings: none; not proven: 1 unproven'
well
stats mapped_free=2
screen 0 "a free that looks wrong" 'status: .* Frees were seen that look wrong, .*
findings: none; not proven: 2 mapped_free'
well
stats coverage_gaps=5
screen 1 "coverage gaps" 'status: Allocations were made that no event had shown[.] .*
gaps: 5 allocations .*'

# Hooks are told if something is wrong with them, and only those.
well
sed -i -E 's/^(mm_page_free .*) 0 required/\1 7 required/; s/^(bad_page .*)$/\1 silent/' "$broken/$sys/hooks"
screen 1 "hooks" 'state: armed
status: A source of events that is required has missed some[.] .*
hooks: mm_page_free [(]tracepoint, required[)]: 51167 events, 7 missed bad_page [(]ftrace, optional[)]: 0 events, does not fire'
run 1 "screen: hooks, JSON" --root "$broken" --json status
json "screen: hooks, JSON: which is silent" 'join(" ", map { $_->{name} } grep { $_->{silent} } @{$j->{hooks}}) eq "bad_page"'

well
stats scrub_passes=0 scrub_age_ms=0
sed -i 's/interval_ms=60000/interval_ms=0/; s/last_ms=812/last_ms=0/' "$broken/$sys/scrub"
screen 0 "never scrubbed" 'scrub: no pass has ended yet; only on request'
well
sed -i 's/last_result=clean/last_result=findings/; s/found=0/found=3/' "$broken/$sys/scrub"
stats scrub_age_ms=90061000
screen 0 "a pass that found something" 'scrub: last pass ended 1 d 1 h ago, took 0[.]8 s, 3 faults found; interval 1 min'

# Other places for the planes, and an older module.
well
sed -i -E 's/(primary|secondary|untracked|known)=[0-9]+/\1=0/g; s/distinct-node/single-node/' "$broken/$sys/placement"
screen 0 "one node" 'planes: 192[.]4 KiB on 1 node; all of it on the same one'
sed -i 's/primary=0/primary=0-2,5/' "$broken/$sys/placement"
screen 0 "lists of nodes" 'planes: 192[.]4 KiB on 4 nodes; primary and secondary share one'
sed -i 's/primary=0-2,5/primary=0-x/' "$broken/$sys/placement"
run 5 "screen: a foreign placement" --root "$broken" status
well
sed -i -E '/^(protected|scrub_age)/d' "$broken/$sys/stats"
rm -r "$broken/sys/module/dualbm/parameters" "$broken/proc/uptime" "$broken/$sys/state_reason"
screen 0 "an older module" 'kernel: .*, whether it is qualified is not known
scrub: last pass took 0[.]8 s, nothing found; interval 1 min'
empty "screen: an older module: says no more than it knows" "$(grep -E 'protected|uptime|ago' "$work/out" || :)"

changed
rm -r "${broken:?}/$sys" "$broken/sys/module/dualbm"
screen 3 "not loaded" 'state: not loaded
status: The module is not loaded. Nothing is watched.
action: See whether it will work here with "dualbmctl check". .*
kernel: 6[.]12[.]117[+]deb12-amd64'
run 3 "screen: not loaded, JSON" --root "$broken" --json status
json "screen: not loaded, JSON: is an error" '$j->{status} == 3 && $j->{error} =~ /not loaded/'

# Each state, and each advice that there is, was looked at above.
is "screen: every state of the module has its words" \
	"$(sed -n '/^} states\[\] = {/,/^};/p' tools/advice.c | sed -n 's/^	{ "\([a-z]*\)".*/\1/p' | sort | xargs)" \
	"$({ strings dualbm_mode.c state_names && grep -o unqualified dualbm_mode.c; } | grep -vx armed | sort -u | xargs)"

# ---- what was proven ----

run 0 "proof --list" "${tree[@]}" proof --list
like "proof --list: at load" "$(head -n 1 "$work/out")" '^At load, 12 min 34 s ago:$'
is "proof --list: each part, and its time" "$(sed -n 's/^  passed  \([a-z]*\) .* \([0-9.]* ms\)$/\1 \2/p' "$work/out" | paste -sd,)" \
	"ways 1.843 ms,lists 0.402 ms,rules 9.120 ms,blocks 0.731 ms,codewords 0.205 ms,base 0.008 ms,reports 0.051 ms,hooks 6.120 ms"
like "proof --list: in all" "$out" '8 of 8 passed, in 18[.]5 ms'
like "proof --list: not asked for" "$out" 'not asked for a proof since'
is "proof --list: 80 columns hold it" "$(awk 'length > 80' "$work/out")" ""
changed
printf 'proof=%s when=request result=%s took_ns=%d ago_ms=1000\n' events failed 12345678 news passed 1 >>"$broken/$sys/proof"
run 1 "proof --list: one failed" --root "$broken" proof --list
like "proof --list: one failed: which" "$out" '  failed  events +events find violations, .* 12[.]3 ms'
like "proof --list: one that is not known here" "$out" '  passed  news  .* 0[.]000 ms'
like "proof --list: one failed: how many" "$out" '1 of 2 passed'
run 1 "proof --list, JSON" --root "$broken" proof --list --json
json "proof --list, JSON: all of it" '!$j->{passed} && @{$j->{proofs}} == 10 && !exists $j->{result} && $j->{proofs}[8]{name} eq "events" && $j->{proofs}[8]{when} eq "request" && !$j->{proofs}[8]{passed} && $j->{proofs}[0]{passed} && $j->{proofs}[0]{took_ns} == 1843021'
echo "proof=rules when=load" >>"$broken/$sys/proof"
run 5 "proof --list: half a line" --root "$broken" proof --list
rm "$broken/$sys/proof"
run 6 "proof --list: an older module" --root "$broken" proof --list
run 6 "proof: a captured tree cannot be asked" "${tree[@]}" proof
is "proof: each part of the module has its words, and no other" \
	"$(sed -n '/ meanings\[\] = {/,/};/p' tools/proof.c | sed -n 's/^		{ "\([a-z]*\)",.*/\1/p' | sort | xargs)" \
	"$(strings dualbm_proven.c part_names | xargs)"
is "proof: interface.md explains each, and no other" \
	"$(sed -n '/^### What: .*\/proof$/,/^### /p' docs/interface.md | sed -n 's/^| `\([a-z]*\)` .*/\1/p' | sort | xargs)" \
	"$(strings dualbm_proven.c part_names | xargs)"

# ---- check on the captured machine ----

run 0 "check: the captured machine" "${tree[@]}" check --json
json "check: what the planes will take is what they take" "\$j->{plane_bytes} == $(sed -n 's/^plane_bytes //p' "$work/tree/$sys/stats")"
json "check: the hooks are those that were attached" \
	"join(' ', sort map { \$_->{name} } @{\$j->{hooks}}) eq '$(awk '$2 !~ /notifier|cpuhp/ { print $1 }' "$work/tree/$sys/hooks" | LC_ALL=C sort | xargs)'"

# check_says NAME STATUS PATTERN: of the tree in $broken.
check_says() {
	run "$2" "check: $1" --root "$broken" check
	like "check: $1: says so" "$out" "$3"
}

changed
sed -i '/__isolate_free_page/d' "$broken/proc/kallsyms"
check_says "a required function is missing" 1 'NO +__isolate_free_page: this kernel does not have it'
changed
sed -i 's/ compaction_free$/ compaction_free.constprop.0/' "$broken/proc/kallsyms"
check_says "a function became a variant" 1 'NO +compaction_free: the compiler made a variant'
changed
sed -i 's/^\(.* compaction_free\)$/\1\n\1/' "$broken/proc/kallsyms"
check_says "two functions of one name" 1 'NO +compaction_free: several functions'
changed
sed -i '/^unpoison_memory/d' "$broken/sys/kernel/tracing/available_filter_functions"
check_says "ftrace cannot hook it" 1 'NO +unpoison_memory: ftrace cannot hook it'
changed
printf '0xffffffff81000000-0xffffffff81000010\t__free_pages\n' >>"$broken/sys/kernel/debug/kprobes/blacklist"
check_says "a probe is not allowed" 0 'but __free_pages: it is on the kernel.s list'
changed
echo 0 >"$broken/proc/sys/kernel/ftrace_enabled"
check_says "ftrace is off" 1 'NO +ftrace: is switched off'
changed
mkdir -p "$broken/boot"
printf 'CONFIG_64BIT=y\nCONFIG_MODULES=y\n# CONFIG_KPROBES is not set\n' >"$broken/boot/config-$(cat "$broken/proc/sys/kernel/osrelease")"
check_says "a configuration without kprobes" 1 'NO +KPROBES: not set'
changed
head -c 100 /dev/urandom >"$broken/proc/config.gz"
check_says "a configuration that is none" 0 'but /proc/config.gz: '
changed
echo 4.19.0-27-amd64 >"$broken/proc/sys/kernel/osrelease"
check_says "an old kernel" 1 'NO +4.19.0-27-amd64: too old'
changed
rm "$broken/proc/kallsyms"
check_says "no list of symbols" 6 'unknown: whether dualbm will work'
changed
mkdir -p "$broken/sys/firmware/efi/efivars" "$broken/sys/kernel/security"
printf '\6\0\0\0\1' >"$broken/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
echo 'none [integrity] confidentiality' >"$broken/sys/kernel/security/lockdown"
check_says "Secure Boot" 0 'Secure Boot: on.*lockdown: none .integrity. conf.*signature: the kernel takes only signed modules.*mokutil'
changed
echo 0 >"$broken/sys/devices/system/node/has_memory"
check_says "memory on one node only" 0 'node 1: primary=0 secondary=0 untracked=0 chunks=6 separation=single-node known=0'
changed
sed -i 's/^MemAvailable:.*/MemAvailable:         100 kB/' "$broken/proc/meminfo"
check_says "no memory for the planes" 1 'NO +planes: 192\.4 KiB are needed, and 100 KiB are available'
run 2 "check: no release" "${tree[@]}" check --kernel ../../etc
run 2 "check: an option that does not exist" "${tree[@]}" check --kernal 6.1
run 6 "check: no such image" check --image "$work/nothing"
echo "not a kernel" >"$work/foreign"
run 5 "check: a foreign image" check --image "$work/foreign"
run 5 "check: a foreign module" check --module "$work/foreign"
run 5 "check: a foreign module, JSON" check --json --module "$work/foreign"
json "check: an error in JSON" '$j->{status} == 5 && $j->{error} =~ /not a module/ && $j->{command} eq "check"'

# ---- which kernel it is, and whether it is qualified ----

id=00112233445566778899aabbccddeeff01234567 other=ffeeddccbbaa99887766554433221100deadbeef

# notes SIZE HEX: what /sys/kernel/notes has, a build-id of HEX that is said to have SIZE bytes
# behind a note of another owner.
notes() {
	perl -e 'print pack("V3a8V", 6, 1, 0x101, "Linux", 0), pack("V3a4H*", 4, $ARGV[0], 3, "GNU", $ARGV[1])' "$@"
}

# identified: a copy of the tree to break, whose kernel has $id.
identified() {
	changed
	notes 20 "$id" >"$broken/sys/kernel/notes"
	mkdir -p "$broken/etc/modprobe.d" "$broken/usr/lib/modprobe.d" "$broken/run/modprobe.d"
	ln -s usr/lib "$broken/lib"
}

# qualified NAME STATUS-OF-IT TEXT: of the tree in $broken, which says nothing on standard error.
qualified() {
	check_says "$1" 0 "$3"
	empty "check: $1: no complaint" "$err"
	run 0 "check, JSON: $1" --root "$broken" check --json
	json "check, JSON: $1: qualified is $2" "(\$j->{qualified} ? 'true' : 'false') eq '$2'"
}

named='ok +6\.12\.117\+deb12-amd64: qualified: modprobe\.d names its build-id'
unnamed='but 6\.12\.117\+deb12-amd64: not qualified: dualbm works there, says unqualified and withholds panic'
trusted='but 6\.12\.117\+deb12-amd64: not qualified, and allow_untested=1 trusts it'
unknown='but 6\.12\.117\+deb12-amd64: whether it is qualified cannot be told'

identified
qualified "nobody tried this kernel" false "$unnamed"
like "check: its build-id is shown" "$(grep -o '"kernel_id":"[^"]*"' "$work/out")" "^\"kernel_id\":\"$id\"\$"
echo "options dualbm qualified=$id" >"$broken/etc/modprobe.d/one.conf"
qualified "a file names it" true "$named"
# As the kernel reads it: quotes, several parameters, a line that goes on in the next one.
printf 'options dualbm policy=panic \\\n\t"qualified=%s,%s" inject=0' "$other" "$id" >"$broken/etc/modprobe.d/one.conf"
qualified "a file names it, and another one" true "$named"
echo "options dualbm qualified=$other" >"$broken/etc/modprobe.d/one.conf"
qualified "a file names another one" false "$unnamed"
printf 'options dualbm qualified=%s' "$id" >"$broken/usr/lib/modprobe.d/two.conf"
qualified "two files add up" true "$named"
echo '# none' >"$broken/run/modprobe.d/two.conf"
qualified "a file that another one hides" false "$unnamed"
echo 'options dualbm allow_untested=1' >"$broken/etc/modprobe.d/trust.conf"
qualified "allow_untested=1" false "$trusted"
echo 'options dualbm allow_untested=0' >"$broken/etc/modprobe.d/truth.conf"
qualified "allow_untested=1, and a later file with 0" false "$unnamed"
echo "options dualbm qualified=$id" >"$broken/etc/modprobe.d/two.conf"
qualified "allow_untested=0, and a file names it" true "$named"


# A word that is no parameter is ignored by the kernel: the machine would report where it should panic.
identified
printf 'options dualbm polcy=panic scrub-interval-ms=60000 panic \033[2J=1 qualified=%s\n' "$id" >"$broken/etc/modprobe.d/one.conf"
qualified "a parameter that is none" true 'but polcy: modprobe[.]d has it, and dualbm has no such parameter: it would be ignored'
check_says "a parameter that is none, without a value" 0 'but panic: modprobe[.]d has it'
check_says "a parameter that is none, hostile" 0 'but [?]\[2J: modprobe[.]d has it'
is "check: its own are all known" "$(grep -oE '[^ ]+: [^ ]+ has it, and dualbm has no such parameter' <<<"$out" | sort -u | wc -l)" 3
is "check: the list is the module's" \
	"$(sed -n '/^const struct parameter module_parameters/,/^};/p' tools/qualified.c | grep -oE '[{] "[a-z_]+"' | tr -d '{ "' | sort | xargs)" \
	"$(module_parameters | xargs)"

identified
{
	echo "# options dualbm qualified=$id"
	echo "options dualbm2 qualified=$id"
	echo "options dualbm qualified=${id:0:38} qualified=${id}00 unqualified=$id qualified"
	echo "blacklist dualbm"
	printf 'what \e[2J is this\n\0options dualbm qualified\n'
	echo "options"
} >"$broken/etc/modprobe.d/one.conf"
echo "options dualbm qualified=$id" >"$broken/etc/modprobe.d/one.conf.old"
mkdir "$broken/etc/modprobe.d/directory.conf"
qualified "lines that say something else" false "$unnamed"
# Nothing of the machine itself is read.
echo "options dualbm qualified=$id" >"$work/outside.conf"
ln -s "$work/outside.conf" "$broken/etc/modprobe.d/link.conf"
ln -s /dev/zero "$broken/etc/modprobe.d/zero.conf"
rmdir "$broken/run/modprobe.d"
ln -s "$work" "$broken/run/modprobe.d"
qualified "links that lead out of the tree" false "$unnamed"

# Notes that are none: as the module does, by release and version.
by_version='6.12.117+deb12-amd64:#1_SMP_PREEMPT_DYNAMIC_Debian_6.12.117-1~deb12u1_(2026-11-14)'
identified
echo "options dualbm qualified=$by_version" >"$broken/etc/modprobe.d/one.conf"
qualified "a build-id, and modprobe.d has release and version" false "$unnamed"
notes 20 "$id" >"$work/notes"
for size in 0 11 24 39 59; do
	head -c "$size" "$work/notes" >"$broken/sys/kernel/notes"
	run 0 "check, JSON: notes cut off at byte $size" --root "$broken" check --json
	json "check, JSON: notes cut off at byte $size" "\$j->{kernel_id} eq '$by_version' && \$j->{qualified}"
done
notes 255 "$id" >"$broken/sys/kernel/notes"
qualified "notes with a size beyond their end" true 'qualified: modprobe.d names its release and version'
notes 7 00112233445566 >"$broken/sys/kernel/notes"
qualified "a build-id that is too short" true 'qualified: modprobe.d names its release and version'
rm "$broken/sys/kernel/notes"
qualified "no notes" true 'qualified: modprobe.d names its release and version'
printf 'Linux version 6.12.117+deb12-amd64 (a #9) #1 SMP,\e[2J\xff %0300d\n' 0 >"$broken/proc/version"
qualified "a version that is too long" false "$unknown"
printf 'Linux version 6.12.117+deb12-amd64 (a #9) #1 SMP,\e[2J\xff x\n' >"$broken/proc/version"
check_says "a version that is no text" 0 'identity: 6.12.117\+deb12-amd64:#1_SMP__\[2J__x'
rm "$broken/proc/version"
qualified "no notes and no version" false "$unknown"
echo 'options dualbm allow_untested=1' >"$broken/etc/modprobe.d/trust.conf"
qualified "no notes and no version, allow_untested=1" false "$unknown, and allow_untested=1 trusts it"
identified
rm "$broken/sys/kernel/notes"
mkdir "$broken/sys/kernel/notes"
qualified "notes that cannot be read" false '/sys/kernel/notes: Is a directory.*whether it is qualified cannot be told'

# ---- kernels of the root, which never ran here ----

# Its table of hooks is the module's.
is "the hooks are those of dualbm_hooks.c" \
	"$(sed -n '/^static const struct hook hooks/,/^};/p' tools/hooks.c | grep -oE 'DUALBM_NAMES_[A-Z_]+' | sort)" \
	"$(sed -n '/^struct dualbm_hook dualbm_hooks/,/^};/p' dualbm_hooks.c | grep -oE 'DUALBM_HOOK_[A-Z_]+' | sed 's/HOOK/NAMES/' | grep -vE '_(MEMORY|CPU)$' | sort)"
empty "each row has its own names" "$(sed -n '/^struct dualbm_hook dualbm_hooks/,/^};/p' dualbm_hooks.c |
	sed -nE 's/.*\[DUALBM_HOOK_([A-Z_]+)\].*/\1/p; s/.*DUALBM_NAMES_([A-Z_]+).*/\1/p' | grep -vxE 'MEMORY|CPU' | uniq -c | awk '$1 != 2')"

for kernel in $KERNELS; do
	use_kernel "$kernel"
	release=$(kernel_release "$kernel")
	run 0 "$kernel, not booted" --root "$ROOT" check --kernel "$release" --json
	json "$kernel, not booted: every prototype was seen, every CRC agrees" \
		"!(grep { \$_->{topic} eq 'hooks' && (\$_->{verdict} ne 'yes' || \$_->{text} !~ /BTF: \\(/) } @{\$j->{findings}}) && (grep { \$_->{text} =~ /^the kernel has all/ } @{\$j->{findings}}) && (grep { \$_->{topic} eq 'config' && \$_->{verdict} eq 'yes' } @{\$j->{findings}})"
	json "$kernel, not booted: its build-id" '$j->{kernel_id} =~ /^[0-9a-f]{40}$/'
	id=$(grep -o '"kernel_id":"[^"]*"' "$work/out" | cut -d'"' -f4)
	mkdir -p "$work/qualified/etc/modprobe.d"
	echo "options dualbm qualified=$id" >"$work/qualified/etc/modprobe.d/$kernel.conf"
	run 0 "$kernel, its image alone" --root "$work/qualified" check --image "$ROOT/boot/vmlinuz-$release" --json
	json "$kernel, its image alone: says which it is" "\$j->{kernel} eq '$release' && \$j->{kernel_id} eq '$id' && \$j->{qualified}"
done
# A module of one kernel and another kernel: no.
use_kernel 6.12
module=$(compgen -G "$ROOT/lib/modules/$(kernel_release 6.12)/updates/dkms/dualbm.ko*")
run 1 "a module of 6.12 on 6.1" --root "$ROOT" check --module "$module" --kernel "$(kernel_release 6.1)"
like "a module of 6.12 on 6.1: and why" "$out" 'NO +symbols: '
# One export of these headers is another one than the module was built with.
mkdir -p "$work/mini/lib/modules/$(kernel_release 6.12)/build"
sed 's/^0x[0-9a-f]*\t__free_pages\t/0x00000001\t__free_pages\t/' \
	"$ROOT/usr/src/linux-headers-$(kernel_release 6.12)/Module.symvers" \
	>"$work/mini/lib/modules/$(kernel_release 6.12)/build/Module.symvers"
run 1 "a module with one other CRC" --root "$work/mini" check --module "$module"
like "a module with one other CRC: and which" "$out" 'NO +symbols: 1 of [0-9]+ CRCs differ from the kernel.s: __free_pages;'
run 0 "a module names its kernel" --root "$ROOT" check --module "$module"
kernel_image=$ROOT/boot/vmlinuz-$(kernel_release 6.12)
head -c 5000000 "$kernel_image" >"$work/half"
run 5 "half an image" check --image "$work/half"
like "half an image: says so" "$err" 'truncated'
head -c 100000 "$module" >"$work/half.ko"
run 5 "half a module" check --module "$work/half.ko"

# ---- maps ----

run 0 "map: capture" "${tree[@]}" map --capture "$work/a.map"
run 0 "map: the same, from its file" map --from "$work/a.map" --json
json "map: all that is managed" "(eval { my \$n = 0; \$n += \$_->{frames} for @{\$j->{nodes}}; \$n }) == $(sed -n 's/^pages_managed //p' "$work/tree/$sys/stats") && @{\$j->{nodes}} == 2"
changed
# Two cells of node 1 that were free are in use.
sed -i '/^pfn=0x38000 /s#^\(pfn=[^ ]* frames=[^ ]* node=[^ ]* cell=[^ ]*\) 0/512/0/1 0/512/0/1#\1 512/0/0/0 256/256/0/128#' "$broken/$debug/map"
run 0 "map: capture of another moment" --root "$broken" map --capture "$work/b.map"
run 0 "map: compare" map --compare "$work/a.map" "$work/b.map"
like "map: compare: shows where" "$out" ' 0\.875 --\.'
run 0 "map: compare, JSON" --json map --compare "$work/a.map" "$work/b.map"
json "map: compare: what changed" '(grep { $_->{node} == 1 && $_->{before}{free} - $_->{free} == 768 && $_->{runs} - $_->{before}{runs} == 126 } @{$j->{nodes}}) == 1'
run 0 "map: the other way round" map --compare "$work/b.map" "$work/a.map"
like "map: the other way round: shows it" "$out" ' 0\.875 \+\+\.'
for end in svg png; do
	run 0 "map: $end" map --from "$work/b.map" --output "$work/one.$end"
	run 0 "map: $end of a comparison" map --compare "$work/a.map" "$work/b.map" --output "$work/two.$end"
done
check "map: SVG is well formed" xmllint --noout "$work/one.svg" "$work/two.svg"
is "map: SVG has a box for each cell" "$(grep '<title>pfn' "$work/one.svg" | grep -oE 'M[0-9.]+ ' | wc -l)" \
	"$(sed -n 's/^pfn=.* cell=[0-9]* //p' "$work/b.map" | wc -w)"
check "map: PNG can be decoded" test/ctl/pixels.pl "$work/one.png"
run 8 "map: no such kind of picture" map --from "$work/a.map" --output "$work/one.gif"
run 8 "map: a full device" map --from "$work/a.map" --output /dev/full/x.png
run 2 "map: --compare with one file" map --compare "$work/a.map"
run 6 "map: no such file" map --from "$work/nothing"
run 5 "map: a foreign file" map --from "$work/foreign"
like "map: a foreign file: says so" "$err" 'not a map that'
head -n -1 "$work/a.map" >"$work/cut.map"
run 5 "map: truncated by a line" map --from "$work/cut.map"
like "map: truncated: says so" "$err" 'truncated'
sed 's#0/512/0/1#1/511/0/1#' "$work/a.map" >"$work/bad.map"
run 5 "map: changed by somebody" map --from "$work/bad.map"
like "map: changed: says so" "$err" 'damaged'
changed
sed -i 's#0/512/0/1#0/513/0/1#' "$broken/$debug/map"
run 5 "map: more frames than there are" --root "$broken" map
changed
sed -i '1s/ [^ ]*$//' "$broken/$debug/map"
run 5 "map: a cell is missing" --root "$broken" map

# ---- bad input, and names that are no text ----

mkdir -p "$work/bare/proc/sys/kernel" "$work/bare/sys/kernel"
for command in status watch violations 'frame 1' map scrub proof policy; do
	# shellcheck disable=SC2086 # words
	run 3 "not loaded: $command" --root "$work/bare" $command
	# "status" answers that, and so where answers are; the others complain.
	[[ $command == status ]] && like "not loaded: status: says so" "$out" 'state: not loaded' && continue
	like "not loaded: $command: says so" "$err" 'dualbm is not loaded'
done
changed
rm -rf "$broken/sys/kernel/debug"
run 6 "no debugfs in the kernel: map" --root "$broken" map
like "no debugfs in the kernel: says so" "$err" 'CONFIG_DEBUG_FS'
run 1 "no debugfs in the kernel: status works" --root "$broken" status
mkdir "$broken/sys/kernel/debug"
run 6 "debugfs is not mounted: violations" --root "$broken" violations
like "debugfs is not mounted: says so" "$err" 'mount -t debugfs'
changed
rm "$broken/$debug/map"
run 6 "an older module: map" --root "$broken" map
like "an older module: says so" "$err" 'older than this program'
changed
sed -i 's/^pages_free .*/pages_free x/' "$broken/$sys/stats"
run 5 "stats without a number" --root "$broken" status
changed
echo "mm_page_alloc tracepoint" >"$broken/$sys/hooks"
run 5 "hooks cut off" --root "$broken" status
changed
head -c 100 "$work/tree/$debug/violations" >"$broken/$debug/violations"
run 5 "violations cut off" --root "$broken" violations
# A task may call itself anything, in 15 bytes.
changed
perl -pi -e 's/comm=\S+/comm=a"\\ \x01\xff\e[2J\n x/' "$broken/$sys/last_violation"
run 1 "a name that is no text" --root "$broken" violations --last
is "a name that is no text: nothing reaches the terminal" "$(tr -d '\n\t -~' <"$work/out" | wc -c)" 0
run 1 "a name that is no text, JSON" --root "$broken" violations --last --json
json "a name that is no text, JSON: is kept" '$j->{violations}[0]{comm} eq "a\"\\ \x01\x{fffd}\e[2J\n x"'
changed
sed -i 's/comm=insmod/comm=x time_ns=1/' "$broken/$debug/violations"
run 1 "a name that looks like a key" --root "$broken" violations --json
json "a name that looks like a key: changes nothing" '$j->{violations}[1]{comm} eq "x time_ns=1" && $j->{violations}[1]{time_ns} == 41726556100'

# Every key that a record may have is shown, and the newest record comes first.
changed
details='unseen=pcp what=count value=-3 reason=nonzero__refcount mapper_pid=71 mapper_comm=x address=0x7f00 vma=- file=card0 witness=buddy liar=primary|untracked liar_node=1 liar_phys=0x2f000 known=1'
details+=' allocated_by=take+0x1/0x2_[m] allocated_order=3 allocated_ms=400 allocated_cpu=1 allocated_pid=7 allocated_interrupt=0 allocated_comm=12'
details+=' freed_by=give+0x1/0x2_[m] freed_order=0 freed_ms=300 freed_cpu=0 freed_pid=0 freed_interrupt=1 freed_stack=<up+0x1/0x2<top+0x1/0x2_[m]'
details+=' freed_before_by=unknown freed_before_order=0 freed_before_ms=900 freed_before_cpu=0 freed_before_pid=1 freed_before_interrupt=0'
details+=' allocated_before_by=take+0x1/0x2_[m] allocated_before_order=0 allocated_before_ms=1000 allocated_before_cpu=0 allocated_before_pid=1 allocated_before_interrupt=0'
{
	sed "s#^record=1 .*#& $details#" "$work/tree/$debug/violations"
	sed -n 's/^record=2 /record=3 /p' "$work/tree/$debug/violations"
} >"$broken/$debug/violations"
run 1 "violations, all keys" --root "$broken" violations
cp "$work/out" "$work/text"
is "violations: the newest comes first" "$(grep -oE '^#[0-9]+' "$work/text" | xargs)" "#3 #2 #1"
like "violations: who did what, how often" "$(head -n 1 "$work/text")" '^ +2  boundary_double_free  faulty_double_free.*  last #3$'
run 1 "violations, all keys, JSON" --root "$broken" violations --json
while read -r key; do
	# The text says these in words, or at the head of a line.
	case $key in
	record | pfn | order | frames | block | event | was | primary | secondary | untracked) ;;
	known | node | zone | cpu | pid | comm | time_ns | caller | class | proof | repaired) ;;
	*_by) check "violations: shows $key" grep -qE "^  ${key//_/ } [a-z]" "$work/text" ;;
	*) check "violations: shows $key" grep -qE "(^| )$key=" "$work/text" ;;
	esac
	check "violations, JSON: shows $key" grep -qF "\"$key\":" "$work/out"
done < <(sed -n '/^### What: .*last_violation/,/^### /p' docs/interface.md | sed -n 's/^| \(`.*`\) |.*/\1/p' |
	cut -d'|' -f1 | grep -oE '`[a-z_]+`' | tr -d '`')
json "violations, JSON: who did what, how often" '@{$j->{summary}} == 2 && $j->{summary}[0]{count} == 2 && $j->{summary}[0]{last_record} == 3'
json "violations, JSON: numbers are numbers" '$j->{violations}[0]{value} == -3 && $j->{violations}[0]{liar_phys} == 0x2f000 && $j->{violations}[0]{liar} eq "primary|untracked"'
is "violations: the history in words" "$(grep -E '^  (allocated|freed) by' "$work/text" | sed 's/_/ /' | paste -sd';')" \
	"  allocated by take+0x1/0x2 [m], order 3, 400 ms before, CPU 1, task 7 12;  freed by give+0x1/0x2 [m], order 0, 300 ms before, CPU 0, task 0, in an interrupt"
json "violations, JSON: the history" '$j->{violations}[0]{freed_ms} == 300 && $j->{violations}[0]{freed_before_by} eq "unknown" && $j->{violations}[0]{allocated_comm} eq "12" && $j->{violations}[0]{freed_interrupt} == 1'
json "violations, JSON: a captured tree has no wall clock" 'exists $j->{violations}[0]{wall_clock} && !defined $j->{violations}[0]{wall_clock}'
is "violations: a stack of the history, below whom it called" \
	"$(sed -n '/^  freed by/,/^  freed before/p' "$work/text" | sed -n 's/^    \([^ ]*\)$/\1/p' | xargs)" "up+0x1/0x2 top+0x1/0x2_[m]"
json "violations, JSON: a stack is a list" 'join("|", @{$j->{violations}[0]{freed_stack}}) eq "up+0x1/0x2|top+0x1/0x2_[m]"'
# With history=frees no CPU is kept.
sed -i 's/ freed_cpu=0//' "$broken/$debug/violations"
run 1 "violations, last frees" --root "$broken" violations
like "violations: a past without its CPU" "$(grep -E '^  freed by' "$work/out")" ', order 0, 300 ms before, task 0, in an interrupt$'

# What a module of long ago, or a forger, may have left between two records.
changed
sed -i '2i\record=1 x' "$broken/$debug/violations"
run 5 "a foreign line in the ring" --root "$broken" violations --json
json "a foreign line in the ring: hides no record, and is counted" '@{$j->{violations}} == 2 && $j->{foreign_lines} == 1'
is "a foreign line in the ring: is told" "$(grep -c 'a line is passed over' "$work/err")" 1

run 2 "no command"
run 2 "an unknown command" explode
run 2 "status takes nothing" "${tree[@]}" status now
run 2 "frame without a frame" "${tree[@]}" frame
run 2 "frame, no number" "${tree[@]}" frame 0x
run 2 "watch, no number" "${tree[@]}" watch --count 0
run 2 "policy, no such one" "${tree[@]}" policy explode
run 2 "color, no such one" --color pink status
run 0 "help" --help
cp "$work/out" "$work/help"
run 0 "help, as a command" help
is "help, as a command: is the same" "$out" "$(cat "$work/help")"
is "help: 24 lines of 80 columns hold it" "$(($(wc -l <"$work/help") <= 24)) $(awk 'length > 80' "$work/help")" "1 "
mapfile -t commands < <(sed -n 's/^  \([a-z]*\) .*/\1/p' "$work/help")
for command in "${commands[@]}"; do
	run 0 "help $command" help "$command"
	like "help $command: how it is used" "$(head -n 1 "$work/out")" "^Usage: dualbmctl $command"
	is "help $command: 24 lines of 80 columns hold it" "$(($(wc -l <"$work/out") <= 24)) $(awk 'length > 80' "$work/out")" "1 "
	run 0 "$command --help" "$command" --help
	is "$command --help: is the same" "$("$ctl" help "$command")" "$out"
	run 2 "$command: an option that it does not have" "${tree[@]}" "$command" --explode
	like "$command: an option that it does not have: says so" "$err" "$command: \"--explode\" is no option; see \"dualbmctl help $command\""
done
run 2 "help of what is no command" help explode
# meant WORD MEANT...: what it asks for; a guess is made only where it is near.
meant() {
	local said=$1

	run 2 "did you mean: $*" "${@:2}"
	like "did you mean: $*: asks" "$err" "did you mean \"$said\"[?]"
}
meant status statsu
meant status stat
meant violations violation
meant unload unlaod
meant policy polcy
meant proof help prof
meant --kernel check --kernal 6.1
meant --module check --moduel=x
meant --compare map --comparse
meant --last violations --lsat
meant --count watch --cuont=3
meant --verbose status --verbsoe
meant --json status --jsno
meant --json --jsno status
meant --list proof --lits
meant --force load --froce
for word in xyz explode s; do
	run 2 "no guess: $word" "$word"
	like "no guess: $word: says where they are" "$err" "\"$word\" is no command; see \"dualbmctl help\""
done
run 2 "no guess: a word that is too long" "$(printf 'status%060d' 0)"
run 2 "an option without its argument" check --kernel
like "an option without its argument: says so" "$err" 'check: "--kernel" lacks its argument'
run 2 "an option with an argument too many" violations --last=1
like "an option with an argument too many: says so" "$err" 'violations: "--last" takes no argument'
run 2 "a letter that is no option" check -k
like "a letter that is no option: says so" "$err" 'check: "-k" is no option'
run 0 "version" --version
run 0 "version, by its letter" -V
is "version: is that of VERSION" "$out" "dualbmctl $VERSION"

# ---- pipes and terminals ----

for command in status violations map check; do
	status=0
	{ "$ctl" "${tree[@]}" --json "$command" 2>"$work/err" || echo $? >"$work/status"; } | head -c 1 >/dev/null || :
	empty "$command | head: no complaint" "$(cat "$work/err")"
done
# More than a pipe holds: it ends as SIGPIPE does, whatever it inherited.
status=0
(trap '' PIPE; "$ctl" "${tree[@]}" --json map 2>"$work/err"; echo $? >"$work/status") | head -c 1 >/dev/null || :
is "a pipe that closes, SIGPIPE ignored: as SIGPIPE ends" "$(cat "$work/status")" 141
empty "a pipe that closes, SIGPIPE ignored: no complaint" "$(cat "$work/err")"
status=0
"$ctl" "${tree[@]}" status >/dev/full 2>"$work/err" || status=$?
is "a full device: status 8" "$status" 8
like "a full device: says so" "$(cat "$work/err")" 'cannot write standard output: No space'
empty "no terminal: no escape sequence" "$("$ctl" "${tree[@]}" status | grep "$(printf '\033')" || :)"
well
on_terminal=$(TERM=xterm script -qec "$ctl --root $broken status" /dev/null </dev/null || :)
like "a terminal: colour" "$on_terminal" $'state: \e\\[32marmed'
on_terminal=$(NO_COLOR=1 TERM=xterm script -qec "$ctl --root $work/tree status" /dev/null </dev/null || :)
is "a terminal with NO_COLOR: none" "$(grep -c $'\e' <<<"$on_terminal")" 0

if ((EUID == 0)); then
	cp "$ctl" "$work/dualbmctl"
	chmod 755 "$work"
	chmod 700 "$work/tree/sys/kernel/debug"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$work/dualbmctl" "${tree[@]}" map >"$work/out" 2>"$work/err" || status=$?
	is "a user: debugfs is root's: status 4" "$status" 4
	like "a user: says so" "$(cat "$work/err")" 'run this as root'
	chmod 755 "$work/tree/sys/kernel/debug"
fi

# ---- manual, completion, installation ----

mkdir "$work/examples"
wanted=''
while IFS= read -r line; do
	if [[ $line =~ ^\.\\\"\ run\ ([0-9]+)$ ]]; then
		wanted=${BASH_REMATCH[1]}
	elif [[ $wanted && $line == dualbmctl\ * ]]; then
		line=${line//\\-/-}
		read -ra words <<<"$line"
		status=0
		(cd "$work/examples" && DUALBMCTL_ROOT=$work/tree "$ctl" "${words[@]:1}") >"$work/out" 2>&1 || status=$?
		is "manual: $line" "$status" "$wanted"
		wanted=''
	fi
done <tools/dualbmctl.8
for command in $("$ctl" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	check "manual: has $command" grep -qE "^\.(TP|TQ|B|BI|BR).*\b$command\b" tools/dualbmctl.8
done
mapfile -t parameters < <(module_parameters)
for parameter in "${parameters[@]}"; do
	check "manual: dualbm.4 has $parameter" grep -qE "^\.(BR|BI) $parameter=? ?" tools/dualbm.4
done

# complete WORDS...: what bash would offer for the last one.
complete_words() {
	bash -c '. tools/dualbmctl.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dualbmctl; echo "${COMPREPLY[*]}"' bash "$@"
}
is "completion: a command" "$(complete_words dualbmctl sc)" "scrub"
is "completion: behind a global option" "$(complete_words dualbmctl --json vio)" "violations"
is "completion: a policy" "$(complete_words dualbmctl policy p)" "panic"
is "completion: a command's help" "$(complete_words dualbmctl help wa)" "watch"
is "completion: an option of status" "$(complete_words dualbmctl status --v)" "--verbose"
is "completion: an option of proof" "$(complete_words dualbmctl proof --l)" "--list"
is "completion: an option" "$(complete_words dualbmctl check --im)" "--image"
is "completion: a parameter's value" "$(complete_words dualbmctl load policy = p)" "panic"
is "completion: has every command" "$(complete_words dualbmctl '' | tr ' ' '\n' | grep -v '^--' | sort | xargs)" \
	"$("$ctl" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort | xargs)"
is "completion: has every parameter" "$(complete_words dualbmctl load '' | tr ' ' '\n' | sed -n 's/=.*//p' | sort -u | xargs)" \
	"$(module_parameters | xargs)"
check "install-tools: DESTDIR and PREFIX" make -s install-tools O="$tools" DESTDIR="$work/install" PREFIX=/usr
is "install-tools: its files" "$(cd "$work/install" && find . -type f ! -path "./usr/share/doc/*" | sort | xargs)" \
	"./usr/lib/systemd/catalog/dualbm.catalog ./usr/lib/systemd/system/dualbm-journal.service ./usr/lib/systemd/system/dualbm-textfile.service ./usr/lib/systemd/system/dualbm-textfile.timer ./usr/sbin/dualbmctl ./usr/share/bash-completion/completions/dualbmctl ./usr/share/dualbm/dualbm-alerts.yml ./usr/share/dualbm/dualbm-dashboard.json ./usr/share/dualbm/dualbm-drgn.py ./usr/share/dualbm/dualbm-textfile ./usr/share/man/man4/dualbm.4 ./usr/share/man/man8/dualbmctl.8"

# ---- in a VM ----

for kernel in $KERNELS; do
	vm "$kernel, dualbmctl" done --kernel "$kernel" -- ctl.sh
	for name in check status frame map compare scrub proof watch violations badstatus watched; do
		sed -n "s/^json $name //p" "$vm_log" >"$work/lines"
		bad=$(perl -MJSON::PP -ne 'my $j = eval { JSON::PP->new->utf8->decode($_) }; print $@ if $@;
			print "no schema" if ($j->{schema}{name} // "") ne "dualbmctl.$j->{command}" || $j->{schema}{version} != 1' "$work/lines")
		empty "$kernel, JSON of $name is valid, and says which it is" "$bad$([[ -s $work/lines ]] || echo "there is none")"
	done
	sed -n 's/^json compare //p' "$vm_log" >"$work/out"
	json "$kernel, map: 64 MiB that were written can be seen" '(eval { my $n = 0; $n += $_->{before}{free} - $_->{free} for @{$j->{nodes}}; $n }) > 15000'
	sed -n 's/^json violations //p' "$vm_log" >"$work/out"
	json "$kernel, violations: the culprit in the stack" '(grep { /faulty_double_free/ } @{$j->{violations}[1]{stack}}) && $j->{violations}[0]{class} eq "plane_corruption"'
done

done_testing
