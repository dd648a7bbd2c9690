#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The RPM packages build, have what they should, and rpmlint has nothing to say but
# what packaging/rpm/dualbm.rpmlintrc explains. Their scriptlets are run beside
# stand-ins for dkms, systemctl and weak-modules; test/16-install.t runs them with the real
# dkms, and builds the module's own package with the headers of real kernels.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
need_packages cpio gcc kmod rpm rpmlint
work=$CACHE/rpm-test
export O=$work DEBFULLNAME="The tests" DEBEMAIL=tests@dualbm.invalid

# Paths below a directory of the package.
listed() {
	rpm -qpl "$1" | sed -n "s|^$2/||p" | sort | xargs
}

# stand_in STATUS COMMAND...: what they are called with, and on standard input, and that they end so.
stand_in() {
	local status=$1 command

	rm -rf "${work:?}/bin"
	mkdir -p "$work/bin"
	for command in "${@:2}"; do
		cat >"$work/bin/$command" <<-END
			#!/bin/sh
			echo "$command \$*\$([ -t 0 ] || sed 's/^/ < /')" >>"$work/calls"
			exit $status
		END
		chmod 755 "$work/bin/$command"
	done
	: >"$work/calls"
}

# scriptlet PACKAGE TAG ARGUMENT: with the kernels of $work/modules, and systemd's directory as
# $work has it. (check() has an $out.)
scriptlet() {
	rpm -qp --queryformat "%{$2}" "$1" |
		sed "s|/lib/modules|$work/modules|g; s|/run/systemd/system|$work/systemd|g; s|/var/lib/prometheus|$work/prometheus|g" \
			>"$work/scriptlet"
	PATH=$work/bin:$PATH sh "$work/scriptlet" "$3" 2>&1 </dev/null
}

check "the packages build" packaging/rpm/build
dkms=$work/dualbm-dkms-$VERSION-1.noarch.rpm
tools=$(compgen -G "$work/dualbm-tools-$VERSION-1.*.rpm" || :)
source=$work/dualbm-$VERSION-1.src.rpm
if [[ -e $dkms && $tools && -e $source ]]; then
	is "the source package has the source and the spec" "$(rpm -qpl "$source" | sort | xargs)" \
		"dualbm-$VERSION.tar.gz dualbm.spec"
	like "the changelog is that of the Debian packages" "$(rpm -qp --changelog "$dkms")" \
		"The tests <tests@dualbm.invalid> - $VERSION-1"

	is "dualbm-dkms: has what the module is made of" "$(listed "$dkms" "/usr/src/dualbm-$VERSION")" \
		"$(module_sources | xargs)"
	common=$work/dualbm-common-$VERSION-1.noarch.rpm
	is "dualbm-common: its configuration is kept" \
		"$(rpm -qp --queryformat '[%{FILEFLAGS:fflags} %{FILENAMES}\n]' "$common" | grep ' /etc/' | sort | xargs)" \
		"cn /etc/modprobe.d/dualbm.conf cn /etc/modules-load.d/dualbm.conf"
	is "dualbm-common: has the kernels that were tried" "$(listed "$common" /usr/lib/modprobe.d)" dualbm-qualified.conf
	like "dualbm-common: has its page" "$(listed "$common" /usr/share/man)" "man4/dualbm.4"
	like "dualbm-dkms: needs it" "$(rpm -qp --requires "$dkms")" "dualbm-common = $VERSION"
	like "dualbm-dkms: needs dkms when its scriptlets run" \
		"$(rpm -qp --queryformat '[%{REQUIREFLAGS:deptype}: %{REQUIRENAME}\n]' "$dkms" | grep ' dkms$' | sort | xargs)" \
		"post: dkms.*preun: dkms"

	is "dualbm-tools: has dualbmctl, its page and its completion" \
		"$(rpm -qpl "$tools" | grep -oE '^/usr/.*dualbmctl[^/]*$' | sed 's/\.gz$//' | sort | xargs)" \
		"/usr/sbin/dualbmctl /usr/share/bash-completion/completions/dualbmctl /usr/share/man/man8/dualbmctl.8"
	is "dualbm-tools: has what Prometheus wants" "$(listed "$tools" /usr/share/dualbm)" \
		"dualbm-alerts.yml dualbm-dashboard.json dualbm-drgn.py dualbm-textfile"
	is "dualbm-tools: has units and a catalog" "$(rpm -qpl "$tools" | grep -oE '^/usr/lib/systemd/.*[.].*' | sort | xargs)" \
		"/usr/lib/systemd/catalog/dualbm.catalog /usr/lib/systemd/system/dualbm-journal.service /usr/lib/systemd/system/dualbm-textfile.service /usr/lib/systemd/system/dualbm-textfile.timer"
	is "dualbm-tools: has every document" "$(listed "$tools" /usr/share/doc/dualbm-tools/docs)" "$(find docs -type f -printf '%f\n' | sort | xargs)"
	is "dualbm-tools: they are documents, and its licence one" \
		"$(rpm -qp --queryformat '[%{FILEFLAGS:fflags} %{FILENAMES}\n]' "$tools" | grep -E '/(runbook.md|LICENSE)$' | cut -d' ' -f1 | xargs)" "d l"
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
	mkdir -p "$work"/modules/{6.1.0-1,6.1.0-2,6.1.0-3}
	mkdir -p "$work/modules/6.1.0-1/build"
	touch "$work/modules/6.1.0-1/build/Makefile"
	ln -s nowhere "$work/modules/6.1.0-3/build"
	stand_in 0 dkms
	check "post: succeeds" scriptlet "$dkms" POSTIN 1
	is "post: adds, builds and installs for the kernel that has headers" "$(<"$work/calls")" \
		"dkms add $this --rpm_safe_upgrade
