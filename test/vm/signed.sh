#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# A kernel that takes signed modules only (module.sig_enforce=1), and a firmware that in
# the first life is given our certificate ("db", the variable as it is to be written)
# and in the second one hands it to the kernel (vm-run --reboot).
. ./mm-lib.sh

E=/sys/firmware/efi/efivars
DB=$E/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f

modprobe efivarfs || bail "no efivarfs"
mount -t efivarfs efivarfs $E || bail "not booted by EFI"
if [ ! -e $DB ]; then
	_err=$(modprobe dualbm policy=panic 2>&1)
	is "without the certificate: refused" \
		"$(echo "$_err" | grep -cE 'Key was rejected|Required key not available')" 1
	is "without the certificate: not loaded" "$(lsmod | grep -c '^dualbm ')" 0
	cat ./db >$DB || bail "the firmware does not take the certificate"
	sync
	reboot -f
	sleep 60
	bail "no reboot"
fi

at_least "the kernel has the certificate" "$(grep -c 'asymmetri.*dualbm modules' /proc/keys)" 1
check "with it: loads" load_dualbm policy=panic
is "it is not called unsigned" "$(dmesg | grep -c 'dualbm: module verification failed')" 0
is "the taint says that it is from elsewhere, and nothing else" "$(cat /sys/module/dualbm/taint)" O
_err=$(insmod /modules/frame.ko 2>&1)
is "one without a signature: refused" \
	"$(echo "$_err" | grep -cE 'Key was rejected|Required key not available')" 1
is "no violation" "$(stat violations)$(stat unproven)" 00
check "unloads" rmmod dualbm
finish
