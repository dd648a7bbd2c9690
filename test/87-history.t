#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dualbmctl journal and history: what the module says and does is in the journal once, with fields
# and identifiers that its catalog explains, also after an unload and a reboot; others can put
# nothing there; and without the service the kernel's own lines are shown.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
need_packages systemd-journal-remote
need_user_root
tools=$CACHE/history-tools
ctl=$tools/dualbmctl
remote=${JOURNAL_REMOTE:-/lib/systemd/systemd-journal-remote}
work=$(mktemp -d "$CACHE/history.XXXXXX")
trap 'without_archive $?; rm -rf "$work"' EXIT
export COLUMNS=80
unset DUALBMCTL_ROOT NO_COLOR

check "builds without a warning" make -s -C tools O="$tools" CFLAGS='-O2 -g -Werror' LIBSYSTEMD=yes
[[ -x $ctl ]] || { echo "Bail out! dualbmctl does not build"; exit 1; }

sys=sys/kernel/dualbm
boot=11111111222243338444555555555555 before=aaaaaaaabbbb4ccc8dddeeeeeeeeeeee
tree=$work/tree
unpack test/ctl/machine.tree "$tree"
mkdir -p "$tree/dev" "$tree/proc/sys/kernel/random" "$tree/etc" "$tree/var/log/journal/0123456789abcdef0123456789abcdef"
echo 11111111-2222-4333-8444-555555555555 >"$tree/proc/sys/kernel/random/boot_id"
echo 0123456789abcdef0123456789abcdef >"$tree/etc/machine-id"
echo "running=0 interval_ms=60000 pass=4 last_result=clean found=0" >"$tree/$sys/scrub"
: >"$tree/dev/kmsg"

# A stand-in for journald: it takes what dualbmctl sends, in the format that journals are carried in.
cat >"$work/journald.pl" <<'END'
use strict;
use IO::Socket::UNIX;
use IO::Select;
my ($out, $realtime, $monotonic, $boot, @command) = @ARGV;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "/run/systemd/journal/socket") or die "socket: $!";
my $pid = fork() // die;
if (!$pid) { exec @command; die "$command[0]: $!" }
open my $file, ">>", $out or die "$out: $!";
$file->autoflush(1);
my ($select, $status, $done) = (IO::Select->new($socket));
while (1) {
	if ($select->can_read(0.1)) {
		my $data;
		$socket->recv($data, 65536);
		$realtime++;
		print $file "__REALTIME_TIMESTAMP=$realtime\n__MONOTONIC_TIMESTAMP=$monotonic\n_BOOT_ID=$boot\n_UID=0\n_TRANSPORT=journal\n$data\n";
	} elsif ($done) {
		last;
	} elsif (waitpid($pid, 1) == $pid) {
		($done, $status) = (1, $?);
	}
}
exit($status >> 8);
END

# journal NAME SECONDS: "journal --once" at that time, which boot began 100 seconds before.
journal() {
	local status=0

	: >"$work/sent"
	unshare --mount --propagation private sh -ec 'mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/journal; exec "$@"' sh \
		perl "$work/journald.pl" "$work/sent" "$(($2 * 1000000))" "$((($2 - begin + 100) * 1000000))" "$boot" \
		"$ctl" --root "$tree" journal --once >"$work/out" 2>"$work/err" || status=$?
	is "$1: status 0" "$status" 0
	empty "$1: no complaint" "$(<"$work/err")"
	cat "$work/sent" >>"$work/all"
	store
}

# All so far, as journald keeps it.
store() {
	local file=$tree/var/log/journal/0123456789abcdef0123456789abcdef/system.journal

	rm -f "$file"
	"$remote" --output="$file" "$work/all" >"$work/remote" 2>&1 || { cat "$work/remote" >&2; exit 1; }
}

# sent FIELD: its values in what was sent last.
sent() {
	sed -n "s/^$1=//p" "$work/sent" | paste -sd'|'
}

