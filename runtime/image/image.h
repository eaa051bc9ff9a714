// Decoding, encoding and resampling of images. An image is 8 bits a channel, interleaved, rows top
// to bottom (HWC), 1 (grey), 3 (RGB) or 4 (RGBA) channels.
#ifndef DN_RUNTIME_IMAGE_H
#define DN_RUNTIME_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/status.h"

typedef struct dn_image {
    int height, width, channels;
    uint8_t *pixels;  // height * width * channels bytes
    size_t capacity;  // bytes that `pixels` has; kept so that decoding again allocates nothing
} dn_image;           // zero-initialise; dn_image_free at the end

void dn_image_free(dn_image *image);

// Decodes a PNG or JPEG in memory (told apart by its first bytes) to `channels` channels: 1, 3 or
// 4; 0 keeps the file's own. RGB to grey is ITU-R 601 luma (0.299, 0.587, 0.114; rounded); grey to
// RGB copies; alpha is dropped by 1 and 3 channels and opaque when the file has none. 16-bit PNG is
// scaled to 8; palettes and tRNS are expanded. DN_CORRUPT for a damaged or truncated file,
// DN_UNSUPPORTED for another format; the message says what is wrong, not which file.
// `scratch` is kept between calls, so that once warm a call allocates nothing of its own.
typedef struct dn_image_scratch dn_image_scratch;
dn_image_scratch *dn_image_scratch_new(void);
void dn_image_scratch_free(dn_image_scratch *scratch);
// A file is damaged when its format's decoder meets wrong or missing data, up to and including its
// end mark. An image of more than 2^28 pixels, or of more than its bytes can hold, is refused
// unread.
dn_status dn_image_decode(dn_image_scratch *scratch, const uint8_t *bytes, size_t size,
                          int channels, dn_image *out) DN_MUST_USE;

// What the first bytes say.
typedef enum dn_image_format { DN_IMAGE_UNKNOWN, DN_IMAGE_PNG, DN_IMAGE_JPEG } dn_image_format;
dn_image_format dn_image_sniff(const uint8_t *bytes, size_t size);

// Reads the whole file as dn_image_decode does, and fails where that does, but makes no pixels: for
// looking for damaged files, at about half the cost.
dn_status dn_image_check(dn_image_scratch *scratch, const uint8_t *bytes, size_t size, int *height,
                         int *width) DN_MUST_USE;

// Encodes as PNG to a file, written beside and renamed, so that a reader never sees half of it.
dn_status dn_image_write_png(const char *path, const dn_image *image) DN_MUST_USE;

// src and dst: f32, HWC. Bilinear with half-pixel centres; when shrinking, antialiased by widening
// the triangle filter (as PIL's and tf.image.resize's antialias=True BILINEAR). `weights` scratch
// is grown on demand and kept.
typedef struct dn_resize_scratch dn_resize_scratch;
dn_resize_scratch *dn_resize_scratch_new(void);
void dn_resize_scratch_free(dn_resize_scratch *scratch);
dn_status dn_image_resize(dn_resize_scratch *scratch, const float *src, int sh, int sw,
                          int channels, float *dst, int dh, int dw) DN_MUST_USE;

#endif
