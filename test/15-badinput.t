#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What does not fit is refused in one clear line, and leaves nothing behind:
# headers that are missing, too old, or of a kernel that lacks what is needed; a
# module of another kernel; a function that this kernel does not have.
# covers: R-HOOK-2 R-LOAD-4
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# As in Kbuild.
needed=$(sed -n '/^needed :=/,/[^\\]$/p' "$TOP/Kbuild" | sed 's/.*:=//; s/\\$//' | xargs)
# What a kernel may lack.
optional=(MEMCG MEMCG_KMEM MEMCG_V1 CGROUP_WRITEBACK COMPACTION MEMORY_FAILURE FUNCTION_GRAPH_TRACER DEBUG_FS
	TRANSPARENT_HUGEPAGE LIVEPATCH FPROBE BPF_SYSCALL)
# shellcheck disable=SC2086 # words
is "dkms.conf and Kbuild need the same" "$(sed -n 's/^BUILD_EXCLUSIVE_CONFIG="\(.*\)"$/\1/p' "$TOP/dkms.conf")" \
	"$(printf 'CONFIG_%s\n' $needed | xargs)"
work=$CACHE/badinput
in=/cache/badinput

fresh_tree() {
	rm -rf "$work"
	copy_module "$work/tree"
	mkdir "$work/tree/scripts"
	cp "$TOP/dkms.conf" "$work/tree/"
	cp "$TOP/scripts/"{install,help.sh} "$work/tree/scripts/"
}

# build ARGS...: into $output and $status.
build() {
	status=0
	output=$(in_root make -C "$in/tree" "$@" 2>&1) || status=$?
}

# Besides make's own words, and where it is.
words() {
	grep -vE '^make|^ *(CC|LD|MODPOST|PROBE|BTF)|^readelf: Warning|^$' <<<"$output" || :
}

left() {
	(cd "$work/tree" && find . -newer VERSION -type f | sort)
}

# refused NAME LINE ARGS...: nothing but that line, and no file.
refused() {
	local name=$1 line=$2

	shift 2
	touch -d '1 second ago' "$work/tree/VERSION"
	find "$work/tree" -type f -exec touch -r "$work/tree/VERSION" {} +
	build "$@"
	is "$name: is refused" "$((status != 0))" 1
	like "$name: says so" "$(words)" "$line"
	is "$name: in one line" "$(words | wc -l)" "${lines:-1}"
	empty "$name: nothing is left behind" "$(left)"
}

# headers RELEASE: a copy of a kernel's headers, to be broken.
headers() {
	rm -rf "$work/headers"
	mkdir -p "$work/headers"
	cp -a "$ROOT/usr/src/linux-headers-$1/." "$work/headers/"
	ln -sfn "/usr/src/linux-headers-$1/scripts" "$work/headers/scripts"
	ln -sfn "/usr/src/linux-headers-$1/tools" "$work/headers/tools"
}

without() {
	local option files=("$work/headers/include/config/auto.conf"
		"$work/headers/include/generated/autoconf.h" "$work/headers/.config")

	for option; do
		sed -i -E "/CONFIG_${option}(_MODULE)?[ =]/d" "${files[@]}"
	done
}

