#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Where only signed modules are taken: refused without the certificate, loaded with it.
# The key is made and the module signed as docs/deployment.md has it; the certificate
# is in the firmware's "db", where shim's own list of keys is not.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
need_packages ovmf openssl
work=$(mktemp -d "$CACHE/signed.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The variable: attributes; a time and an empty signature, which a firmware without
# a platform key does not look at; one list with one certificate.
variable() {
	perl -e '
		sub guid {
			my @part = split /-/, shift;
			return pack "VvvH*", map(hex, @part[0 .. 2]), "$part[3]$part[4]";
		}
		local $/;
		my $certificate = <STDIN>;
		my $pkcs7 = guid("4aafd29d-68df-49ee-8aa9-347d375665a7");
		my $x509 = guid("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");
		my $entry = guid("77fa9abd-0359-4d32-bd60-28f4e78f784b") . $certificate;
		print pack("V", 0x27), pack("vCCx11x", 2026, 1, 1),
			pack("Vvv", 24, 0x0200, 0x0ef1), $pkcs7,
			$x509, pack("VVV", 28 + length $entry, 0, length $entry), $entry;' <"$1"
}

command=$(sed -n '/^    openssl req/,/[^\\]$/p' docs/deployment.md)
check "the documented command makes a key" bash -ec "cd '$work'; $command"
variable "$work/dualbm.der" >"$work/db"

for kernel in $KERNELS; do
	[[ $(arch_of "$kernel") == amd64 ]] || continue
	use_kernel "$kernel"
	release=$(kernel_release "$kernel")
	mkdir -p "$work/modules/$release"
	module=$work/modules/$release/dualbm.ko
	installed_module "$release" "$module"
	signer=$(in_root sh -c "ls /lib/modules/$release/build/scripts/sign-file /usr/lib/linux-kbuild-*/scripts/sign-file 2>/dev/null" | tail -n 1)
	check "$kernel: signed" in_root "$signer" sha256 "/cache/${work##*/}/dualbm.key" \
		"/cache/${work##*/}/dualbm.der" "/cache/${work##*/}/modules/$release/dualbm.ko"
	cp /usr/share/OVMF/OVMF_VARS_4M.fd "$work/vars-$kernel"
	DUALBM_MODULES=$work/modules vm "signed-$kernel" 'done' --kernel "$kernel" --reboot \
		--append module.sig_enforce=1 --file "$work/db" \
		--qemu -drive --qemu "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd" \
		--qemu -drive --qemu "if=pflash,format=raw,file=$work/vars-$kernel" -- signed.sh
done
done_testing
