#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel's own tests of ftrace and of memory give the same results with dualbm as
# without it, and it finds nothing while they run. They are built from the source that the
# kernel was built from.
#
# What differs is run six times more on both sides, as some of these tests fail now and
# then. Then every result that a test has with dualbm has to be one that it has without.
#
# It takes about 40 minutes for each kernel: with DUALBM_LONG=1 only, which
# "scripts/check --long" sets.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
long_only "the kernel's own tests, with dualbm and without" "40 minutes for each kernel"
declare -A least=([ftrace]=60 [mm]=20)
work=$(mktemp -d "$CACHE/kselftest.XXXXXX")
trap 'status=$?; rm -rf "$work"; without_archive "$status"' EXIT

# build_tests SOURCE: both collections, into $there of the root. A test of 6.12.117 lacks
# one of the headers that they all are there for.
build_tests() {
	local log=$CACHE/linux/kselftest-$1.log stamp=$ROOT$there/stamp

	[[ $(cat "$stamp" 2>/dev/null) != "$(<"$CACHE/linux/$1/.dualbm-version")" ]] || return 0
	say "building the kernel's own tests from $1"
	in_root sh -e -c '
		rm -rf "$2"
		make -s -C "$1" O="$1-tests" headers
		make -s -C "$1/tools/testing/selftests" O="$1-tests" TARGETS="ftrace mm" \
			EXTRA_CFLAGS="-include $1/tools/testing/selftests/kselftest.h" \
			INSTALL_PATH="$2" install' sh "/cache/linux/$1" "$there" >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		return 1
	}
	cp "$CACHE/linux/$1/.dualbm-version" "$stamp"
}

# start with|without TIMES UNIT...: each side in a guest of its own, as both take long.
start() {
	local side=$1

	shift
	vm_start "$collection-$kernel-$side" --kernel "$kernel" --timeout 3000 --mem 1536 \
		--debian -- kselftest.sh "$side" "$there" "$collection" "$@"
}

# both TIMES UNIT...: appends to what each side has said.
both() {
	local side

	start without "$@"
	start with "$@"
	for side in without with; do
		vm_end "$collection-$kernel-$side" 'done'
		sed -n 's/^| //p' "$vm_log" >>"$work/$side"
	done
	sort -u -o "$work/without" "$work/without"
	sort -u -o "$work/with" "$work/with"
}

# differing: the units that have a result on one side only.
differing() {
	comm -3 "$work/without" "$work/with" | sed 's/^\t//' | cut -f1 | sort -u
}

compare() {
	local again unit only name=$collection-$kernel

	rm -f "$work"/with{,out}
	both
	at_least "$name: tests that pass" "$(cut -f3 "$work/without" | grep '^ok' | grep -vc SKIP)" "${least[$collection]}"
	mapfile -t again < <(differing)
	((!${#again[@]})) || {
		diag "$name: differ once: ${again[*]}"
		both 6 "${again[@]}"
	}
	while read -r unit; do
		only=$(comm -13 "$work/without" "$work/with" | awk -F '\t' -v unit="$unit" '$1 == unit')
		empty "$name: $unit has no result with dualbm that it has not without" "$only"
	done < <(cat "$work/without" "$work/with" | cut -f1 | sort -u)
	diag "$name, without: $(cut -f3 "$work/without" | grep -oE '^(not )?ok( [A-Z]+)?' | sort | uniq -c | xargs)"
}

for kernel in $KERNELS; do
	[[ $(arch_of "$kernel") == amd64 ]] || continue
	use_kernel "$kernel"
	source=linux-source-${kernel%%-*}
	there=/opt/kselftest-${kernel%%-*}
	root_packages bc bison flex libcap-dev libnuma-dev rsync iputils-ping sudo
	source_tree "$source"
	if ! build_tests "$source"; then
		not_ok "kselftest-$kernel: the tests build" "see $CACHE/linux/kselftest-$source.log"
		continue
	fi
	for collection in ftrace mm; do
		compare
	done
done
done_testing
