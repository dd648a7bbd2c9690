#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Modules that do not fit the kernel: other.ko is built for another one, the
# others look for a function that is not there. Each is refused in one line that
# names what is wrong, and nothing stays behind.
#
#	badinput.sh FILE:FUNCTION:OTHER...	FILE.ko hooks OTHER instead of FUNCTION
# covers: R-HOOK-2 R-LOAD-4
. ./mm-lib.sh

tracing=/sys/kernel/tracing

nothing_left() {
	_left=$(
		for _path in $D $DBG /sys/module/dualbm $tracing/events/dualbm; do
			[ ! -e "$_path" ] || echo "$_path is there"
		done
		grep -H -E 'dualbm|__free_pages|__alloc_pages|alloc_pages_bulk|isolate' \
			/proc/modules /proc/vmallocinfo $tracing/enabled_functions /sys/kernel/debug/kprobes/list \
			/sys/devices/system/cpu/hotplug/states 2>/dev/null
	)
	if [ -z "$_left" ]; then ok "$1: nothing is left behind"; else not_ok "$1: nothing is left behind" "$_left"; fi
}

# refuse NAME ERROR LINE COMMAND...: LINE is a regular expression.
refuse() {
	_what=$1
	_error=$2
	_line=$3
	shift 3
	dmesg -c >/dev/null
	if _err=$("$@" 2>&1); then
		not_ok "$_what: is refused" "$(cat $D/state $D/hooks)"
		rmmod dualbm
		return
	fi
	case $_err in
	*"$_error"*) ok "$_what: is refused: $_error" ;;
	*) not_ok "$_what: is refused: $_error" "$_err" ;;
	esac
	_said=$(dmesg | grep dualbm | grep -v 'loading out-of-tree\|verification failed')
	if [ "$(echo "$_said" | wc -l)" = 1 ] && echo "$_said" | grep -qE "$_line"; then
		ok "$_what: says why in one line: ${_said#*dualbm: }"
	else
		not_ok "$_what: says why in one line" "$_said"
	fi
	nothing_left "$_what"
}

# The kernel's own words; which of them comes first depends on how the two differ.
other='version magic|disagrees about version of symbol|this_module section size'

nothing_left "before"
refuse "another kernel's module, insmod" "Invalid module format" "$other" insmod other.ko
_path=/lib/modules/$(uname -r)/updates/dkms
rm -f "$_path"/dualbm.ko*
cp other.ko "$_path"/dualbm.ko
depmod
refuse "another kernel's module, modprobe" "Exec format error" "$other" modprobe dualbm
# Even without its version the kernel compares what the symbols are like.
case $(modinfo -F vermagic other.ko) in
9*) ;;
*) refuse "another kernel's module, forced" "Exec format error" "$other" modprobe --force-vermagic dualbm ;;
esac

for _name; do
	_file=${_name%%:*}
	_to=${_name##*:}
	case $_file in
	free)
		# One check less, and nothing else.
		dmesg -c >/dev/null
		check "$_to: optional, it loads" insmod free.ko policy=panic allow_untested=1
		check "$_to: is armed" wait_for 60 state_is armed
		is "$_to: is not in the list of hooks" "$(awk '$1 ~ /^__free_/' $D/hooks)" ""
		insmod_test paths op=pool ctx=task seconds=1
		expect_clean "$_to"
		rmmod dualbm
		nothing_left "$_to"
		;;
	pages) refuse "$_to" "Unknown symbol" "cannot find __alloc_frozen_pages_noprof, or what older kernels call it, which learning needs" insmod pages.ko ;;
	*) refuse "$_to" "Unknown symbol" " $_to " insmod "$_file.ko" ;;
	esac
done
finish
