#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dualbmctl map: pictures of machines that are known square by square, looked at as a file and
# as pixels: colours that everybody can tell apart, words that do not lie over each other,
# planes, zones and violations where they are; recordings; and maps that lie.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/ctl-lib.sh"

cd "$TOP"
tools=$CACHE/map-tools
ctl=$tools/dualbmctl
work=$(mktemp -d "$CACHE/map.XXXXXX")
trap 'rm -rf "$work"' EXIT
unset DUALBMCTL_ROOT NO_COLOR COLUMNS

check "builds without a warning" make -s -j "$(nproc)" -C tools O="$tools" CFLAGS='-O2 -g -Werror'
[[ -x $ctl ]] || { echo "Bail out! dualbmctl does not build"; exit 1; }

# json EXPRESSION: of $j, the JSON in $work/out.
json() {
	perl -MJSON::PP -e 'local $/; my $j = JSON::PP->new->utf8->decode(<STDIN>); print eval $ARGV[0]; die $@ if $@' "$1" <"$work/out"
}

# kept NAME GIB NODES MOMENT: a map of that machine, in $work/NAME.map.
kept() {
	rm -rf "$work/tree"
	test/ctl/machine.pl "$work/tree" "$2" "$3" "$4"
	run 0 "a machine of $2 GiB with $3 nodes is captured, moment $4" --root "$work/tree" map --capture "$work/$1.map"
	# All were made in the same second; whoever looks at them is told another time.
	perl -MCompress::Zlib -0pi -e 's/^captured \d+/"captured " . (1767225600 + 600 * '"$4"')/me;
		s/^end .*\n\z//m; $_ .= sprintf("end %d %08lx\n", tr/\n//, crc32($_))' "$work/$1.map"
}

# words FILE.svg: x y width size text of each word, a line each.
words() {
	sed -nE 's/.*<text x="([^"]*)" y="([^"]*)" font-size="([^"]*)"[^>]* textLength="([^"]*)">(.*)<\/text>/\1 \2 \4 \3 \5/p' "$1"
}

# over_each_other FILE.svg: words whose boxes share something, or that leave the picture.
over_each_other() {
	words "$1" | awk -v size="$(sed -nE '1s/.*width="([0-9]+)" height="([0-9]+)".*/\1 \2/p' "$1")" '
		BEGIN { split(size, side, " ") }
		{
			text = $0
			sub(/^([^ ]+ ){4}/, "", text)
			left[NR] = $1; right[NR] = $1 + $3; top[NR] = $2 - 0.75 * $4; bottom[NR] = $2 + 0.2 * $4; what[NR] = text
			if (left[NR] < 0 || top[NR] < 0 || right[NR] > side[1] || bottom[NR] > side[2])
				print "outside: " text
			if (text ~ /[.][.]$/)
				print "cut: " text
			for (i = 1; i < NR; i++)
				if (left[i] < right[NR] && left[NR] < right[i] && top[i] < bottom[NR] && top[NR] < bottom[i])
					print what[i] " and " text
		}'
}

# scale FILE.svg N: the colours of the N-th scale in the legend, which are boxes of 24 by 13.
scale() {
	grep -oE '<path fill="#[0-9a-f]{6}" d="(M[0-9.]+ [0-9.]+h24v13h-24z)+"' "$1" |
		awk -F'"' '{ n = gsub(/M/, "M", $4); split($4, at, /[M ]/); for (i = 0; i < n; i++) print $2, at[2] + 24 * i }' |
		awk -v n="$2" 'NR > 1 && $2 != before + 24 { scales++ } { before = $2 } scales + 1 == n { print $1 }'
}

