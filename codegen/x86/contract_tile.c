// The micro-kernel: rows x vectors of sums in registers over the whole reduction. A step loads one
// vector of B for each column vector and broadcasts one element of A for each row.
#include <string.h>

#include "codegen/x86/contract.h"

enum { UNROLL = 4 };

typedef struct reducer {
    dn_emit *e;
    const dn_cplan *plan;
    dn_ctile *tile;
    dn_clevel levels[DN_C_LEVELS];  // after merging
    LLVMValueRef begin[DN_C_LEVELS], end[DN_C_LEVELS];
    int64_t multiple[DN_C_LEVELS];  // divides the number of steps
    int n;
    LLVMValueRef sum[DN_C_ROWS * DN_C_VECTORS];
} reducer;

static LLVMValueRef scale(dn_emit *e, LLVMValueRef x, int64_t y) {
    return LLVMBuildNSWMul(e->builder, x, dn_emit_i64(e, y), "");
}

static LLVMValueRef call(dn_emit *e, const char *name, LLVMTypeRef *types, int n_types,
                         LLVMValueRef *operands, int n) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, types, (size_t)n_types);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, types, (size_t)n_types);
    return LLVMBuildCall2(e->builder, type, function, operands, (unsigned)n, "");
}

// `lanes` elements that are `stride` apart; 0 in lanes that the mask leaves out.
static LLVMValueRef load_vector(reducer *r, LLVMValueRef address, int64_t stride,
                                LLVMValueRef mask) {
    dn_emit *e = r->e;
    int lanes = r->tile->lanes;
    LLVMTypeRef type = dn_emit_type(e, r->plan->dtype, lanes);
    LLVMValueRef align = LLVMConstInt(e->i32, dn_dtype_size(r->plan->dtype), false);
    if (stride == 1 && !mask) {
        LLVMValueRef load = LLVMBuildLoad2(e->builder, type, address, "");
        LLVMSetAlignment(load, (unsigned)dn_dtype_size(r->plan->dtype));
        return load;
    }
    if (!mask) mask = LLVMConstAllOnes(dn_emit_over(e, e->i1, lanes));
    LLVMValueRef zero = LLVMConstNull(type);
    if (stride == 1)
        return call(e, "llvm.masked.load", (LLVMTypeRef[]){type, e->ptr}, 2,
                    (LLVMValueRef[]){address, align, mask, zero}, 4);
    LLVMValueRef offsets[64];
    for (int i = 0; i < lanes; i++) offsets[i] = dn_emit_i64(e, i * stride);
    LLVMValueRef where =
        dn_emit_address(e, address, r->plan->dtype, LLVMConstVector(offsets, (unsigned)lanes));
    return call(e, "llvm.masked.gather", (LLVMTypeRef[]){type, LLVMTypeOf(where)}, 2,
                (LLVMValueRef[]){where, align, mask, zero}, 4);
}

static LLVMValueRef multiply_add(reducer *r, LLVMValueRef a, LLVMValueRef b, LLVMValueRef sum) {
    if (dn_dtype_is_float(r->plan->dtype)) return dn_emit_fma(r->e, a, b, sum);
    return LLVMBuildAdd(r->e->builder, sum, LLVMBuildMul(r->e->builder, a, b, ""), "");
}

static LLVMValueRef mask_of(const dn_ctile *tile, int vector) {
    return vector == tile->vectors - 1 ? tile->mask : NULL;
}

static LLVMValueRef shifted(reducer *r, LLVMValueRef address, int64_t elements) {
    return dn_emit_address(r->e, address, r->plan->dtype, dn_emit_i64(r->e, elements));
}

// One element of A for all columns of a row.
static LLVMValueRef load_scalar(reducer *r, LLVMValueRef address) {
    LLVMTypeRef type = dn_emit_memory(r->e, r->plan->dtype);
    return dn_emit_splat(r->e, LLVMBuildLoad2(r->e->builder, type, address, ""), r->tile->lanes);
}

static int64_t row_stride(const dn_cplan *p) {
    const dn_cdim *dim = &p->dims[p->row];
    if (dim->spatial < 0) return dim->a;
    const dn_contract *c = p->contract;
    return c->op == DN_OP_CONV ? c->stride[dim->spatial] * c->channels : c->filters;
}

// The step at addresses a and b of row 0 and column 0.
static void step(reducer *r, LLVMValueRef a, LLVMValueRef b) {
    const dn_ctile *tile = r->tile;
    const dn_cplan *p = r->plan;
    LLVMValueRef columns[DN_C_VECTORS];
    for (int v = 0; v < tile->vectors; v++)
        columns[v] = load_vector(r, shifted(r, b, v * tile->lanes * p->b_lane), p->b_lane,
                                 p->packed ? NULL : mask_of(tile, v));
    for (int m = 0; m < tile->rows; m++) {
        LLVMValueRef row = shifted(r, a, m * row_stride(p));
        LLVMValueRef element = p->a_lane ? NULL : load_scalar(r, row);
        for (int v = 0; v < tile->vectors; v++) {
            if (p->a_lane)
                element = load_vector(r, shifted(r, row, v * tile->lanes), 1, mask_of(tile, v));
            LLVMValueRef *sum = &r->sum[m * tile->vectors + v];
            *sum = multiply_add(r, element, columns[v], *sum);
        }
    }
}

