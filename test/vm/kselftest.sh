#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The kernel's own tests, built from its source and installed in the Debian that is the
# 9p share "root", each unit in a run of its own: a file of ftrace's, a category of mm's.
#
#   kselftest.sh with|without DIRECTORY ftrace|mm [TIMES UNIT...]
#
# "with" dualbm armed for panic, and after the last test it has found nothing. For each test
# a line "| UNIT TEST RESULT", with tabs; what it said is in the runner's log, behind "> ".
. ./mm-lib.sh

with=$1 there=$2 collection=$3
shift 3
times=1
[ $# = 0 ] || {
	times=$1
	shift
}

# One unit may hang, and the others are still worth to be run. Some of mm's take minutes
# under emulation.
PATIENCE=$((900 * ${dualbm_slow:-1}))

in_debian() {
	timeout $PATIENCE chroot /mnt /bin/sh -c "cd /tmp/$collection && $1" </dev/null >/tmp/said 2>&1
}

units() {
	case $collection in
	ftrace) (cd "/mnt$there/ftrace" && find test.d -name '*.tc' | sort) ;;
	mm) grep -oE '^[^#]*CATEGORY="[a-z_]+" run_test' "/mnt$there/mm/run_vmtests.sh" | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u ;;
	esac
}

run_unit() {
	case $collection in
	ftrace) in_debian "./ftracetest -K -l /tmp/logs $1" ;;
	mm) in_debian "./run_vmtests.sh -t $1" ;;
	esac
	_status=$?
	sed 's/^/> /' /tmp/said
	awk -v unit="$1" -v status=$_status '
		function say(test, result) {
			printf "| %s\t%s\t%s\n", unit, test, result
			said = 1
		}
		# What a program of many tests sums up, before the line for all of it.
		/^(# )*# Totals: / { totals = substr($0, index($0, " pass:")) }
		/^(not )?ok [0-9]+ / {
			result = $1 == "ok" ? "ok" : "not ok"
			sub(/^(not )?ok [0-9]+ */, "")
			hash = index($0, "#")
			comment = hash ? substr($0, hash + 1) : ""
			test = hash ? substr($0, 1, hash - 1) : $0
			sub(/ +$/, "", test)
			sub(/ +$/, "", comment)
			say(test, result comment totals)
			totals = ""
		}
		END {
			# 143 is what timeout(1) leaves.
			if (!said || status == 143)
				say("ends", "not ok " status)
		}' /tmp/said
}

# Some say that they cannot be run beside any other user of ftrace, which dualbm is one of.
wants_to_be_alone() {
	[ "$collection" = ftrace ] && grep -q 'Ensure no other ftrace user' "/mnt$there/ftrace/$1"
}

# Without dualbm, so that it is seen to be so with another user, too.
run_beside_another() {
	insmod_test livepatchlike || bail "livepatchlike.ko"
	run_unit "$1"
	rmmod livepatchlike
}

mount_debian
cp -a "/mnt$there/$collection" /mnt/tmp/ || bail "no tests in $there/$collection"
mkdir -p /mnt/tmp/logs
# Two minutes for 100 MiB are not enough on every emulated machine; the tests have an option
# for that.
[ "$collection" = ftrace ] || sed -i 's/ksm_tests .*-s [0-9]*$/& -l 600/' /mnt/tmp/mm/run_vmtests.sh

if [ "$with" = with ]; then
	load_dualbm policy=panic || bail "dualbm is not armed: $(cat $D/state)"
fi
dmesg -c >/dev/null
# shellcheck disable=SC2046 # words
[ $# != 0 ] || set -- $(units)
for _unit; do
	_n=0
	while [ $((_n += 1)) -le "$times" ]; do
		run_unit "$_unit"
		[ "$with" = with ] || ! wants_to_be_alone "$_unit" || run_beside_another "$_unit"
	done
	[ "$with" = without ] || state_is armed || {
		not_ok "$_unit: dualbm is armed after it" "$(cat $D/state; dmesg | tail -n 5)"
		wait_for 60 state_is armed
	}
done
if [ "$with" = with ]; then
	expect_no_finding "$collection"
	check "dualbm unloads" rmmod dualbm
fi
finish
