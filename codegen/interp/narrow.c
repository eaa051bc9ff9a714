// bf16: every op computes in f32, on operands that f32 holds exactly, and rounds its result once.
// So its operands are widened, the op's kernel for f32 runs, and its result is rounded.
#include <math.h>
#include <string.h>

#include "codegen/interp/kernel.h"

#pragma GCC optimize("O3")  // vector code

// Ops that only move elements do so in any dtype, and numbers are stored in any.
static bool only_moves(dn_op op) {
    switch (op) {
        case DN_OP_CONST:
        case DN_OP_IOTA:
        case DN_OP_SELECT:
        case DN_OP_BROADCAST:
        case DN_OP_RESHAPE:
        case DN_OP_TRANSPOSE:
        case DN_OP_SLICE:
        case DN_OP_PAD:
        case DN_OP_CONCAT:
        case DN_OP_REVERSE:
        case DN_OP_WINDOW:
        case DN_OP_GATHER: return true;
        default: return false;
    }
}

bool dn_is_narrow(const dn_node *node) {
    if (only_moves(node->op)) return false;
    bool narrow = node->type.dtype == DN_BF16;
    for (int k = 0; k < node->n_in; k++) narrow |= node->in[k]->type.dtype == DN_BF16;
    return narrow;
}

// ---- conversion ----

typedef struct job {
    const uint16_t *narrow;
    const float *wide;
    void *out;
} job;

static void widen_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    uint32_t *out = j->out;
    (void)chunk;
    for (int64_t i = begin; i < end; i++) out[i] = (uint32_t)j->narrow[i] << 16;
}

static void round_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    uint16_t *out = j->out;
    (void)chunk;
    for (int64_t i = begin; i < end; i++) out[i] = dn_bf16_from_f32(j->wide[i]);
}

// Numbers in [0, 1) stay below 1: multiples of 1/256, of which bf16 has all.
static void cut_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    float *out = ((const job *)arg)->out;
    (void)chunk;
    for (int64_t i = begin; i < end; i++) out[i] = floorf(out[i] * 256) / 256;
}

// ---- the op ----

// The node as one of f32. Of operands, kernels only look at the type.
enum { MOST_IN = 2 };

typedef struct wide_node {
    dn_node node, in[MOST_IN];
    dn_node *list[MOST_IN];
    const void *data[MOST_IN];
    void *copies[MOST_IN];
    size_t bytes[MOST_IN];
} wide_node;

static void widen_type(dn_type *type) {
    if (type->dtype == DN_BF16) type->dtype = DN_F32;
}

static dn_status widen(const dn_eval *e, wide_node *w) {
    DN_ASSERT(e->node->n_in <= MOST_IN, "%s of bf16", dn_op_get(e->node->op)->name);
    w->node = *e->node;
    w->node.in = w->list;
    widen_type(&w->node.type);
    for (int k = 0; k < e->node->n_in; k++) {
        w->in[k] = *e->node->in[k];
        w->list[k] = &w->in[k];
        w->data[k] = e->in[k];
        if (w->in[k].type.dtype != DN_BF16) continue;
        widen_type(&w->in[k].type);
        int64_t count = dn_min(e->period[k], dn_type_count(&w->in[k].type));
        w->bytes[k] = (size_t)count * sizeof(float);
        DN_TRY(dn_buffers_take(e->buffers, w->bytes[k], &w->copies[k]));
        job j = {.narrow = e->in[k], .out = w->copies[k]};
        dn_eval_for(e, count, DN_GRAIN, widen_body, &j);
        w->data[k] = w->copies[k];
    }
    return DN_SUCCESS;
}

static dn_status run(const dn_eval *e, const wide_node *w, void *out) {
    dn_eval wide = *e;
    wide.node = &w->node;
    wide.in = w->data;
    wide.out = out;
    return dn_kernel_of(e->node->op)(&wide);
}

static dn_status run_rounded(const dn_eval *e, const wide_node *w) {
    void *result;
    size_t bytes = (size_t)e->count * sizeof(float);
    DN_TRY(dn_buffers_take(e->buffers, bytes, &result));
    dn_status status = run(e, w, result);
    job j = {.wide = result, .out = result};
    if (!status && e->node->op == DN_OP_UNIFORM) dn_eval_for(e, e->count, DN_GRAIN, cut_body, &j);
    j.out = e->out;
    if (!status) dn_eval_for(e, e->count, DN_GRAIN, round_body, &j);
    dn_buffers_give(e->buffers, result, bytes);
    return status;
}

dn_status dn_eval_narrow(const dn_eval *e) {
    wide_node w = {0};
    dn_status status = widen(e, &w);
    if (!status) status = e->node->type.dtype == DN_BF16 ? run_rounded(e, &w) : run(e, &w, e->out);
    for (int k = 0; k < MOST_IN; k++) dn_buffers_give(e->buffers, w.copies[k], w.bytes[k]);
    return status;
}
