#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the module hooks on this kernel, for the page about kernels.
. ./mm-lib.sh

load_dualbm policy=report || bail "the module does not load and arm: $(dmesg | tail -n 5)"
# They become jumps a moment later, where they can.
wait_for 20 jumps_made
sed 's/^/# hook /' $D/hooks
expect_clean "loaded"
rmmod dualbm
finish