// The innermost level's steps [begin, end), `unroll` at a time.
static LLVMValueRef steps(reducer *r, LLVMValueRef begin, LLVMValueRef end, int unroll,
                          LLVMValueRef a, LLVMValueRef b) {
    dn_emit *e = r->e;
    const dn_clevel *level = &r->levels[r->n - 1];
    dn_loop loop;
    dn_loop_begin(e, &loop, begin, end, dn_emit_i64(e, unroll), r->sum,
                  r->tile->rows * r->tile->vectors);
    LLVMValueRef first = LLVMBuildNSWAdd(e->builder, a, scale(e, loop.index, level->a), "");
    LLVMValueRef second = LLVMBuildNSWAdd(e->builder, b, scale(e, loop.index, level->b), "");
    first = dn_emit_address(e, r->tile->a, r->plan->dtype, first);
    second = dn_emit_address(e, r->tile->b, r->plan->dtype, second);
    for (int u = 0; u < unroll; u++)
        step(r, shifted(r, first, u * level->a), shifted(r, second, u * level->b));
    dn_loop_end(e, &loop);
    return loop.index;
}

static void innermost(reducer *r, LLVMValueRef a, LLVMValueRef b) {
    dn_emit *e = r->e;
    int l = r->n - 1;
    LLVMValueRef begin = r->begin[l], end = r->end[l];
    int unroll = UNROLL;
    if (r->multiple[l] % unroll == 0) {
        steps(r, begin, end, unroll, a, b);
        return;
    }
    LLVMValueRef last = LLVMBuildNSWSub(e->builder, end, dn_emit_i64(e, unroll - 1), "");
    begin = steps(r, begin, last, unroll, a, b);
    steps(r, begin, end, 1, a, b);
}

// Level l and those inside it. a and b: offsets of the steps so far.
static void nest(reducer *r, int l, LLVMValueRef a, LLVMValueRef b) {
    if (l == r->n - 1) {
        innermost(r, a, b);
        return;
    }
    dn_emit *e = r->e;
    dn_loop loop;
    dn_loop_begin(e, &loop, r->begin[l], r->end[l], dn_emit_i64(e, 1), r->sum,
                  r->tile->rows * r->tile->vectors);
    a = LLVMBuildNSWAdd(e->builder, a, scale(e, loop.index, r->levels[l].a), "");
    b = LLVMBuildNSWAdd(e->builder, b, scale(e, loop.index, r->levels[l].b), "");
    nest(r, l + 1, a, b);
    dn_loop_end(e, &loop);
}

// Levels that are contiguous in both operands are one: taps along the last axis and channels.
static void merge_levels(reducer *r) {
    const dn_cplan *p = r->plan;
    for (int l = 0; l < p->n_levels; l++) {
        const dn_clevel *inner = &p->levels[l];
        dn_clevel *outer = &r->levels[r->n - 1];
        bool whole = l > 0 && inner->spatial < 0 && (l != p->chunked || p->chunk >= inner->size);
        if (whole && outer->a == inner->size * inner->a && outer->b == inner->size * inner->b) {
            r->begin[r->n - 1] = scale(r->e, r->begin[r->n - 1], inner->size);
            r->end[r->n - 1] = scale(r->e, r->end[r->n - 1], inner->size);
            outer->a = inner->a;
            outer->b = inner->b;
            r->multiple[r->n - 1] *= inner->size;
            continue;
        }
        r->levels[r->n] = *inner;
        r->begin[r->n] = r->tile->begin[l];
        r->end[r->n] = r->tile->end[l];
        bool known = inner->spatial < 0 && (l != p->chunked || p->chunk >= inner->size);
        r->multiple[r->n++] = known ? inner->size : 1;
    }
}

void dn_contract_reduce(dn_emit *e, const dn_cplan *plan, dn_ctile *tile) {
    reducer r = {.e = e, .plan = plan, .tile = tile};
    merge_levels(&r);
    LLVMValueRef zero = LLVMConstNull(dn_emit_type(e, plan->dtype, tile->lanes));
    for (int i = 0; i < tile->rows * tile->vectors; i++) r.sum[i] = zero;
    nest(&r, 0, tile->a_first, tile->b_first);
    for (int m = 0; m < tile->rows; m++)
        for (int v = 0; v < tile->vectors; v++) tile->sum[m][v] = r.sum[m * tile->vectors + v];
}
