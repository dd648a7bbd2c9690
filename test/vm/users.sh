#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What a user without rights can see, and what they can do to it.
#
#	users.sh census [block]        numbers of all memory that nobody has to count
#	users.sh held                  what everybody may read waits for no lock
#	users.sh waits                 nor is the scrubber judged while it waits for one (70 s)
#	users.sh files                 who may read what
#	users.sh names                 a task's name ends no line and begins no key
. ./scrub-lib.sh

# The files of everybody; the others are for root.
public_files() {
	find "$D" -maxdepth 1 -type f -perm -444 | sed 's,.*/,,' | sort
}

as_nobody() {
	su -s /bin/sh nobody -c "PATH=/bin:/sbin; $1"
}

# in_time NAME CMD: a user's command ends, and well, within 10 s. One that does not cannot
# always be killed, so nobody waits for it.
in_time() {
	rm -f /tmp/in_time
	{ as_nobody "$2" >/dev/null && : >/tmp/in_time; } &
	check "$1" wait_for 10 [ -e /tmp/in_time ]
}

# ---- the census ----

# In all subsections, as debugfs counts them now: "all allocated free untracked".
counted() {
	tr ' ' '\n' <"$DBG"/map | awk -F/ 'NF == 4 { all += 512; allocated += $1; free += $2; untracked += $3 }
		END { print all, allocated, free, untracked }'
}

# near NAME GOT WANTED SLACK
near() {
	if [ $(($2 - $3)) -le "$4" ] && [ $(($3 - $2)) -le "$4" ]; then
		ok "$1"
	else
		not_ok "$1" "got $2, wanted $3, give or take $4"
	fi
}

# agrees NAME: stats against a count of all planes; what runs meanwhile moves little.
agrees() {
	# shellcheck disable=SC2046 # numbers
	set -- "$1" $(counted)
	is "$1: frames managed" "$(stat pages_managed)" "$2"
	near "$1: allocated" "$(stat pages_allocated)" "$3" 2048
	near "$1: free" "$(stat pages_free)" "$4" 2048
	near "$1: untracked" "$(stat pages_untracked)" "$5" 2048
	_sum=$(($(stat pages_allocated) + $(stat pages_free) + $(stat pages_untracked)))
	at_least "$1: the parts are no more than the whole" $(($(stat pages_managed) - _sum)) 0
	near "$1: and nearly it" "$_sum" "$(stat pages_managed)" 64
}

# What is in a block may be pinned.
block_leaves() {
	for _block in $(movable_blocks); do
		! write "$_block/state" offline || return 0
	done
	return 1
}

census() {
	load scrub_interval_ms=0
	agrees "after learning"
	at_least "after learning: counted less than 30 s ago" $((30000 - $(stat census_age_ms))) 0
	_bytes=$(stat plane_bytes) _managed=$(stat pages_managed)
	# A quarter of a GiB that was free: known after a pass, and at once to who asks for one.
	_was=$(stat pages_free)
	dd if=/dev/zero of=/dev/shm/fill bs=1M count=256 2>/dev/null
	sleep 2
	at_least "nobody counts meanwhile: the age says so" "$(stat census_age_ms)" 2000
	scrub
	at_least "after a pass: counted less than 2 s ago" $((2000 - $(stat census_age_ms))) 0
	near "after a pass: what was taken is not free" $((_was - $(stat pages_free))) 65536 16384
	agrees "after a pass"
	rm /dev/shm/fill
	if [ "$1" = block ]; then
		_places=$(sed 's/.*chunks=\([0-9]*\).*/\1/' $D/placement | awk '{ sum += $1 } END { print sum }')
		wait_for 20 block_leaves || not_ok "a block goes offline"
		_gone=$((_managed - $(stat pages_managed)))
		at_least "a block has gone: at once in no number" $_gone 32768
		is "a block has gone: nor are its planes" $((_bytes - $(stat plane_bytes))) $((_gone * 3 / 8))
		is "a block has gone: nor their placement" \
			"$(sed 's/.*chunks=\([0-9]*\).*/\1/' $D/placement | awk '{ sum += $1 } END { print sum }')" \
			$((_places - _gone / 32768))
		write "$_block/state" online_movable || not_ok "a block comes online"
		is "a block has come: at once in the number" "$(stat pages_managed)" "$_managed"
		is "a block has come: so are its planes" "$(stat plane_bytes)" "$_bytes"
		scrub
		agrees "a block has come, after a pass"
	fi
	expect_clean "census"
	rmmod dualbm
}

