#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the other tests need: the Debian root, dualbm by DKMS, test modules, VM images.
# scripts/check puts it before them, and beside those that need nothing of it; with --fast
# (DUALBM_FAST) it is the root alone.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

unset DUALBM_NO_BUILD
status=0
"$TOP/scripts/root" || status=$?
echo "$status" >"$CACHE/root.status"
if ((status)); then
	echo "Bail out! there is no Debian root"
	exit 1
fi
ok "a Debian root with both kernels and their headers"

[[ ! ${DUALBM_FAST-} ]] || KERNELS=''
# What cannot be built is the tests' to report, not a reason to have no tests.
for kernel in $KERNELS; do
	check "$kernel: dualbm by DKMS, test modules and VM images" "$TOP/scripts/vm-image" "$kernel"
done
done_testing