# lightness [deuteranopia]: of colours, by what the eye makes of them (CIE L*); how somebody
# without the cones for green sees them is the matrix of Machado, Oliveira and Fernandes (2009).
lightness() {
	perl -ne '
		BEGIN { $blind = shift }
		my @c = map { my $v = hex($_) / 255; $v <= 0.04045 ? $v / 12.92 : (($v + 0.055) / 1.055) ** 2.4 } /([0-9a-f]{2})/g;
		@c = map { $_ < 0 ? 0 : $_ } (0.367322 * $c[0] + 0.860646 * $c[1] - 0.227968 * $c[2],
			0.280085 * $c[0] + 0.672501 * $c[1] + 0.047413 * $c[2],
			-0.011820 * $c[0] + 0.042940 * $c[1] + 0.968881 * $c[2]) if $blind;
		my $y = 0.2126 * $c[0] + 0.7152 * $c[1] + 0.0722 * $c[2];
		printf "%.1f\n", $y > 0.008856 ? 116 * $y ** (1 / 3) - 16 : 903.3 * $y' "${1-}"
}

# steps LEAST: of numbers, "falls" or "rises" if each is LEAST or more from the one before it.
steps() {
	awk -v least="$1" 'NR > 1 && $1 <= before - least { falls++ } NR > 1 && $1 >= before + least { rises++ } { before = $1 }
		END { print ((NR > 5 && falls == NR - 1) ? "falls" : (NR > 5 && rises == NR - 1) ? "rises" : "neither " falls + 0 "/" rises + 0 " of " NR) }'
}

# ---- two machines ----

kept small 4 2 0
kept small-later 4 2 3
kept large 512 4 0
kept large-later 512 4 3
for size in small large; do
	cat "$work/$size.map" "$work/$size-later.map" >"$work/$size-strip.map"
	for kind in svg png; do
		run 0 "$size: a picture, $kind" map --from "$work/$size.map" --output "$work/$size.$kind"
		run 0 "$size: a comparison, $kind" map --compare "$work/$size.map" "$work/$size-later.map" --output "$work/$size-change.$kind"
		run 0 "$size: a strip, $kind" map --from "$work/$size-strip.map" --output "$work/$size-moments.$kind"
	done
	for name in "$size" "$size-change" "$size-moments"; do
		check "$name: SVG is well formed" xmllint --noout "$work/$name.svg"
		empty "$name: no words lie over others, none is cut" "$(over_each_other "$work/$name.svg")"
		is "$name: both kinds have the same size" "$(test/ctl/pixels.pl "$work/$name.png")" \
			"$(sed -nE '1s/.*width="([0-9]+)" height="([0-9]+)".*/\1 \2/p' "$work/$name.svg")"
		at_least "$name: has words" "$(words "$work/$name.svg" | wc -l)" 20
	done
done
at_least "large: is no larger than a screen can show" 2000 "$(test/ctl/pixels.pl "$work/large.png" | cut -d' ' -f2)"

# ---- words ----

labels=$(words "$work/small.svg" | cut -d' ' -f5-)
for label in 'Node 0' 'Node 1' GiB 0 0.5 1.5 2 DMA DMA32 Normal untracked 'offline or no memory' violation '0 %' '100 %' \
	'4 KiB' '64 KiB' '2 MiB' 'on node 1' 'of node 0' 'P U' 'S K' 'Violations: 2' \
	'Primary and secondary are on different nodes for all memory.' \
	'A square is 2 MiB, a row 128 MiB. Addresses are in GiB.'; do
	check "small: says \"$label\"" grep -qxF "$label" <<<"$labels"
done
like "small: names what was found, and where" "$labels" '#1 double_free: pfn 0x5003, frames: 1, node 0 at 0\.0781'
labels=$(words "$work/large.svg" | cut -d' ' -f5-)
for label in 'Node 3' 128 496 'A square is 64 MiB, a row 4 GiB. Addresses are in GiB.'; do
	check "large: says \"$label\"" grep -qxF "$label" <<<"$labels"
done

# ---- colours ----

is "allocated: the scale goes from light to dark" "$(scale "$work/small.svg" 1 | lightness | steps 3)" falls
is "allocated: for who sees no green too" "$(scale "$work/small.svg" 1 | lightness deuteranopia | steps 3)" falls
is "fragmentation: the scale goes from dark to light" "$(scale "$work/small.svg" 2 | lightness | steps 3)" rises
is "fragmentation: for who sees no green too" "$(scale "$work/small.svg" 2 | lightness deuteranopia | steps 3)" rises
for half in "1,6 rises" "6,11 falls"; do
	is "change: either way it gets darker, $half" \
		"$(scale "$work/small-change.svg" 1 | sed -n "${half% *}p" | lightness deuteranopia | steps 3)" "${half#* }"
