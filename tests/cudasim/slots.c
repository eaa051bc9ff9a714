// Where the registers of a function are: those of one size that are never in use at the same time
// have the same place, so that a warp's registers stay in a cache. Two parts of a warp may keep
// different registers in one place: each writes the values of its own lanes alone.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/decode.h"

enum { ROOM = 257, SIZES = 4 };

// From the first to the last statement at which a register is in use.
typedef struct range {
    int reg, first, last;
} range;

typedef struct liveness {
    sim_decoder *d;
    int n, words;
    uint64_t *live;  // of each statement: what is in use before it
    int *first;      // of each statement: its references
    range *ranges;   // of each register; first > last: it is not used
} liveness;

static void add(uint64_t *set, int reg) { set[reg / 64] |= 1ull << (reg % 64); }
static void drop(uint64_t *set, int reg) { set[reg / 64] &= ~(1ull << (reg % 64)); }

static uint64_t *before(const liveness *l, int s) { return l->live + (size_t)s * (size_t)l->words; }

// What is in use before a statement, from what is behind it. A guarded one may keep what was there.
static void step(const liveness *l, int s, uint64_t *set) {
    for (int r = l->first[s]; r < l->first[s + 1]; r++) {
        const sim_reference *ref = &l->d->references[r];
        if (ref->written && !ref->guarded) drop(set, ref->reg);
    }
    for (int r = l->first[s]; r < l->first[s + 1]; r++)
        if (!l->d->references[r].written) add(set, l->d->references[r].reg);
}

static void solve(const liveness *l) {
    int next[ROOM];
    size_t bytes = (size_t)l->words * sizeof(uint64_t);
    uint64_t *set = malloc(bytes);
    if (!set) abort();
    for (bool changed = true; changed;) {
        changed = false;
        for (int s = l->n - 1; s >= 0; s--) {
            int count = sim_successors(l->d, s, next, ROOM);
            memset(set, 0, bytes);
            for (int k = 0; k < count; k++)
                for (int w = 0; w < l->words; w++) set[w] |= before(l, next[k])[w];
            step(l, s, set);
            if (memcmp(set, before(l, s), bytes) == 0) continue;
            memcpy(before(l, s), set, bytes);
            changed = true;
        }
    }
    free(set);
}

static void extend(range *r, int s) {
    if (s < r->first) r->first = s;
    if (s > r->last) r->last = s;
}

static void find_ranges(const liveness *l) {
    for (int reg = 0; reg < l->d->function->n_registers; reg++)
        l->ranges[reg] = (range){reg, l->n, -1};
    for (int s = 0; s < l->n; s++) {
        for (int w = 0; w < l->words; w++)
            for (uint64_t bits = before(l, s)[w]; bits; bits &= bits - 1)
                extend(&l->ranges[w * 64 + __builtin_ctzll(bits)], s);
        for (int r = l->first[s]; r < l->first[s + 1]; r++)
            extend(&l->ranges[l->d->references[r].reg], s);
    }
}

static int by_first(const void *a, const void *b) {
    const range *x = a, *y = b;
    return x->first != y->first ? x->first - y->first : x->reg - y->reg;
}

// ---- places ----

typedef struct place {
    sim_slot slot;
    int last;  // the last statement at which it is in use
} place;

typedef struct places {
    place *list;
    int n;
} places;

static int size_of(int bytes) { return bytes == 0 ? 0 : bytes <= 4 ? 1 : bytes == 8 ? 2 : 3; }

// One that is free before statement `first`, or a new one.
static sim_slot take(sim_decoder *d, places *of, int size, const range *r) {
    static const int bytes[SIZES] = {64, 4 * SIM_LANES, 8 * SIM_LANES, 16 * SIM_LANES};
    static const int registers[SIZES] = {0, 1, 2, 4};
    for (int k = 0; k < of->n; k++) {
        if (of->list[k].last >= r->first) continue;
        of->list[k].last = r->last;
        return of->list[k].slot;
    }
    of->list[of->n++] = (place){d->program->register_bytes, r->last};
    d->program->register_bytes += bytes[size];
    d->program->registers += registers[size];
    return of->list[of->n - 1].slot;
}

static void give(const liveness *l, sim_slot *slots) {
    sim_decoder *d = l->d;
    int n = d->function->n_registers;
    places all[SIZES];
    for (int k = 0; k < SIZES; k++)
        all[k] = (places){calloc((size_t)n + 1, sizeof *all[k].list), 0};
    qsort(l->ranges, (size_t)n, sizeof *l->ranges, by_first);
    for (int k = 0; k < n; k++) {
        const range *r = &l->ranges[k];
        if (r->last < 0) continue;
        int size = size_of(d->register_bytes[r->reg]);
        slots[r->reg] = take(d, &all[size], size, r);
    }
    for (int k = 0; k < SIZES; k++) free(all[k].list);
}

void sim_give_slots(sim_decoder *d) {
    liveness l = {.d = d, .n = d->function->n_statements};
    size_t registers = (size_t)d->function->n_registers + 1, n = (size_t)l.n;
    l.words = (int)(registers / 64 + 1);
    l.live = calloc((n + 1) * (size_t)l.words, sizeof *l.live);
    l.first = calloc(n + 2, sizeof *l.first);
    l.ranges = calloc(registers, sizeof *l.ranges);
    sim_slot *slots = calloc(registers, sizeof *slots);
    if (!l.live || !l.first || !l.ranges || !slots) abort();
    for (int r = 0; r < d->n_references; r++) l.first[d->references[r].statement + 1]++;
    for (size_t s = 0; s <= n; s++) l.first[s + 1] += l.first[s];
    solve(&l);
    find_ranges(&l);
    give(&l, slots);
    for (int r = 0; r < d->n_references; r++) *d->references[r].slot = slots[d->references[r].reg];
    free(l.live);
    free(l.first);
    free(l.ranges);
    free(slots);
}
