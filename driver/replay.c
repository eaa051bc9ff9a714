#include "driver/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/store/safetensors.h"

// ---- writing ---------------------------------------------------------------------------------

// The name in the file of input or, behind these, variable i; free() it.
static char *name_of(const dn_compiler *c, const dn_entry *entry, int i) {
    if (i < entry->n_inputs) return dn_printf("input %s", entry->inputs[i].name);
    return dn_strdup(c->vars[entry->vars[i - entry->n_inputs]]->name);
}

dn_status dn_replay_write(const dn_compiler *c, const dn_replay *r, const char *path) {
    const dn_entry *entry = &c->units[r->entry].entry;
    int n = entry->n_inputs + entry->n_vars;
    dn_named_tensor *tensors = dn_xcalloc((size_t)n + 1, sizeof *tensors);
    char **names = dn_xcalloc((size_t)n + 1, sizeof *names);
    for (int i = 0; i < n; i++) {
        bool input = i < entry->n_inputs;
        names[i] = name_of(c, entry, i);
        tensors[i] = (dn_named_tensor){
            .name = names[i], .tensor = input ? r->inputs[i] : r->vars[i - entry->n_inputs]};
    }
    char *seed = dn_printf("%" PRIu64, r->seed), *step = dn_printf("%" PRIu64, r->step);
    dn_metadata metadata[] = {{"entry", entry->name}, {"seed", seed}, {"step", step}};
    dn_status status = dn_safetensors_write(path, tensors, n, metadata, 3);
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
    free(tensors);
    free(seed);
    free(step);
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

static dn_status take_all(const dn_compiler *c, const dn_safetensors *file, dn_replay *r) {
    const dn_entry *entry = &c->units[r->entry].entry;
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < entry->n_inputs + entry->n_vars && !status; i++) {
        char *name = name_of(c, entry, i);
        int k = i - entry->n_inputs;
        if (k < 0) {
            const dn_field *field = &entry->inputs[i];
            status = take(file, name, field->dtype, &field->shape, &r->inputs[i]);
        } else {
            const dn_type *type = &c->vars[entry->vars[k]]->type;
            dn_shape shape = dn_type_shape(type);
            status = take(file, name, type->dtype, &shape, &r->vars[k]);
        }
        free(name);
    }
    return status;
}

static void release(const dn_compiler *c, dn_replay *r) {
    const dn_entry *entry = &c->units[r->entry].entry;
    for (int i = 0; i < entry->n_inputs; i++) dn_tensor_release(r->inputs[i]);
    for (int i = 0; i < entry->n_vars; i++) dn_tensor_release(r->vars[i]);
    free(r->inputs);
    free(r->vars);
}

static dn_status fill(const dn_compiler *c, const dn_safetensors *file, dn_replay *r) {
    const dn_entry *entry = &c->units[r->entry].entry;
    r->inputs = dn_xcalloc((size_t)entry->n_inputs + 1, sizeof(dn_tensor *));
    r->vars = dn_xcalloc((size_t)entry->n_vars + 1, sizeof(dn_tensor *));
    dn_status status = take_all(c, file, r);
    if (status) release(c, r);
    return status;
}

// The newest entry of that name that takes what is in the file.
static dn_status find(const dn_compiler *c, const dn_safetensors *file, const char *path,
                      dn_replay *r) {
    const char *name = dn_safetensors_metadata(file, "entry");
    const char *seed = dn_safetensors_metadata(file, "seed");
    const char *step = dn_safetensors_metadata(file, "step");
    if (!name || !seed || !step)
        return dn_fail(DN_INVALID, "%s is no file that --check-nan or `:nan on FILE` wrote", path);
    dn_status why = DN_SUCCESS;
    r->seed = strtoull(seed, NULL, 10);
    r->step = strtoull(step, NULL, 10);
    for (r->entry = c->n_units - 1; r->entry >= 0; r->entry--) {
        if (strcmp(c->units[r->entry].entry.name, name) != 0) continue;
        dn_status_free(why);
        why = fill(c, file, r);
        if (!why) return DN_SUCCESS;
    }
    if (why) return dn_annotate(why, "`%s` takes something else now", name);
    return dn_with_hint(dn_fail(DN_NOT_FOUND, "nothing in the program is called `%s`", name),
                        "a step of the prompt is there once it was called");
}

// ---- running ---------------------------------------------------------------------------------

static dn_status run(dn_checker *checker, dn_replay *r) {
    dn_compiler *c = checker->compiler;
    const dn_entry *entry = &dn_compiler_program(c)->entries[r->entry];
    dn_tensor **outputs = dn_xcalloc((size_t)entry->n_outputs + 1, sizeof(dn_tensor *));
    dn_status status =
        dn_checker_run(checker, entry, r->inputs, r->vars, outputs, r->seed, r->step);
    for (int i = 0; i < entry->n_outputs && !status; i++) dn_tensor_release(outputs[i]);
    free(outputs);
    if (!status) printf("run %" PRIu64 " of %s, repeated: all finite\n", r->step + 1, entry->name);
    return status;
}

dn_status dn_replay_run(dn_checker *checker, const char *path) {
    dn_safetensors *file;
    dn_replay replay = {0};
    DN_TRY(dn_safetensors_read(path, &file));
    dn_status status = find(checker->compiler, file, path, &replay);
    dn_safetensors_free(file);
    if (status) return status;
    status = run(checker, &replay);
    release(checker->compiler, &replay);
    return status;
}
