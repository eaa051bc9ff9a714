// LOOP kernels: tasks, outer loops, lanes. See loop.h.
//
// A value is computed as far outside as the axes that it depends on allow: points are independent,
// so no store of the kernel changes what is loaded there.
#include "codegen/x86/loop.h"

#include <string.h>

// Where emission stands: inside the loops over the axes that are known.
typedef struct nest {
    dn_emit *e;
    dn_loop_plan *plan;
    dn_point at;             // scalar
    uint32_t known;          // bits of axes
    LLVMValueRef *values;    // those known there, as scalars
    LLVMValueRef low, high;  // the task's part of the axis that is cut
    int vectors;             // of a strip
    LLVMValueRef tile;       // DN_TILE indices of the tile axis from here on; NULL: one
} nest;

LLVMValueRef *dn_loop_values(dn_loop_plan *plan, LLVMValueRef const *values) {
    size_t size = (size_t)plan->kernel.n_values * sizeof *values;
    LLVMValueRef *copy = dn_arena_alloc(&plan->arena, size + 1);
    if (values) memcpy(copy, values, size);
    return copy;
}

// ---- lanes ----

// A power of two, because LLVM keeps other vectors in scalars from one block to the next.
void dn_loop_lanes(dn_point *at, int axis, LLVMValueRef index, int count) {
    at->index[axis] = index;
    at->lanes = 1;
    while (at->lanes < count) at->lanes *= 2;
    at->exist = at->lanes > count ? count : 0;
    at->axis = at->lanes > 1 ? axis : -1;
}

// Everything at some consecutive points.
static void emit_pieces(nest *n, dn_piece *pieces, int count, uint32_t known) {
    const dn_kernel *k = n->e->kernel;
    bool reduces = n->plan->n_reduce || k->n_reductions;
    if (reduces) dn_loop_reduce(n->e, n->plan, pieces, count, known);
    for (int i = 0; i < count; i++) {
        const dn_piece *p = &pieces[i];
        if (!reduces) {
            dn_emit_values(n->e, &p->at, 0, k->n_body, p->values);
            dn_emit_stores(n->e, &p->at, true, p->values);
        }
        dn_emit_values(n->e, &p->at, k->n_body, k->n_values, p->values);
        dn_emit_stores(n->e, &p->at, false, p->values);
    }
}

// `count` points of the lane axis from `begin` on, at most one vector, at each index of a tile.
static void emit_tile(nest *n, LLVMValueRef begin, int count) {
    const dn_loop_plan *p = n->plan;
    dn_piece pieces[DN_TILE];
    for (int t = 0; t < DN_TILE; t++) {
        pieces[t] = (dn_piece){.at = n->at, .values = dn_loop_values(n->plan, n->values)};
        pieces[t].at.index[p->tile] =
            LLVMBuildNSWAdd(n->e->builder, n->tile, dn_emit_i64(n->e, t), "");
        dn_loop_lanes(&pieces[t].at, p->lane, begin, count);
    }
    if (count == p->width) dn_loop_transpose(n->e, p, pieces);
    emit_pieces(n, pieces, DN_TILE, n->known | 1u << p->lane | 1u << p->tile);
}

// `count` points of the lane axis from `begin` on: whole vectors, then one of what is left.
static void emit_strip(nest *n, LLVMValueRef begin, int count) {
    const dn_loop_plan *p = n->plan;
    dn_piece pieces[DN_MOST_PIECES];
    uint32_t known = n->known | 1u << p->lane;
    int used = 0;
    if (n->tile) {
        emit_tile(n, begin, count);
        return;
    }
    for (int done = 0; done < count; done += p->width, used++) {
        dn_piece *piece = &pieces[used];
        int left = count - done, lanes = left < p->width ? left : p->width;
        *piece = (dn_piece){.at = n->at, .values = dn_loop_values(n->plan, n->values)};
        LLVMValueRef index =
            done ? LLVMBuildNSWAdd(n->e->builder, begin, dn_emit_i64(n->e, done), "") : begin;
        dn_loop_lanes(&piece->at, p->lane, index, lanes);
        dn_emit_known(n->e, p->axes, &piece->at, known, 0, p->kernel.n_body, piece->values);
    }
    emit_pieces(n, pieces, used, known);
}

