# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by test/*.t: TAP on standard output, and VM runs as groups of test
# points. Whatever explains a failure goes to standard error, which prove shows.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

count=0
failures=0
declare -A vm_arguments vm_logs vm_pids vm_again

ok() {
	printf 'ok %d - %s\n' $((count += 1)) "$1"
}

# not_ok NAME [WHY]
not_ok() {
	printf 'not ok %d - %s\n' $((count += 1)) "$1"
	failures=$((failures + 1))
	printf '# failed: %s\n%s\n' "$1" "${2-}" | sed '/^$/d; 2,$s/^/#     /' >&2
	return 0
}

skip() {
	printf 'ok %d - %s # SKIP %s\n' $((count += 1)) "$1" "$2"
}

# long_only WHAT TIME: the whole test, unless DUALBM_LONG=1, which "scripts/check --long" sets.
long_only() {
	[[ ${DUALBM_LONG-} != 1 ]] || return 0
	skip "$1" "takes $2: DUALBM_LONG=1"
	done_testing
}

# once KERNEL NAME: what differs little between kernels is run on the last of $KERNELS alone,
# unless DUALBM_LONG=1.
once() {
	[[ ${DUALBM_LONG-} != 1 && $1 != "${KERNELS##* }" ]] || return 0
	skip "$2" "on ${KERNELS##* } only: DUALBM_LONG=1"
	return 1
}

# vm_once KERNEL NAME done|panic VM-RUN-ARGUMENTS...: a guest with that kernel, if it is its turn.
vm_once() {
	! once "$1" "$2" || vm "$2" "$3" --kernel "$1" "${@:4}"
}

diag() {
	printf "%s\n" "$*" | sed "s/^/# /"
}

# check NAME CMD...: a test point from a command's exit status; its output is
# shown only if it fails.
check() {
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$(tail -n 40 <<<"$out")"; fi
}

# is NAME GOT WANTED
is() {
	if [[ $2 == "$3" ]]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi
}

# at_least NAME GOT MINIMUM
at_least() {
	if (($2 >= $3)); then ok "$1"; else not_ok "$1" "got $2, wanted at least $3"; fi
}

# like NAME GOT REGEX
like() {
	if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got '$2', wanted something like '$3'"; fi
}

# empty NAME TEXT: there is nothing to complain about.
empty() {
	if [[ -z $2 ]]; then ok "$1"; else not_ok "$1" "$(head -n 40 <<<"$2")"; fi
}

# strings FILE ARRAY: the strings of a table in the source, sorted.
strings() {
	awk -v array="$2" 'index($0, array "[") && /=/ { inside = 1 } inside; inside && /^};/ { exit }' "$TOP/$1" |
		grep -oE '"[^"]+"' | tr -d '"' | sort -u
}

# The module's parameters, and those that only a build for tests has.
module_parameters() {
	sed -n 's/^module_param_cb(\([a-z_]*\),.*/\1/p' "$TOP/dualbm.c" | sort
}

# What the module is built from, as packages take it.
module_sources() {
	(cd "$TOP" && find . -maxdepth 1 \( -name '*.[ch]' -o -name Kbuild -o -name Makefile -o -name VERSION -o -name dkms.conf \) \
		! -name '*.mod.c' ! -name dualbm_probes.h -printf '%P\n') | sort
}

# unpack FILE DIR: the files of a captured tree, as test/ctl/machine.tree has them.
unpack() {
	awk -v dir="$2" '
	/^=== / {
		if (file)
			close(file)
		file = dir "/" substr($0, 5)
		path = file
		sub(/\/[^\/]*$/, "", path)
		system("mkdir -p \047" path "\047")
		printf "" >file
		next
	}
	file { print >file }' "$1"
}

