// Addresses of one space as generic ones, and instructions that have no effect here.
#include <string.h>

#include "tests/cudasim/access.h"
#include "tests/cudasim/alu.h"
#include "tests/cudasim/decode.h"
#include "tests/cudasim/lanes.h"

static uint64_t window_of(ptx_space space) {
    switch (space) {
        case PTX_SHARED: return SIM_SHARED_WINDOW;
        case PTX_LOCAL:
        case PTX_FRAME: return SIM_LOCAL_WINDOW;
        case PTX_PARAM: return SIM_PARAM_WINDOW;
        default: return 0;
    }
}

// `offset` is what is added.
SIM_UNARY(shift64, uint64_t, uint64_t, x + (uint64_t)i->offset)
SIM_UNARY(copy32, uint32_t, uint32_t, x)

static void run_isspacep(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    const uint64_t *a = sim_source(warp, i->a);
    uint32_t bits = 0;
    for (int l = 0; l < SIM_LANES; l++)
        bits |= (uint32_t)(SIM_WINDOW(a[l]) == SIM_WINDOW((uint64_t)i->offset)) << l;
    sim_set_pred(warp, i->d, mask, bits);
}

// The address of a variable, or a register.
static void use_address(sim_decoder *d, const ptx_operand *operand, ptx_type type) {
    if (operand->kind == PTX_VARIABLE)
        d->i->a =
            sim_constant(d, ptx_type_bytes(type), (uint64_t)sim_variable_address(d, operand), 0);
    else
        sim_use(d, &d->i->a, operand, type);
}

static void decode_cvta(sim_decoder *d) {
    sim_instr *i = d->i;
    bool to = sim_take(d, "to");
    ptx_space space = sim_take_space(d);
    if (space == PTX_GENERIC) sim_decode_fail(d, "cvta needs a space");
    if (space == PTX_PARAM && !d->function->kernel) space = PTX_FRAME;
    ptx_type type = sim_take_type(d);
    if (ptx_type_bytes(type) != 8) sim_decode_fail(d, "addresses have 64 bits");
    uint64_t window = window_of(space);
    i->run = sim_run_lanes;
    i->lanes = shift64;
    i->width = 8;
    i->offset = (int64_t)(to ? 0 - window : window);
    sim_define(d, &i->d, sim_operand(d, 0), type);
    use_address(d, sim_operand(d, 1), type);
}

void sim_decode_address(sim_decoder *d) {
    sim_instr *i = d->i;
    const char *name = d->statement->parts[0];
    if (strcmp(name, "cvta") == 0) {
        decode_cvta(d);
    } else if (strcmp(name, "isspacep") == 0) {
        i->offset = (int64_t)window_of(sim_take_space(d));
        i->run = run_isspacep;
        sim_define(d, &i->d, sim_operand(d, 0), PTX_PRED);
        sim_use(d, &i->a, sim_operand(d, 1), PTX_B64);
    } else if (strcmp(name, "mapa") == 0) {  // a cluster has one block
        sim_take_space(d);
        ptx_type type = sim_take_type(d);
        i->run = sim_run_lanes;
        i->width = (uint8_t)ptx_type_bytes(type);
        i->lanes = i->width == 8 ? shift64 : copy32;
        sim_define(d, &i->d, sim_operand(d, 0), type);
        use_address(d, sim_operand(d, 1), type);
    } else {
        sim_decode_fail(d, "clusters of several blocks are not simulated");
    }
}

static void run_nothing(sim_warp *warp, const sim_instr *i, uint32_t mask) {
    (void)warp, (void)i, (void)mask;
}

void sim_decode_nothing(sim_decoder *d) {
    d->i->run = run_nothing;
    for (int k = 1; k < d->statement->n_parts; k++) d->taken[k] = true;
}
