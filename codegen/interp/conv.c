// Convolutions and their two adjoints, as matrix products with the matrix of patches (patches.h).
//
// The matrix is made strip by strip, in a buffer of a thread that stays in its cache. Where x is
// that matrix already (1x1 kernels; kernels as large as x) there is one product and no buffer.
#include <string.h>

#include "codegen/interp/kernels.h"
#include "codegen/interp/patches.h"

enum { STRIP_BYTES = 2 << 20, ENOUGH_TASKS = 32, LEAST_PIXELS = 96 };

typedef struct job {
    dn_patches p;
    const char *x, *w, *y;  // operands; the result is `out`
    char *out;
    int64_t strip, ld;  // rows of the buffer, and how far they are apart
    dn_scratch scratch;
    // conv_weight: a task is a block of bands and a span of images; see below.
    int64_t bands, blocks, images, spans;
    char *partial;
} job;

static char *at(const job *j, const void *base, int64_t offset) {
    return (char *)base + offset * (int64_t)j->p.element;
}

// ---- The buffer of a strip ----

// Rows that are a multiple of 4 KB apart would fall into the same cache sets.
static int64_t pitch(const dn_patches *p, int64_t columns) {
    return columns * (int64_t)p->element % 4096 == 0 ? columns + 64 / (int64_t)p->element : columns;
}

static dn_status open_strip(const dn_eval *e, job *j, int64_t columns, int64_t most_pixels) {
    j->ld = pitch(&j->p, columns);
    int64_t row = dn_max(1, j->ld * (int64_t)j->p.element);
    j->strip = dn_max(1, dn_min(most_pixels, dn_max(LEAST_PIXELS, STRIP_BYTES / row)));
    return dn_scratch_open(e, (size_t)(j->strip * row), &j->scratch);
}

// ---- conv ----

static void conv_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    job *j = arg;
    const dn_patches *p = &j->p;
    (void)chunk;
    void *matrix = dn_scratch_acquire(&j->scratch);
    for (int64_t g = 0; g < p->groups; g++) {
        dn_patch_part part = {
            .group = g, .begin = begin, .end = end, .last = p->bands, .ld = j->ld};
        dn_patches_gather(p, &part, j->x, matrix);
        dn_gemm product = {.dtype = p->dtype,
                           .m = end - begin,
                           .n = p->out_group,
                           .k = p->columns,
                           .a = matrix,
                           .lda = j->ld,
                           .b = at(j, j->w, g * p->out_group),
                           .ldb = p->filters,
                           .c = at(j, j->out, begin * p->filters + g * p->out_group),
                           .ldc = p->filters};
        dn_gemm_run(&product);
    }
    dn_scratch_release(&j->scratch, matrix);
}

static dn_status conv_plain(const dn_eval *e, const job *j) {
    const dn_patches *p = &j->p;
    for (int64_t g = 0; g < p->groups; g++) {
        dn_gemm product = {.dtype = p->dtype,
                           .m = p->pixels,
                           .n = p->out_group,
                           .k = p->columns,
                           .a = at(j, j->x, g * p->in_group),
                           .lda = p->plain_ld,
                           .b = at(j, j->w, g * p->out_group),
                           .ldb = p->filters,
                           .c = at(j, j->out, g * p->out_group),
                           .ldc = p->filters};
        DN_TRY(dn_gemm_parallel(e, &product, NULL));
    }
    return DN_SUCCESS;
}

dn_status dn_eval_CONV(const dn_eval *e) {
    const dn_type *x = &e->node->in[0]->type, *w = &e->node->in[1]->type;
    job j = {.x = e->in[0], .w = e->in[1], .out = e->out};
    if (e->count == 0) return DN_SUCCESS;
    DN_TRY(dn_patches_of(e->node, x, w, &e->node->type, &j.p));
    if (j.p.plain) return conv_plain(e, &j);
    DN_TRY(open_strip(e, &j, j.p.columns,
                      dn_max(LEAST_PIXELS, dn_ceil_div(j.p.pixels, ENOUGH_TASKS))));
    dn_eval_for(e, j.p.pixels, j.strip, conv_body, &j);
    dn_scratch_close(&j.scratch);
    return DN_SUCCESS;
}

