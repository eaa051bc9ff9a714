// The micro-kernel: rows x vectors of sums in registers over the whole reduction.
#include <string.h>

#include "codegen/x86/contract.h"

// ---- instructions ----

LLVMValueRef dn_c_add(dn_emit *e, LLVMValueRef a, LLVMValueRef b) {
    return LLVMBuildNSWAdd(e->builder, a, b, "");
}

LLVMValueRef dn_c_scale(dn_emit *e, LLVMValueRef x, int64_t by) {
    return by == 1 ? x : LLVMBuildNSWMul(e->builder, x, dn_emit_i64(e, by), "");
}

LLVMValueRef dn_c_min(dn_emit *e, LLVMValueRef a, LLVMValueRef b) {
    return dn_emit_intrinsic(e, "llvm.smin", e->i64, (LLVMValueRef[]){a, b}, 2);
}

LLVMValueRef dn_c_max(dn_emit *e, LLVMValueRef a, LLVMValueRef b) {
    return dn_emit_intrinsic(e, "llvm.smax", e->i64, (LLVMValueRef[]){a, b}, 2);
}

static LLVMValueRef call(dn_emit *e, const char *name, LLVMTypeRef *types, LLVMValueRef *operands) {
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, types, 2);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, types, 2);
    return LLVMBuildCall2(e->builder, type, function, operands, 4, "");
}

// As it is in memory.
static LLVMValueRef load(dn_emit *e, dn_dtype dtype, int lanes, LLVMValueRef address,
                         int64_t stride, LLVMValueRef mask) {
    LLVMTypeRef type = dn_emit_over(e, dn_emit_memory(e, dtype), lanes);
    LLVMValueRef align = LLVMConstInt(e->i32, dn_dtype_size(dtype), false);
    if (stride == 1 && !mask) {
        LLVMValueRef loaded = LLVMBuildLoad2(e->builder, type, address, "");
        LLVMSetAlignment(loaded, (unsigned)dn_dtype_size(dtype));
        return loaded;
    }
    if (!mask) mask = LLVMConstAllOnes(dn_emit_over(e, e->i1, lanes));
    LLVMValueRef zero = LLVMConstNull(type);
    if (stride == 1)
        return call(e, "llvm.masked.load", (LLVMTypeRef[]){type, e->ptr},
                    (LLVMValueRef[]){address, align, mask, zero});
    LLVMValueRef offsets[64];
    for (int i = 0; i < lanes; i++) offsets[i] = dn_emit_i64(e, i * stride);
    LLVMValueRef where =
        dn_emit_address(e, address, dtype, LLVMConstVector(offsets, (unsigned)lanes));
    return call(e, "llvm.masked.gather", (LLVMTypeRef[]){type, LLVMTypeOf(where)},
                (LLVMValueRef[]){where, align, mask, zero});
}

LLVMValueRef dn_c_load(dn_emit *e, dn_dtype dtype, int lanes, LLVMValueRef address, int64_t stride,
                       LLVMValueRef mask) {
    return dn_emit_to_code(e, dtype, load(e, dtype, lanes, address, stride, mask));
}

LLVMValueRef dn_c_multiply_add(dn_emit *e, dn_dtype dtype, LLVMValueRef a, LLVMValueRef b,
                               LLVMValueRef sum) {
    if (dn_dtype_is_float(dtype)) return dn_emit_fma(e, a, b, sum);
    return LLVMBuildAdd(e->builder, sum, LLVMBuildMul(e->builder, a, b, ""), "");
}

// ---- a step ----

LLVMValueRef dn_c_column(dn_emit *e, const dn_ctile *tile, LLVMValueRef b, int v) {
    return dn_emit_address(e, b, tile->b_dtype, dn_emit_i64(e, v * tile->column_b));
}

LLVMValueRef dn_c_row(dn_emit *e, const dn_cplan *p, const dn_ctile *tile, LLVMValueRef a, int m) {
    return dn_emit_address(e, a, tile->a_dtype, dn_emit_i64(e, m * p->row_a));
}

