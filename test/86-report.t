#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dualbmctl report: what is in the file, that no address and no name of a machine or its people
# is, whatever a tree, a log or a task's name holds, and that nothing is left where it fails.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ctl-lib.sh"

cd "$TOP"
tools=$CACHE/report-tools
ctl=$tools/dualbmctl
work=$(mktemp -d "$CACHE/report.XXXXXX")
trap 'without_archive $?; chmod -R u+w "$work"; rm -rf "$work"' EXIT
export COLUMNS=80
unset DUALBMCTL_ROOT NO_COLOR SUDO_USER

check "builds without a warning" make -s -C tools O="$tools" CFLAGS='-O2 -g -Werror'
[[ -x $ctl ]] || { echo "Bail out! dualbmctl does not build"; exit 1; }

sys=sys/kernel/dualbm debug=sys/kernel/debug/dualbm module=sys/module/dualbm
id=00112233445566778899aabbccddeeff01234567 other=ffeeddccbbaa99887766554433221100deadbeef
secret=0xffff888012345678

# report STATUS NAME ARGUMENTS...: unpacked in $in.
report() {
	local wanted=$1 name=$2

	shift 2
	rm -rf "$work/file" "$work/x"
	mkdir "$work/file" "$work/x"
	run "$wanted" "$name" --root "$tree" report --output "$work/file/one.tar.zst" "$@"
	[[ ! -e $work/file/one.tar.zst ]] || tar -C "$work/x" --zstd -xf "$work/file/one.tar.zst"
	in=$work/x/dualbm-report
	is "$name: nothing else is beside it" "$(ls -A "$work/file")" "$(find "$work/file" -name one.tar.zst -printf '%P\n')"
}

