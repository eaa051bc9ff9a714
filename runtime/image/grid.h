// Tensors as pictures.
#ifndef DN_RUNTIME_GRID_H
#define DN_RUNTIME_GRID_H

#include "runtime/image/image.h"
#include "runtime/tensor.h"

// images: f32 or f64 [N, H, W, C], C = 1, 3 or 4, values in [low, high] (clamped; NaN becomes 0),
// laid out in rows of `columns` (0: the smallest square) with `gap` pixels of black between.
dn_status dn_image_grid(const dn_tensor *images, double low, double high, int columns, int gap,
                        dn_image *out) DN_MUST_USE;

#endif
