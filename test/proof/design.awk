# SPDX-License-Identifier: GPL-2.0-only
#
# Makes the rule table of docs/design.md, "The record", into C: for all 16 codewords, so that
# what is proven is what is written there.
BEGIN {
	FS = " *[|] *"
	names["alloc"] = "ALLOC"
	names["free"] = "FREE"
	names["free of one HWPoison frame"] = "FREE_POISONED"
	names["isolate"] = "ISOLATE"
	names["putback"] = "PUTBACK"
	names["charge"] = "CHARGE"
	names["depart"] = "DEPART"
	names["bulk, exactly one new page"] = "BULK_SINGLE"
	names["forget"] = "FORGET"
	print "static const struct design_rule design[DUALBM_NR_EVENTS][16] = {"
}
/^## / { inside = $0 == "## The record" }
!inside || /^[|]-/ { next }
/^[|] (state|event) [|]/ {
	table = $2
	for (i = 3; i < NF; i++)
		column[i] = $i
	next
}
!/^[|]/ { table = ""; next }
# Planes in their order, from bit 0 on.
table == "state" {
	for (i = 3; i < NF; i++)
		code[$2] += $i * 2 ^ (i - 3)
	codes++
}
table == "event" {
	if (!($2 in names))
		exit failed = 1
	# What is no legal codeword, or what a class stands for, is left as an untracked frame.
	for (i = 3; i < NF; i++)
		if (column[i] == "untracked")
			other = code[$i]
	for (i = 0; i < 16; i++)
		next_code[i] = other ", DUALBM_PLANE_CORRUPTION"
	for (i = 3; i < NF; i++) {
		if ($i ~ /^[*][*]/) {
			class = toupper($i)
			gsub(/[*]/, "", class)
			next_code[code[column[i]]] = other ", DUALBM_" class
		} else {
			if (!($i in code) || !(column[i] in code))
				exit failed = 1
			next_code[code[column[i]]] = code[$i] ", DUALBM_NO_VIOLATION"
		}
	}
	printf "\t[DUALBM_%s] = {\n", names[$2]
	for (i = 0; i < 16; i++)
		printf "\t\t[%d] = { %s },\n", i, next_code[i]
	print "\t},"
	events++
}
END {
	print "};"
	if (failed || codes != 4 || events != 9) {
		print "the rule table of docs/design.md cannot be read" >"/dev/stderr"
		exit 1
	}
}
