#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What the module hooks on this kernel, for the page about kernels.
. ./guest-lib.sh

load_dualbm policy=report || bail "the module does not load and arm: $(dmesg | tail -n 5)"
sed 's/^/# hook /' $D/hooks
expect_clean "loaded"
rmmod dualbm
finish
