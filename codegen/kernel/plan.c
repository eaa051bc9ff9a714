// The memory plan: a place in the arena for every TEMP buffer, such that no two that hold something
// at the same time overlap.
//
// Buffers of which one takes over the other's place (dn_kernel_in_place) form a block. Blocks are
// placed one after another, each in the tightest gap among those that live at the same time; the
// order in which they are placed decides how much the arena wastes, so several are tried.
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"

enum { ALIGNMENT = 64, PAGE = 4096, LARGE = 1 << 16, SHIFT = 5 * ALIGNMENT, MOST_PAIRS = 1 << 20 };

typedef struct block {
    int number;
    int first, last;  // kernels
    int64_t bytes, offset;
    int rank;  // its turn in the order under trial
} block;

typedef struct plan {
    dn_kernels *kernels;
    int *block_of;  // of each buffer, -1: none
    block *blocks;
    int n_blocks;
    int64_t least;   // bytes alive at the fullest moment: no plan needs less
    int64_t best;    // bytes of the best plan so far
    int64_t *saved;  // its offsets, by number
} plan;

// ---- lifetimes ------------------------------------------------------------------------------

static bool is_kept(const dn_kernels *kernels, const dn_buffer *buffer) {
    return buffer->first < kernels->n_constant;
}

static void find_lifetimes(dn_kernels *kernels) {
    for (int i = 0; i < kernels->n_buffers; i++) {
        dn_buffer *buffer = &kernels->buffers[i];
        buffer->first = buffer->last = -1;
        buffer->offset = 0;
    }
    for (int k = 0; k < kernels->n; k++) {
        const dn_kernel *kernel = kernels->list[k];
        for (int i = 0; i < kernel->n_args; i++) {
            dn_buffer *buffer = &kernels->buffers[kernel->args[i]];
            if (buffer->kind != DN_BUFFER_TEMP) continue;
            if (buffer->first < 0) buffer->first = k;
            buffer->last = is_kept(kernels, buffer) ? kernels->n - 1 : k;
        }
    }
}

// Streams at the same place of a page stand in each other's way in the first cache, and a load
// seems to depend on a store 4 KB away. So large blocks do not end where a page does.
static int64_t padded(int64_t bytes) {
    int64_t size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return size >= LARGE && size % PAGE == 0 ? size + SHIFT : size;
}

// ---- blocks ---------------------------------------------------------------------------------

static dn_buffer *temp_of(const plan *p, const dn_kernel *kernel, int arg) {
    dn_buffer *buffer = &p->kernels->buffers[kernel->args[arg]];
    return buffer->kind == DN_BUFFER_TEMP ? buffer : NULL;
}

// The argument whose place argument `to` of kernel k may take, one of the same size if there is;
// -1 if there is none.
static int whose_place(const plan *p, int k, int to, const bool *taken) {
    const dn_kernel *kernel = p->kernels->list[k];
    int64_t bytes = dn_buffer_bytes(temp_of(p, kernel, to));
    int found = -1;
    for (int from = 0; from < kernel->n_args; from++) {
        const dn_buffer *buffer = temp_of(p, kernel, from);
        bool ends = buffer && p->block_of[kernel->args[from]] >= 0 && buffer->last == k &&
                    buffer->first < k && !taken[kernel->args[from]] && !is_kept(p->kernels, buffer);
        bool fits =
            ends && dn_dtype_size(buffer->dtype) == dn_dtype_size(temp_of(p, kernel, to)->dtype);
        if (!fits || !dn_kernel_reads(kernel, from) || !dn_kernel_in_place(kernel, from, to))
            continue;
        if (found < 0 || dn_buffer_bytes(buffer) == bytes) found = from;
    }
    return found;
}

static void add_to_block(plan *p, int buffer, int number) {
    const dn_buffer *b = &p->kernels->buffers[buffer];
    block *to = &p->blocks[number];
    if (number == p->n_blocks) {
        *to = (block){.number = number, .first = b->first};
        p->n_blocks++;
    }
    int64_t bytes = padded(dn_buffer_bytes(b));
    if (bytes > to->bytes) to->bytes = bytes;
    to->last = b->last;
    p->block_of[buffer] = number;
}

// In the order of kernels, so that a buffer joins a block that ends where it begins.
static void make_blocks(plan *p, bool in_place) {
    bool *taken = dn_xcalloc((size_t)p->kernels->n_buffers, sizeof *taken);
    p->n_blocks = 0;
    for (int i = 0; i < p->kernels->n_buffers; i++) p->block_of[i] = -1;
    for (int k = 0; k < p->kernels->n; k++) {
        const dn_kernel *kernel = p->kernels->list[k];
        for (int to = 0; to < kernel->n_args; to++) {
            int buffer = kernel->args[to];
            const dn_buffer *b = temp_of(p, kernel, to);
            if (!b || b->first != k || b->count == 0 || p->block_of[buffer] >= 0) continue;
            int from =
                in_place && kernel->kind == DN_KERNEL_LOOP ? whose_place(p, k, to, taken) : -1;
            if (from >= 0) taken[kernel->args[from]] = true;
            add_to_block(p, buffer, from >= 0 ? p->block_of[kernel->args[from]] : p->n_blocks);
        }
    }
    free(taken);
}

static int64_t most_alive(const plan *p) {
    int64_t *change = dn_xcalloc((size_t)p->kernels->n + 1, sizeof *change), now = 0, most = 0;
    for (int i = 0; i < p->n_blocks; i++) {
        change[p->blocks[i].first] += p->blocks[i].bytes;
        change[p->blocks[i].last + 1] -= p->blocks[i].bytes;
    }
    for (int k = 0; k < p->kernels->n; k++) {
        now += change[k];
        if (now > most) most = now;
    }
    free(change);
    return most;
}

