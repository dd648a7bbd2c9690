#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# A machine of 4 GiB: how long it takes until the module is armed, how much of the
# memory is not known a minute later, and what the record takes.
. ./mm-lib.sh

# What was allocated before, as a machine has it that runs for a while.
load_start 256M
sleep 5
# To decompress the module takes an emulated CPU ten seconds beside such a load.
_file=$(modinfo -n dualbm)
case $_file in
*.xz) xzcat "$_file" >/tmp/dualbm.ko ;;
*) cp "$_file" /tmp/dualbm.ko ;;
esac
_start=$(cut -d. -f1 /proc/uptime)
insmod /tmp/dualbm.ko policy=panic allow_untested=1 || bail "the module does not load"
_loaded=$(cut -d. -f1 /proc/uptime)
check "armed" wait_for 60 state_is armed
_armed=$(cut -d. -f1 /proc/uptime)
diag "loaded after $((_loaded - _start)) s, armed after $((_armed - _start)) s, untracked $(stat pages_untracked) of $(stat pages_managed)"
at_least "armed within 20 s" $((20 - (_armed - _start))) 0

sleep $((60 - ($(cut -d. -f1 /proc/uptime) - _start)))
_managed=$(stat pages_managed)
_untracked=$(stat pages_untracked)
diag "a minute later: untracked $_untracked of $_managed"
at_least "a minute later under 1 % is untracked" $((_managed - 100 * _untracked)) 1

# Four bits for each frame, and a directory that does not grow with it.
_bytes=$(stat plane_bytes)
_rest=$((_bytes - _managed / 2))
diag "plane_bytes $_bytes, of which $_rest are not bits of frames"
at_least "the record takes four bits per frame and less than 1 MiB" $((1048576 - _rest)) 1
load_stop
expect_clean "size"
check "unloads" rmmod dualbm
finish
