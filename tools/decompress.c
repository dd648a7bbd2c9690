// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kernels and modules are compressed with. A payload inside a kernel image
 * is followed by bytes that are no part of it, so the end is what the format says.
 */
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "dualbmctl.h"

/* Makes room for more; -1 beyond the limit. */
static int grow(struct buffer *out, size_t *room, size_t limit, struct why *why)
{
	if (*room >= limit)
		return refuse(why, "more than %zu MiB when decompressed", limit >> 20);
	*room = *room ? *room * 2 : 1 << 16;
	if (*room > limit)
		*room = limit;
	out->data = reallocate(out->data, *room + 1);
	return 0;
}

static int gunzip(const void *data, size_t size, struct buffer *out, size_t limit,
		  struct why *why)
{
	z_stream stream = { .next_in = (unsigned char *)data, .avail_in = size };
	size_t room = 0;
	int ret = Z_OK;

	/* 16: a gzip header is expected. */
	if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
		return refuse(why, "zlib does not start");
	while (ret == Z_OK) {
		if (out->size == room && grow(out, &room, limit, why)) {
			inflateEnd(&stream);
			return -1;
		}
		stream.next_out = (unsigned char *)out->data + out->size;
		stream.avail_out = room - out->size;
		ret = inflate(&stream, Z_NO_FLUSH);
		out->size = room - stream.avail_out;
	}
	inflateEnd(&stream);
	return ret == Z_STREAM_END ? 0 : refuse(why, "truncated or damaged gzip data");
}

static int unxz(const void *data, size_t size, struct buffer *out, size_t limit,
		struct why *why)
{
	lzma_stream stream = LZMA_STREAM_INIT;
	lzma_ret ret = LZMA_OK;
	size_t room = 0;

	if (lzma_stream_decoder(&stream, 512 << 20, 0) != LZMA_OK)
		return refuse(why, "liblzma does not start");
	stream.next_in = data;
	stream.avail_in = size;
	while (ret == LZMA_OK) {
		if (out->size == room && grow(out, &room, limit, why)) {
			lzma_end(&stream);
			return -1;
		}
		stream.next_out = (uint8_t *)out->data + out->size;
		stream.avail_out = room - out->size;
		ret = lzma_code(&stream, LZMA_RUN);
		out->size = room - stream.avail_out;
	}
	lzma_end(&stream);
	return ret == LZMA_STREAM_END ? 0 : refuse(why, "truncated or damaged xz data");
}

static int unzstd(const void *data, size_t size, struct buffer *out, size_t limit,
		  struct why *why)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_inBuffer in = { data, size, 0 };
	size_t room = 0, left = 1, before;
	int ret = 0;

	if (!stream)
		return refuse(why, "zstd does not start");
	/* The kernel's build uses a window of 128 MiB. */
	ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, 27);
	while (left && !ret) {
		ZSTD_outBuffer target;

		if (out->size == room)
			ret = grow(out, &room, limit, why);
		if (ret)
			break;
		target = (ZSTD_outBuffer){ out->data, room, out->size };
		before = in.pos;
		left = ZSTD_decompressStream(stream, &target, &in);
		if (ZSTD_isError(left) ||
		    (left && in.pos == before && target.pos == out->size))
			ret = refuse(why, "truncated or damaged zstd data");
		out->size = target.pos;
	}
	ZSTD_freeDStream(stream);
	return ret;
}

static uint32_t le32(const unsigned char *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The legacy format, which kernels use: blocks of 8 MiB, each with its size. */
static int unlz4(const unsigned char *data, size_t size, struct buffer *out, size_t limit,
		 struct why *why)
{
	const size_t block = 8 << 20;
	size_t at = 4;

	while (size - at >= 4) {
		uint32_t length = le32(data + at);
		int got;

		/* What follows the last block is the size of it all, in an image. */
		if (!length || (out->size && size - at == 4))
			break;
		at += 4;
		if (length > size - at)
			return refuse(why, "truncated lz4 data");
		if (out->size + block > limit)
			return refuse(why, "more than %zu MiB when decompressed", limit >> 20);
		out->data = reallocate(out->data, out->size + block + 1);
		got = LZ4_decompress_safe((const char *)data + at, out->data + out->size,
					  length, block);
		if (got <= 0)
			return refuse(why, "damaged lz4 data");
		out->size += got;
		at += length;
		if ((size_t)got < block)
			break;
	}
	return out->size ? 0 : refuse(why, "truncated lz4 data");
}

int decompress(const void *data, size_t size, struct buffer *out, size_t limit,
	       struct why *why)
{
	static const struct {
		unsigned char magic[6];
		size_t length;
		const char *name;
		int (*function)(const void *data, size_t size, struct buffer *out,
				size_t limit, struct why *why);
	} formats[] = {
		{ { 0x1f, 0x8b, 8 }, 3, "gzip", gunzip },
		{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, "xz", unxz },
		{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, "zstd", unzstd },
		{ { 0x02, 0x21, 0x4c, 0x18 }, 4, "lz4", (void *)unlz4 },
		{ { 'B', 'Z', 'h' }, 3, "bzip2", NULL },
		{ { 0x5d, 0, 0, 0 }, 4, "lzma", NULL },
		{ { 0x89, 'L', 'Z', 'O' }, 4, "lzo", NULL },
	};
	size_t i;

	*out = (struct buffer){ NULL, 0 };
	for (i = 0; i < ARRAY_SIZE(formats); i++) {
		if (size < formats[i].length ||
		    memcmp(data, formats[i].magic, formats[i].length))
			continue;
		if (!formats[i].function)
			return refuse(why, "compressed with %s, which is not supported",
				      formats[i].name);
		if (formats[i].function(data, size, out, limit, why)) {
			buffer_free(out);
			return -1;
		}
		out->data[out->size] = '\0';
		return 0;
	}
	return 1;
}
