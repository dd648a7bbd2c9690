# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by what builds kernels: configurations from test/kernels. Needs lib.sh.

# wanted_options FLAVOUR: everything else is the kernel's own "no".
wanted_options() {
	cat "$TOP/test/kernels/common.config" "$TOP/test/kernels/$1.config"
	printf 'CONFIG_LOCALVERSION="-%s"\n' "$1"
}

# need_options NAME WANTED CONFIG: all that is asked for has to be there; an option that depends
# on another, missing one would be dropped without a word.
need_options() {
	local missing

	# The last line about an option holds.
	missing=$(sed -nE 's/^# (CONFIG_[A-Za-z0-9_]+) is not set/\1/p; s/^(CONFIG_[^=]+)=.*/\1 &/p' "$2" |
		awk '{ line[$1] = $2 } END { for (option in line) if (line[option] != "") print line[option] }' |
		grep -vxF -f "$3") || :
	[[ ! $missing ]] || die "$1 does not get: $(xargs <<<"$missing")"
}
