// What goes to the device before a run, and the tensors that stand for what is there after it.
//
// The device holds a reference to the tensor of each variable, and each set to its results until
// they are overwritten. So nobody else has a tensor whose count says that it is only ours.
#include <stdlib.h>
#include <string.h>

#include "runtime/cuda/inside.h"

static bool held_by_others(const dn_tensor *tensor, int ours) {
    return __atomic_load_n(&tensor->references, __ATOMIC_ACQUIRE) > ours;
}

static dn_cu_address address_of_variable(const dn_cuda *cuda, int variable) {
    return cuda->memory + (dn_cu_address)cuda->layout.variables[variable];
}

// ---- to the host ----

static dn_status fetch_variable(dn_tensor_source *source, const dn_tensor *tensor, void *to) {
    const dn_cuda_variable *v = (const dn_cuda_variable *)source;
    dn_cuda *cuda = v->cuda;
    const char *name = cuda->program->variables[v->index].name;
    if (tensor->bytes == 0) return DN_SUCCESS;
    DN_TRY(dn_cuda_check(
        cuda,
        cuda->cu.download(to, address_of_variable(cuda, v->index), tensor->bytes, cuda->compute),
        name));
    return dn_cuda_check(cuda, cuda->cu.stream_wait(cuda->compute), name);
}

static int number_in(const dn_cuda_set *s, const dn_tensor *tensor) {
    int i = 0;
    while (i < s->n_tensors && s->tensors[i] != tensor) i++;
    DN_ASSERT(i < s->n_tensors, "a result of no run");
    return i;
}

static dn_status fetch_output(dn_tensor_source *source, const dn_tensor *tensor, void *to) {
    const dn_cuda_set *s = (const dn_cuda_set *)source;
    DN_TRY(dn_cuda_check(s->cuda, s->cuda->cu.event_wait(s->done), s->entry->name));
    if (tensor->bytes)
        memcpy(to, s->pinned + s->outputs->offsets[number_in(s, tensor)], tensor->bytes);
    return DN_SUCCESS;
}

dn_tensor_source dn_cuda_variable_source(void) {
    return (dn_tensor_source){.fetch = fetch_variable};
}

dn_tensor_source dn_cuda_output_source(void) { return (dn_tensor_source){.fetch = fetch_output}; }

dn_status dn_cuda_retire(dn_cuda *cuda, int set) {
    dn_cuda_set *s = &cuda->sets[set];
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < s->n_tensors && !status; i++)
        if (held_by_others(s->tensors[i], 1)) status = dn_tensor_settle(s->tensors[i]);
    if (status) return status;
    while (s->n_tensors > 0) dn_tensor_release(s->tensors[--s->n_tensors]);
    return DN_SUCCESS;
}

// ---- variables ----

// Whoever still holds the tensor of a variable gets the data; then it is nobody's.
static dn_status forget_variable(dn_cuda_variable *v) {
    if (!v->tensor) return DN_SUCCESS;
    if (held_by_others(v->tensor, 1)) DN_TRY(dn_tensor_settle(v->tensor));
    dn_tensor_release(v->tensor);
    v->tensor = NULL;
    return DN_SUCCESS;
}

static dn_status upload_variable(dn_cuda *cuda, dn_cuda_variable *v, dn_tensor *tensor) {
    DN_TRY(dn_tensor_settle(tensor));
    DN_TRY(forget_variable(v));
    if (tensor->bytes)
        DN_TRY(dn_cuda_check(cuda,
                             cuda->cu.upload(address_of_variable(cuda, v->index), tensor->data,
                                             tensor->bytes, cuda->compute),
                             cuda->program->variables[v->index].name));
    v->tensor = dn_tensor_retain(tensor);
    return DN_SUCCESS;
}

dn_status dn_cuda_bring_variables(dn_cuda *cuda, const dn_cuda_entry *e,
                                  const dn_native_call *call) {
    bool uploads = false;
    for (int i = 0; i < e->entry->n_vars; i++) {
        dn_cuda_variable *v = &cuda->variables[e->entry->vars[i]];
        if (v->tensor == call->vars[i]) continue;
        DN_TRY(upload_variable(cuda, v, call->vars[i]));
        uploads = true;
    }
    if (!uploads) return DN_SUCCESS;
    // The data have to stay until they were copied, and launches may free them.
    return dn_cuda_check(cuda, cuda->cu.stream_wait(cuda->compute), e->entry->name);
}

