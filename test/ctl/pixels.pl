#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Pixels of a PNG, by its own rules: chunks with the right CRCs, rows of the right length.
#
#   test/ctl/pixels.pl FILE        its width and height
#   test/ctl/pixels.pl FILE X,Y... the colours at these places, as #rrggbb, a line each
use strict;
use warnings;
use Compress::Zlib;

@ARGV or die "usage: $0 FILE [X,Y...]\n";
my ($file, @places) = @ARGV;
open my $f, '<:raw', $file or die "$file: $!\n";
my $data = do { local $/; <$f> };
die "$file: no PNG\n" unless substr($data, 0, 8) eq "\x89PNG\r\n\x1a\n";
my ($at, $packed, $last, $width, $height, $depth, $kind, $interlace) = (8, '', '');
while ($at + 12 <= length $data) {
	my ($size, $type) = unpack 'Na4', substr($data, $at, 8);
	die "$file: $type is cut off\n" if $at + 12 + $size > length $data;
	my $content = substr($data, $at + 8, $size);
	die "$file: CRC of $type\n" unless crc32($type . $content) == unpack('N', substr($data, $at + 8 + $size, 4));
	($width, $height, $depth, $kind, $interlace) = (unpack 'NNCCxxC', $content)[0 .. 4] if $type eq 'IHDR';
	$packed .= $content if $type eq 'IDAT';
	$last = $type;
	$at += 12 + $size;
}
die "$file: does not end with IEND\n" unless $last eq 'IEND' && $at == length $data;
die "$file: not eight bits of red, green and blue\n" unless $depth == 8 && $kind == 2 && !$interlace;
my $raw = uncompress($packed) // die "$file: cannot be decompressed\n";
my $stride = 1 + 3 * $width;
die "$file: rows of another length\n" unless length $raw == $height * $stride;
if (!@places) {
	print "$width $height\n";
	exit;
}

# Each row says how it was filtered: against the pixel before it, the row above, or both.
my $needed = 0;
for (@places) {
	/^(\d+),(\d+)$/ && $1 < $width && $2 < $height or die "$file: no pixel $_\n";
	$needed = $2 if $2 > $needed;
}
my @above = (0) x (3 * $width);
my @rows;
for my $y (0 .. $needed) {
	my ($filter, @row) = unpack 'C*', substr($raw, $y * $stride, $stride);
	for my $x (0 .. $#row) {
		my ($left, $up, $corner) = ($x > 2 ? $row[$x - 3] : 0, $above[$x], $x > 2 ? $above[$x - 3] : 0);
		my $guess = 0;
		if ($filter == 1) {
			$guess = $left;
		} elsif ($filter == 2) {
			$guess = $up;
		} elsif ($filter == 3) {
			$guess = ($left + $up) >> 1;
		} elsif ($filter == 4) {
			my $p = $left + $up - $corner;
			my ($a, $b, $c) = (abs($p - $left), abs($p - $up), abs($p - $corner));
			$guess = $a <= $b && $a <= $c ? $left : $b <= $c ? $up : $corner;
		}
		$row[$x] = ($row[$x] + $guess) & 255;
	}
	@above = @row;
	$rows[$y] = \@row if grep { /,$y$/ } @places;
}
for (@places) {
	my ($x, $y) = split /,/;
	printf "#%02x%02x%02x\n", @{$rows[$y]}[3 * $x .. 3 * $x + 2];
}
