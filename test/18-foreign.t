#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Kernels that no row has: other configurations qualify, and none on which an assumption of the
# module is broken does, each for the reason that its patch names.
# covers: R-HOOK-1 R-HOOK-2 R-HOOK-3 R-PORT-2
set -euo pipefail
. "$(dirname "$0")/lib.sh"

long_only "kernels of other configurations, and broken ones" "two hours"
exec "$TOP/scripts/check-foreign"
