# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the scripts: what a qualification says of a kernel (docs/qualification.md), and
# what modprobe.d says of qualifications.

# json_string: standard input as a string of JSON. What a kernel says of itself is not trusted:
# all but printable ASCII is left out.
json_string() {
	tr -cd ' -~' | sed 's/[\\"]/\\&/g; s/^/"/; s/$/"/' | grep . || echo '""'
}

text() {
	printf '%s' "$1" | json_string
}

# list_of LINES: each JSON already, as a list.
list_of() {
	awk 'NF { printf "%s\n\t\t%s", n++ ? "," : "[", $0 }
		END { print n ? "\n\t]" : "[]" }' <<<"$1"
}

# heard FILE KEY: what hooks.sh said.
heard() {
	sed -n "s/^# $2 //p" "$1" | head -n 1
}

# compiler_of MODULE: as the compiler has written it there.
compiler_of() {
	readelf -p .comment "$1" 2>/dev/null | sed -n 's/^ *\[.*\] *//p' | head -n 1
}

# qualification_json RESULT WHY RELEASE ARCH CONFIG_SHA256 COMPILER CPUS SAID HOOKS TESTS SKIPPED COSTS:
# SAID is a file, what hooks.sh said; the last four are lines of JSON. A line for each key:
# value_of() reads it again.
qualification_json() {
	local key module=()

	read -ra module < <(heard "$8" module) || :
	printf '{\n\t"schema": "dualbm-qualification-1",\n'
	for key in "result=$1" "why=$2" "date=$(date -u +%F)"; do
		printf '\t"%s": %s,\n' "${key%%=*}" "$(text "${key#*=}")"
	done
	printf '\t"kernel": {\n'
	for key in "release=$3" "version=$(heard "$8" version)" "id=$(heard "$8" kernel)" "architecture=$4"; do
		printf '\t\t"%s": %s,\n' "${key%%=*}" "$(text "${key#*=}")"
	done
	printf '\t\t"config_sha256": %s\n\t},\n\t"module": {\n' "$(text "$5")"
	for key in "version=${module[0]-}" "srcversion=${module[1]-}"; do
		printf '\t\t"%s": %s,\n' "${key%%=*}" "$(text "${key#*=}")"
	done
	printf '\t\t"compiler": %s\n\t},\n\t"cpus": %s,\n' "$(text "$6")" "$(text "$7")"
	printf '\t"hooks": %s,\n\t"tests": %s,\n\t"not_exercised": %s,\n\t"costs": %s\n}\n' \
		"$(list_of "$9")" "$(list_of "${10}")" "$(list_of "${11}")" "$(list_of "${12}")"
}

# tap_counts FILE: "PASSED FAILED SKIPPED" of what a guest said.
tap_counts() {
	awk '/^ok / { if (/# SKIP/) skipped++; else passed++ }
		/^not ok / || /^Bail out!/ { failed++ }
		END { print passed + 0, failed + 0, skipped + 0 }' "$1"
}

# hooks_json [PATHS] LOAD: of what hooks.sh said, the module's hooks, and of what paths.sh said, how
# often each fired without being provoked.
hooks_json() {
	awk '$1 " " $2 == "# fired" { fired[$3] = $4 }
		$1 " " $2 == "# hook" && $3 ~ /^[A-Za-z0-9_.]+$/ && $4 ~ /^[a-z]+$/ {
			line = sprintf("{\"name\": \"%s\", \"mechanism\": \"%s\", \"required\": %s", $3, $4,
				       $7 == "required" ? "true" : "false")
			if ($3 in fired)
				line = line sprintf(", \"fired\": %d", fired[$3])
			print line "}"
		}' "$@"
}

# costs_json FILE: what bench.sh said, instructions for each pair of an allocation and a free.
costs_json() {
	sed -nE 's/^(not )?ok - (.*) adds to a pair of order ([0-9]+): ?([0-9]+)$/\2\t\3\t\4/p' "$1" |
		awk -F '\t' '{ gsub(/[^A-Za-z0-9=_ ]/, "", $1)
			printf "{\"with\": \"%s\", \"order\": %d, \"instructions\": %d}\n", $1, $2, $3 }'
}

# An identity as the module takes it (dualbm_qualified.c).
valid_identity() {
	[[ $1 =~ ^([0-9a-f]{2}){8,32}$ ]] && return
	[[ $1 =~ ^[[:graph:]]+$ && $1 == *:* && $1 != *[,\"\'\\]* ]] && ((${#1} < 130))
}

# value_of FILE SECTION KEY: of a file that a qualification is, as they are written here: a line
# for each key.
value_of() {
	awk -v section="$2" -v key="$3" '
		$1 == "\"" section "\":" { inside = 1; next }
		inside && $1 == "}," { inside = 0 }
		(inside || section == "") && $1 == "\"" key "\":" {
			sub(/^[^:]*: "/, "")
			sub(/",?$/, "")
			print
			exit
		}' "$1"
}

# modprobe_lines FILE...: what modprobe.d has to say for the kernels of these qualifications.
modprobe_lines() {
	local file id

	for file; do
		[[ $(value_of "$file" "" result) == qualified ]] || continue
		id=$(value_of "$file" kernel id)
		valid_identity "$id" || {
			printf '%s: no identity of a kernel in it\n' "$file" >&2
			return 1
		}
		printf '# %s, tried on %s\noptions dualbm qualified=%s\n' \
			"$(value_of "$file" kernel release)" "$(value_of "$file" "" date)" "$id"
	done
}

# shipped_lines: what the packages put into modprobe.d, from packaging/qualified.
shipped_lines() {
	cat <<-'END'
		# SPDX-License-Identifier: GPL-2.0-only
		#
		# Kernels that dualbm was tried on: there it arms itself, and on no other build of them.
		# Made from packaging/qualified. More can be named in files of other names beside this one.
	END
	modprobe_lines "$TOP"/packaging/qualified/*.json
}
