// What a thread copies of the tiles of an operand: where it is in global and in shared memory.
//
// A thread copies a few vectors of a tile, at the same places in each. What the free index gives to
// their offsets and coordinates is computed once; the digits of k walk on by the steps of a tile,
// with carries, so that nothing is divided on the way.
#include "codegen/nvptx/contract.h"

// ---- numbers of mixed radix ----

void dn_gemm_split(dn_emit *e, LLVMValueRef number, LLVMValueRef const *radix, int n,
                   LLVMValueRef *digits) {
    for (int d = n - 1; d > 0; d--) {
        digits[d] = LLVMBuildURem(e->builder, number, radix[d], "");
        number = LLVMBuildUDiv(e->builder, number, radix[d], "");
    }
    digits[0] = number;
}

static LLVMValueRef radix_of(dn_gemm *g, const dn_gdigit *digit) {
    dn_emit *e = g->e;
    if (!digit->phased) return dn_gemm_i32(e, digit->size > 0 ? digit->size : 1);
    LLVMValueRef least[] = {g->taps[digit->axis], dn_gemm_i32(e, 1)};
    return dn_emit_intrinsic(e, "llvm.smax", e->i32, least, 2);
}

LLVMValueRef dn_gemm_offset(dn_gemm *g, LLVMValueRef digit, int64_t stride) {
    return dn_gemm_scale(g->e, g->plan->wide ? dn_gemm_wide(g->e, digit) : digit, stride);
}

LLVMValueRef dn_gemm_no_offset(dn_gemm *g) {
    return g->plan->wide ? dn_emit_i64(g->e, 0) : dn_gemm_i32(g->e, 0);
}

// ---- where a vector is in shared memory ----

int dn_gemm_pitch(const dn_gplan *plan, const dn_goperand *operand, int free) {
    return (operand->k_major ? plan->tile.steps : free) * plan->element;
}

// What the number of a chunk is exchanged with, from the row's; NULL: nothing.
static LLVMValueRef exchange(dn_gemm *g, const dn_goperand *operand, int pitch, LLVMValueRef row) {
    dn_emit *e = g->e;
    int chunks = pitch / DN_G_CHUNK, per_line = chunks < 8 ? 8 / chunks : 1;
    if (!operand->k_major && g->plan->unit == DN_G_FMA) return NULL;
    if (chunks < 2) return NULL;
    if (!operand->k_major && g->plan->unit == DN_G_TF32) {  // pairs of chunks are read together
        if (chunks < 4) return NULL;
        row = dn_gemm_rest(e, dn_gemm_divide(e, row, per_line), chunks < 8 ? chunks / 2 : 4);
        return dn_gemm_scale(e, row, 2);
    }
    return dn_gemm_rest(e, dn_gemm_divide(e, row, per_line), chunks < 8 ? chunks : 8);
}

LLVMValueRef dn_gemm_swizzle(dn_gemm *g, const dn_goperand *operand, int pitch, LLVMValueRef row,
                             LLVMValueRef chunk) {
    LLVMValueRef with = exchange(g, operand, pitch, row);
    return with ? LLVMBuildXor(g->e->builder, chunk, with, "") : chunk;
}

// ---- what the free index gives ----

static void place_free(dn_gemm *g, dn_gcopy *copy, int v, LLVMValueRef index, bool b) {
    dn_emit *e = g->e;
    const dn_goperand *operand = copy->operand;
    const dn_gdigits *free = &operand->free;
    LLVMValueRef radix[DN_G_DIGITS], digits[DN_G_DIGITS];
    index = dn_gemm_add(e, index, b ? g->column : g->row);
    for (int d = 0; d < free->n; d++) radix[d] = radix_of(g, &free->list[d]);
    dn_gemm_split(e, index, radix, free->n, digits);
    for (int d = 0; d < free->n; d++) {
        const dn_gdigit *digit = &free->list[d];
        LLVMValueRef offset = dn_gemm_offset(g, digits[d], digit->stride);
        copy->offset[v] = dn_gemm_add(e, copy->offset[v], offset);
        if (digit->spatial < 0) continue;
        LLVMValueRef *at = &copy->coordinate[v][digit->spatial];
        *at = dn_gemm_add(e, *at, dn_gemm_scale(e, digits[d], digit->step));
    }
    int64_t size = b ? g->plan->n : g->plan->m;
    if (size % copy->rows) copy->exists[v] = dn_gemm_below(e, index, dn_gemm_i32(e, size));
}

