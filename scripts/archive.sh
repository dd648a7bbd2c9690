# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by lib.sh: the archive that this machine uses, what it offers, and which
# release of a kernel that is enough for.
#
# An archive is not one thing: it changes while it is read, a kernel's headers are there
# before its signed image, and a mirror need not have all of it. So two ends are told
# apart, for callers and for CI, and neither is a test that failed:
#
#   69  it cannot be reached (EX_UNAVAILABLE)
#   75  it was reached and does not offer what is needed (EX_TEMPFAIL: another day it will)

no_archive() {
	die -s 69 "cannot reach the Debian archive named in this machine's apt sources ($1); check the network and 'apt-get update', then run this again"
}

not_offered() {
	die -s 75 "the Debian archive named in this machine's apt sources does not offer all that is needed: $1; it may be complete again in some hours"
}

# What of the archive could not be reached when lists were read: "URI REASON".
UNREACHED=''

# apt-get for this machine and for the root. Answers nobody is there to give, and no
# daemons started on the way.
machine_apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confold "$@" </dev/null
}

root_apt() {
	in_root apt-get -q "$@" </dev/null
}

# lost LOG, gone LOG: one line "URI REASON" for each file that apt did not get: nobody
# answered; or the archive did, and does not have it, or not as its lists say.
failed_files() {
	sed -nE 's/^[WE]: Failed to fetch ([^ ]+)  ?(.*)/\1 \2/p' "$1" | sort -u
}

GONE='^[^ ]+ (40[0-79]|41[0-9]|File not found|Hash Sum mismatch|File has unexpected size)'

lost() {
	failed_files "$1" | grep -vE "$GONE" || :
}

gone() {
	failed_files "$1" | grep -E "$GONE" || :
}

# absent LOG: what apt did not find in its lists, in its words.
absent() {
	sed -nE "s/^E: ((Unable to locate package|Version|Can't find a source to download|Package) .*)/\1/p
		s/^ *([^ ]+ : )?((Pre)?Depends: .* but .*)/\2/p" "$1"
}

# update_lists APT LOG: reads the package lists again, for machine_apt or root_apt. That
# a part cannot be had is said, and no failure: what is needed may be in the others.
update_lists() {
	local apt=$1 log=$2 old options=()

	"$apt" update >"$log" 2>&1 || :
	# A mirror that stands still, or a clock that is wrong. Signed they are all the same.
	old=$(sed -nE 's/^E: Release file for ([^ ]+) is (expired|not valid yet) \((.*)\)\..*/\1 is \2 (\3)/p' "$log")
	if [[ $old ]]; then
		say "package lists are used all the same: $(paste -sd';' <<<"$old")"
		[[ $old != *' is expired '* ]] || options+=(-o Acquire::Check-Valid-Until=false)
		[[ $old != *' is not valid yet '* ]] || options+=(-o Acquire::Check-Date=false)
		"$apt" "${options[@]}" update >"$log" 2>&1 || :
	fi
	sed -nE "s/^E: The repository '([^']+) Release' (does not have|no longer has) a Release file.*/\1/p" "$log" |
		while read -r old; do
			say "the mirror does not have $old: going on without it"
		done
	old=$(gone "$log" | head -n 1)
	[[ ! $old ]] || say "the mirror lacks a package list: $old"
	UNREACHED=$(lost "$log" | head -n 1)
	[[ ! $UNREACHED ]] || say "not reached: $UNREACHED"
}

# unavailable WHAT LOG: ends, with the reason why apt did not do it.
unavailable() {
	local why

	why=$(lost "$2" | head -n 1)
	[[ ! $why ]] || no_archive "$1: $why"
	why=$(gone "$2" | head -n 1)
	why=${why:-$(absent "$2" | head -n 1)}
	# It may be where nobody answered.
	[[ ! $why || ! $UNREACHED ]] || no_archive "$1: $why; $UNREACHED"
	[[ ! $why ]] || not_offered "$1: $why"
	tail -n 5 "$2" >&2
	die "$1 failed, see $2"
}

# fetch APT WHAT LOG CMD...: a command that downloads, by the lists of machine_apt or
# root_apt. Lists that are older than the archive are read again, once.
fetch() {
	local apt=$1 what=$2 log=$3 why

	shift 3
	! "$@" >"$log" 2>&1 || return 0
	why=$(gone "$log" | head -n 1)
	why=${why:-$(absent "$log" | head -n 1)}
	if [[ $why ]]; then
		say "reading package lists again, as they may be old: $why"
		update_lists "$apt" "$log.lists"
		! "$@" >"$log" 2>&1 || return 0
	fi
	unavailable "$what" "$log"
}