done

# place FILE.svg PFN: where the square that begins with PFN is, and its colour.
place() {
	grep -F "<title>pfn $2-" "$1" | head -n 1 | sed -nE 's/.*fill="(#[0-9a-f]+)" d="M([0-9.]+) ([0-9.]+)h.*/\2 \3 \1/p'
}

# pixels FILE.png: of lines "WHAT X Y COLOUR", those that are not so.
pixels() {
	local lines places colours

	lines=$(cat)
	mapfile -t places < <(awk '{ print $2 "," $3 }' <<<"$lines")
	colours=$(test/ctl/pixels.pl "$1" "${places[@]}") || { echo "$1 cannot be read"; return; }
	paste -d' ' <(cat <<<"$lines") <(cat <<<"$colours") | awk '$4 != $5'
}

# of WHAT PFN DX DY COLOUR: a line for pixels().
of() {
	local x y fill

	read -r x y fill < <(place "$work/small.svg" "$2") || :
	echo "$1 $((${x:-0} + $3)) $((${y:-0} + $4)) ${5:-$fill}"
}

# What test/ctl/machine.pl makes of these is in its first lines.
is "all free: the lightest" "$(place "$work/small.svg" 0x78000 | cut -d' ' -f3)" "#fde725"
is "all allocated: the darkest" "$(place "$work/small.svg" 0x70000 | cut -d' ' -f3)" "#440154"
mapfile -t squares < <(grep -oE '<title>pfn 0x[0-9a-f]+' "$work/small.svg" | cut -d' ' -f2)
is "SVG: what lies over squares does not hide their titles" \
	"$(grep -c '^<style>path{pointer-events:none}.t{pointer-events:all}</style>$' "$work/small.svg") $(grep -c '<title>' "$work/small.svg")" \
	"1 $(grep -c '<path class="t" .*<title>' "$work/small.svg")"
at_least "a title for each kind of square" "${#squares[@]}" 500
empty "PNG: what is known has its colour" "$({
	of free 0x78000 4 4 "#fde725"
	of allocated 0x70000 4 4 "#440154"
	of allocated-on-node-1 0x130000 4 4 "#440154"
	of free-on-node-1 0x138000 4 4 "#fde725"
	of untracked 0x1200 0 1 "#c4c4c4"
	of no-memory 0x0 4 1 "#ffffff"
	of violation-left 0x5000 -2 4 "#d00020"
	of violation-above 0x5000 4 -2 "#d00020"
	of planes-frame 0x4000 -1 4 "#101010"
	of planes-primary 0x4000 1 1 "#101010"
	of planes-no-secondary 0x4000 7 1 "#ffffff"
	of planes-no-untracked 0x4000 1 7 "#ffffff"
} | pixels "$work/small.png")"
is "untracked: has a pattern" "$(of x 0x1000 2 2 "#c4c4c4" | pixels "$work/small.png" | wc -l)" 1
is "no memory: has a pattern" "$(of x 0x0 4 4 "#ffffff" | pixels "$work/small.png" | wc -l)" 1
# Those that have planes or rings over them, or lie beside such, or have patterns, are not compared.
empty "PNG and SVG: squares have the same colours" "$(for pfn in "${squares[@]}"; do
	((pfn >= 0x4000)) && ((pfn < 0x78000 || pfn > 0x90000)) && ((pfn < 0xb000 || pfn >= 0xd000)) || continue
	grep -F "<title>pfn $pfn-" "$work/small.svg" | grep -qE 'planes|violation|offline| [1-9][0-9]* untracked' ||
		of "$pfn" "$pfn" 4 4
done | awk 'NR % 7 == 0' | pixels "$work/small.png" | grep -v '#101010' || :)"