// Two references are the caller's and ours.
dn_status dn_cuda_keep_shared(dn_cuda *cuda, dn_cuda_entry *e, const dn_native_call *call) {
    int first = cuda->layout.first[e->number];
    for (int i = 0; i < e->entry->n_vars; i++) {
        e->shared[i] = e->writes[i] && held_by_others(call->vars[i], 2);
        if (e->shared[i]) DN_TRY(dn_tensor_settle(call->vars[i]));
    }
    return first < 0 ? DN_SUCCESS : forget_variable(&cuda->variables[first]);
}

// A new tensor whose data are where the variable is; *out: the caller's reference.
static dn_status stand_for(dn_cuda_variable *v, const dn_variable *variable, dn_tensor **out) {
    dn_tensor *tensor;
    DN_TRY(dn_tensor_new_at(variable->dtype, &variable->shape, &v->source, &tensor));
    dn_tensor_release(v->tensor);
    v->tensor = dn_tensor_retain(tensor);
    *out = tensor;
    return DN_SUCCESS;
}

dn_status dn_cuda_give_variables(dn_cuda *cuda, dn_cuda_entry *e, const dn_native_call *call) {
    for (int i = 0; i < e->entry->n_vars; i++) {
        if (!e->writes[i]) continue;
        int index = e->entry->vars[i];
        dn_cuda_variable *v = &cuda->variables[index];
        if (!e->shared[i]) {
            dn_tensor_leave(call->vars[i], &v->source);
            continue;
        }
        dn_tensor *old = call->vars[i];
        DN_TRY(stand_for(v, &cuda->program->variables[index], &call->vars[i]));
        dn_tensor_release(old);
    }
    return DN_SUCCESS;
}

// ---- inputs ----

// "inputs of train_step", if that went wrong.
static dn_status check_inputs(const dn_cuda *cuda, const dn_entry *entry, dn_cu_result result) {
    if (!result) return DN_SUCCESS;
    char *text = dn_printf("inputs of %s", entry->name);
    dn_status status = dn_cuda_check(cuda, result, text);
    free(text);
    return status;
}

static dn_status upload(dn_cuda *cuda, const dn_entry *entry, const dn_cuda_set *s, int64_t begin,
                        int64_t end) {
    if (begin == end) return DN_SUCCESS;
    return check_inputs(cuda, entry,
                        cuda->cu.upload(s->device + (dn_cu_address)begin, s->pinned + begin,
                                        (size_t)(end - begin), cuda->copies));
}

// A result that is still where a run has left it.
static const dn_cuda_set *result_of(const dn_cuda *cuda, const dn_tensor *tensor) {
    for (int i = 0; i < DN_CUDA_SETS; i++)
        if (tensor->source == &cuda->sets[i].source) return &cuda->sets[i];
    return NULL;
}

static dn_status copy_result(dn_cuda *cuda, const dn_entry *entry, const dn_cuda_set *from,
                             const dn_cuda_set *to, const dn_tensor *tensor, int64_t at) {
    int64_t offset = from->outputs->offsets[number_in(from, tensor)];
    if (tensor->bytes == 0) return DN_SUCCESS;
    return check_inputs(
        cuda, entry,
        cuda->cu.copy(to->device + (dn_cu_address)at, from->device + (dn_cu_address)offset,
                      tensor->bytes, cuda->compute));
}

static void write_state(const dn_cuda *cuda, const dn_cuda_set *s, const dn_native_call *call) {
    dn_cuda_state state = {.seed = call->seed, .step = call->step};
    memcpy(s->pinned + cuda->layout.state, &state, sizeof state);
}

