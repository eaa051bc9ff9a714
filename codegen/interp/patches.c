#include "codegen/interp/patches.h"

#include <string.h>

static bool is_plain(const dn_patches *p) {
    bool points = true, whole = p->groups == 1;
    for (int i = 0; i < DN_SPATIAL; i++) {
        points = points && p->kernel[i] == 1 && p->stride[i] == 1 && p->lo[i] == 0 &&
                 p->in[i] == p->out[i];
        whole = whole && p->kernel[i] == p->in[i] && p->out[i] == 1 && p->lo[i] == 0 &&
                (p->dilation[i] == 1 || p->kernel[i] == 1);
    }
    return points || whole;
}

static void derive(dn_patches *p) {
    p->element = dn_dtype_size(p->dtype);
    p->in_group = p->channels / p->groups;
    p->out_group = p->filters / p->groups;
    p->bands = p->kernel[0] * p->kernel[1];
    p->band = p->kernel[2] * p->in_group;
    p->columns = p->bands * p->band;
    p->image_size = p->channels;
    p->out_pixels = 1;
    for (int i = 0; i < DN_SPATIAL; i++) {
        p->image_size *= p->in[i];
        p->out_pixels *= p->out[i];
    }
    p->pixels = p->images * p->out_pixels;
    p->plain = is_plain(p);
    p->plain_ld = p->out_pixels ? p->image_size / p->out_pixels : 0;
}

dn_status dn_patches_of(const dn_node *node, const dn_type *x, const dn_type *w, const dn_type *y,
                        dn_patches *out) {
    int n = x->rank - 2, skip = DN_SPATIAL - n;
    if (n > DN_SPATIAL)
        return dn_fail(DN_UNSUPPORTED, "convolution over %d axes: at most %d", n, DN_SPATIAL);
    const dn_dim *stride = dn_node_dims(node, DN_ATTR_STRIDE, NULL);
    const dn_dim *lo = dn_node_dims(node, DN_ATTR_LO, NULL);
    const dn_dim *dilation = dn_node_dims(node, DN_ATTR_DILATION, NULL);
    *out = (dn_patches){.dtype = x->dtype,
                        .images = x->dims[0],
                        .channels = x->dims[n + 1],
                        .filters = w->dims[n + 1],
                        .groups = dn_node_int(node, DN_ATTR_GROUPS)};
    for (int i = 0; i < DN_SPATIAL; i++) {
        bool there = i >= skip;
        out->in[i] = there ? x->dims[1 + i - skip] : 1;
        out->out[i] = there ? y->dims[1 + i - skip] : 1;
        out->kernel[i] = there ? w->dims[i - skip] : 1;
        out->stride[i] = there ? stride[i - skip] : 1;
        out->lo[i] = there ? lo[i - skip] : 0;
        out->dilation[i] = there ? dilation[i - skip] : 1;
    }
    derive(out);
    return DN_SUCCESS;
}

// ---- Lines ----
// A line is a run of pixels of y along the last axis, with one band of taps. In x they lie in one
// row of pixels.

typedef struct line {
    int64_t begin, end;  // pixels along the last axis
    int64_t row;         // first element of the row in x, for the group; -1: all padding
} line;

// memcpy, for runs that are mostly short.
static inline void copy_run(char *to, const char *from, size_t bytes) {
    if (bytes >= 256) {
        memcpy(to, from, bytes);
        return;
    }
    for (; bytes >= 16; bytes -= 16, to += 16, from += 16) memcpy(to, from, 16);
    if (bytes >= 8) {
        memcpy(to, from, 8);
        bytes -= 8, to += 8, from += 8;
    }
    if (bytes >= 4) {
        memcpy(to, from, 4);
        bytes -= 4, to += 4, from += 4;
    }
    for (; bytes; bytes--) *to++ = *from++;
}

// Taps [*first, *last) of a pixel whose tap 0 is at `at` are inside the row.
static inline void taps_inside(const dn_patches *p, int64_t at, int64_t *first, int64_t *last) {
    int64_t d = p->dilation[2], size = p->in[2];
    *first = at < 0 ? dn_ceil_div(-at, d) : 0;
    *last = at < size ? dn_min(p->kernel[2], dn_ceil_div(size - at, d)) : 0;
    if (*last < *first) *last = *first = dn_min(*first, p->kernel[2]);
}

