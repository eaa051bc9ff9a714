// Special registers, the same during a block.
#include <string.h>

#include "tests/cudasim/machine.h"

typedef enum special_kind {
    TID,
    NTID,
    CTAID,
    NCTAID,
    LANEID,
    WARPID,
    NWARPID,
    SMID,
    NSMID,
    GRIDID,
    MASK_EQ,
    MASK_LT,
    MASK_LE,
    MASK_GT,
    MASK_GE,
    ZERO,
    DYNAMIC_SHARED,
    TOTAL_SHARED,
    WARP_SIZE,
    ONE,
} special_kind;

static const struct {
    const char *name;
    special_kind which;
    int axis;
} registers[] = {
    {"%tid.x", TID, 0},
    {"%tid.y", TID, 1},
    {"%tid.z", TID, 2},
    {"%ntid.x", NTID, 0},
    {"%ntid.y", NTID, 1},
    {"%ntid.z", NTID, 2},
    {"%ctaid.x", CTAID, 0},
    {"%ctaid.y", CTAID, 1},
    {"%ctaid.z", CTAID, 2},
    {"%nctaid.x", NCTAID, 0},
    {"%nctaid.y", NCTAID, 1},
    {"%nctaid.z", NCTAID, 2},
    {"%laneid", LANEID, 0},
    {"%warpid", WARPID, 0},
    {"%nwarpid", NWARPID, 0},
    {"%smid", SMID, 0},
    {"%nsmid", NSMID, 0},
    {"%gridid", GRIDID, 0},
    {"%lanemask_eq", MASK_EQ, 0},
    {"%lanemask_lt", MASK_LT, 0},
    {"%lanemask_le", MASK_LE, 0},
    {"%lanemask_gt", MASK_GT, 0},
    {"%lanemask_ge", MASK_GE, 0},
    {"%dynamic_smem_size", DYNAMIC_SHARED, 0},
    {"%total_smem_size", TOTAL_SHARED, 0},
    {"WARP_SZ", WARP_SIZE, 0},
    // A cluster has one block.
    {"%clusterid.x", CTAID, 0},
    {"%clusterid.y", CTAID, 1},
    {"%clusterid.z", CTAID, 2},
    {"%nclusterid.x", NCTAID, 0},
    {"%nclusterid.y", NCTAID, 1},
    {"%nclusterid.z", NCTAID, 2},
    {"%cluster_ctaid.x", ZERO, 0},
    {"%cluster_ctaid.y", ZERO, 0},
    {"%cluster_ctaid.z", ZERO, 0},
    {"%cluster_ctarank", ZERO, 0},
    {"%cluster_nctarank", ONE, 0},
    {"%cluster_nctaid.x", ONE, 0},
    {"%cluster_nctaid.y", ONE, 0},
    {"%cluster_nctaid.z", ONE, 0},
};

static int find(const char *name) {
    for (int k = 0; k < (int)(sizeof registers / sizeof *registers); k++)
        if (strcmp(registers[k].name, name) == 0) return k;
    return -1;
}

bool sim_special_known(const char *name) { return find(name) >= 0; }

static uint32_t thread_index(const sim_warp *warp, int axis, int lane) {
    const uint32_t *block = warp->cta->grid->launch->block;
    uint32_t t = (uint32_t)(warp->number * SIM_LANES + lane);
    return axis == 0 ? t % block[0] : axis == 1 ? t / block[0] % block[1] : t / block[0] / block[1];
}

static uint32_t value_of(const sim_warp *warp, special_kind which, int axis, int lane) {
    const sim_cta *cta = warp->cta;
    uint32_t bit = 1u << lane;
    switch (which) {
        case TID: return thread_index(warp, axis, lane);
        case NTID: return cta->grid->launch->block[axis];
        case CTAID: return cta->index[axis];
        case NCTAID: return cta->grid->launch->grid[axis];
        case LANEID: return (uint32_t)lane;
        case WARPID: return (uint32_t)warp->number;
        case NWARPID: return (uint32_t)cta->n_warps;
        case MASK_EQ: return bit;
        case MASK_LT: return bit - 1;
        case MASK_LE: return bit | (bit - 1);
        case MASK_GT: return ~(bit | (bit - 1));
        case MASK_GE: return ~(bit - 1);
        case NSMID:
        case ONE: return 1;
        case DYNAMIC_SHARED: return cta->grid->launch->shared;
        case TOTAL_SHARED: return cta->shared_bytes;
        case WARP_SIZE: return SIM_LANES;
        default: return 0;
    }
}

void sim_special_set(sim_warp *warp) {
    const sim_program *program = warp->cta->program;
    for (int k = 0; k < program->n_specials; k++) {
        const sim_special *special = &program->specials[k];
        int r = find(special->name);
        if (r < 0) continue;
        char *to = warp->registers + special->slot;
        for (int l = 0; l < SIM_LANES; l++) {
            uint32_t value = value_of(warp, registers[r].which, registers[r].axis, l);
            if (special->wide)
                ((uint64_t *)(void *)to)[l] = value;
            else
                ((uint32_t *)(void *)to)[l] = value;
        }
    }
}
