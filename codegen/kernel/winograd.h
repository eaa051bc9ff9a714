// Convolution with fewer multiplications (Winograd's algorithm): strides 1 and 2, two spatial axes.
//
// On an axis, a tile of `tile` results of a convolution with `taps` taps needs patches of `points`
// = tile + taps - 1 elements. With matrices A [points, tile], B [points, points], G [points, taps]
//   y = A^T ((G w) * (B x)),
// elementwise products of `points` numbers where the direct way takes tile * taps. They are the
// values of polynomials at 0, 1, -1, 2, -1/2 and infinity (winograd_points.c). In two dimensions
// each axis is transformed after the other.
//
// A convolution with stride 2 is a sum over the phases of its image (the even and the odd pixels on
// each axis), each of them convolved with the taps of that phase, stride 1. The sum is taken in the
// transformed domain, so that it is a matrix product for each point, whose reduction index is
// (phase, channel). CONV_INPUT is, for each phase of its result, a convolution of y with the taps
// of that phase. CONV_WEIGHT is the adjoint in w: G^T ((B x) * (A y)), summed over tiles.
//
// So one contraction becomes these kernels, all but the first two for some images at a time, so
// that what is between them stays in the last-level cache:
//   weights   U [out phase][point][in phase, k][n] = G w, packed as the product wants it
//   pad       the operand with zeros around it, if patches reach beyond it in many ways
//   patches   V [shift][point][tile][in phase, k] = B x
//   product   M [out phase][point][tile][n] = V U
//   results   A^T M, and the contraction's epilogue
// or, for CONV_WEIGHT, patches, W [point][tile][n] = A y, N [point][in phase, k][n] += V^T W, and
// G^T N. Phases are in the order that begins with those that have all taps, tiles in that of
// images; at the first and the last points in others (winograd_ends.c).
#ifndef DN_CODEGEN_KERNEL_WINOGRAD_H
#define DN_CODEGEN_KERNEL_WINOGRAD_H

#include "codegen/kernel/kernel.h"

enum { DN_MOST_POINTS = 6 };

// One of the two spatial axes.
typedef struct dn_wino_axis {
    int points, taps, tile;
    int64_t kernel, stride, lo;
    int64_t missing;  // taps in front of the kernel that make it a multiple of the stride
    int64_t tiles;
    int64_t full;        // tiles all of whose results exist: all, or all but the last
    int64_t in_phases;   // of the operand that is cut into patches, which are summed over
    int64_t out_phases;  // of the result
    int64_t shifts;      // different places of the patches of result phases: 1 or 2
    int64_t newest;      // CONV_INPUT: the last of y that counts for results 0, less their number
    int64_t size, out;   // of the operand, and of the result (CONV_WEIGHT: of y)
    int64_t before;      // zeros in front of the operand, < 0: elements that are left out
    int64_t extent;      // of the operand with them, and with those behind it
    double a[DN_MOST_POINTS][DN_MOST_POINTS];  // [tile][points]: A^T
    double b[DN_MOST_POINTS][DN_MOST_POINTS];  // [points][points]
    double g[DN_MOST_POINTS][DN_MOST_POINTS];  // [points][taps]
} dn_wino_axis;

typedef struct dn_winograd {
    dn_contract contract;
    dn_wino_axis axis[2];
    int64_t images, chunk;  // so many at a time; the last may be fewer
    int64_t slice;          // columns of the result at a time, a part of n
    int64_t tiles;          // of one image
    int64_t points;         // of both axes: their product; also of phases
    int64_t in_phases, out_phases, shifts;
    int64_t k, n;  // the channels that are summed over, those of the result
} dn_winograd;

// A^T, B and G for an axis whose `points` and `taps` are set.
void dn_winograd_matrices(dn_wino_axis *axis);

// How a contraction is done. False: it cannot be done so.
bool dn_winograd_plan(const dn_contract *contract, const dn_winograd_choice *choice,
                      dn_winograd *plan);
// What it costs: multiply-adds of the products, and bytes that pass through memory or caches.
void dn_winograd_cost(const dn_winograd *plan, double *multiply_adds, double *bytes);

// Transformed weights are made for all columns at once, and may serve several contractions.
bool dn_winograd_has_weights(const dn_winograd *plan);
bool dn_winograd_same_weights(const dn_winograd *a, const dn_winograd *b);
// Appends the kernels of `U` for `kernel`'s weights. Returns U's buffer. `width`: columns of a
// panel.
int dn_winograd_weights(dn_kernels *out, const dn_winograd *plan, const dn_kernel *kernel,
                        int width);
// Gives `kernel`, the one of `node`, of which `args[1]` is U if it has such weights, the kernels
// that do it.
void dn_winograd_kernels(dn_kernels *entry, const dn_winograd *plan, dn_kernel *kernel,
                         const dn_node *node, int width);

#endif
