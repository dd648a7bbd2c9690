// SPDX-License-Identifier: GPL-2.0-only
/*
 * A picture of boxes, lines and words, written as PNG or as SVG.
 *
 * Cairo draws the PNG, and measures words for both. It does not write the SVG: it would make
 * outlines of all letters, which nobody could search or have read to him, and it has no titles,
 * which a browser shows of what the pointer is on. Each word in the SVG has the width that cairo
 * measured, so that another font does not let words run into each other.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_CAIRO
#include <cairo.h>
#endif

#include "dualbmctl.h"

#define FONT	"DejaVu Sans"
/* Cairo's own limit is 32767 pixels. */
#define MAX_SIDE	32000
/* Longer ones are cut in any case. */
#define MAX_TEXT	512

static const struct rgb ink = { 0x20, 0x20, 0x20 };

struct shape {
	enum { BOX, LINE, OUTLINE, WORDS } kind;
	double x, y, width, height;	/* of a line, the way to its end */
	double line;			/* how wide it is; of words, their size */
	bool bold;
	struct rgb colour;
	char *text;			/* words, or a box's title */
};

struct picture {
	unsigned int width, height;
	struct shape *shapes;
	size_t nr;
};

#ifdef HAVE_CAIRO

bool pictures_built(void)
{
	return true;
}

static void set_font(cairo_t *cairo, double size, bool bold)
{
	cairo_font_options_t *font = cairo_font_options_create();

	/* The same widths on any machine with that font, and no colours at the edges. */
	cairo_font_options_set_hint_style(font, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(font, CAIRO_HINT_METRICS_OFF);
	cairo_font_options_set_antialias(font, CAIRO_ANTIALIAS_GRAY);
	cairo_set_font_options(cairo, font);
	cairo_font_options_destroy(font);
	cairo_select_font_face(cairo, FONT, CAIRO_FONT_SLANT_NORMAL,
			       bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cairo, size);
}

double picture_text_width(const char *text, double size, bool bold)
{
	static cairo_t *cairo;
	cairo_text_extents_t extents;
	cairo_surface_t *surface;

	if (!cairo) {
		surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
		cairo = cairo_create(surface);
		cairo_surface_destroy(surface);
	}
	set_font(cairo, size, bold);
	cairo_text_extents(cairo, text, &extents);
	return extents.x_advance;
}

static void draw_shape(cairo_t *cairo, const struct shape *shape)
{
	cairo_set_source_rgb(cairo, shape->colour.r / 255.0, shape->colour.g / 255.0,
			     shape->colour.b / 255.0);
	switch (shape->kind) {
	case BOX:
		cairo_rectangle(cairo, shape->x, shape->y, shape->width, shape->height);
		cairo_fill(cairo);
		break;
	case OUTLINE:
		cairo_set_line_width(cairo, shape->line);
		cairo_rectangle(cairo, shape->x, shape->y, shape->width, shape->height);
		cairo_stroke(cairo);
		break;
	case LINE:
		cairo_set_line_width(cairo, shape->line);
		cairo_move_to(cairo, shape->x, shape->y);
		cairo_rel_line_to(cairo, shape->width, shape->height);
		cairo_stroke(cairo);
		break;
	case WORDS:
		set_font(cairo, shape->line, shape->bold);
		cairo_move_to(cairo, shape->x, shape->y);
		cairo_show_text(cairo, shape->text);
		break;
	}
}

static cairo_status_t put_png(void *stream, const unsigned char *data, unsigned int size)
{
	return fwrite(data, 1, size, stream) == size ? CAIRO_STATUS_SUCCESS :
						       CAIRO_STATUS_WRITE_ERROR;
}

static int write_png(const struct picture *picture, FILE *stream, struct why *why)
{
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, picture->width,
							      picture->height);
	cairo_t *cairo = cairo_create(surface);
	cairo_status_t status;
	size_t i;

	cairo_set_source_rgb(cairo, 1, 1, 1);
	cairo_paint(cairo);
	for (i = 0; i < picture->nr; i++)
		draw_shape(cairo, &picture->shapes[i]);
	status = cairo_status(cairo);
	if (!status)
		status = cairo_surface_write_to_png_stream(surface, put_png, stream);
	cairo_destroy(cairo);
	cairo_surface_destroy(surface);
	return status ? refuse(why, "%s", cairo_status_to_string(status)) : 0;
}

#else /* !HAVE_CAIRO */

bool pictures_built(void)
{
	return false;
}

double picture_text_width(const char *text, double size, bool bold)
{
	(void)bold;
	return strlen(text) * size;
}

static int write_png(const struct picture *picture, FILE *stream, struct why *why)
{
	(void)picture;
	(void)stream;
	return refuse(why, "built without pictures");
}

#endif

struct picture *picture_new(unsigned int width)
{
	struct picture *picture = allocate(sizeof(*picture));

	picture->width = width;
	return picture;
}

static struct shape *add(struct picture *picture)
{
	if (!(picture->nr & (picture->nr - 1)))
		picture->shapes = reallocate(picture->shapes, (picture->nr * 2 + 1) *
					     sizeof(*picture->shapes));
	return &picture->shapes[picture->nr++];
}

void picture_box(struct picture *picture, double x, double y, double width, double height,
		 struct rgb colour, const char *title)
{
	*add(picture) = (struct shape){
		.kind = BOX, .x = x, .y = y, .width = width, .height = height, .colour = colour,
		.text = title ? duplicate(title) : NULL,
	};
}

