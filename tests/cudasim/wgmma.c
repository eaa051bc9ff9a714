// wgmma: products of the tensor cores of four warps. One is computed when the last of the four has
// issued it; until a warp has waited for it, its operands in shared memory are being read.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/access.h"
#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"
#include "tests/cudasim/proxy.h"

enum { GROUP = 4, GROUPS = SIM_WARPS / GROUP, THREADS = GROUP * SIM_LANES, ROWS = 16 };
enum { MOST_A = 4, MOST_D = 128 };

// What a statement says; descriptors and whether sums are kept are known when it runs.
typedef struct code {
    sim_wgmma wgmma;
    int a_registers, d_registers;
} code;

// One of a warp group, in the order in which they were issued.
typedef struct product {
    uint64_t number;
    const sim_instr *i;
    sim_wgmma wgmma;
    uint32_t a[MOST_A][THREADS];
    bool issued[GROUP], waited[GROUP];
    uint64_t group[GROUP];  // of each warp
} product;

typedef struct queue {
    product *list;
    int n, cap;
    uint64_t issued[GROUP];  // by each warp
    uint64_t group[GROUP];   // that is open
    uint64_t begun;          // products so far
    bool fenced[GROUP];
} queue;

struct sim_wgmmas {
    queue queues[GROUPS];
};

void sim_wgmmas_reset(sim_cta *cta) {
    if (!cta->wgmmas) return;
    for (int g = 0; g < GROUPS; g++) {
        queue *q = &cta->wgmmas->queues[g];
        *q = (queue){.list = q->list, .cap = q->cap};
    }
}

void sim_wgmmas_free(sim_cta *cta) {
    for (int g = 0; cta->wgmmas && g < GROUPS; g++) free(cta->wgmmas->queues[g].list);
    free(cta->wgmmas);
}

static queue *queue_of(sim_warp *warp) {
    sim_cta *cta = warp->cta;
    if (!cta->wgmmas) cta->wgmmas = calloc(1, sizeof *cta->wgmmas);
    if (!cta->wgmmas) abort();
    return &cta->wgmmas->queues[warp->number / GROUP];
}

static bool wrong(sim_warp *warp, const sim_instr *i, const char *what) {
    sim_report(warp, i, 0, SIM_BAD_INSTRUCTION, "%s", what);
    sim_stop(warp, SIM_ERROR_INSTRUCTION);
    return false;
}

// ---- what is read ----

typedef void (*word_fn)(sim_warp *warp, const sim_instr *i, uint32_t at);

static void begin_read(sim_warp *warp, const sim_instr *i, uint32_t at) {
    sim_proxy_read(warp, i, 0, at, SIM_CELL_BYTES, (unsigned)warp->number);
}

static void end_read(sim_warp *warp, const sim_instr *i, uint32_t at) {
    (void)i;
    sim_proxy_read_done(warp->cta, at, SIM_CELL_BYTES, (unsigned)warp->number, warp->clock);
}

// Each word of an operand that this warp reads: its rows of A, all of B.
static bool each_word(sim_warp *warp, const sim_instr *i, const sim_wgmma *w, bool of_b,
                      word_fn use) {
    uint32_t at = 0, last = UINT32_MAX;
    int first = of_b ? 0 : warp->number % GROUP * ROWS, count = of_b ? w->n : ROWS;
    bool mn_major = of_b ? w->transpose_b : w->transpose_a;
    for (int x = 0; x < (mn_major ? w->k : count); x++) {
        for (int y = 0; y < (mn_major ? count : w->k); y++) {
            int mn = first + (mn_major ? y : x), k = mn_major ? x : y;
            bool leads = sim_wgmma_at(w, of_b, mn, k, &at);
            at -= at % SIM_CELL_BYTES;
            if (!leads || at + SIM_CELL_BYTES > warp->cta->shared_bytes)
                return wrong(warp, i, "a descriptor does not lead to shared memory");
            if (at != last) use(warp, i, at);
            last = at;
        }
    }
    return true;
}

static bool each_operand(sim_warp *warp, const sim_instr *i, const sim_wgmma *w, word_fn use) {
    if (!w->a_in_registers && !each_word(warp, i, w, false, use)) return false;
    return each_word(warp, i, w, true, use);
}

// ---- computing ----

// The registers of all four warps as one fragment.
static void move_sums(sim_warp *first, const product *p, uint32_t (*d)[THREADS], bool back) {
    const code *c = p->i->extra;
    for (int w = 0; w < GROUP; w++) {
        for (int k = 0; k < c->d_registers; k++) {
            uint32_t *lanes = (uint32_t *)(void *)(first[w].registers + p->i->list[k]);
            if (back)
                memcpy(lanes, d[k] + w * SIM_LANES, SIM_LANES * sizeof *lanes);
            else
                memcpy(d[k] + w * SIM_LANES, lanes, SIM_LANES * sizeof *lanes);
        }
    }
}

static void wake(sim_warp *first) {
    for (int w = 0; w < GROUP; w++)
        for (int k = 0; k < first[w].n_fragments; k++)
            if (first[w].fragments[k].state == SIM_WGMMA) first[w].fragments[k].state = SIM_READY;
}

