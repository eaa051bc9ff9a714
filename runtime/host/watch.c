#include "runtime/host/watch.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/host/nonfinite.h"

enum { MOST_NAMED = 5 };  // of the results that are not finite

// ---- running ---------------------------------------------------------------------------------

static bool all_finite(dn_tensor *const *tensors, int n) {
    for (int i = 0; i < n; i++)
        if (dn_nonfinite_in(tensors[i]).count) return false;
    return true;
}

static dn_status settle_all(dn_tensor *const *tensors, int n) {
    for (int i = 0; i < n; i++) DN_TRY(dn_tensor_settle(tensors[i]));
    return DN_SUCCESS;
}

static dn_status copy_all(dn_tensor *const *tensors, int n, dn_tensor **out) {
    DN_TRY(settle_all(tensors, n));
    for (int i = 0; i < n; i++) DN_TRY(dn_tensor_copy(tensors[i], &out[i]));
    return DN_SUCCESS;
}

static void release_all(dn_tensor **tensors, int n) {
    for (int i = 0; i < n; i++) {
        dn_tensor_release(tensors[i]);
        tensors[i] = NULL;
    }
}

static dn_status check(const dn_watch *watch, const dn_native_call *given,
                       const dn_native_call *made) {
    const dn_entry *entry = made->entry;
    DN_TRY(settle_all(made->outputs, entry->n_outputs));
    DN_TRY(settle_all(made->vars, entry->n_vars));
    if (all_finite(made->outputs, entry->n_outputs) && all_finite(made->vars, entry->n_vars))
        return DN_SUCCESS;
    DN_TRY(settle_all(given->inputs, entry->n_inputs));
    return watch->explain(watch->context, given, made);
}

static dn_status run_on_copies(const dn_watch *watch, const dn_native_call *call,
                               dn_tensor **copies) {
    const dn_entry *entry = call->entry;
    dn_native_call on_copies = *call;
    on_copies.vars = copies;
    DN_TRY(copy_all(call->vars, entry->n_vars, copies));
    DN_TRY(watch->inner.run(watch->inner.context, entry, call->inputs, copies, call->outputs,
                            call->seed, call->step));
    dn_status status = check(watch, call, &on_copies);
    if (status) release_all(call->outputs, entry->n_outputs);
    return status;
}

dn_status dn_watch_run(const dn_watch *watch, const dn_native_call *call) {
    int n = call->entry->n_vars;
    dn_tensor **copies = dn_xcalloc((size_t)n + 1, sizeof(dn_tensor *));
    dn_status status = run_on_copies(watch, call, copies);
    for (int i = 0; i < n && !status; i++) {
        dn_tensor *old = call->vars[i];
        call->vars[i] = copies[i];
        copies[i] = old;
    }
    release_all(copies, n);
    free(copies);
    return status;
}

// ---- saying it -------------------------------------------------------------------------------

// The variable that the entry makes the first value of, or NULL.
static const dn_variable *made_by(const dn_program *program, const dn_entry *entry) {
    int number = (int)(entry - program->entries);
    for (int i = 0; i < program->n_variables; i++)
        if (program->variables[i].init == number) return &program->variables[i];
    return NULL;
}

// Result or, behind these, variable i.
static const dn_tensor *result_of(const dn_native_call *made, int i) {
    int k = i - made->entry->n_outputs;
    return k < 0 ? made->outputs[i] : made->vars[k];
}

// What the program calls result or, behind these, variable i, and where it is: "`loss` of
// gan.dnet:8:12".
static void print_name(const dn_program *program, const dn_entry *entry, int i, dn_str *out) {
    const dn_variable *first = made_by(program, entry);
    int k = i - entry->n_outputs;
    const dn_variable *variable = first    ? first
                                  : k >= 0 ? &program->variables[entry->vars[k]]
                                           : NULL;
    const char *name = variable ? variable->name : entry->outputs[i].name;
    const dn_location *place = variable        ? &variable->place
                               : entry->places ? &entry->places[i]
                                               : NULL;
    if (first) dn_str_puts(out, "the first value of ");
    if (name && *name)
        dn_str_printf(out, "`%s`", name);
    else
        dn_str_puts(out, "the result");
    if (place && place->path)
        dn_str_printf(out, " of %s:%d:%d", place->path, place->line, place->column);
}

// "`loss` of gan.dnet:8:12 is nan", "`M.w` of gan.dnet:3:5 has nan at [0, 2] (5 of 12 elements are
// not finite)".
static void print_result(const dn_program *program, const dn_native_call *made, int i,
                         const dn_nonfinite *bad, dn_str *out) {
    const dn_tensor *tensor = result_of(made, i);
    bool scalar = tensor->shape.rank == 0;
    print_name(program, made->entry, i, out);
    dn_str_puts(out, scalar ? " is " : " has ");
    dn_nonfinite_element(tensor, bad->first, out);
    if (scalar) return;
    dn_str_puts(out, " at ");
    dn_nonfinite_position(&tensor->shape, bad->first, out);
    dn_str_printf(out, " (%lld of %lld elements %s not finite)", (long long)bad->count,
                  (long long)dn_shape_elements(&tensor->shape), bad->count == 1 ? "is" : "are");
}

// The first that is not finite in `first`, those after it in `others`. How many there are.
static int print_results(const dn_program *program, const dn_native_call *made, dn_str *first,
                         dn_str *others) {
    int n = 0;
    for (int i = 0; i < made->entry->n_outputs + made->entry->n_vars; i++) {
        dn_nonfinite bad = dn_nonfinite_in(result_of(made, i));
        if (!bad.count) continue;
        if (++n > 2 && n <= MOST_NAMED) dn_str_puts(others, "; ");
        if (n <= MOST_NAMED) print_result(program, made, i, &bad, n == 1 ? first : others);
    }
    if (n > MOST_NAMED) dn_str_printf(others, "; and so on, %d in all", n);
    return n;
}

dn_status dn_watch_tell(const dn_program *program, const dn_native_call *made) {
    const dn_entry *entry = made->entry;
    dn_str first = {0}, others = {0};
    int n = print_results(program, made, &first, &others);
    DN_ASSERT(n > 0 && first.text, "%s is finite", entry->name);
    if (entry->is_step)
        dn_str_printf(&first, ", in run %llu of %s", (unsigned long long)made->step + 1,
                      entry->name);
    dn_status status = dn_fail(DN_INVALID, "%s", first.text);
    if (others.length) status = dn_with_note(status, "%s", others.text);
    free(first.text);
    free(others.text);
    return status;
}
