// restore() and save_weights(): variables by name, without the state of the run.
#include <stdlib.h>
#include <string.h>

#include "runtime/host/run.h"
#include "runtime/host/variable.h"
#include "runtime/store/safetensors.h"

enum { NAMES_SHOWN = 10 };

// ---- restore ---------------------------------------------------------------------------------

static dn_status convert_all(const dn_run *run, const dn_safetensors *file, dn_tensor **loaded,
                             int *n_loaded) {
    *n_loaded = 0;
    for (int i = 0; i < run->n_variables; i++) {
        const dn_variable *variable = &run->program->variables[i];
        const dn_tensor *stored = dn_safetensors_find(file, variable->name);
        if (!stored) continue;
        DN_TRY(dn_variable_convert(variable, stored, &loaded[i]));
        ++*n_loaded;
    }
    return DN_SUCCESS;
}

static dn_status nothing_known(const dn_run *run, const dn_safetensors *file) {
    int count = dn_safetensors_count(file);
    dn_str names = {0};
    for (int i = 0; i < count && i < NAMES_SHOWN; i++)
        dn_str_printf(&names, "%s%s", i ? ", " : "", dn_safetensors_name(file, i));
    if (count > NAMES_SHOWN) dn_str_puts(&names, ", ...");
    dn_status status = dn_fail(DN_INVALID, "none of its %d tensors is a variable of %s", count,
                               run->program->name);
    if (names.length) status = dn_with_note(status, "it has %s", names.text);
    free(names.text);
    return status;
}

// What the file does not have keeps its value. An optimizer's slots are not missed: weights come
// without them.
static void tell_missing(const dn_run *run, dn_tensor *const *loaded, const char *path) {
    dn_str names = {0};
    int missing = 0;
    for (int i = 0; i < run->n_variables; i++) {
        const dn_variable *variable = &run->program->variables[i];
        if (loaded[i] || variable->kind == DN_VARIABLE_SLOT || variable->loose) continue;
        if (missing < NAMES_SHOWN)
            dn_str_printf(&names, "%s%s", missing ? ", " : "", variable->name);
        missing++;
    }
    if (missing) {
        dn_host_hide_bar(run);
        fprintf(run->options.err, "%s: not there, so unchanged: %s%s\n", path, names.text,
                missing > NAMES_SHOWN ? ", ..." : "");
    }
    free(names.text);
}

static void replace_variables(dn_run *run, dn_tensor **loaded) {
    for (int i = 0; i < run->n_variables; i++) {
        if (!loaded[i]) continue;
        dn_tensor_release(run->variables[i]);
        run->variables[i] = loaded[i];
    }
}

// All or nothing: variables change once every tensor was found to fit.
static dn_status restore_from(dn_run *run, const dn_safetensors *file, const char *path) {
    int n_loaded;
    dn_tensor **loaded = dn_xcalloc((size_t)run->n_variables, sizeof *loaded);
    dn_status status = convert_all(run, file, loaded, &n_loaded);
    if (!status && n_loaded == 0) status = nothing_known(run, file);
    if (!status) {
        tell_missing(run, loaded, path);
        replace_variables(run, loaded);
    } else {
        for (int i = 0; i < run->n_variables; i++) dn_tensor_release(loaded[i]);
    }
    free(loaded);
    return dn_annotate(status, "%s", path);
}

dn_status dn_host_restore(dn_run *run, const char *path) {
    dn_safetensors *file;
    DN_TRY(dn_safetensors_read(path, &file));
    dn_status status = restore_from(run, file, path);
    dn_safetensors_free(file);
    return status;
}

// ---- save_weights ----------------------------------------------------------------------------

dn_status dn_host_save_weights(dn_run *run, const char *path) {
    dn_named_tensor *tensors = dn_xcalloc((size_t)run->n_variables, sizeof *tensors);
    dn_status status = dn_host_make_parents(path);
    int count = 0;
    for (int i = 0; i < run->n_variables && !status; i++) {
        const dn_variable *variable = &run->program->variables[i];
        if (variable->kind == DN_VARIABLE_SLOT) continue;
        if (variable->loose && !run->variables[i]) continue;
        tensors[count].name = variable->name;
        status = dn_host_variable(run, i, &tensors[count++].tensor);
    }
    if (!status) status = dn_safetensors_write(path, tensors, count, NULL, 0);
    if (!status) dn_host_wrote(run, DN_OUTPUT_WEIGHTS, path);
    free(tensors);
    return status;
}