# json NAME FILE EXPRESSION: valid JSON, for which the Perl expression of $j is true.
json() {
	local got

	got=$(perl -MJSON::PP -e '
		local $/;
		open my $file, "<", $ARGV[0] or die "$ARGV[0]: $!";
		my $text = <$file>;
		my $j = eval { JSON::PP->new->utf8->decode($text) };
		if ($@) { print "no JSON: $@\n$text"; exit 1 }
		print eval($ARGV[1]) ? "true" : "not true: $ARGV[1] $@\n$text";' "$2" "$3" 2>&1) || :
	is "$1" "$(head -c 800 <<<"$got")" true
}

# fresh: a captured tree to break, in $tree.
fresh() {
	tree=$work/tree
	chmod -R u+w "$tree" 2>/dev/null || :
	rm -rf "$tree"
	unpack test/ctl/machine.tree "$tree"
	mkdir -p "$tree/$module/parameters" "$tree/etc/modprobe.d"
}

# ---- a captured tree ----

fresh
cat >"$work/log" <<'END'
[    1.000000] Linux version 6.12 (somebody@builder)
[   40.000001] dualbm: armed, policy=report
Dec  1 12:00:00 web-01 kernel: [   41.400000] dualbm: page frame 0x26c00 was freed while it was free
Dec  1 12:00:00 web-01 kernel: [   41.400001] dualbm: suspect whoever called
Dec  1 12:00:00 web-01 kernel: [   41.400002] dualbm: keep this block
Dec  1 12:00:00 web-01 kernel: [   41.400003] dualbm: double_free pfn=0x26c00 order=0 proof=buddy caller=f+0x1/0x2
Dec  1 12:00:00 web-01 kernel: [   41.400003] usb 1-1: somebody else
Dec  1 12:00:00 web-01 kernel: [   41.400004] dualbm:   stack:
Dec  1 12:00:00 web-01 kernel: [   41.400005] dualbm:     0xffffffffc08100de
Dec  1 12:00:00 web-01 kernel: [   41.400006] dualbm:   end of record 1
Dec  1 12:00:01 web-01 sshd[12]: dualbm: unproven pfn=0x1 order=0 by nobody
2,901,50000000,-;dualbm: proof test failed: free list
14,902,50000001,-;dualbm: armed by somebody who is not the kernel
 SUBSYSTEM=x
[   60.000000] dualbm: bad_page pfn=0x7 order=0 proof=kernel caller=g+0x1/0x2
[   60.000001] dualbm:   stack:
END
report 0 "a captured tree" --log "$work/log"
is "the file is its owner's alone" "$(stat -c %a "$work/file/one.tar.zst")" 600
check "all files are as MANIFEST says" env -C "$in" sha256sum --quiet --strict --check MANIFEST
is "MANIFEST has all files" "$(cut -c 67- "$in/MANIFEST" | sort)" "$(cd "$in" && find . -type f ! -name MANIFEST -printf '%P\n' | sort)"
is "whoever made it is not in it" "$(tar --zstd -tvf "$work/file/one.tar.zst" --numeric-owner | awk '{ print $1, $2 }' | sort -u)" "-rw------- 0/0"
for file in report parameters counters findings; do
	json "$file.json: schema and version" "$in/$file.json" "\$j->{schema} =~ /^dualbm-report/ && \$j->{version} == 1"
done
json "report.json: what it is about" "$in/report.json" \
	'$j->{module}{loaded} && $j->{module}{version} eq "0.1.0" && $j->{module}{state} eq "armed" && $j->{kernel}{release} eq "6.12.117+deb12-amd64" && !$j->{kernel}{qualified} && @{$j->{placement}} == 2 && $j->{captured_tree}'
json "report.json: a proof that failed has its name" "$in/report.json" '"@{$j->{proof}{failed}}" eq "free list" && $j->{proof}{passes} == 0'
json "counters.json: all of stats, once" "$in/counters.json" \
	"@{\$j->{samples}} == 1 && keys(%{\$j->{samples}[0]{stats}}) == $(wc -l <"$tree/$sys/stats") && @{\$j->{samples}[0]{hooks}} == $(wc -l <"$tree/$sys/hooks") && \$j->{samples}[0]{stats}{pages_managed} == 393216"
json "findings.json: the records" "$in/findings.json" '@{$j->{violations}} == 2 && $j->{violations}[1]{class} eq "boundary_double_free" && @{$j->{violations}[1]{stack}} == 14'
json "findings.json: a block of the log, with its words and nobody else's" "$in/findings.json" \
	'@{$j->{log_blocks}} == 2 && $j->{log_blocks}[0]{record} == 1 && $j->{log_blocks}[0]{class} eq "double_free" && @{$j->{log_blocks}[0]{lines}} == 7 && $j->{log_blocks}[0]{time_us} == 41400003 && $j->{log_blocks}[0]{whole}'
json "findings.json: a block without an end says so" "$in/findings.json" '!$j->{log_blocks}[1]{whole} && !defined $j->{log_blocks}[1]{record} && @{$j->{log_blocks}[1]{lines}} == 3'
is "log.txt: the module's lines alone" "$(wc -l <"$in/log.txt") $(grep -vc 'dualbm: ' "$in/log.txt")" "11 0"
empty "log.txt: no line that the kernel did not say" "$(grep -E 'nobody|somebody' "$in/log.txt" || :)"
check "files of the module are as they were" cmp "$in/$sys/stats" "$tree/$sys/stats"
empty "no planes without --with-addresses" "$(ls "$in/$debug/planes" 2>/dev/null || :)"
report 0 "with addresses" --log "$work/log" --with-addresses
like "with addresses: the address is there" "$(<"$in/log.txt")" 0xffffffffc08100de
check "with addresses: the planes are there" cmp "$in/$debug/planes" "$tree/$debug/planes"
run 0 "its answer in JSON" --root "$tree" --json report --output "$work/file/two.tar.zst"
json "its answer in JSON" "$work/out" "\$j->{bytes} == $(stat -c %s "$work/file/two.tar.zst") && \$j->{files} == $(tar --zstd -tf "$work/file/two.tar.zst" | wc -l) && \$j->{loaded}"

# ---- counters twice ----

(sleep 0.8; sed -i 's/^alloc_events .*/alloc_events 50246/; s/^violations .*/violations 3/' "$tree/$sys/stats") &
report 0 "two looks" --seconds 2
wait
json "two looks: and what grew between" "$in/counters.json" \
	'@{$j->{samples}} == 2 && $j->{growth}{alloc_events} == 10 && $j->{growth}{violations} == 1 && $j->{growth}{free_events} == 0 && $j->{growth}{milliseconds} >= 2000 && $j->{growth}{milliseconds} < 60000'

# ---- parameters ----

fresh
parameter() {
	echo "$2" >"$tree/$module/parameters/$1"
	chmod "$3" "$tree/$module/parameters/$1"
}
parameter policy panic 644
parameter on_degraded report 644
parameter boundary 0 444
parameter scrub_interval_ms 1000 644
parameter inject 1 444
parameter qualified "$id,$other" 444
parameter history off 444
parameter repair 1 644
printf 'options dualbm policy=report scrub-interval-ms=1000\noptions dualbm qualified=%s\noptions dualbm repair=0 wrong=1\n' "$id" >"$tree/etc/modprobe.d/a.conf"
printf 'options dualbm qualified=%s\noptions other secret=hunter2\n' "$other" >"$tree/etc/modprobe.d/b.conf"
echo "root=UUID=hunter2 dualbm.policy=panic luks.key=hunter2" >"$tree/proc/cmdline"
report 0 "parameters"
origin() {
	json "parameters: $1 is $2" "$in/parameters.json" "(grep { \$_->{name} eq '$1' && \$_->{origin} eq '$2' } @{\$j->{parameters}}) == 1"
}
origin policy command-line
origin on_degraded default
origin boundary load
origin scrub_interval_ms modprobe.d
origin inject load
origin repair load-or-changed
origin qualified configured
origin history default-or-changed
origin history_mib not-running
json "parameters: the files that have it" "$in/parameters.json" \
	'my ($q) = grep { $_->{name} eq "qualified" } @{$j->{parameters}}; join(" ", map { $_->{file} } @{$q->{configured}}) eq "/etc/modprobe.d/a.conf /etc/modprobe.d/b.conf"'
json "parameters: a word that is none" "$in/parameters.json" '"@{$j->{unknown}}" eq "wrong"'
empty "parameters: nothing else of the command line and of modprobe.d" "$(grep -rl hunter2 "$in" || :)"
is "parameters: a build-id is no address" "$(<"$in/$module/parameters/qualified")" "$id,$other"
echo "$id,0123456789abcdef0123456789abcdef00000000" >"$tree/$module/parameters/qualified" 2>/dev/null ||
	{ chmod 644 "$tree/$module/parameters/qualified"; echo "$id,0123456789abcdef0123456789abcdef00000000" >"$tree/$module/parameters/qualified"; }
report 0 "one that nobody configured"
origin qualified load
is "the defaults are those that operation.md has" \
	"$(sed -n '/^const struct parameter module_parameters/,/^};/p' tools/qualified.c | grep -oE '\{ "[^}]*"' | tr -d '{ "' | tr , = | sort | xargs)" \
	"$(sed -n '/^| parameter /,/^$/p' docs/operation.md | tr -d '` ' | awk -F '|' 'NR > 2 && NF { print $2 "=" $4 }' | sort | xargs)"

# ---- what must not leave the machine ----

# hostile NAME: nothing in $in that acts on a terminal, no address, and no name.
hostile() {
	empty "$1: no byte but text" "$(LC_ALL=C grep -rlP '[^\t\n\x20-\x7e]' "$in" || :)"
	empty "$1: no address" "$(grep -rnE '0xf{2}[0-9a-f]{14}|[0-9a-fA-F]*[a-fA-F][0-9a-fA-F]{15,}' "$in" --exclude=MANIFEST | grep -vE "$id|flags=0x" || :)"
	empty "$1: no name" "$(grep -rnwiE 'alice|jo\.doe|web-01|web-01\.example\.org' "$in" || :)"
	for file in report parameters counters findings; do
		json "$1: $file.json" "$in/$file.json" '$j->{version} == 1'
	done
	check "$1: MANIFEST" env -C "$in" sha256sum --quiet --strict --check MANIFEST
}

fresh
echo web-01.example.org >"$tree/proc/sys/kernel/hostname"
printf 'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/srv/alice:/bin/sh\njo.doe:x:1001:1001::/:/\nsvc:x:999:999::/:/\n' >"$tree/etc/passwd"
escape=$'\e[2J\e]0;owned\a\xff\xc3(\x80'
like "a record to change is there" "$(<"$tree/$debug/violations")" 'comm=insmod'
sed -i "s/comm=insmod/comm=alice\\\\040x$escape/; s#caller=faulty_double_free#caller=$secret/alice/web-01#" "$tree/$debug/violations"
sed -i "s/repaired=0\$/repaired=0 file=\\/home\\/ALICE\\/jo.doe-web-01 mapper_comm=\\\\040alice value=7 what=svc/" "$tree/$debug/violations"
echo "report$escape $secret" >"$tree/$sys/policy"
printf 'was degraded by web-01.example.org \n%s FFFF888012345678 page:ffffea0000000000 x%s_1 time_ns=1234567890123456 flags=0x17ffffc0000000ff\n' "$secret" "$secret" >"$tree/$sys/state_reason"
printf 'y%.0s' {1..20000} >"$tree/$sys/long"
ln -s /dev/zero "$tree/$sys/zero"
mkfifo "$tree/$sys/pipe"
mkdir "$tree/$sys/directory"
echo x >"$tree/$sys/two
lines$escape"
truncate -s 2G "$tree/$sys/huge"
echo "host web-01" >"$work/outside"
ln -s "$work/outside" "$tree/$sys/link"
{
	printf '[ 1.000000] dualbm: %s %s for alice on WEB-01 %s\n' "$escape" "$secret" "$secret"
	printf '[ 2.000000] dualbm: double_free pfn=0x1 order=0 comm=\\012alice\\040\n'
	printf '2,9,3000000,-;dualbm: double_free pfn=0x2 comm=\\x5c012alice\\x1b[2J %s\n' "$secret"
	printf '[ 4.000000] dualbm: '
	head -c 3000000 /dev/zero | tr '\0' y
	printf '\n[ 5.000000] dualbm: a NUL \0 in it, and no end of the line'
} >"$work/log"
SECONDS=0
report 0 "hostile" --log "$work/log"
at_least "hostile: is quick" "$((30 - SECONDS))" 0
at_least "hostile: is small" "$((1000000 - $(stat -c %s "$work/file/one.tar.zst")))" 0
hostile "hostile"
like "hostile: who did it is still there" "$(<"$in/$debug/violations")" 'comm=\[masked-user\].040x.033\[2J'
like "hostile: other words of a path are" "$(<"$in/$debug/violations")" 'file=/home/\[masked-user\]/\[masked-user\]-\[masked-host\] .*value=7 what=svc'
like "hostile: times and flags are no addresses" "$(<"$in/$sys/state_reason")" 'time_ns=1234567890123456 flags=0x17ffffc0000000ff'
like "hostile: a line that is too long is cut" "$(<"$in/$sys/long")" 'y{8192} \[cut\]$'
like "hostile: a byte of the log, as the module writes it" "$(<"$in/log.txt")" '\[    3.000000\] dualbm: double_free pfn=0x2 comm=.012\[masked-user\].033\[2J 0x\[masked-address\]'
for what in zero pipe directory link; do
	empty "hostile: $what is not read" "$(ls -d "$in/$sys/$what" 2>/dev/null || :)"
	json "hostile: $what: that is said" "$in/report.json" "grep { \$_->{what} eq '/$sys/$what' } @{\$j->{not_read}}"
done
json "hostile: a name of two lines is not taken, and that is said" "$in/report.json" 'grep { $_->{what} =~ /two.012lines.033/ && $_->{why} =~ /none of the module/ } @{$j->{not_read}}'
json "hostile: what was cut off is said" "$in/report.json" 'grep { $_->{what} =~ /huge/ && $_->{why} =~ /first 1 MiB/ } @{$j->{not_read}}'
json "hostile: what was masked is counted" "$in/report.json" '$j->{masked}{addresses} > 5 && $j->{masked}{names} > 5 && $j->{masked}{bytes_escaped} > 5 && $j->{masked}{lines_cut} >= 2'
empty "hostile: what it says acts on no terminal" "$(LC_ALL=C grep -P '[^\t\n\x20-\x7e]' "$work/out" "$work/err" || :)"
# Of a log that is too large the end.
{
	echo '[ 1.000000] dualbm: the first'
	yes '[ 2.000000] somebody else has much to say, and says it again and again' | head -c 70000000 || :
	echo
	yes '[ 3.000000] dualbm: again' | head -n 70000 || :
	echo '[ 9.000000] dualbm: the last'
} >"$work/log"
report 0 "a large log" --log "$work/log"
is "a large log: its end is in it" "$(tail -n 1 "$in/log.txt")" "[    9.000000] dualbm: the last"
is "a large log: and not all" "$(wc -l <"$in/log.txt")" 65536
json "a large log: that is said" "$in/report.json" 'grep { $_->{what} eq "the kernel\x27s log" && $_->{why} =~ /oldest/ } @{$j->{not_read}}'
rm "$work/log"

# ---- not loaded, and not root ----

fresh
rm -r "${tree:?}/$sys" "${tree:?}/sys/module/dualbm"
echo "options dualbm policy=panic" >"$tree/etc/modprobe.d/a.conf"
report 0 "not loaded"
like "not loaded: says so" "$out" 'dualbm is not loaded'
json "not loaded: says so" "$in/report.json" '!$j->{module}{loaded} && grep { $_->{why} =~ /not loaded/ } @{$j->{not_read}}'
json "not loaded: no counters" "$in/counters.json" '!@{$j->{samples}} && !exists $j->{growth}'
json "not loaded: what is configured" "$in/parameters.json" 'grep { $_->{name} eq "policy" && $_->{configured}[0]{value} eq "panic" && $_->{origin} eq "not-running" } @{$j->{parameters}}'
if ((EUID == 0)); then
	fresh
	chmod 600 "$tree/$sys/placement" "$tree/$sys/last_violation"
	chmod 700 "$tree/sys/kernel/debug"
	chmod 755 "$work"
	cp "$ctl" "$work/dualbmctl"
	mkdir -m 777 "$work/theirs"
	status=0
	setpriv --reuid 65534 --regid 65534 --clear-groups "$work/dualbmctl" --root "$tree" report --output "$work/theirs/one.tar.zst" >"$work/out" 2>"$work/err" || status=$?
	is "a user: status 0" "$status" 0
	rm -rf "$work/x"
	mkdir "$work/x"
	tar -C "$work/x" --zstd -xf "$work/theirs/one.tar.zst"
	in=$work/x/dualbm-report
	for what in "$sys/placement" "$sys/last_violation" "$debug/violations" "$debug/map"; do
		json "a user: $what was not read, and that is said" "$in/report.json" "!\$j->{root} && grep { \$_->{what} eq '/$what' && \$_->{why} eq 'Permission denied' } @{\$j->{not_read}}"
	done
	json "a user: what everybody may read is there" "$in/counters.json" '$j->{samples}[0]{stats}{violations} == 2'
	like "a user: root would have read more" "$(<"$work/out")" 'root would have read more'
fi
# This machine: nobody but the kernel says what the module says.
if [[ -w /dev/kmsg ]]; then
	mark=$$-$RANDOM
	echo "<4>dualbm: $mark by somebody else" >/dev/kmsg
	run 0 "this machine" report --output "$work/file/here.tar.zst" --seconds 0
	here=$(tar -C "$work" --zstd -xOf "$work/file/here.tar.zst" dualbm-report/log.txt)
	empty "this machine: its log has the kernel's lines alone" "$(grep -F "$mark" <<<"$here" || :)"
else
	skip "this machine: its log has the kernel's lines alone" "there is no log to write into"
fi

# ---- where it cannot be written ----

fresh
# fails STATUS NAME PATTERN OUTPUT: and leaves nothing behind.
fails() {
	local before

	before=$(ls -lA "$work/file")
	run "$1" "$2" --root "$tree" report --output "$4"
	like "$2: says so" "$err" "$3"
	is "$2: nothing is left behind" "$(ls -lA "$work/file")" "$before"
}
rm -rf "$work/file"
mkdir "$work/file"
echo mine >"$work/file/there.tar.zst"
fails 8 "a file that is there" 'File exists' "$work/file/there.tar.zst"
is "a file that is there: is as it was" "$(<"$work/file/there.tar.zst")" mine
ln -s "$work/file/there.tar.zst" "$work/file/link.tar.zst"
fails 8 "a link of somebody" 'File exists' "$work/file/link.tar.zst"
ln -s "$work/file/nowhere" "$work/file/dangling.tar.zst"
fails 8 "a link to what is not there" 'File exists' "$work/file/dangling.tar.zst"
fails 8 "no such directory" 'No such file' "$work/nowhere/one.tar.zst"
fails 2 "another kind of archive" 'ends with .tar.zst' "$work/file/one.tar"
fails 2 "no name" 'ends with .tar.zst' "$work/file/.tar.zst"
run 2 "no --output" --root "$tree" report
run 2 "too long" --root "$tree" report --output "$work/file/one.tar.zst" --seconds 3601
run 2 "no number" --root "$tree" report --output "$work/file/one.tar.zst" --seconds soon
run 6 "no such log" --root "$tree" report --output "$work/file/one.tar.zst" --log "$work/nowhere"
empty "no such log: nothing is left behind" "$(find "$work/file" -name '*dualbm-report*' -o -name 'one*')"
before=$(ls -lA "$work/file")
status=0
(ulimit -f 1; "$ctl" --root "$tree" report --output "$work/file/one.tar.zst" 2>"$work/err") || status=$?
is "no room for it: status 8" "$status" 8
is "no room for it: nothing is left behind" "$(ls -lA "$work/file")" "$before"
for signal in INT TERM HUP; do
	# bash lets what it starts in the background ignore SIGINT.
	env --default-signal=INT "$ctl" --root "$tree" report --output "$work/file/one.tar.zst" --seconds 60 >"$work/out" 2>&1 &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		[[ $(ls -A "$work/file") != *.dualbm-report.* ]] || break
		sleep 0.05
	done
	is "SIG$signal: it has begun" "$(find "$work/file" -name '.dualbm-report.*' | wc -l)" 1
	sleep 0.2
	kill -"$signal" "$pid"
	status=0
	wait "$pid" || status=$?
	is "SIG$signal: ends by it" "$status" "$((128 + $(kill -l "$signal")))"
	is "SIG$signal: nothing is left behind" "$(ls -lA "$work/file")" "$before"
done
# Whoever takes the name meanwhile keeps it.
"$ctl" --root "$tree" report --output "$work/file/one.tar.zst" --seconds 1 >"$work/out" 2>"$work/err" &
pid=$!
sleep 0.4
echo theirs >"$work/file/one.tar.zst"
status=0
wait "$pid" || status=$?
is "a file that came meanwhile: status 8" "$status" 8
is "a file that came meanwhile: is kept" "$(<"$work/file/one.tar.zst")" theirs
empty "a file that came meanwhile: nothing is left behind" "$(find "$work/file" -name '.?*')"

check "builds without libarchive" make -s -C tools O="$tools/without" CFLAGS='-O0 -Werror' LIBARCHIVE=no
status=0
"$tools/without/dualbmctl" --root "$tree" report --output "$work/file/two.tar.zst" 2>"$work/err" || status=$?
is "without libarchive: status 6" "$status" 6
like "without libarchive: says so" "$(<"$work/err")" 'built without libarchive'
done_testing
