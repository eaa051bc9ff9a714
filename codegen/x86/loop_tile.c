// Reading across the lanes. An element at a time from as many cache lines as there are lanes is
// slow; so a tile of DN_TILE x lanes elements is read in the direction in which they are
// neighbours and transposed in registers.
#include "codegen/x86/loop.h"

bool dn_loop_across(const dn_loop_plan *plan, int i) {
    const dn_kvalue *v = &plan->kernel.values[i];
    if (v->kind != DN_KV_LOAD || v->in[0] >= 0 || plan->tile < 0) return false;
    int64_t stride = v->access.stride[plan->lane];
    return (stride < -1 || stride > 1) && v->access.stride[plan->tile] == 1;
}

static LLVMValueRef shuffle(dn_emit *e, LLVMValueRef a, LLVMValueRef b, const int *order, int n) {
    LLVMValueRef lanes[64];
    for (int l = 0; l < n; l++)
        lanes[l] = LLVMConstInt(e->i32, (unsigned long long)order[l], false);
    return LLVMBuildShuffleVector(e->builder, a, b, LLVMConstVector(lanes, (unsigned)n), "");
}

// a[0] b[0] a[1] b[1] ... of the lower or upper halves.
static LLVMValueRef zip(dn_emit *e, LLVMValueRef a, LLVMValueRef b, bool upper) {
    int order[DN_TILE];
    for (int l = 0; l < DN_TILE; l++)
        order[l] = l / 2 + (upper ? DN_TILE / 2 : 0) + l % 2 * DN_TILE;
    return shuffle(e, a, b, order, DN_TILE);
}

// `n` vectors, `n` a power of two, to one.
static LLVMValueRef concatenate(dn_emit *e, const LLVMValueRef *parts, int n) {
    if (n == 1) return parts[0];
    int order[64];
    for (int l = 0; l < n * DN_TILE; l++) order[l] = l;
    return shuffle(e, concatenate(e, parts, n / 2), concatenate(e, parts + n / 2, n / 2), order,
                   n * DN_TILE);
}

// rows[n] of DN_TILE lanes to columns[DN_TILE] of n lanes. Zipping both halves of all elements
// rotates the bits of their positions by one; log2(n) times swap row and column.
static void transpose(dn_emit *e, LLVMValueRef *rows, int n, LLVMValueRef *columns) {
    for (int stage = 1; stage < n; stage *= 2) {
        LLVMValueRef next[64];
        for (int k = 0; k < n; k++) next[k] = zip(e, rows[k / 2], rows[k / 2 + n / 2], k % 2);
        for (int k = 0; k < n; k++) rows[k] = next[k];
    }
    for (int t = 0; t < DN_TILE; t++)
        columns[t] = concatenate(e, rows + t * (n / DN_TILE), n / DN_TILE);
}

void dn_loop_transpose(dn_emit *e, const dn_loop_plan *plan, dn_piece *pieces) {
    for (int i = 0; i < plan->kernel.n_values; i++) {
        const dn_kvalue *v = &plan->kernel.values[i];
        if (pieces[0].values[i] || !dn_loop_across(plan, i)) continue;
        LLVMValueRef rows[64], columns[DN_TILE];
        for (int l = 0; l < plan->width; l++) {
            dn_point at = pieces[0].at;
            LLVMValueRef lane = dn_emit_i64(e, l);
            at.index[plan->lane] = LLVMBuildNSWAdd(e->builder, at.index[plan->lane], lane, "");
            at.axis = plan->tile;
            at.lanes = DN_TILE;
            rows[l] = dn_emit_load(e, v->arg, &v->access, &at);
        }
        transpose(e, rows, plan->width, columns);
        for (int t = 0; t < DN_TILE; t++) pieces[t].values[i] = columns[t];
    }
}
