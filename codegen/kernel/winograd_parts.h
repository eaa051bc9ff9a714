// Private to winograd*.c: the kernels of one contraction under construction.
#ifndef DN_CODEGEN_KERNEL_WINOGRAD_PARTS_H
#define DN_CODEGEN_KERNEL_WINOGRAD_PARTS_H

#include "codegen/kernel/winograd_loop.h"

typedef struct dn_wino_part {
    dn_kernels *out;  // kernels and buffers go there
    dn_arena *arena;  // what they consist of
    const dn_winograd *plan;
    const dn_wino_axis *y, *x;  // rows, columns of pixels
    const dn_kernel *kernel;
    int width;              // of a panel of the product's second operand
    int64_t first, images;  // the images
    int64_t column, n;      // the columns of the result
} dn_wino_part;

int dn_wino_buffer(const dn_wino_part *part, int64_t count);
// Elements from one point's matrix of `count` to the next one's. A transform writes or reads all
// points of a tile at once: a power of two apart, they would all fall into the same few lines of
// the first-level cache.
int64_t dn_wino_apart(int64_t count);
// The columns are panels of whole vectors.
bool dn_wino_panels(const dn_wino_part *part);
// The images of an operand: [image][y][x][channel], from `begin` on; the first pixel of the first
// tile is `offset` behind.
typedef struct dn_wino_image {
    int buffer;
    int64_t begin, offset, rows, columns, channels;
} dn_wino_image;
// ---- winograd_pad.c ----
dn_wino_image dn_wino_plain(const dn_wino_part *part, int buffer, const int64_t size[2],
                            const int64_t before[2], int64_t channels);
// The operand if it has all pixels of [-before, -before + extent), else a padded copy.
dn_wino_image dn_wino_padded(const dn_wino_part *part, const dn_wino_image *plain,
                             const int64_t before[2], const int64_t extent[2]);
// Adds the axes (image, tile y, tile x).
void dn_wino_tile_axes(const dn_wino_part *part, dn_wino_loop *l);

// ---- winograd_ends.c ----
// Where in the matrices of a point a phase of the image is; the strides of the tile axes, where a
// tile is so many elements from the next one.
int64_t dn_wino_phase(const dn_winograd *plan, int point, int64_t in_y, int64_t in_x);
void dn_wino_tile_strides(const dn_wino_part *part, int point, int64_t tile, dn_access *at);
// False: nothing uses the value of such a tile at this point.
bool dn_wino_needs(const dn_winograd *plan, int point, int64_t tile_y, int64_t tile_x);
// Which tap of a phase of the result meets the newest y; -1: it lacks this one.
int64_t dn_wino_phase_tap(const dn_wino_axis *axis, int64_t out);
// What the products take and need, of so many images.
void dn_wino_limit(const dn_winograd *plan, int64_t images, dn_contract *dot);

// Each appends kernels, and returns the buffer that they write.
// ---- winograd_weights.c ----
int dn_wino_weights(const dn_wino_part *part);                        // U
void dn_wino_taps(const dn_wino_part *part, int products, int taps);  // G^T N
// ---- winograd_patches.c ----
int dn_wino_patches(const dn_wino_part *part);  // V
int dn_wino_tiles(const dn_wino_part *part);    // W
// ---- winograd_products.c ----
// For so many images, and columns of the result.
void dn_wino_product(const dn_winograd *plan, int64_t images, int64_t n, dn_contract *dot);
int dn_wino_products(const dn_wino_part *part, int patches, int weights);             // M
void dn_wino_add_products(const dn_wino_part *part, int patches, int tiles, int to);  // N
// ---- winograd_results.c ----
void dn_wino_results(const dn_wino_part *part, int products);
// The contraction's kernel over its own axes, with its sums loaded from a buffer.
void dn_wino_epilogue(const dn_wino_part *part, int buffer, const dn_access *from);

#endif