# next_source DIR VERSION: a checkout as it will be at a next version, as far as packages
# are made of it; the configuration that they ship has changed too.
next_source() {
	local file

	rm -rf "$1"
	package_source "$1"
	echo "$2" >"$1/VERSION"
	sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$2\"/" "$1/dkms.conf"
	sed -i "1s/(.*)/($2)/" "$1/debian/changelog"
	for file in "$1"/packaging/etc/*/*; do
		echo "# As of $2." >>"$file"
	done
}

# throw_away_root SUITE TAR-ARGUMENTS...: from here on ROOT is a copy of that root, of this test.
throw_away_root() {
	local from

	from=$(root_of "$1")
	ROOT=$CACHE/throw-away-$(basename "$0" .t)-$1
	shift
	rm -rf --one-file-system "$ROOT"
	mkdir -p "$ROOT"
	tar -C "$from" --one-file-system "$@" -cf - . | tar -C "$ROOT" -xpf -
}

# in_apt WORD...: apt-get in the root; configuration that was edited is kept.
in_apt() {
	in_root apt-get -q -y -o Dpkg::Options::=--force-confold "$@" </dev/null
}

# copy_module DIR: what the module is built from, without what a build left beside it.
copy_module() {
	rm -rf "$1"
	mkdir -p "$1"
	cp "$TOP"/*.[ch] "$TOP"/{Kbuild,Makefile,VERSION} "$1/"
	rm -f "$1"/*.mod.c "$1"/dualbm_probes.h
}

# installed_module RELEASE FILE: a copy of the module as DKMS installed it in the root,
# not compressed.
installed_module() {
	local installed=$ROOT/lib/modules/$1/updates/dkms/dualbm.ko

	if [[ -e $installed.xz ]]; then xzcat "$installed.xz" >"$2"; else cp "$installed" "$2"; fi
}

# judge NAME KERNEL: what a debug kernel said in the last run; what it says without the
# module too is shown.
judge() {
	local known=$CACHE/debug/$2.bare.log out status=0

	[[ -e $known ]] || known=''
	out=$("$TOP/scripts/kernel-reports" "$vm_log" ${known:+"$known"}) || status=$?
	if ((status)); then
		not_ok "$1: the kernel has nothing to report about the module" "exit status $status, log: $vm_log
$out"
	else
		ok "$1: the kernel has nothing to report about the module"
		diag "$out"
	fi
}

# vm_start NAME VM-RUN-ARGUMENTS...: a guest that runs beside what the test does until it
# calls vm_end for it: for those that wait most of the time.
vm_start() {
	local name=$1

	shift
	mkdir -p "$CACHE/logs"
	vm_arguments[$name]=${*@Q}
	vm_logs[$name]=$CACHE/logs/$(tr -c 'A-Za-z0-9.\n' '-' <<<"$name")-$(date +%m%d-%H%M%S)-$$-$count.log
	"$TOP/scripts/vm-run" --log "${vm_logs[$name]}" "$@" >"${vm_logs[$name]}.tap" </dev/null &
	vm_pids[$name]=$!
}

# emulator_failed LOG: a CPU died with flags that no CPU can have: bits that are always 0, or
# the one that is always 1. QEMU up to 9.0 takes data for flags where an instruction that writes
# both is interrupted by a fault in between (its "target/i386" of 2024 mends that); with the bit for
# virtual 8086 mode among them the next interrupt is a double fault. Seen once in some thousand
# guests. It says nothing about the kernel inside.
emulator_failed() {
	local flags

	while read -r flags; do
		! ((0x$flags & 0xffc08028 || !(0x$flags & 2))) || return 0
	done < <(sed -n 's/.*EFLAGS: \([0-9a-f]\{8\}\).*/\1/p' "$1")
	return 1
}

# vm_end NAME done|panic: the guest's test points, each with NAME before it, and one for
# how it ended. The log's name is left in $vm_log.
vm_end() {
	local name=$1 end=$2 line status=0 red='' kernel=''

	wait "${vm_pids[$name]}" || status=$?
	vm_log=${vm_logs[$name]}
	if ((status == 3)) && [[ ! ${vm_again[$name]-} ]] && emulator_failed "$vm_log"; then
		diag "$name: the emulated CPU failed, with flags that no CPU has; once more (log: $vm_log)"
		vm_again[$name]=yes
		eval "vm_start ${name@Q} ${vm_arguments[$name]}"
		vm_end "$name" "$end"
		return
	fi
	while IFS= read -r line; do
		case $line in
		'ok '*)
			line=${line#ok }
			red=''
			ok "$name: ${line#- }"
			;;
		'not ok '*)
			line=${line#not ok }
			red=yes
			not_ok "$name: ${line#- }" "log: $vm_log"
			;;
		'#'*)
			# After a failure it explains it.
			if [[ $red ]]; then printf '%s\n' "#     ${line#\# }" >&2; else printf '%s\n' "$line"; fi
			;;
		'Bail out!'*) not_ok "$name: $line" "log: $vm_log" ;;
		esac
	done <"$vm_log.tap"
	rm -f "$vm_log.tap"

	case $end-$status in
	done-0 | done-1 | panic-3)
		# done-1: the guest's own test points have said what is wrong.
		if [[ $end-$status == done-1 ]] && ! grep -q '^@done 1$' "$vm_log"; then
			not_ok "$name: the guest ran to its end" "$(tail -n 20 "$vm_log")"
		else
			ok "$name: ended as it should ($end)"
		fi
		;;
	*-3) not_ok "$name: ended as it should ($end)" "$(sed -n '/Kernel panic/,$p' "$vm_log" | head -n 30)" ;;
	*-2) not_ok "$name: ended in time" "$(tail -n 100 "$vm_log")" ;;
	*) not_ok "$name: ended as it should ($end)" "exit status $status
$(tail -n 20 "$vm_log")" ;;
	esac
	kernel=$(sed -n "s/.*'--kernel' '\([^']*\)'.*/\1/p" <<<"${vm_arguments[$name]}")
	[[ ! $kernel ]] || ! is_debug_kernel "$kernel" || judge "$name" "$kernel"
}

# vm NAME done|panic VM-RUN-ARGUMENTS...: both at once.
vm() {
	local name=$1 end=$2

	shift 2
	vm_start "$name" "$@"
	vm_end "$name" "$end"
}

# The panic string of the last run, without the kernel's own words before it.
panic_string() {
	sed -n 's/.*Kernel panic - not syncing: //p' "$vm_log" | head -n 1
}

# Without what a test needs from the archive it is no failure, and no success either:
# what was seen until then counts, the rest is left out, and scripts/check says so at its
# end. A test with a trap of its own calls this in it, with the exit status.
without_archive() {
	local status=${1:-$?}

	[[ $status =~ ^(69|75)$ && $0 == *.t ]] || return 0
	echo "$status" >>"$CACHE/archive.status"
	skip "the rest of ${0##*/}" "the archive is out of reach (69) or not complete (75): $status"
	done_testing
}
trap without_archive EXIT

done_testing() {
	printf '1..%d\n' "$count"
	exit $((failures != 0))
}
