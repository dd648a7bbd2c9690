// SPDX-License-Identifier: GPL-2.0-only
/*
 * A picture of boxes and words, written as SVG or as PNG. PNG has no letters of
 * its own, so there is a small alphabet here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "dualbmctl.h"

#define GLYPH_WIDTH	5
#define GLYPH_HEIGHT	7

struct box {
	unsigned int x, y, width, height;
	struct rgb colour;
	char *title;
};

struct label {
	unsigned int x, y;
	char *text;
};

struct picture {
	unsigned int width, height;
	struct box *boxes;
	size_t nr_boxes;
	struct label *labels;
	size_t nr_labels;
};

/* Rows from the top, five bits each, the left one highest. */
static const struct {
	char letter;
	uint8_t rows[GLYPH_HEIGHT];
} glyphs[] = {
	{ 'A', { 14, 17, 17, 31, 17, 17, 17 } }, { 'B', { 30, 17, 17, 30, 17, 17, 30 } },
	{ 'C', { 15, 16, 16, 16, 16, 16, 15 } }, { 'D', { 30, 17, 17, 17, 17, 17, 30 } },
	{ 'E', { 31, 16, 16, 30, 16, 16, 31 } }, { 'F', { 31, 16, 16, 30, 16, 16, 16 } },
	{ 'G', { 15, 16, 16, 19, 17, 17, 15 } }, { 'H', { 17, 17, 17, 31, 17, 17, 17 } },
	{ 'I', { 14, 4, 4, 4, 4, 4, 14 } }, { 'J', { 7, 2, 2, 2, 2, 18, 12 } },
	{ 'K', { 17, 18, 20, 24, 20, 18, 17 } }, { 'L', { 16, 16, 16, 16, 16, 16, 31 } },
	{ 'M', { 17, 27, 21, 21, 17, 17, 17 } }, { 'N', { 17, 25, 21, 19, 17, 17, 17 } },
	{ 'O', { 14, 17, 17, 17, 17, 17, 14 } }, { 'P', { 30, 17, 17, 30, 16, 16, 16 } },
	{ 'Q', { 14, 17, 17, 17, 21, 18, 13 } }, { 'R', { 30, 17, 17, 30, 20, 18, 17 } },
	{ 'S', { 15, 16, 16, 14, 1, 1, 30 } }, { 'T', { 31, 4, 4, 4, 4, 4, 4 } },
	{ 'U', { 17, 17, 17, 17, 17, 17, 14 } }, { 'V', { 17, 17, 17, 17, 10, 10, 4 } },
	{ 'W', { 17, 17, 17, 21, 21, 27, 17 } }, { 'X', { 17, 10, 4, 4, 4, 10, 17 } },
	{ 'Y', { 17, 17, 10, 4, 4, 4, 4 } }, { 'Z', { 31, 1, 2, 4, 8, 16, 31 } },
	{ '0', { 14, 17, 19, 21, 25, 17, 14 } }, { '1', { 4, 12, 4, 4, 4, 4, 14 } },
	{ '2', { 14, 17, 1, 6, 8, 16, 31 } }, { '3', { 30, 1, 1, 14, 1, 1, 30 } },
	{ '4', { 2, 6, 10, 18, 31, 2, 2 } }, { '5', { 31, 16, 30, 1, 1, 17, 14 } },
	{ '6', { 6, 8, 16, 30, 17, 17, 14 } }, { '7', { 31, 1, 2, 4, 8, 8, 8 } },
	{ '8', { 14, 17, 17, 14, 17, 17, 14 } }, { '9', { 14, 17, 17, 15, 1, 2, 12 } },
	{ '.', { 0, 0, 0, 0, 0, 12, 12 } }, { ',', { 0, 0, 0, 0, 12, 4, 8 } },
	{ ':', { 0, 12, 12, 0, 12, 12, 0 } }, { '-', { 0, 0, 0, 31, 0, 0, 0 } },
	{ '+', { 0, 4, 4, 31, 4, 4, 0 } }, { '=', { 0, 0, 31, 0, 31, 0, 0 } },
	{ '/', { 1, 1, 2, 4, 8, 16, 16 } }, { '(', { 2, 4, 8, 8, 8, 4, 2 } },
	{ ')', { 8, 4, 2, 2, 2, 4, 8 } }, { '%', { 25, 26, 2, 4, 8, 11, 19 } },
	{ '_', { 0, 0, 0, 0, 0, 0, 31 } }, { '?', { 14, 17, 1, 6, 4, 0, 4 } },
};

