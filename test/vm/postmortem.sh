#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What is left of a machine that dualbm has stopped.
#
#	postmortem.sh pstore	the log in memory that outlives a reboot (vm-run --reboot,
#				and memory reserved for ramoops)
#	postmortem.sh dump	for whoever looks into a dump of its memory (vm-run --dump)
# covers: R-REPORT-4
. ./mm-lib.sh

# The line of the report and the panic string that it begins.
REPORT='dualbm: [a-z_]* pfn=0x[0-9a-f]* order=[0-9]* proof='

die() {
	load_dualbm policy=panic || bail "dualbm is not armed: $(cat $D/state)"
	flush
	insmod_test faulty fault=double_free
	bail "the machine goes on"
}

pstore() {
	_store=/sys/fs/pstore
	mount -t pstore pstore $_store || bail "no pstore"
	modprobe ramoops || bail "no ramoops"
	ls $_store/dmesg-* >/dev/null 2>&1 || die

	# The second life. One record a panic; its first line is pstore's own.
	# shellcheck disable=SC2086 # a pattern
	set -- $_store/*
	is "one record" $# 1
	cat $_store/dmesg-* >/tmp/last
	sed -n "/$REPORT/,\$p" /tmp/last >/tmp/report
	diag "$(wc -c </tmp/last) bytes, of which from the report on $(wc -c </tmp/report)"
	_line=$(head -n 1 /tmp/report)
	is "the report's class" "$(echo "$_line" | sed 's/.*dualbm: \([a-z_]*\) .*/\1/')" boundary_double_free
	is "the report's caller" "$(echo "$_line" | sed -n 's/.* caller=\([a-z_]*\)[+.].*/\1/p')" faulty_double_free
	for _part in 'record=1 planes: ' 'page: flags=' 'stack:' 'faulty_double_free.*\[faulty\]' 'end of record 1'; do
		is "the report has: $_part" "$(sed '/end of record/q' /tmp/report | grep -c "dualbm:  *$_part")" 1
	done
	is "the panic begins as the report does" \
		"$(sed -n "s/.*Kernel panic - not syncing: \($REPORT\).*/\1/p" /tmp/report)" \
		"$(echo "$_line" | grep -o "$REPORT")"
}

case $1 in
pstore) pstore ;;
dump)
	# It tells QEMU where the kernel is.
	modprobe qemu_fw_cfg || bail "no qemu_fw_cfg"
	die
	;;
*) bail "postmortem.sh: which part?" ;;
esac
finish
