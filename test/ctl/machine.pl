#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
#
# Writes a captured tree of a machine that does not exist, as large as is asked for: what
# "dualbmctl map" reads of it, and nothing else. The same arguments give the same tree.
#
#   test/ctl/machine.pl DIR GIB NODES [MOMENT]    MOMENT: from 0 on, ever more is allocated
#
# There is a hole between 3 and 4 GiB, as PCs have it, and 256 MiB in the middle of the last node
# that are offline. Each node has two runs of squares that are known: its last 128 MiB are free,
# and the 128 MiB before them are allocated.
use strict;
use warnings;
use File::Path qw(make_path);

@ARGV == 3 || @ARGV == 4 or die "usage: $0 DIR GIB NODES [MOMENT]\n";
my ($dir, $gib, $nodes, $moment) = (@ARGV, 0);
my ($cell, $chunk) = (512, 32768);
my $per_gib = 262144 / $chunk;

# A generator of our own: perl's differs between versions.
my $state;
sub seed { $state = $_[0] % 2147483647 || 1 }
sub chance { $state = $state * 16807 % 2147483647; return $state / 2147483647 }

sub file {
	my ($path, $text) = @_;
	make_path("$dir/" . ($path =~ s,/[^/]*$,,r));
	open my $f, '>', "$dir/$path" or die "$dir/$path: $!";
	print $f $text;
	close $f or die "$dir/$path: $!";
}

# What a 2 MiB cell holds, by what kind of memory it is in.
sub counts {
	my ($kind) = @_;
	return '512/0/0/0' if $kind eq 'full';
	return '0/512/0/1' if $kind eq 'free';
	if ($kind eq 'cache') {
		my $free = int(chance() * 90);
		return sprintf '%d/%d/0/%d', 512 - $free, $free, $free ? 1 + int($free / 24) : 0;
	}
	if ($kind eq 'slab') {
		my $free = 60 + int(chance() * 200);
		return sprintf '%d/%d/0/%d', 512 - $free, $free, int($free / (1.2 + chance()));
	}
	if ($kind eq 'early') {
		my $untracked = 300 + int(chance() * 212);
		return sprintf '%d/0/%d/0', 512 - $untracked, $untracked;
	}
	my $free = 200 + int(chance() * 280);
	return sprintf '%d/%d/0/%d', 512 - $free, $free, 1 + int($free / 48);
}

# Chunks, in the order of their frames: [number, node, kind of its place].
my @chunks;
my $all = $gib * $per_gib;
for my $i (0 .. $all - 1) {
	my $node = int($i * $nodes / $all);
	my $in_node = $i - int($node * $all / $nodes);
	my $last = int(($node + 1) * $all / $nodes) - int($node * $all / $nodes);
	my $place = $in_node == 0 ? 'first' : $in_node == $last - 1 ? 'free' : $in_node == $last - 2 ? 'full' : '';
	next if $node == $nodes - 1 && ($in_node == int($last / 2) || $in_node == int($last / 2) + 1);
	push @chunks, [$i < 3 * $per_gib ? $i : $i + $per_gib, $node, $place];
}

# The larger the machine, the longer what is used alike. More and more of it is used.
my @regions;
seed(13);
for (my $at = 0; $at < $all * $chunk / $cell; ) {
	my $what = chance() - 0.06 * $moment;
	my $kind = $what > 0.55 ? 'free' : $what > 0.38 ? 'half' : $what > 0.22 ? 'slab' : $what > 0.02 ? 'cache' : 'full';
	$at += int((3 + 24 * chance()) * ($gib > 16 ? $gib / 16 : 1));
	push @regions, [$at, $kind];
}

my (@map, %base);
my $cells = 0;
for (@chunks) {
	my ($number, $node, $place) = @$_;
	my $line = sprintf 'pfn=0x%x frames=%d node=%d cell=%d', $number * $chunk, $chunk, $node, $cell;
	$base{$node} //= $number * $chunk;
	seed(7919 * $number + 13);
	for my $i (0 .. $chunk / $cell - 1) {
		shift @regions while $cells >= $regions[0][0];
		$cells++;
		my $kind = $regions[0][1];
		$kind = $place if $place eq 'free' || $place eq 'full';
		$kind = 'early' if $place eq 'first' && $i >= 8 && $i < 14;
		$line .= ' ' . (!$number && $i == 0 ? '-' : counts($kind));
	}
	push @map, "$line\n";
}
file('sys/kernel/debug/dualbm/map', join '', @map);

# Each plane of a node's memory beside those of its other chunks; primary and untracked at home,
# the other two on the next node.
my (@planes, %used);
for (@chunks) {
	my ($number, $node) = @$_;
	my $next = ($node + 1) % $nodes;
	for (['primary', $node, 0], ['secondary', $next, 1], ['untracked', $node, 2], ['known', $next, 3]) {
		my ($plane, $on, $which) = @$_;
		# 64 MiB into the node, 48 MiB from plane to plane.
		my $pfn = $base{$on} + 16384 + 12288 * $which + $used{$on}[$which]++;
		push @planes, sprintf "pfn=0x%x frames=%d plane=%s node=%d phys=0x%x\n", $number * $chunk, $chunk,
			$plane, $on, $pfn * 4096;
	}
}
file('sys/kernel/debug/dualbm/planes', join '', @planes);

my @found = (['double_free', $base{0} + 40 * $cell + 3, 1], ['plane_corruption', $base{$nodes - 1} + 75 * $cell, 4]);
my $record = 0;
file('sys/kernel/debug/dualbm/violations', join '', map {
	sprintf "record=%d class=%s pfn=0x%x order=0 frames=%d block=0x%x proof=buddy event=free was=free primary=0 secondary=1 " .
		"untracked=0 node=0 zone=Normal cpu=0 pid=1 comm=x time_ns=1 caller=faulty+0x1/0x2 flags=0x0 refcount=0 " .
		"mapcount=-1 repaired=0 known=1\n  faulty+0x1/0x2\n", ++$record, $_->[0], $_->[1], $_->[2], $_->[1]
} @found);

my $zones = '';
my %end;
$end{$_->[1]} = ($_->[0] + 1) * $chunk for @chunks;
for my $node (0 .. $nodes - 1) {
	my ($from, $to) = ($base{$node}, $end{$node});
	for (['DMA', 1, 4096], ['DMA32', 4096, 1048576], ['Normal', 1048576, 1 << 40]) {
		my ($name, $low, $high) = @$_;
		$low = $from if $low < $from;
		$high = $to if $high > $to;
		$zones .= sprintf "Node %d, zone %8s\n  pages free     1\n        spanned  %d\n        present  %d\n  start_pfn:           %d\n",
			$node, $name, $high > $low ? $high - $low : 0, 0, $high > $low ? $low : 0;
	}
}
file('proc/zoneinfo', $zones);
file('proc/sys/kernel/osrelease', "6.12.117+deb12-amd64\n");
file('sys/kernel/dualbm/state', "armed\n");