struct picture *picture_new(unsigned int width, unsigned int height)
{
	struct picture *picture = allocate(sizeof(*picture));

	picture->width = width;
	picture->height = height;
	return picture;
}

void picture_box(struct picture *picture, unsigned int x, unsigned int y, unsigned int width,
		 unsigned int height, struct rgb colour, const char *title)
{
	if (!(picture->nr_boxes & (picture->nr_boxes - 1)) || !picture->nr_boxes)
		picture->boxes = reallocate(picture->boxes, (picture->nr_boxes * 2 + 1) *
					    sizeof(*picture->boxes));
	picture->boxes[picture->nr_boxes++] = (struct box){
		x, y, width, height, colour, title ? duplicate(title) : NULL,
	};
}

void picture_text(struct picture *picture, unsigned int x, unsigned int y, const char *text)
{
	picture->labels = reallocate(picture->labels,
				     (picture->nr_labels + 1) * sizeof(*picture->labels));
	picture->labels[picture->nr_labels++] = (struct label){ x, y, duplicate(text) };
}

void picture_free(struct picture *picture)
{
	size_t i;

	for (i = 0; i < picture->nr_boxes; i++)
		free(picture->boxes[i].title);
	for (i = 0; i < picture->nr_labels; i++)
		free(picture->labels[i].text);
	free(picture->boxes);
	free(picture->labels);
	free(picture);
}

/* ---- SVG ---- */

/* ASCII only, and nothing that is markup. */
static void put_xml(FILE *stream, const char *text)
{
	for (; *text; text++) {
		if (*text == '<' || *text == '>' || *text == '&' || *text == '"')
			fprintf(stream, "&#%d;", *text);
		else
			fputc(*text >= ' ' && *text <= '~' ? *text : '?', stream);
	}
}

static void write_svg(const struct picture *picture, FILE *stream)
{
	size_t i;

	fprintf(stream,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
		picture->width, picture->height, picture->width, picture->height);
	for (i = 0; i < picture->nr_boxes; i++) {
		const struct box *box = &picture->boxes[i];

		fprintf(stream, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"#%02x%02x%02x\"",
			box->x, box->y, box->width, box->height, box->colour.r, box->colour.g,
			box->colour.b);
		if (box->title) {
			fputs("><title>", stream);
			put_xml(stream, box->title);
			fputs("</title></rect>\n", stream);
		} else {
			fputs("/>\n", stream);
		}
	}
	fputs("<g font-family=\"monospace\" font-size=\"13\" fill=\"#202020\">\n", stream);
	for (i = 0; i < picture->nr_labels; i++) {
		fprintf(stream, "<text x=\"%u\" y=\"%u\">", picture->labels[i].x,
			picture->labels[i].y + 2 * GLYPH_HEIGHT - 3);
		put_xml(stream, picture->labels[i].text);
		fputs("</text>\n", stream);
	}
	fputs("</g>\n</svg>\n", stream);
}

/* ---- PNG ---- */

static void put_be32(uint8_t *at, uint32_t value)
{
	at[0] = value >> 24;
	at[1] = value >> 16;
	at[2] = value >> 8;
	at[3] = value;
}

static void png_chunk(FILE *stream, const char *type, const uint8_t *data, size_t size)
{
	uint8_t number[4];
	uLong crc;

	put_be32(number, size);
	fwrite(number, 1, 4, stream);
	fwrite(type, 1, 4, stream);
	if (size)
		fwrite(data, 1, size, stream);
	crc = crc32(crc32(0, NULL, 0), (const Bytef *)type, 4);
	if (size)
		crc = crc32(crc, data, size);
	put_be32(number, crc);
	fwrite(number, 1, 4, stream);
}

