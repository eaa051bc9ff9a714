// Which decoder, and channel conversion.
#include "runtime/image/image.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/memory.h"
#include "runtime/image/codec.h"

// Memory that a scratch keeps between images: enough for any photograph's decoder.
static const size_t scratch_keep = (size_t)64 << 20;

bool dn_image_reserve(dn_image *image, int height, int width, int channels) {
    size_t need = (size_t)height * (size_t)width * (size_t)channels;
    if (need > image->capacity) {
        uint8_t *pixels = malloc(need);
        if (!pixels) return false;
        free(image->pixels);
        image->pixels = pixels;
        image->capacity = need;
    }
    image->height = height;
    image->width = width;
    image->channels = channels;
    return true;
}

void dn_image_free(dn_image *image) {
    free(image->pixels);
    *image = (dn_image){0};
}

dn_image_scratch *dn_image_scratch_new(void) {
    dn_image_scratch *scratch = dn_xcalloc(1, sizeof *scratch);
    scratch->memory.limit = (size_t)4 << 30;
    return scratch;
}

void dn_image_scratch_free(dn_image_scratch *scratch) {
    if (!scratch) return;
    dn_jpeg_free(scratch->jpeg);
    dn_bump_free(&scratch->memory);
    free(scratch);
}

// ---- Formats ----------------------------------------------------------------------------------

static bool starts_with(const uint8_t *bytes, size_t size, size_t at, const char *magic,
                        size_t length) {
    return size >= at + length && memcmp(bytes + at, magic, length) == 0;
}

dn_image_format dn_image_sniff(const uint8_t *bytes, size_t size) {
    if (starts_with(bytes, size, 0, "\x89PNG\r\n\x1a\n", 8)) return DN_IMAGE_PNG;
    if (starts_with(bytes, size, 0, "\xff\xd8\xff", 3)) return DN_IMAGE_JPEG;
    return DN_IMAGE_UNKNOWN;
}

// Names what else it may be, so that the message tells what to do.
static dn_status unknown_format(const uint8_t *bytes, size_t size) {
    static const struct {
        size_t at, length;
        const char *magic, *name;
    } others[] = {{0, 4, "GIF8", "a GIF"},
                  {8, 4, "WEBP", "a WebP"},
                  {0, 4, "II*\0", "a TIFF"},
                  {0, 4, "MM\0*", "a TIFF"},
                  {4, 8, "ftypavif", "an AVIF"},
                  {4, 8, "ftypheic", "a HEIC"},
                  {0, 4, "8BPS", "a Photoshop"},
                  {0, 2, "BM", "a BMP"},
                  {0, 4, "\xff\x4f\xff\x51", "a JPEG 2000"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (starts_with(bytes, size, others[i].at, others[i].magic, others[i].length))
            return dn_fail(DN_UNSUPPORTED, "%s image, neither PNG nor JPEG", others[i].name);
    return dn_fail(DN_UNSUPPORTED, "its content is neither PNG nor JPEG");
}

// ---- Channels ---------------------------------------------------------------------------------

// ITU-R 601 luma in 16-bit fixed point; the weights add up to 65536.
static inline uint8_t luma(const uint8_t *rgb) {
    return (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

// In place, forward: the target is never ahead of the source.
static void shrink_channels(dn_image *image, int to) {
    size_t count = (size_t)image->height * (size_t)image->width, from = (size_t)image->channels;
    uint8_t *p = image->pixels;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *source = p + from * i;
        if (to == 1)
            p[i] = luma(source);
        else
            memmove(p + 3 * i, source, 3);
    }
}

// In place, backward, after the pixels were moved to a buffer that is large enough.
static void widen_channels(uint8_t *p, size_t count, int from, int to) {
    for (size_t i = count; i-- > 0;) {
        uint8_t rgb[3];
        for (int c = 0; c < 3; c++) rgb[c] = p[(size_t)from * i + (size_t)(from == 1 ? 0 : c)];
        memcpy(p + (size_t)to * i, rgb, 3);
        if (to == 4) p[4 * i + 3] = 255;
    }
}

static dn_status convert(dn_image *image, int to) {
    if (to == 0 || to == image->channels) return DN_SUCCESS;
    if (to < image->channels) {
        shrink_channels(image, to);
    } else {
        size_t count = (size_t)image->height * (size_t)image->width, need = count * (size_t)to;
        if (need > image->capacity) {
            uint8_t *pixels = realloc(image->pixels, need);
            if (!pixels) return dn_fail(DN_MEMORY, "no memory for its pixels");
            image->pixels = pixels;
            image->capacity = need;
        }
        widen_channels(image->pixels, count, image->channels, to);
    }
    image->channels = to;
    return DN_SUCCESS;
}

// ---- Decoding ---------------------------------------------------------------------------------

static dn_status read_image(dn_image_scratch *scratch, const uint8_t *bytes, size_t size,
                            int channels, dn_image *out, int *height, int *width) {
    if (size == 0) return dn_fail(DN_CORRUPT, "an empty file");
    dn_bump_reset(&scratch->memory, scratch_keep);
    switch (dn_image_sniff(bytes, size)) {
        case DN_IMAGE_PNG: return dn_png_decode(scratch, bytes, size, channels, out, height, width);
        case DN_IMAGE_JPEG: return dn_jpeg_decode(scratch, bytes, size, out, height, width);
        default: return unknown_format(bytes, size);
    }
}

dn_status dn_image_decode(dn_image_scratch *scratch, const uint8_t *bytes, size_t size,
                          int channels, dn_image *out) {
    int height, width;
    DN_ASSERT(channels == 0 || channels == 1 || channels == 3 || channels == 4, "%d", channels);
    DN_TRY(read_image(scratch, bytes, size, channels, out, &height, &width));
    return convert(out, channels);
}

dn_status dn_image_check(dn_image_scratch *scratch, const uint8_t *bytes, size_t size, int *height,
                         int *width) {
    return read_image(scratch, bytes, size, 0, NULL, height, width);
}