// The offset and coordinates at all digits 0.
static void begin_place(dn_gemm *g, dn_gcopy *copy, int v, bool b) {
    dn_emit *e = g->e;
    const dn_gplan *p = g->plan;
    const dn_goperand *operand = copy->operand;
    LLVMValueRef offset = dn_gemm_plus(e, dn_gemm_no_offset(g), operand->offset);
    for (int i = 0; i < p->n_outer; i++)
        offset = dn_gemm_add(e, offset,
                             dn_gemm_offset(g, g->outer[i], b ? p->outer[i].b : p->outer[i].a));
    for (int s = 0; s < p->contract->spatial; s++) {
        LLVMValueRef phase = b ? g->tap[s] : g->out[s];
        if (phase && p->wide) phase = LLVMBuildSExt(e->builder, phase, e->i64, "");
        if (phase)
            offset = dn_gemm_add(e, offset, dn_gemm_scale(e, phase, operand->phase_offset[s]));
        copy->coordinate[v][s] = dn_gemm_i32(e, operand->origin[s]);
        if (!b && g->out[s])
            copy->coordinate[v][s] = dn_gemm_add(e, copy->coordinate[v][s], g->out[s]);
    }
    copy->offset[v] = offset;
    copy->exists[v] = NULL;
}

// ---- the digits of k ----

static void begin_walkers(dn_gemm *g, dn_gcopy *copy, LLVMValueRef const *step) {
    dn_emit *e = g->e;
    const dn_gdigits *k = &copy->operand->k;
    for (int d = 0; d < k->n; d++) copy->radix[d] = radix_of(g, &k->list[d]);
    dn_gemm_split(e, dn_gemm_i32(e, g->plan->tile.steps), copy->radix, k->n, copy->advance);
    for (int w = 0; w < copy->walkers; w++)
        dn_gemm_split(e, dn_gemm_add(e, g->first, step[w]), copy->radix, k->n, copy->digit[w]);
}

void dn_gemm_copy_advance(dn_gemm *g, dn_gcopy *copy) {
    dn_emit *e = g->e;
    const dn_gdigits *k = &copy->operand->k;
    for (int w = 0; w < copy->walkers; w++) {
        LLVMValueRef carry = dn_gemm_i32(e, 0);
        for (int d = k->n - 1; d >= 0; d--) {
            LLVMValueRef *digit = &copy->digit[w][d];
            *digit = dn_gemm_add(e, dn_gemm_add(e, *digit, copy->advance[d]), carry);
            if (d == 0) break;
            LLVMValueRef over = LLVMBuildICmp(e->builder, LLVMIntUGE, *digit, copy->radix[d], "");
            LLVMValueRef less = LLVMBuildNSWSub(e->builder, *digit, copy->radix[d], "");
            *digit = LLVMBuildSelect(e->builder, over, less, *digit, "");
            carry = LLVMBuildZExt(e->builder, over, e->i32, "");
        }
    }
}

int dn_gemm_copy_gather(const dn_gcopy *copy, LLVMValueRef *list) {
    int n = 0;
    for (int w = 0; w < copy->walkers; w++)
        for (int d = 0; d < copy->operand->k.n; d++) list[n++] = copy->digit[w][d];
    return n;
}

int dn_gemm_copy_spread(dn_gcopy *copy, LLVMValueRef *list) {
    int n = 0;
    for (int w = 0; w < copy->walkers; w++)
        for (int d = 0; d < copy->operand->k.n; d++) copy->digit[w][d] = list[n++];
    return n;
}

// ---- vectors of a thread ----

// Bytes into the tile of the vector that begins at `fast` in line `line`.
static LLVMValueRef place_shared(dn_gemm *g, dn_gcopy *copy, LLVMValueRef line, LLVMValueRef fast) {
    dn_emit *e = g->e;
    int pitch = dn_gemm_pitch(g->plan, copy->operand, copy->rows);
    LLVMValueRef bytes = dn_gemm_scale(e, fast, g->plan->element);
    LLVMValueRef chunk = dn_gemm_divide(e, bytes, DN_G_CHUNK);
    LLVMValueRef rest = dn_gemm_rest(e, bytes, DN_G_CHUNK);
    if (g->plan->wgmma) {
        int panels = pitch / DN_G_PANEL, chunks = DN_G_PANEL / DN_G_CHUNK;
        int lines = copy->operand->k_major ? copy->rows : g->plan->tile.steps;
        LLVMValueRef panel = dn_gemm_divide(e, chunk, chunks), first = line;
        if (panels > 1) first = dn_gemm_add(e, line, dn_gemm_scale(e, panel, lines));
        chunk = dn_gemm_swizzle(g, copy->operand, DN_G_PANEL, line, dn_gemm_rest(e, chunk, chunks));
        chunk = dn_gemm_add(e, dn_gemm_scale(e, first, chunks), chunk);
        return dn_gemm_add(e, dn_gemm_scale(e, chunk, DN_G_CHUNK), rest);
    }
    chunk = dn_gemm_swizzle(g, copy->operand, pitch, line, chunk);
    LLVMValueRef at = dn_gemm_scale(e, chunk, DN_G_CHUNK);
    return dn_gemm_add(e, dn_gemm_scale(e, line, pitch), dn_gemm_add(e, at, rest));
}

