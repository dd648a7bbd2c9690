#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the documents say exists, and what exists is in them: counters, classes, proofs,
# what the audit finds, parameters, links and their anchors.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

cd "$TOP"
docs=(README.md docs/*.md)

# section FILE HEADING: up to the next heading of the same or a higher level.
section() {
	awk -v want="$2" '
	/^#+ / {
		level = index($0, " ") - 1
		inside = inside && level > depth
		if ($0 == want) {
			inside = 1
			depth = level
		}
	}
	inside' "$1"
}

# In the first column of a table, words in backquotes.
first_column() {
	sed -n 's/^| \(`[^|]*\)|.*/\1/p' | grep -oE '`[^`]+`' | tr -d '\`' | sort
}

# anchors FILE: what a link into a document can name.
anchors() {
	sed -nE 's/^#+ //p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

is "every counter of stats is explained, and no other" \
	"$(section docs/interface.md '### What: /sys/kernel/dualbm/stats' | first_column | xargs)" \
	"$(strings dualbm_sysfs.c stat_names | xargs)"
classes=$(strings dualbm_names.c dualbm_class_names | grep -v '^none$')
is "every class has its section of the runbook" \
	"$(section docs/runbook.md '## Findings' | sed -n 's/^### //p' | grep -v unproven | sort | xargs)" \
	"$(xargs <<<"$classes")"
is "every class is explained where it says what fires" \
	"$(section docs/operation.md '## When it fires' | first_column | xargs)" "$(xargs <<<"$classes")"
is "what the audit can find is in the runbook, and nothing else" \
	"$(section docs/runbook.md '### allocator_corruption' | first_column | grep -v '^what$' | xargs)" \
	"$(grep -ohE 'find\("[a-z]+"' dualbm_audit.c | grep -oE '"[a-z]+"' | tr -d '"' | sort -u | xargs)"
for proof in $(strings dualbm_names.c dualbm_proof_names); do
	like "proof=$proof is explained" "$(section docs/interface.md '### What: /sys/kernel/dualbm/last_violation')" "\`$proof\`"
done
parameters=$(module_parameters | grep -vx fail_at)
is "every parameter is explained, and no other" \
	"$(section docs/operation.md '## Parameters' | first_column | grep -v '^[01]$' | xargs)" "$(xargs <<<"$parameters")"
for parameter in $parameters; do
	like "dualbm(4) has $parameter" "$(<tools/dualbm.4)" "\\.B[RI] +$parameter *="
done
like "interface.md has the parameters" "$(section docs/interface.md '## Parameters' | xargs)" "allow_untested"

# What the README says of kinds of bugs was seen, on 6.12.
kinds=$(sed -n '/^## 6[.]12/,/^## 7/p' docs/kinds.md)
empty "the README has kinds as docs/kinds.md has them" \
	"$(section README.md '## What it finds' | grep '^|' | grep -vxF -f <(grep '^|' <<<"$kinds") || :)"
# count COLUMN REGEX: of the kinds on 6.12.
count_kinds() {
	awk -F '|' -v column="$1" -v regex="$2" '/^\| [^k]/ && $column ~ regex { n++ } END { print n + 0 }' \
		<<<"$(sed 's/^| kfree/| a kfree/; s/^|---.*//' <<<"$kinds")"
}
like "the README counts them right" "$(section README.md '## What it finds' | tr '\n' ' ')" \
	"Of $(count_kinds 2 .) kinds .* the kernel alone says something of $(count_kinds 3 '[a-z]'), and names the function at fault in $(count_kinds 3 named)[.] dualbm says something of $(count_kinds 4 '[a-z]'), and names it in $(count_kinds 4 named)[.]"
costs=$(section README.md '## What it costs')
empty "the README has costs as docs/performance.md has them" \
	"$(grep -oE '([|] [+][0-9]+ ){3}[|]$' <<<"$costs" | while read -r row; do
		grep -qF "$row" docs/performance.md || echo "$row"
	done)"
like "the README has the kernel's own as docs/performance.md" "$costs" \
	"own $(sed -n "s/^| the kernel's own | \([0-9]*\) | \([0-9]*\) | \([0-9]*\) |$/\1, \2 and \3/p" docs/performance.md | head -n 1)"
like "the README has workloads as docs/performance.md" "$costs" \
	"fork with exec takes $(sed -n 's/^| fork exec |.*| +\([0-9.]* %\) | +[0-9.]* % | [^|]*|[^|]*|[^|]*|$/\1/p' docs/performance.md | head -n 1) more"
at_least "the README can be read in a few minutes: at most 150 lines" "$((150 - $(wc -l <README.md)))" 0

# What a script is for it says itself, and does nothing then.
before=$(find . -path ./build -prune -o -path ./.git -prune -o -print | sort)
for script in scripts/* packaging/deb packaging/rpm/build .ci/run; do
	[[ -x $script && $script != *.py ]] || continue
	said=$(DUALBM_CACHE=$TOP/none "$script" --help 2>&1) || said="it ends with $?"
	[[ $said == *[a-z]*[.]* && $(wc -l <<<"$said") -ge 2 && $said != *"usage:"* ]] || not_ok "$script --help" "$said"
done
is "--help does nothing else" "$(find . -path ./build -prune -o -path ./.git -prune -o -print | sort)" "$before"

links=0
for file in "${docs[@]}"; do
	while read -r link; do
		links=$((links + 1))
		target=${link%%#*}
		[[ $target ]] && target=$(dirname "$file")/$target || target=$file
		if ! [[ -e $target ]]; then
			not_ok "$file: $link" "there is no such file"
		elif [[ $link == *#* ]] && ! anchors "$target" | grep -qxF "${link#*#}"; then
			not_ok "$file: $link" "there is no such section"
		fi
	done < <(grep -oE '\]\([^)]+\)' "$file" | tr -d '()]' | grep -v '^[a-z]*://' || :)
done
check "links between documents were looked at" test "$links" -gt 5
unknown=
while read -r anchor; do
	anchors docs/runbook.md | grep -qxF "$anchor" || unknown+=" $anchor"
done < <(grep -rohE 'runbook\.md#[a-z_-]+' tools packaging | cut -d'#' -f2 | sort -u)
empty "alerts name sections of the runbook that exist" "$unknown"

is "every file of the module is on the map of the code, and no other" \
	"$(section docs/code.md '## Rooms' | sed -n 's/^|//p' | grep -oE '`[a-z_]+\.[ch]`' | tr -d '\`' | sort | xargs)" \
	"$(find . -maxdepth 1 -name 'dualbm*.[ch]' ! -name 'dualbm*.mod.c' ! -name dualbm_probes.h -printf '%f\n' | sort |
		while read -r file; do
			# A header of a file's own name goes with it.
			[[ $file == *.h && $file != dualbm.h && -e ${file%.h}.c ]] || echo "$file"
		done | xargs)"

# The page of kernels has a line for each in the table of tests, and no other.
is "every kernel is on its page, and no other" \
	"$(awk '/^\| row / { inside = index($0, "| tests |") } inside && /^\| [0-9]/ { print $2 }' docs/kernels.md | xargs)" \
	"$(for row in $MATRIX; do row_name "$row"; done | xargs)"
# What is shipped is what the rows have shown, and nothing else names a kernel.
. scripts/qualification.sh
is "docs/qualification.md has every break of a kernel, and what finds it" \
	"$(sed -n '/^<!-- breaks: /,/^<!-- end of the breaks/p' docs/qualification.md | grep '^|')" "$(scripts/check-foreign --table)"
check "modprobe.d names the kernels in packaging/qualified" \
	diff <(shipped_lines) packaging/modprobe.d/dualbm-qualified.conf
empty "each of them is a row of the page, green, and of the page's kernel" "$(
	for file in packaging/qualified/*.json; do
		row=$(basename "$file" .json)
		[[ $(awk -v row="$row" '/^\| row / { inside = index($0, "| tests |") }
			inside && $2 == row && / passed / { print $4 }' docs/kernels.md) == "$(value_of "$file" kernel release)" ]] ||
			echo "$row: $(value_of "$file" kernel release)"
	done
)"
empty "each is JSON of the schema, and has the keys of qualification.md, and no other" "$(
	keys=$(sed -n '/^## What is in the file/,$p' docs/qualification.md | sed -n 's/^| \([^|]*\) |.*/\1/p' | grep -o '`[a-z_]*`' | tr -d '`' | sort | xargs)
	for file in packaging/qualified/*.json; do
		perl -MJSON::PP -0777 -e '
			open(my $file, "<", $ARGV[0]) or die;
			my $j = JSON::PP->new->decode(<$file>);
			print "$ARGV[0]: ", join(" ", sort keys %$j), "\n" if join(" ", sort keys %$j) ne $ARGV[1] || $j->{schema} ne "dualbm-qualification-1" || $j->{result} ne "qualified"
		' "$file" "$keys" 2>&1
	done
)"
check "test/README.md is what the tests say of themselves: scripts/test-index >test/README.md" \
	diff <(scripts/test-index) test/README.md
done_testing
