// Which steps of a spatial level lie inside: image i = out o * stride + tap k * dilation - lo, of
// which the point of the result gives one and the level runs over another.
#include "codegen/x86/contract.h"

static LLVMValueRef add(dn_emit *e, LLVMValueRef x, int64_t y) {
    return LLVMBuildNSWAdd(e->builder, x, dn_emit_i64(e, y), "");
}

static LLVMValueRef scale(dn_emit *e, LLVMValueRef x, int64_t y) {
    return LLVMBuildNSWMul(e->builder, x, dn_emit_i64(e, y), "");
}

// `value` - x.
static LLVMValueRef from(dn_emit *e, int64_t value, LLVMValueRef x) {
    return LLVMBuildNSWSub(e->builder, dn_emit_i64(e, value), x, "");
}

static LLVMValueRef floor_div(dn_emit *e, LLVMValueRef x, int64_t by) {
    if (by == 1) return x;
    LLVMValueRef quotient = LLVMBuildSDiv(e->builder, x, dn_emit_i64(e, by), "");
    LLVMValueRef rest = LLVMBuildNSWSub(e->builder, x, scale(e, quotient, by), "");
    LLVMValueRef below = LLVMBuildICmp(e->builder, LLVMIntSLT, rest, dn_emit_i64(e, 0), "");
    return LLVMBuildNSWAdd(e->builder, quotient, LLVMBuildSExt(e->builder, below, e->i64, ""), "");
}

static LLVMValueRef ceil_div(dn_emit *e, LLVMValueRef x, int64_t by) {
    return floor_div(e, add(e, x, by - 1), by);
}

static LLVMValueRef at_least(dn_emit *e, LLVMValueRef x, int64_t least) {
    return dn_emit_intrinsic(e, "llvm.smax", e->i64, (LLVMValueRef[]){x, dn_emit_i64(e, least)}, 2);
}

static LLVMValueRef at_most(dn_emit *e, LLVMValueRef x, int64_t most) {
    return dn_emit_intrinsic(e, "llvm.smin", e->i64, (LLVMValueRef[]){x, dn_emit_i64(e, most)}, 2);
}

// The y for which x * y is 1 modulo `modulus`.
static int64_t inverse(int64_t x, int64_t modulus) {
    for (int64_t y = 1; y < modulus; y++)
        if (x % modulus * y % modulus == 1) return y;
    return 0;  // modulus 1
}

// Elements of one step along spatial axis s of a tensor [sizes.., features].
static int64_t pixel(const dn_contract *c, const int64_t *sizes, int64_t features, int s) {
    for (int i = s + 1; i < c->spatial; i++) features *= sizes[i];
    return features;
}

// Steps are taps, `index` a pixel of y, A is x; or steps are pixels of y, `index` a tap.
static dn_crange forward(dn_emit *e, const dn_contract *c, int s, LLVMValueRef index, bool taps) {
    int64_t step = taps ? c->dilation[s] : c->stride[s];
    int64_t steps = taps ? c->kernel[s] : c->out[s];
    LLVMValueRef first = add(e, scale(e, index, taps ? c->stride[s] : c->dilation[s]), -c->lo[s]);
    LLVMValueRef begin = ceil_div(e, from(e, 0, first), step);
    LLVMValueRef end = ceil_div(e, from(e, c->image[s], first), step);
    return (dn_crange){.begin = at_least(e, begin, 0),
                       .end = at_most(e, end, steps),
                       .a = scale(e, first, pixel(c, c->image, c->channels, s)),
                       .b = dn_emit_i64(e, 0)};
}

// `index` is a pixel of the image. Its taps are tap, tap + apart, ...; they meet pixels out, out -
// by, ... of y.
static dn_crange backward(dn_emit *e, const dn_cplan *plan, int s, LLVMValueRef index) {
    const dn_contract *c = plan->contract;
    int64_t common = dn_gcd(c->stride[s], c->dilation[s]);
    int64_t apart = c->stride[s] / common, by = c->dilation[s] / common;
    LLVMValueRef place = add(e, index, c->lo[s]);
    LLVMValueRef shared = floor_div(e, place, common);
    LLVMValueRef tap = shared;
    if (apart == 1) {
        tap = dn_emit_i64(e, 0);
    } else {
        tap = LLVMBuildNSWSub(e->builder, tap, scale(e, floor_div(e, tap, apart), apart), "");
        tap = scale(e, tap, inverse(by, apart));
        tap = LLVMBuildURem(e->builder, tap, dn_emit_i64(e, apart), "");
    }
    LLVMValueRef out = LLVMBuildNSWSub(e->builder, shared, scale(e, tap, by), "");
    out = floor_div(e, out, apart);
    LLVMValueRef begin = ceil_div(e, add(e, out, 1 - c->out[s]), by);
    LLVMValueRef end = ceil_div(e, from(e, c->kernel[s], tap), apart);
    LLVMValueRef last = add(e, floor_div(e, out, by), 1);
    end = dn_emit_intrinsic(e, "llvm.smin", e->i64, (LLVMValueRef[]){end, last}, 2);
    if (common > 1) {  // pixels between those that taps can reach
        LLVMValueRef reached =
            LLVMBuildICmp(e->builder, LLVMIntEQ, scale(e, shared, common), place, "");
        end = LLVMBuildSelect(e->builder, reached, end, dn_emit_i64(e, 0), "");
    }
    int level = 0;
    while (plan->levels[level].spatial != s) level++;
    return (dn_crange){.begin = at_least(e, begin, 0),
                       .end = end,
                       .a = scale(e, out, pixel(c, c->out, c->filters, s)),
                       .b = scale(e, tap, plan->levels[level].b / apart)};
}

dn_crange dn_contract_range(dn_emit *e, const dn_cplan *plan, int s, LLVMValueRef index) {
    const dn_contract *c = plan->contract;
    if (c->op == DN_OP_CONV_INPUT) return backward(e, plan, s, index);
    return forward(e, c, s, index, c->op == DN_OP_CONV);
}
