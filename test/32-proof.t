#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What docs/proof.md says is proven is (scripts/check-proof), and a proof fails for each bug that it
# is to notice: with DUALBM_LONG=1, as CBMC needs a Debian 13 root, and some minutes of two CPUs.
# What needs neither is looked at always: that page and list of proofs agree.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
# names_of: of proofs in the page's tables, where "row-*" stands for all of them.
names_of() {
	sed -n '/^## What is proven/,/^## /p' docs/proof.md | sed -n 's/^| \(`[^|]*\)|.*/\1/p' | grep -oE '`[^`]+`' | tr -d '`'
}

listed=$(awk -F ' *[|] *' '!/^#/ && NF { print $1 }' test/proof/list)
empty "each proof is in docs/proof.md" "$(
	for name in $listed; do
		found=''
		for pattern in $(names_of); do
			# shellcheck disable=SC2053
			[[ $name != $pattern ]] || found=yes
		done
		[[ $found ]] || echo "$name"
	done
)"
empty "each proof of docs/proof.md is in the list" "$(
	names_of | while read -r pattern; do
		compgen -W "$listed" -X "!$pattern" >/dev/null || echo "$pattern"
	done
)"
check "the rule table of docs/design.md can be read" \
	awk -f test/proof/design.awk docs/design.md
bugs=$(cat test/proof/bugs/*.patch test/mutants/*.mutant | sed -n 's/^proof: //p')
at_least "bugs that a proof has to notice" "$(wc -l <<<"$bugs")" 10
empty "each of them names a proof" "$(sort -u <<<"$bugs" | grep -vxF "$listed" || :)"

if [[ ${DUALBM_LONG-} != 1 ]]; then
	skip "the proofs" "take five minutes and a Debian 13 root: DUALBM_LONG=1, or make check-proof"
	done_testing
fi
# Both print TAP: of each a line, and more only of what failed.
check "all of it is proven" scripts/check-proof
check "a proof fails for each bug" scripts/check-proof --bugs
done_testing
