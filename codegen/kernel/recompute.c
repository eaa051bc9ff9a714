// The search for values that are made again to save memory.
#include "codegen/kernel/recompute.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"
#include "codegen/kernel/draft.h"

enum {
    MOST_DEPTH = 4,
    LEAST_SHARE = 512,  // of the peak: smaller buffers are not worth a kernel
    FLOPS_PER_BYTE = 8  // what moving a byte costs
};

typedef struct change {
    dn_remake what;
    double cost;  // work of all kernels with it
    int64_t excess;
} change;

typedef struct search {
    dn_kernels *kernels;
    dn_draft *now;
    int64_t target;  // what should be alive at most
    int64_t excess;  // of `now` above that
    dn_remake *done;
    int n_done, cap_done;
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

static void try_change(search *s, dn_remake what, bool *deeper, change *best) {
    dn_arena arena = {0};
    dn_draft *d = dn_draft_remake(s->now, what, &arena, deeper);
    if (d) {
        dn_draft_measure(d);
        change c = {what, work(&d->kernels), excess_of(d, s->target)};
        double more = c.cost - work(&s->now->kernels), least = best->cost;
        double gain = (double)(s->excess - c.excess), most = (double)(s->excess - best->excess);
        // gain / more > most / least, where what costs nothing is best
        bool better = c.excess < s->excess && d->peak <= s->now->peak &&
                      (best->what.buffer < 0 || (more <= 0 && least <= 0 ? gain > most
                                                 : more <= 0 || least <= 0
                                                     ? more < least
                                                     : gain * least > most * more));
        if (better) *best = (change){what, more, c.excess};
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
