// Makes values of kernels again, whether that saves memory or not.
#ifndef DN_TESTS_NATIVE_REMAKE_H
#define DN_TESTS_NATIVE_REMAKE_H

#include "codegen/kernel/draft.h"

enum { CHANGES = 6 };

static int remade;  // values

static inline void take_over(dn_kernels *kernels, dn_draft *draft) {
    free(kernels->list);
    free(kernels->buffers);
    kernels->list = draft->kernels.list;
    kernels->n = draft->kernels.n;
    kernels->cap = draft->kernels.cap;
    kernels->buffers = draft->kernels.buffers;
    kernels->n_buffers = draft->kernels.n_buffers;
    kernels->cap_buffers = draft->kernels.cap_buffers;
    draft->kernels.list = NULL;
    draft->kernels.buffers = NULL;
}

// A use that only reads, of any buffer.
static inline bool choose(const dn_draft *d, uint64_t choice, dn_remake *what) {
    int n = 0;
    for (int round = 0; round < 2; round++) {
        int wanted = n ? (int)(choice % (uint64_t)n) : 0;
        n = 0;
        for (int b = 0; b < d->kernels.n_buffers; b++)
            for (int i = d->first_use[b]; i < d->first_use[b + 1]; i++) {
                if (d->kernels.buffers[b].kind != DN_BUFFER_TEMP || d->uses[i].writes) continue;
                if (round && n == wanted) {
                    *what = (dn_remake){b, d->uses[i].at, (int)(choice >> 32) % 4};
                    return true;
                }
                n++;
            }
    }
    return false;
}

static inline void remake(dn_kernels *kernels) {
    static uint64_t choice = 1;
    dn_draft *now = dn_draft_new(kernels);
    dn_remake what;
    for (int i = 0; i < CHANGES; i++) {
        bool deeper;
        dn_draft_index(now);
        choice = choice * 6364136223846793005u + 1442695040888963407u;
        if (!choose(now, choice >> 7, &what)) break;
        dn_draft *next = dn_draft_remake(now, what, &kernels->arena, &deeper);
        if (!next) break;
        remade++;
        dn_draft_free(now);
        now = next;
    }
    take_over(kernels, now);
    dn_draft_free(now);
}

#endif
