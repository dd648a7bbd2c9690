#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Kinds of page bugs, as drivers have them: each but a leak is found, before or when the kernel
# notices, and nearly all are told with the name of who is at fault. Writes docs/kinds.md, with
# what each kernel says by itself beside it.
#
# DUALBM_KINDS="NAME..." makes only those, and writes nothing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/kinds-lib.sh"

long_only "kinds of page bugs" "a machine for each of them, three times"
page=$TOP/docs/kinds.md
logs=$CACHE/logs/kinds
mkdir -p "$logs"

declare -A what
names=()
while read -r name text; do
	names+=("$name")
	what[$name]=$text
done < <(read_kinds)
read -ra chosen <<<"${DUALBM_KINDS-${names[*]}}"

# machine KERNEL MODE KIND PARAMETERS...: whatever becomes of it.
machine() {
	local log=$logs/$1-$2-$3.log kernel=$1 kind=$3

	shift 3
	DUALBM_NO_BUILD=1 "$TOP/scripts/vm-run" --kernel "$kernel" --nodes 1 --timeout 120 --log "$log" \
		-- kinds.sh "$@" -- "$kind" >"$log.tap" </dev/null || :
}

# words CLASS WHEN NAMED: a cell of the table.
words() {
	local text=${1//_/ }

	[[ $1 != - ]] || { echo -; return; }
	[[ $2 == later ]] && text+=', later'
	[[ $3 == yes ]] && text+=', **named**'
	echo "$text"
}

# why_unseen KERNEL KIND: what nobody can find there, and why; fails for all else.
why_unseen() {
	case "$1 $2" in
	*\ order-too-small) echo "a leak is no finding" ;;
	"5.10 kfree-twice") echo "the kernel dies of its own BUG before the page is given to anybody" ;;
	"5.10 locked" | "6.1 locked")
		echo "before 6.3 the flags of a page that is freed are cleared, and not looked at" ;;
	*) return 1 ;;
	esac
}

# is_by_chance KERNEL KIND: before 6.3 a page that the kernel itself drops from a batch is looked at
# when its CPU's list gives it back, and not if the list hands it out before that.
is_by_chance() {
	[[ "$1 $2" =~ ^(5[.]10|6[.]1)\ cache-put$ ]]
}

# rows KERNEL: the table of a kernel.
rows() {
	local kind alone default history

	printf '\n## %s\n\n| kind | the kernel alone | dualbm | with `history=callers` |\n|---|---|---|---|\n' "$(kernel_release "$1")"
	for kind in "${names[@]}"; do
		read -ra alone < <(heard "$logs/$1-bare-$kind.log")
		read -ra default < <(heard "$logs/$1-default-$kind.log")
		read -ra history < <(heard "$logs/$1-history-$kind.log")
		printf '| %s | %s | %s | %s |\n' "${what[$kind]}" "$(words "${alone[@]:1:3}")" \
			"$(words "${default[@]:4:3}")" "$(words "${history[@]:4:3}")"
	done
}

for kernel in $KERNELS; do
	"$TOP/scripts/vm-image" "$kernel"
	for kind in "${chosen[@]}"; do
		for mode in bare default history; do
			case $mode in
			bare) parameters=bare ;;
			default) parameters=boundary=1 ;;
			history) parameters=history=callers ;;
			esac
			machine "$kernel" "$mode" "$kind" "$parameters" &
			while (($(jobs -rp | wc -l) >= 2)); do wait -n || :; done
		done
	done
	wait
	named=0 by_default=0
	for kind in "${chosen[@]}"; do
		for mode in bare default history; do
			check "$kernel, $mode: $kind is made" grep -q "kinds: PASS kind=$kind:\|ok - $kind is made\|Kernel panic" \
				"$logs/$kernel-$mode-$kind.log" "$logs/$kernel-$mode-$kind.log.tap"
		done
		read -ra default < <(heard "$logs/$kernel-default-$kind.log")
		read -ra history < <(heard "$logs/$kernel-history-$kind.log")
		diag "$kernel: $kind: alone $(heard "$logs/$kernel-bare-$kind.log" | cut -d' ' -f2-4), ${default[*]:4}, with history ${history[*]:4}"
		if unseen=$(why_unseen "$kernel" "$kind"); then
			is "$kernel: $kind: $unseen" "${default[4]} ${history[4]}" "- -"
			continue
		fi
		[[ ${history[6]} != yes ]] || named=$((named + 1))
		[[ ${default[6]} != yes ]] || by_default=$((by_default + 1))
		if is_by_chance "$kernel" "$kind"; then
			skip "$kernel: $kind is found" "by chance: ${default[4]} ${history[4]}"
			continue
		fi
		like "$kernel: $kind is found" "${default[4]} ${history[4]}" '^[a-z_]+ [a-z_]+$'
	done
	at_least "$kernel: who is at fault is named, of ${#chosen[@]}" "$named" $((${#chosen[@]} * 8 / 10))
	at_least "$kernel: by default as well" "$by_default" $((${#chosen[@]} * 8 / 10))
	[[ ${DUALBM_KINDS-} ]] || rows "$kernel" >"$logs/$kernel.md"
done
if [[ ! ${DUALBM_KINDS-} ]]; then
	{
		sed '/^<!-- tables/q' "$page"
		cat "$logs"/*.md
	} >"$page.new"
	mv "$page.new" "$page"
fi
done_testing