static bool compute(sim_warp *warp, product *p) {
    sim_cta *cta = warp->cta;
    sim_warp *first = &cta->warps[warp->number / GROUP * GROUP];
    uint32_t(*d)[THREADS] = calloc(MOST_D, sizeof *d);
    if (!d) abort();
    if (p->wgmma.keep_d) move_sums(first, p, d, false);
    bool done = sim_wgmma_run(&p->wgmma, cta->shared, cta->shared_bytes, p->a, d);
    if (done) move_sums(first, p, d, true);
    free(d);
    wake(first);
    return done || wrong(warp, p->i, "the shape or a descriptor is not as the ISA says");
}

// ---- issuing and waiting ----

static product *add(queue *q) {
    if (q->n == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 8;
        q->list = realloc(q->list, (size_t)q->cap * sizeof *q->list);
        if (!q->list) abort();
    }
    q->list[q->n] = (product){.number = q->begun++};
    return &q->list[q->n++];
}

// The one that this warp issues now: the first warp of the group begins it.
static product *next_product(queue *q, int w) {
    uint64_t number = q->issued[w]++;
    if (number == q->begun) return add(q);
    for (int k = 0; k < q->n; k++)
        if (q->list[k].number == number) return &q->list[k];
    return NULL;
}

static uint64_t uniform64(const sim_warp *warp, sim_slot slot) {
    const uint64_t *lanes = sim_source(warp, slot);
    return lanes[0];
}

static sim_wgmma product_of(const sim_warp *warp, const sim_instr *i) {
    const code *c = i->extra;
    sim_wgmma w = c->wgmma;
    const uint32_t *keep = sim_source(warp, i->c);
    if (!w.a_in_registers) w.a_descriptor = uniform64(warp, i->a);
    w.b_descriptor = uniform64(warp, i->b);
    w.keep_d = i->from == PTX_PRED ? ((*keep & 1) != 0) != i->negated : keep[0] != 0;
    return w;
}

static bool same_product(const product *p, const sim_instr *i, const sim_wgmma *w) {
    return p->i == i && p->wgmma.b_descriptor == w->b_descriptor &&
           p->wgmma.a_descriptor == w->a_descriptor && p->wgmma.keep_d == w->keep_d;
}

static void take_a(const sim_warp *warp, const sim_instr *i, product *p, int w) {
    const code *c = i->extra;
    for (int k = 0; k < c->a_registers; k++)
        memcpy(p->a[k] + w * SIM_LANES, sim_source(warp, i->list[c->d_registers + k]),
               SIM_LANES * sizeof(uint32_t));
}

static bool whole_warp(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (mask == UINT32_MAX) return true;
    if (!sim_warp_gather(warp, i, mask, UINT32_MAX)) return false;
    sim_report(warp, i, __builtin_ctz(mask), SIM_DIVERGENT_BARRIER,
               "only threads 0x%x of a warp come to an instruction for whole warps", mask);
    sim_stop(warp, SIM_ERROR_INSTRUCTION);
    return false;
}

static void run_product(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (!whole_warp(warp, i, mask)) return;
    if (warp->number / GROUP * GROUP + GROUP > warp->cta->n_warps) {
        wrong(warp, i, "the block has no four warps for it");
        return;
    }
    int w = warp->number % GROUP;
    queue *q = queue_of(warp);
    if (!q->fenced[w]) {
        wrong(warp, i, "no wgmma.fence orders it behind what wrote its registers");
        return;
    }
    sim_wgmma wgmma = product_of(warp, i);
    product *p = next_product(q, w);
    bool begins = p && !p->i;
    if (begins) {
        p->i = i;
        p->wgmma = wgmma;
    } else if (!p || !same_product(p, i, &wgmma)) {
        wrong(warp, i, "the four warps issue different products");
        return;
    }
    p->issued[w] = true;
    p->group[w] = q->group[w];
    take_a(warp, i, p, w);
    if (!each_operand(warp, i, &wgmma, begin_read)) return;
    warp->dirty = true;
    if (p->issued[0] && p->issued[1] && p->issued[2] && p->issued[3]) compute(warp, p);
}

static bool is_done(const product *p) {
    return p->issued[0] && p->issued[1] && p->issued[2] && p->issued[3];
}

static void drop_waited(queue *q) {
    int kept = 0;
    for (int k = 0; k < q->n; k++) {
        const product *p = &q->list[k];
        bool all = p->waited[0] && p->waited[1] && p->waited[2] && p->waited[3];
        if (!all && kept != k) q->list[kept] = *p;
        kept += !all;
    }
    q->n = kept;
}

static void run_wait(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (!whole_warp(warp, i, mask)) return;
    int w = warp->number % GROUP;
    queue *q = queue_of(warp);
    for (int k = 0; k < q->n; k++) {
        const product *p = &q->list[k];
        bool waits = p->issued[w] && p->group[w] + (uint64_t)i->offset < q->group[w];
        if (!waits || is_done(p)) continue;
        warp->pc--;
        sim_warp_block(warp, i, SIM_WGMMA);
        return;
    }
    warp->dirty = true;
    for (int k = 0; k < q->n; k++) {
        product *p = &q->list[k];
        if (!p->issued[w] || p->waited[w] || p->group[w] + (uint64_t)i->offset >= q->group[w])
            continue;
        p->waited[w] = true;
        q->fenced[w] = false;  // its sums may now be used
        each_operand(warp, p->i, &p->wgmma, end_read);
    }
    drop_waited(q);
}

