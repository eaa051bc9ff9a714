// Copies of a chunk on the stack, for weight gradients.
#include "codegen/x86/contract.h"

int64_t dn_contract_a_elements(const dn_cplan *p) {
    const dn_contract *c = p->contract;
    int64_t images = 1;
    for (int l = 0; l < p->n_levels; l++)
        if (p->levels[l].axis < 0) images = p->levels[l].chunk;
    int64_t count = images * c->channels;
    for (int s = 0; s < c->spatial; s++) count *= p->extent[s];
    return count;
}

int64_t dn_contract_b_step(const dn_cplan *p, int level) {
    int64_t step = 1;
    for (int l = level + 1; l < p->n_levels; l++) step *= p->levels[l].chunk;
    return step;
}

int64_t dn_contract_b_steps(const dn_cplan *p) {
    return p->levels[0].chunk * dn_contract_b_step(p, 0);
}

// Asks for the line of memory at an address that will be read during the next chunk.
void dn_contract_prefetch(dn_emit *e, LLVMValueRef address) {
    unsigned id = LLVMLookupIntrinsicID("llvm.prefetch", 13);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(e->module, id, &e->ptr, 1);
    LLVMTypeRef type = LLVMIntrinsicGetType(e->context, id, &e->ptr, 1);
    LLVMValueRef read = LLVMConstInt(e->i32, 0, false), data = LLVMConstInt(e->i32, 1, false);
    LLVMValueRef second_level = LLVMConstInt(e->i32, 2, false);
    LLVMValueRef operands[] = {address, read, second_level, data};
    LLVMBuildCall2(e->builder, type, function, operands, 4, "");
}

// Elements of B (or A) from a chunk to the next.
int64_t dn_contract_next(const dn_cplan *p, bool of_a) {
    for (int l = p->n_levels - 1; l >= 0; l--) {
        const dn_clevel *level = &p->levels[l];
        if (level->chunk < level->size) return level->chunk * (of_a ? level->a : level->b);
    }
    return 0;
}

// ---- B: the columns of a tile, side by side ----

static void copy_columns(dn_emit *e, const dn_ccopy *copy, LLVMValueRef from, LLVMValueRef to) {
    const dn_cplan *p = copy->plan;
    for (int v = 0; v < copy->vectors; v++) {
        LLVMValueRef at = dn_emit_i64(e, v * copy->lanes);
        LLVMValueRef source = dn_emit_address(e, copy->source, p->b_dtype, dn_c_add(e, from, at));
        LLVMValueRef mask = v == copy->vectors - 1 ? copy->mask : NULL;
        if (dn_contract_next(p, false))
            dn_contract_prefetch(e, dn_emit_address(e, source, p->b_dtype,
                                                    dn_emit_i64(e, dn_contract_next(p, false))));
        LLVMValueRef value = dn_c_load(e, p->b_dtype, copy->lanes, source, 1, mask);
        LLVMBuildStore(e->builder, value,
                       dn_emit_address(e, copy->buffer, p->dtype, dn_c_add(e, to, at)));
    }
}

static void copy_level(dn_emit *e, const dn_ccopy *copy, int l, LLVMValueRef from,
                       LLVMValueRef to) {
    const dn_cplan *p = copy->plan;
    if (l == p->n_levels) {
        copy_columns(e, copy, from, to);
        return;
    }
    dn_loop loop;
    dn_loop_begin(e, &loop, copy->from[l], copy->to[l], dn_emit_i64(e, 1), NULL, 0);
    LLVMValueRef step = LLVMBuildNSWSub(e->builder, loop.index, copy->from[l], "");
    int64_t stride = dn_contract_b_step(p, l) * copy->vectors * copy->lanes;
    copy_level(e, copy, l + 1, dn_c_add(e, from, dn_c_scale(e, loop.index, p->levels[l].b)),
               dn_c_add(e, to, dn_c_scale(e, step, stride)));
    dn_loop_end(e, &loop);
}

void dn_contract_copy_b(dn_emit *e, const dn_ccopy *copy) {
    copy_level(e, copy, 0, copy->first, dn_emit_i64(e, 0));
}

// ---- A: with its padding ----

typedef struct padder {
    dn_emit *e;
    const dn_ccopy *copy;
    LLVMValueRef base[DN_MAX_SPATIAL];  // coordinate in the image of the copy's first pixel
} padder;

static int64_t pixels_inside(const int64_t *sizes, int s, int spatial) {
    int64_t count = 1;
    for (int i = s + 1; i < spatial; i++) count *= sizes[i];
    return count;
}