# Lists are read once per command, however many scripts it calls.
apt_update_once() {
	[[ ${DUALBM_APT_UPDATED-} ]] && return
	say "reading package lists (apt-get update)"
	update_lists machine_apt "$CACHE/apt-update.log"
	export DUALBM_APT_UPDATED=1
}

package_installed() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# need_packages PKG...: install on this machine what is missing, and say so.
need_packages() {
	local pkg missing=()

	for pkg; do
		package_installed "$pkg" || missing+=("$pkg")
	done
	((${#missing[@]})) || return 0

	need_user_root
	apt_update_once
	say "installing on this machine: ${missing[*]}"
	fetch machine_apt "installing ${missing[*]}" "$CACHE/apt-install.log" \
		machine_apt install -y --no-install-recommends "${missing[@]}"
}

# The keyring that a source entry names: FILE:N is line N of a .list file or
# stanza N of a .sources file. apt does not give Signed-By through indextargets.
# An inline key or a bare fingerprint is not a file: nothing is printed.
source_keyring() {
	local file=${1%:*} n=${1##*:}

	case $file in
	*.sources)
		awk -v n="$n" '
			/^[ \t]*#/ { next }
			/^[ \t]*$/ { if (seen) { stanza++; seen = 0 }; next }
			{ seen = 1 }
			stanza + 1 == n && tolower($1) == "signed-by:" { print $2 }
		' "$file"
		;;
	*)
		sed -n "${n}p" "$file" | sed -n 's/.*\[.*signed-by=\([^] ]*\).*\]/\1/p' | awk '{ print $1 }'
		;;
	esac | tr ',' '\n' | grep -m1 '^/' || :
}

# debian_sources: one line "URI SUITE PART KEYRING" per suite of Debian 12 that this
# machine reads packages from, the mirror being whatever its owner chose. PART is
# bookworm, bookworm-updates or bookworm-security, whatever the suite is called there:
# oldstable-security and bookworm/updates are names of the last.
debian_sources() {
	local uri suite codename origin label comp entry key part targets

	targets=$(apt-get indextargets --format \
		'$(REPO_URI)|$(RELEASE)|$(CODENAME)|$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(SOURCESENTRY)' 'Created-By: Packages')
	while IFS='|' read -r uri suite codename origin label comp entry; do
		[[ $comp == main || $comp == */main ]] || continue
		# A third party's archive may use Debian's code name.
		case $origin,$label in
		Debian,* | Debian-Security,* | *,Debian | *,Debian-Security | *'$('*) ;;
		*) continue ;;
		esac
		[[ $codename != *'$('* ]] || codename=$suite
		case $codename,$label,$suite in
		bookworm-security,* | bookworm,Debian-Security,* | bookworm,*-security | bookworm/updates,* | bookworm,*/updates)
			part=bookworm-security
			;;
		bookworm,* | bookworm-updates,*) part=$codename ;;
		*) continue ;;
		esac
		key=$(source_keyring "$entry")
		[[ -r $key ]] || key=/usr/share/keyrings/debian-archive-keyring.gpg
		printf '%s %s %s %s\n' "$uri" "$suite" "$part" "$key"
	done <<<"$targets" | sort -u
}

# sources_of SUITE: the same for another Debian release, from the same mirrors. Which
# suites they have of it, apt will say.
sources_of() {
	local uri suite part key all=/usr/share/keyrings/debian-archive-keyring.gpg

	if [[ $1 == bookworm ]]; then
		debian_sources
		return
	fi
	while read -r uri suite part key; do
		uri=${uri//bookworm/$1}
		case $part in
		bookworm)
			printf '%s %s %s %s\n' "$uri" "$1" "$1" "$all"
			[[ $1 != trixie ]] || printf '%s %s %s %s\n' "$uri" "$1-backports" "$1-backports" "$all"
			;;
		bookworm-security)
			case $suite in
			bookworm*) suite=${suite/bookworm/$1} ;;
			*) suite=$1-security ;;
			esac
			printf '%s %s %s %s\n' "$uri" "$suite" "$1-security" "$all"
			;;
		esac
	done <<<"$(debian_sources)"
}