static void run_commit(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (whole_warp(warp, i, mask)) queue_of(warp)->group[warp->number % GROUP]++;
}

static void run_fence(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (whole_warp(warp, i, mask)) queue_of(warp)->fenced[warp->number % GROUP] = true;
}

// ---- decoding ----

static bool take_shape(sim_decoder *d, int *n, int *k) {
    for (int p = 1; p < d->statement->n_parts; p++) {
        const char *part = d->statement->parts[p];
        char *end;
        if (strncmp(part, "m64n", 4) != 0) continue;
        *n = (int)strtol(part + 4, &end, 10);
        *k = *end == 'k' ? (int)strtol(end + 1, &end, 10) : 0;
        d->taken[p] = true;
        return *end == 0 && *n >= 8 && *n <= 256 && *n % 8 == 0;
    }
    return false;
}

static bool take_types(sim_decoder *d, code *c) {
    ptx_type sums = sim_take_type(d), a = sim_take_type(d), b = sim_take_type(d);
    c->wgmma.c = SIM_F32;
    c->wgmma.a = a == PTX_F16 ? SIM_F16 : a == PTX_BF16 ? SIM_BF16 : SIM_TF32;
    return sums == PTX_F32 && a == b && (a == PTX_F16 || a == PTX_BF16 || a == PTX_TF32);
}

static int immediate(sim_decoder *d, int k) {
    const ptx_operand *operand = sim_operand(d, k);
    if (operand->kind != PTX_INTEGER) sim_decode_fail(d, "operand %d has to be a number", k);
    return (int)operand->bits;
}

static void decode_sums_and_a(sim_decoder *d, code *c) {
    const ptx_operand *sums, *a;
    sim_instr *i = d->i;
    int n = sim_elements(sim_operand(d, 0), &sums), n_a = sim_elements(sim_operand(d, 1), &a);
    c->wgmma.a_in_registers = sim_operand(d, 1)->kind == PTX_VECTOR;
    c->d_registers = c->wgmma.n / 2;
    c->a_registers = c->wgmma.a_in_registers ? MOST_A : 0;
    if (n != c->d_registers || (c->a_registers && n_a != c->a_registers))
        sim_decode_fail(d, "%d registers for sums, 4 for A", c->d_registers);
    // The sums are read, too, unless they begin here: they keep their place, and whether they were
    // written is not checked.
    d->copies[d->statement - d->function->statements] = true;
    sim_slot *list = sim_slots(d, n + c->a_registers);
    sim_slot *kept = ptx_pool_take(d->pool, (size_t)n * sizeof *kept);
    for (int k = 0; k < n; k++) sim_use(d, &kept[k], &sums[k], PTX_F32);
    for (int k = 0; k < n; k++) sim_define(d, &list[k], &sums[k], PTX_F32);
    for (int k = 0; k < c->a_registers; k++) sim_use(d, &list[n + k], &a[k], PTX_B32);
    if (!c->a_registers) sim_use(d, &i->a, sim_operand(d, 1), PTX_B64);
}

static void decode_product(sim_decoder *d) {
    sim_instr *i = d->i;
    code *c = ptx_pool_take(d->pool, sizeof *c);
    if (!take_shape(d, &c->wgmma.n, &c->wgmma.k) || !take_types(d, c))
        sim_decode_fail(d, "this shape and these types are not simulated");
    i->extra = c;
    i->run = run_product;
    decode_sums_and_a(d, c);
    sim_use(d, &i->b, sim_operand(d, 2), PTX_B64);
    const ptx_operand *keep = sim_operand(d, 3);
    bool pred = keep->kind == PTX_REGISTER;
    i->from = pred ? PTX_PRED : PTX_U32;
    i->negated = keep->negated;
    sim_use(d, &i->c, keep, pred ? PTX_PRED : PTX_U32);
    c->wgmma.scale_a = immediate(d, 4);
    c->wgmma.scale_b = immediate(d, 5);
    if (c->wgmma.a == SIM_TF32) return;
    int next = 6;
    if (!c->wgmma.a_in_registers) c->wgmma.transpose_a = immediate(d, next++);
    c->wgmma.transpose_b = immediate(d, next);
}

void sim_decode_wgmma(sim_decoder *d) {
    sim_instr *i = d->i;
    bool fence = sim_take(d, "fence"), commit = sim_take(d, "commit_group");
    bool wait = sim_take(d, "wait_group");
    sim_take(d, "mma_async");
    sim_take(d, "sync");
    sim_take(d, "aligned");
    if (wait) i->offset = immediate(d, 0);
    if (fence || commit || wait)
        i->run = fence ? run_fence : commit ? run_commit : run_wait;
    else
        decode_product(d);
}