# ---- planes are where they are ----

run 0 "small, JSON" map --from "$work/small.map" --json
is "JSON: primary and secondary of each node lie on different nodes" "$(json \
	'join " ", map { my $n = $_; map { "$n->{node}:$_->{on}=" . ($_->{primary} ? "P" : "") . ($_->{secondary} ? "S" : "") . ($_->{untracked} ? "U" : "") . ($_->{known} ? "K" : "") } @{$n->{planes}} } @{$j->{nodes}}')" \
	"0:0=PU 0:1=SK 1:1=PU 1:0=SK"
is "JSON: a page of each plane for each chunk" "$(json 'my $n = 0; for (@{$j->{nodes}}) { $n += $_->{primary} for @{$_->{planes}} } $n')" 30
is "JSON: zones" "$(json 'join " ", map { my $n = $_->{node}; map { "$n:$_->{zone}" } @{$_->{zones}} } @{$j->{nodes}}')" "0:DMA 0:DMA32 1:DMA32 1:Normal"
is "JSON: violations" "$(json 'join " ", map { "$_->{record}:$_->{class}:$_->{pfn}" } @{$j->{violations}}')" "1:double_free:20483 2:plane_corruption:562688"
is "JSON: the squares that have them" "$(json 'join " ", map { $_->{pfn} } grep { $_->{violation} } map { @{$_->{squares}} } @{$j->{nodes}}')" "20480 562688"
sed 's/^plane name=secondary of=0x0 .*/plane name=secondary of=0x0 pfn=0x4010 frames=1/; /^end /d' "$work/small.map" >"$work/shared.map"
perl -MCompress::Zlib -0pi -e '$_ .= sprintf("end %d %08lx\n", tr/\n//, crc32($_))' "$work/shared.map"
run 0 "planes that share a node" map --from "$work/shared.map" --output "$work/shared.svg"
check "planes that share a node: are said to" grep -q "Primary and secondary of node 0's memory both have pages on node 0" "$work/shared.svg"

# ---- a comparison ----

changes() {
	"$ctl" --json map --compare "$work/small.map" "$work/small-later.map" "$@" >"$work/out" 2>"$work/err" || echo "status $?"
	json '$j->{changed}'
}
all=$(changes)
some=$(changes --threshold 20)
at_least "comparison: squares that changed" "${all##* }" 500
is "comparison: without a threshold, status 0" "${all% *}" "$all"
like "comparison: with one, status 1" "$some" '^status 1'
at_least "comparison: fewer changed by a fifth" "$((${all##* } - ${some##*[!0-9]}))" 100
is "comparison: what changed less counts as before" "$(json 'scalar grep { my $d = $_->{free} - $_->{before}{free}; my $u = $_->{untracked} - $_->{before}{untracked}; my $least = $_->{frames} / 5; $_->{changed} != (abs $d >= $least || abs $u >= $least ? 1 : 0) } grep { $_->{frames} } map { @{$_->{squares}} } @{$j->{nodes}}')" 0
run 0 "comparison: with itself nothing changed" map --compare "$work/small.map" "$work/small.map" --threshold 0
check "comparison: with itself, says so" grep -q '^0 squares changed' "$work/out"
for bad in x '' -1 101 nan 5x; do
	run 2 "comparison: no threshold \"$bad\"" map --compare "$work/small.map" "$work/small.map" --threshold "$bad"
done
run 2 "a threshold without a comparison" map --from "$work/small.map" --threshold 5

# ---- text ----

for width in 80 110 200; do
	for size in small large; do
		COLUMNS=$width run 0 "$size: text in $width columns" map --from "$work/$size.map"
		is "$size: no line has more than $width columns" "$(awk -v w="$width" 'length > w' "$work/out")" ""
		at_least "$size: text of $width columns is no longer than two screens" 60 "$(wc -l <"$work/out")"
		check "$size: text in $width columns has planes" grep -qE '^ +[0-9.]+ .*(P|&)' "$work/out"
		check "$size: text in $width columns has violations" grep -qE '^ +[0-9.]+ .*!' "$work/out"
		check "$size: text in $width columns has zones" grep -q 'DMA32 from 0.01562' "$work/out"
	done
	cp "$work/out" "$work/by-columns"
	COLUMNS=33 run 0 "--width goes before COLUMNS" map --from "$work/large.map" --width "$width"
	is "--width $width is as COLUMNS=$width" "$(diff "$work/out" "$work/by-columns")" ""