dkms build $this -k 6.1.0-1 --force
dkms install $this -k 6.1.0-1 --force"
	stand_in 10 dkms
	check "post: succeeds where the module does not build" scriptlet "$dkms" POSTIN 1
	is "post: installs nothing then" "$(<"$work/calls")" "dkms add $this --rpm_safe_upgrade
dkms build $this -k 6.1.0-1 --force"
	like "post: says for which kernel" "$(scriptlet "$dkms" POSTIN 1)" "no module for kernel 6[.]1[.]0-1"
	rm -r "$work"/modules/*
	stand_in 0 dkms
	check "post: succeeds where no kernel is" scriptlet "$dkms" POSTIN 1
	is "post: adds it there" "$(<"$work/calls")" "dkms add $this --rpm_safe_upgrade"
	like "post: says so" "$(scriptlet "$dkms" POSTIN 1)" "no kernel has its headers"
	stand_in 0 dkms
	check "preun: succeeds" scriptlet "$dkms" PREUN 0
	is "preun: removes it from DKMS" "$(<"$work/calls")" "dkms remove $this --all --rpm_safe_upgrade"
	stand_in 3 dkms
	check "preun: succeeds where DKMS does not know it" scriptlet "$dkms" PREUN 0

	# The timer is the administrator's to enable, by a preset: systemd's own macros say so.
	units="dualbm-textfile.timer dualbm-journal.service"
	mkdir -p "$work/systemd" "$work/prometheus/node-exporter"
	prom=$work/prometheus/node-exporter/dualbm.prom
	touch "$prom"
	stand_in 1 systemctl
	check "tools: post succeeds, whatever systemctl says" scriptlet "$tools" POSTIN 1
	is "tools: post: as the preset says" "$(<"$work/calls")" "systemctl --no-reload preset $units"
	stand_in 0 systemctl
	check "tools: post of an upgrade" scriptlet "$tools" POSTIN 2
	check "tools: preun of an upgrade" scriptlet "$tools" PREUN 1
	empty "tools: an upgrade enables nothing, and disables nothing" "$(<"$work/calls")"
	check "tools: postun of an upgrade" scriptlet "$tools" POSTUN 1
	is "tools: an upgrade has the new timer run, if the old one did" "$(grep -v daemon-reload "$work/calls") $(ls "$prom")" \
		"systemctl try-restart $units $prom"
	stand_in 0 systemctl
	check "tools: preun" scriptlet "$tools" PREUN 0
	is "tools: preun: stops it" "$(<"$work/calls")" "systemctl --no-reload disable --now $units dualbm-textfile.service"
	check "tools: postun" scriptlet "$tools" POSTUN 0
	check "tools: takes its numbers away when it goes" test ! -e "$prom"
	rmdir "$work/systemd"
	stand_in 0 systemctl
	check "tools: preun where systemd does not run" scriptlet "$tools" PREUN 0
	empty "tools: preun where systemd does not run: does nothing" "$(<"$work/calls")"
fi

# ---- the module itself, for a machine without a compiler ----

# headers RELEASE: a directory that builds a "module" for that kernel: what modinfo reads of one.
headers() {
	mkdir -p "$work/headers/scripts"
	cat >"$work/headers/Makefile" <<-END
		modules: ; printf 'const char i[] __attribute__((section(".modinfo"), used)) = "version=$VERSION\\\\0vermagic=$1 SMP";' | \
				gcc -x c -c -o \$(M)/dualbm.ko -
	END
	cat >"$work/headers/scripts/sign-file" <<-'END'
		#!/bin/sh
		[ "$1" = sha256 ] && cat "$2" "$3" >>"$4"
	END
	chmod 755 "$work/headers/scripts/sign-file"
}

kernel=5.14.0-427.13.1.el9_4.x86_64
headers "$kernel"
echo the-key >"$work/key"
echo the-certificate >"$work/certificate"
kmod_build() {
	env O="$work/kmod" packaging/rpm/build --kmod "$kernel" --headers "$work/headers" "$@"
}
check "kmod: a package of the module builds" kmod_build --sign "$work/key" "$work/certificate"
kmod=$work/kmod/kmod-dualbm-$kernel-$VERSION-1.$(uname -m).rpm
if [[ -e $kmod ]]; then
	ko=/lib/modules/$kernel/extra/dualbm/dualbm.ko
	# One source package at a time: it takes the spec of another for one more of this.
	lint=$(rpmlint -r packaging/rpm/dualbm.rpmlintrc "$work"/*.rpm "$kmod" "$work"{,/kmod}/SPECS/*.spec 2>&1 || :)
	like "rpmlint: looked at all of them" "$lint" "6 packages and 2 specfiles checked"
	empty "rpmlint: no error" "$(grep ' E: ' <<<"$lint" || :)"
	empty "rpmlint: no warning" "$(grep ' W: ' <<<"$lint" || :)"
	is "kmod: has the module for its kernel, and no source" "$(rpm -qpl "$kmod" | grep -v ^/usr/share/licenses)" \
		"$(printf '%s\n' "/lib/modules/$kernel/extra" "/lib/modules/$kernel/extra/dualbm" "$ko")"
	requires=$(rpm -qp --requires "$kmod")
	is "kmod: needs its kernel, and the configuration" "$(grep -E '^(kernel|dualbm)' <<<"$requires" | xargs)" \
		"dualbm-common = $VERSION kernel-uname-r = $kernel"
	empty "kmod: needs no compiler, and no DKMS" "$(grep -E 'gcc|make|dkms' <<<"$requires" || :)"
	is "kmod: is not there beside DKMS" "$(rpm -qp --conflicts "$kmod")" dualbm-dkms
	like "kmod: is found by the name without the kernel" "$(rpm -qp --provides "$kmod")" "kmod-dualbm = $VERSION"
	rm -rf "$work/k"
	mkdir -p "$work/k"
	rpm2cpio "$kmod" | (cd "$work/k" && cpio -idm --quiet)
	like "kmod: the module is for that kernel" "$(modinfo -F vermagic "$work/k/$ko")" "^$kernel "
	is "kmod: the module is signed" "$(tail -n 2 "$work/k/$ko" | sed 's/.*the-key/the-key/' | tr -d '\0' | xargs)" "the-key the-certificate"

	stand_in 1 depmod weak-modules
	rm -rf "$work/modules"
	mkdir -p "$work/modules/$kernel/extra/dualbm"
	touch "$work/modules/$kernel/"{modules.order,extra/dualbm/dualbm.ko}
	here=$work/modules/$kernel/extra/dualbm/dualbm.ko
	check "kmod: post succeeds, whatever the commands say" scriptlet "$kmod" POSTIN 1
	is "kmod: post: other kernels may have it" "$(<"$work/calls")" "depmod -a $kernel
weak-modules --add-modules < $here"
	stand_in 0 depmod weak-modules
	check "kmod: postun of an upgrade" scriptlet "$kmod" POSTUN 1
	empty "kmod: the old package takes nothing from the new one" "$(<"$work/calls")"
	rm "$here"
	check "kmod: postun" scriptlet "$kmod" POSTUN 0
	is "kmod: postun: no kernel has it any more" "$(<"$work/calls")" "depmod -a $kernel
weak-modules --remove-modules < $here"
	# Fedora has none.
	stand_in 0 depmod
	check "kmod: without weak-modules: post" scriptlet "$kmod" POSTIN 1
	is "kmod: without weak-modules: its own kernel has it" "$(<"$work/calls")" "depmod -a $kernel"
	rm -r "$work/modules"
	check "kmod: postun where the kernel went first" scriptlet "$kmod" POSTUN 0

	check "kmod: a package for one kernel and no other builds" kmod_build --without weak_modules
	is "kmod: without weak_modules: it does not call them" \
		"$(rpm -qp --scripts "$kmod" | grep -c weak-modules || :) $(rpm -qp --scripts "$kmod" | grep -c 'depmod -a')" "0 2"
	headers 6.1.0-57-amd64
	check "kmod: a release that is no version of RPM's is not asked for" env O="$work/hyphens" \
		packaging/rpm/build --kmod 6.1.0-57-amd64 --headers "$work/headers"
	empty "kmod: and the package says nothing of it" "$(rpm -qp --requires "$work"/hyphens/kmod-*."$(uname -m)".rpm | grep uname || :)"
	headers 5.14.0-503.el9.x86_64
	like "kmod: the headers of another kernel are refused" "$(kmod_build --without weak_modules 2>&1 || :)" "the packages do not build"
fi
for wrong in 'a%{name}' '../modules' 'a b' "a\$(id)"; do
	like "kmod: a release that is none is refused: $wrong" "$(env O="$work/none" packaging/rpm/build --kmod "$wrong" 2>&1 || :)" \
		'release (may have letters|has no /)'
done
done_testing
