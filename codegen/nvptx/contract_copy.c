// Copying the tiles of an operand from global to shared memory: without waiting, or through
// registers, where an operand is not kept there as it is.
#include "codegen/nvptx/contract.h"

static LLVMValueRef digit_of(dn_gemm *g, const dn_gcopy *copy, int v, int d) {
    LLVMValueRef digit = copy->digit[copy->walker[v]][d];
    return d == 0 ? dn_gemm_plus(g->e, digit, copy->ahead[v]) : digit;
}

// Whether the vector is inside the tensor, and all of its indices exist; NULL: yes.
static LLVMValueRef inside(dn_gemm *g, const dn_gcopy *copy, int v) {
    dn_emit *e = g->e;
    const dn_goperand *operand = copy->operand;
    LLVMValueRef exists = copy->exists[v];
    if (!g->plan->whole_steps)
        exists = dn_gemm_and(e, exists, dn_gemm_below(e, digit_of(g, copy, v, 0), copy->radix[0]));
    for (int s = 0; s < g->plan->contract->spatial; s++) {
        if (!operand->bounded[s]) continue;
        LLVMValueRef at = copy->coordinate[v][s];
        for (int d = 0; d < operand->k.n; d++)
            if (operand->k.list[d].spatial == s)
                at = dn_gemm_add(
                    e, at, dn_gemm_scale(e, digit_of(g, copy, v, d), operand->k.list[d].step));
        exists = dn_gemm_and(e, exists, dn_gemm_below(e, at, dn_gemm_i32(e, operand->limit[s])));
    }
    return exists;
}

static LLVMValueRef source_offset(dn_gemm *g, const dn_gcopy *copy, int v) {
    LLVMValueRef offset = copy->offset[v];
    for (int d = 0; d < copy->operand->k.n; d++)
        offset = dn_gemm_add(
            g->e, offset,
            dn_gemm_offset(g, digit_of(g, copy, v, d), copy->operand->k.list[d].stride));
    return offset;
}

// What does not exist is 0. Without `more` it does not matter what is read, but it must be there:
// the first elements.
static LLVMValueRef load(dn_gemm *g, const dn_gcopy *copy, LLVMValueRef offset, LLVMValueRef exists,
                         LLVMValueRef more) {
    dn_emit *e = g->e;
    dn_dtype dtype = g->plan->memory;
    int vector = copy->operand->vector;
    LLVMValueRef readable = dn_gemm_and(e, exists, more);
    offset = LLVMBuildSelect(e->builder, readable, offset, dn_gemm_no_offset(g), "");
    LLVMTypeRef type = dn_emit_over(e, dn_emit_memory(e, dtype), vector);
    LLVMValueRef from = dn_gemm_at(e, dn_emit_memory(e, dtype), copy->source, offset);
    LLVMValueRef value = LLVMBuildLoad2(e->builder, type, from, "");
    LLVMSetAlignment(value, (unsigned)vector * (unsigned)dn_dtype_size(dtype));
    if (exists) value = LLVMBuildSelect(e->builder, exists, value, LLVMConstNull(type), "");
    return value;
}

void dn_gemm_copy_load(dn_gemm *g, dn_gcopy *copy, LLVMValueRef tile, LLVMValueRef more) {
    dn_emit *e = g->e;
    LLVMTypeRef element = dn_emit_memory(e, g->plan->memory);
    int bytes = copy->operand->vector * (int)dn_dtype_size(g->plan->memory);
    bool async = dn_gemm_async(g->plan, copy->operand);
    for (int v = 0; v < copy->vectors; v++) {
        LLVMValueRef exists = inside(g, copy, v), offset = source_offset(g, copy, v);
        if (async)
            dn_gemm_copy_async(e, dn_gemm_at(e, e->i8, tile, copy->to[v]),
                               dn_gemm_at(e, element, copy->source, offset), bytes,
                               dn_gemm_and(e, exists, more));
        else
            copy->loaded[v] = load(g, copy, offset, exists, more);
    }
}

// As it is kept in shared memory.
static LLVMValueRef convert(dn_gemm *g, LLVMValueRef value) {
    dn_emit *e = g->e;
    int lanes = dn_emit_lanes(value);
    bool narrow = g->plan->memory == DN_BF16;
    if (g->plan->unit == DN_G_BF16) {
        LLVMTypeRef type = dn_emit_over(e, LLVMBFloatTypeInContext(e->context), lanes);
        return narrow ? value : LLVMBuildFPTrunc(e->builder, value, type, "");
    }
    if (narrow) return dn_emit_to_code(e, DN_BF16, value);
    return LLVMBuildZExt(e->builder, value, dn_emit_over(e, e->i32, lanes), "");
}

// Vector `row` of the transposed square that begins with `loaded`, rounded to tf32.
static LLVMValueRef turn(dn_gemm *g, LLVMValueRef const *loaded, int row) {
    dn_emit *e = g->e;
    LLVMTypeRef type = dn_emit_over(e, e->i32, DN_G_SQUARE);
    LLVMValueRef out = LLVMGetPoison(type);
    for (int i = 0; i < DN_G_SQUARE; i++) {
        LLVMValueRef one = LLVMBuildExtractElement(e->builder, loaded[i], dn_emit_i64(e, row), "");
        one = LLVMBuildBitCast(e->builder, one, e->i32, "");
        out = LLVMBuildInsertElement(e->builder, out, one, dn_emit_i64(e, i), "");
    }
    return dn_gemm_tf32(e, out);
}

void dn_gemm_copy_store(dn_gemm *g, dn_gcopy *copy, LLVMValueRef tile) {
    dn_emit *e = g->e;
    if (dn_gemm_async(g->plan, copy->operand)) return;
    for (int v = 0; v < copy->vectors; v++) {
        LLVMValueRef to = dn_gemm_at(e, e->i8, tile, copy->to[v]);
        LLVMValueRef value =
            copy->operand->turned
                ? turn(g, &copy->loaded[v / DN_G_SQUARE * DN_G_SQUARE], v % DN_G_SQUARE)
                : convert(g, copy->loaded[v]);
        LLVMValueRef store = LLVMBuildStore(e->builder, value, to);
        LLVMSetAlignment(store, (unsigned)(copy->operand->vector * g->plan->element));
    }
}

void dn_gemm_copy_round(dn_gemm *g, dn_gcopy *copy, LLVMValueRef tile, int part, int parts) {
    dn_emit *e = g->e;
    int lanes = copy->operand->vector;
    LLVMTypeRef type = dn_emit_over(e, e->i32, lanes);
    if (!dn_gemm_async(g->plan, copy->operand)) return;
    for (int v = part * copy->vectors / parts; v < (part + 1) * copy->vectors / parts; v++) {
        LLVMValueRef at = dn_gemm_at(e, e->i8, tile, copy->to[v]);
        LLVMValueRef value = LLVMBuildLoad2(e->builder, type, at, "");
        LLVMSetAlignment(value, 4 * (unsigned)lanes);
        value = dn_gemm_tf32(e, value);
        LLVMSetAlignment(LLVMBuildStore(e->builder, value, at), 4 * (unsigned)lanes);
    }
}
