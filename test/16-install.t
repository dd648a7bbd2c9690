#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The packages with the real dkms and the headers of two kernels, in throw-away roots
# of Debian 12 and 13: installed, upgraded, removed, purged, and by autopkgtest; in that of
# Debian 12 by piuparts as well. Then the RPM packages there, which has rpm as a program:
# dependencies are not looked at, all else is as it is elsewhere; with packages of the module
# alone, which need no compiler. Each version is built for each kernel, so it takes half an
# hour: with DUALBM_LONG=1 only, which "scripts/check --long" sets.
# DUALBM_SUITES=bookworm: one of them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
long_only "the packages with dkms and kernels' headers" "half an hour"

next=0.9999.0
work=$CACHE/install-test
export DEBFULLNAME="The tests" DEBEMAIL=tests@dualbm.invalid

# What has our name; modules.* are indexes, dpkg and apt keep logs.
traces() {
	in_root sh -c 'find /etc /usr /lib/modules/ /var/lib -name "*dualbm*" | sort
		find /lib/modules/*/updates /usr/lib/modules/*/updates -type f 2>/dev/null
		dkms status dualbm 2>/dev/null
		dpkg -l "dualbm*" 2>/dev/null | grep "^[ir]" || :'
}

# has WHAT VERSION: every kernel has the module in this version, and no other.
has() {
	local release

	for release in "${releases[@]}"; do
		is "$1: $release has $2" "$(in_root modinfo -k "$release" -F version dualbm 2>&1 || :)" "$2"
		like "$1: $release: DKMS says installed" \
			"$(in_root dkms status -m dualbm -v "$2" -k "$release" 2>/dev/null)" ": installed"
	done
	empty "$1: DKMS has no other version" "$(in_root dkms status dualbm 2>/dev/null | grep -v "^dualbm/$2, " || :)"
	is "$1: there is no other source" "$(in_root sh -c 'echo /usr/src/dualbm-*')" "/usr/src/dualbm-$2"
}

edit() {
	in_root sed -i 's/^#options dualbm policy=.*/options dualbm policy=panic/' /etc/modprobe.d/dualbm.conf
	edited=$(<"$ROOT/etc/modprobe.d/dualbm.conf")
}

# kept WHAT NEW: what was edited, with the new text in the file NEW beside it.
kept() {
	is "$1: what was edited is kept" "$(<"$ROOT/etc/modprobe.d/dualbm.conf")" "$edited"
	like "$1: the new text is beside it" "$(cat "$ROOT/etc/modprobe.d/dualbm.conf.$2" 2>&1)" "As of $next"
	like "$1: what was not edited is new" "$(<"$ROOT/etc/modules-load.d/dualbm.conf")" "As of $next"
}

# A kernel that is installed there is booted by the package's own command, as far as one test.
qualifies() {
	local suite=$1 release=${releases[0]}

	check "$suite: dualbm-qualify installs, with what it needs" in_apt install --no-install-recommends \
		"/cache/install-test/deb/dualbm-qualify_${VERSION}_all.deb"
	is "$suite: one test of $release passes" \
		"$(in_root dualbm-qualify --kernel "$release" --only load --output /tmp 2>"$work/qualify.err" | head -n 1)" \
		"not qualified: only some of the tests were run: load"
	empty "$suite: and leaves nothing" "$(in_root sh -c 'ls -d /var/tmp/dualbm* 2>/dev/null' || :)"
	check "$suite: dualbm-qualify is purged" in_apt purge dualbm-qualify
}

debs() {
	local suite=$1

	check "$suite: both packages install" in_apt install \
		"/cache/install-test/deb/dualbm-dkms_${VERSION}_all.deb" "/cache/install-test/deb/dualbm-tools_${VERSION}_amd64.deb"
	has "$suite: installed" "$VERSION"
	[[ $suite != bookworm ]] || qualifies "$suite"
	is "$suite: dualbmctl runs" "$(in_root dualbmctl --version 2>&1 || :)" "dualbmctl $VERSION"
	edit
	check "$suite: both are upgraded" in_apt install \
		"/cache/install-test/next-deb/dualbm-dkms_${next}_all.deb" "/cache/install-test/next-deb/dualbm-tools_${next}_amd64.deb"
	has "$suite: upgraded" "$next"
	kept "$suite: upgraded" dpkg-dist
	check "$suite: both are removed" in_apt remove dualbm-dkms dualbm-tools
	is "$suite: removed, what was edited is still there" "$(cat "$ROOT/etc/modprobe.d/dualbm.conf" 2>&1)" "$edited"
	check "$suite: both are purged" in_apt purge dualbm-dkms dualbm-tools
	is "$suite: purged, nothing is left" "$(traces)" "$before"
}

