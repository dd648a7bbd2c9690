#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The RPM packages build, have what they should, and rpmlint has nothing to say but
# what packaging/rpm/dualbm.rpmlintrc explains. Their scriptlets are run beside a
# stand-in for dkms; test/16-install.t runs them with the real one.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
need_packages cpio rpm rpmlint
work=$CACHE/rpm-test
export O=$work DEBFULLNAME="The tests" DEBEMAIL=tests@dualbm.invalid

# Paths below a directory of the package.
listed() {
	rpm -qpl "$1" | sed -n "s|^$2/||p" | sort | xargs
}

# stand_in STATUS: what dkms is called with, and that it ends so.
stand_in() {
	cat >"$work/bin/dkms" <<-END
		#!/bin/sh
		echo "\$*" >>"$work/calls"
		exit $1
	END
	chmod 755 "$work/bin/dkms"
	rm -f "$work/calls"
	touch "$work/calls"
}

# scriptlet TAG ARGUMENT: with the kernels of $work/modules. (check() has an $out.)
scriptlet() {
	rpm -qp --queryformat "%{$1}" "$dkms" | sed "s|/lib/modules|$work/modules|g" >"$work/scriptlet"
	PATH=$work/bin:$PATH sh "$work/scriptlet" "$2" 2>&1
}

