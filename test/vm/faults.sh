# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Faults made on purpose by faulty.ko.

. ./mm-lib.sh

finish
