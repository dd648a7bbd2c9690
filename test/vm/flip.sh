# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Bits of the planes flipped from outside the VM.

. ./mm-lib.sh

finish