// ---- conv_input ----

// Images [begin, end): no other task adds to them.
static void conv_input_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    job *j = arg;
    const dn_patches *p = &j->p;
    (void)chunk;
    void *matrix = dn_scratch_acquire(&j->scratch);
    memset(at(j, j->out, begin * p->image_size), 0,
           (size_t)((end - begin) * p->image_size) * p->element);
    int64_t last = end * p->out_pixels;
    for (int64_t pixel = begin * p->out_pixels; pixel < last; pixel += j->strip) {
        int64_t stop = dn_min(pixel + j->strip, last);
        for (int64_t g = 0; g < p->groups; g++) {
            dn_patch_part part = {
                .group = g, .begin = pixel, .end = stop, .last = p->bands, .ld = j->ld};
            dn_gemm product = {.dtype = p->dtype,
                               .m = stop - pixel,
                               .n = p->columns,
                               .k = p->out_group,
                               .a = at(j, j->y, pixel * p->filters + g * p->out_group),
                               .lda = p->filters,
                               .b = at(j, j->w, g * p->out_group),
                               .ldb = p->filters,
                               .tb = true,
                               .c = matrix,
                               .ldc = j->ld};
            dn_gemm_run(&product);
            dn_patches_add(p, &part, matrix, j->out);
        }
    }
    dn_scratch_release(&j->scratch, matrix);
}

static dn_status conv_input_plain(const dn_eval *e, const job *j) {
    const dn_patches *p = &j->p;
    for (int64_t g = 0; g < p->groups; g++) {
        dn_gemm product = {.dtype = p->dtype,
                           .m = p->pixels,
                           .n = p->columns,
                           .k = p->out_group,
                           .a = at(j, j->y, g * p->out_group),
                           .lda = p->filters,
                           .b = at(j, j->w, g * p->out_group),
                           .ldb = p->filters,
                           .tb = true,
                           .c = at(j, j->out, g * p->in_group),
                           .ldc = p->plain_ld};
        DN_TRY(dn_gemm_parallel(e, &product, NULL));
    }
    return DN_SUCCESS;
}

dn_status dn_eval_CONV_INPUT(const dn_eval *e) {
    const dn_type *y = &e->node->in[0]->type, *w = &e->node->in[1]->type;
    job j = {.y = e->in[0], .w = e->in[1], .out = e->out};
    if (e->count == 0) return DN_SUCCESS;
    DN_TRY(dn_patches_of(e->node, &e->node->type, w, y, &j.p));
    if (j.p.plain) return conv_input_plain(e, &j);
    int64_t images = dn_max(1, dn_min(dn_ceil_div(j.p.images, ENOUGH_TASKS / 2),
                                      dn_ceil_div(2 * LEAST_PIXELS, j.p.out_pixels)));
    DN_TRY(open_strip(e, &j, j.p.columns, images * j.p.out_pixels));
    dn_eval_for(e, j.p.images, images, conv_input_body, &j);
    dn_scratch_close(&j.scratch);
    return DN_SUCCESS;
}

// ---- conv_weight ----
// A task sums a block of the result's rows (some bands of the kernel) over a span of images. Spans
// are added in order afterwards, so blocks are preferred; a band with few rows is not worth a
// block.

static void conv_weight_task(job *j, int64_t block, int64_t span, void *matrix) {
    const dn_patches *p = &j->p;
    int64_t first = block * j->bands, last = dn_min(first + j->bands, p->bands);
    int64_t begin = span * j->images * p->out_pixels;
    int64_t end = dn_min(begin + j->images * p->out_pixels, p->pixels);
    char *out = j->partial ? at(j, j->partial, span * p->columns * p->filters) : j->out;
    for (int64_t g = 0; g < p->groups; g++) {
        for (int64_t pixel = begin; pixel < end; pixel += j->strip) {
            dn_patch_part part = {.group = g,
                                  .begin = pixel,
                                  .end = dn_min(pixel + j->strip, end),
                                  .first = first,
                                  .last = last,
                                  .ld = j->ld};
            dn_patches_gather(p, &part, j->x, matrix);
            dn_gemm product = {.dtype = p->dtype,
                               .m = (last - first) * p->band,
                               .n = p->out_group,
                               .k = part.end - pixel,
                               .a = matrix,
                               .lda = j->ld,
                               .ta = true,
                               .b = at(j, j->y, pixel * p->filters + g * p->out_group),
                               .ldb = p->filters,
                               .c = at(j, out, first * p->band * p->filters + g * p->out_group),
                               .ldc = p->filters,
                               .accumulate = pixel > begin};
            dn_gemm_run(&product);
        }
    }
}

