# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# Sourced by the guest's test scripts: . ./guest-lib.sh
# TAP goes to standard output, requests to the runner as well.

# shellcheck disable=SC2034 # used by the scripts that source this
D=/sys/kernel/dualbm
# shellcheck disable=SC2034
DBG=/sys/kernel/debug/dualbm
failed=0

# kmod's, not the applets that busybox's shell prefers: those try again by another
# system call when a module's init fails, so a module that never stays would do
# its work twice.
for _applet in insmod modprobe rmmod lsmod modinfo depmod; do
	eval "$_applet() { /sbin/$_applet \"\$@\"; }"
done

ok() {
	echo "ok - $1"
}

# not_ok NAME [WHY]
not_ok() {
	echo "not ok - $1"
	[ $# -lt 2 ] || diag "$2"
	failed=$((failed + 1))
}

# skip NAME WHY: for what the kernel or the machine cannot do, never for a failure.
skip() {
	echo "ok - $1 # SKIP $2"
}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# check NAME CMD...: one test point from a command's exit status.
check() {
	_name=$1
	shift
	if "$@"; then ok "$_name"; else not_ok "$_name" "failed: $*"; fi
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi
}

# at_least NAME GOT MINIMUM
at_least() {
	if [ "${2:-0}" -ge "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted at least $3"; fi
}

# at_most NAME GOT MAXIMUM
at_most() {
	if [ "$2" ] && [ "$2" -le "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted at most $3"; fi
}

# The end of a test script: the guest's exit status is what the runner sees.
finish() {
	exit $((failed != 0))
}

bail() {
	echo "Bail out! $*"
	exit 1
}

# part NAME: whether it is among the script's arguments ($only), or there are none. It is
# the $name of what comes, and the kernel's log begins anew.
# shellcheck disable=SC2034,SC2154 # the script's own
part() {
	name=$1
	case $only in
	"  " | *" $name "*) dmesg -c >/dev/null ;;
	*) return 1 ;;
	esac
}

# host CMD...: ask the runner (see vm-run) for something, and print what its
# answer holds besides "ok"; fails if the answer is anything else.
host() {
	echo "@host $*" >&9
	read -r _answer <&8 || _answer="no answer"
	case $_answer in
	ok) ;;
	"ok "*) echo "${_answer#ok }" ;;
	*)
		diag "host $*: $_answer" >&9
		return 1
		;;
	esac
}

# Everything said so far has reached the runner. Use it before something that
# may panic the machine: what waits in a serial port's buffer dies with it.
flush() {
	host sync
}

# stat NAME: a counter from stats.
stat() {
	sed -n "s/^$1 //p" "$D/stats"
}

# kernel_has OPTION: whether the kernel has it, if it tells (debug kernels do).
kernel_has() {
	zcat /proc/config.gz 2>/dev/null | grep -q "^$1=y"
}

# wait_for SECONDS CMD...; a slow kernel has more of them.
wait_for() {
	_left=$(($1 * 5 * ${dualbm_slow:-1}))
	shift
	until "$@"; do
		[ "$((_left -= 1))" -gt 0 ] || return 1
		sleep 0.2
	done
}

state_is() {
	[ "$(cat $D/state 2>/dev/null)" = "$1" ]
}

# load_dualbm PARAMETERS...: load the module and wait until it is armed.
load_dualbm() {
	modprobe dualbm "$@" || return 1
	wait_for 120 state_is armed
}

# insmod_test NAME PARAMETERS...: a test module; -EAGAIN from its init means
# that it did its work and does not stay. Returns 2 if it says that the kernel has
# nothing of the kind.
insmod_test() {
	_mod=$1
	shift
	if ! [ -e "/modules/$_mod.ko" ]; then
		diag "no test module $_mod.ko"
		return 2
	fi
	if _err=$(insmod "/modules/$_mod.ko" "$@" 2>&1); then
		return 0
	fi
	case $_err in
	*"Resource temporarily unavailable"*) return 0 ;;
	*"Operation not supported"*) return 2 ;;
	esac
	diag "$_err"
	return 1
}

# expect_no_finding NAME: nothing was found, and nothing was missed.
expect_no_finding() {
	_bad=
	for _counter in violations unproven coverage_gaps; do
		_value=$(stat $_counter)
		[ "$_value" = 0 ] || _bad="$_bad $_counter=$_value"
	done
	if [ -z "$_bad" ]; then
		ok "$1: no violation, nothing unproven, no coverage gap"
	else
		not_ok "$1: no violation, nothing unproven, no coverage gap" "$_bad"
		diag "$(cat $D/last_violation $D/hooks 2>/dev/null)"
	fi
}

# expect_clean NAME: nor is anything wrong with the kernel.
expect_clean() {
	expect_no_finding "$1"
	expect_quiet_kernel "$1"
}

# complaints: those of a log's lines in which the kernel complains. Whose a data race is,
# which only a kernel built for that tells, the runner decides.
complaints() {
	grep -E 'BUG:|WARNING:|general protection|[Uu]nable to handle' | grep -v 'BUG: KCSAN: '
}

# expect_quiet_kernel NAME: no splat in the kernel's log. Of a debug kernel's, the runner
# decides whose it is.
expect_quiet_kernel() {
	if [ "${dualbm_slow-}" ]; then
		return
	elif dmesg | grep -E 'BUG:|WARNING:|Call Trace|Bad page state|general protection|dualbm: .*pfn=' >/tmp/splat; then
		not_ok "$1: no splat in the kernel log" "$(head -n 20 /tmp/splat)"
	else
		ok "$1: no splat in the kernel log"
	fi
}

# mount_debian: the 9p share "root" (vm-run --debian) in /mnt, with this guest's /proc, /sys and /dev.
mount_debian() {
	modprobe virtio_pci
	modprobe 9pnet_virtio || bail "no 9p"
	mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose root /mnt || bail "no Debian"
	for _dir in proc sys dev; do
		mount --rbind /$_dir /mnt/$_dir
	done
	for _dir in tmp run mnt; do
		mount -t tmpfs $_dir /mnt/$_dir
	done
}

# A descriptor for each direction, so that host works inside $(...) as well.
# init knows the port.
# shellcheck disable=SC2154,SC2094
exec 8<"$port" 9>"$port"
