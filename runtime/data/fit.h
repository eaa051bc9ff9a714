// Bringing an image to another size: cropping to the target's aspect, then resampling.
#ifndef DN_RUNTIME_FIT_H
#define DN_RUNTIME_FIT_H

#include "runtime/image/image.h"

typedef struct dn_box {
    int y, x, height, width;
} dn_box;

// The part of an image of height x width that is used: all of it, or with `crop` the largest
// centred rectangle that has the target's aspect (to the nearest pixel).
dn_box dn_fit_box(int height, int width, int to_height, int to_width, bool crop);

#endif
