# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034
#
# Sourced by the guest's coexist*.sh, with their arguments: which parts are wanted, the
# functions that dualbm hooks, what it is put through beside others, and probes.c.
. ./mm-lib.sh

only=" $* "
tracing=/sys/kernel/tracing
charge=__memcg_kmem_charge_page

# wanted NAME: whether that part is among the arguments, or there are none.
wanted() {
	part "$1" || return 1
	started=$(cut -d. -f1 /proc/uptime)
}

# ---- functions ----

# first_of NAME...: the first that this kernel has, and that can be traced.
first_of() {
	for _function; do
		if grep -qx "$_function" /tmp/functions; then
			echo "$_function"
			return
		fi
	done
}

find_functions() {
	grep -E '^(__alloc_(frozen_)?pages(_noprof|_nodemask)?|(__)?alloc_pages_bulk(_noprof)?|_?__free_pages|__isolate_free_page|__putback_isolated_page|compaction_free|__memcg_kmem_charge_page|unpoison_memory)$' \
		"$tracing"/available_filter_functions >/tmp/functions
	alloc=$(first_of __alloc_frozen_pages_noprof __alloc_pages_noprof __alloc_pages __alloc_pages_nodemask)
	bulk=$(first_of alloc_pages_bulk_noprof __alloc_pages_bulk)
	hooked=$alloc
	for _function in "$bulk" __free_pages __isolate_free_page __putback_isolated_page $charge compaction_free; do
		_function=$(first_of "$_function")
		hooked="$hooked${_function:+ $_function}"
	done
	diag "hooked functions: $hooked"
}

# ---- what dualbm is put through ----

load() {
	if load_dualbm policy=panic on_degraded=report "$@"; then
		ok "$name: dualbm is armed"
	else
		not_ok "$name: dualbm is armed" "$(cat $D/state; dmesg | tail -n 5)"
	fi
}

unload() {
	check "$name: dualbm unloads" rmmod dualbm
}

one_work() {
	insmod_test paths "$@" seconds=1
	[ $? != 1 ] || not_ok "$name: paths $*" "$(said paths)"
}

work() {
	one_work op=pool ctx=task
	one_work op=contig ctx=task
	one_work op=vmalloc ctx=task
	[ -z "$bulk" ] || one_work op=bulk_array ctx=softirq
}

# clean STEP: after work; everything has been seen, and nothing was wrong.
clean() {
	check "$name: $1: armed" wait_for 60 state_is armed
	expect_clean "$name: $1"
	is "$name: $1: was not degraded" "$(dmesg | grep 'dualbm: degraded')" ""
}

done_with() {
	expect_quiet_kernel "$name: unloaded"
	check "$name: the load ran all the time" kill -0 "$load_pid"
	diag "$name: $(($(cut -d. -f1 /proc/uptime) - started)) s"
}

# ---- probes of others ----

# attach SPEC...: see probes.c
attach() {
	rm -f /tmp/probes
	probes /tmp/probes "$@" &
	probes_pid=$!
	wait_for 60 grep -q '^ready' /tmp/probes || not_ok "$name: probes are attached" "$(cat /tmp/probes)"
	sed -n 's/^no /this kernel cannot: /p' /tmp/probes | sort -u | head -n 3 | while read -r _line; do
		diag "$_line"
	done
}

# Those that fire have to have fired.
detach() {
	kill "$probes_pid"
	wait "$probes_pid"
	_silent=$(awk '!/^(no|ready)/ && $2 == 0 { print $1 }' /tmp/probes |
		grep -vE ':(__putback_isolated_page|compaction_free|__memcg_kmem_charge_page)$')
	_calls=$(awk '!/^(no|ready)/ { n++; sum += $2 } END { print sum " calls of " n " probes" }' /tmp/probes)
	if [ -z "$_silent" ] && [ "${_calls%% *}" -gt 0 ]; then
		ok "$name: the other's probes fired"
	else
		not_ok "$name: the other's probes fired" "$_calls, silent: $_silent"
	fi
	diag "$name: $_calls"
}

# everywhere KIND...: a probe of each kind on each function. 6.1 breaks its own
# ftrace if fexit comes to a function that somebody redirects (docs/coexistence.md).
everywhere() {
	for _kind; do
		for _function in $hooked; do
			[ "$_kind:$_function" = "$breaks" ] || printf ' %s:%s' "$_kind" "$_function"
		done
	done
}

trace_filter() {
	echo >"$tracing"/set_ftrace_filter
	for _function in "$@"; do
		echo "$_function" >>"$tracing"/set_ftrace_filter
	done
}

# Before the first part.
begin() {
	mkdir /sys/fs/cgroup/any 2>/dev/null
	echo +memory 2>/dev/null >/sys/fs/cgroup/cgroup.subtree_control
	find_functions
	# 6.1 warns when the stack of a task that wakes up inside a return probe is read,
	# as changing to a live patch does.
	case $(uname -r) in
	6.1.*) lean=boundary=0 breaks=fexit:$bulk ;;
	*) lean='' breaks='' ;;
	esac
	load_start 64M
}
