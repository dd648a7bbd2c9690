#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the scripts make of an archive that is not complete, not new, not in one piece or
# not there. Without the network: scripts/root as it is, on a small archive that is made
# and signed here, with packages that have almost nothing in them. Apt and dpkg are this
# machine's; what they know and what they install is in a directory.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

need_user_root
need_packages gpg gpg-agent kmod
work=$CACHE/archive-test
tree=$work/tree cache=$work/cache mirror=$work/mirror
clean() {
	GNUPGHOME=$work/gpg gpgconf --kill gpg-agent 2>/dev/null || :
	rm -rf --one-file-system "$work"
}
clean
trap clean EXIT
mkdir -p "$tree/docs" "$tree/packaging" "$work/gpg" "$work/built"
cp -a "$TOP/scripts" "$TOP/VERSION" "$tree/"
cp "$TOP/docs/kernels.md" "$tree/docs/"
cp -r "$TOP/packaging/"{qualified,modprobe.d} "$tree/packaging/"
chmod 700 "$work/gpg"
export GNUPGHOME=$work/gpg
gpg -q --batch --passphrase '' --quick-gen-key archive@dualbm.invalid ed25519 2>"$work/gpg.log"
gpg -q --export >"$work/key.gpg"

# The root's programs are this machine's, all else is its own. A machine need not have a
# /usr/lib/modules: the root's /usr/lib is links.
cat >"$tree/scripts/in-root" <<'EOF'
#!/bin/bash
set -euo pipefail
root=$1 checkout=$2 work=${2%/tree}
shift 2
for dir in usr/bin usr/sbin usr/lib64 usr/share etc/alternatives dev; do
	[[ ! -d /$dir ]] || mount --bind "/$dir" "$root/$dir"
done
mount --bind /usr/lib "$root/lib.machine"
mount --bind "$work" "$root$work"
exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive \
	APT_CONFIG="$work/cache/root.conf" sh -c 'cd "$1" && shift && exec "$@"' sh "$checkout" "$@"
EOF
# DKMS is not asked.
printf '#!/bin/sh\n' >"$tree/scripts/install"

