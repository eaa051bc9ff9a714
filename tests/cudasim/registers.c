// Which registers may be read before they are written.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/decode.h"

typedef struct analysis {
    sim_decoder *d;
    int words;          // of a set of registers
    int n;              // statements
    uint64_t *written;  // of each statement: what is written on all paths to it
    bool *reached;
    int *first;     // of each statement: its references
    bool *tracked;  // of each register
    int *ids;
} analysis;

static bool in_set(const uint64_t *set, int reg) { return set[reg / 64] >> (reg % 64) & 1; }

static void put(uint64_t *set, int reg, bool in) {
    uint64_t bit = 1ull << (reg % 64);
    set[reg / 64] = in ? set[reg / 64] | bit : set[reg / 64] & ~bit;
}

// References of a statement follow each other.
static void index_references(analysis *a) {
    a->first = calloc((size_t)a->n + 2, sizeof *a->first);
    for (int r = 0; r < a->d->n_references; r++) a->first[a->d->references[r].statement + 1]++;
    for (int s = 0; s <= a->n; s++) a->first[s + 1] += a->first[s];
}

static bool any_source_written(const analysis *a, int s, const uint64_t *set) {
    bool any = false, none = true;
    for (int r = a->first[s]; r < a->first[s + 1]; r++) {
        const sim_reference *ref = &a->d->references[r];
        if (ref->written) continue;
        none = false;
        any |= in_set(set, ref->reg);
    }
    return any || none;
}

static void step(const analysis *a, int s, uint64_t *set) {
    bool value = !a->d->copies[s] || any_source_written(a, s, set);
    for (int r = a->first[s]; r < a->first[s + 1]; r++) {
        const sim_reference *ref = &a->d->references[r];
        if (ref->written && !ref->guarded) put(set, ref->reg, value);
    }
}

static bool flow_to(analysis *a, int s, const uint64_t *set) {
    uint64_t *to = a->written + (size_t)s * (size_t)a->words;
    if (!a->reached[s]) {
        a->reached[s] = true;
        memcpy(to, set, (size_t)a->words * sizeof *to);
        return true;
    }
    bool changed = false;
    for (int w = 0; w < a->words; w++) {
        changed |= (to[w] & ~set[w]) != 0;
        to[w] &= set[w];
    }
    return changed;
}

// Statement by statement, until nothing changes.
static void solve(analysis *a) {
    enum { ROOM = 257 };
    int next[ROOM];
    uint64_t *set = calloc((size_t)a->words, sizeof *set);
    bool *dirty = calloc((size_t)a->n + 2, 1);
    flow_to(a, 0, set);
    dirty[0] = true;
    for (bool again = true; again;) {
        again = false;
        for (int s = 0; s < a->n; s++) {
            if (!dirty[s]) continue;
            dirty[s] = false;
            memcpy(set, a->written + (size_t)s * (size_t)a->words, (size_t)a->words * sizeof *set);
            step(a, s, set);
            int count = sim_successors(a->d, s, next, ROOM);
            for (int k = 0; k < count; k++) {
                if (next[k] >= a->n || !flow_to(a, next[k], set)) continue;
                dirty[next[k]] = true;
                again |= next[k] <= s;
            }
        }
    }
    free(set);
    free(dirty);
}

static void find_tracked(analysis *a) {
    for (int r = 0; r < a->d->n_references; r++) {
        const sim_reference *ref = &a->d->references[r];
        const uint64_t *set = a->written + (size_t)ref->statement * (size_t)a->words;
        if (ref->written || !a->reached[ref->statement] || in_set(set, ref->reg)) continue;
        if (!a->tracked[ref->reg]) a->ids[ref->reg] = a->d->program->n_tracked++;
        a->tracked[ref->reg] = true;
    }
}

static void attach(analysis *a, int s) {
    int uses = 0, defs = 0;
    for (int r = a->first[s]; r < a->first[s + 1]; r++) {
        const sim_reference *ref = &a->d->references[r];
        if (!a->tracked[ref->reg]) continue;
        uses += !ref->written;
        defs += ref->written;
    }
    if (uses + defs == 0) return;
    sim_tracked *list =
        ptx_pool_take(a->d->pool, sizeof *list + (size_t)(uses + defs) * sizeof *list->ids);
    list->copies = a->d->copies[s];
    for (int r = a->first[s]; r < a->first[s + 1]; r++) {
        const sim_reference *ref = &a->d->references[r];
        list->others |= !ref->written && !a->tracked[ref->reg];
        if (!a->tracked[ref->reg]) continue;
        int at = ref->written ? uses + list->n_defs++ : list->n_uses++;
        list->ids[at] = a->ids[ref->reg];
    }
    a->d->code[s].tracked = list;
}

void sim_place_registers(sim_decoder *d) {
    analysis a = {.d = d, .n = d->function->n_statements};
    size_t registers = (size_t)d->function->n_registers + 1;
    a.words = (int)(registers / 64 + 1);
    a.written = calloc((size_t)(a.n + 1) * (size_t)a.words, sizeof *a.written);
    a.reached = calloc((size_t)a.n + 1, 1);
    a.tracked = calloc(registers, 1);
    a.ids = calloc(registers, sizeof *a.ids);
    if (!a.written || !a.reached || !a.tracked || !a.ids) abort();
    index_references(&a);
    if (a.n > 0) solve(&a);
    find_tracked(&a);
    for (int s = 0; s < a.n; s++) attach(&a, s);
    sim_give_slots(d);
    free(a.written);
    free(a.reached);
    free(a.first);
    free(a.tracked);
    free(a.ids);
}
