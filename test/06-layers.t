#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The house has floors: of the objects as they were built, each calls, and takes data from, only
# those that stand before it in Kbuild's list. Two can stop the machine.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
# Floor by floor, as docs/code.md has them.
order=$(sed -nE '/^dualbm-y [:+]=/,/[^\\]$/p' Kbuild | grep -oE 'dualbm_[a-z]+\.o' | sed 's/\.o$//')

for kernel in ${KERNELS##* }; do
	release=$(kernel_release "$kernel")
	work=$CACHE/layers-$release
	rm -rf "$work"
	mkdir -p "$work"
	cp ./*.[ch] Kbuild Makefile VERSION "$work/"
	rm -f "$work"/*.mod.c "$work"/dualbm_probes.h
	check "$kernel: builds" in_root make -j "$(nproc)" -C "/cache/${work##*/}" KERNELRELEASE="$release"
	is "$kernel: every file stands on a floor" "$(find "$work" -maxdepth 1 -name 'dualbm_*.o' -printf '%f\n' | sed 's/\.o$//' | sort | xargs)" \
		"$(sort <<<"$order" | xargs)"
	for object in $order; do
		nm "$work/$object.o" | sed "s/^/$object /"
	done >"$work/symbols"
	# OBJECT [VALUE] TYPE NAME; a capital letter is a name that others see, U one that is others'.
	empty "$kernel: no file calls upwards" "$(awk '
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
		}' "$work/symbols" | sort)"
	is "$kernel: who can stop the machine" \
		"$(awk '$NF == "panic" && $(NF - 1) == "U" { print $1 }' "$work/symbols" | xargs)" "dualbm_mode dualbm_report"
	# What is written down is what is built.
	is "$kernel: the floors are those of docs/code.md" \
		"$(sed -n '/^## Floors/,/^## /p' docs/code.md | grep '^| [0-9]' | grep -oE '`[a-z]+(\.c)?`' | tr -d '\`' | sed 's/^dualbm\.c$/main/' | sort | xargs)" \
		"$(tr ' ' '\n' <<<"${order//dualbm_/}" | sort | xargs)"
done
done_testing
