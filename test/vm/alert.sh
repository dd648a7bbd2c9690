#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# A machine that a faulty module has hurt, and what the collector writes there: lines
# "prom ..." for the host to give to a real Prometheus.
. ./mm-lib.sh

load_dualbm policy=report || bail "dualbm is not armed: $(cat $D/state)"
insmod_test faulty fault=handed_out_twice || bail "no faulty module"
is "the fault is found" "$(last class)" double_alloc
# The age of the last pass is told by the one before.
echo now >$D/scrub
check "the collector runs" sh ./dualbm-textfile /tmp/dualbm.prom
sed 's/^/prom /' /tmp/dualbm.prom
finish
