#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# On a whole Debian machine with systemd, from its disk, which is the same after each
# reboot. What is run is what docs/deployment.md says (the files beside this one).
#
#	machine.sh installed|early	early: in the initramfs too
#
# The first life installs; the second one has dualbm from its boot on, and dies of a
# fault; the third one has the dump that kdump left.
. ./guest-lib.sh

NUMBERS=/var/lib/prometheus/node-exporter/dualbm.prom

# value NAME: as node_exporter serves it.
value() {
	busybox wget -q -O - http://127.0.0.1:9100/metrics | sed -n "s/^$1 //p"
}

value_is() {
	[ "$(value "$1")" = "$2" ]
}

next_life() {
	echo "$1" >life
	sync
}

booted() {
	is "$1: systemd has no unit that failed" \
		"$(systemctl is-system-running --wait; systemctl list-units --failed --plain --no-legend)" running
	is "$1: the timer is active" "$(systemctl is-active dualbm-textfile.timer)" active
	is "$1: node_exporter is active" "$(systemctl is-active prometheus-node-exporter)" active
}

# A minute that the timer lets pass, and some.
served() {
	rm -f $NUMBERS
	check "$1: the timer brings numbers to node_exporter" wait_for 150 value_is dualbm_up "$2"
	is "$1: the service that reads them ended well" \
		"$(systemctl show -P Result dualbm-textfile.service)" success
}

# The rule of udev, and what it leads to.
alerted() {
	journalctl -q -t dualbm-alert -n 1 | grep -q 'plane_corruption record=.* pfn=0x10000 ' && [ -e /run/drained ]
}

alert() {
	check "an action of one's own: a fault" sh -e ./try
	check "an action of one's own: in the journal, and handed on" wait_for 30 alerted
	check "an action of one's own: back to no faults" sh -ec 'dualbmctl unload; dualbmctl load'
	dmesg -C
}

first_life() {
	booted "installed"
	is "installed: not loaded before somebody says so" "$(lsmod | grep -c '^dualbm ')" "$1"
	served "installed" "$1"
	check "the roll-out: stage report" sh ./stage report
	is "the roll-out: armed, and the policy" "$(cat $D/state $D/policy | xargs)" "armed report"
	alert
	check "the roll-out: stage panic" sh ./stage panic
	is "the roll-out: the next policy" "$(cat $D/state $D/policy | xargs)" "armed panic"
	check "a proof on this machine" dualbmctl proof
	check "a scrub of this machine" dualbmctl scrub
	served "rolled out" 1
	is "rolled out: the exporter says armed" "$(value 'dualbm_state{state="armed"}')" 1
	is "rolled out: and panic" "$(value 'dualbm_policy{policy="panic"}')" 1
	is "rolled out: and no violation" "$(value dualbm_violations_total)" 0
	expect_clean "rolled out"
	next_life second
	flush
	systemctl reboot
	sleep 600
	bail "no reboot"
}

second_life() {
	check "booted: armed" wait_for 120 state_is armed
	booted "booted"
	is "booted: the policy" "$(cat $D/policy)" panic
	_order=$(dmesg | sed -n 's/.*dualbm: loading.*/dualbm/p; s/.*EXT4-fs (vda): mounted.*/root/p; s/.*systemd\[1\]: Detected.*/systemd/p')
	if [ "$1" = early ]; then
		is "booted: dualbm, then the root file system" "$(echo "$_order" | head -n 2 | xargs)" "dualbm root"
	else
		is "booted: systemd, then dualbm" "$(echo "$_order" | tail -n 2 | xargs)" "systemd dualbm"
		is "booted: it is loaded by what it is said to be" \
			"$(systemctl show -P Result systemd-modules-load)" success
	fi
	check "booted: dualbmctl status" dualbmctl status
	expect_clean "booted"
	check "kdump is ready" wait_for 60 sh -c 'kdump-config show | grep -q "ready to kdump"'
	next_life third
	flush
	insmod_test faulty fault=double_free
	bail "the machine goes on"
}

third_life() {
	booted "after the crash"
	check "after the crash: armed" wait_for 120 state_is armed
	set -- /var/crash/2*/dump.2*
	is "after the crash: one dump" $#-"$([ -s "$1" ] && echo there)" 1-there
	diag "$(ls -l /var/crash/2*/)"
	cat /var/crash/2*/dmesg.2* >/tmp/text
	for _part in 'dualbm: boundary_double_free pfn=' 'end of record 1' 'Kernel panic - not syncing: dualbm: boundary_double_free'; do
		at_least "after the crash: its text has: $_part" "$(grep -c "$_part" /tmp/text)" 1
	done
	expect_clean "after the crash"
	check "the way back: report" dualbmctl policy report
	check "the way back: unloaded" dualbmctl unload
	served "the way back" 0
}

case $(cat life 2>/dev/null) in
'') first_life "$([ "$1" = early ] && echo 1 || echo 0)" ;;
second) second_life "$1" ;;
third) third_life ;;
esac
finish