# Debian's own test of packages, and the tests in debian/tests, on what is installed from the files.
# DKMS's test of them wants a machine that is thrown away: this root is one.
autopkgtests() {
	local suite=$1 name

	fetch root_apt "installing autopkgtest in the root" "$work/apt.log" \
		in_apt install --no-install-recommends autodep8 autopkgtest man-db
	check "$suite: autopkgtest" in_root sh -ec 'cd /cache/install-test/deb
		rm -rf /cache/install-test/autopkgtest
		autopkgtest -B --ignore-restrictions=breaks-testbed --output-dir=/cache/install-test/autopkgtest \
			./dualbm-dkms_*.deb ./dualbm-tools_*.deb ./dualbm_*.dsc -- null'
	for name in tools module dkms-autopkgtest; do
		like "$suite: autopkgtest: $name passes" "$(cat "$work/autopkgtest/summary" 2>&1)" "(^|
)$name +PASS"
	done
	in_apt purge dualbm-dkms dualbm-tools >/dev/null 2>&1 || :
}

# Installed and purged once more, by a program that knows what else packages leave behind: where no
# kernel is, as it copies the root.
piuparts_is_content() {
	throw_away_root bookworm --exclude='./usr/lib/modprobe.d/*' --exclude='./usr/lib/modules/*' --exclude='./usr/src/*' \
		--exclude='./var/lib/dkms/dualbm' --exclude='./boot/*' --exclude='./vmlinuz*'
	# It compares files with what dpkg knows.
	in_apt purge 'linux-image-*' 'linux-headers-*' 'linux-kbuild-*' >/dev/null 2>&1
	check "bookworm: piuparts" unshare --mount --propagation private \
		piuparts --existing-chroot "$ROOT" --tmpdir "$work" --keep-sources-list --no-eatmydata --distribution bookworm \
		--no-upgrade-test --log-file "$work/piuparts.log" "$work"/deb/dualbm-{dkms,tools,qualify}_*.deb
}

in_rpm() {
	# Debian's rpm wants to be told twice, as its packages are not known to dpkg.
	in_root rpm --force-debian --nodeps "$@"
}

rpms() {
	local dir=/cache/install-test arch

	arch=$(uname -m)
	fetch root_apt "installing rpm in the root" "$work/apt.log" in_apt install --no-install-recommends rpm
	before=$(traces)
	check "rpm: the packages install" in_rpm -i \
		"$dir/rpm/dualbm-"{common,dkms}"-$VERSION-1.noarch.rpm" "$dir/rpm/dualbm-tools-$VERSION-1.$arch.rpm"
	has "rpm: installed" "$VERSION"
	edit
	# The preun of what is replaced runs last, and means the same version.
	check "rpm: another release of the same version" in_rpm -U "$dir/release/dualbm-"{common,dkms}"-$VERSION-2.noarch.rpm"
	has "rpm: another release" "$VERSION"
	check "rpm: they are upgraded" in_rpm -U \
		"$dir/next-rpm/dualbm-"{common,dkms}"-$next-1.noarch.rpm" "$dir/next-rpm/dualbm-tools-$next-1.$arch.rpm"
	has "rpm: upgraded" "$next"
	kept "rpm: upgraded" rpmnew
	check "rpm: they are erased" in_rpm -e dualbm-common dualbm-dkms dualbm-tools
	is "rpm: erased, what was edited is set aside" "$(cat "$ROOT/etc/modprobe.d/dualbm.conf.rpmsave" 2>&1)" "$edited"
	in_root sh -c 'rm -f /etc/modprobe.d/dualbm.conf.rpm*'
	is "rpm: erased, nothing else is left" "$(traces)" "$before"
}

