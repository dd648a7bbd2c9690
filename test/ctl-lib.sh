# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # by who sources it
#
# What the tests of dualbmctl share. They say which one is tried, in $ctl, and have a directory
# of their own, in $work.

# run STATUS NAME ARGUMENTS...: standard output and error in $work/out and $work/err, and
# as words in $out and $err.
run() {
	local wanted=$1 name=$2 status=0

	shift 2
	"$ctl" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
	out=$(tr '\0' '?' <"$work/out")
	err=$(tr '\0' '?' <"$work/err")
	if [[ $status == "$wanted" ]]; then
		ok "$name: status $wanted"
	else
		not_ok "$name: status $wanted" "got $status from: dualbmctl $*
$(head -n 10 "$work/err" "$work/out")"
	fi
}