# The kernels of a row. In what follows RELEASE is what uname -r says and VERSION the
# packages'; one release may have had several versions.

# kernel_candidates KERNEL: what there are headers of, one line "RELEASE VERSION" each.
kernel_candidates() {
	in_root sh -c 'apt-cache pkgnames linux-headers- | grep -xE "$1" | sed "s/\$/:$2/" |
		xargs -r apt-cache show --all-versions' sh "linux-headers-$(column "$1" 3)" "$(arch_of "$1")" 2>/dev/null |
		sed -nE 's/^Package: linux-headers-(.*)/\1/p; s/^Version: //p' | paste -d' ' - -
}

# kernel_packages KERNEL RELEASE VERSION: all that is fetched for it, one line "install
# PACKAGE" or "unpack PACKAGE" each; and "satisfy DEPENDENCY" for what else has to be.
#
# An image is unpacked rather than installed, unless its headers want it: no boot loader,
# no initramfs, no hooks for a machine that never boots from here. The kernel and its
# modules are the very files that Debian ships and signs. From 7.0 on they are two packages.
# Headers of another architecture depend on its compiler: those are unpacked too.
kernel_packages() {
	local release=$2 arch at image=(image) depends name

	arch=$(arch_of "$1")
	if [[ $arch == amd64 ]]; then at="=$3"; else at=":$arch=$3"; fi
	depends=$(in_root sh -c 'apt-cache pkgnames "$1"; apt-cache show --no-all-versions "$2"' sh \
		"linux-modules-$release" "linux-headers-$release$at" 2>/dev/null)
	[[ $depends != linux-modules-* ]] || image=(binary modules)
	depends=$(sed -n 's/^Depends: //p' <<<"$depends" | sed 's/, */\n/g')
	if [[ $arch == amd64 ]]; then
		echo "install linux-headers-$release$at"
		# What has to be of the same version; left alone, apt takes the newest.
		sed -nE 's/^(linux-[^ ]+) \(= ([^)]+)\).*/install \1=\2/p' <<<"$depends"
	else
		cross_compiler "$arch" | sed 's/^/install /'
		echo "unpack linux-headers-$release$at"
		grep -E '^linux-(headers-.*-common|kbuild-)' <<<"$depends" |
			sed -E 's/ \(= ([^)]+)\)$/=\1/; s/^([^ ]+) .*/\1\nsatisfy &/; s/^/install /'
	fi
	for name in "${image[@]/%/-$release}"; do
		[[ $arch == amd64 && $depends == *"linux-$name (= "* ]] || echo "unpack linux-$name$at"
	done
}

# What is built with, on amd64, for a kernel of another architecture: a compiler and
# the C library for the guest's programs.
cross_compiler() {
	case $1 in
	arm64) printf '%s\n' gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
	esac
}

# Files that were not where the lists say, even after those were read again: words
# "PACKAGE_VERSION_ARCH.deb", for as long as this command runs.
BROKEN=''

