// The launches of an entry: once one by one, then as a graph for each set.
#include <stdlib.h>

#include "runtime/cuda/inside.h"
#include "runtime/native/limits.h"

// ---- one launch ----

static dn_cu_address address_of(const dn_cuda *cuda, const dn_cuda_entry *e,
                                const dn_native_arg *arg, int set) {
    const dn_cuda_layout *layout = &cuda->layout;
    dn_cu_address in_set = cuda->sets[set].device;
    switch ((dn_native_place)arg->place) {
        case DN_PLACE_ARENA: return cuda->memory + (dn_cu_address)(layout->arena + arg->offset);
        case DN_PLACE_INPUT:
            return in_set + (dn_cu_address)layout->inputs[e->number].offsets[arg->index];
        case DN_PLACE_VAR:
            return cuda->memory + (dn_cu_address)layout->variables[e->entry->vars[arg->index]];
        case DN_PLACE_OUTPUT:
            if (layout->first[e->number] >= 0)
                return cuda->memory + (dn_cu_address)layout->variables[layout->first[e->number]];
            return in_set + (dn_cu_address)layout->outputs[e->number].offsets[arg->index];
    }
    return 0;
}

static int kernel_of(const dn_cuda_entry *e, const dn_native_launch *launch) {
    if (launch->kind == DN_LAUNCH_KERNEL) return launch->kernel;
    return e->in->code->n_kernels + dn_cuda_random(launch->dtype, launch->normal);
}

// Random numbers: a thread makes 16 bytes of them at a time, so that more threads than that would
// have nothing to do.
static int64_t grid_of(const dn_cuda_entry *e, const dn_native_launch *launch) {
    const dn_cuda_kernel *kernel = &e->in->kernels[kernel_of(e, launch)];
    if (launch->kind == DN_LAUNCH_KERNEL) return kernel->grid;
    int64_t each = kernel->block * (DN_CUDA_RANDOM_BYTES / (int64_t)dn_dtype_size(launch->dtype));
    int64_t blocks = launch->tasks / each + (launch->tasks % each != 0);
    return blocks < kernel->grid ? blocks : kernel->grid;
}

// "`conv2d` from gan.dnet:31 (main_4: 128 blocks of 256 threads, 0 bytes of shared memory)"
static char *describe(const dn_cuda *cuda, const dn_cuda_entry *e, const dn_native_launch *launch) {
    const dn_cuda_kernel *kernel = &e->in->kernels[kernel_of(e, launch)];
    const char *name = e->code->n_names ? e->code->names + launch->name : e->entry->name;
    dn_str text = {0};
    dn_str_printf(&text, "`%s`", name);
    if (launch->line) dn_str_printf(&text, " from %s:%d", cuda->program->source, launch->line);
    int64_t grid = grid_of(e, launch);
    dn_str_printf(&text, " (%s: %lld block%s of %d threads, %d bytes of shared memory)",
                  kernel->symbol, (long long)grid, grid == 1 ? "" : "s", kernel->block,
                  kernel->shared);
    return dn_str_take(&text);
}

static dn_status check_launch(const dn_cuda *cuda, const dn_cuda_entry *e,
                              const dn_native_launch *launch, dn_cu_result result) {
    if (!result) return DN_SUCCESS;
    char *text = describe(cuda, e, launch);
    dn_status status = dn_cuda_check(cuda, result, text);
    free(text);
    return status;
}

static dn_status launch_one(dn_cuda *cuda, const dn_cuda_entry *e, int index, int set) {
    const dn_native_launch *launch = &e->code->launches[index];
    int number = kernel_of(e, launch), n = 0;
    const dn_cuda_kernel *kernel = &e->in->kernels[number];
    dn_cu_address state = cuda->sets[set].device + (dn_cu_address)cuda->layout.state;
    int64_t seed = (int64_t)launch->seed, count = launch->tasks, grid = grid_of(e, launch);
    int32_t site = (int32_t)launch->site, keyed = launch->keyed, which = index;
    bool random = launch->kind == DN_LAUNCH_RANDOM;
    if (grid == 0) return DN_SUCCESS;
    for (int i = 0; i < (random ? 1 : launch->n_args); i++) {
        cuda->addresses[i] = address_of(cuda, e, &e->code->args[launch->arg + i], set);
        cuda->params[n++] = &cuda->addresses[i];
    }
    cuda->params[n++] = &state;
    void *rest[] = {&seed, &site, &keyed, &count};
    for (int i = 0; random && i < 4; i++) cuda->params[n++] = rest[i];
    if (!random) cuda->params[n++] = &which;
    dn_cu_result result =
        cuda->cu.launch(e->in->functions[number], (unsigned)grid, 1, 1, (unsigned)kernel->block, 1,
                        1, (unsigned)kernel->shared, cuda->compute, cuda->params, NULL);
    if (!result && cuda->one_by_one) result = cuda->cu.stream_wait(cuda->compute);
    return check_launch(cuda, e, launch, result);
}

// ---- a part ----

// Results that stand next to each other are one copy.
static dn_status copy_outputs(const dn_cuda *cuda, const dn_cuda_entry *e, int set) {
    const dn_cuda_set *s = &cuda->sets[set];
    const dn_entry *entry = e->entry;
    const int64_t *offsets = cuda->layout.outputs[e->number].offsets;
    int n = cuda->layout.first[e->number] < 0 ? entry->n_outputs : 0;
    for (int i = 0; i < n;) {
        int64_t begin = offsets[i], end = begin;
        for (; i < n && offsets[i] == end; i++)
            end += dn_elements_bytes(entry->outputs[i].dtype, &entry->outputs[i].shape);
        if (begin == end) continue;
        DN_TRY(dn_cuda_check(cuda,
                             cuda->cu.download(s->pinned + begin, s->device + (dn_cu_address)begin,
                                               (size_t)(end - begin), cuda->compute),
                             entry->name));
    }
    return DN_SUCCESS;
}

