#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The examples of docs/interface.md for trace-cmd and bpftrace, in a VM that has the
# Debian root of its kernel for them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
work=$(mktemp -d "$CACHE/tracing.XXXXXX")
trap 'status=$?; rm -rf "$work"; without_archive "$status"' EXIT
sed -n '/^## Trace events/,/^## /s/^    //p' docs/interface.md >"$work/examples"
is "both have an example" "$(cut -d' ' -f1 "$work/examples" | xargs)" "trace-cmd bpftrace"
for kernel in $KERNELS; do
	[[ $(arch_of "$kernel") == amd64 ]] || continue
	use_kernel "$kernel"
	root_packages trace-cmd bpftrace
	vm "tracing-$kernel" 'done' --kernel "$kernel" --file "$work/examples" \
		--debian -- tracing.sh
done
done_testing
