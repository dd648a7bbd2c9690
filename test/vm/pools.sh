#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Network traffic whose pages come from page pools, which take them in bulk, hand them out
# again and again under references of many owners, and give them back late, on another CPU; and
# memory of processes that is pinned and outlives its mapping: no false alarm.
#
#	pools.sh SECONDS
# covers: R-EVENT-1 R-COUNT-4
. ./mm-lib.sh

load_dualbm scrub_interval_ms=1000 policy=panic || bail "dualbm is not armed: $(cat $D/state)"

# One end here, the other in a network of its own. The busybox of Debian 11 cannot do that.
unshare -n sleep 100000 &
there=$!
there() {
	nsenter -t $there -n "$@"
}
sleep 1

# A kernel need not have any of it; whether it is there is told by its own files.
wire=''
why=''
if ! [ -e /proc/self/ns/net ]; then
	why="this kernel has one network only"
elif ! modprobe veth || ! ip link add here type veth; then
	why="this kernel has no veth"
elif ! [ -d /sys/fs/bpf ] || ! [ -d /sys/kernel/tracing/events/page_pool ]; then
	why="this kernel has no BPF, or no page pools"
elif ! ip link set veth0 netns $there 2>/dev/null; then
	why="no other network can be had here"
else
	wire=yes
	ip addr add 10.9.8.1/24 dev here
	ip link set here up
	there ip addr add 10.9.8.2/24 dev veth0
	there ip link set veth0 up
	there ip link set lo up
fi

packets() {
	cat "/sys/class/net/here/statistics/$1"
}

wire_start() {
	probes /tmp/counted tracepoint:page_pool/page_pool_state_hold \
		tracepoint:page_pool/page_pool_state_release &
	counting=$!
	wait_for 30 grep -q '^ready' /tmp/counted || bail "nothing counts: $(cat /tmp/counted)"
	xdp pass here >/tmp/pass.here 2>&1 &
	pass_here=$!
	nsenter -t $there -n xdp pass veth0 >/tmp/pass.there 2>&1 &
	pass_there=$!
	for _end in here there; do
		wait_for 30 grep -q '^attached' /tmp/pass.$_end || bail "no XDP: $(cat /tmp/pass.$_end)"
	done
	# Both ways at once, without an end.
	nc -l -p 5001 </dev/zero >/dev/null 2>&1 &
	listener=$!
	sleep 1
	nsenter -t $there -n nc 10.9.8.1 5001 </dev/zero >/dev/null 2>&1 &
	talker=$!
	_rx=$(packets rx_packets) _tx=$(packets tx_packets)
}

# frames_until TIME: frames that the kernel makes itself.
frames_until() {
	frames=0 rounds=0 live=yes
	while [ "$(date +%s)" -lt "$1" ]; do
		xdp frames here 5000 >/tmp/frames 2>&1
		case $? in
		0) ;;
		2) live='' && break ;;
		*) not_ok "the kernel makes frames" "$(cat /tmp/frames)" && break ;;
		esac
		frames=$((frames + $(sed -n 's/^received //p' /tmp/frames | grep . || echo 0)))
		rounds=$((rounds + 1))
	done
}

wire_stop() {
	diag "rounds=$rounds received=$frames tx=$(($(packets tx_packets) - _tx)) rx=$(($(packets rx_packets) - _rx))"
	at_least "packets came over the wire" $(($(packets rx_packets) - _rx)) 500
	at_least "packets went over the wire" $(($(packets tx_packets) - _tx)) 500
	# What it carried would not count if it had ended by itself.
	check "the traffic lasted" kill "$listener" "$talker"
	kill "$pass_here" "$pass_there"
	ip link del here
	kill $there
	# What waits for its last packet keeps its pool for a while.
	sleep 3
	kill "$counting"
	wait "$counting"
	diag "$(grep : /tmp/counted)"
	if [ -z "$live" ]; then
		skip "a socket got frames of pools" "the kernel makes none"
		return
	fi
	_held=$(sed -n 's/.*state_hold //p' /tmp/counted) _left=$(sed -n 's/.*state_release //p' /tmp/counted)
	at_least "a socket got frames of pools" "$frames" $((rounds * 500))
	at_least "pages went into pools" "$_held" $((rounds * 200))
	# What is left is in the pool that each CPU has, for good.
	at_least "and left them" "$_left" $((_held - 512))
}

[ ! $wire ] || wire_start
load_start 32M
pin "$1" >/tmp/pin 2>&1 &
pinning=$!
[ ! $wire ] || frames_until $(($(date +%s) + $1))
wait $pinning
case $? in
0) at_least "pages were pinned" "$(sed -n 's/^pinned //p' /tmp/pin)" 1000 ;;
2) skip "pages were pinned" "no io_uring" ;;
*) not_ok "pages were pinned" "$(cat /tmp/pin)" ;;
esac
load_stop
if [ $wire ]; then wire_stop; else skip "traffic" "$why"; fi
diag "$(grep -E '^(alloc|free|bulk|boundary)[a-z_]* ' $D/stats)"
expect_clean "page pools and pinned memory"
is "armed" "$(cat $D/state)" armed
rmmod dualbm
ok "unloads"
finish