// ---- placing --------------------------------------------------------------------------------

// The smallest gap that holds `b` among the placed blocks that live with it; `placed` is in the
// order of offsets. Gives where in that order it belongs.
static int find_gap(block *const *placed, int n, block *b) {
    int64_t end = 0, best = INT64_MAX;
    for (int i = 0; i < n; i++) {
        const block *other = placed[i];
        if (other->last < b->first || b->last < other->first) continue;
        int64_t gap = other->offset - end;
        if (gap >= b->bytes && gap < best) {
            best = gap;
            b->offset = end;
        }
        if (other->offset + other->bytes > end) end = other->offset + other->bytes;
    }
    if (best == INT64_MAX) b->offset = end;
    int at = n;
    while (at > 0 && placed[at - 1]->offset > b->offset) at--;
    return at;
}

static int64_t place_all(block *blocks, int n, block **placed) {
    int64_t bytes = 0;
    for (int i = 0; i < n; i++) {
        int at = find_gap(placed, i, &blocks[i]);
        memmove(&placed[at + 1], &placed[at], (size_t)(i - at) * sizeof *placed);
        placed[at] = &blocks[i];
        if (blocks[i].offset + blocks[i].bytes > bytes) bytes = blocks[i].offset + blocks[i].bytes;
    }
    return bytes;
}

// ---- orders ---------------------------------------------------------------------------------

static double area(const block *b) { return (double)b->bytes * (b->last - b->first + 1); }

static int sign(double d) { return (d > 0) - (d < 0); }

static int by_size(const void *a, const void *b) {
    const block *x = a, *y = b;
    int order = sign((double)y->bytes - (double)x->bytes);
    if (!order) order = (y->last - y->first) - (x->last - x->first);
    return order ? order : x->number - y->number;
}

static int by_area(const void *a, const void *b) {
    int order = sign(area(b) - area(a));
    return order ? order : by_size(a, b);
}

static int by_lifetime(const void *a, const void *b) {
    const block *x = a, *y = b;
    int order = (y->last - y->first) - (x->last - x->first);
    return order ? order : by_size(a, b);
}

static int by_first(const void *a, const void *b) {
    const block *x = a, *y = b;
    return x->first != y->first ? x->first - y->first : by_size(a, b);
}

static int by_rank(const void *a, const void *b) {
    return ((const block *)a)->rank - ((const block *)b)->rank;
}

// What is left to gain is not worth the search.
static bool is_good(const plan *p) { return p->best - p->least <= p->least / 1000; }

// Keeps the offsets if they are the best so far. `blocks` are in the order of trial.
static bool try_order(plan *p, block **placed) {
    int64_t bytes = place_all(p->blocks, p->n_blocks, placed);
    if (bytes >= p->best) return false;
    p->best = bytes;
    for (int i = 0; i < p->n_blocks; i++) p->saved[p->blocks[i].number] = p->blocks[i].offset;
    return true;
}

// The block that reaches highest gets its turn earlier, halfway to the front, again and again.
static void improve(plan *p, block **placed, int trials) {
    for (int trial = 0; trial < trials && !is_good(p); trial++) {
        int top = -1;
        for (int i = 0; i < p->n_blocks; i++) {
            p->blocks[i].rank = 2 * i;
            bool higher = top < 0 || p->blocks[i].offset + p->blocks[i].bytes >
                                         p->blocks[top].offset + p->blocks[top].bytes;
            if (higher) top = i;
        }
        if (top <= 0) return;
        p->blocks[top].rank = 2 * (top / 2) - 1;
        qsort(p->blocks, (size_t)p->n_blocks, sizeof *p->blocks, by_rank);
        try_order(p, placed);
    }
}

// The best order of placing for the blocks as they are; true if it is the best so far.
static bool place_blocks(plan *p) {
    static int (*const orders[])(const void *, const void *) = {by_size, by_area, by_lifetime,
                                                                by_first};
    int64_t before = p->best;
    int64_t pairs = 1 + (int64_t)p->n_blocks * p->n_blocks;  // what a trial costs
    int trials = pairs < MOST_PAIRS / 64 ? 64 : (int)(MOST_PAIRS / pairs);
    block **placed = dn_xcalloc((size_t)p->n_blocks + 1, sizeof *placed);
    p->least = most_alive(p);
    for (size_t i = 0; i < sizeof orders / sizeof *orders && !is_good(p); i++) {
        qsort(p->blocks, (size_t)p->n_blocks, sizeof *p->blocks, orders[i]);
        try_order(p, placed);
        improve(p, placed, trials);
    }
    free(placed);
    return p->best < before;
}

static void set_offsets(plan *p) {
    for (int i = 0; i < p->kernels->n_buffers; i++)
        if (p->block_of[i] >= 0) p->kernels->buffers[i].offset = p->saved[p->block_of[i]];
    p->kernels->arena_bytes = p->best;
}

void dn_kernels_plan(dn_kernels *kernels) {
    size_t n = (size_t)kernels->n_buffers;
    plan p = {.kernels = kernels,
              .block_of = dn_xcalloc(n, sizeof *p.block_of),
              .blocks = dn_xcalloc(n, sizeof *p.blocks),
              .saved = dn_xcalloc(n, sizeof *p.saved),
              .best = INT64_MAX};
    find_lifetimes(kernels);
    // Taking over a place helps the caches, too; but a chain of buffers as one block can be hard to
    // place, so the plan without is tried as well.
    for (int in_place = 1; in_place >= 0; in_place--) {
        make_blocks(&p, in_place);
        if (place_blocks(&p)) set_offsets(&p);
    }
    free(p.block_of);
    free(p.blocks);
    free(p.saved);
}
