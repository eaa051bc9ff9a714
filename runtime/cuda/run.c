// A run of an entry: inputs, launches, results. Only an entry that can fail is waited for.
#include <string.h>

#include "runtime/cuda/inside.h"

// The fault has been copied by the first part.
static dn_status take_fault(dn_cuda *cuda, const dn_cuda_entry *e, int set) {
    dn_cuda_state state;
    DN_TRY(dn_cuda_check(cuda, cuda->cu.stream_wait(cuda->compute), e->entry->name));
    memcpy(&state, cuda->sets[set].pinned + cuda->layout.state, sizeof state);
    const dn_native_fault *fault = &state.fault;
    if (fault->rows == 0) return DN_SUCCESS;
    if (fault->launch < 0 || fault->launch >= e->code->n_launches)
        return dn_fail(DN_INTERNAL, "%s: a fault of no launch", e->entry->name);
    return dn_native_describe_fault(e->code, &e->code->launches[fault->launch], fault);
}

static dn_status launch_parts(dn_cuda *cuda, dn_cuda_entry *e, int set) {
    for (int i = 0; i < e->n_parts; i++) {
        DN_TRY(dn_cuda_launch_part(cuda, e, &e->parts[i], set));
        if (e->parts[i].checks) DN_TRY(take_fault(cuda, e, set));
    }
    DN_TRY(dn_cuda_check(cuda, cuda->cu.event_record(cuda->sets[set].done, cuda->compute),
                         e->entry->name));
    cuda->sets[set].used = true;
    e->ran = true;
    return DN_SUCCESS;
}

static dn_status run(dn_cuda *cuda, dn_cuda_entry *e, const dn_native_call *call, int set) {
    DN_TRY(dn_cuda_bring_variables(cuda, e, call));
    DN_TRY(dn_cuda_bring_inputs(cuda, e, call, set));
    DN_TRY(dn_cuda_retire(cuda, set));
    DN_TRY(dn_cuda_keep_shared(cuda, e, call));
    DN_TRY(launch_parts(cuda, e, set));
    DN_TRY(dn_cuda_give_variables(cuda, e, call));
    return dn_cuda_give_outputs(cuda, e, call, set);
}

dn_status dn_cuda_run(dn_cuda *cuda, const dn_native_call *call) {
    dn_cuda_entry *e = &cuda->entries[call->entry - cuda->program->entries];
    int set = (int)(cuda->runs++ % DN_CUDA_SETS);
    for (int i = 0; i < call->entry->n_outputs; i++) call->outputs[i] = NULL;
    DN_TRY(dn_native_check_inputs(call));
    return run(cuda, e, call, set);
}

dn_status dn_cuda_wait(dn_cuda *cuda) {
    DN_TRY(dn_cuda_check(cuda, cuda->cu.stream_wait(cuda->copies), "the GPU"));
    return dn_cuda_check(cuda, cuda->cu.stream_wait(cuda->compute), "the GPU");
}

void dn_cuda_watch(dn_cuda *cuda, const dn_native_watcher *watcher) {
    cuda->watcher = watcher ? *watcher : (dn_native_watcher){0};
}
