// Which GPUs code is made for.
#include <string.h>

#include "codegen/nvptx/nvptx.h"

typedef struct processor {
    const char *name;
    int sm;
    bool specific;
} processor;

static const processor processors[] = {
    {"sm_80", 80, false}, {"sm_86", 86, false}, {"sm_87", 87, false},
    {"sm_89", 89, false}, {"sm_90", 90, false}, {"sm_90a", 90, true},
};
enum { N_PROCESSORS = sizeof processors / sizeof *processors };

dn_status dn_nvptx_parse(const char *target, dn_nvptx *out) {
    const char *name = strcmp(target, "cuda") == 0 ? "sm_80" : target + strlen("cuda:");
    if (strcmp(target, "cuda") != 0 && strncmp(target, "cuda:", strlen("cuda:")) != 0)
        return dn_fail(DN_INVALID, "`%s` is no GPU", target);
    for (int i = 0; i < N_PROCESSORS; i++) {
        if (strcmp(name, processors[i].name) != 0) continue;
        *out = (dn_nvptx){.sm = processors[i].sm, .specific = processors[i].specific};
        return DN_SUCCESS;
    }
    return dn_with_hint(dn_fail(DN_INVALID, "`%s`: code cannot be made for `%s`", target, name),
                        "`cuda` alone runs on sm_80 and all later ones; the others are sm_80, "
                        "sm_86, sm_87, sm_89, sm_90 and sm_90a");
}

dn_status dn_nvptx_for(int capability, dn_nvptx *out) {
    const processor *best = NULL;
    for (int i = 0; i < N_PROCESSORS; i++) {
        const processor *p = &processors[i];
        if (p->specific ? p->sm == capability : p->sm <= capability) best = p;
    }
    if (!best)
        return dn_with_hint(dn_fail(DN_UNSUPPORTED, "the GPU is sm_%d", capability),
                            "sm_80 and later ones can be used");
    *out = (dn_nvptx){.sm = best->sm, .specific = best->specific};
    return DN_SUCCESS;
}

const char *dn_nvptx_processor(const dn_nvptx *target) {
    for (int i = 0; i < N_PROCESSORS; i++)
        if (processors[i].sm == target->sm && processors[i].specific == target->specific)
            return processors[i].name;
    dn_panic(__FILE__, __LINE__, "sm_%d is none that dn_nvptx_parse gives", target->sm);
}

// Shared memory brings operands into the order that they are needed in.
static dn_pack never_packed(const dn_contract *contract) {
    (void)contract;
    return (dn_pack){.needed = false};
}

// Both tiles of a product are of one type.
static bool reads_narrow(const dn_contract *contract, int operand) {
    return contract->narrow[1 - operand];
}

const dn_target dn_nvptx_target = {
    .name = "cuda", .pack = never_packed, .parts = dn_nvptx_parts, .reads_narrow = reads_narrow};