static void clear(padder *p, LLVMValueRef to, LLVMValueRef begin, LLVMValueRef end) {
    dn_emit *e = p->e;
    const dn_cplan *plan = p->copy->plan;
    int64_t channels = plan->contract->channels;
    unsigned align = (unsigned)dn_dtype_size(plan->dtype);
    LLVMValueRef at = dn_c_add(e, to, dn_c_scale(e, begin, channels));
    LLVMValueRef count = LLVMBuildNSWSub(e->builder, end, begin, "");
    LLVMBuildMemSet(e->builder, dn_emit_address(e, p->copy->buffer, plan->dtype, at),
                    LLVMConstNull(e->i8), dn_c_scale(e, count, channels * (int64_t)align), align);
}

// The last axis: padding, the pixels inside (inside: i1, whether there are any), padding.
static void pad_run(padder *p, LLVMValueRef inside, LLVMValueRef from, LLVMValueRef to) {
    dn_emit *e = p->e;
    const dn_cplan *plan = p->copy->plan;
    const dn_contract *c = plan->contract;
    int last = c->spatial - 1;
    LLVMValueRef zero = dn_emit_i64(e, 0), extent = dn_emit_i64(e, plan->extent[last]);
    LLVMValueRef base = p->base[last];
    LLVMValueRef begin = LLVMBuildNSWSub(e->builder, zero, base, "");
    LLVMValueRef end = dn_c_add(e, begin, dn_emit_i64(e, c->image[last]));
    begin = dn_c_min(e, dn_c_max(e, begin, zero), extent);
    end = dn_c_max(e, dn_c_min(e, end, extent), begin);
    end = LLVMBuildSelect(e->builder, inside, end, begin, "");
    clear(p, to, zero, begin);
    unsigned align = (unsigned)dn_dtype_size(plan->dtype);
    LLVMValueRef source = dn_c_add(e, from, dn_c_scale(e, dn_c_add(e, base, begin), c->channels));
    LLVMValueRef target = dn_c_add(e, to, dn_c_scale(e, begin, c->channels));
    LLVMValueRef count = LLVMBuildNSWSub(e->builder, end, begin, "");
    LLVMBuildMemCpy(e->builder, dn_emit_address(e, p->copy->buffer, plan->dtype, target), align,
                    dn_emit_address(e, p->copy->source, plan->dtype, source), align,
                    dn_c_scale(e, count, c->channels * (int64_t)align));
    clear(p, to, end, extent);
}

static void pad_axis(padder *p, int s, LLVMValueRef inside, LLVMValueRef from, LLVMValueRef to) {
    dn_emit *e = p->e;
    const dn_cplan *plan = p->copy->plan;
    const dn_contract *c = plan->contract;
    if (s == c->spatial - 1) {
        pad_run(p, inside, from, to);
        return;
    }
    dn_loop loop;
    dn_loop_begin(e, &loop, dn_emit_i64(e, 0), dn_emit_i64(e, plan->extent[s]), dn_emit_i64(e, 1),
                  NULL, 0);
    LLVMValueRef at = dn_c_add(e, loop.index, p->base[s]);
    LLVMValueRef in = LLVMBuildICmp(e->builder, LLVMIntULT, at, dn_emit_i64(e, c->image[s]), "");
    from =
        dn_c_add(e, from, dn_c_scale(e, at, pixels_inside(c->image, s, c->spatial) * c->channels));
    to = dn_c_add(
        e, to, dn_c_scale(e, loop.index, pixels_inside(plan->extent, s, c->spatial) * c->channels));
    pad_axis(p, s + 1, LLVMBuildAnd(e->builder, inside, in, ""), from, to);
    dn_loop_end(e, &loop);
}

void dn_contract_copy_a(dn_emit *e, const dn_ccopy *copy) {
    const dn_cplan *plan = copy->plan;
    const dn_contract *c = plan->contract;
    padder p = {.e = e, .copy = copy};
    int images = 0;
    for (int l = 0; l < plan->n_levels; l++) {
        int s = plan->levels[l].axis;
        if (s < 0) images = l;
        if (s >= 0)
            p.base[s] =
                dn_c_add(e, dn_c_scale(e, copy->from[l], c->stride[s]), dn_emit_i64(e, -c->lo[s]));
    }
    dn_loop loop;
    dn_loop_begin(e, &loop, copy->from[images], copy->to[images], dn_emit_i64(e, 1), NULL, 0);
    LLVMValueRef image = LLVMBuildNSWSub(e->builder, loop.index, copy->from[images], "");
    int64_t pixels = pixels_inside(c->image, -1, c->spatial);
    LLVMValueRef from = dn_c_add(e, copy->first, dn_c_scale(e, loop.index, pixels * c->channels));
    LLVMValueRef to = dn_c_scale(e, image, plan->levels[images].a);
    pad_axis(&p, 0, LLVMConstInt(e->i1, 1, false), from, to);
    dn_loop_end(e, &loop);
}
