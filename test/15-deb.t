#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The Debian packages build, have what they should, and neither lintian nor blhc has anything to
# say. They build in a checkout that was worked in, twice the same, and leave it as it was.
# Their configuration is the administrator's: installed, upgraded and purged in a root
# that has no kernel, so that DKMS has nothing to do; test/16-install.t has kernels.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
need_packages blhc kmod lintian
work=$CACHE/deb-test
# Whom the source names.
DEBFULLNAME=$(sed -n 's/^Maintainer: \(.*\) <.*/\1/p' debian/control)
DEBEMAIL=$(sed -n 's/^Maintainer: .*<\(.*\)>/\1/p' debian/control)
export O=$work DEBFULLNAME DEBEMAIL
check "the packages build" packaging/deb
dkms=$work/dualbm-dkms_${VERSION}_all.deb
tools=$(compgen -G "$work/dualbm-tools_${VERSION}_*.deb" || :)
if [[ -e $dkms && $tools ]]; then
	empty "lintian is silent, with all it has to say (-EI --pedantic)" \
		"$(lintian --allow-root -EI --pedantic "$work"/*.changes 2>&1 || :)"
	# What the compiler of Debian does by itself need not be asked for (--debian).
	empty "blhc: all is built with all hardening" "$(blhc --all --debian "$work/build.log" 2>&1 || :)"
	# It has to see what is missing.
	sed 's/-fstack-protector-strong//g' "$work/build.log" >"$work/soft.log"
	like "blhc: sees what is built without" "$(blhc --all --debian "$work/soft.log" 2>&1 || :)" 'CFLAGS missing .*-fstack-protector'

	# In a checkout, as sbuild, gbp and debuild do it, beside a cache that is worth hours and files of
	# other builds. Whoever builds them, and where, they are the same.
	checkout=$work/checkout/elsewhere/tree
	package_source "$checkout"
	mkdir -p "$checkout/build/root"
	touch "$checkout"/{build/root/precious,dualbm.ko,dualbm.mod.c,tools/main.o}
	files() {
		(cd "$checkout" && find . ! -type d ! -name '*.o' ! -name dualbm.ko ! -name dualbm.mod.c | sort)
	}
	before=$(files)
	check "in a checkout: dpkg-buildpackage -us -uc" sh -c 'cd "$1" && umask 027 && exec dpkg-buildpackage -us -uc' sh "$checkout"
	empty "in a checkout: the packages are the same, bit for bit" "$(
		for deb in "$work"/*.deb; do
			cmp "$deb" "$checkout/../${deb##*/}" 2>&1 || :
		done
	)"
	is "in a checkout: the source has all of it, and nothing that was built" \
		"$(tar -tf "$checkout/../dualbm_$VERSION.tar.xz" | sed -n 's|^tree/\(.*[^/]\)$|\1|p' | grep -v '^build$' | sort)" \
		"$(cd "$work" && tar -tf "dualbm_$VERSION.tar.xz" | sed -n "s|^dualbm-$VERSION/\(.*[^/]\)\$|\1|p" | sort)"
	check "in a checkout: debian/rules clean" sh -c 'cd "$1" && exec debian/rules clean' sh "$checkout"
	is "in a checkout: it is as it was, and the cache there" "$(files)" "$before"
	rm -rf "$work/checkout"
	is "dualbm-dkms: has what the module is made of" \
		"$(dpkg -c "$dkms" | sed -n "s|.*\./usr/src/dualbm-$VERSION/\([^/]\+\)\$|\1|p" | sort | xargs)" \
		"$(module_sources | xargs)"
	is "dualbm-dkms: its configuration is conffiles" "$(dpkg-deb -I "$dkms" conffiles | sort | xargs)" \
		"/etc/modprobe.d/dualbm.conf /etc/modules-load.d/dualbm.conf"
	mkdir -p "$work/x"
	dpkg -x "$dkms" "$work/x"
	check "dualbm-dkms: has the kernels that were tried" \
		cmp packaging/modprobe.d/dualbm-qualified.conf "$work/x/usr/lib/modprobe.d/dualbm-qualified.conf"
	empty "dualbm-dkms: as shipped it changes nothing" "$(cat "$work"/x/etc/*/* | grep -v '^#' | grep . || :)"
	shipped=$(sed -n 's/^#options dualbm //p' "$work/x/etc/modprobe.d/dualbm.conf" | sort)
	is "dualbm-dkms: it names every parameter" "$(cut -d= -f1 <<<"$shipped" | xargs)" \
		"$(module_parameters | xargs)"
	is "dualbm-dkms: with its default" "$(xargs <<<"$shipped")" \
		"$(sed -n '/^| parameter /,/^$/p' docs/operation.md | tr -d '` ' |
			awk -F '|' 'NR > 2 && NF { print $2 "=" $4 }' | sort | xargs)"
	is "dualbm-dkms: with a line of explanation each" \
		"$(grep -B 1 '^#options' "$work/x/etc/modprobe.d/dualbm.conf" | grep -c '^# ')" "$(wc -l <<<"$shipped")"
	# What an administrator makes of it.
	mkdir -p "$work/modprobe.d"
	sed 's/^#options/options/' "$work/x/etc/modprobe.d/dualbm.conf" >"$work/modprobe.d/dualbm.conf"
	is "dualbm-dkms: modprobe reads every line of it" \
		"$(/sbin/modprobe -C "$work/modprobe.d" -c | sed -n 's/^options dualbm //p' | sort)" "$shipped"
	is "dualbm-dkms: at boot it would load just dualbm" \
		"$(sed -n 's/^#\([^ ]\)/\1/p' "$work/x/etc/modules-load.d/dualbm.conf")" dualbm

	is "dualbm-tools: has dualbmctl, its page and its completion" \
		"$(dpkg -c "$tools" | grep -oE '\./usr/.*dualbmctl[^/]*$' | sort | xargs)" \
		"./usr/sbin/dualbmctl ./usr/share/bash-completion/completions/dualbmctl ./usr/share/man/man8/dualbmctl.8.gz"
	mkdir -p "$work/t"
	dpkg -x "$tools" "$work/t"
	doc=/usr/share/doc/dualbm-tools
	is "dualbm-tools: has every document, not compressed" "$(find "$work/t$doc/docs" -type f -printf '%f\n' | sort)" \
		"$(find docs -type f -printf '%f\n' | sort)"
	is "dualbm-tools: each alert leads to a section of the runbook that is there" \
		"$(grep -cE "runbook_url: file://$doc/docs/runbook.md#[a-z_-]+\$" "$work/t/usr/share/dualbm/dualbm-alerts.yml")" \
		"$(grep -c 'alert:' tools/dualbm-alerts.yml)"
	# But for what only the source has.
	empty "dualbm-tools: links between the documents lead somewhere" "$(
		cd "$work/t$doc" && for file in README.md docs/*.md; do
			grep -oE '\]\([^):]+\)' "$file" | tr -d '()]' | sed 's/#.*//' | grep . | while read -r link; do
				[[ $link == ../*/* || $link == LICENSE || -e $(dirname "$file")/$link ]] || echo "$file: $link"
			done
		done
	)"
	check "dualbm-tools: has the script for drgn" cmp scripts/dualbm-drgn.py "$work/t/usr/share/dualbm/dualbm-drgn.py"
	like "dualbm-tools: and the document says where" "$(<"$work/t$doc/docs/deployment.md")" '/usr/share/dualbm/dualbm-drgn[.]py'
	is "dualbm-tools: has the collector, its units, rules and dashboard" \
		"$(dpkg -c "$tools" | grep -oE '\./.*/dualbm-(textfile|alerts|dashboard)[^/]*$' | sort | xargs)" \
		"./lib/systemd/system/dualbm-textfile.service ./lib/systemd/system/dualbm-textfile.timer ./usr/share/dualbm/dualbm-alerts.yml ./usr/share/dualbm/dualbm-dashboard.json ./usr/share/dualbm/dualbm-textfile"
	is "dualbm-tools: has the unit for the journal, and its catalog" \
		"$(dpkg -c "$tools" | grep -oE '\./.*/dualbm(-journal[^/]*|[.]catalog)$' | sort | xargs)" \
		"./lib/systemd/system/dualbm-journal.service ./usr/lib/systemd/catalog/dualbm.catalog"
	is "dualbm-tools: the unit runs dualbmctl" \
		"$(dpkg --fsys-tarfile "$tools" | tar -xO ./lib/systemd/system/dualbm-journal.service | sed -n 's/^ExecStart=//p')" \
		"/usr/sbin/dualbmctl journal"
	like "dualbm-tools: enables it" "$(dpkg -I "$tools" postinst)" 'deb-systemd-helper enable .dualbm-journal.service'
	is "dualbm-tools: the service runs it" \
		"$(dpkg --fsys-tarfile "$tools" | tar -xO ./lib/systemd/system/dualbm-textfile.service | sed -n 's/^ExecStart=\([^ ]*\).*/\1/p')" \
		/usr/share/dualbm/dualbm-textfile
	like "dualbm-tools: enables the timer" "$(dpkg -I "$tools" postinst)" 'deb-systemd-helper enable .dualbm-textfile.timer'
	check "dualbm-tools: has the plugin of sos" \
		cmp tools/sos/dualbm.py <(dpkg --fsys-tarfile "$tools" | tar -xO ./usr/lib/python3/dist-packages/sos/report/plugins/dualbm.py)
	like "dualbm-tools: takes its numbers away when it goes" "$(dpkg -I "$tools" postrm)" 'rm -f /var/lib/prometheus/node-exporter/dualbm.prom'
	like "dualbm-tools: depends on its libraries" "$(dpkg -f "$tools" Depends)" 'libarchive.*libbpf.*libcairo2.*libelf.*libkmod.*libsystemd'
	is "dualbm-tools: runs" "$("$work/t/usr/sbin/dualbmctl" --version)" "dualbmctl $VERSION"

	qualify=$work/dualbm-qualify_${VERSION}_all.deb
	is "dualbm-qualify: its configuration is a conffile" "$(dpkg-deb -I "$qualify" conffiles | sort | xargs)" \
		"/etc/dualbm/qualify.conf /etc/kernel/postinst.d/zz-dualbm-qualify"
	rm -rf "$work/q"
	mkdir -p "$work/q/bin"
	dpkg -x "$qualify" "$work/q"
	here=$work/q/usr/share/dualbm-qualify
	is "dualbm-qualify: has what the module is made of" \
		"$(cd "$here" && find . -maxdepth 1 -type f -printf '%P\n' | sort | xargs)" \
		"$(module_sources | grep -vx dkms.conf | xargs)"
	is "dualbm-qualify: and all that tests it in a guest" \
		"$(cd "$here/test" && find vm modules -type f | sort)" "$(cd "$TOP/test" && find vm modules -type f | sort)"
	like "dualbm-qualify: runs from there" \
		"$(DUALBM_CALLED=dualbm-qualify "$here/scripts/qualify" --kernel 6.12.1-none 2>&1 || :)" \
		'could not be tried: no image of 6[.]12[.]1-none'
	like "dualbm-qualify: and says its name" "$(DUALBM_CALLED=dualbm-qualify "$here/scripts/qualify" --wrong 2>&1 || :)" \
		'see dualbm-qualify --help$'
	like "dualbm-qualify: is what is in PATH" "$(<"$work/q/usr/sbin/dualbm-qualify")" \
		'exec /usr/share/dualbm-qualify/scripts/qualify "\$@"'
	# The hook, with what it would call beside it.
	printf '#!/bin/sh\necho "systemctl $*"\n' >"$work/q/bin/systemctl"
	# shellcheck disable=SC2016 # the stand-in's
	printf '#!/bin/sh\necho "${1#--template=}|$3" | sed "s/@/@escaped/"\n' >"$work/q/bin/systemd-escape"
	chmod 755 "$work"/q/bin/*
	hook() {
		sed "s|/etc/dualbm/|$work/q/etc/dualbm/|g; s|/run/systemd/system|$work|" \
			"$work/q/etc/kernel/postinst.d/zz-dualbm-qualify" >"$work/q/hook"
		PATH=$work/q/bin:$PATH sh "$work/q/hook" "$@" 2>&1
	}
	empty "dualbm-qualify: as shipped, a new kernel is nothing to it" "$(hook 6.1.0-1-amd64 /boot/vmlinuz)"
	echo NEW_KERNELS=maybe >"$work/q/etc/dualbm/qualify.conf"
	like "dualbm-qualify: a wrong word is told" "$(hook 6.1.0-1-amd64 /boot/vmlinuz)" 'NEW_KERNELS=maybe .*: yes or no is accepted'
	sed -i 's/.*/NEW_KERNELS=yes/' "$work/q/etc/dualbm/qualify.conf"
	started='^systemctl start --no-block dualbm-qualify@escaped[.]service[|]6[.]1[.]0-1-amd64'
	like "dualbm-qualify: switched on, it is qualified" "$(hook 6.1.0-1-amd64 /boot/vmlinuz)" "$started"
	like "dualbm-qualify: also as kernel-install calls it" "$(hook add 6.1.0-1-amd64 /boot/entry)" "$started"
	empty "dualbm-qualify: one that goes is not" "$(hook remove 6.1.0-1-amd64)"
	is "dualbm-qualify: the service runs it, and does not repeat what failed" \
		"$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p; s/^RestartPreventExitStatus=//p' "$work/q/lib/systemd/system/dualbm-qualify@.service" | xargs)" \
		"/usr/sbin/dualbm-qualify 1 2"

	export DEBFULLNAME="The tests" DEBEMAIL=tests@dualbm.invalid
	next=0.9999.0
	next_source "$work/next" "$next"
	check "the packages of a next version build" env O="$work/next-deb" DUALBM_CACHE="$work/cache" "$work/next/packaging/deb"
	is "whoever builds them is their maintainer" "$(dpkg -f "$work/next-deb/dualbm-dkms_${next}_all.deb" Maintainer)" \
		"The tests <tests@dualbm.invalid>"
	"$TOP/scripts/root"
	# Without kernels, and without what the other tests built there.
	throw_away_root bookworm --exclude='./usr/lib/modprobe.d/*' --exclude='./usr/lib/modules/*' --exclude='./usr/src/*' \
		--exclude='./var/lib/dkms/dualbm'
	mv "$dkms" "$work/next-deb/dualbm-dkms_${next}_all.deb" "$ROOT/root/"
	traces() {
		in_root sh -c 'find /etc /usr /var/lib /lib/modules/ -name "*dualbm*" | sort; dpkg -l "dualbm*" 2>/dev/null | grep "^[ir]" || :'
	}
	before=$(traces)
	check "dualbm-dkms: installs" in_root dpkg -i "/root/dualbm-dkms_${VERSION}_all.deb"
	in_root sed -i 's/^#options dualbm policy=.*/options dualbm policy=panic/' /etc/modprobe.d/dualbm.conf
	edited=$(<"$ROOT/etc/modprobe.d/dualbm.conf")
	check "dualbm-dkms: is upgraded" in_root dpkg --force-confold -i "/root/dualbm-dkms_${next}_all.deb"
	is "dualbm-dkms: what was edited is kept" "$(<"$ROOT/etc/modprobe.d/dualbm.conf")" "$edited"
	like "dualbm-dkms: the new text is beside it" "$(cat "$ROOT/etc/modprobe.d/dualbm.conf.dpkg-dist" 2>&1)" "As of $next"
	like "dualbm-dkms: what was not edited is new" "$(<"$ROOT/etc/modules-load.d/dualbm.conf")" "As of $next"
	is "dualbm-dkms: the old source is gone" "$(in_root sh -c 'echo /usr/src/dualbm-*')" "/usr/src/dualbm-$next"
	check "dualbm-dkms: is removed" in_root dpkg -r dualbm-dkms
	is "dualbm-dkms: removed, what was edited is still there" "$(cat "$ROOT/etc/modprobe.d/dualbm.conf" 2>&1)" "$edited"
	check "dualbm-dkms: is purged" in_root dpkg -P dualbm-dkms
	is "dualbm-dkms: purged, nothing is left" "$(traces)" "$before"
	rm -rf --one-file-system "$ROOT"
fi
done_testing
