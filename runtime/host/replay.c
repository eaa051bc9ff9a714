#include "runtime/host/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/store/safetensors.h"

// ---- writing ---------------------------------------------------------------------------------

// The name in the file of input or, behind these, variable i; free() it.
static char *name_of(const dn_program *program, const dn_entry *entry, int i) {
    if (i < entry->n_inputs) return dn_printf("input %s", entry->inputs[i].name);
    return dn_strdup(program->variables[entry->vars[i - entry->n_inputs]].name);
}

dn_status dn_replay_write(const dn_program *program, const dn_native_call *call, const char *path) {
    const dn_entry *entry = call->entry;
    int n = entry->n_inputs + entry->n_vars;
    dn_named_tensor *tensors = dn_xcalloc((size_t)n + 1, sizeof *tensors);
    char **names = dn_xcalloc((size_t)n + 1, sizeof *names);
    for (int i = 0; i < n; i++) {
        bool input = i < entry->n_inputs;
        names[i] = name_of(program, entry, i);
        tensors[i] = (dn_named_tensor){
            .name = names[i], .tensor = input ? call->inputs[i] : call->vars[i - entry->n_inputs]};
    }
    char *seed = dn_printf("%" PRIu64, call->seed), *step = dn_printf("%" PRIu64, call->step);
    dn_metadata metadata[] = {{"entry", entry->name}, {"seed", seed}, {"step", step}};
    dn_status status = dn_safetensors_write(path, tensors, n, metadata, 3);
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
    free(tensors);
    free(seed);
    free(step);
    return status;
}

dn_status dn_replay_attach(dn_status status, const dn_program *program, const dn_native_call *call,
                           const char *path, const char *how) {
    dn_status written = dn_replay_write(program, call, path);
    if (written)
        status = dn_with_hint(status, "it cannot be repeated: %s", dn_status_message(written));
    else
        status = dn_with_hint(status, "%s has what this run was given; %s", path, how);
    dn_status_free(written);
    return status;
}

// ---- reading ---------------------------------------------------------------------------------

static dn_status other_type(const char *name, const dn_tensor *stored, const dn_tensor *wanted) {
    dn_str before = {0}, now = {0};
    dn_shape_print(&before, stored->dtype, &stored->shape);
    dn_shape_print(&now, wanted->dtype, &wanted->shape);
    dn_status status = dn_fail(DN_INVALID, "%s is %s in the file, but %s in the program", name,
                               before.text, now.text);
    free(before.text);
    free(now.text);
    return status;
}

// Input or variable i of the entry, as `dtype` and `shape` say.
static dn_status take(const dn_safetensors *file, const char *name, dn_dtype dtype,
                      const dn_shape *shape, dn_tensor **out) {
    const dn_tensor *stored = dn_safetensors_find(file, name);
    dn_tensor wanted = {.dtype = dtype, .shape = *shape};
    if (!stored) return dn_fail(DN_NOT_FOUND, "the file has no %s", name);
    if (stored->dtype != dtype || !dn_shape_equal(&stored->shape, shape))
        return other_type(name, stored, &wanted);
    return dn_tensor_copy(stored, out);
}

static dn_status take_all(const dn_program *program, const dn_safetensors *file, dn_replay *r) {
    const dn_entry *entry = r->entry;
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < entry->n_inputs + entry->n_vars && !status; i++) {
        char *name = name_of(program, entry, i);
        int k = i - entry->n_inputs;
        if (k < 0) {
            const dn_field *field = &entry->inputs[i];
            status = take(file, name, field->dtype, &field->shape, &r->inputs[i]);
        } else {
            const dn_variable *variable = &program->variables[entry->vars[k]];
            status = take(file, name, variable->dtype, &variable->shape, &r->vars[k]);
        }
        free(name);
    }
    return status;
}

void dn_replay_free(dn_replay *r) {
    for (int i = 0; i < r->entry->n_inputs; i++) dn_tensor_release(r->inputs[i]);
    for (int i = 0; i < r->entry->n_vars; i++) dn_tensor_release(r->vars[i]);
    free(r->inputs);
    free(r->vars);
}

static dn_status fill(const dn_program *program, const dn_safetensors *file, dn_replay *r) {
    r->inputs = dn_xcalloc((size_t)r->entry->n_inputs + 1, sizeof(dn_tensor *));
    r->vars = dn_xcalloc((size_t)r->entry->n_vars + 1, sizeof(dn_tensor *));
    dn_status status = take_all(program, file, r);
    if (status) dn_replay_free(r);
    return status;
}

static dn_status find(const dn_program *program, const dn_safetensors *file, const char *path,
                      dn_replay *r) {
    const char *name = dn_safetensors_metadata(file, "entry");
    const char *seed = dn_safetensors_metadata(file, "seed");
    const char *step = dn_safetensors_metadata(file, "step");
    if (!name || !seed || !step)
        return dn_fail(DN_INVALID, "%s is no file that --check-nan or `:nan on FILE` wrote", path);
    dn_status why = DN_SUCCESS;
    r->seed = strtoull(seed, NULL, 10);
    r->step = strtoull(step, NULL, 10);
    for (int i = program->n_entries - 1; i >= 0; i--) {
        r->entry = &program->entries[i];
        if (strcmp(r->entry->name, name) != 0) continue;
        dn_status_free(why);
        why = fill(program, file, r);
        if (!why) return DN_SUCCESS;
    }
    if (why) return dn_annotate(why, "`%s` takes something else now", name);
    return dn_with_hint(dn_fail(DN_NOT_FOUND, "nothing in the program is called `%s`", name),
                        "a step of the prompt is there once it was called");
}

dn_status dn_replay_read(const dn_program *program, const char *path, dn_replay *out) {
    dn_safetensors *file;
    DN_TRY(dn_safetensors_read(path, &file));
    dn_status status = find(program, file, path, out);
    dn_safetensors_free(file);
    return status;
}
