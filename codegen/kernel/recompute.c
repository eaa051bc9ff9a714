// The search for values that are made again to save memory.
#include "codegen/kernel/recompute.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "codegen/kernel/draft.h"

enum {
    MOST_DEPTH = 4,
    LEAST_SHARE = 512,   // of the peak: smaller buffers are not worth a kernel
    FLOPS_PER_BYTE = 8,  // what moving a byte costs
    PATIENCE = 32        // steps that do not lower the peak
};

typedef struct change {
    dn_remake what;
    double more;     // work
    int64_t excess;  // that is left
} change;

typedef struct search {
    dn_kernels *kernels;
    dn_draft *now;
    int64_t target;  // what should be alive at most
    int64_t excess;  // of `now` above that
    double work;     // of `now`
} search;

static double work(const dn_kernels *kernels) {
    double sum = 0;
    for (int k = 0; k < kernels->n; k++)
        sum += kernels->list[k]->flops + FLOPS_PER_BYTE * kernels->list[k]->bytes;
    return sum;
}

// Bytes above the target at each kernel of the beginning, what is made again before it included.
// Making something again in the middle of what is too much thus does not make it more.
static int64_t excess_of(const dn_draft *d, int64_t target) {
    int64_t sum = 0, most = 0;
    for (int k = 0; k < d->kernels.n; k++) {
        if (k && d->group[k] != d->group[k - 1]) {
            sum += most;
            most = 0;
        }
        if (d->alive[k] - target > most) most = d->alive[k] - target;
    }
    return sum + most;
}

// ---- one step -------------------------------------------------------------------------------

// Whether `a` brings more for its work than `b`; what takes no more work is best.
static bool is_better(const search *s, const change *a, const change *b) {
    if (b->what.buffer < 0) return true;
    double gain = (double)(s->excess - a->excess), other = (double)(s->excess - b->excess);
    if (a->more <= 0 && b->more <= 0) return gain > other;
    if (a->more <= 0 || b->more <= 0) return a->more < b->more;
    return gain * b->more > other * a->more;
}

static void try_change(search *s, dn_remake what, bool *deeper, change *best) {
    dn_arena arena = {0};
    dn_draft *d = dn_draft_remake(s->now, what, &arena, deeper);
    if (d) {
        dn_draft_measure(d);
        change c = {what, work(&d->kernels) - s->work, excess_of(d, s->target)};
        if (c.excess < s->excess && d->peak <= s->now->peak && is_better(s, &c, best)) *best = c;
    }
    dn_draft_free(d);
    dn_arena_free(&arena);
}

// Whether more than the target is alive at a kernel between two uses.
static bool spans_excess(const search *s, int from, int to) {
    for (int k = from + 1; k < to; k++)
        if (s->now->alive[k] > s->target) return true;
    return false;
}

static void try_buffer(search *s, int buffer, change *best) {
    const dn_draft *d = s->now;
    const dn_use *uses = d->uses + d->first_use[buffer];
    int n = d->first_use[buffer + 1] - d->first_use[buffer];
    for (int i = 1; i < n; i++) {
        if (uses[i].writes || !spans_excess(s, uses[i - 1].at, uses[i].at)) continue;
        bool deeper = true;
        for (int depth = 0; depth <= MOST_DEPTH && deeper; depth++)
            try_change(s, (dn_remake){buffer, uses[i].at, depth}, &deeper, best);
    }
}

static void take(search *s, dn_remake what) {
    bool deeper;
    dn_draft *next = dn_draft_remake(s->now, what, &s->kernels->arena, &deeper);
    dn_draft_free(s->now);
    s->now = next;
    dn_draft_index(next);
    dn_draft_measure(next);
}

// The change that brings most for what it costs. False if none helps.
static bool step(search *s) {
    change best = {.what.buffer = -1};
    s->excess = excess_of(s->now, s->target);
    s->work = work(&s->now->kernels);
    for (int b = 0; b < s->now->kernels.n_buffers; b++) {
        const dn_buffer *buffer = &s->now->kernels.buffers[b];
        if (buffer->kind == DN_BUFFER_TEMP && buffer->first >= 0 &&
            dn_buffer_bytes(buffer) >= s->now->peak / LEAST_SHARE)
            try_buffer(s, b, &best);
    }
    if (best.what.buffer < 0) return false;
    take(s, best.what);
    return true;
}