check "the packages build" packaging/rpm/build
dkms=$work/dualbm-dkms-$VERSION-1.noarch.rpm
tools=$(compgen -G "$work/dualbm-tools-$VERSION-1.*.rpm" || :)
source=$work/dualbm-$VERSION-1.src.rpm
if [[ -e $dkms && $tools && -e $source ]]; then
	lint=$(rpmlint -r packaging/rpm/dualbm.rpmlintrc "$work"/*.rpm "$work/SPECS/dualbm.spec" 2>&1 || :)
	like "rpmlint: looked at all of them" "$lint" "4 packages and 1 specfiles checked"
	empty "rpmlint: no error" "$(grep ' E: ' <<<"$lint" || :)"
	empty "rpmlint: no warning" "$(grep ' W: ' <<<"$lint" || :)"
	is "the source package has the source and the spec" "$(rpm -qpl "$source" | sort | xargs)" \
		"dualbm-$VERSION.tar.gz dualbm.spec"
	like "the changelog is that of the Debian packages" "$(rpm -qp --changelog "$dkms")" \
		"The tests <tests@dualbm.invalid> - $VERSION-1"

	is "dualbm-dkms: has what the module is made of" "$(listed "$dkms" "/usr/src/dualbm-$VERSION")" \
		"$(module_sources | xargs)"
	is "dualbm-dkms: its configuration is kept" \
		"$(rpm -qp --queryformat '[%{FILEFLAGS:fflags} %{FILENAMES}\n]' "$dkms" | grep ' /etc/' | sort | xargs)" \
		"cn /etc/modprobe.d/dualbm.conf cn /etc/modules-load.d/dualbm.conf"
	is "dualbm-dkms: has the kernels that were tried" "$(listed "$dkms" /usr/lib/modprobe.d)" dualbm-qualified.conf
	like "dualbm-dkms: has its page" "$(listed "$dkms" /usr/share/man)" "man4/dualbm.4"
	like "dualbm-dkms: needs dkms when its scriptlets run" \
		"$(rpm -qp --queryformat '[%{REQUIREFLAGS:deptype}: %{REQUIRENAME}\n]' "$dkms" | grep ' dkms$' | sort | xargs)" \
		"post: dkms.*preun: dkms"

	is "dualbm-tools: has dualbmctl, its page and its completion" \
		"$(rpm -qpl "$tools" | grep -oE '^/usr/.*dualbmctl[^/]*$' | sed 's/\.gz$//' | sort | xargs)" \
		"/usr/sbin/dualbmctl /usr/share/bash-completion/completions/dualbmctl /usr/share/man/man8/dualbmctl.8"
	is "dualbm-tools: has what Prometheus wants" "$(listed "$tools" /usr/share/dualbm)" \
		"dualbm-alerts.yml dualbm-dashboard.json dualbm-textfile"
	is "dualbm-tools: has units and a catalog" "$(rpm -qpl "$tools" | grep -oE '^/usr/lib/systemd/.*[.].*' | sort | xargs)" \
		"/usr/lib/systemd/catalog/dualbm.catalog /usr/lib/systemd/system/dualbm-journal.service /usr/lib/systemd/system/dualbm-textfile.service /usr/lib/systemd/system/dualbm-textfile.timer"
	like "dualbm-tools: needs its libraries" "$(rpm -qp --requires "$tools" | sort | xargs)" \
		'libarchive[.]so.*libbpf[.]so.*libcairo[.]so.*libelf[.]so.*libkmod[.]so.*libsystemd[.]so'
	mkdir -p "$work/x"
	rpm2cpio "$tools" | (cd "$work/x" && cpio -idm --quiet)
	is "dualbm-tools: runs" "$("$work/x/usr/sbin/dualbmctl" --version)" "dualbmctl $VERSION"

	qualify=$work/dualbm-qualify-$VERSION-1.noarch.rpm
	is "dualbm-qualify: has what a guest is tested with" "$(listed "$qualify" /usr/share/dualbm-qualify | tr ' ' '\n' | grep -E '^test/(vm|modules)/.' | xargs)" \
		"$(cd "$TOP" && find test/vm test/modules -type f | sort | xargs)"
	is "dualbm-qualify: has a hook for kernel-install, a unit and a page" \
		"$(rpm -qpl "$qualify" | grep -vE '^/usr/share/(dualbm-qualify|licenses)|^/etc/dualbm$' | sed 's/[.]gz$//' | sort | xargs)" \
		"/etc/dualbm/qualify.conf /usr/lib/kernel/install.d/95-dualbm-qualify.install /usr/lib/systemd/system/dualbm-qualify@.service /usr/sbin/dualbm-qualify /usr/share/man/man8/dualbm-qualify.8"
	is "dualbm-qualify: its configuration is kept" \
		"$(rpm -qp --queryformat '[%{FILEFLAGS:fflags} %{FILENAMES}\n]' "$qualify" | grep '^cn ')" "cn /etc/dualbm/qualify.conf"

	# One kernel with headers, one without, one whose headers are gone.
	this="-m dualbm -v $VERSION"
	mkdir -p "$work"/{bin,modules/{6.1.0-1,6.1.0-2,6.1.0-3}}
	mkdir -p "$work/modules/6.1.0-1/build"
	touch "$work/modules/6.1.0-1/build/Makefile"
	ln -s nowhere "$work/modules/6.1.0-3/build"
	stand_in 0
	check "post: succeeds" scriptlet POSTIN 1
	is "post: adds, builds and installs for the kernel that has headers" "$(<"$work/calls")" \
		"add $this --rpm_safe_upgrade
build $this -k 6.1.0-1 --force
install $this -k 6.1.0-1 --force"
	stand_in 10
	check "post: succeeds where the module does not build" scriptlet POSTIN 1
	is "post: installs nothing then" "$(<"$work/calls")" "add $this --rpm_safe_upgrade
build $this -k 6.1.0-1 --force"
	like "post: says for which kernel" "$(scriptlet POSTIN 1)" "no module for kernel 6[.]1[.]0-1"
	rm -r "$work"/modules/*
	stand_in 0
	check "post: succeeds where no kernel is" scriptlet POSTIN 1
	is "post: adds it there" "$(<"$work/calls")" "add $this --rpm_safe_upgrade"
	like "post: says so" "$(scriptlet POSTIN 1)" "no kernel has its headers"
	stand_in 0
	check "preun: succeeds" scriptlet PREUN 0
	is "preun: removes it from DKMS" "$(<"$work/calls")" "remove $this --all --rpm_safe_upgrade"
	stand_in 3
	check "preun: succeeds where DKMS does not know it" scriptlet PREUN 0
fi
done_testing