# A package of the module for one kernel, with its real headers, and signed: as rpm sees it there.
kmods() {
	local dir=/cache/install-test release=${releases[0]} arch kmod

	arch=$(uname -m)
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 2 -outform DER -subj '/CN=the tests/' \
		-keyout "$work/key" -out "$work/certificate" 2>/dev/null
	# kmod_build NAME SOURCE RELEASE
	kmod_build() {
		in_root env O="$dir/$1" DUALBM_CACHE="$dir/cache" DEBFULLNAME="$DEBFULLNAME" DEBEMAIL="$DEBEMAIL" \
			"$2/packaging/rpm/build" --kmod "$3" --sign "$dir/key" "$dir/certificate"
	}
	for kmod in "${releases[@]}"; do
		check "kmod: $kmod: builds" kmod_build "kmod-$kmod" /src "$kmod"
	done
	check "kmod: $release: the next version builds" kmod_build next-kmod "$dir/next" "$release"
	printf '#!/bin/sh\necho "$* $(cat)" >>/root/weak-modules\n' >"$ROOT/usr/sbin/weak-modules"
	chmod 755 "$ROOT/usr/sbin/weak-modules"

	# file VERSION NAME RELEASE
	file() {
		echo "$dir/$2/kmod-dualbm-$3-$1-1.$arch.rpm"
	}
	check "kmod: installs for both kernels" in_rpm -i "$dir/rpm/dualbm-common-$VERSION-1.noarch.rpm" \
		"$(file "$VERSION" "kmod-${releases[0]}" "${releases[0]}")" "$(file "$VERSION" "kmod-${releases[1]}" "${releases[1]}")"
	for kmod in "${releases[@]}"; do
		is "kmod: $kmod: modprobe finds it, of this version, for this kernel, signed, with its symbols" \
			"$(in_root modinfo -k "$kmod" -F version dualbm 2>&1) $(in_root modinfo -k "$kmod" -F vermagic dualbm | cut -d' ' -f1) $(
				in_root modinfo -k "$kmod" -F signer dualbm) $(
				in_root readelf -WS "/lib/modules/$kmod/extra/dualbm/dualbm.ko" 2>/dev/null | grep -c ' .debug_info')" \
			"$VERSION $kmod the tests 1"
		check "kmod: $kmod: it can be loaded there, by its dependencies" in_root modprobe -n -S "$kmod" dualbm
	done
	check "kmod: is upgraded for one of them" in_rpm -U "$dir/next-rpm/dualbm-common-$next-1.noarch.rpm" "$(file "$next" next-kmod "$release")"
	is "kmod: the other one has what it had" "$(for kmod in "${releases[@]}"; do in_root modinfo -k "$kmod" -F version dualbm 2>&1; done | xargs)" \
		"$next $VERSION"
	check "kmod: is erased" in_root sh -c 'rpm -qa "kmod-dualbm-*" dualbm-common | xargs rpm --force-debian --nodeps -e'
	is "kmod: weak-modules was told of each, and of what had gone" "$(sort "$ROOT/root/weak-modules" | uniq -c | awk '{ print $1, $2, $3 }' | sort -k3)" \
		"$(for kmod in "${releases[@]}"; do
			printf '%s %s /lib/modules/%s/extra/dualbm/dualbm.ko\n' \
				"$([[ $kmod == "$release" ]] && echo 2 || echo 1)" --add-modules "$kmod" 1 --remove-modules "$kmod"
		done | sort -k3)"
	rm "$ROOT/usr/sbin/weak-modules" "$ROOT/root/weak-modules"
	in_root sh -c 'rm -f /etc/modprobe.d/dualbm.conf.rpm*; rmdir /lib/modules/*/extra 2>/dev/null || :'
	is "kmod: erased, nothing is left" "$(traces)" "$before"
}

# built NAME DIR COMMAND: packages, by a checkout's own script.
built() {
	check "packages: $1" env O="$work/$1" DUALBM_CACHE="$work/cache" "$2/packaging/$3"
}

need_packages openssl piuparts
rm -rf "$work"
next_source "$work/next" "$next"
built deb "$TOP" deb
built next-deb "$work/next" deb
built rpm "$TOP" rpm/build
built next-rpm "$work/next" rpm/build
next_source "$work/again" "$VERSION"
sed -i 's/^Release: 1/Release: 2/' "$work/again/packaging/rpm/dualbm.spec"
built release "$work/again" rpm/build

for suite in ${DUALBM_SUITES:-bookworm trixie}; do
	case $suite in
	bookworm) kernels=(6.1 6.12) ;;
	*) kernels=(6.12-trixie 7.3) ;;
	esac
	"$TOP/scripts/root" "${kernels[@]}"
	releases=()
	for kernel in "${kernels[@]}"; do
		releases+=("$(kernel_release "$kernel")")
	done
	# With the kernels' own modules: where there are none, Debian 13's dkms takes a kernel
	# for removed, and makes no index of its modules any more.
	throw_away_root "$suite" --exclude='./usr/lib/modprobe.d/*'
	in_root sh -c 'cd /src && scripts/install --remove' >/dev/null 2>&1 || :
	before=$(traces)
	debs "$suite"
	autopkgtests "$suite"
	if [[ $suite == bookworm ]]; then
		rpms
		kmods
		piuparts_is_content
	fi
	rm -rf --one-file-system "$ROOT"
done
rm -rf "$work"
done_testing
