// Sliding windows: a strided copy out, and the sum back.
#include <string.h>

#include "codegen/interp/kernels.h"

enum { SPATIAL = 3 };

dn_status dn_eval_WINDOW(const dn_eval *e) {
    const dn_type *x = &e->node->in[0]->type, *type = &e->node->type;
    const dn_dim *stride = dn_node_dims(e->node, DN_ATTR_STRIDE, NULL);
    const dn_dim *dilation = dn_node_dims(e->node, DN_ATTR_DILATION, NULL);
    dn_copy copy = {.rank = type->rank};
    int n = x->rank - 2;
    int64_t strides[DN_MAX_RANK];
    dn_row_major(x->rank, x->dims, strides);
    memcpy(copy.dims, type->dims, sizeof copy.dims);
    dn_row_major(copy.rank, copy.dims, copy.to);
    copy.from[0] = strides[0];
    copy.from[copy.rank - 1] = 1;
    for (int i = 0; i < n; i++) {
        copy.from[1 + i] = strides[1 + i] * stride[i];
        copy.from[1 + n + i] = strides[1 + i] * dilation[i];
    }
    dn_copy_run(e, copy, dn_dtype_size(type->dtype), e->out, e->in[0]);
    return DN_SUCCESS;
}

// Axes that are missing are of size 1, in front.
typedef struct job {
    const char *windows;
    char *out;
    dn_add_row *add;
    size_t element;
    int64_t channels;
    int64_t in[SPATIAL], out_size[SPATIAL], kernel[SPATIAL], stride[SPATIAL], dilation[SPATIAL];
} job;

// Tap k of the window at o covers pixel s = o * stride + k * dilation; o for given s and k, or -1.
static int64_t position(const job *j, int axis, int64_t s, int64_t k) {
    int64_t at = s - k * j->dilation[axis];
    if (at < 0 || at % j->stride[axis] != 0) return -1;
    at /= j->stride[axis];
    return at < j->out_size[axis] ? at : -1;
}

// Adds to one row of pixels (along the last axis) what taps k0, k1 of windows o0, o1 hold for it.
static void add_row(const job *j, int64_t window_row, int64_t band, char *row) {
    int64_t taps = j->kernel[0] * j->kernel[1] * j->kernel[2];
    for (int64_t s = 0; s < j->in[2]; s++) {
        for (int64_t k = 0; k < j->kernel[2]; k++) {
            int64_t o = position(j, 2, s, k);
            if (o < 0) continue;
            int64_t from = (window_row * j->out_size[2] + o) * taps + band * j->kernel[2] + k;
            j->add(row + (size_t)(s * j->channels) * j->element,
                   j->windows + (size_t)(from * j->channels) * j->element, j->channels);
        }
    }
}

// Rows of pixels [begin, end) of the result, numbered over images and the first two axes. Each
// pixel is summed over taps in row-major order.
static void rows_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    size_t bytes = (size_t)(j->in[2] * j->channels) * j->element;
    (void)chunk;
    for (int64_t row = begin; row < end; row++) {
        int64_t s0 = row / j->in[1] % j->in[0], s1 = row % j->in[1];
        int64_t image = row / j->in[1] / j->in[0];
        memset(j->out + (size_t)row * bytes, 0, bytes);
        for (int64_t band = 0; band < j->kernel[0] * j->kernel[1]; band++) {
            int64_t o0 = position(j, 0, s0, band / j->kernel[1]);
            int64_t o1 = position(j, 1, s1, band % j->kernel[1]);
            if (o0 < 0 || o1 < 0) continue;
            add_row(j, (image * j->out_size[0] + o0) * j->out_size[1] + o1, band,
                    j->out + (size_t)row * bytes);
        }
    }
}

dn_status dn_eval_WINDOW_SUM(const dn_eval *e) {
    const dn_type *windows = &e->node->in[0]->type, *type = &e->node->type;
    const dn_dim *stride = dn_node_dims(e->node, DN_ATTR_STRIDE, NULL);
    const dn_dim *dilation = dn_node_dims(e->node, DN_ATTR_DILATION, NULL);
    int n = type->rank - 2, skip = SPATIAL - n;
    job j = {.windows = e->in[0],
             .out = e->out,
             .add = dn_add_row_of(type->dtype),
             .element = dn_dtype_size(type->dtype),
             .channels = type->dims[n + 1]};
    for (int i = 0; i < SPATIAL; i++) {
        bool there = i >= skip;
        j.in[i] = there ? type->dims[1 + i - skip] : 1;
        j.out_size[i] = there ? windows->dims[1 + i - skip] : 1;
        j.kernel[i] = there ? windows->dims[1 + n + i - skip] : 1;
        j.stride[i] = there ? stride[i - skip] : 1;
        j.dilation[i] = there ? dilation[i - skip] : 1;
    }
    if (e->count == 0) return DN_SUCCESS;
    int64_t taps = j.kernel[0] * j.kernel[1] * j.kernel[2];
    int64_t work = j.in[2] * j.channels * taps;
    dn_eval_for(e, type->dims[0] * j.in[0] * j.in[1], dn_max(1, DN_GRAIN / work), rows_body, &j);
    return DN_SUCCESS;
}
