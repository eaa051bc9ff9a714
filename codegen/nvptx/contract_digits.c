// Digits: fewer of them, and which elements are neighbours.
#include "codegen/nvptx/contract.h"

// ---- coordinates that are never outside ----

// Whether the coordinate of axis s is inside whatever the digits, in every phase.
static bool always_inside(const dn_gplan *p, const dn_goperand *operand, int s) {
    int64_t low = operand->origin[s], high = low;
    for (int i = 0; i < p->n_outer; i++) {
        const dn_gouter *outer = &p->outer[i];
        if (outer->kind != DN_G_PHASE || outer->axis != s) continue;
        low = INT64_MAX, high = INT64_MIN;
        for (int64_t pixel = 0; pixel < outer->size; pixel++) {
            dn_gphase phase = dn_gemm_phase(p->contract, s, pixel);
            if (phase.out < low) low = phase.out;
            if (phase.out > high) high = phase.out;
        }
    }
    const dn_gdigits *both[] = {&operand->free, &operand->k};
    for (int i = 0; i < 2; i++)
        for (int d = 0; d < both[i]->n; d++) {
            const dn_gdigit *digit = &both[i]->list[d];
            if (digit->spatial != s || digit->size < 1) continue;
            int64_t last = digit->step * (digit->size - 1);
            *(last > 0 ? &high : &low) += last;
        }
    return low >= 0 && high < operand->limit[s];
}

static void forget(dn_gdigits *digits, int s) {
    for (int d = 0; d < digits->n; d++)
        if (digits->list[d].spatial == s) digits->list[d].spatial = -1;
}

// ---- fewer digits ----

static void merge(dn_gdigits *digits) {
    dn_gdigits out = {.n = 0};
    for (int d = 0; d < digits->n; d++) {
        dn_gdigit digit = digits->list[d];
        if (digit.size == 1 && !digit.phased) continue;
        dn_gdigit *before = out.n ? &out.list[out.n - 1] : NULL;
        bool plain = digit.spatial < 0 && !digit.phased;
        if (before && plain && before->spatial < 0 && !before->phased &&
            before->stride == digit.stride * digit.size) {
            before->size *= digit.size;
            before->stride = digit.stride;
            continue;
        }
        out.list[out.n++] = digit;
    }
    if (!out.n) out.list[out.n++] = (dn_gdigit){.size = 1, .stride = 1, .spatial = -1};
    *digits = out;
}

void dn_gemm_simplify(const dn_gplan *p, dn_goperand *operand) {
    for (int s = 0; s < p->contract->spatial; s++) {
        if (!operand->bounded[s] || !always_inside(p, operand, s)) continue;
        operand->bounded[s] = false;
        forget(&operand->free, s);
        forget(&operand->k, s);
    }
    merge(&operand->free);
    merge(&operand->k);
}

// ---- neighbours ----

static bool strides_divide(const dn_gdigits *digits, const dn_gdigit *but, int64_t by) {
    for (int d = 0; d < digits->n; d++)
        if (&digits->list[d] != but && digits->list[d].stride % by) return false;
    return true;
}

static bool divides(const dn_gplan *p, const dn_goperand *operand, bool b, const dn_gdigit *inner,
                    int64_t by) {
    if (inner->size % by || operand->offset % by) return false;
    if (!strides_divide(&operand->free, inner, by)) return false;
    if (!strides_divide(&operand->k, inner, by)) return false;
    for (int i = 0; i < p->n_outer; i++)
        if ((b ? p->outer[i].b : p->outer[i].a) % by) return false;
    for (int s = 0; s < p->contract->spatial; s++)
        if (operand->phase_offset[s] % by) return false;
    return true;
}

int dn_gemm_vector(const dn_gplan *p, const dn_goperand *operand, bool b, bool along_k) {
    const dn_gdigit *inner = dn_gemm_last(along_k ? &operand->k : &operand->free);
    int size = (int)dn_dtype_size(p->memory);
    bool together = p->memory == DN_BF16 || size >= 4;
    if (inner->stride != 1 || inner->spatial >= 0 || inner->phased || !together) return 1;
    int vector = DN_G_CHUNK / (size > p->element ? size : p->element);
    while (vector > 1 && !divides(p, operand, b, inner, vector)) vector /= 2;
    return vector;
}