# kernel_lacks KERNEL RELEASE VERSION: why it cannot be had from the archive; nothing if
# it can: all that would be fetched is offered, in the versions that belong together.
kernel_lacks() {
	local wanted install packages known name version log=$CACHE/apt-resolve.log

	wanted=$(kernel_packages "$@")
	mapfile -t packages < <(sed -nE 's/^(install|unpack) //p' <<<"$wanted")
	known=$(in_root apt-cache show --no-all-versions "${packages[@]}" 2>/dev/null |
		sed -nE 's/^(Package|Version): //p' | paste -d' ' - -)
	for name in "${packages[@]}"; do
		version=''
		[[ $name != *=* ]] || version=${name##*=}
		name=${name%%[:=]*}
		if [[ $'\n'$known$'\n' != *$'\n'"$name ${version:+$version$'\n'}"* ]]; then
			echo "the archive has no $name${version:+ $version}"
			return
		fi
		if [[ " $BROKEN" == *" ${name}_${version#*:}"* ]]; then
			echo "the archive lists $name $version, but has no such file"
			return
		fi
	done
	mapfile -t install < <(sed -n 's/^install //p' <<<"$wanted")
	name=$(sed -n 's/^satisfy //p' <<<"$wanted" | paste -sd,)
	if ! root_apt -s install "${install[@]}" >"$log" 2>&1 ||
		{ [[ $name ]] && ! root_apt -s satisfy "$name" >"$log" 2>&1; }; then
		name=$(absent "$log" | head -n 1)
		echo "it cannot be installed: ${name:-$(tail -n 1 "$log")}"
	fi
}

# kernel_here KERNEL: "RELEASE VERSION" of what the root has of it, complete; or nothing.
kernel_here() {
	local release version state=$ROOT/var/lib/dualbm

	read -r release version _ 2>/dev/null <"$state/image-$1" || return 0
	[[ $version && $release == "$(cat "$state/release-$1" 2>/dev/null)" ]] || return 0
	[[ -s $ROOT/boot/vmlinuz-$release && -d $ROOT/usr/lib/modules/$release/kernel &&
		-d $ROOT/usr/src/linux-headers-$release ]] || return 0
	if [[ $(arch_of "$1") == amd64 ]]; then
		[[ $(sed -n "/^Package: linux-headers-$release\$/,/^\$/s/^\(Status\|Version\): //p" "$ROOT/var/lib/dpkg/status" | xargs) \
			== "install ok installed $version" ]] || return 0
	fi
	echo "$release $version"
}

# choose_release KERNEL: "RELEASE VERSION" of the newest that is complete, in the archive or
# in the root. What is passed over is said. Nothing, and status 1, if there is none.
choose_release() {
	local kernel=$1 release version here why first=''

	here=$(kernel_here "$kernel")
	while read -r release version; do
		[[ $release ]] || continue
		why=$(kernel_lacks "$kernel" "$release" "$version")
		if [[ $why && $here == "$release $version" ]]; then
			say "kernel $kernel: $release ($version) is kept, as it is here; $why"
			why=''
		fi
		if [[ ! $why ]]; then
			echo "$release $version"
			return
		fi
		first=${first:-$release ($version): $why}
		say "kernel $kernel: $release ($version) is passed over: $why"
	done < <({ kernel_candidates "$kernel"; echo "$here"; } | sort -u -k1,1Vr -k2,2Vr)
	say "the archive has no complete kernel $kernel: ${first:-it has no headers}"
	return 1
}

# root_packages PKG...: install in the root what is missing there.
root_packages() {
	local pkg missing=()

	for pkg; do
		[[ -e $ROOT/var/lib/dpkg/info/$pkg.list || -e $ROOT/var/lib/dpkg/info/$pkg:amd64.list ]] ||
			missing+=("$pkg")
	done
	((${#missing[@]})) || return 0
	say "installing in the root: ${missing[*]}"
	mkdir -p "$CACHE/linux"
	fetch root_apt "installing ${missing[*]} in the root" "$CACHE/linux/apt.log" root_apt -y install "${missing[@]}"
}

# root_download DIR PKG: its newest version, alone in the directory DIR of the cache.
root_download() {
	rm -rf "${CACHE:?}/$1"
	mkdir -p "$CACHE/$1"
	fetch root_apt "download of $2" "$CACHE/${1//\//-}.log" \
		in_root sh -c 'cd "/cache/$1" && apt-get -q download "$2"' sh "$1" "$2"
}

# source_tree PACKAGE: the kernel's source, in the newest version that the root's apt
# knows, unpacked in $CACHE/linux/PACKAGE; its version is in .dualbm-version there. What
# is there already will do if there is no other.
source_tree() {
	with_lock "$1" unpack_source "$1"
}

unpack_source() {
	local package=$1 version have tree=$CACHE/linux/$1 status=0

	have=$(cat "$tree/.dualbm-version" 2>/dev/null || :)
	version=$(in_root apt-cache show --no-all-versions "$package" 2>/dev/null | sed -n 's/^Version: //p')
	[[ ! $version || $have != "$version" ]] || return 0
	say "downloading $package $version"
	(root_download "linux/$package.deb" "$package") || status=$?
	if ((status)); then
		[[ $have && $status =~ ^(69|75)$ ]] || exit "$status"
		say "keeping $package $have, which is here"
		return 0
	fi
	rm -rf --one-file-system "$tree"
	in_root sh -c "cd /cache/linux && dpkg-deb --fsys-tarfile $package.deb/*.deb |
		tar -xO ./usr/src/$package.tar.xz | xz -dc | tar -x"
	# It may be newer than the lists were.
	version=$(dpkg-deb -f "$tree.deb"/*.deb Version)
	rm -rf "$tree.deb"
	echo "$version" >"$tree/.dualbm-version"
}