done
check "text: fragmentation beside it where there is room" grep -qE '^ +16 [#%=.-]{64}  [0-9#]{64}  ' "$work/out"
COLUMNS=20 run 0 "text in 20 columns" map --from "$work/small.map"
run 2 "no width" map --width 0

# ---- recordings ----

for moment in 0 1 2; do
	rm -rf "$work/tree"
	test/ctl/machine.pl "$work/tree" 4 2 "$moment"
	run 0 "recording: moment $moment" --root "$work/tree" map --record "$work/recording"
done
run 0 "recording: as a table" map --from "$work/recording"
check "recording: as a table: three moments" grep -qx '3 of 3 moments' "$work/out"
run 0 "recording: JSON" map --from "$work/recording" --json
is "recording: ever more is allocated" "$(json 'my $last = 0; scalar grep { my $n = 0; $n += $_->{allocated} for @{$_->{nodes}}; my $more = $n > $last; $last = $n; $more } @{$j->{moments}}')" 3
run 0 "recording: a picture of it at once" --root "$work/tree" map --record "$work/recording" --every 1 --count 2 --output "$work/recording.svg"
check "recording: five moments" grep -q 'Physical memory at 5 moments' "$work/recording.svg"
for n in {1..5}; do cat "$work/recording"; done >"$work/long"
run 0 "recording: of 25 moments, 20 are shown" map --from "$work/long"
check "recording: 20 of 25" grep -qx '20 of 25 moments' "$work/out"
# A full disk: what was there stays as it was.
cp "$work/recording" "$work/before"
status=0
(
	trap '' XFSZ
	ulimit -f $(($(stat -c %s "$work/recording") / 1024 + 8))
	exec "$ctl" --root "$work/tree" map --record "$work/recording"
) 2>"$work/err" || status=$?
is "recording: no room: status 8" "$status" 8
check "recording: no room: it stays as it was" cmp "$work/before" "$work/recording"
head -c -20 "$work/before" >"$work/half"
cp "$work/half" "$work/half-before"
run 5 "recording: nothing is added to half a map" --root "$work/tree" map --record "$work/half"
check "recording: half a map stays as it was" cmp "$work/half" "$work/half-before"
run 5 "recording: half a map is seen" map --from "$work/half"
check "recording: and it is said which one" grep -q 'map 5 of 5' "$work/err"
echo "root:x:0:0" >"$work/foreign"
run 5 "recording: nothing is added to another file" --root "$work/tree" map --record "$work/foreign"
is "recording: another file stays as it was" "$(cat "$work/foreign")" "root:x:0:0"
run 5 "recording: not to a device" --root "$work/tree" map --record /dev/null
run 2 "recording: --every needs --count" --root "$work/tree" map --record "$work/recording" --every 5
run 2 "recording: not from a file" map --record "$work/recording" --from "$work/small.map"
run 2 "recording: a count of none" map --record "$work/recording" --every 1 --count 0

# ---- maps that lie ----

