// mma, ldmatrix, stmatrix: what they compute is matrix.h's.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/access.h"
#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"

enum { MOST_REGISTERS = 16, ROW_BYTES = 16 };

// All 32 threads have to be here.
static bool whole_warp(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (mask == UINT32_MAX) return true;
    if (!sim_warp_gather(warp, i, mask, UINT32_MAX)) return false;
    sim_report(warp, i, __builtin_ctz(mask), SIM_DIVERGENT_BARRIER,
               "only threads 0x%x of a warp come to an instruction for whole warps", mask);
    return true;
}

// ---- mma ----

typedef struct multiply {
    sim_mma mma;
    int a, b, c;  // registers
    bool wide;    // of f64: 64-bit registers
} multiply;

// Registers to fragments of 32 bits: a 64-bit one is two.
static void take_fragment(const sim_warp *warp, const sim_slot *slots, int n, bool wide,
                          uint32_t (*to)[SIM_LANES]) {
    for (int k = 0; k < n; k++) {
        if (!wide) {
            memcpy(to[k], sim_source(warp, slots[k]), sizeof *to);
            continue;
        }
        const uint64_t *from = sim_source(warp, slots[k / 2]);
        for (int l = 0; l < SIM_LANES; l++) to[k][l] = (uint32_t)(from[l] >> (k % 2 * 32));
    }
}

static void put_fragment(sim_warp *warp, const sim_slot *slots, int n, bool wide, uint32_t mask,
                         uint32_t (*from)[SIM_LANES]) {
    for (int k = 0; k < n; k++) {
        if (!wide) {
            sim_blend(warp->registers + slots[k], from[k], mask, 4);
            continue;
        }
        uint64_t *to = (uint64_t *)(void *)(warp->registers + slots[k / 2]);
        for (int l = 0; l < SIM_LANES; l++) {
            if (!(mask >> l & 1)) continue;
            uint64_t half = (uint64_t)from[k][l] << (k % 2 * 32);
            to[l] = k % 2 ? (to[l] & UINT32_MAX) | half : half;
        }
    }
}

static void run_mma(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (!whole_warp(warp, i, mask)) return;
    const multiply *m = i->extra;
    uint32_t a[MOST_REGISTERS][SIM_LANES], b[MOST_REGISTERS][SIM_LANES];
    uint32_t c[MOST_REGISTERS][SIM_LANES], d[MOST_REGISTERS][SIM_LANES];
    const sim_slot *slots = i->list;
    int per = m->wide ? 2 : 1;
    take_fragment(warp, slots + m->c / per, m->a, m->wide, a);
    take_fragment(warp, slots + (m->c + m->a) / per, m->b, m->wide, b);
    take_fragment(warp, slots + (m->c + m->a + m->b) / per, m->c, m->wide, c);
    sim_mma_run(&m->mma, a, b, c, d);
    put_fragment(warp, slots, m->c, m->wide, mask, d);
}

static bool matrix_type(ptx_type type, sim_matrix_type *out) {
    static const struct {
        ptx_type type;
        sim_matrix_type matrix;
    } types[] = {{PTX_F16, SIM_F16}, {PTX_BF16, SIM_BF16}, {PTX_TF32, SIM_TF32},
                 {PTX_F32, SIM_F32}, {PTX_F64, SIM_F64},   {PTX_S8, SIM_S8},
                 {PTX_U8, SIM_U8},   {PTX_S32, SIM_S32}};
    for (int k = 0; k < (int)(sizeof types / sizeof *types); k++)
        if (types[k].type == type) {
            *out = types[k].matrix;
            return true;
        }
    return false;
}

static bool take_shape(sim_decoder *d, int *m, int *n, int *k) {
    for (int p = 1; p < d->statement->n_parts; p++) {
        const char *part = d->statement->parts[p];
        char *end;
        if (part[0] != 'm' || part[1] < '0' || part[1] > '9') continue;
        *m = (int)strtol(part + 1, &end, 10);
        if (*end != 'n') continue;
        *n = (int)strtol(end + 1, &end, 10);
        *k = *end == 'k' ? (int)strtol(end + 1, &end, 10) : 0;
        if (*end) continue;
        d->taken[p] = true;
        return true;
    }
    return false;
}

// The type of a fragment's registers, of `count` halves or words.
static ptx_type register_type(bool wide) { return wide ? PTX_F64 : PTX_B32; }

static void use_fragment(sim_decoder *d, sim_slot *slots, int operand, int n, bool wide,
                         bool define) {
    const ptx_operand *first;
    int count = wide ? n / 2 : n;
    if (sim_elements(sim_operand(d, operand), &first) != count)
        sim_decode_fail(d, "operand %d has to have %d registers", operand, count);
    for (int k = 0; k < count; k++) {
        if (define)
            sim_define(d, &slots[k], &first[k], register_type(wide));
        else
            sim_use(d, &slots[k], &first[k], register_type(wide));
    }
}

