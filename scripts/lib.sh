# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the scripts: messages, the kernels and the Debian roots; the archive
# that this machine uses is in archive.sh. Nothing here runs by itself.

export LC_ALL=C
umask 022

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/help.sh"

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
CACHE=${DUALBM_CACHE:-$TOP/build}
case $CACHE in
/*) ;;
*) CACHE=$TOP/$CACHE ;;
esac
mkdir -p "$CACHE"
ROOT=$CACHE/root
VERSION=$(<"$TOP/VERSION")

# Every kernel that dualbm is tested on: a name, the Debian release it comes
# from, what its releases look like, and the architecture. The newest that the
# archive has is it. A name without an architecture is one of amd64.
KERNEL_TABLE='
5.10           bullseye 5[.]10[.]0-[0-9]+-amd64                   amd64
6.1            bookworm 6[.]1[.]0-[0-9]+-amd64                    amd64
6.1-arm64      bookworm 6[.]1[.]0-[0-9]+-arm64                    arm64
6.1-cloud      bookworm 6[.]1[.]0-[0-9]+-cloud-amd64              amd64
6.1-rt         bookworm 6[.]1[.]0-[0-9]+-rt-amd64                 amd64
6.12           bookworm 6[.]12[.][0-9]+[+]deb12[.0-9]*-amd64      amd64
6.12-arm64     bookworm 6[.]12[.][0-9]+[+]deb12[.0-9]*-arm64      arm64
6.12-trixie    trixie   6[.]12[.][0-9]+[+]deb13[.0-9]*-amd64      amd64
6.12-trixie-rt trixie   6[.]12[.][0-9]+[+]deb13[.0-9]*-rt-amd64   amd64
7.2            trixie   7[.]2[.][0-9]+[+]deb13[.0-9]*-amd64       amd64
7.3            trixie   7[.]3[.][0-9]+[+]deb13[.0-9]*-amd64       amd64
'
MATRIX=$(awk '{ print $1 }' <<<"$KERNEL_TABLE" | xargs)
# Kernels that watch the module: built from the source package by
# scripts/debug-kernel, with test/kernels/{common,FLAVOUR}.config.
DEBUG_TABLE='
6.12-debug     bookworm linux-source-6.12 debug
6.12-rt-debug  bookworm linux-source-6.12 rt-debug
6.12-kcsan     bookworm linux-source-6.12 kcsan
7.3-debug      trixie   linux-source-7.3  debug
'
DEBUG_KERNELS=$(awk '{ print $1 }' <<<"$DEBUG_TABLE" | xargs)
# One that is built in the same way and watches nothing: with what stock kernels lack, to be
# measured beside the module (scripts/bench).
MEASURED_TABLE='
6.12-owner     bookworm linux-source-6.12 owner
'
MEASURED_KERNELS=$(awk '{ print $1 }' <<<"$MEASURED_TABLE" | xargs)
# Debian's, and no rows: each is booted for one thing that no row has. Pages of 16 KiB.
EXTRA_TABLE='
6.12-16k-arm64 trixie   6[.]12[.][0-9]+[+]deb13[.0-9]*-arm64-16k  arm64
'
EXTRA_KERNELS=$(awk '{ print $1 }' <<<"$EXTRA_TABLE" | xargs)
# What tests go through unless told otherwise: Debian 12's (DUALBM_KERNELS).
ALL_KERNELS="6.1 6.12"
KERNELS=${DUALBM_KERNELS:-$ALL_KERNELS}
# What dualbmctl is built from.
TOOL_PACKAGES="gcc libarchive-dev libbpf-dev libc6-dev libcairo2-dev libelf-dev libkmod-dev liblz4-dev liblzma-dev libsystemd-dev libzstd-dev make pkg-config zlib1g-dev"
export TOP CACHE ROOT VERSION ALL_KERNELS KERNELS MATRIX EXTRA_KERNELS DEBUG_KERNELS MEASURED_KERNELS TOOL_PACKAGES

# One clock for a command and everything it calls.
export DUALBM_T0=${DUALBM_T0:-$EPOCHSECONDS}

# Standard error: standard output belongs to TAP.
say() {
	printf '[%3ds] %s\n' "$((EPOCHSECONDS - DUALBM_T0))" "$*" >&2
}

die() {
	local status=1

	if [[ ${1-} == -s ]]; then
		status=$2
		shift 2
	fi
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "$status"
}

need_user_root() {
	((EUID == 0)) || die "run this as root: it installs packages and builds a Debian root with chroot"
}

# package_source DIR: what packages are built from: all of the source, without what git, builds and
# tests have left in this checkout.
package_source() {
	mkdir -p "$1"
	tar -C "$TOP" --anchored --exclude=./.git --exclude=./build --exclude="./${CACHE#"$TOP"/}" --exclude="./${1#"$TOP"/}" \
		--exclude=./dualbm_probes.h --exclude='./debian/dualbm-*/*' --exclude='./debian/build' \
		--no-anchored --no-wildcards-match-slash --exclude='*.o' --exclude='*.ko' --exclude='*.mod' --exclude='*.mod.c' --exclude='*.a' \
		--exclude='*.symvers' --exclude='*.order' --exclude='.*.cmd' --exclude='.*.d' --exclude='.tmp_*' \
		-cf - . | tar -C "$1" -xpf -
}