static void k_major(dn_gemm *g, dn_gcopy *copy, LLVMValueRef fast, LLVMValueRef const *line,
                    bool b) {
    dn_emit *e = g->e;
    const dn_gdigit *inner = dn_gemm_last(&copy->operand->k);
    // All steps of a tile differ in the last digit alone: then the digits are those of its first
    // step, the same for all threads, and the rest is in the offset.
    bool uniform = !inner->phased && inner->size % g->plan->tile.steps == 0;
    copy->walkers = 1;
    LLVMValueRef step = uniform ? dn_gemm_i32(e, 0) : fast;
    for (int v = 0; v < copy->vectors; v++) {
        begin_place(g, copy, v, b);
        place_free(g, copy, v, line[v], b);
        if (uniform)
            copy->offset[v] =
                dn_gemm_add(e, copy->offset[v], dn_gemm_offset(g, fast, inner->stride));
    }
    begin_walkers(g, copy, &step);
}

// Vectors v of a thread with one free index: number `line` of their steps is `apart` * v on.
static void same_free(dn_gemm *g, dn_gcopy *copy, int first, int count, int apart) {
    bool linear = copy->operand->k.n == 1;
    for (int i = 0; i < count; i++) {
        int v = first + i;
        copy->offset[v] = copy->offset[first];
        copy->exists[v] = copy->exists[first];
        for (int s = 0; s < g->plan->contract->spatial; s++)
            copy->coordinate[v][s] = copy->coordinate[first][s];
        copy->walker[v] = linear ? 0 : i;
        copy->ahead[v] = linear ? i * apart : 0;
    }
    copy->walkers = linear ? 1 : count;
}

static void free_major(dn_gemm *g, dn_gcopy *copy, LLVMValueRef fast, LLVMValueRef const *line,
                       int between, bool b) {
    begin_place(g, copy, 0, b);
    place_free(g, copy, 0, fast, b);
    same_free(g, copy, 0, copy->vectors, between);
    begin_walkers(g, copy, line);
}

// Squares of 4 free indices and 4 steps: vectors along the free index are read, vectors along k
// written. Neighbouring threads have neighbouring steps, so that these are chunks of one line, in
// different banks.
static void turned(dn_gemm *g, dn_gcopy *copy, bool b) {
    dn_emit *e = g->e;
    const dn_gtile *tile = &g->plan->tile;
    int across = tile->steps / DN_G_SQUARE, between = tile->threads / across * DN_G_SQUARE;
    LLVMValueRef step = dn_gemm_scale(e, dn_gemm_rest(e, g->thread, across), DN_G_SQUARE);
    LLVMValueRef free = dn_gemm_scale(e, dn_gemm_divide(e, g->thread, across), DN_G_SQUARE),
                 line[DN_G_SQUARE];
    copy->vectors = copy->rows / between * DN_G_SQUARE;
    for (int i = 0; i < DN_G_SQUARE; i++) line[i] = dn_gemm_plus(e, step, i);
    for (int v = 0; v < copy->vectors; v++) {
        LLVMValueRef first = dn_gemm_plus(e, free, v / DN_G_SQUARE * between);
        copy->to[v] = place_shared(g, copy, dn_gemm_plus(e, first, v % DN_G_SQUARE), step);
        if (v % DN_G_SQUARE) continue;
        begin_place(g, copy, v, b);
        place_free(g, copy, v, first, b);
        same_free(g, copy, v, DN_G_SQUARE, 1);
    }
    begin_walkers(g, copy, line);
}

void dn_gemm_copy_begin(dn_gemm *g, dn_gcopy *copy, const dn_goperand *operand, bool b) {
    dn_emit *e = g->e;
    const dn_gtile *tile = &g->plan->tile;
    *copy = (dn_gcopy){.operand = operand, .rows = b ? tile->columns : tile->rows};
    LLVMTypeRef global = LLVMPointerTypeInContext(e->context, 1);
    copy->source = LLVMBuildAddrSpaceCast(e->builder, e->args[operand->arg], global, "");
    if (operand->turned) {
        turned(g, copy, b);
        return;
    }
    int in_line = (operand->k_major ? tile->steps : copy->rows) / operand->vector;
    int lines = operand->k_major ? copy->rows : tile->steps, between = tile->threads / in_line;
    copy->vectors = lines / between;
    DN_ASSERT(copy->vectors >= 1 && copy->vectors <= DN_G_VECTORS, "%d vectors", copy->vectors);
    LLVMValueRef fast = dn_gemm_scale(e, dn_gemm_rest(e, g->thread, in_line), operand->vector);
    LLVMValueRef slow = dn_gemm_divide(e, g->thread, in_line), line[DN_G_VECTORS];
    for (int v = 0; v < copy->vectors; v++) {
        line[v] = dn_gemm_plus(e, slow, v * between);
        copy->to[v] = place_shared(g, copy, line[v], fast);
    }
    if (operand->k_major)
        k_major(g, copy, fast, line, b);
    else
        free_major(g, copy, fast, line, between, b);
}
