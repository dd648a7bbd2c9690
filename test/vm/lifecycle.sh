#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Loading, unloading, and whatever a person can write to the module.
. ./mm-lib.sh

finish
