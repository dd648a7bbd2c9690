#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The planes in userspace: the rule table, millions of random transitions
# against one byte per frame, and real threads. Each program is built with
# sanitizers and prints TAP; here their tests are numbered as one.
#
# UNIT_TESTS="rules-15 threads-15": only these programs.

set -u
cd "$(dirname "$0")/unit" || exit 1
programs=$(make -s list) || exit 1

if ! built=$(make -j 2 all 2>&1); then
	echo "$built" | grep -v "^ " | head -n 20 | sed 's/^/# /' >&2
	echo "Bail out! the unit tests do not build"
	exit 1
fi

results=$(mktemp) || exit 1
trap 'rm -f "$results"' EXIT
for program in $programs; do
	status=0
	CMOCKA_MESSAGE_OUTPUT=tap "${O:-../../build/unit}/$program" >"$results" 2>&1 ||
		status=$?
	# A sanitizer ends a program in the middle: its plan is not kept then.
	sed "s/^\(not ok\|ok\) [0-9]* - /\1 - $program: /" "$results" |
		awk -v program="$program" -v status="$status" '
			/^1\.\.[0-9]+$/ { sub(/^1\.\./, ""); planned = $0; next }
			/^(not )?ok - / { ran++; if (/^not/) failed++; print; next }
			{ print (/^#/ ? "" : "# ") $0 }
			END {
				if (ran != planned || !ran || (status != 0 && !failed))
					print "not ok - " program ": exit " status \
						", " ran + 0 " of " planned + 0 " tests"
			}'
done | awk '
	/^(not )?ok / { number++; if (/^not/) failed = 1; sub(/ok /, "ok " number " ") }
	{ print }
	END { print "1.." number + 0; exit failed }'
