// Loads, stores and values at points of a kernel's axes.
//
// A value that is the same in every lane is kept as a scalar (see dn_emit_values); it is spread
// over the lanes where it meets a vector.
#include "codegen/llvm/memory.h"

// ---- offsets ----

static LLVMValueRef index_number(dn_emit *e, int64_t value) {
    return LLVMConstInt(e->index, (unsigned long long)value, true);
}

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
        index = LLVMBuildIntCast2(e->builder, index, e->index, true, "");
        if (access->stride[a] != 1)
            index = LLVMBuildNSWMul(e->builder, index, index_number(e, access->stride[a]), "");
        sum = sum ? LLVMBuildNSWAdd(e->builder, sum, index, "") : index;
    }
    if (!sum) return index_number(e, constant);
    return constant ? LLVMBuildNSWAdd(e->builder, sum, index_number(e, constant), "") : sum;
}

static int64_t lane_stride(const dn_access *access, const dn_point *at) {
    return at->lanes > 1 && at->axis >= 0 ? access->stride[at->axis] : 0;
}

// The greatest power of two up to e->alignment that divides the first lane's offset, in elements.
static int alignment_of(dn_emit *e, int arg, const dn_access *access, const dn_point *at) {
    size_t size = dn_dtype_size(e->kernels->buffers[e->kernel->args[arg]].dtype);
    int align = e->alignment / (int)size;
    if (align < 2 || at->axis < 0) return 0;
    int64_t all = access->offset | access->stride[at->axis] * (at->multiple ? at->multiple : 1);
    for (int a = 0; a < e->kernel->n_axes; a++)
        if (a != at->axis && at->index[a]) all |= access->stride[a];
    while (align > 1 && all % align) align /= 2;
    return align;
}

static dn_place place_of(dn_emit *e, int arg, const dn_access *access, const dn_point *at) {
    return (dn_place){.arg = arg,
                      .base = dn_emit_offset(e, access, at),
                      .stride = lane_stride(access, at),
                      .align = alignment_of(e, arg, access, at)};
}

// ---- values ----

// As an element of the dtype: integers saturate, NaN gives 0; bf16 is rounded.
static double element_of(dn_dtype dtype, double number) {
    double low, high;
    switch (dtype) {
        case DN_BF16: return (double)dn_bf16_to_f32(dn_bf16_from_f32((float)number));
        case DN_U8: low = 0, high = UINT8_MAX; break;
        case DN_I32: low = INT32_MIN, high = INT32_MAX; break;
        default: return number;
    }
    return number != number ? 0 : number < low ? low : number > high ? high : number;
}

static LLVMValueRef constant(dn_emit *e, const dn_kvalue *v) {
    LLVMTypeRef type = dn_emit_scalar(e, v->dtype);
    if (v->dtype != DN_I64) return dn_emit_number(e, type, element_of(v->dtype, v->number));
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
    LLVMValueRef first = dn_emit_offset(e, &v->access, at);
    first = LLVMBuildIntCast2(e->builder, first, type, true, "");
    if (stride) {
        LLVMValueRef lanes[64];
        for (int l = 0; l < at->lanes; l++)
            lanes[l] = LLVMConstInt(type, (unsigned long long)(l * stride), true);
        first = LLVMBuildNSWAdd(e->builder, dn_emit_splat(e, first, at->lanes),
                                LLVMConstVector(lanes, (unsigned)at->lanes), "");
    }
    LLVMValueRef in[] = {first};
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
                dn_place place = place_of(e, v->arg, &v->access, at);
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

void dn_emit_known(dn_emit *e, const uint32_t *axes, const dn_point *at, uint32_t known, int first,
                   int last, LLVMValueRef *values) {
    for (int i = first; i < last; i++)
        if (!(axes[i] & ~known)) dn_emit_values(e, at, i, i + 1, values);
}

// ---- loads and stores ----

LLVMValueRef dn_emit_load(dn_emit *e, int arg, const dn_access *access, const dn_point *at) {
    dn_place place = place_of(e, arg, access, at);
    LLVMValueRef value = dn_place_load(e, &place, at);
    return dn_emit_lanes(value) == at->lanes ? value : dn_emit_splat(e, value, at->lanes);
}

void dn_emit_store(dn_emit *e, int arg, const dn_access *access, const dn_point *at,
                   LLVMValueRef value) {
    dn_place place = place_of(e, arg, access, at);
    dn_place_store(e, &place, at, value, false);
}

void dn_emit_stores(dn_emit *e, const dn_point *at, bool body, LLVMValueRef const *values) {
    const dn_kernel *kernel = e->kernel;
    for (int i = 0; i < kernel->n_stores; i++) {
        const dn_store *s = &kernel->stores[i];
        if ((s->value < kernel->n_body) != body) continue;
        dn_place place = place_of(e, s->arg, &s->access, at);
        if (s->row >= 0)
            dn_place_row(e, &place, values[s->row], kernel->values[s->row].dtype, s->scale, s->rows,
                         at);
        dn_place_store(e, &place, at, values[s->value], s->add);
    }
}
