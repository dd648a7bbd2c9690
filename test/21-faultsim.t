#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The fault study: its known answers hold, what docs/fault-study.md says of dualbm and of others
# is so in a small run, and with DUALBM_LONG=1 a run as long as the page's gives its tables.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

out=$CACHE/faultsim
mkdir -p "$out"
check "it builds" make -s -j 2 -C "$TOP/test/faultsim" O="$out"

status=0
known=$(CMOCKA_MESSAGE_OUTPUT=tap "$out/known-test" 2>&1) || status=$?
while IFS= read -r line; do
	case $line in
	'ok '*) ok "known: ${line#ok * - }" ;;
	'not ok '*) not_ok "known: ${line#not ok * - }" "$(grep '^#' <<<"$known")" ;;
	'# '*%*) printf '%s\n' "$line" ;;
	esac
done <<<"$known"
is "all known answers were asked for" "$status $(grep -c '^ok ' <<<"$known")" \
	"0 $(grep -c 'cmocka_unit_test(' "$TOP/test/faultsim/known-test.c")"

"$TOP/scripts/fault-study" --quick >"$out/quick.txt"

# Of the cells in which ECC, SCHEME and MODE are like these, those for which CONDITION does not
# hold; none at all is one too. c has what became of faults: faults, corrected, detected, silent,
# with_wrong.
unless() {
	awk -v ecc="$1" -v scheme="$2" -v mode="$3" '
	$1 == "mode" { mode_name[$2] = substr($0, length($1 " " $2 " " $3 " ") + 1) }
	$1 == "scheme" { scheme_name[$2] = substr($0, index($0, ": ") + 2) }
	$1 == "cell" && $2 ~ ecc && scheme_name[$3] ~ scheme && mode_name[$4] ~ mode {
		seen++
		faults = $5; corrected = $6; detected = $7; silent = $8; with_wrong = $9
		if (!('"$4"'))
			print "ecc " $2 ", " scheme_name[$3] ", " mode_name[$4] ": " $0
	}
	END { if (!seen) print "there is no such cell" }' "$out/quick.txt"
}

device='^one (bit|word|column|row|bank|device)|^two rows|^several banks|both ranks'
empty "dualbm on two nodes or three: nothing of memory leaves a word silently wrong" \
	"$(unless . 'dualbm, (two|three) nodes' "$device|channel|another row" 'with_wrong == 0')"
empty "dualbm: nor does what software does to single pages, or to all" \
	"$(unless . '^dualbm' 'stray|page of|copied|pages exchanged|all of' 'silent == 0 && with_wrong == 0')"
empty "dualbm on one node: nor do a bit, a word, a row or two" \
	"$(unless 0 'dualbm, one node' '^one (bit|word|row)|^two rows' 'with_wrong == 0')"
empty "but a device, a data line and a channel do" \
	"$(unless 0 'dualbm, one node' '^one device|data line|channel' 'with_wrong > 0')"
empty "dualbm corrects nothing of this by itself" "$(unless 0 '^dualbm' . 'corrected == 0')"
empty "three planes: a row, and a channel, leave words silently wrong" \
	"$(unless 0 'three planes' '^one row|channel' 'with_wrong > 0')"
empty "three planes: all of the record filled with ones is silent" \
	"$(unless . 'three planes' 'all of the record 0xff' 'silent == faults')"
empty "a pair on two nodes is as good as dualbm there" \
	"$(unless . 'pair on two nodes' "$device|channel|another row|stray|page|all of" 'with_wrong == 0')"
empty "a mirror is not, where all of the record is filled" \
	"$(unless . 'mirror' 'all of the record' 'silent == faults')"
empty "two sections exchanged are silent" \
	"$(unless . '^([^S]|SECDED in place$|SECDED over)' 'two sections' 'silent == faults')"
empty "but for check bits with the address in them" \
	"$(unless . 'with the address' 'two sections' 'detected == faults')"
empty "SECDED in place corrects a bit and a column" \
	"$(unless 0 '^SECDED in place' '^one (bit|column)' 'corrected == faults')"
empty "and leaves words of a row, a bank and a device silently wrong" \
	"$(unless 0 '^SECDED in place' '^one (row|bank|device)' 'with_wrong > 0')"
empty "and believes a page of zeroes, as the code in one word does" \
	"$(unless . '^SECDED in place$|64,57' '^a page of 0x00' 'silent == faults')"
empty "over 72 devices it corrects whatever one device does" \
	"$(unless 0 'over 72' '^one (bit|word|column|row|bank|device)|^two rows|^several' 'corrected == faults')"
empty "chipkill corrects that for all of them" "$(unless 2 . "$device" 'corrected == faults')"
empty "and of what comes whole with its check bits it corrects nothing" \
	"$(unless '[12]' . 'another row|stray|page|sections|all of' 'corrected == 0 || scheme_name[$3] ~ /over 72/')"

names=$(sed -nE 's/^(scheme [0-9]+ [^:]*: |mode [0-9]+ [0-9.]+ )//p' "$out/quick.txt")
empty "the page and its figure have each scheme and each mode" "$(
	while IFS= read -r name; do
		for file in docs/fault-study.md docs/fault-study.svg; do
			grep -qF "$name" "$TOP/$file" || echo "$file: $name"
		done
	done <<<"$names"
)"
check "the figure is well formed" xmllint --noout "$TOP/docs/fault-study.svg"

long_only "the study gives the tables of the page" "up to three minutes"
check "the study gives the tables of the page" "$TOP/scripts/fault-study" --compare
done_testing
