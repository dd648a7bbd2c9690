# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced first by the scripts: --help is what a script says of itself, and nothing is done.

case ${1-} in
--help | -h)
	sed -n '4,/^[^#]/s/^# \{0,1\}//p' "$0"
	exit 0
	;;
esac