static dn_status copy_fault(const dn_cuda *cuda, const dn_cuda_entry *e, int set) {
    const dn_cuda_set *s = &cuda->sets[set];
    int64_t at = cuda->layout.state + (int64_t)offsetof(dn_cuda_state, fault);
    return dn_cuda_check(cuda,
                         cuda->cu.download(s->pinned + at, s->device + (dn_cu_address)at,
                                           sizeof(dn_native_fault), cuda->compute),
                         e->entry->name);
}

static dn_status enqueue(dn_cuda *cuda, const dn_cuda_entry *e, const dn_cuda_part *part, int set) {
    for (int i = part->begin; i < part->end; i++) DN_TRY(launch_one(cuda, e, i, set));
    return part->checks ? copy_fault(cuda, e, set) : copy_outputs(cuda, e, set);
}

// ---- graphs ----

static dn_status capture(dn_cuda *cuda, const dn_cuda_entry *e, dn_cuda_part *part, int set) {
    const dn_cu *cu = &cuda->cu;
    dn_cu_graph graph = NULL;
    DN_TRY(dn_cuda_check(cuda, cu->capture_begin(cuda->compute, DN_CU_CAPTURE_THREAD),
                         e->entry->name));
    dn_status status = enqueue(cuda, e, part, set);
    dn_cu_result result = cu->capture_end(cuda->compute, &graph);
    if (!status) status = dn_cuda_check(cuda, result, e->entry->name);
    if (!status)
        status =
            dn_cuda_check(cuda, cu->graph_instantiate(&part->graph[set], graph, 0), e->entry->name);
    if (graph) cu->graph_free(graph);
    return status;
}

void dn_cuda_free_graphs(dn_cuda *cuda) {
    for (int i = 0; i < cuda->n_entries; i++)
        for (int p = 0; p < cuda->entries[i].n_parts; p++)
            for (int s = 0; s < DN_CUDA_SETS; s++)
                if (cuda->entries[i].parts[p].graph[s])
                    cuda->cu.graph_run_free(cuda->entries[i].parts[p].graph[s]);
}

// ---- measuring ----

static dn_status reserve_times(dn_cuda *cuda, int n) {
    if (n > cuda->n_times) cuda->times = dn_xrealloc(cuda->times, (size_t)n * sizeof *cuda->times);
    for (; cuda->n_times < n; cuda->n_times++)
        DN_TRY(dn_cuda_check(cuda, cuda->cu.event_new(&cuda->times[cuda->n_times], 0),
                             "an event to measure with"));
    return DN_SUCCESS;
}

// The device tells how long each launch took; the last one ends now.
static dn_status tell_times(dn_cuda *cuda, const dn_cuda_part *part) {
    const dn_native_watcher *watcher = &cuda->watcher;
    int n = part->end - part->begin;
    float all, until, from = 0;
    double end = dn_seconds();
    DN_TRY(dn_cuda_check(cuda, cuda->cu.event_elapsed(&all, cuda->times[0], cuda->times[n]),
                         "measuring"));
    for (int i = 0; i < n; i++, from = until) {
        DN_TRY(dn_cuda_check(
            cuda, cuda->cu.event_elapsed(&until, cuda->times[0], cuda->times[i + 1]), "measuring"));
        watcher->launched(watcher->context, part->begin + i, end - 1e-3 * (double)(all - from),
                          end - 1e-3 * (double)(all - until));
    }
    return DN_SUCCESS;
}

static dn_status launch_watched(dn_cuda *cuda, const dn_cuda_entry *e, const dn_cuda_part *part,
                                int set) {
    int n = part->end - part->begin;
    const char *name = e->entry->name;
    DN_TRY(reserve_times(cuda, n + 1));
    DN_TRY(dn_cuda_check(cuda, cuda->cu.event_record(cuda->times[0], cuda->compute), name));
    for (int i = 0; i < n; i++) {
        DN_TRY(launch_one(cuda, e, part->begin + i, set));
        DN_TRY(dn_cuda_check(cuda, cuda->cu.event_record(cuda->times[i + 1], cuda->compute), name));
    }
    DN_TRY(dn_cuda_check(cuda, cuda->cu.stream_wait(cuda->compute), name));
    DN_TRY(tell_times(cuda, part));
    return part->checks ? copy_fault(cuda, e, set) : copy_outputs(cuda, e, set);
}

// ---- the whole ----

dn_status dn_cuda_launch_part(dn_cuda *cuda, dn_cuda_entry *e, dn_cuda_part *part, int set) {
    bool empty = part->begin == part->end && !part->checks && e->entry->n_outputs == 0;
    if (empty) return DN_SUCCESS;
    if (cuda->watcher.launched) return launch_watched(cuda, e, part, set);
    if (!e->ran || cuda->one_by_one) return enqueue(cuda, e, part, set);
    if (!part->graph[set]) DN_TRY(capture(cuda, e, part, set));
    return dn_cuda_check(cuda, cuda->cu.graph_launch(part->graph[set], cuda->compute),
                         e->entry->name);
}