// A step loads one vector of B for each column vector and broadcasts one element of A for each row.
static void outer_step(dn_emit *e, const dn_cplan *p, dn_ctile *tile, LLVMValueRef a,
                       LLVMValueRef b) {
    LLVMValueRef columns[DN_C_VECTORS];
    for (int v = 0; v < tile->vectors; v++) {
        LLVMValueRef mask = v == tile->vectors - 1 && !tile->whole ? tile->mask : NULL;
        columns[v] = dn_c_load(e, tile->b_dtype, tile->lanes, dn_c_column(e, tile, b, v),
                               tile->b_lane, mask);
    }
    if (p->prefetch)
        dn_contract_prefetch(
            e, dn_emit_address(e, a, tile->a_dtype, dn_emit_i64(e, dn_contract_next(p, true))));
    for (int m = 0; m < tile->rows; m++) {
        LLVMValueRef row = dn_c_row(e, p, tile, a, m);
        LLVMValueRef element = NULL;
        if (!p->a_lane)
            element = dn_emit_splat(e, dn_c_load(e, tile->a_dtype, 1, row, 1, NULL), tile->lanes);
        for (int v = 0; v < tile->vectors; v++) {
            if (p->a_lane) {
                LLVMValueRef mask = v == tile->vectors - 1 ? tile->mask : NULL;
                LLVMValueRef at =
                    dn_emit_address(e, row, tile->a_dtype, dn_emit_i64(e, v * tile->lanes));
                element = dn_c_load(e, tile->a_dtype, tile->lanes, at, 1, mask);
            }
            LLVMValueRef *sum = &tile->sum[m][v];
            *sum = dn_c_multiply_add(e, p->dtype, element, columns[v], *sum);
        }
    }
}

// A step loads one vector of A for each row and one of B for each column.
static void inner_step(dn_emit *e, const dn_cplan *p, dn_ctile *tile, LLVMValueRef a,
                       LLVMValueRef b, LLVMValueRef mask) {
    LLVMValueRef columns[DN_C_VECTORS];
    for (int v = 0; v < tile->vectors; v++) {
        LLVMValueRef at = dn_c_column(e, tile, b, v);
        columns[v] = dn_c_load(e, tile->b_dtype, tile->lanes, at, 1, mask);
    }
    for (int m = 0; m < tile->rows; m++) {
        LLVMValueRef at = dn_c_row(e, p, tile, a, m);
        LLVMValueRef row = dn_c_load(e, tile->a_dtype, tile->lanes, at, 1, mask);
        for (int v = 0; v < tile->vectors; v++)
            tile->sum[m][v] = dn_c_multiply_add(e, p->dtype, row, columns[v], tile->sum[m][v]);
    }
}

void dn_contract_step(dn_emit *e, const dn_cplan *p, dn_ctile *tile, LLVMValueRef a, LLVMValueRef b,
                      LLVMValueRef mask) {
    if (p->inner)
        inner_step(e, p, tile, a, b, mask);
    else if (p->pairs)
        dn_contract_pair_step(e, p, tile, a, b);
    else
        outer_step(e, p, tile, a, b);
}

// ---- adding lanes ----

// The sums of lanes i and i + width / 2 of every group of `width` lanes of u, and then of v (NULL:
// u alone).
static LLVMValueRef halve(dn_emit *e, dn_dtype dtype, LLVMValueRef u, LLVMValueRef v, int width) {
    int lanes = dn_emit_lanes(u), count = (v ? 2 * lanes : lanes) / 2;
    LLVMValueRef low[64], high[64];
    for (int i = 0; i < count; i++) {
        int at = i / (width / 2) * width + i % (width / 2);
        low[i] = LLVMConstInt(e->i32, (unsigned)at, false);
        high[i] = LLVMConstInt(e->i32, (unsigned)(at + width / 2), false);
    }
    if (!v) v = LLVMGetPoison(LLVMTypeOf(u));
    LLVMValueRef a =
        LLVMBuildShuffleVector(e->builder, u, v, LLVMConstVector(low, (unsigned)count), "");
    LLVMValueRef b =
        LLVMBuildShuffleVector(e->builder, u, v, LLVMConstVector(high, (unsigned)count), "");
    return dn_dtype_is_float(dtype) ? LLVMBuildFAdd(e->builder, a, b, "")
                                    : LLVMBuildAdd(e->builder, a, b, "");
}

LLVMValueRef dn_contract_fold(dn_emit *e, dn_dtype dtype, LLVMValueRef *rows, int n) {
    for (int width = dn_emit_lanes(rows[0]); width > 1; width /= 2) {
        for (int i = 0; i < (n + 1) / 2; i++)
            rows[i] =
                halve(e, dtype, rows[n > 1 ? 2 * i : 0], n > 1 ? rows[2 * i + 1] : NULL, width);
        if (n > 1) n /= 2;
    }
    if (dn_emit_lanes(rows[0]) > 1) return rows[0];
    return LLVMBuildExtractElement(e->builder, rows[0], dn_emit_i64(e, 0), "");
}