static void conv_weight_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    job *j = arg;
    (void)chunk;
    void *matrix = dn_scratch_acquire(&j->scratch);
    for (int64_t task = begin; task < end; task++)
        conv_weight_task(j, task % j->blocks, task / j->blocks, matrix);
    dn_scratch_release(&j->scratch, matrix);
}

static dn_status conv_weight_plain(const dn_eval *e, const job *j) {
    const dn_patches *p = &j->p;
    for (int64_t g = 0; g < p->groups; g++) {
        dn_gemm product = {.dtype = p->dtype,
                           .m = p->columns,
                           .n = p->out_group,
                           .k = p->pixels,
                           .a = at(j, j->x, g * p->in_group),
                           .lda = p->plain_ld,
                           .ta = true,
                           .b = at(j, j->y, g * p->out_group),
                           .ldb = p->filters,
                           .c = at(j, j->out, g * p->out_group),
                           .ldc = p->filters};
        DN_TRY(dn_gemm_parallel(e, &product, NULL));
    }
    return DN_SUCCESS;
}

static void plan_weight(job *j) {
    enum { TASKS = 16, BLOCK_ROWS = 48, MOST_PARTIAL = 64 << 20 };
    const dn_patches *p = &j->p;
    j->bands = dn_min(p->bands, dn_max(1, dn_ceil_div(BLOCK_ROWS, dn_max(1, p->band))));
    j->blocks = dn_max(1, dn_ceil_div(p->bands, j->bands));
    int64_t result = dn_max(1, p->columns * p->filters * (int64_t)p->element);
    int64_t spans = dn_min(dn_ceil_div(TASKS, j->blocks), dn_max(1, MOST_PARTIAL / result));
    // A span has to have work for its partial result to be worth it.
    spans = dn_max(1, dn_min(spans, p->pixels / LEAST_PIXELS));
    j->images = dn_max(1, dn_ceil_div(p->images, spans));
    j->spans = dn_max(1, dn_ceil_div(p->images, j->images));
}

static dn_status conv_weight_tasks(const dn_eval *e, job *j) {
    DN_TRY(open_strip(e, j, j->bands * j->p.band, j->images * j->p.out_pixels));
    dn_eval_for(e, j->blocks * j->spans, 1, conv_weight_body, j);
    dn_scratch_close(&j->scratch);
    return DN_SUCCESS;
}

dn_status dn_eval_CONV_WEIGHT(const dn_eval *e) {
    const dn_type *x = &e->node->in[0]->type, *y = &e->node->in[1]->type;
    job j = {.x = e->in[0], .y = e->in[1], .out = e->out};
    DN_TRY(dn_patches_of(e->node, x, &e->node->type, y, &j.p));
    if (j.p.pixels == 0) {
        memset(e->out, 0, (size_t)e->count * j.p.element);
        return DN_SUCCESS;
    }
    if (e->count == 0) return DN_SUCCESS;
    if (j.p.plain) return conv_weight_plain(e, &j);
    plan_weight(&j);
    size_t bytes = (size_t)(j.spans * e->count) * j.p.element;
    if (j.spans > 1) {
        void *partial;
        DN_TRY(dn_buffers_take(e->buffers, bytes, &partial));
        j.partial = partial;
    }
    dn_status status = conv_weight_tasks(e, &j);
    if (!status && j.partial) dn_sum_parts(e, j.p.dtype, j.partial, j.spans, e->count, e->out);
    dn_buffers_give(e->buffers, j.partial, bytes);
    return status;
}