// ---- the whole ------------------------------------------------------------------------------

static void begin(search *s, dn_kernels *kernels) {
    *s = (search){.kernels = kernels, .now = dn_draft_new(kernels)};
    dn_draft_index(s->now);
    dn_draft_measure(s->now);
}

static bool fits(search *s, int64_t budget) {
    if (s->now->peak > budget) return false;
    dn_kernels_plan(&s->now->kernels);
    return s->now->kernels.arena_bytes <= budget;
}

// Straight for the budget. A plan wastes a little, so that less must be alive.
static bool aim(search *s, int64_t budget) {
    int64_t lowest = s->now->peak;
    s->target = budget;
    for (int idle = 0; idle < PATIENCE; idle++) {
        if (fits(s, budget)) return true;
        if (s->now->peak <= s->target) s->target -= s->now->kernels.arena_bytes - budget;
        if (!step(s)) return false;
        if (s->now->peak >= lowest) continue;
        lowest = s->now->peak;
        idle = 0;
    }
    return false;
}

// Always a little lower, as long as that goes: the way does not depend on the budget, so where it
// ends is as much as is needed.
static bool descend(search *s, int64_t budget) {
    int64_t peak;
    for (int share = 16; share <= 4096;) {
        if (fits(s, budget)) return true;
        peak = s->now->peak;
        s->target = peak - peak / share;
        if (!step(s)) share *= 4;
    }
    dn_kernels_plan(&s->now->kernels);
    return false;
}

// Makes the draft the kernels.
static void adopt(search *s) {
    dn_kernels *to = s->kernels, *from = &s->now->kernels;
    free(to->list);
    free(to->buffers);
    to->list = from->list;
    to->n = from->n;
    to->cap = from->cap;
    to->buffers = from->buffers;
    to->n_buffers = from->n_buffers;
    to->cap_buffers = from->cap_buffers;
    to->arena_bytes = from->arena_bytes;
    from->list = NULL;
    from->buffers = NULL;
}

static double flops(const dn_kernels *kernels) {
    double sum = 0;
    for (int k = 0; k < kernels->n; k++) sum += kernels->list[k]->flops;
    return sum;
}

// Replaces *s by a search that went lower. False if none does.
static bool find_lower(search *s, dn_kernels *kernels) {
    search lower;
    begin(&lower, kernels);
    bool found = descend(&lower, s->now->kernels.arena_bytes - 1);
    dn_draft_free(found ? s->now : lower.now);
    if (found) *s = lower;
    return found;
}

// Where descending ends is not quite the least: on the way there a plan may waste less. Where it
// gets far enough, the straight way there may cost less.
static bool find(search *s, dn_kernels *kernels, int64_t budget) {
    search straight;
    begin(s, kernels);
    if (!descend(s, budget)) {
        while (find_lower(s, kernels)) {
        }
        return false;
    }
    begin(&straight, kernels);
    bool better = aim(&straight, budget) && work(&straight.now->kernels) < work(&s->now->kernels);
    dn_draft_free(better ? s->now : straight.now);
    if (better) *s = straight;
    return true;
}

bool dn_kernels_fit(dn_kernels *kernels, int64_t budget, dn_recompute *out) {
    search s;
    DN_ASSERT(kernels->n_constant == 0, "what is kept from run to run cannot be made again");
    *out = (dn_recompute){.before = kernels->arena_bytes, .after = kernels->arena_bytes};
    out->flops = flops(kernels);
    if (kernels->arena_bytes <= budget) return true;
    bool done = find(&s, kernels, budget);
    out->kernels = s.now->kernels.n - kernels->n;
    adopt(&s);
    dn_draft_free(s.now);
    out->after = kernels->arena_bytes;
    out->more = flops(kernels) - out->flops;
    return done;
}