void picture_line(struct picture *picture, double x, double y, double to_x, double to_y,
		  double width, struct rgb colour)
{
	*add(picture) = (struct shape){
		.kind = LINE, .x = x, .y = y, .width = to_x - x, .height = to_y - y,
		.line = width, .colour = colour,
	};
}

void picture_outline(struct picture *picture, double x, double y, double width, double height,
		     double line, struct rgb colour)
{
	*add(picture) = (struct shape){
		.kind = OUTLINE, .x = x, .y = y, .width = width, .height = height, .line = line,
		.colour = colour,
	};
}

void picture_text(struct picture *picture, double x, double y, double size, bool bold,
		  enum align align, double room, const char *text)
{
	char copy[MAX_TEXT];
	size_t length, i;
	double width;

	/* ASCII only: what else there is may not be text at all, and no font has all of it. */
	for (i = 0; i < sizeof(copy) - 3 && text[i]; i++)
		copy[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	copy[i] = '\0';
	length = i;
	while (length && picture_text_width(copy, size, bold) > room)
		strcpy(&copy[--length], "..");
	width = picture_text_width(copy, size, bold);
	*add(picture) = (struct shape){
		.kind = WORDS, .y = y, .width = width, .line = size, .bold = bold, .colour = ink,
		.x = align == LEFT ? x : align == RIGHT ? x - width : x - width / 2,
		.text = duplicate(copy),
	};
}

void picture_free(struct picture *picture)
{
	size_t i;

	for (i = 0; i < picture->nr; i++)
		free(picture->shapes[i].text);
	free(picture->shapes);
	free(picture);
}

/* ---- SVG ---- */

static void put_xml(FILE *stream, const char *text)
{
	for (; *text; text++) {
		if (*text == '<' || *text == '>' || *text == '&' || *text == '"')
			fprintf(stream, "&#%d;", *text);
		else
			fputc(*text >= ' ' && *text <= '~' ? *text : '?', stream);
	}
}

static bool same_element(const struct shape *a, const struct shape *b)
{
	return a->kind == b->kind && a->kind != WORDS && a->line == b->line &&
	       !memcmp(&a->colour, &b->colour, sizeof(a->colour)) && !a->text == !b->text &&
	       (!a->text || !strcmp(a->text, b->text));
}

static void put_path(FILE *stream, const struct shape *shape)
{
	fprintf(stream, "M%g %g", shape->x, shape->y);
	if (shape->kind == LINE)
		fprintf(stream, "l%g %g", shape->width, shape->height);
	else
		fprintf(stream, "h%gv%gh%gz", shape->width, shape->height, -shape->width);
}

/* One element for as many shapes as can be. */
static size_t put_shapes(FILE *stream, const struct shape *shapes, size_t nr)
{
	const struct shape *shape = shapes;
	char colour[8];
	size_t i = 0;

	snprintf(colour, sizeof(colour), "#%02x%02x%02x", shape->colour.r, shape->colour.g,
		 shape->colour.b);
	if (shape->kind == WORDS) {
		fprintf(stream, "<text x=\"%.1f\" y=\"%g\" font-size=\"%g\"%s textLength=\"%.1f\">",
			shape->x, shape->y, shape->line, shape->bold ? " font-weight=\"bold\"" : "",
			shape->width);
		put_xml(stream, shape->text);
		fputs("</text>\n", stream);
		return 1;
	}
	if (shape->kind == BOX)
		fprintf(stream, "<path%s fill=\"%s\" d=\"", shape->text ? " class=\"t\"" : "",
			colour);
	else
		fprintf(stream, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%g\" d=\"",
			colour, shape->line);
	do
		put_path(stream, &shapes[i++]);
	while (i < nr && same_element(shape, &shapes[i]));
	if (shape->text) {
		fputs("\"><title>", stream);
		put_xml(stream, shape->text);
		fputs("</title></path>\n", stream);
	} else {
		fputs("\"/>\n", stream);
	}
	return i;
}

/* What has no title lets the pointer through to what has one below it. */
static void write_svg(const struct picture *picture, FILE *stream)
{
	size_t i;

	fprintf(stream,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" font-family=\"" FONT ", Verdana, sans-serif\" fill=\"#%02x%02x%02x\">\n"
		"<style>path{pointer-events:none}.t{pointer-events:all}</style>\n"
		"<path fill=\"#ffffff\" d=\"M0 0h%uv%uh-%uz\"/>\n",
		picture->width, picture->height, picture->width, picture->height, ink.r, ink.g,
		ink.b, picture->width, picture->height, picture->width);
	for (i = 0; i < picture->nr; )
		i += put_shapes(stream, &picture->shapes[i], picture->nr - i);
	fputs("</svg>\n", stream);
}

/* ---- the file ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), wanted = strlen(end);

	return length > wanted && !strcasecmp(text + length - wanted, end);
}

bool picture_kind(const char *path)
{
	return ends_with(path, ".svg") || ends_with(path, ".png");
}

int picture_write(struct picture *picture, unsigned int height, const char *path,
		  struct why *why)
{
	FILE *stream;
	int ret = 0;

	if (!picture_kind(path))
		return refuse(why, "a picture's name ends with .svg or .png");
	if (height > MAX_SIDE || picture->width > MAX_SIDE)
		return refuse(why, "it would be %u pixels high, and no picture can be", height);
	picture->height = height;
	stream = fopen(path, "we");
	if (!stream)
		return refuse(why, "%s", strerror(errno));
	if (ends_with(path, ".svg"))
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