# Packages take their version from VERSION, and what is new in it from the changelog.
need_changelog() {
	[[ $(sed -n '1s/^dualbm (\(.*\)) .*/\1/p' "$TOP/debian/changelog") == "$VERSION" ]] ||
		die "debian/changelog and VERSION name different versions"
}

# A package's maintainer is whoever builds it.
maintainer() {
	local name=${DEBFULLNAME:-$(getent passwd "$EUID" | cut -d: -f5 | cut -d, -f1)}

	echo "${name:-dualbm} <${DEBEMAIL:-$(id -un)@$(hostname -f)}>"
}

# column KERNEL N: from the tables.
column() {
	awk -v name="$1" -v n="$2" '$1 == name { print $n; found = 1 } END { exit !found }' \
		<<<"$KERNEL_TABLE$EXTRA_TABLE$DEBUG_TABLE$MEASURED_TABLE" ||
		die "no kernel $1; there are: $MATRIX $EXTRA_KERNELS $DEBUG_KERNELS $MEASURED_KERNELS"
}

is_debug_kernel() {
	[[ " $DEBUG_KERNELS " == *" $1 "* ]]
}

# Built here, and not Debian's.
is_built_kernel() {
	[[ " $DEBUG_KERNELS $MEASURED_KERNELS " == *" $1 "* ]]
}

# arch_of KERNEL: as Debian calls it; the kernels that are built here have another column there.
arch_of() {
	if is_built_kernel "$1"; then echo amd64; else column "$1" 4; fi
}

# machine_arch: this machine's, as Debian calls it.
machine_arch() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	*) uname -m ;;
	esac
}

# row_name KERNEL: its name with the architecture, as in 7.3-amd64.
row_name() {
	if [[ $1 == *-arm64 ]]; then echo "$1"; else echo "$1-amd64"; fi
}

# cross_of KERNEL: what make has to be told when it is not for this machine.
cross_of() {
	if [[ $(arch_of "$1") == arm64 ]]; then
		echo ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-
	fi
}

# foreign_tree ARCH: where a root has what was unpacked for another architecture.
foreign_tree() {
	echo "/usr/lib/dualbm-$1"
}

# root_of SUITE
root_of() {
	if [[ $1 == bookworm ]]; then echo "$CACHE/root"; else echo "$CACHE/root-$1"; fi
}

# use_kernel KERNEL: from here on ROOT is the root that has it.
use_kernel() {
	local suite

	suite=$(column "$1" 2)
	ROOT=$(root_of "$suite")
}

# kernel_release KERNEL: the release that its root has for it, as uname -r will say it.
# The root must exist; a release is chosen once per refresh.
kernel_release() {
	local suite file

	suite=$(column "$1" 2)
	file=$(root_of "$suite")/var/lib/dualbm/release-$1
	[[ -s $file ]] || die "no kernel $1 here yet: run scripts/root $1"
	cat "$file"
}

# Run a command inside the root. A mount namespace of its own, so that nothing
# is left mounted in the checkout however this ends (a forgotten bind mount of
# /dev below a directory that people delete is how machines get lost), and a PID
# namespace, so that no process outlives it.
in_root() {
	need_user_root
	unshare --mount --propagation private --pid --fork --kill-child \
		bash "$TOP/scripts/in-root" "$ROOT" "$TOP" "$@"
}

# with_lock NAME CMD...: two commands at once must not write one root or image.
with_lock() {
	local name=$1

	shift
	(
		flock -w 5 9 || {
			say "waiting for another run that uses $CACHE ($name)"
			flock 9
		}
		"$@" 9>&-
	) 9>"$CACHE/.lock-$name"
}

# shellcheck source-path=SCRIPTDIR
. "$TOP/scripts/archive.sh"
