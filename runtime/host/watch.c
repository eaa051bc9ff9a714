#include "runtime/host/watch.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/host/nonfinite.h"

enum { MOST_NAMED = 6 };  // of the results that are not finite, in the note

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

// What the program calls result or, behind these, variable i.
static void print_name(const dn_program *program, const dn_entry *entry, int i, dn_str *out) {
    const dn_variable *first = made_by(program, entry);
    int k = i - entry->n_outputs;
    if (first)
        dn_str_printf(out, "the first value of `%s`", first->name);
    else if (k >= 0)
        dn_str_printf(out, "`%s`", program->variables[entry->vars[k]].name);
    else if (entry->outputs[i].name)
        dn_str_printf(out, "`%s`", entry->outputs[i].name);
    else
        dn_str_puts(out, "the result");
}

// "`loss` is nan", "5 of 12 elements of `M.w` are not finite, the first is nan at [0, 2]".
static void print_result(const char *name, const dn_tensor *tensor, const dn_nonfinite *bad,
                         dn_str *out) {
    if (tensor->shape.rank == 0) {
        dn_str_printf(out, "%s is ", name);
        dn_nonfinite_element(tensor, 0, out);
        return;
    }
    dn_str_printf(out, "%lld of %lld elements of %s %s not finite, the first is ",
                  (long long)bad->count, (long long)dn_shape_elements(&tensor->shape), name,
                  bad->count == 1 ? "is" : "are");
    dn_nonfinite_element(tensor, bad->first, out);
    dn_str_puts(out, " at ");
    dn_nonfinite_position(&tensor->shape, bad->first, out);
}

// Those after the first of all, as far as they are named.
static dn_status with_others(dn_status status, const char *others, int n) {
    if (n < 2) return status;
    if (n <= 1 + MOST_NAMED) return dn_with_note(status, "%s", others);
    return dn_with_note(status, "%s; and %d more", others, n - 1 - MOST_NAMED);
}

dn_status dn_watch_tell(const dn_program *program, const dn_native_call *made) {
    const dn_entry *entry = made->entry;
    dn_str first = {0}, others = {0};
    int n = 0;
    for (int i = 0; i < entry->n_outputs + entry->n_vars; i++) {
        int k = i - entry->n_outputs;
        const dn_tensor *tensor = k < 0 ? made->outputs[i] : made->vars[k];
        dn_nonfinite bad = dn_nonfinite_in(tensor);
        if (!bad.count || n++ > MOST_NAMED) continue;
        dn_str name = {0};
        print_name(program, entry, i, &name);
        if (others.length) dn_str_puts(&others, "; ");
        print_result(name.text, tensor, &bad, n == 1 ? &first : &others);
        free(name.text);
    }
    DN_ASSERT(first.text, "%s is finite", entry->name);
    if (entry->is_step)
        dn_str_printf(&first, ", in run %llu of %s", (unsigned long long)made->step + 1,
                      entry->name);
    dn_status status = dn_fail(DN_INVALID, "%s", first.text);
    status = with_others(status, others.text, n);
    free(first.text);
    free(others.text);
    return status;
}
