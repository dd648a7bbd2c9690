# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of dualbmctl(8) for bash.

_dualbmctl_kernels() {
	local dir

	for dir in /lib/modules/*/; do
		dir=${dir%/}
		echo "${dir##*/}"
	done
}

_dualbmctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='check status watch violations frame map report history journal scrub proof load unload policy help'
	local global='--json --root --color --help --version'
	local i command='' words=''

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--root | --color) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done

	case $prev in
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	--image | --module | --capture | --from | --output | --compare | --record | --log)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--kernel)
		mapfile -t COMPREPLY < <(compgen -W "$(_dualbmctl_kernels)" -- "$cur")
		return
		;;
	esac

	case $command in
	'') words="$commands $global" ;;
	check) words='--kernel --image --module --json' ;;
	help) words=$commands ;;
	status) words='--verbose --json' ;;
	proof) words='--list --json' ;;
	watch) words='--count --json' ;;
	violations) words='--last --json' ;;
	map)
		words='--output --width --capture --from --record --every --count --compare --threshold --json'
		if [[ ${COMP_WORDS[COMP_CWORD - 2]} == --compare ]]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
		;;
	history) words='--since --json' ;;
	journal) words='--once --json' ;;
	report) words='--output --seconds --log --with-addresses --json' ;;
	load)
		words='--force --module --json policy=report policy=panic on_degraded=report
			on_degraded=panic boundary=0 boundary=1 scrub_interval_ms= repair=0 repair=1
			audit_mappings=0 audit_mappings=1 inject=0 inject=1 allow_untested=0 allow_untested=1
			qualified=
			history=off history=frees history=callers history=stacks
			history_mib='
		# What follows "=" is a word of its own to bash.
		if [[ $cur == = || $prev == = ]]; then
			local name=${COMP_WORDS[COMP_CWORD - 1]}

			[[ $prev != = ]] || name=${COMP_WORDS[COMP_CWORD - 2]}
			case $name in
			policy | on_degraded) words='report panic' ;;
			history) words='off frees callers stacks' ;;
			boundary | repair | audit_mappings | inject | allow_untested) words='0 1' ;;
			*) words='' ;;
			esac
			mapfile -t COMPREPLY < <(compgen -W "$words" -- "${cur#=}")
			return
		fi
		;;
	policy) words='report panic --json' ;;
	*) words='--json' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
	return 0
}

complete -F _dualbmctl dualbmctl