# deb SUITE NAME VERSION ARCH [DEPENDS [FILE...]]: a package, in that suite from now on.
deb() {
	local suite=$1 name=$2 version=$3 arch=$4 depends=${5-} out file dir=$work/package

	out=$work/built/${name}_${version}_$arch.deb
	shift $(($# < 5 ? $# : 5))
	if [[ ! -e $out ]]; then
		rm -rf "$dir"
		mkdir -p "$dir/DEBIAN"
		for file; do
			mkdir -p "$dir/${file%/*}"
			echo "$name $version" >"$dir/$file"
		done
		{
			printf 'Package: %s\nVersion: %s\nArchitecture: %s\n' "$name" "$version" "$arch"
			printf 'Maintainer: nobody\nDescription: nothing\n'
			[[ ! $depends ]] || echo "Depends: $depends"
		} >"$dir/DEBIAN/control"
		dpkg-deb -b -Znone --root-owner-group "$dir" "$out" >/dev/null
		{
			cat "$dir/DEBIAN/control"
			printf 'Filename: pool/%s\nSize: %s\nSHA256: %s\n\n' \
				"${out##*/}" "$(stat -c %s "$out")" "$(sha256sum <"$out" | cut -d' ' -f1)"
		} >"$out.index"
	fi
	mkdir -p "$mirror/$suite/pool"
	ln -f "$out" "$out.index" "$mirror/$suite/pool/"
}

# gone_from SUITE NAME...: no longer in it.
gone_from() {
	local suite=$1 name

	shift
	for name; do
		rm "$mirror/$suite/pool/${name}"_*
	done
}

# kernel SUITE RELEASE VERSION: one as Debian 12's 6.1 is, with image and headers apart.
kernel() {
	local suite=$1 release=$2 version=$3 arch=${2##*-} common

	common=linux-headers-${release%-*}-common
	deb "$suite" "$common" "$version" all '' "usr/src/$common/Makefile"
	deb "$suite" linux-kbuild-6.1 "$version" amd64
	deb "$suite" "linux-headers-$release" "$version" "$arch" \
		"$common (= $version), linux-kbuild-6.1 (>= $version)" "usr/src/linux-headers-$release/Makefile"
	deb "$suite" "linux-image-$release" "$version" "$arch" '' \
		"boot/vmlinuz-$release" "usr/lib/modules/$release/kernel/x"
}

# split SUITE RELEASE VERSION: one of those from 7.0 on.
split() {
	local suite=$1 release=$2 version=$3

	deb "$suite" "linux-headers-$release" "$version" amd64 "linux-base-$release (= $version)" \
		"usr/src/linux-headers-$release/Makefile"
	deb "$suite" "linux-base-$release" "$version" amd64
	deb "$suite" "linux-image-$release" "$version" amd64
	deb "$suite" "linux-binary-$release" "$version" amd64 '' "usr/lib/modules/$release/vmlinuz"
	deb "$suite" "linux-modules-$release" "$version" amd64 '' "usr/lib/modules/$release/kernel/x"
}

date_of() {
	date -u -d "$1" '+%a, %d %b %Y %H:%M:%S UTC'
}

# publish SUITE [FROM UNTIL [CODENAME]]: its lists, as of now.
publish() {
	local suite=$1 dir=$mirror/$1 label=Debian arch list

	[[ $suite != *security && $suite != */updates ]] || label=Debian-Security
	for arch in amd64 arm64; do
		list=$dir/dists/$suite/main/binary-$arch/Packages
		mkdir -p "${list%/*}"
		rm -f "$list" "$list.gz"
		cat "$dir"/pool/*_{"$arch",all}.deb.index >"$list" 2>/dev/null || :
		gzip -nk "$list"
	done
	{
		printf 'Origin: Debian\nLabel: %s\nCodename: %s\nSuite: %s\n' "$label" "${4:-$suite}" "$suite"
		printf 'Architectures: amd64 arm64\nComponents: main\nDate: %s\nValid-Until: %s\nSHA256:\n' \
			"$(date_of "${2:-1 hour ago}")" "$(date_of "${3:-7 days}")"
		(cd "$dir/dists/$suite" && find . -name 'Packages*' -printf '%P\n') | while read -r list; do
			echo " $(sha256sum <"$dir/dists/$suite/$list" | cut -d' ' -f1) $(stat -c %s "$dir/dists/$suite/$list") $list"
		done
	} >"$work/Release"
	# What is not compressed apt would read where it is, always new.
	rm "$dir/dists/$suite"/main/*/Packages
	# Not in place: it is linked.
	rm -f "$dir/dists/$suite/InRelease"
	gpg -q --batch --clearsign -o "$dir/dists/$suite/InRelease" "$work/Release" 2>>"$work/gpg.log"
}

# machine URI:SUITE...: what this machine's apt reads.
machine() {
	local entry conf='Acquire::Retries "0"; APT::Sandbox::User "root"; APT::Architecture "amd64";'

	rm -rf "$work/machine"
	mkdir -p "$work/machine"/{etc/apt/{apt.conf,preferences,sources.list}.d,var/lib/{apt/lists/partial,dpkg},var/cache/apt/archives/partial}
	: >"$work/machine/var/lib/dpkg/status"
	for entry; do
		echo "deb [signed-by=$work/key.gpg arch=amd64] ${entry%:*} ${entry##*:} main"
	done >"$work/machine/etc/apt/sources.list"
	echo "$conf" >"$cache/root.conf"
	printf '%s\nDir "%s/";\nDir::State::status "%s";\n' \
		"$conf" "$work/machine" "$work/machine/var/lib/dpkg/status" >"$work/machine.conf"
	APT_CONFIG=$work/machine.conf apt-get -q update >"$work/machine.log" 2>&1 || :
}

# An archive with two complete kernels and all else that a root needs.
complete() {
	local package

	tr '\n' ' ' <"$TOP/scripts/root" | grep -oE 'PACKAGES=[(][^)]*' | sed 's/.*(//' | xargs -n 1 | while read -r package; do
		deb bookworm "$package" 1 amd64
		deb bookworm "$package" 1 arm64
	done
	deb bookworm gcc-aarch64-linux-gnu 1 amd64
	deb bookworm libc6-dev-arm64-cross 1 all
	kernel bookworm 6.1.0-55-amd64 6.1.190-1
	kernel bookworm 6.1.0-55-arm64 6.1.190-1
	kernel bookworm-security 6.1.0-56-amd64 6.1.192-2
	kernel bookworm-security 6.1.0-56-arm64 6.1.192-2
	publish bookworm
	publish bookworm-security
	mv "$mirror" "$work/complete"
}

# start: such an archive, and a root that has nothing yet.
start() {
	local entry

	rm -rf --one-file-system "$cache" "$mirror"
	mkdir -p "$cache/root$work" "$cache"/root/{boot,dev,tmp,lib.machine} "$cache"/root/etc/{alternatives,apt/{sources.list,apt.conf,preferences}.d} \
		"$cache"/root/usr/{bin,sbin,lib64,lib/modules,share,src} \
		"$cache"/root/var/{cache/apt/archives/partial,lib/apt/lists/partial,lib/dpkg/{info,updates},log}
	: >"$cache/root/var/lib/dpkg/status"
	ln -s usr/{bin,sbin,lib,lib64} "$cache/root/"
	for entry in /usr/lib/*; do
		[[ $entry == */modules ]] || ln -s "/lib.machine/${entry##*/}" "$cache/root/usr/lib/"
	done
	cp -al "$work/complete" "$mirror"
	machine "file:$mirror/bookworm:bookworm" "file:$mirror/bookworm-security:bookworm-security"
}

# in_tree CMD...: in $out what it says, in $status how it ends.
in_tree() {
	status=0
	out=$(cd "$tree" && env -u DUALBM_APT_UPDATED DUALBM_CACHE="$cache" APT_CONFIG="$work/machine.conf" "$@" 2>&1) ||
		status=$?
}

# root KERNEL...: scripts/root, a day after it was run before.
root() {
	[[ ! -e $cache/root/var/lib/dualbm/ready ]] || touch -d '2 days ago' "$cache/root/var/lib/dualbm/ready"
	in_tree scripts/root "$@"
}

# call FUNCTION ARGUMENT...: one of the scripts' own, for that root.
call() {
	in_tree bash -c 'set -euo pipefail; . scripts/lib.sh; "$@"' bash "$@"
}

has() {
	cat "${@/#/$cache/root}" 2>&1 | xargs
}

# choose KERNEL: only reads lists and chooses a release.
choose() {
	in_tree bash -c 'set -euo pipefail; . scripts/lib.sh; update_lists root_apt "$CACHE/lists.log"
		echo "it is $(choose_release "$1")"' bash "$1"
}

# chose NAME RELEASE VERSION WORDS: and said that.
chose() {
	is "$1: it is $2 $3" "$status $(tail -n 1 <<<"$out")" "0 it is $2 $3"
	like "$1: says so" "$out" "$4"
}

# made NAME KERNEL RELEASE WORDS [ROOT]: scripts/root did, and said that.
made() {
	is "$1: it is $3" "$status $(has "${5-}/var/lib/dualbm/release-$2")" "0 $3"
	((status == 0)) || diag "$out"
	like "$1: says so" "$out" "$4"
}

# refused NAME STATUS WORDS
refused() {
	is "$1: ends with $2" "$status" "$2"
	like "$1: says so" "$out" "$3"
	[[ $2 == 69 ]] || empty "$1: does not say that it cannot be reached" "$(grep 'cannot reach' <<<"$out" || :)"
}

complete
start
root 6.1
made "all is there" 6.1 6.1.0-56-amd64 "root is ready: bookworm with 6.1.0-56-amd64"
is "all is there: its headers and its image" \
	"$(has /usr/src/linux-headers-6.1.0-56-{amd64,common}/Makefile /boot/vmlinuz-6.1.0-56-amd64)" \
	"linux-headers-6.1.0-56-amd64 6.1.192-2 linux-headers-6.1.0-56-common 6.1.192-2 linux-image-6.1.0-56-amd64 6.1.192-2"
changed=$(stat -c %Y "$cache/root/var/lib/dualbm/changed" 2>&1 || :)
root 6.1
is "once more: nothing is changed" "$status $(stat -c %Y "$cache/root/var/lib/dualbm/changed" 2>&1 || :)" "0 $changed"

# The day that a kernel is uploaded.
kernel bookworm-security 6.1.0-57-amd64 6.1.192-3
kernel bookworm-security 6.1.0-57-arm64 6.1.192-3
gone_from bookworm-security linux-image-6.1.0-57-{amd64,arm64}
publish bookworm-security
choose 6.1
chose "no image yet" 6.1.0-56-amd64 6.1.192-2 '6.1.0-57-amd64 .* is passed over: .*no linux-image-6.1.0-57-amd64 6.1.192-3'
call in_root dpkg --add-architecture arm64
choose 6.1-arm64
chose "no image yet, arm64" 6.1.0-56-arm64 6.1.192-2 'passed over: .*no linux-image-6.1.0-57-arm64 6.1.192-3'
deb bookworm-security linux-image-6.1.0-57-amd64 6.1.192-0 amd64
publish bookworm-security
choose 6.1
chose "an image of another version" 6.1.0-56-amd64 6.1.192-2 'passed over: .*no linux-image-6.1.0-57-amd64 6.1.192-3'
kernel bookworm-security 6.1.0-57-amd64 6.1.192-3
gone_from bookworm-security linux-headers-6.1.0-57-common
publish bookworm-security
choose 6.1
chose "no common headers" 6.1.0-56-amd64 6.1.192-2 'passed over: .*no linux-headers-6.1.0-57-common'
kernel bookworm-security 6.1.0-57-amd64 6.1.192-3
kernel bookworm-security 6.1.0-57-arm64 6.1.192-3
rm "$mirror"/bookworm-security/pool/linux-kbuild-6.1_6.1.192-3_*
publish bookworm-security
choose 6.1
chose "a kbuild that is too old" 6.1.0-56-amd64 6.1.192-2 'passed over: it cannot be installed: Depends: linux-kbuild-6.1'
choose 6.1-arm64
chose "a kbuild that is too old, arm64" 6.1.0-56-arm64 6.1.192-2 'passed over: it cannot be installed: Depends: linux-kbuild-6.1'
kernel bookworm-security 6.1.0-57-amd64 6.1.192-3
kernel bookworm 6.1.0-57-amd64 6.1.192-1
gone_from bookworm-security linux-image-6.1.0-57-amd64
publish bookworm
publish bookworm-security
root 6.1
made "an older version of the newest" 6.1 6.1.0-57-amd64 '57-amd64 .6.1.192-3. is passed over'
is "an older version of the newest: its headers and its image" \
	"$(has /usr/src/linux-headers-6.1.0-57-{amd64,common}/Makefile /boot/vmlinuz-6.1.0-57-amd64)" \
	"linux-headers-6.1.0-57-amd64 6.1.192-1 linux-headers-6.1.0-57-common 6.1.192-1 linux-image-6.1.0-57-amd64 6.1.192-1"

# A file that the lists name and the archive does not have.
kernel bookworm-security 6.1.0-58-amd64 6.1.192-4
publish bookworm-security
rm "$mirror"/bookworm-security/pool/linux-image-6.1.0-58-amd64_*.deb
root 6.1
made "a file that is nowhere" 6.1 6.1.0-57-amd64 'reading package lists again.* linux-image-6.1.0-58-amd64_.*58-amd64 .* is passed over'

# Lists that are no longer valid, or newer than the clock.
kernel bookworm-security 6.1.0-58-amd64 6.1.192-4
publish bookworm-security "20 days ago" "3 days ago"
choose 6.1
chose "lists that are no longer valid" 6.1.0-58-amd64 6.1.192-4 'used all the same: [^ ]*bookworm-security[^ ]* is expired .invalid since 3d'
is "lists that are no longer valid: one line" "$(grep -c 'is expired' <<<"$out")" 1
kernel bookworm-security 6.1.0-59-amd64 6.1.192-5
publish bookworm-security "1 day" "9 days"
choose 6.1
chose "a clock that is late" 6.1.0-59-amd64 6.1.192-5 'used all the same: [^ ]*bookworm-security[^ ]* is not valid yet'

# Nothing is complete; what is here already will do.
start
root 6.1-arm64
made "arm64" 6.1-arm64 6.1.0-56-arm64 'root is ready'
gone_from bookworm-security linux-image-6.1.0-56-{amd64,arm64}
gone_from bookworm linux-image-6.1.0-55-{amd64,arm64}
publish bookworm
publish bookworm-security
choose 6.1-arm64
chose "only here it is complete" 6.1.0-56-arm64 6.1.192-2 '6.1.0-56-arm64 .* is kept'
root 6.1
refused "nowhere it is complete" 75 'no linux-image-6.1.0-56-amd64.*no linux-image-6.1.0-55-amd64.*does not offer .*kernel 6.1'
# A row from before is no obstacle to one that is asked for.
rm "$cache/root/boot/vmlinuz-6.1.0-56-arm64"
kernel bookworm-security 6.1.0-56-amd64 6.1.192-2
publish bookworm-security
root 6.1
made "a row that is not asked for is incomplete" 6.1 6.1.0-56-amd64 'no complete kernel 6.1-arm64'

# Lists that are older than the archive.
deb bookworm thing 1 amd64
publish bookworm
choose 6.1
gone_from bookworm thing
deb bookworm thing 2 amd64
publish bookworm
call root_packages thing
is "old lists: they are read again" "$status $(sed -n '/^Package: thing/,/^$/s/^Version: //p' "$cache/root/var/lib/dpkg/status")" "0 2"
like "old lists: says so" "$out" 'reading package lists again.*thing_1_amd64'
is "old lists: once" "$(grep -c 'reading package lists again' <<<"$out")" 1
deb bookworm another 1 amd64
publish bookworm
call root_packages another
is "what the lists do not have yet: they are read again" "$status" 0
call root_packages nosuchthing
refused "what nobody has" 75 'does not offer.*nosuchthing'

# Nobody answers.
call eval 'sed -i s,file:,http://127.0.0.1:1/, "$ROOT"/etc/apt/sources.list.d/*
	sed -i "/Retries/d" "$ROOT"/etc/apt/apt.conf.d/*
	root_packages nosuchthing'
refused "out of reach" 69 'cannot reach.*nosuchthing.*127.0.0.1'
machine http://127.0.0.1:1/debian:bookworm http://127.0.0.1:1/security:bookworm-security
root 6.1
made "out of reach, but all is here" 6.1 6.1.0-56-amd64 'keeping the root as it is'
in_tree scripts/root 6.1
is "out of reach, but all is here: it is not asked again at once" "$status $out" "0 "
rm "$cache/root/boot/vmlinuz-6.1.0-56-amd64"
root 6.1
refused "out of reach, and not all is here" 69 'cannot reach the Debian archive.*127.0.0.1'

# A part of it.
start
rm -rf "$mirror/bookworm-security"
root 6.1
made "no security suite" 6.1 6.1.0-55-amd64 'does not have file:[^ ]* bookworm-security'
choose 6.12
like "no security suite, which has 6.12" "$out" 'no complete kernel 6.12'

# Other names of the security suite.
for name in bookworm/updates oldstable-security; do
	start
	mkdir -p "$mirror/$name"
	mv "$mirror/bookworm-security/pool" "$mirror/$name/"
	publish "$name" '' '' bookworm
	machine "file:$mirror/bookworm:bookworm" "file:$mirror/$name:$name"
	call sources_of bookworm
	like "security as $name" "$out" " $name bookworm-security "
	call sources_of trixie
	like "security as $name: of Debian 13" "$out" " trixie(/updates|-security) trixie-security "
done

# Debian 13, without backports; a kernel whose image is two packages.
start
split trixie 7.3.4+deb13-amd64 7.3.4-1~bpo13+1
split trixie 7.3.5+deb13-amd64 7.3.5-1~bpo13+1
gone_from trixie linux-modules-7.3.5+deb13-amd64
deb trixie linux-modules-7.3.5+deb13-amd64 7.3.5-1~bpo13+0 amd64
ln -f "$mirror"/bookworm/pool/*_amd64.deb* "$mirror/trixie/pool/"
publish trixie
# One archive has both.
mv "$mirror/trixie/dists/trixie" "$mirror/bookworm/dists/"
ln -f "$mirror"/trixie/pool/* "$mirror/bookworm/pool/"
sed -i "s,all=/usr/share/keyrings/debian-archive-keyring.gpg,all=$work/key.gpg," "$tree/scripts"/*.sh
mv "$mirror/bookworm" "$mirror/debian"
machine "file:$mirror/debian:bookworm" "file:$mirror/bookworm-security:bookworm-security"
cp -a "$cache/root" "$cache/root-trixie"
root 7.3
made "Debian 13, modules of another version" 7.3 7.3.4+deb13-amd64 'no linux-modules-7.3.5.deb13-amd64 7.3.5-1~bpo13.1' -trixie
like "Debian 13: no backports" "$out" 'does not have file:[^ ]* trixie-backports'
is "Debian 13: its image, in /boot too" "$(has -trixie/{usr/lib/modules/7.3.4+deb13-amd64/vmlinuz,boot/vmlinuz-7.3.4+deb13-amd64})" \
	"linux-binary-7.3.4+deb13-amd64 7.3.4-1~bpo13+1 linux-binary-7.3.4+deb13-amd64 7.3.4-1~bpo13+1"

# Who calls them. A script in place of the one that has to do with the archive.
for how in "69 out of reach" "75 does not offer"; do
	for name in vm-image root; do
		rm "$tree/scripts/$name"
		printf '#!/bin/sh\nexit %s\n' "${how%% *}" >"$tree/scripts/$name"
		chmod 755 "$tree/scripts/$name"
	done
	sed -i 's/sleep 10/sleep 0/' "$tree/scripts/check-matrix"
	mkdir -p "$tree"/test/{vm,modules}
	cp "$TOP"/test/{lib.sh,00-prepare.t,testrules.yml} "$tree/test/"
	touch "$tree"/{a.c,a.h,Kbuild,dkms.conf} "$tree"/test/{vm,modules}/a
	in_tree scripts/check-matrix 6.1 5.10
	is "rows of the matrix: end with ${how%% *}" "$status" "${how%% *}"
	like "rows of the matrix: says which" "$out" "${how#* }.* 6.1-amd64 5.10-amd64"
	check "rows of the matrix: their results stay" cmp "$TOP/docs/kernels.md" "$tree/docs/kernels.md"
	check "rows of the matrix: the kernels that are trusted stay" cmp "$TOP/packaging/modprobe.d/dualbm-qualified.conf" "$tree/packaging/modprobe.d/dualbm-qualified.conf"
	in_tree scripts/check test/00-prepare.t
	is "the test command: ends with ${how%% *}" "$status" "${how%% *}"
done
done_testing
