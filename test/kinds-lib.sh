# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by test/52-kinds.t: what was said of each kind of page bug.

# One line for each kind: its name, and what it is.
read_kinds() {
	sed -nE '/^\t\{ "[a-z-]+", [a-z_]+,$/ { N; s/^\t\{ "([a-z-]+)", .*"(.*)" \},$/\1 \2/p }' "$TOP/test/modules/kinds.c"
}

# heard LOG: of each kind in a log one line of: kind, what the kernel said, when, whether it
# named who is at fault; the class that dualbm found first, when, whether it named who is.
# "-" is nothing; when is "call" or "later".
heard() {
	awk '
	function say() {
		printf "%s %s %s %s %s %s %s\n", kind, stock, stock_when, stock_named,
			found, found_when, found_named
	}
	# The last digits: what lies within 16 frames is of the same block.
	function near(hex) {
		return substr("00000000" hex, length("00000000" hex) - 7, 7) == block
	}
	{ sub(/\r$/, "") }
	/kinds: begin / {
		kind = $NF; phase = "call"; block = ""; ours = 0
		stock = stock_when = stock_named = found = found_when = found_named = "-"
		next
	}
	/kinds: later / { phase = "later"; next }
	/kinds: end / { if (kind != "") say(); kind = ""; next }
	kind == "" { next }
	/kinds: kind=.* pfn=0x/ {
		hex = $NF; sub(/.*pfn=0x/, "", hex)
		block = substr("00000000" hex, length("00000000" hex) - 7, 7)
		next
	}
	match($0, /dualbm: [a-z_]+ pfn=0x[0-9a-f]+ /) {
		split(substr($0, RSTART, RLENGTH), word, " ")
		sub(/pfn=0x/, "", word[3])
		if (near(word[3]) && found == "-") {
			found = word[2]
			found_when = phase
		}
	}
	/dualbm: / { if (/culprit_/) found_named = "yes"; next }
	/BUG: Bad page state in process .* pfn:/ {
		hex = $0; sub(/.* pfn:/, "", hex); sub(/[^0-9a-f].*/, "", hex)
		ours = near(hex)
		if (ours && stock == "-") { stock = "bad_page"; stock_when = phase }
		next
	}
	/WARNING: / { ours = 1; if (stock == "-") { stock = "warning"; stock_when = phase } next }
	/kernel BUG at|Oops: |list_(del|add) corruption/ { ours = 1; stock = "bug"; stock_when = phase; next }
	/Kernel panic - / { if (stock == "-") { stock = "panic"; stock_when = phase } ours = 0 }
	/culprit_/ && ours { stock_named = "yes" }
	# It died of it.
	END { if (kind != "") say() }' "$1"
}
