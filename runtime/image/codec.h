// What the decoders share. Both libraries report errors by longjmp; each decoder keeps everything
// that it changes in structs that outlive the jump, and its memory in a dn_bump.
#ifndef DN_RUNTIME_CODEC_H
#define DN_RUNTIME_CODEC_H

#include "runtime/image/bump.h"
#include "runtime/image/image.h"

#define DN_IMAGE_MAX_PIXELS ((uint64_t)1 << 28)

struct dn_image_scratch {
    dn_bump memory;
    struct dn_jpeg *jpeg;  // made at the first JPEG
};

// Gives `image` this size, its content undefined. False: no memory. Frees only to grow.
bool dn_image_reserve(dn_image *image, int height, int width, int channels);

// Decode to the channels that the file has (1, 3 or 4), except that alpha is left out for
// `channels` 1 and 3. With `out` NULL the file is only read through; *height and *width are set in
// any case.
dn_status dn_png_decode(dn_image_scratch *scratch, const uint8_t *bytes, size_t size, int channels,
                        dn_image *out, int *height, int *width) DN_MUST_USE;
dn_status dn_jpeg_decode(dn_image_scratch *scratch, const uint8_t *bytes, size_t size,
                         dn_image *out, int *height, int *width) DN_MUST_USE;
void dn_jpeg_free(struct dn_jpeg *jpeg);  // accepts NULL

#endif
