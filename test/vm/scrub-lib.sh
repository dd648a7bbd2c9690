# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# For tests of what looks by itself.
. ./mm-lib.sh

# shellcheck disable=SC2034 # for those that source this
T=/sys/kernel/tracing
COUNTERS='violations|double_alloc|double_free|boundary_double_free|plane_corruption|directory_corruption|allocator_corruption|bad_page|count_underflow|mapped_free|piece_free|unproven|coverage_gaps'

load() {
	load_dualbm "$@" || bail "dualbm is not armed: $(cat $D/state)"
	dmesg -c >/dev/null
	counters
}

scrub() {
	echo now >$D/scrub
}

scrub_key() {
	tr ' ' '\n' <$D/scrub | sed -n "s/^$1=//p"
}

splats() {
	dmesg | complaints
}
