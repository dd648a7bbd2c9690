#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the module hooks on this kernel, and which kernel this is, for the page about kernels
# and for a qualification.
. ./mm-lib.sh

load_dualbm policy=report ||
	bail "the module does not load and arm: $(dmesg | sed -n 's/.*\] dualbm: //p' | tail -n 1)"
# They become jumps a moment later, where they can.
wait_for 20 jumps_made
sed 's/^/# hook /' $D/hooks
echo "# kernel $(cat $D/kernel_id)"
echo "# version $(uname -v)"
echo "# module $(cat /sys/module/dualbm/version) $(cat /sys/module/dualbm/srcversion)"
expect_clean "loaded"
rmmod dualbm
finish