// The end of as many whole steps as fit between begin and end.
static LLVMValueRef whole_steps(nest *n, LLVMValueRef begin, LLVMValueRef end, int step) {
    LLVMBuilderRef b = n->e->builder;
    LLVMValueRef whole = LLVMBuildNSWSub(b, end, begin, "");
    LLVMValueRef rest = LLVMBuildSRem(b, whole, dn_emit_i64(n->e, step), "");
    return LLVMBuildNSWSub(b, end, rest, "");
}

// Strips of `count` points from `begin` on, as many as end before `end`; where that was.
static LLVMValueRef emit_strips(nest *n, LLVMValueRef begin, LLVMValueRef end, int count) {
    dn_loop loop;
    end = whole_steps(n, begin, end, count);
    dn_loop_begin(n->e, &loop, begin, end, dn_emit_i64(n->e, count), NULL, 0);
    emit_strip(n, loop.index, count);
    dn_loop_end(n->e, &loop);
    return end;
}

// The part [low, high) of the lane axis that the task has: low and, unless it is the axis's end,
// high are multiples of the width.
static void emit_cut_lanes(nest *n) {
    dn_emit *e = n->e;
    const dn_loop_plan *p = n->plan;
    int64_t size = p->kernel.axes[p->lane].size, rest = size % p->width;
    LLVMValueRef at = n->low;
    if (n->vectors > 1) at = emit_strips(n, at, n->high, n->vectors * p->width);
    emit_strips(n, at, n->high, p->width);
    if (!rest) return;
    LLVMValueRef last = LLVMBuildICmp(e->builder, LLVMIntEQ, n->high, dn_emit_i64(e, size), "");
    LLVMBasicBlockRef then = LLVMAppendBasicBlockInContext(e->context, e->function, "rest");
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, e->function, "after");
    LLVMBuildCondBr(e->builder, last, then, after);
    LLVMPositionBuilderAtEnd(e->builder, then);
    emit_strip(n, dn_emit_i64(e, size - rest), (int)rest);
    LLVMBuildBr(e->builder, after);
    LLVMPositionBuilderAtEnd(e->builder, after);
}

static void emit_whole_lanes(nest *n) {
    const dn_loop_plan *p = n->plan;
    int64_t size = p->kernel.axes[p->lane].size, strip = (int64_t)n->vectors * p->width;
    int64_t whole = size / strip * strip;
    if (whole == strip)
        emit_strip(n, dn_emit_i64(n->e, 0), (int)strip);
    else if (whole)
        emit_strips(n, dn_emit_i64(n->e, 0), dn_emit_i64(n->e, whole), (int)strip);
    if (whole < size) emit_strip(n, dn_emit_i64(n->e, whole), (int)(size - whole));
}

static void emit_points(nest *n) {
    const dn_loop_plan *p = n->plan;
    if (p->lane < 0 || dn_loop_lanes_reduce(p)) {
        dn_piece piece = {.at = n->at, .values = n->values};
        emit_pieces(n, &piece, 1, n->known);
    } else if (p->lane == p->cut && p->chunks > 1) {
        emit_cut_lanes(n);
    } else {
        emit_whole_lanes(n);
    }
}

// ---- outer loops ----

static void enter_axis(nest *n, int axis, LLVMValueRef index) {
    n->at.index[axis] = index;
    n->known |= 1u << axis;
}

static void hoist(nest *n) {
    n->values = dn_loop_values(n->plan, n->values);
    dn_emit_known(n->e, n->plan->axes, &n->at, n->known, 0, n->plan->kernel.n_values, n->values);
}

// The tiles between begin and end; where what is left begins.
static LLVMValueRef emit_tiles(const nest *n, LLVMValueRef begin, LLVMValueRef end) {
    nest inner = *n;
    dn_loop loop;
    end = whole_steps(&inner, begin, end, DN_TILE);
    dn_loop_begin(n->e, &loop, begin, end, dn_emit_i64(n->e, DN_TILE), NULL, 0);
    inner.tile = loop.index;
    emit_points(&inner);
    dn_loop_end(n->e, &loop);
    return end;
}

