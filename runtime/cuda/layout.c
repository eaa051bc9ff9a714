#include "runtime/cuda/layout.h"

enum { SMALL = 8 };  // bytes

static int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// Numbers stand next to each other, so that an entry's losses are one copy.
static int64_t alignment_of(int64_t bytes) {
    int64_t align = 1;
    while (align < bytes) align *= 2;
    return align <= SMALL ? align : DN_CUDA_ALIGN;
}

static dn_cuda_places place_fields(dn_arena *arena, const dn_field *fields, int n, int64_t begin) {
    dn_cuda_places places = {DN_NEW_ARRAY(arena, int64_t, n + 1), begin};
    for (int i = 0; i < n; i++) {
        int64_t bytes = dn_elements_bytes(fields[i].dtype, &fields[i].shape);
        places.offsets[i] = round_up(places.end, alignment_of(bytes));
        places.end = places.offsets[i] + bytes;
    }
    return places;
}

// Those that an entry makes, reads or writes: at the prompt a program has others, too.
static void find_used(const dn_program *program, bool *used) {
    for (int i = 0; i < program->n_variables; i++) used[i] = program->variables[i].init >= 0;
    for (int i = 0; i < program->n_entries; i++)
        for (int k = 0; k < program->entries[i].n_vars; k++)
            used[program->entries[i].vars[k]] = true;
}

static int64_t place_variables(const dn_program *program, dn_cuda_layout *l) {
    int64_t end = 0;
    bool *used = DN_NEW_ARRAY(&l->memory, bool, program->n_variables + 1);
    l->variables = DN_NEW_ARRAY(&l->memory, int64_t, program->n_variables + 1);
    find_used(program, used);
    for (int i = 0; i < program->n_variables; i++) {
        const dn_variable *variable = &program->variables[i];
        l->variables[i] = used[i] ? end : -1;
        if (!used[i]) continue;
        end += round_up(dn_elements_bytes(variable->dtype, &variable->shape), DN_CUDA_ALIGN);
    }
    return end;
}

static bool makes(const dn_entry *entry, const dn_variable *variable) {
    return entry->n_inputs == 0 && entry->n_outputs == 1 &&
           entry->outputs[0].dtype == variable->dtype &&
           dn_shape_equal(&entry->outputs[0].shape, &variable->shape);
}

// An entry that makes first values of several variables gives ordinary results.
static void find_first_values(const dn_program *program, dn_cuda_layout *l) {
    enum { NONE = -1, SEVERAL = -2 };
    l->first = DN_NEW_ARRAY(&l->memory, int, program->n_entries + 1);
    for (int i = 0; i < program->n_entries; i++) l->first[i] = NONE;
    for (int i = 0; i < program->n_variables; i++) {
        if (program->variables[i].init < 0) continue;
        int *first = &l->first[program->variables[i].init];
        bool alone = *first == NONE &&
                     makes(&program->entries[program->variables[i].init], &program->variables[i]);
        *first = alone ? i : SEVERAL;
    }
    for (int i = 0; i < program->n_entries; i++)
        if (l->first[i] == SEVERAL) l->first[i] = NONE;
}

// Returns the bytes of the state with what is before it, of inputs and of outputs.
static void place_sets(const dn_program *program, dn_cuda_layout *l, int64_t sizes[3]) {
    int n = program->n_entries;
    l->inputs = DN_NEW_ARRAY(&l->memory, dn_cuda_places, n + 1);
    l->outputs = DN_NEW_ARRAY(&l->memory, dn_cuda_places, n + 1);
    l->state = DN_CUDA_ALIGN - (int64_t)sizeof(dn_cuda_state);
    int64_t inputs = DN_CUDA_ALIGN, end = inputs;
    for (int i = 0; i < n; i++) {
        const dn_entry *entry = &program->entries[i];
        l->inputs[i] = place_fields(&l->memory, entry->inputs, entry->n_inputs, inputs);
        if (l->inputs[i].end > end) end = l->inputs[i].end;
    }
    int64_t outputs = round_up(end, DN_CUDA_ALIGN);
    end = outputs;
    for (int i = 0; i < n; i++) {
        const dn_entry *entry = &program->entries[i];
        int count = l->first[i] < 0 ? entry->n_outputs : 0;
        l->outputs[i] = place_fields(&l->memory, entry->outputs, count, outputs);
        if (l->outputs[i].end > end) end = l->outputs[i].end;
    }
    sizes[0] = inputs;
    sizes[1] = outputs - inputs;
    sizes[2] = round_up(end, DN_CUDA_ALIGN) - outputs;
}

int64_t dn_cuda_largest_arena(const dn_cuda_code *code) {
    int64_t most = 0;
    for (int i = 0; i < code->n_entries; i++)
        if (code->entries[i].arena_bytes > most) most = code->entries[i].arena_bytes;
    return most;
}

void dn_cuda_layout_make(const dn_program *program, int64_t arena, dn_cuda_layout *l) {
    int64_t sizes[3];
    *l = (dn_cuda_layout){0};
    find_first_values(program, l);
    place_sets(program, l, sizes);
    dn_cuda_memory *m = &l->sizes;
    m->variables = place_variables(program, l);
    m->arena = round_up(arena, DN_CUDA_ALIGN);
    m->state = DN_CUDA_SETS * sizes[0];
    m->inputs = DN_CUDA_SETS * sizes[1];
    m->outputs = DN_CUDA_SETS * sizes[2];
    m->pinned = m->state + m->inputs + m->outputs;
    m->device = m->variables + m->arena + m->pinned;
    l->arena = m->variables;
    l->set_bytes = m->pinned / DN_CUDA_SETS;
    for (int i = 0; i < DN_CUDA_SETS; i++) l->sets[i] = m->variables + m->arena + i * l->set_bytes;
}

void dn_cuda_layout_free(dn_cuda_layout *layout) { dn_arena_free(&layout->memory); }

void dn_cuda_memory_of(const dn_program *program, const dn_cuda_code *code, dn_cuda_memory *out) {
    dn_cuda_layout layout;
    dn_cuda_layout_make(program, dn_cuda_largest_arena(code), &layout);
    *out = layout.sizes;
    dn_cuda_layout_free(&layout);
}