# hostile NAME PERL: a map whose lines are what the Perl code prints, with a right last line. What is
# made of it takes little time of a CPU and little memory, and no picture that nothing can show.
hostile() {
	local name=$1 kind status height

	perl -MCompress::Zlib -e 'my $t = "dualbm-map 2\nrelease " . "x<&\"\x1b[2J" x 60 . "\ncaptured 1\npage_size 4096\n"; ' \
		-e 'sub p { $t .= sprintf shift() . "\n", @_ } '"$2"'; printf "%send %d %08lx\n", $t, scalar($t =~ tr/\n//), crc32($t)' >"$work/hostile.map"
	for kind in svg png text json; do
		case $kind in
		text) set -- map --from "$work/hostile.map" ;;
		json) set -- map --from "$work/hostile.map" --json ;;
		*) set -- map --from "$work/hostile.map" --output "$work/hostile.$kind" ;;
		esac
		status=0
		(ulimit -v 1500000 -t 20; exec "$ctl" "$@") >"$work/out" 2>"$work/err" || status=$?
		is "hostile: $name: $kind" "$status" 0
		empty "hostile: $name: $kind: nothing reaches the terminal" "$(tr -d '\n\t -~' <"$work/out" | head -c 20 | od -An -c)"
	done
	height=$(test/ctl/pixels.pl "$work/hostile.png" | cut -d' ' -f2) || :
	at_least "hostile: $name: the picture's height" 32000 "${height:-99999}"
	check "hostile: $name: SVG is well formed" xmllint --noout "$work/hostile.svg"
	at_least "hostile: $name: its size" 4000000 "$(stat -c %s "$work/hostile.svg")"
}
hostile "memory at the end of the world" 'p "pfn=0x%x frames=512 node=%d cell=512 512/0/0/0", $_ * 2 ** 52, $_ % 3 for 0 .. 2047'
hostile "4096 nodes" 'p "pfn=0x%x frames=512 node=%d cell=512 1/511/0/511", $_ * 512, $_ for 0 .. 4095'
hostile "nodes in turn" 'p "pfn=0x%x frames=512 node=%d cell=512 0/512/0/1", $_ * 512, $_ % 64 for 0 .. 65535'
hostile "cells of one frame" 'p "pfn=0x%x frames=4096 node=0 cell=1%s", $_ * 4096, " 0/1/0/1" x 4096 for 0 .. 127'
hostile "a cell of a TiB" 'p "pfn=0x0 frames=268435456 node=0 cell=268435456 -"'
hostile "planes, zones and violations everywhere" 'p "pfn=0x%x frames=512 node=%d cell=512 0/0/512/0", $_ * 512, $_ / 512 for 0 .. 2047;
	p "zone name=Z%d node=%d pfn=0x%x frames=9223372036854775807", $_, $_ % 4, $_ * 512 for 0 .. 2047;
	p "plane name=%s of=0x%x pfn=0x%x frames=%d", (qw(primary secondary untracked known))[$_ % 4], $_ * 512, $_ * 4096, 1 + $_ for 0 .. 2047;
	p "violation name=double_free record=%d pfn=0x%x frames=9223372036854775807", $_, $_ * 512 for 0 .. 2047'

# ---- without cairo ----

plain=$CACHE/map-plain
check "builds without cairo" make -s -j "$(nproc)" -C tools O="$plain" CFLAGS='-O1 -Werror' CAIRO=no
empty "without cairo: is not linked with it" "$(ldd "$plain/dualbmctl" | grep cairo || :)"
run 0 "with cairo: text" map --from "$work/small.map"
cp "$work/out" "$work/text"
with=$ctl
ctl=$plain/dualbmctl
run 0 "without cairo: text" map --from "$work/small.map"
is "without cairo: the same text" "$(diff "$work/text" "$work/out")" ""
for kind in svg png; do
	run 6 "without cairo: no $kind" map --from "$work/small.map" --output "$work/none.$kind"
	is "without cairo: says exactly so" "$(cat "$work/err")" "dualbmctl: map: built without pictures"
	is "without cairo: and leaves no file" "$(ls "$work"/none.* 2>/dev/null)" ""
done
ctl=$with

# The picture in the documents is what the program draws.
kept documents 2 2 0
run 0 "the documents' picture" map --from "$work/documents.map" --output "$work/documents.svg"
check "docs/map.svg is what is drawn" diff -q <(sed -E 's/ (x|textLength)="[^"]*"//g' docs/map.svg) \
	<(sed -E 's/ (x|textLength)="[^"]*"//g' "$work/documents.svg")
at_least "docs/map.svg is small" 100000 "$(stat -c %s docs/map.svg)"
done_testing
