#include "runtime/cuda/measure.h"

#include "runtime/cuda/inside.h"

dn_status dn_cuda_run_profiled(dn_cuda *cuda, dn_profile *profile, const dn_entry *entry,
                               const dn_native_call *call) {
    const dn_native_entry *code = cuda->entries[call->entry - cuda->program->entries].code;
    dn_native_watcher watcher = dn_profile_begin_run(profile, entry, code);
    dn_cuda_watch(cuda, &watcher);
    dn_status status = dn_cuda_run(cuda, call);
    dn_cuda_watch(cuda, NULL);
    dn_profile_end_run(profile, call);
    return status;
}

void dn_cuda_print_profile(const dn_cuda *cuda, dn_profile *profile, FILE *out) {
    const dn_cuda_memory *memory = &cuda->layout.sizes;
    dn_machine limits;
    dn_cuda_limits(cuda, &limits);
    dn_profile_memory rows[] = {{"arena", memory->arena},
                                {"inputs", memory->inputs},
                                {"results", memory->outputs},
                                {"state of runs", memory->state},
                                {"pinned, on host", memory->pinned}};
    dn_profile_print_device(profile, &limits, rows, sizeof rows / sizeof *rows, out);
}
