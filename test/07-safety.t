#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# docs/safety.md: each requirement has its rule, its code, its tests and its mutants, and nothing
# belongs to none; on damaged copies each way to lose one is noticed. Each line and each branch of
# the planes' logic is passed by its unit tests.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
need_packages gcc libc6-dev libcmocka-dev make
work=$(mktemp -d "$CACHE/safety.XXXXXX")
trap 'rm -rf "$work"' EXIT

empty "what docs/safety.md says belongs together" "$(scripts/traces || :)"

mkdir -p "$work/intact/test"
cp -a dualbm*.[ch] Kbuild docs scripts "$work/intact/"
cp -a test/*.t test/{vm,unit,model,mutants} "$work/intact/test/"

# notices NAME COMPLAINT SED-EXPRESSION FILE...: in a copy where these files are damaged so, it is
# the one thing that is complained of, but for the table, which is another one then.
notices() {
	local name=$1 wanted=$2 expression=$3 said

	shift 3
	rm -rf "$work/damaged"
	cp -a "$work/intact" "$work/damaged"
	(cd "$work/damaged" && sed -i -E "$expression" "$@")
	if cmp -s <(cd "$work/damaged" && cat "$@") <(cd "$work/intact" && cat "$@"); then
		not_ok "$name is noticed" "nothing was damaged"
		return
	fi
	said=$("$work/damaged/scripts/traces" | grep -v '^docs/safety[.]md: the table ' || :)
	is "$name is noticed" "$said" "$wanted"
}

notices "a requirement without a test" "R-RULE-13: no test
test/mutants/token-order.mutant: covers R-RULE-13, and its test test/unit/ does not
test/mutants/token-wait.mutant: covers R-RULE-13, and its test test/unit/ does not" \
	'/covers: R-RULE-13$/d' test/unit/threads-test.c
notices "a requirement that nobody covers" "R-USER-9: no mutant, and no reason why
R-USER-9: no test" '/^[|] R-USER-3 [|] Nothing/{p;s/R-USER-3/R-USER-9/}' docs/safety.md
notices "a requirement without a mutant" "R-RULE-1: no mutant, and no reason why
test/mutants/rule-double-alloc.mutant: covers no requirement" '/^# covers: /d' test/mutants/rule-double-alloc.mutant
notices "a reason that is none any more" "R-RULE-1: has a mutant, and a reason why it has none" \
	's/^[|] R-COST-1 [|] It is/| R-RULE-1 | It is so. |\n&/' docs/safety.md
notices "a reason for no requirement" "R-NONE-1: no requirement; has a reason for no mutant" \
	's/^[|] R-COST-1 [|] It is/| R-NONE-1 | It is so. |\n&/' docs/safety.md
notices "a test of no requirement" "R-NONE-1: no requirement; named in test/vm/counts.sh" \
	's/^(# covers: .*)/\1 R-NONE-1/' test/vm/counts.sh
notices "a mutant of no requirement" "R-NONE-1: no requirement; named in test/mutants/parity.mutant
test/mutants/parity.mutant: covers R-NONE-1, and its test test/unit/ does not" \
	's/^(# covers: .*)/\1 R-NONE-1/' test/mutants/parity.mutant
notices "a mutant whose test is of another requirement" \
	"R-COUNT-4: has a mutant, and a reason why it has none
test/mutants/parity.mutant: covers R-COUNT-4, and its test test/unit/ does not" 's/^(# covers: .*)/\1 R-COUNT-4/' test/mutants/parity.mutant
notices "a requirement that is there twice" "R-USER-3: is there twice" '/^[|] R-USER-3 [|] Nothing/p' docs/safety.md
notices "a function that is not there" \
	"R-RULE-11: there is no dualbm_bitmap.c dualbm_planes_moved()" \
	's/dualbm_planes_moved\(/dualbm_planes_went(/' dualbm_bitmap.c
notices "a table that is not there" \
	"$(printf 'R-RULE-%d: there is no dualbm_bitmap.c rules[]\n' 10 1 2 3 4 5 6 7 8 9)" \
	's/\brules\[DUALBM_NR/rows[DUALBM_NR/' dualbm_bitmap.c
notices "a file that is not there" \
	"$(printf 'R-FIND-2: there is no %s\n' dualbm_freers.c{,\ dualbm_freer_find\(\),\ dualbm_freer_note\(\),\ on_free\(\)})" \
	's/`dualbm_freer[.]c`/`dualbm_freers.c`/' docs/safety.md
notices "a section that is not there" "R-COST-1: there is no design.md#cost" 's/^## Cost$/## Price/' docs/design.md
notices "a requirement without a rule" "R-COST-1: no rule in docs/design.md or docs/interface.md" \
	's/^([|] R-COST-1 [|].*[|]) \[Cost\][^|]*[|]/\1 none |/' docs/safety.md
notices "a requirement without code" "R-COST-1: no code" 's/^([|] R-COST-1 [|].*[|]) `[^|]*[|]$/\1 none |/' docs/safety.md
cp -a "$work/intact/." "$work/damaged/"
sed -i '/^| R-COST-1 | `80/d' "$work/damaged/docs/safety.md"
like "a table that is old is noticed" "$("$work/damaged/scripts/traces" || :)" 'the table is not what tests and mutants say'
"$work/damaged/scripts/traces" --write
check "and written anew" cmp "$work/damaged/docs/safety.md" docs/safety.md

# gcc counts branches in its own way: what the page has is of one version.
covered=$(make -s -C test/unit O="$work/unit" coverage)
is "two files are measured" "$(cut -d'`' -f2 <<<"$covered" | xargs)" "dualbm_bitmap.c dualbm_bitmap.h"
empty "each line and each branch of them is passed" "$(grep -vE '^[|] `[a-z_.]*` [|] ([0-9]+) of \1 [|] ([0-9]+) of \2 [|]$' <<<"$covered" || :)"
if [[ $(gcc -dumpversion) == 12 ]]; then
	is "the page has these figures" "$(sed -n '/^<!-- coverage: /,/^<!-- end of the coverage/p' docs/safety.md | grep '^| `')" "$covered"
else
	skip "the page has these figures" "gcc $(gcc -dumpversion) counts in its own way"
fi
# What nobody calls is seen.
cp -a "$work/intact" "$work/blind"
sed -i '/cmocka_unit_test(liars_are_what_the_witness_leaves),/d' "$work/blind/test/unit/rules-test.c"
sed -i 's/^CFLAGS	:= /&-Wno-unused-function /' "$work/blind/test/unit/Makefile"
like "a function that no test calls shows" "$(make -s -C "$work/blind/test/unit" O="$work/unit" COVERED=rules coverage | head -n 1)" \
	'^[|] `dualbm_bitmap.c` [|] 2[0-2][0-9] of 239 [|]'
done_testing
