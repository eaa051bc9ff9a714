// The strided copy that every movement op is.
#include <string.h>

#include "codegen/interp/kernel.h"

enum { TILE = 16 };  // elements of 4 bytes in a cache line

typedef struct job {
    dn_copy copy;
    size_t element;
    char *out;
    const char *in;
    int across;        // the axis along which `in` is contiguous, for tiled copies
    int64_t n_across;  // its tiles
} job;

// Drops axes of size 1 and joins neighbours that are one run in both; false if there is nothing.
static bool simplify(dn_copy *c) {
    int rank = 0;
    for (int i = 0; i < c->rank; i++) {
        if (c->dims[i] == 0) return false;
        if (c->dims[i] == 1) continue;
        int last = rank - 1;
        if (rank && c->to[last] == c->to[i] * c->dims[i] &&
            c->from[last] == c->from[i] * c->dims[i]) {
            c->dims[last] *= c->dims[i];
            c->to[last] = c->to[i];
            c->from[last] = c->from[i];
            continue;
        }
        c->dims[rank] = c->dims[i];
        c->to[rank] = c->to[i];
        c->from[rank++] = c->from[i];
    }
    if (rank == 0) {
        c->dims[0] = c->to[0] = c->from[0] = 1;
        rank = 1;
    }
    c->rank = rank;
    return true;
}

#define COPY_ROW(bits)                                                                            \
    static void copy_row_##bits(char *out, const char *in, int64_t n, int64_t to, int64_t from) { \
        uint##bits##_t *o = (uint##bits##_t *)out;                                                \
        const uint##bits##_t *x = (const uint##bits##_t *)in;                                     \
        if (to == 1 && from == 0) {                                                               \
            for (int64_t i = 0; i < n; i++) o[i] = x[0];                                          \
        } else {                                                                                  \
            for (int64_t i = 0; i < n; i++) o[i * to] = x[i * from];                              \
        }                                                                                         \
    }
COPY_ROW(8)
COPY_ROW(16)
COPY_ROW(32)
COPY_ROW(64)

static void copy_row(const job *j, char *out, const char *in, int64_t n) {
    int last = j->copy.rank - 1;
    int64_t to = j->copy.to[last], from = j->copy.from[last];
    if (to == 1 && from == 1) {
        memcpy(out, in, (size_t)n * j->element);
    } else if (j->element == 1) {
        copy_row_8(out, in, n, to, from);
    } else if (j->element == 2) {
        copy_row_16(out, in, n, to, from);
    } else if (j->element == 4) {
        copy_row_32(out, in, n, to, from);
    } else {
        copy_row_64(out, in, n, to, from);
    }
}

// The places of row number `row` over all axes but the last `skip` ones (and but `across`).
typedef struct place {
    int64_t index[DN_MAX_RANK];
    int64_t to, from;
} place;

static place place_of(const dn_copy *c, int rank, int64_t row) {
    place p = {0};
    for (int i = rank - 1; i >= 0; i--) {
        p.index[i] = row % c->dims[i];
        row /= c->dims[i];
        p.to += p.index[i] * c->to[i];
        p.from += p.index[i] * c->from[i];
    }
    return p;
}

static void advance(const dn_copy *c, int rank, place *p) {
    for (int i = rank - 1; i >= 0; i--) {
        p->to += c->to[i];
        p->from += c->from[i];
        if (++p->index[i] < c->dims[i]) return;
        p->to -= c->dims[i] * c->to[i];
        p->from -= c->dims[i] * c->from[i];
        p->index[i] = 0;
    }
}

// Elements [begin, end) in the order of the axes: rows along the last axis, cut at both ends.
static void rows_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    const dn_copy *c = &j->copy;
    (void)chunk;
    int last = c->rank - 1;
    int64_t length = c->dims[last], column = begin % length;
    place p = place_of(c, last, begin / length);
    while (begin < end) {
        int64_t n = dn_min(length - column, end - begin);
        copy_row(j, j->out + (p.to + column * c->to[last]) * (int64_t)j->element,
                 j->in + (p.from + column * c->from[last]) * (int64_t)j->element, n);
        begin += n;
        column = 0;
        advance(c, last, &p);
    }
}

// A tile of TILE lines of `in` (along `across`), each of the whole last axis: a line of `in` stays
// in cache until all its elements were used.
static void tiles_body(void *arg, int64_t chunk, int64_t begin, int64_t end) {
    const job *j = arg;
    const dn_copy *c = &j->copy;
    (void)chunk;
    int last = c->rank - 1;
    dn_copy rest = *c;  // without `across` and the last axis
    rest.dims[j->across] = 1;
    for (int64_t tile = begin; tile < end; tile++) {
        place p = place_of(&rest, last, tile / j->n_across);
        int64_t first = tile % j->n_across * TILE;
        int64_t n = dn_min(TILE, c->dims[j->across] - first);
        int64_t to = p.to + first * c->to[j->across], from = p.from + first * c->from[j->across];
        for (int64_t at = 0; at < c->dims[last]; at += TILE) {
            int64_t m = dn_min(TILE, c->dims[last] - at);
            for (int64_t i = 0; i < n; i++)
                copy_row(
                    j,
                    j->out + (to + i * c->to[j->across] + at * c->to[last]) * (int64_t)j->element,
                    j->in + (from + i + at * c->from[last]) * (int64_t)j->element, m);
        }
    }
}

// The axis to tile together with the last one: the copy is a transposition of these two.
static int find_across(const dn_copy *c) {
    int last = c->rank - 1;
    if (c->from[last] == 1 || c->from[last] == 0 || c->dims[last] < 4) return -1;
    for (int i = 0; i < last; i++) {
        if (c->from[i] == 1 && c->dims[i] >= 4) return i;
    }
    return -1;
}

void dn_copy_run(const dn_eval *e, dn_copy copy, size_t element, void *out, const void *in) {
    if (!simplify(&copy)) return;
    job j = {.copy = copy, .element = element, .out = out, .in = in, .across = find_across(&copy)};
    int64_t count = 1, last = copy.dims[copy.rank - 1];
    for (int i = 0; i < copy.rank; i++) count *= copy.dims[i];
    if (j.across < 0) {
        dn_eval_for(e, count, DN_GRAIN, rows_body, &j);
        return;
    }
    int64_t lines = copy.dims[j.across];
    j.n_across = dn_ceil_div(lines, TILE);
    dn_eval_for(e, count / last / lines * j.n_across, dn_max(1, DN_GRAIN / (TILE * last)),
                tiles_body, &j);
}

void dn_fill(const dn_eval *e, size_t element, const void *value, void *out, int64_t count) {
    dn_copy copy = {.rank = 1, .dims = {count}, .to = {1}, .from = {0}};
    dn_copy_run(e, copy, element, out, value);
}
