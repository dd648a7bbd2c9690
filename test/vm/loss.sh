#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What happens when events are lost.
. ./mm-lib.sh

finish