static void emit_loops(nest n, int depth) {
    const dn_loop_plan *p = n.plan;
    hoist(&n);
    if (depth == p->n_outer) {
        emit_points(&n);
        return;
    }
    int axis = p->outer[depth];
    bool cut = axis == p->cut;
    LLVMValueRef begin = cut ? n.low : dn_emit_i64(n.e, 0);
    LLVMValueRef end = cut ? n.high : dn_emit_i64(n.e, p->kernel.axes[axis].size);
    if (axis == p->tile) {
        begin = emit_tiles(&n, begin, end);
        if (p->kernel.axes[axis].size % DN_TILE == 0) return;
    }
    dn_loop loop;
    dn_loop_begin(n.e, &loop, begin, end, dn_emit_i64(n.e, 1), NULL, 0);
    nest inner = n;
    enter_axis(&inner, axis, loop.index);
    emit_loops(inner, depth + 1);
    dn_loop_end(n.e, &loop);
}

// ---- tasks ----

// Tasks [begin, end). Those that are neighbours on the axis that is cut run as one.
static void emit_tasks(nest n) {
    const dn_loop_plan *p = n.plan;
    LLVMBuilderRef b = n.e->builder;
    LLVMValueRef end = LLVMGetParam(n.e->function, 2), chunks = dn_emit_i64(n.e, p->chunks);
    dn_loop loop;
    dn_loop_begin(n.e, &loop, LLVMGetParam(n.e->function, 1), end, NULL, NULL, 0);
    LLVMValueRef outer = LLVMBuildUDiv(b, loop.index, chunks, "");
    LLVMValueRef part = LLVMBuildURem(b, loop.index, chunks, "");
    for (int i = p->whole - 1; i >= 0; i--) {
        LLVMValueRef size = dn_emit_i64(n.e, p->kernel.axes[p->outer[i]].size);
        enter_axis(&n, p->outer[i], LLVMBuildURem(b, outer, size, ""));
        outer = LLVMBuildUDiv(b, outer, size, "");
    }
    LLVMValueRef left[] = {LLVMBuildNSWSub(b, end, loop.index, ""),
                           LLVMBuildNSWSub(b, chunks, part, "")};
    LLVMValueRef count = dn_emit_intrinsic(n.e, "llvm.smin", n.e->i64, left, 2);
    LLVMValueRef chunk = dn_emit_i64(n.e, p->chunk), next = LLVMBuildNSWAdd(b, part, count, "");
    LLVMValueRef high[] = {LLVMBuildNSWMul(b, next, chunk, ""),
                           dn_emit_i64(n.e, p->kernel.axes[p->cut].size)};
    n.low = LLVMBuildNSWMul(b, part, chunk, "");
    n.high = dn_emit_intrinsic(n.e, "llvm.smin", n.e->i64, high, 2);
    emit_loops(n, p->whole);
    loop.step = count;
    dn_loop_end(n.e, &loop);
}

// Vectors of a strip: as many as have their sums in half of the registers.
static int vectors_of(const dn_loop_plan *p, const dn_x86 *target) {
    int registers = dn_slots(&p->kernel) * 64 / target->vector_bytes;
    int vectors = p->body > 32 ? 1 : p->body > 16 ? 2 : 4;
    if (p->lane < 0 || !p->n_reduce || !registers) return 1;
    while (vectors > 1 && (vectors * registers > target->registers / 2 ||
                           vectors * p->width > p->kernel.axes[p->lane].size))
        vectors /= 2;
    return vectors;
}

dn_status dn_x86_emit_loop(dn_emit *e, const dn_x86 *target) {
    dn_loop_plan plan;
    const dn_kernel *kernel = e->kernel;
    dn_loop_plan_make(kernel, &plan);
    e->kernel = &plan.kernel;
    nest n = {.e = e, .plan = &plan, .at = {.axis = -1, .lanes = 1}};
    n.vectors = vectors_of(&plan, target);
    hoist(&n);
    if (plan.cut >= 0)
        emit_tasks(n);
    else if (plan.tasks)
        emit_loops(n, 0);
    e->kernel = kernel;
    dn_loop_plan_free(&plan);
    return DN_SUCCESS;
}