# shellcheck disable=SC2086
"$TOP/scripts/build" $KERNELS
for kernel in $KERNELS; do
	use_kernel "$kernel"
	release=$(kernel_release "$kernel")
	fresh_tree

	lines=2 refused "$kernel: no headers" "^No kernel headers in /nowhere[.]" KERNELDIR=/nowhere
	lines=2 refused "$kernel: no such kernel" "apt install linux-headers-9[.]9[.]9-none" KERNELRELEASE=9.9.9-none
	output=$(in_root sh -c "cd $in/tree && make -s install KERNELRELEASE=9.9.9-none" 2>&1 || :)
	is "$kernel: make install: the same" "$(words)" \
		"install: no kernel headers for 9.9.9-none: apt install linux-headers-9.9.9-none"

	for option in $needed; do
		headers "$release"
		without "$option"
		refused "$kernel: without CONFIG_$option" "dualbm: this kernel lacks CONFIG_${option}[.] *Stop[.]$" KERNELDIR="$in/headers"
	done
	headers "$release"
	without X86_64 ARM64
	refused "$kernel: of another architecture" "dualbm: it is for x86_64 and arm64, and this kernel is of [a-z0-9]+ without either[.] " KERNELDIR="$in/headers"
	headers "$release"
	# shellcheck disable=SC2086 # words
	without $needed
	refused "$kernel: without all of it" "dualbm: this kernel lacks( CONFIG_[A-Z_]+){8}[.] " KERNELDIR="$in/headers"

	# DKMS skips it, so that the package of such a kernel still installs.
	output=$(in_root dkms build "dualbm/$VERSION" -k "$release-none" --kernelsourcedir "$in/headers" 2>&1) && status=0 || status=$?
	is "$kernel: DKMS skips it" "$status" 77
	like "$kernel: and says so" "$output" "BUILD_EXCLUSIVE directive which does not match this kernel"
	empty "$kernel: and has nothing of it" "$(in_root dkms status 2>/dev/null | grep -e -none || :)"

	# A common part of its own, with another number.
	headers "$release"
	common=$(sed -n 's#^include \(/usr/src/[^ ]*\)/Makefile$#\1#p' "$work/headers/Makefile")
	mkdir "$work/common"
	for file in "$ROOT$common"/*; do
		ln -s "$common/${file##*/}" "$work/common/"
	done
	rm "$work/common/Makefile"
	sed -e 's/^VERSION = .*/VERSION = 5/' -e 's/^PATCHLEVEL = .*/PATCHLEVEL = 4/' "$ROOT$common/Makefile" >"$work/common/Makefile"
	echo "include $in/common/Makefile" >"$work/headers/Makefile"
	refused "$kernel: headers of 5.4" "dualbm: kernel 5[.]4[.][0-9]+ is too old, 5[.]10 or later is needed" KERNELDIR="$in/headers"

	headers "$release"
	without "${optional[@]}"
	build KERNELDIR="$in/headers"
	is "$kernel: without what is optional it builds" "$status" 0
	empty "$kernel: without a warning" "$(grep -E 'warning|error' <<<"$output" || :)"

	# No vmlinux and no pahole: the kernel's build may say so, in one line.
	fresh_tree
	build KERNELRELEASE="$release"
	is "$kernel: without BTF it builds" "$status" 0
	empty "$kernel: and nobody minds" "$(words | grep -v '^Skipping BTF generation for .*dualbm[.]ko due to unavailability of vmlinux$' || :)"
	cp "$work/tree/dualbm.ko" "$CACHE/badinput-$kernel.ko"
done

# renamed KERNEL FILE FROM TO: a module that hooks TO instead of FROM. Only its own
# strings: its list of symbols has some of these names as well.
renamed() {
	in_root sh -e -c 'objcopy --dump-section .rodata.str1.1=/tmp/strings "$1"
		perl -0777 -pi -e "BEGIN { (\$from, \$to) = splice @ARGV, 0, 2; }
			\$to .= qq(\\0) x (length(\$from) - length(\$to));
			s/(?<![^\\0])\Q\$from\E(?=\\0)/\$to/g or die qq(no \$from\\n)" "$3" "$4" /tmp/strings
		objcopy --update-section .rodata.str1.1=/tmp/strings "$1" "$2"' sh \
		"/cache/badinput-$1.ko" "$in/${2##*/}" "$3" "$4"
}

read -ra all <<<"$KERNELS"
for kernel in $KERNELS; do
	use_kernel "$kernel"
	rm -rf "$work"
	mkdir -p "$work"
	# Of another kernel: the one before in the list; if there is none, of a name that is none.
	other=${all[0]}
	[[ $other != "$kernel" ]] || other=${all[-1]}
	cp "$CACHE/badinput-$other.ko" "$work/other.ko"
	if [[ $other == "$kernel" ]]; then
		perl -0777 -pi -e 's/\0vermagic=\K\d/9/' "$work/other.ko"
	fi
	names=(alloc:mm_page_alloc:mm_page_allot isolate:__isolate_free_page:__isolate_none_page
		notrace:__isolate_free_page:__fentry__ free:__free_pages:__free_nages)
	case $kernel in
	5.10) ;;
	6.1 | 6.1-*) names+=(bulk:__alloc_pages_bulk:__alloc_pages_bull pages:__alloc_pages:__alloc_nages) ;;
	6.12*) names+=(bulk:alloc_pages_bulk_noprof:alloc_pages_bulk_noproo pages:__alloc_pages_noprof:__alloc_nages_noprof) ;;
	*) names+=(bulk:alloc_pages_bulk_noprof:alloc_pages_bulk_noproo) ;;
	esac
	files=(--file "$work/other.ko")
	for name in "${names[@]}"; do
		IFS=: read -r file from to <<<"$name"
		check "$kernel: a module that hooks $to" renamed "$kernel" "$file.ko" "$from" "$to"
		files+=(--file "$work/$file.ko")
	done
	vm "badinput-$kernel" 'done' --kernel "$kernel" "${files[@]}" -- badinput.sh "${names[@]}"
done
rm -rf "$work" "$CACHE"/badinput-*.ko
done_testing