// Calls `run(to matrix, to x, elements)` for the runs of a pixel: all its taps if they touch.
#define FOR_RUNS(p, first, last, m, x, RUN)                                   \
    if ((p)->dilation[2] == 1 && (p)->groups == 1) {                          \
        RUN(m, x, ((last) - (first)) * (p)->channels)                         \
    } else {                                                                  \
        for (int64_t tap = (first); tap < (last); tap++) {                    \
            RUN(m, x, (p)->in_group)                                          \
            (m) += (size_t)(p)->in_group * (p)->element;                      \
            (x) += (size_t)((p)->dilation[2] * (p)->channels) * (p)->element; \
        }                                                                     \
    }

static void gather_line(const dn_patches *p, const line *l, const char *x, char *matrix,
                        size_t pitch) {
    size_t tap_bytes = (size_t)p->in_group * p->element, band = (size_t)p->band * p->element;
    for (int64_t o = l->begin; o < l->end; o++, matrix += pitch) {
        int64_t at = o * p->stride[2] - p->lo[2], first = 0, last = 0;
        if (l->row >= 0) taps_inside(p, at, &first, &last);
        if (last - first < p->kernel[2]) memset(matrix, 0, band);
        if (first == last) continue;
        const char *from =
            x + (l->row + (at + first * p->dilation[2]) * p->channels) * (int64_t)p->element;
        char *to = matrix + (size_t)first * tap_bytes;
#define COPY_RUN(m, in, n) copy_run(m, in, (size_t)(n)*p->element);
        FOR_RUNS(p, first, last, to, from, COPY_RUN)
    }
}

static void add_line(const dn_patches *p, const line *l, const char *matrix, size_t pitch,
                     char *x) {
    dn_add_row *add = dn_add_row_of(p->dtype);
    size_t tap_bytes = (size_t)p->in_group * p->element;
    if (l->row < 0) return;
    for (int64_t o = l->begin; o < l->end; o++, matrix += pitch) {
        int64_t at = o * p->stride[2] - p->lo[2], first, last;
        taps_inside(p, at, &first, &last);
        if (first == last) continue;
        char *to = x + (l->row + (at + first * p->dilation[2]) * p->channels) * (int64_t)p->element;
        const char *from = matrix + (size_t)first * tap_bytes;
#define ADD_RUN(m, in, n) add(in, m, n);
        FOR_RUNS(p, first, last, from, to, ADD_RUN)
    }
}

// ---- Parts ----

// The line of pixels [begin, end) (numbers among all of y, within one row of it) with band `band`.
static line line_of(const dn_patches *p, int64_t group, int64_t begin, int64_t end, int64_t band) {
    int64_t row = begin / p->out[2];
    int64_t o[2] = {row / p->out[1] % p->out[0], row % p->out[1]};
    int64_t image = row / p->out[1] / p->out[0];
    int64_t k[2] = {band / p->kernel[1], band % p->kernel[1]}, s[2];
    line l = {.begin = begin - row * p->out[2], .end = end - row * p->out[2], .row = -1};
    for (int i = 0; i < 2; i++) {
        s[i] = o[i] * p->stride[i] - p->lo[i] + k[i] * p->dilation[i];
        if (s[i] < 0 || s[i] >= p->in[i]) return l;
    }
    l.row = image * p->image_size + (s[0] * p->in[1] + s[1]) * p->in[2] * p->channels +
            group * p->in_group;
    return l;
}

// Where the line that holds pixel `begin` ends.
static int64_t line_end(const dn_patches *p, int64_t begin, int64_t end) {
    return dn_min(end, (begin / p->out[2] + 1) * p->out[2]);
}

void dn_patches_gather(const dn_patches *p, const dn_patch_part *part, const void *x,
                       void *matrix) {
    size_t pitch = (size_t)part->ld * p->element, band = (size_t)p->band * p->element;
    for (int64_t at = part->begin, end; at < part->end; at = end) {
        end = line_end(p, at, part->end);
        char *to = (char *)matrix + (size_t)(at - part->begin) * pitch;
        for (int64_t i = part->first; i < part->last; i++, to += band) {
            line l = line_of(p, part->group, at, end, i);
            gather_line(p, &l, x, to, pitch);
        }
    }
}

void dn_patches_add(const dn_patches *p, const dn_patch_part *part, const void *matrix, void *x) {
    size_t pitch = (size_t)part->ld * p->element, band = (size_t)p->band * p->element;
    for (int64_t at = part->begin, end; at < part->end; at = end) {
        end = line_end(p, at, part->end);
        const char *from = (const char *)matrix + (size_t)(at - part->begin) * pitch;
        for (int64_t i = part->first; i < part->last; i++, from += band) {
            line l = line_of(p, part->group, at, end, i);
            add_line(p, &l, from, pitch, x);
        }
    }
}
