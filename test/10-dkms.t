#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# DKMS, Debian's own, in a throw-away copy of the real Debian 12 root: installed for both
# kernels, built for the target and not for the kernel that runs, upgraded, built again
# when a kernel arrives, removed without a trace.
# covers: R-PORT-1
set -euo pipefail
. "$(dirname "$0")/lib.sh"

next=0.9999.0
old_release=$(kernel_release 6.1)
new_release=$(kernel_release 6.12)

in_src() {
	in_root sh -c 'cd "$1" && shift && exec "$@"' sh "$@"
}

version_of() {
	in_root modinfo -k "$1" -F version dualbm 2>&1 || :
}

# The module may be compressed as the kernel's own are.
sections() {
	in_root sh -c 'f=$(modinfo -k "$1" -n dualbm) && case $f in
		*.xz) xz -dc "$f" ;;
		*) cat "$f" ;;
	esac >/tmp/m.ko && readelf -WS /tmp/m.ko 2>/dev/null' sh "$1"
}

traces() {
	# modules.* are indexes, the log is apt's, /cache the checkout's own.
	in_root sh -c 'find /lib/modules/ /usr/lib/modprobe.d/ /usr/src/ /var/lib/dkms/ -name "*dualbm*"; dkms status dualbm 2>/dev/null'
}

uninstall() {
	in_src /src make -s uninstall
}

"$TOP/scripts/root"
throw_away_root bookworm
uninstall >/dev/null 2>&1 || :
empty "nothing is left of earlier runs" "$(traces)"

for release in "$old_release" "$new_release"; do
	check "make install for $release" in_src /src make -s install KERNELRELEASE="$release"
done
for release in "$old_release" "$new_release"; do
	like "$release: DKMS says installed" "$(in_root dkms status -m dualbm -v "$VERSION" -k "$release" 2>/dev/null)" ": installed"
	like "$release: lies in updates/dkms" "$(in_root modinfo -k "$release" -n dualbm)" \
		"^/lib/modules/${release//+/[+]}/updates/dkms/dualbm[.]ko([.]xz)?$"
	like "$release: built for the target (running: $(uname -r))" \
		"$(in_root modinfo -k "$release" -F vermagic dualbm)" "^${release//+/[+]} "
	like "$release: has its debug information" "$(sections "$release")" '\.debug_info'
	is "$release: says its version" "$(version_of "$release")" "$VERSION"
	check "$release: modprobe finds it" in_root modprobe -n -S "$release" dualbm
done

# The second time is no error: it is how one installs an edited tree.
check "make install once more" in_src /src make -s install KERNELRELEASE="$old_release"

# An upgrade asked for one kernel reaches every kernel that had the old version.
rm -rf "$CACHE/next"
mkdir -p "$CACHE/next/"{scripts,packaging}
cp "$TOP"/*.[ch] "$TOP"/{Kbuild,Makefile,dkms.conf} "$CACHE/next/"
cp "$TOP/scripts/"{install,help.sh} "$CACHE/next/scripts/"
cp -r "$TOP/packaging/modprobe.d" "$CACHE/next/packaging/"
echo "$next" >"$CACHE/next/VERSION"
like "two versions that differ are refused" \
	"$(in_src /cache/next make -s install KERNELRELEASE="$new_release" 2>&1 || :)" "different versions"
sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$next\"/" "$CACHE/next/dkms.conf"
check "make install of a next version" in_src /cache/next make -s install KERNELRELEASE="$new_release"
for release in "$old_release" "$new_release"; do
	is "$release: has the next version" "$(version_of "$release")" "$next"
done
is "DKMS has no version but the next" "$(in_root dkms status dualbm 2>/dev/null | grep -vc "^dualbm/$next, ")" 0
is "its sources are the only ones" "$(in_root sh -c 'echo /usr/src/dualbm-*')" "/usr/src/dualbm-$next"

# A kernel arrives: its headers' postinst calls autoinstall.
in_root dkms uninstall "dualbm/$next" -k "$old_release" >/dev/null 2>&1 || :
in_root dkms unbuild "dualbm/$next" -k "$old_release" >/dev/null 2>&1 || :
like "taken from one kernel" "$(version_of "$old_release")" "not found"
check "autoinstall" in_root dkms autoinstall -k "$old_release"
is "built and installed again for $old_release" "$(version_of "$old_release")" "$next"

check "the kernels that were tried are where modprobe looks" \
	cmp packaging/modprobe.d/dualbm-qualified.conf "$ROOT/usr/lib/modprobe.d/dualbm-qualified.conf"
check "make uninstall" in_src /src make -s uninstall
empty "nothing is left" "$(traces)"

# Words instead of riddles.
like "no headers: says which package to install" \
	"$(in_src /src make -s install KERNELRELEASE=6.12.1-none 2>&1 || :)" "apt install linux-headers-6.12.1-none"
like "make without headers says so too" \
	"$(in_src /src make -s KERNELRELEASE=6.12.1-none 2>&1 || :)" "apt install linux-headers-6.12.1-none"
unsupported=4.19.0-0-amd64
in_root sh -c 'mkdir -p "/lib/modules/$1" && ln -sfn "/lib/modules/$2/build" "/lib/modules/$1/build"' \
	sh "$unsupported" "$old_release"
like "a kernel that is not supported is refused" \
	"$(in_src /src make -s install KERNELRELEASE="$unsupported" 2>&1 || :)" "BUILD_EXCLUSIVE"

rm -rf --one-file-system "$CACHE/next" "$ROOT"
done_testing
