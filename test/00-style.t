#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The quality gate: no warning from any of the tools, on either kernel; and what
# must agree, agrees.
# covers: R-PORT-1
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
mapfile -t shells < <(
	find . \( -path ./build -o -path ./.git \) -prune -o -type f \
		\( -path './scripts/*' -o -path './.ci/*' -o -path './tools/*' -o -path './packaging/*' -o -path './debian/*' -o -path './test/vm/*' -o -name '*.sh' -o -name '*.t' \) -print |
		while read -r file; do
			if [[ $file == *.sh ]] || head -n 1 "$file" | grep -qE '^#!.*\bsh$|^#!.*bash' || [[ $file == */scripts/lib.sh ]]; then
				echo "$file"
			fi
		done | sort
)

# Compiler, modpost and sparse all write "file: warning: ..." in some spelling;
# the compiler adds the option that made it say so.
complaints() {
	grep -iE '\b(warning|error)\b' "$1" || :
}

# Through the Makefile that people use, in a copy: the checkout stays clean.
for kernel in $KERNELS; do
	release=$(kernel_release "$kernel")
	work=$CACHE/style-$release
	copy_module "$work"
	mkdir -p "$work/test"
	in=/cache/${work##*/}
	status=0
	in_root make -j "$(nproc)" -C "$in" KERNELRELEASE="$release" W=1 C=1 >"$work.log" 2>&1 || status=$?
	is "$kernel: builds with W=1" "$status" 0
	empty "$kernel: no warning with W=1" "$(complaints "$work.log" | grep -E '\[-W|modpost|error' || :)"
	is "$kernel: sparse read every file" "$(grep -c '^ *CHECK' "$work.log")" \
		"$(find "$work" -maxdepth 1 -name '*.c' ! -name '*.mod.c' ! -name dualbm_probe.c | wc -l)"
	empty "$kernel: sparse is silent" "$(complaints "$work.log" | grep -vE '\[-W|modpost' || :)"
	if compgen -G 'test/modules/*.c' >/dev/null; then
		mkdir -p "$work/test/modules"
		cp test/modules/* "$work/test/modules/"
		in_root make -j "$(nproc)" -C "/lib/modules/$release/build" M="$in/test/modules" W=1 modules >"$work.modules.log" 2>&1 || :
		empty "$kernel: test modules, no warning with W=1" "$(complaints "$work.modules.log")"
	fi
	rm -rf "$work"
done

mapfile -t sources < <(find . -path ./build -prune -o -name '*.[ch]' ! -name '*.mod.c' -print | sort)
scripts/checkpatch --fetch
empty "checkpatch --strict: ${#sources[@]} files" "$(scripts/checkpatch "${sources[@]}" 2>&1 || :)"
empty "shellcheck: ${#shells[@]} scripts" "$(shellcheck -x "${shells[@]}" 2>&1 || :)"

is "dkms.conf and VERSION agree" "$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)" "$VERSION"
is "the packages' changelog and VERSION agree" \
	"$(sed -n '1s/^dualbm (\(.*\)) .*/\1/p' debian/changelog)" "$VERSION"
is "DKMS builds on its own when a kernel arrives" "$(grep -x 'AUTOINSTALL="yes"' dkms.conf)" 'AUTOINSTALL="yes"'

mapfile -t files < <(
	find . \( -path ./build -o -path ./.git \) -prune -o -type f \
		! -name '*.ko' ! -name '*.o' ! -name '*.cmd' ! -name '*.mod' ! -name '*.mod.c' ! -name '*.symvers' ! -name '*.order' -print
)
licence=()
for file in "${files[@]}"; do
	case $file in
	# Formats that have no comments.
	*/debian/changelog | */debian/source/format | */VERSION | */COPYING | */LICENSE* | *.md | *.json | *.png | *.svg) continue ;;
	esac
	head -n 5 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' || licence+=("$file")
done
empty "every file names its licence" "${licence[*]-}"
# A mirror is what the machine's own sources name, a path is relative.
empty "no archive host and no path of one machine" \
	"$(grep -nE '[a-z]+[.]debian[.](org|net)|/(work|farm)/|/home/[a-z]' "${files[@]}" | grep -v 'Format: .*packaging-manuals' || :)"
empty "no file with trailing blanks or without a last newline" "$(
	grep -nE '[[:blank:]]+$' "${files[@]}" | grep -vE '\.(mutant|patch):' || :
	for file in "${files[@]}"; do
		[[ ! -s $file || -z $(tail -c 1 "$file") ]] || echo "$file: no newline at its end"
	done
)"
done_testing