static void decode_mma(sim_decoder *d) {
    sim_instr *i = d->i;
    multiply *m = ptx_pool_take(d->pool, sizeof *m);
    if (!take_shape(d, &m->mma.m, &m->mma.n, &m->mma.k)) sim_decode_fail(d, "no shape");
    sim_take(d, "row");
    sim_take(d, "col");
    sim_take(d, "satfinite");
    ptx_type to = sim_take_type(d), a = sim_take_type(d), b = sim_take_type(d);
    ptx_type c = sim_take_type(d);
    if (to != c || !matrix_type(a, &m->mma.a) || !matrix_type(b, &m->mma.b) ||
        !matrix_type(c, &m->mma.c) || !sim_mma_registers(&m->mma, &m->a, &m->b, &m->c))
        sim_decode_fail(d, "this shape and these types are not simulated");
    m->wide = a == PTX_F64;
    i->extra = m;
    i->run = run_mma;
    int per = m->wide ? 2 : 1;
    sim_slot *slots = sim_slots(d, (2 * m->c + m->a + m->b) / per);
    use_fragment(d, slots, 0, m->c, m->wide, true);
    use_fragment(d, slots + m->c / per, 1, m->a, m->wide, false);
    use_fragment(d, slots + (m->c + m->a) / per, 2, m->b, m->wide, false);
    use_fragment(d, slots + (m->c + m->a + m->b) / per, 3, m->c, m->wide, false);
}

// ---- ldmatrix, stmatrix: bytes: 4 or 2 or 1 matrices; mode: transposed ----

// The lanes that have the addresses of rows.
static uint32_t row_lanes(const sim_instr *i) { return UINT32_MAX >> (SIM_LANES - 8 * i->n_list); }

static void run_load(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (!whole_warp(warp, i, mask)) return;
    uint64_t addresses[SIM_LANES];
    uint8_t data[SIM_LANES][SIM_MOST_ACCESS], rows[SIM_LANES][ROW_BYTES] = {{0}};
    uint32_t d[4][SIM_LANES];
    sim_lane_addresses(warp, i, addresses);
    ptx_space space = (ptx_space)i->space;
    if (!sim_read_lanes(warp, i, row_lanes(i), space, addresses, ROW_BYTES, data)) return;
    for (int l = 0; l < 8 * i->n_list; l++) memcpy(rows[l], data[l], ROW_BYTES);
    sim_ldmatrix(i->n_list, i->mode, rows, d);
    for (int k = 0; k < i->n_list; k++) sim_blend(warp->registers + i->list[k], d[k], mask, 4);
}

static void run_store(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    if (!whole_warp(warp, i, mask)) return;
    uint64_t addresses[SIM_LANES];
    uint8_t data[SIM_LANES][SIM_MOST_ACCESS], rows[SIM_LANES][ROW_BYTES];
    uint32_t s[4][SIM_LANES];
    take_fragment(warp, i->list, i->n_list, false, s);
    sim_stmatrix(i->n_list, i->mode, s, rows);
    for (int l = 0; l < 8 * i->n_list; l++) memcpy(data[l], rows[l], ROW_BYTES);
    sim_lane_addresses(warp, i, addresses);
    sim_write_lanes(warp, i, row_lanes(i), (ptx_space)i->space, addresses, ROW_BYTES, data);
}

static void decode_rows(sim_decoder *d, bool load) {
    static const char *const counts[] = {"x1", "x2", "x4", NULL};
    sim_instr *i = d->i;
    int m, n, k, count = sim_take_one(d, counts);
    if (!take_shape(d, &m, &n, &k) || m != 8 || n != 8 || count < 0)
        sim_decode_fail(d, "only m8n8.x1, .x2 and .x4 are simulated");
    i->mode = sim_take(d, "trans");
    i->space = (uint8_t)sim_take_space(d);
    if (sim_take_type(d) != PTX_B16) sim_decode_fail(d, "only .b16 is simulated");
    i->run = load ? run_load : run_store;
    sim_slot *slots = sim_slots(d, 1 << count);
    sim_address(d, sim_operand(d, load ? 1 : 0));
    use_fragment(d, slots, load ? 0 : 1, 1 << count, false, load);
}

void sim_decode_matrix(sim_decoder *d) {
    const char *name = d->statement->parts[0];
    if (!sim_take(d, "sync") || !sim_take(d, "aligned"))
        sim_decode_fail(d, "this has to be .sync.aligned");
    if (strcmp(name, "mma") == 0)
        decode_mma(d);
    else
        decode_rows(d, name[0] == 'l');
}
