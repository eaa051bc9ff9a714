// The geometry of convolutions, and the two loops between images and matrices of patches.
//
// x: [N, S..., C], y: [N, O..., F], one to three spatial axes (missing ones are of size 1, in
// front). The matrix of patches of one group of channels has a row for each pixel of y, in order,
// and a column for each tap and channel of the group; with it a convolution is one matrix product.
#ifndef DN_CODEGEN_INTERP_PATCHES_H
#define DN_CODEGEN_INTERP_PATCHES_H

#include "codegen/interp/kernel.h"

enum { DN_SPATIAL = 3 };

typedef struct dn_patches {
    dn_dtype dtype;
    size_t element;  // bytes
    int64_t images, channels, filters, groups;
    int64_t in[DN_SPATIAL], out[DN_SPATIAL], kernel[DN_SPATIAL];
    int64_t stride[DN_SPATIAL], lo[DN_SPATIAL], dilation[DN_SPATIAL];
    // What follows from these:
    int64_t in_group, out_group;  // channels and filters of a group
    int64_t bands,
        band;         // taps along the kernel's last axis are a band of columns: how many, how wide
    int64_t columns;  // bands * band
    int64_t image_size;  // elements of an image of x
    int64_t out_pixels;  // pixels of an image of y
    int64_t pixels;      // pixels of y
    bool plain;          // x is the matrix of patches itself, with rows plain_ld elements apart
    int64_t plain_ld;
} dn_patches;

// From the types of a convolution y = conv(x, w) and a node with its attributes.
dn_status dn_patches_of(const dn_node *node, const dn_type *x, const dn_type *w, const dn_type *y,
                        dn_patches *out) DN_MUST_USE;

// A part of the matrix of patches: rows [begin, end) and bands [first, last) of one group, stored
// with rows `ld` elements apart.
typedef struct dn_patch_part {
    int64_t group, begin, end, first, last, ld;
} dn_patch_part;

// matrix = the patches of x.
void dn_patches_gather(const dn_patches *p, const dn_patch_part *part, const void *x, void *matrix);
// x += the patches in matrix, each element to where it came from, in the order of the rows.
void dn_patches_add(const dn_patches *p, const dn_patch_part *part, const void *matrix, void *x);

#endif
