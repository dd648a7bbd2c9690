#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The house has floors: of the objects as they were built, each calls, and takes data from, only
# those that stand before it in Kbuild's list, and includes no others' headers; and what a header
# declares is in its own file. One can stop the machine. dualbmctl has floors too.
# covers: R-PANIC-4
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
# Floor by floor, as docs/code.md has them.
order=$(sed -nE '/^dualbm-y [:+]=/,/[^\\]$/p' Kbuild | grep -oE 'dualbm_[a-z]+\.o' | sed 's/\.o$//')

floor_of() {
	grep -nx "$1" <<<"$order" | cut -d: -f1
}

# upwards FILE: of lines OBJECT [VALUE] TYPE NAME, floor by floor, who needs what of whom above. A
# capital letter is a name that others see, U one that is others'.
upwards() {
	awk '
	{ name = $NF; type = $(NF - 1) }
	!($1 in floor) { floor[$1] = ++floors }
	type == "U" { needs[$1, name] = $1; next }
	type ~ /^[A-Z]$/ { in_file[name] = $1 }
	END {
		for (key in needs) {
			split(key, part, SUBSEP)
			name = part[2]
			if (name in in_file && floor[in_file[name]] > floor[part[1]])
				print part[1] " needs " name " of " in_file[name]
		}
	}' "$1" | sort
}

empty "no file includes a header from above" "$(
	for file in dualbm.c dualbm_*.[ch]; do
		name=${file%.*}
		floor=$(floor_of "${name/%dualbm/dualbm_main}")
		[[ $floor ]] || continue
		sed -n 's/^#include "\(dualbm_.*\)\.h"$/\1/p' "$file" | while read -r header; do
			above=$(floor_of "$header")
			((${above:-0} <= floor)) || echo "$file includes $header.h"
		done
	done
)"

# What has to be right is named, and does not grow unseen: lines inside of functions.
trusted=$(sed -n '/^## The trusted path/,/^## Rooms/p' docs/code.md)
files=$(sed -n 's/^    \([a-z ]*[a-z]\)   .*/\1/p' <<<"$trusted")
lines=$(for file in $files; do
	awk '/^{/ { inside = 1; next } /^}/ { inside = 0 } inside && NF' "dualbm_$file.c"
done | wc -l)
most=$(sed -n 's/^These are \([0-9]*\) \([0-9]*\) lines in functions.*/\1\2/p' <<<"$trusted")
diag "the trusted path: $lines lines"
at_least "the trusted path is no longer than docs/code.md says" "$((most - lines))" 0
at_least "and not much shorter" "$((lines - most + 100))" 0

# dualbmctl has floors as well, in the order of its Makefile.
tools=$CACHE/layers-tools
rm -rf "$tools"
check "dualbmctl builds" make -s -j "$(nproc)" -C tools O="$tools" CFLAGS=-O0
for source in $(make -s -C tools sources); do
	nm "$tools/${source%.c}.o" | sed "s/^/${source%.c} /"
done >"$tools/symbols"
is "dualbmctl: every file stands on a floor" "$(cut -d' ' -f1 "$tools/symbols" | sort -u | xargs)" \
	"$(cd tools && printf '%s\n' *.c | sed 's/\.c$//' | sort | xargs)"
empty "dualbmctl: no file calls upwards" "$(upwards "$tools/symbols")"

for kernel in ${KERNELS##* }; do
	release=$(kernel_release "$kernel")
	# scripts/quick has built it a moment ago.
	work=${DUALBM_BUILT:-$CACHE/layers-$release}
	if [[ ! ${DUALBM_BUILT-} ]]; then
		copy_module "$work"
		check "$kernel: builds" in_root make -j "$(nproc)" -C "/cache/${work##*/}" KERNELRELEASE="$release"
	fi
	is "$kernel: every file stands on a floor" "$(find "$work" -maxdepth 1 -name 'dualbm_*.o' -printf '%f\n' | sed 's/\.o$//' | sort | xargs)" \
		"$(sort <<<"$order" | xargs)"
	for object in $order; do
		nm "$work/$object.o" | sed "s/^/$object /"
	done >"$work/symbols"
	empty "$kernel: no file calls upwards" "$(upwards "$work/symbols")"
	empty "$kernel: each function is in the file whose header declares it" "$(
		for object in $order; do
			[[ ! -e $object.h ]] || grep -E '^[a-z].*\(' "$object.h" | grep -oE '\bdualbm_[a-z_0-9]+\(' |
				tr -d '(' | sed "s/^/$object declares /"
		done | awk 'NR == FNR { if ($(NF - 1) ~ /^[A-TV-Z]$/) in_file[$NF] = $1; next }
			$3 in in_file && in_file[$3] != $1 { print $0 ", of " in_file[$3] }' "$work/symbols" -)"
	is "$kernel: who can stop the machine" \
		"$(awk '$NF == "panic" && $(NF - 1) == "U" { print $1 }' "$work/symbols" | xargs)" "dualbm_mode"
	is "$kernel: only its own file stores the mode" \
		"$(awk '$NF ~ /^(dualbm_mode|mode_now)$/ { print $1, $(NF - 1), $NF }' "$work/symbols")" "dualbm_mode d mode_now"
	# What is written down is what is built.
	is "$kernel: the floors are those of docs/code.md" \
		"$(sed -n '/^## Floors/,/^## /p' docs/code.md | grep '^| [0-9]' | grep -oE '`[a-z]+(\.c)?`' | tr -d '\`' | sed 's/^dualbm\.c$/main/' | sort | xargs)" \
		"$(tr ' ' '\n' <<<"${order//dualbm_/}" | sort | xargs)"
done
done_testing