# run STATUS NAME ARGUMENTS...
run() {
	local wanted=$1 name=$2 status=0

	shift 2
	"$ctl" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
	out=$(<"$work/out")
	is "$name: status $wanted" "$status" "$wanted"
}

json() {
	local got

	got=$(perl -MJSON::PP -e 'local $/; my $text = <STDIN>; my $j = JSON::PP->new->utf8->decode($text);
		print eval($ARGV[0]) ? "true" : "not true: $@ $text"' "$2" <"$work/out" 2>&1) || :
	is "$1" "$(head -c 800 <<<"$got")" true
}

# entry REALTIME MONOTONIC BOOT FIELD=VALUE...
entry() {
	printf '__REALTIME_TIMESTAMP=%s000000\n__MONOTONIC_TIMESTAMP=%s000000\n_BOOT_ID=%s\n' "$1" "$2" "$3"
	shift 3
	printf '%s\n' "$@" ''
}

begin=1764590400 # 2025-12-01T12:00:00Z, 100 seconds after this boot

# ---- what is written, once ----

: >"$work/all"
journal "loaded" "$begin"
is "loaded: what is told" "$(sent DUALBM_KIND)" "load|state|policy"
is "loaded: each has its identifier" "$(sent MESSAGE_ID)" \
	"$(for kind in load state policy; do sed -n "s/.*\"$kind\", \"\([0-9a-f]*\)\".*/\1/p" tools/events.c; done | paste -sd'|')"
is "loaded: in words" "$(sent MESSAGE)" "dualbm: loaded, version 0.1.0|dualbm: state is armed|dualbm: policy is report"
journal "again" "$((begin + 5))"
empty "again: nothing is told twice" "$(<"$work/sent")"
echo panic >"$tree/$sys/policy"
journal "the policy changed" "$((begin + 10))"
is "the policy changed: is told" "$(sent MESSAGE) $(sent DUALBM_POLICY)" "dualbm: policy is panic, was report panic"
line='double_free pfn=0x2f1d4 order=2 proof=buddy caller=f+0x1/0x2 [m] comm=x\x5c012\x1b[2J'
cat >"$tree/dev/kmsg" <<END
6,1,100,-;Linux version
0,700,95000000,-;dualbm: page frame 0x2f1d4 was freed while it was free
0,701,95000001,-;dualbm: $line
 SUBSYSTEM=none
0,702,95000002,-;dualbm:   end of record 3
8,703,95000003,-;dualbm: double_free pfn=0x666 proof=none said by somebody
4,704,96000000,-;dualbm: degraded: ftrace was switched off; learning again
6,705,97000000,-;dualbm: armed, policy=panic
END
echo "running=1 interval_ms=60000 pass=8 last_result=findings found=2" >"$tree/$sys/scrub"
journal "findings" "$((begin + 20))"
is "findings: what is told" "$(sent DUALBM_KIND)" "finding|state|state|scrub"
is "findings: its fields" "$(sent DUALBM_CLASS) $(sent DUALBM_PFN) $(sent DUALBM_PROOF) $(sent PRIORITY)" "double_free 0x2f1d4 buddy 2|4|5|4"
like "findings: a byte that does not print is escaped" "$(sent MESSAGE)" 'comm=x.012.033\[2J'
is "findings: the pass that is over" "$(sent DUALBM_PASS) $(sent DUALBM_FOUND)" "7 2"
empty "findings: only the kernel is heard" "$(grep 0x666 "$work/sent" || :)"
empty "findings: no file of the source" "$(grep CODE_ "$work/sent" || :)"
journal "again with the log" "$((begin + 25))"
empty "again with the log: nothing is told twice" "$(<"$work/sent")"
echo "0,706,98000000,-;dualbm: count_underflow pfn=0x7 order=0 proof=count" >>"$tree/dev/kmsg"
journal "one more line" "$((begin + 30))"
is "one more line: only that" "$(sent DUALBM_CLASS) $(sent DUALBM_LOG_SEQUENCE)" "count_underflow 707"
mv "$tree/$sys" "$work/gone"
journal "unloaded" "$((begin + 40))"
is "unloaded: is told" "$(sent MESSAGE)" "dualbm: unloaded"
journal "unloaded, again" "$((begin + 45))"
empty "unloaded, again: nothing" "$(<"$work/sent")"
mv "$work/gone" "$tree/$sys"
journal "loaded again" "$((begin + 50))"
is "loaded again: all of it again" "$(sent DUALBM_KIND)" "load|state|policy|scrub"

