#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# A process that has a device open, and writes to it what it is told, line by line.
#
#	holder.sh DEVICE
exec 3<>"$1"
while read -r order; do
	if echo "$order" >&3; then echo ok; else echo failed; fi
done
