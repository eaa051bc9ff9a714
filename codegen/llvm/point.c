// Loads, stores and values at points of a kernel's axes.
//
// A value that is the same in every lane is kept as a scalar (see dn_emit_values); it is spread
// over the lanes where it meets a vector.
#include "codegen/llvm/memory.h"

// ---- offsets ----

LLVMValueRef dn_emit_offset(dn_emit *e, const dn_access *access, const dn_point *at) {
    LLVMValueRef sum = NULL;
    int64_t constant = access->offset;
    for (int a = 0; a < e->kernel->n_axes; a++) {  // outer axes first, so that loops share sums
        LLVMValueRef index = at->index[a];
        if (!access->stride[a] || !index) continue;
        if (LLVMIsAConstantInt(index)) {
            constant += access->stride[a] * LLVMConstIntGetSExtValue(index);
            continue;
        }
        if (access->stride[a] != 1)
            index = LLVMBuildNSWMul(e->builder, index, dn_emit_i64(e, access->stride[a]), "");
        sum = sum ? LLVMBuildNSWAdd(e->builder, sum, index, "") : index;
    }
    if (!sum) return dn_emit_i64(e, constant);
    return constant ? LLVMBuildNSWAdd(e->builder, sum, dn_emit_i64(e, constant), "") : sum;
}

static int64_t lane_stride(const dn_access *access, const dn_point *at) {
    return at->lanes > 1 && at->axis >= 0 ? access->stride[at->axis] : 0;
}

// ---- values ----

// As an element of the dtype: integers saturate, NaN gives 0.
static double saturate(dn_dtype dtype, double number) {
    double low, high;
    switch (dtype) {
        case DN_U8: low = 0, high = UINT8_MAX; break;
        case DN_I32: low = INT32_MIN, high = INT32_MAX; break;
        default: return number;
    }
    return number != number ? 0 : number < low ? low : number > high ? high : number;
}

static LLVMValueRef constant(dn_emit *e, const dn_kvalue *v) {
    LLVMTypeRef type = dn_emit_scalar(e, v->dtype);
    if (v->dtype != DN_I64) return dn_emit_number(e, type, saturate(v->dtype, v->number));
    int64_t number = v->number != v->number ? 0
                     : v->number >= 0x1p63  ? INT64_MAX
                     : v->number <= -0x1p63 ? INT64_MIN
                                            : (int64_t)v->number;
    return dn_emit_i64(e, number);
}

// Whether an affine number over the kernel's axes always fits in an i32.
static bool fits_i32(const dn_kernel *kernel, const dn_access *access) {
    double most = (double)access->offset, least = most;
    for (int a = 0; a < kernel->n_axes; a++) {
        double last = (double)access->stride[a] * (double)(kernel->axes[a].size - 1);
        *(last > 0 ? &most : &least) += last;
    }
    return most <= INT32_MAX && least >= INT32_MIN;
}

// INDEX: computed in 32 bits where that is enough, which has twice the lanes.
static LLVMValueRef index_value(dn_emit *e, const dn_kvalue *v, const dn_point *at) {
    bool narrow = fits_i32(e->kernel, &v->access);
    int64_t stride = lane_stride(&v->access, at);
    LLVMTypeRef type = narrow ? e->i32 : e->i64;
    LLVMValueRef number = dn_emit_offset(e, &v->access, at);
    if (narrow) number = LLVMBuildTrunc(e->builder, number, type, "");
    if (stride) {
        LLVMValueRef lanes[64];
        for (int l = 0; l < at->lanes; l++)
            lanes[l] = LLVMConstInt(type, (unsigned long long)(l * stride), true);
        number = LLVMBuildNSWAdd(e->builder, dn_emit_splat(e, number, at->lanes),
                                 LLVMConstVector(lanes, (unsigned)at->lanes), "");
    }
    LLVMValueRef in[] = {number};
    return dn_emit_op(e, DN_OP_CAST, narrow ? DN_I32 : DN_I64, v->dtype, in);
}

static LLVMValueRef elementwise(dn_emit *e, const dn_kvalue *v, LLVMValueRef const *values) {
    LLVMValueRef in[3] = {0};
    for (int k = 0; k < 3; k++)
        if (v->in[k] >= 0) in[k] = values[v->in[k]];
    int typed = v->op == DN_OP_SELECT ? 1 : 0;  // the operand whose dtype is the op's
    return dn_emit_op(e, v->op, e->kernel->values[v->in[typed]].dtype, v->dtype, in);
}

void dn_emit_values(dn_emit *e, const dn_point *at, int first, int last, LLVMValueRef *values) {
    for (int i = first; i < last; i++) {
        const dn_kvalue *v = &e->kernel->values[i];
        if (values[i]) continue;
        switch (v->kind) {
            case DN_KV_ELEMENTWISE: values[i] = elementwise(e, v, values); break;
            case DN_KV_LOAD: {
                dn_place place = {.arg = v->arg, .stride = lane_stride(&v->access, at)};
                place.base = dn_emit_offset(e, &v->access, at);
                if (v->in[0] >= 0)
                    dn_place_row(e, &place, values[v->in[0]], e->kernel->values[v->in[0]].dtype,
                                 v->scale, v->rows, at);
                values[i] = dn_place_load(e, &place, at);
                break;
            }
            case DN_KV_CONST: values[i] = constant(e, v); break;
            case DN_KV_INDEX: values[i] = index_value(e, v, at); break;
            case DN_KV_RESULT: dn_panic(__FILE__, __LINE__, "a result before it is computed");
        }
    }
}

// ---- loads and stores ----

LLVMValueRef dn_emit_load(dn_emit *e, int arg, const dn_access *access, const dn_point *at) {
    dn_place place = {
        .arg = arg, .base = dn_emit_offset(e, access, at), .stride = lane_stride(access, at)};
    LLVMValueRef value = dn_place_load(e, &place, at);
    return dn_emit_lanes(value) == at->lanes ? value : dn_emit_splat(e, value, at->lanes);
}

void dn_emit_store(dn_emit *e, int arg, const dn_access *access, const dn_point *at,
                   LLVMValueRef value) {
    dn_place place = {
        .arg = arg, .base = dn_emit_offset(e, access, at), .stride = lane_stride(access, at)};
    dn_place_store(e, &place, at, value, false);
}

void dn_emit_stores(dn_emit *e, const dn_point *at, bool body, LLVMValueRef const *values) {
    const dn_kernel *kernel = e->kernel;
    for (int i = 0; i < kernel->n_stores; i++) {
        const dn_store *s = &kernel->stores[i];
        if ((s->value < kernel->n_body) != body) continue;
        dn_place place = {.arg = s->arg,
                          .base = dn_emit_offset(e, &s->access, at),
                          .stride = lane_stride(&s->access, at)};
        if (s->row >= 0)
            dn_place_row(e, &place, values[s->row], kernel->values[s->row].dtype, s->scale, s->rows,
                         at);
        dn_place_store(e, &place, at, values[s->value], s->add);
    }
}