# It waits for the log, and hears at once what comes.
rm "$tree/dev/kmsg"
mkfifo "$tree/dev/kmsg"
exec 8<>"$tree/dev/kmsg"
: >"$work/sent"
unshare --mount --propagation private sh -ec 'mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/journal; exec "$@"' sh \
	perl "$work/journald.pl" "$work/sent" "$(((begin + 60) * 1000000))" 160000000 "$boot" \
	"$ctl" --root "$tree" journal >"$work/out" 2>"$work/err" 8>&- &
sleep 1
echo "0,900,159000000,-;dualbm: double_alloc pfn=0x9 order=0 proof=owner" >&8
for ((i = 0; i < 100; i++)); do
	! grep -q double_alloc "$work/sent" || break
	sleep 0.05
done
is "it follows: a line is told at once" "$(sent DUALBM_CLASS)" double_alloc
follower=$(pgrep -f "^$ctl --root $tree journal")
ticks() {
	awk '{ print $14 + $15 }' "/proc/$follower/stat"
}
before_ticks=$(ticks)
sleep 1
at_least "it follows: and costs nothing meanwhile" "$((before_ticks + 2 - $(ticks)))" 0
kill "$follower"
wait || :
exec 8>&-

# ---- what is read ----

{
	# A boot before, without the service: the kernel's own lines; and one of the lines above.
	entry 1764500000 41 "$before" _TRANSPORT=kernel SYSLOG_IDENTIFIER=kernel _SOURCE_MONOTONIC_TIMESTAMP=41000000 PRIORITY=6 \
		"MESSAGE=dualbm: armed, policy=report"
	entry 1764500060 101 "$before" _TRANSPORT=kernel _SOURCE_MONOTONIC_TIMESTAMP=101000000 PRIORITY=0 \
		"MESSAGE=dualbm: bad_page pfn=0x9 order=0 proof=kernel"
	entry 1764500061 102 "$before" _TRANSPORT=kernel "MESSAGE=usb 1-1: dualbm: bad_page pfn=0x10 of somebody else"
	entry 1764500062 103 "$before" _TRANSPORT=syslog _UID=0 "MESSAGE=dualbm: bad_page pfn=0x11 by syslog"
	entry 1764500063 104 "$before" _TRANSPORT=journal _UID=1000 MESSAGE_ID=ec1885aeb0e846618bb570d2aaff6f8b DUALBM_CLASS=bad_page \
		"MESSAGE=dualbm: bad_page pfn=0x12 by a user"
	entry "$((begin - 5))" 95 "$boot" _TRANSPORT=kernel _SOURCE_MONOTONIC_TIMESTAMP=95000001 PRIORITY=0 \
		"MESSAGE=dualbm: double_free pfn=0x2f1d4 order=2 proof=buddy caller=f+0x1/0x2 [m]"
} >>"$work/all"
store
run 0 "history" --root "$tree" history
is "history: newest last, one line each, each once" "$(cut -c 1-31 "$work/out" | sed 's/ *$//')" "2025-11-30T10:53:20Z  state
2025-11-30T10:54:20Z  finding
2025-12-01T11:59:55Z  finding
2025-12-01T11:59:56Z  state
2025-12-01T11:59:57Z  state
2025-12-01T11:59:58Z  finding
2025-12-01T12:00:00Z  load
2025-12-01T12:00:00Z  state
2025-12-01T12:00:00Z  policy
2025-12-01T12:00:10Z  policy
2025-12-01T12:00:20Z  scrub
2025-12-01T12:00:40Z  unload
2025-12-01T12:00:50Z  load
2025-12-01T12:00:50Z  state
2025-12-01T12:00:50Z  policy
2025-12-01T12:00:50Z  scrub"
empty "history: nobody else's words" "$(grep -E 'somebody|syslog|by a user' "$work/out" || :)"
empty "history: acts on no terminal" "$(LC_ALL=C grep -P '[^\t\n\x20-\x7e]' "$work/out" || :)"
run 0 "history since a time" --root "$tree" history --since "2025-12-01 12:00:30"
is "history since a time: what came then" "$(awk '{ print $2 }' "$work/out" | xargs)" "unload load state policy scrub"
run 0 "history since a day" --root "$tree" history --since 2025-12-01 --json
json "history since a day: JSON" '@{$j->{entries}} == 14 && $j->{entries}[0]{class} eq "double_free" && $j->{entries}[0]{source} eq "dualbmctl" && $j->{entries}[0]{boot} eq "'$boot'" && int($j->{entries}[0]{usec} / 1000000) == 1764590395 && $j->{entries}[7]{policy} eq "panic" && $j->{dropped} == 0'
run 0 "history of a minute" --root "$tree" history --since 1m
is "history of a minute: nothing" "$out" "the journal has nothing of dualbm"
for when in yesterday 2025-13-01 12 1y '' '-1h' 99999999999999d; do
	run 2 "history since '$when'" --root "$tree" history --since "$when"