# ---- locks ----

held() {
	load scrub_interval_ms=1000
	insmod_test hold || not_ok "hold.ko"
	for _file in $(public_files); do
		in_time "$_file is read while memory is locked" "cat $D/$_file"
	done
	in_time "dualbmctl status too" "dualbmctl status"
	rmmod hold
	expect_clean "held"
	rmmod dualbm
}

# Longer than a scrubber may be silent, with a machine that would stop for that.
waits() {
	load scrub_interval_ms=1000 on_degraded=panic
	insmod_test hold || not_ok "hold.ko"
	sleep 70
	is "waits: no trouble after 70 s" "$(cat $D/state) $(cat $D/state_reason)" "armed none"
	rmmod hold
	_passes=$(stat scrub_passes)
	sleep 5
	at_least "waits: and then it goes on" $(($(stat scrub_passes) - _passes)) 2
	expect_clean "waits"
	rmmod dualbm
}

# ---- who may read what ----

files() {
	load
	is "files: these are for everybody" "$(public_files | xargs)" \
		"hooks policy scrub state state_reason stats"
	for _file in $(public_files); do
		check "files: $_file, as nobody" as_nobody "cat $D/$_file >/dev/null"
	done
	for _file in $D/last_violation $D/placement $DBG/violations $DBG/frame; do
		check "files: ${_file##*/} is there" [ -e "$_file" ]
		refused "files: ${_file##*/}, as nobody" "cat $_file"
	done
	refused "files: policy is written, as nobody" "echo report >$D/policy"
	refused "files: a scrub is asked for, as nobody" "echo now >$D/scrub"
	check "files: dualbmctl status, as nobody" as_nobody "dualbmctl status"
	expect_clean "files"
	rmmod dualbm
}

# refused NAME CMD: of a user without rights.
refused() {
	if as_nobody "$2" >/dev/null 2>&1; then not_ok "$1: refused"; else ok "$1: refused"; fi
}

# ---- names ----

# called NAME: from here on this task is called so, as any task may call itself.
called() {
	# shellcheck disable=SC2059 # its escapes are meant
	printf "$1" >/proc/self/comm
}

# A subshell's /proc/self is what writes: the shell itself, as printf and echo are its own.
names() {
	load inject=1 policy=report
	uevent sh -c 'echo "$DUALBM_VIOLATION"' >/tmp/uevents 2>/dev/null &
	_listener=$!
	sleep 0.5
	(
		called 'x\nrecord=1'
		echo drop free >$DBG/inject
	)
	is "names: a newline ends no line" "$(wc -l <$D/last_violation)" 1
	is "names: and begins no record" "$(grep -c '^record=' $DBG/violations)" "$(last record)"
	is "names: it is written as a number" "$(last comm)" 'x\012record\0751'
	is "names: in the log too" "$(dmesg | grep -c 'comm=x.012record.0751$')" 1
	(
		# shellcheck disable=SC1003 # a backslash, for printf
		called 'a b="\033\\'
		echo drop free >$DBG/inject
	)
	is "names: blanks, quotes and what a terminal obeys" "$(last comm)" 'a\040b\075\042\033\134'
	check "names: dualbmctl shows all of it" sh -c '[ "$(dualbmctl violations --json | grep -o "\"foreign_lines\":[^,}]*" | tr -d " ")" = "\"foreign_lines\":0" ]'
	check "names: the uevent has class, record and proof, and no more" \
		wait_for 10 grep -qxE "double_alloc record=[0-9]+ proof=[a-z]+" /tmp/uevents
	is "names: no other uevent" "$(grep -vxE '[a-z_]+ record=[0-9]+ proof=[a-z]+|' /tmp/uevents)" ""
	kill $_listener
	rmmod dualbm
}

case $1 in
files) files ;;
waits) waits ;;
names) names ;;
census) census "${2-}" ;;
held) held ;;
*) bail "what?" ;;
esac
finish
