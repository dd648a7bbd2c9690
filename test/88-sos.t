#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The plugin of sos, with Debian's sosreport: what dualbmctl reports is in its archive, and where
# there is no dualbmctl it does nothing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
need_packages python3 sosreport
need_user_root
tools=$CACHE/sos-tools
work=$(mktemp -d "$CACHE/sos.XXXXXX")
trap 'without_archive $?; rm -rf "$work"' EXIT
unset DUALBMCTL_ROOT

check "dualbmctl builds" make -s -C tools O="$tools"
# sos with the plugin, beside the machine's own.
installed=${SOS_PACKAGE:-/usr/lib/python3/dist-packages/sos}
mkdir -p "$work"/{python,bin,empty,tmp}
cp -a "$installed" "$work/python/sos"
make -s -C tools install-sos O="$tools" SOSDIR="$work/python/sos/report/plugins"
unpack test/ctl/machine.tree "$work/tree"
printf '#!/bin/sh\nexec %q --root %q "$@"\n' "$tools/dualbmctl" "$work/tree" >"$work/bin/dualbmctl"
chmod 755 "$work/bin/dualbmctl"

# sos_report DIR ARGUMENTS...: with DIR as the programs of this machine that its administrator made.
sos_report() {
	unshare --mount --propagation private sh -ec 'mount --bind "$1" /usr/local/sbin; cd /; shift; exec "$@"' sh "$1" \
		env PYTHONPATH="$work/python" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -c \
		'import sys; from sos import SoS; SoS(sys.argv[1:]).execute()' report --batch --tmp-dir "$work/tmp" "${@:2}"
}

check "it runs" sos_report "$work/bin" --only-plugins dualbm
archive=$(compgen -G "$work/tmp/sosreport-*.tar.xz" || :)
if [[ $archive ]]; then
	mkdir "$work/x"
	tar -C "$work/x" --strip-components=1 -xf "$archive"
	here=$work/x/sos_commands/dualbm
	is "its files" "$(cd "$here" && find . -type f -printf '%P\n' | sort | xargs)" \
		"dualbm-report.tar.zst dualbmctl_--json_status dualbmctl_check dualbmctl_history_--since_30d dualbmctl_report"
	check "the report can be unpacked" tar -C "$work/x" --zstd -xf "$here/dualbm-report.tar.zst"
	check "the report is whole" env -C "$work/x/dualbm-report" sha256sum --quiet --strict --check MANIFEST
	like "the state is of the machine" "$(<"$here/dualbmctl_--json_status")" '"state":"armed"'
	like "the answer of check is there" "$(<"$here/dualbmctl_check")" 'dualbm will work on 6[.]12[.]117'
else
	not_ok "there is an archive of sos"
fi
like "with dualbmctl it is enabled" "$(sos_report "$work/bin" --list-plugins 2>&1 | sed '/currently disabled/,$d')" ' dualbm +Ownership of page frames'
like "without dualbmctl it is not" "$(sos_report "$work/empty" --list-plugins 2>&1 | sed '1,/currently disabled/d')" ' dualbm +inactive'
done_testing