// The state and the inputs, in one copy where they stand next to each other.
static dn_status upload_all(dn_cuda *cuda, const dn_cuda_entry *e, const dn_native_call *call,
                            const dn_cuda_set *s) {
    const int64_t *offsets = cuda->layout.inputs[e->number].offsets;
    int64_t begin = cuda->layout.state, end = begin + (int64_t)sizeof(dn_cuda_state);
    write_state(cuda, s, call);
    for (int i = 0; i < e->entry->n_inputs; i++) {
        dn_tensor *tensor = call->inputs[i];
        const dn_cuda_set *from = result_of(cuda, tensor);
        if (from) {
            DN_TRY(copy_result(cuda, e->entry, from, s, tensor, offsets[i]));
            continue;
        }
        DN_TRY(dn_tensor_settle(tensor));
        if (tensor->bytes) memcpy(s->pinned + offsets[i], tensor->data, tensor->bytes);
        if (offsets[i] != end) {
            DN_TRY(upload(cuda, e->entry, s, begin, end));
            begin = offsets[i];
        }
        end = offsets[i] + (int64_t)tensor->bytes;
    }
    return upload(cuda, e->entry, s, begin, end);
}

dn_status dn_cuda_bring_inputs(dn_cuda *cuda, const dn_cuda_entry *e, const dn_native_call *call,
                               int set) {
    dn_cuda_set *s = &cuda->sets[set];
    const dn_cu *cu = &cuda->cu;
    const char *name = e->entry->name;
    if (s->used) {
        DN_TRY(dn_cuda_check(cuda, cu->event_wait(s->uploaded), name));
        DN_TRY(dn_cuda_check(cuda, cu->stream_after(cuda->copies, s->done, 0), name));
    }
    DN_TRY(upload_all(cuda, e, call, s));
    DN_TRY(dn_cuda_check(cuda, cu->event_record(s->uploaded, cuda->copies), name));
    return dn_cuda_check(cuda, cu->stream_after(cuda->compute, s->uploaded, 0), name);
}

// ---- results ----

dn_status dn_cuda_give_outputs(dn_cuda *cuda, const dn_cuda_entry *e, const dn_native_call *call,
                               int set) {
    dn_cuda_set *s = &cuda->sets[set];
    int first = cuda->layout.first[e->number];
    if (first >= 0)
        return stand_for(&cuda->variables[first], &cuda->program->variables[first],
                         &call->outputs[0]);
    s->entry = e->entry;
    s->outputs = &cuda->layout.outputs[e->number];
    for (int i = 0; i < e->entry->n_outputs; i++) {
        const dn_field *field = &e->entry->outputs[i];
        DN_TRY(dn_tensor_new_at(field->dtype, &field->shape, &s->source, &call->outputs[i]));
        DN_PUSH(s->tensors, s->n_tensors, s->cap_tensors) = dn_tensor_retain(call->outputs[i]);
    }
    return DN_SUCCESS;
}

// ---- the end ----

static dn_status fetch_lost(dn_tensor_source *source, const dn_tensor *tensor, void *to) {
    (void)source, (void)tensor, (void)to;
    return dn_fail(DN_INVALID, "the data were on a GPU that is not used any more");
}

static dn_tensor_source lost = {.fetch = fetch_lost};

static void let_go(dn_tensor *tensor) {
    if (held_by_others(tensor, 1)) dn_status_free(dn_tensor_settle(tensor));
    if (tensor->source) tensor->source = &lost;
    dn_tensor_release(tensor);
}

dn_status dn_cuda_bring_home(dn_cuda *cuda) {
    for (int i = 0; i < cuda->n_variables; i++) DN_TRY(forget_variable(&cuda->variables[i]));
    for (int i = 0; i < DN_CUDA_SETS; i++) {
        DN_TRY(dn_cuda_retire(cuda, i));
        cuda->sets[i].used = false;
    }
    return dn_cuda_wait(cuda);
}

void dn_cuda_let_go(dn_cuda *cuda) {
    for (int i = 0; i < cuda->n_variables; i++)
        if (cuda->variables[i].tensor) let_go(cuda->variables[i].tensor);
    for (int i = 0; i < DN_CUDA_SETS; i++) {
        dn_cuda_set *s = &cuda->sets[i];
        for (int k = 0; k < s->n_tensors; k++) let_go(s->tensors[k]);
        s->n_tensors = 0;
    }
}
