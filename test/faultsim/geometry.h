/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that the fault study assumes of memory, of the record's contents and of how often DRAM
 * fails, each with its reason. Whoever doubts a number of docs/fault-study.md changes it here.
 */
#ifndef GEOMETRY_H
#define GEOMETRY_H

/*
 * A node is one channel with two ranks: the fewest that tell a fault of a device from one of
 * a data line, which all ranks of a channel share. Three nodes: the most that a layout uses.
 */
#define NODES		3
#define NODE_RANKS	2
#define RANKS		(NODES * NODE_RANKS)

/*
 * DDR4 with devices of 4 bits, which is what servers with chipkill have: 16 of them for the
 * data of a rank and two for check bits. A beat of the bus is a word of 64 bits; device n has
 * bits 4n to 4n + 3 of each.
 */
#define DEVICES		16
#define DEVICE_BITS	4

/*
 * 16 banks; a row of all devices of a rank is 8 KiB, so a page is half a row. A page lies in
 * one row. Controllers may spread its lines over banks and channels, by functions that are
 * not published; then a fault's region has parts of more pages and less of each. What
 * decides, whether two copies of one frame's bit share a region, is decided here by chance:
 * rank and bank of each page are drawn.
 */
#define BANKS		16
#define ROW_WORDS	1024
#define PAGE_WORDS	512
/*
 * Rows of a bank that pages of the record are drawn into; of the others nothing is stored. It
 * only has to be enough for no two pages to be driven into one row.
 */
#define ROWS		32
/* Copies on one node are 256 MiB apart (dualbm_placement.c): no row nor its neighbours. */
#define ROWS_APART	2

/*
 * Sections that have a record, of 128 MiB: those of one node of 4 GiB. With four planes a bank
 * has four pages of it. Where copies of a frame share a node, more memory makes it likelier
 * that a region has some pair of them; of the words that a fault changes the same share has one.
 */
#define CHUNKS		32

/*
 * Contents: of words of 64 frames half are all allocated or all free, as memory is handed out
 * in blocks; of the rest each frame is drawn. Where a record can say that a frame is not
 * known, it says so of a quarter of the frames in one word of eight, and of a quarter of
 * these that they depart: much more than a machine has, so that it counts.
 */
#define UNIFORM_OF	2
#define UNKNOWN_OF	8

/*
 * What a fault of DRAM leaves in its region is drawn, each as often: anything, zeroes, ones,
 * or the complement. Field studies tell where faults are, not what they leave.
 */

/*
 * So many layouts and contents are drawn for each scheme and mode, one after another: what a
 * region has in it by chance differs between them.
 */
#define LAYOUTS		20

/*
 * Faults of each mode for each scheme: small regions are cheap. A share of 0 in N faults is
 * one below 3 / N with 95 % confidence.
 */
#define SMALL_FAULTS	4000
#define LARGE_FAULTS	400
#define LEAST_FAULTS	100

/*
 * Failures in 10^9 hours of a device (transient and permanent), Jaguar, DDR2: Sridharan and
 * Liberty, "A Study of DRAM Failures in the Field", SC'12, as they stand in the source of
 * FaultSim (Nair, Roberts, Qureshi, TACO 2015), the simulator of the same company.
 */
#define FIT_BIT		(14.2 + 18.6)
#define FIT_WORD	(1.4 + 0.3)
#define FIT_COLUMN	(1.4 + 5.6)
#define FIT_ROW		(0.2 + 8.2)
#define FIT_BANK	(0.8 + 10.0)
#define FIT_MULTI_BANK	(0.3 + 1.4)
#define FIT_MULTI_RANK	(0.9 + 2.8)

/*
 * To weigh modes by these rates it takes how likely a fault hits the record at all: a rank of
 * that node has 2 GiB, and anywhere in it the pages of the record of as much memory.
 */
#define RANK_ROWS	(BANKS * 16384.0)
#define RANK_CHUNKS	(CHUNKS / NODE_RANKS)

#endif /* GEOMETRY_H */