struct raster {
	unsigned int width, height;
	size_t stride;
	uint8_t *data;
};

static void fill(struct raster *raster, unsigned int x0, unsigned int y0, unsigned int width,
		 unsigned int height, struct rgb colour)
{
	unsigned int x, y;

	for (y = y0; y < y0 + height && y < raster->height; y++) {
		uint8_t *at = raster->data + y * raster->stride + 1 + 3 * (size_t)x0;

		for (x = x0; x < x0 + width && x < raster->width; x++) {
			*at++ = colour.r;
			*at++ = colour.g;
			*at++ = colour.b;
		}
	}
}

static unsigned int draw_letter(struct raster *raster, unsigned int x, unsigned int y, char letter)
{
	const struct rgb ink = { 0x20, 0x20, 0x20 };
	unsigned int i, row, column;

	if (letter >= 'a' && letter <= 'z')
		letter -= 'a' - 'A';
	for (i = 0; i < ARRAY_SIZE(glyphs); i++) {
		if (glyphs[i].letter != letter)
			continue;
		for (row = 0; row < GLYPH_HEIGHT; row++)
			for (column = 0; column < GLYPH_WIDTH; column++)
				if (glyphs[i].rows[row] >> (GLYPH_WIDTH - 1 - column) & 1)
					fill(raster, x + column, y + 2 + row, 1, 1, ink);
	}
	return x + GLYPH_WIDTH + 2;
}

static int write_png(const struct picture *picture, FILE *stream, struct why *why)
{
	static const uint8_t magic[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	struct raster raster = { .width = picture->width, .height = picture->height };
	/* Eight bits, red green blue, no interlace. */
	uint8_t header[13] = { [8] = 8, [9] = 2 };
	size_t size, i;
	uLongf packed_size;
	uint8_t *packed;
	const char *at;
	int ret;

	/* Each row begins with the number of its filter: none. */
	raster.stride = 1 + 3 * (size_t)picture->width;
	size = raster.stride * picture->height;
	raster.data = allocate(size);
	fill(&raster, 0, 0, picture->width, picture->height, (struct rgb){ 255, 255, 255 });
	for (i = 0; i < picture->nr_boxes; i++) {
		const struct box *box = &picture->boxes[i];

		fill(&raster, box->x, box->y, box->width, box->height, box->colour);
	}
	for (i = 0; i < picture->nr_labels; i++) {
		unsigned int x = picture->labels[i].x;

		for (at = picture->labels[i].text; *at; at++)
			x = draw_letter(&raster, x, picture->labels[i].y, *at);
	}
	packed_size = compressBound(size);
	packed = allocate(packed_size);
	ret = compress2(packed, &packed_size, raster.data, size, 6);
	free(raster.data);
	if (ret != Z_OK) {
		free(packed);
		return refuse(why, "zlib does not compress it");
	}
	fwrite(magic, 1, sizeof(magic), stream);
	put_be32(header, picture->width);
	put_be32(header + 4, picture->height);
	png_chunk(stream, "IHDR", header, sizeof(header));
	png_chunk(stream, "IDAT", packed, packed_size);
	png_chunk(stream, "IEND", NULL, 0);
	free(packed);
	return 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), wanted = strlen(end);

	return length > wanted && !strcasecmp(text + length - wanted, end);
}

int picture_write(struct picture *picture, const char *path, struct why *why)
{
	bool svg = ends_with(path, ".svg");
	FILE *stream;
	int ret = 0;

	if (!svg && !ends_with(path, ".png"))
		return refuse(why, "a picture's name ends with .svg or .png");
	stream = fopen(path, "we");
	if (!stream)
		return refuse(why, "%s", strerror(errno));
	if (svg)
		write_svg(picture, stream);
	else
		ret = write_png(picture, stream, why);
	if (ferror(stream) | fclose(stream)) {
		refuse(why, "%s", strerror(errno ? errno : EIO));
		ret = -1;
	}
	/* Half a picture is none; but a device is not to be removed. */
	if (ret && strncmp(path, "/dev/", 5))
		unlink(path);
	return ret;
}