done
run 2 "history: one argument too many" history now
run 2 "journal: one argument too many" journal now
rm -r "${tree:?}/var"
run 0 "history without a journal" --root "$tree" history
is "history without a journal: says so" "$out" "the journal has nothing of dualbm"
run 6 "journal without a log" --root "$work" journal --once

# ---- what journalctl says of it ----

mkdir -p "$work/catalog/usr/lib/systemd/catalog" "$work/catalog/var/lib/systemd/catalog"
cp tools/dualbm.catalog "$work/catalog/usr/lib/systemd/catalog/"
check "the catalog is well formed" journalctl --root="$work/catalog" --update-catalog
is "the catalog has each kind, and no other" \
	"$(journalctl --root="$work/catalog" --list-catalog | cut -d' ' -f1 | sort | xargs)" \
	"$(grep -oE '"[0-9a-f]{32}"' tools/events.c | tr -d '"' | sort | xargs)"
for id in $(grep -oE '"[0-9a-f]{32}"' tools/events.c | tr -d '"'); do
	like "the catalog says what $id is" "$(journalctl --root="$work/catalog" --dump-catalog "$id")" 'Subject: .*[a-z].*Defined-By: dualbm'
done
make -s -C tools O="$tools" "$tools/dualbm-journal.service" PREFIX=/usr
is "the unit runs it" "$(sed -n 's/^ExecStart=//p' "$tools/dualbm-journal.service")" "/usr/sbin/dualbmctl journal"
mkdir -p "$work/unit/usr/sbin" "$work/unit/etc/systemd/system"
sed "s|^ExecStart=.*|ExecStart=/bin/true|" "$tools/dualbm-journal.service" >"$work/unit/dualbm-journal.service"
empty "the unit is well formed" "$(systemd-analyze verify --man=no "$work/unit/dualbm-journal.service" 2>&1 | grep dualbm || :)"
like "the unit is hardened" "$(systemd-analyze security --offline=yes "$work/unit/dualbm-journal.service" 2>&1 | tail -n 1)" ': [01][.][0-9] OK'

check "builds without libsystemd" make -s -C tools O="$tools/without" CFLAGS='-O0 -Werror' LIBSYSTEMD=no
ctl=$tools/without/dualbmctl
run 6 "without libsystemd: history" --root "$tree" history
like "without libsystemd: says so" "$(<"$work/err")" 'built without libsystemd'
run 6 "without libsystemd: journal" --root "$tree" journal --once
check "without libsystemd: is installed without the unit" make -s -C tools install O="$tools/without" LIBSYSTEMD=no DESTDIR="$work/install" PREFIX=/usr
empty "without libsystemd: has neither unit nor catalog" "$(find "$work/install" -name '*journal*' -o -name '*.catalog')"
done_testing
