#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# scripts/qualify: what it cannot try it says in one line, with what is missing, and leaves
# nothing behind; what a qualification says cannot reach modprobe.d as anything but a kernel's
# identity. In a long run a stock kernel is qualified by it, and one of another build is not.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$TOP/scripts/qualification.sh"

need_user_root
need_packages qemu-system-x86 cpio gcc make perl xz-utils kmod
use_kernel 6.12
release=$(kernel_release 6.12)
other=$(kernel_release 6.1)
work=$(mktemp -d "$CACHE/qualify.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tmp" "$work/out"
export TMPDIR=$work/tmp
tools=(--busybox "$ROOT/bin/busybox" --stress-ng "$ROOT/usr/bin/stress-ng" --output "$work/out")

# qualify STATUS NAME REGEX ARGS...: one line that says why, and nothing left behind.
qualify() {
	local wanted=$1 name=$2 regex=$3 status=0 said

	shift 3
	said=$("$TOP/scripts/qualify" "$@" 2>"$work/err" </dev/null) || status=$?
	[[ $said ]] || said=$(<"$work/err")
	is "$name: exit status" "$status" "$wanted"
	like "$name: says why" "$said" "$regex"
	is "$name: in one line" "$(wc -l <<<"$said")" 1
	empty "$name: leaves nothing" "$(find "$work/tmp" "$work/out" -mindepth 1 -maxdepth 1)"
	rm -rf "$work"/out/*
}

# Headers as they are in a directory: Debian's name others by their path.
headers=$work/root/usr/src/linux-headers-$release
mkdir -p "$work/root/usr/src" "$work/root/usr/lib"
cp -a "$ROOT"/usr/src/linux-headers-"${release%-amd64}"-{common,amd64} "$work/root/usr/src/"
cp -a "$ROOT/usr/lib/linux-kbuild-${release%-amd64}" "$work/root/usr/lib/"
ln -s usr/lib "$work/root/lib"
sed -i "s|^include /usr/src/|include $work/root/usr/src/|" "$headers/Makefile"
kernel_image=$ROOT/boot/vmlinuz-$release
modules=$ROOT/lib/modules/$release
this=(--image "$kernel_image" --modules "$modules" --headers "$headers")

# ---- wrong use ----

qualify 2 "an option that is none" '"--kernal" is not understood; see scripts/qualify --help' --kernal 6.12
qualify 2 "an option without its value" '--kernel needs a value' --kernel
qualify 2 "an image alone" '--image, --modules and --headers go together' --image "$kernel_image"
qualify 2 "two kernels" '--kernel names a kernel, and so does --image' --kernel "$release" "${this[@]}"
qualify 2 "a release that is none" '"../../etc" is not the release of a kernel' --kernel ../../etc "${tools[@]}"
like "help" "$("$TOP/scripts/qualify" --help)" 'scripts/qualify --deb FILE.*Exit status: 0 qualified; 1 not qualified'

# ---- what cannot be tried ----

qualify 3 "a kernel that is not installed" 'no image of 6[.]12[.]1-none in /boot or /lib/modules' --kernel 6.12.1-none "${tools[@]}"
qualify 3 "no such image" 'nothing cannot be read' --image "$work/nothing" "${this[@]:2}" "${tools[@]}"
: >"$work/empty"
qualify 3 "an empty image" 'empty is empty' --image "$work/empty" "${this[@]:2}" "${tools[@]}"
head -c 100000 /dev/urandom >"$work/noise"
qualify 3 "an image that is none" 'noise is no image of a kernel that can be booted here' --image "$work/noise" "${this[@]:2}" "${tools[@]}"
{ head -c 56 /dev/zero && printf 'ARMd' && head -c 4096 /dev/zero; } >"$work/foreign"
qualify 3 "an image of another architecture" 'foreign is of arm64, and this machine is of amd64: qualify it on such a machine' \
	--image "$work/foreign" "${this[@]:2}" "${tools[@]}"
qualify 3 "headers of another kernel" "the image is of $other, and the headers are of ${release//+/.}" \
	--image "$ROOT/boot/vmlinuz-$other" "${this[@]:2}" "${tools[@]}"
mkdir "$work/bare"
qualify 3 "modules that are none" 'bare has no modules[.]dep' --image "$kernel_image" --modules "$work/bare" --headers "$headers" "${tools[@]}"
touch "$work/bare/Makefile"
qualify 3 "headers that were never configured" 'bare has no [.]config' --image "$kernel_image" --modules "$modules" --headers "$work/bare" "${tools[@]}"
qualify 3 "a package that is none" 'noise is no Debian package' --deb "$work/noise" "${tools[@]}"
qualify 3 "no such program" 'nothing is no program' "${this[@]}" --busybox "$work/nothing"

# A machine that lacks something: named as its own packages call it.
mkdir "$work/path"
for tool in bash uname sed dirname awk perl xz cpio make kmod depmod gcc readlink mktemp rm jobs xargs \
	qemu-system-x86_64 od tr tail head cut cat grep; do
	file=$(command -v "$tool" || :)
	[[ $file != /* ]] || ln -s "$file" "$work/path/$tool"
done
lacking() {
	local manager=$1 package=$2

	ln -s /bin/true "$work/path/$manager"
	# Debian's own are not in that machine's path.
	sed 's|^PATH=.*|PATH=$PATH|' "$TOP/scripts/qualify" >"$work/qualify"
	like "a machine of $manager lacks stress-ng: says how to get it" \
		"$(PATH=$work/path bash "$work/qualify" "${this[@]}" --busybox "$ROOT/bin/busybox" 2>&1 || :)" \
		"could not be tried: this machine lacks: stress-ng [(]$package stress-ng[)]"
	rm "$work/path/$manager"
}
lacking apt-get 'apt install'
lacking dnf 'dnf install'
lacking zypper 'zypper install'

# ---- the compiler that the kernel asks for ----

mkdir -p "$work/clang/bin"
# compiler_for OPTIONS: what make is told, of a kernel with this configuration.
compiler_for() {
	printf '%s\n' "$@" >"$work/clang/.config"
	PATH=$work/clang/bin:/usr/bin:/bin make -s -C "$TOP" KERNELDIR="$work/clang" show-llvm
}
empty "a kernel that gcc has built" "$(compiler_for CONFIG_CC_IS_GCC=y CONFIG_CLANG_VERSION=0)"
is "one that clang has built" "$(compiler_for CONFIG_CC_IS_CLANG=y CONFIG_CLANG_VERSION=990106)" 1
ln -s /bin/true "$work/clang/bin/clang-99"
is "by the version that it was" "$(compiler_for CONFIG_CC_IS_CLANG=y CONFIG_CLANG_VERSION=990106)" -99
cp -a "$headers" "$work/clang/headers"
printf 'CONFIG_CC_IS_CLANG=y\nCONFIG_CLANG_VERSION=990106\n' >>"$work/clang/headers/.config"
like "which is asked for by its name" \
	"$(PATH=$work/clang/bin:$PATH "$TOP/scripts/qualify" --image "$kernel_image" --modules "$modules" \
		--headers "$work/clang/headers" "${tools[@]}" 2>&1 || :)" \
	'could not be tried: this machine lacks: ld[.]lld-99 [(]apt install lld-99[)]'

# ---- what reaches modprobe.d ----

id=0123456789abcdef0123456789abcdef01234567
# file RESULT ID RELEASE: a qualification.
file() {
	printf '{\n\t"result": "%s",\n\t"date": "2026-01-01",\n\t"kernel": {\n\t\t"release": "%s",\n\t\t"id": "%s"\n\t},\n\t"module": {\n\t\t"id": "no"\n\t}\n}\n' \
		"$1" "$3" "$2" >"$work/q.json"
}
lines() {
	modprobe_lines "$work/q.json" 2>/dev/null || echo refused
}
file qualified $id 6.1.0-1-amd64
is "a qualification is a line of modprobe.d" "$(lines | tail -n 1)" "options dualbm qualified=$id"
file "not qualified" $id 6.1.0-1-amd64
empty "what is not qualified is none" "$(lines)"
file qualified '6.1.0-own:#1_SMP' 6.1.0-own
is "a kernel without a build-id" "$(lines | tail -n 1)" "options dualbm qualified=6.1.0-own:#1_SMP"
for bad in '' 0123 xyz "$id allow_untested=1" "$id,$id" 'a:b c' 'a:"b' "${id%?}"; do
	file qualified "$bad" 6.1
	is "an identity that is none is refused: \"$bad\"" "$(lines)" refused
done
file qualified $id '6.1\noptions dualbm allow_untested=1'
is "a release cannot be a line of its own" "$(lines | grep -c '^options')" 1
is "what a kernel says of itself is escaped" "$(printf 'a"\\\001\n\303b' | json_string)" '"a\"\\b"'
is "and so is nothing" "$(json_string </dev/null)" '""'

# ---- a whole one ----

long_only "a stock kernel qualifies" "half an hour"
status=0
"$TOP/scripts/qualify" "${this[@]}" "${tools[@]}" >"$work/said" 2>"$work/err" || status=$?
is "$release: exit status" "$status" 0
like "$release: qualified" "$(<"$work/said")" "qualified: ${release//+/.}"
[[ $status == 0 ]] || diag "$(cat "$work/said" "$work/err")"
json=$work/out/$release.json
check "$release: is JSON" perl -MJSON::PP -0777 -e 'JSON::PP->new->decode(<STDIN>)' <"$json"
like "$release: its identity" "$(value_of "$json" kernel id)" '^[0-9a-f]{40}$'
is "$release: its line" "$(tail -n 1 "$work/out/$release.conf")" "options dualbm qualified=$(value_of "$json" kernel id)"
empty "$release: nothing of this machine is in it" "$(grep -iF -e "$(hostname)" -e "$work" -e "$(id -un)@" "$json" || :)"
done_testing
