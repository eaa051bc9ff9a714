// Which unit a thread has: numbers of blocks and threads to indices of axes.
#include "codegen/nvptx/loop.h"

LLVMValueRef dn_unit_number(dn_emit *e, int64_t value) {
    return LLVMConstInt(e->index, (unsigned long long)value, false);
}

static LLVMValueRef small(dn_emit *e, int value) {
    return LLVMConstInt(e->i32, (unsigned)value, false);
}

LLVMValueRef dn_unit_index(dn_emit *e, LLVMValueRef value) {
    return LLVMBuildIntCast2(e->builder, value, e->index, false, "");
}

// The next digit of *rest, which has `size` of them, least first.
LLVMValueRef dn_unit_digit(dn_emit *e, LLVMValueRef *rest, int64_t size) {
    LLVMValueRef own = LLVMBuildURem(e->builder, *rest, dn_unit_number(e, size), "");
    *rest = LLVMBuildUDiv(e->builder, *rest, dn_unit_number(e, size), "");
    return own;
}

void dn_unit_set_axis(dn_unit_thread *t, int axis, LLVMValueRef index, int multiple) {
    if (multiple > 1)
        index = LLVMBuildNSWMul(t->e->builder, index, dn_unit_number(t->e, multiple), "");
    t->at.index[axis] = index;
    t->known |= 1u << axis;
}

static void set_lanes(dn_unit_thread *t, LLVMValueRef index) {
    dn_unit_set_axis(t, t->plan->lane, index, t->plan->width);
    t->at.lanes = t->at.multiple = t->plan->width;
    t->at.axis = t->at.lanes > 1 ? t->plan->lane : -1;
}

// The outer axes, of a number that counts all their points.
static void set_outer(dn_unit_thread *t, LLVMValueRef rest) {
    const dn_unit_plan *p = t->plan;
    for (int i = p->n_outer - 1; i >= 0; i--) {
        int axis = p->outer[i];
        dn_unit_set_axis(t, axis, i ? dn_unit_digit(t->e, &rest, p->kernel.axes[axis].size) : rest,
                         1);
    }
}

void dn_unit_require(dn_unit_thread *t, LLVMValueRef condition) {
    t->exists = t->exists ? LLVMBuildAnd(t->e->builder, t->exists, condition, "") : condition;
}

static LLVMValueRef below(dn_unit_thread *t, LLVMValueRef value, int64_t limit) {
    return LLVMBuildICmp(t->e->builder, LLVMIntULT, value, dn_unit_number(t->e, limit), "");
}

// Units in a row: the lane axis last.
static void find_unit(dn_unit_thread *t) {
    const dn_unit_plan *p = t->plan;
    dn_emit *e = t->e;
    LLVMValueRef self = dn_nvptx_thread(e), block = dn_unit_index(e, dn_nvptx_block(e));
    LLVMValueRef divisor = small(e, p->near ? p->team : p->across);
    LLVMValueRef low = LLVMBuildURem(e->builder, self, divisor, "");
    LLVMValueRef high = LLVMBuildUDiv(e->builder, self, divisor, "");
    t->unit = p->near ? high : low;
    t->member = p->near ? low : high;
    LLVMValueRef rest = LLVMBuildNSWMul(e->builder, block, dn_unit_number(e, p->across), "");
    rest = LLVMBuildNSWAdd(e->builder, rest, dn_unit_index(e, t->unit), "");
    int64_t units = 1;
    for (int i = 0; i < p->n_outer; i++) units *= p->kernel.axes[p->outer[i]].size;
    int64_t wide = p->lane < 0 ? 1 : p->kernel.axes[p->lane].size / p->width;
    int64_t all = units * wide * p->owners;
    if (all % p->across) dn_unit_require(t, below(t, rest, all));
    if (p->owners > 1) {
        LLVMValueRef own = dn_unit_digit(e, &rest, units * wide);
        t->owner = rest;
        rest = own;
    }
    if (p->lane >= 0) set_lanes(t, p->n_outer ? dn_unit_digit(e, &rest, wide) : rest);
    set_outer(t, rest);
}

// A rectangle of units on the tile and lane axes.
static void find_unit_in_tile(dn_unit_thread *t) {
    const dn_unit_plan *p = t->plan;
    dn_emit *e = t->e;
    LLVMBuilderRef b = e->builder;
    LLVMValueRef self = dn_nvptx_thread(e), rest = dn_unit_index(e, dn_nvptx_block(e));
    int axes[] = {p->lane, p->tile}, each[] = {p->width, p->height};
    int threads[] = {p->across, p->down};
    LLVMValueRef own[] = {LLVMBuildURem(b, self, small(e, p->across), ""),
                          LLVMBuildUDiv(b, self, small(e, p->across), "")};
    for (int i = 0; i < 2; i++) {
        int64_t units = p->kernel.axes[axes[i]].size / each[i];
        int64_t blocks = (units + threads[i] - 1) / threads[i];
        LLVMValueRef index = dn_unit_digit(e, &rest, blocks);
        index = LLVMBuildNSWMul(b, index, dn_unit_number(e, threads[i]), "");
        index = LLVMBuildNSWAdd(b, index, dn_unit_index(e, own[i]), "");
        if (units % threads[i]) dn_unit_require(t, below(t, index, units));
        own[i] = index;
    }
    set_lanes(t, own[0]);
    dn_unit_set_axis(t, p->tile, own[1], p->height);
    t->known &= ~(1u << p->tile);  // each of the unit's points has its own
    set_outer(t, rest);
}

void dn_unit_find(dn_unit_thread *t) {
    if (t->plan->tile >= 0)
        find_unit_in_tile(t);
    else
        find_unit(t);
}
