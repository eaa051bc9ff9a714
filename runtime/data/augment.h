// One augmentation of one image: what is drawn, apart from what is done, so that tests can apply a
// given transform.
#ifndef DN_RUNTIME_AUGMENT_H
#define DN_RUNTIME_AUGMENT_H

#include "runtime/data/dataset.h"
#include "runtime/rng.h"

// As Keras's get_random_transform: angles in degrees, shifts in pixels.
typedef struct dn_augmentation {
    double theta, tx, ty, shear, zx, zy;  // tx moves along rows (y), ty along columns (x)
    bool flip_horizontal, flip_vertical;
    double channel_shift;
    bool brighten;
    double brightness;
} dn_augmentation;

// Draws for image `image` of a stream; sixteen numbers of the stream belong to each image.
dn_augmentation dn_augmentation_draw(const dn_augment_options *options, int height, int width,
                                     const dn_rng_stream *stream, uint64_t image);

// src, dst: f32 [height, width, channels], different memory.
void dn_augmentation_apply(const dn_augmentation *a, dn_fill fill, double constant,
                           const float *src, int height, int width, int channels, float *dst);

#endif
