// Questions that compute: gradients, comparisons, times, NaN.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/prompt/gradient.h"
#include "driver/prompt/questions.h"
#include "runtime/native/limits.h"

// Runs an expression on trial: what it changes is put back. `record` may be NULL.
static dn_status try_run(dn_session *s, int command, dn_recorded *record, dn_value *result) {
    dn_run_state *state;
    DN_TRY(dn_session_extend(s));
    DN_TRY(dn_run_keep(s->run, &state));
    dn_status status =
        record ? dn_session_record(s, command, record, result) : dn_session_run(s, command, result);
    dn_run_put_back(s->run, state);
    return status;
}

// Whether the recorded call gave the value, so that its graph is all there is to the expression.
static bool is_whole(const dn_recorded *record, const dn_value *result) {
    return record->entry >= 0 && result->kind == DN_VALUE_TENSOR &&
           record->output == result->tensor;
}

// ---- :grad -----------------------------------------------------------------------------------

static void add_gradient(dn_table *table, const dn_style *style, const dn_gradient *g) {
    dn_statistics st = dn_tensor_statistics(g->value);
    dn_str type = {0};
    dn_shape_print(&type, g->value->dtype, &g->value->shape);
    double squares = (st.std * st.std + st.mean * st.mean) * (double)st.count;
    dn_table_printf(table, "%s%s%s", dn_style_begin(style, DN_COLOUR_NAME), g->name,
                    dn_style_end(style));
    dn_table_add(table, type.text);
    dn_table_printf(table, "%.4g", sqrt(squares));
    dn_table_printf(table, "%.4g", st.min);
    dn_table_printf(table, "%.4g", st.max);
    if (st.nans + st.infinities)
        dn_table_printf(table, "%s%lld%s", dn_style_begin(style, DN_COLOUR_BAD),
                        (long long)(st.nans + st.infinities), dn_style_end(style));
    else
        dn_table_add(table, "");
    free(type.text);
}

static void print_gradients(const dn_style *style, const dn_gradients *g, dn_str *out) {
    static const char *const heading[] = {"over", "type", "norm", "min", "max", "nan, inf"};
    dn_table table = {.n_columns = 6, .right = "llrrrr"};
    for (int i = 0; i < 6; i++) dn_table_add(&table, heading[i]);
    for (int i = 0; i < g->n; i++) add_gradient(&table, style, &g->items[i]);
    dn_table_print(&table, style, true, out);
}

// An expression that was run: what it gave, and what its last entry was given.
typedef struct trial {
    const char *text;
    dn_input input;
    dn_recorded record;
    dn_value result;
    const dn_graph *graph;  // of a single tensor expression, as it was built; else NULL
} trial;

// The graph of a tensor expression before any pass: what stop_gradient hides from the gradient is
// still hidden there.
static const dn_graph *graph_as_built(dn_session *s, const char *text) {
    const dn_compiler *c = s->compiler;
    const dn_graph *graph = NULL;
    dn_input input;
    s->compiler->keep_graphs = true;
    if (dn_prompt_try(s->compiler, text, &input)) {
        const dn_command *command = &c->commands[input.command];
        for (int i = 0; i < command->n_code; i++)
            if (command->code[i].op == DN_VM_CALL_ENTRY) graph = c->units[command->code[i].a].graph;
        dn_input_free(&input);
        dn_prompt_forget(s->compiler);
    }
    s->compiler->keep_graphs = false;
    return graph;
}

// Runs the expression on trial, and looks at it.
typedef dn_status on_trial(dn_session *s, const trial *t);

static dn_status with_trial(dn_session *s, const char *argument, on_trial *then) {
    trial t = {.text = argument, .record = {.entry = -1}, .result = dn_value_none()};
    if (!dn_try(s, argument, &t.input)) return DN_SUCCESS;
    dn_status status = DN_SUCCESS;
    if (t.input.command >= 0) status = try_run(s, t.input.command, &t.record, &t.result);
    dn_prompt_forget(s->compiler);
    bool is_step = t.record.entry >= 0 && s->compiler->units[t.record.entry].entry.is_step;
    if (!status && !is_step && is_whole(&t.record, &t.result))
        t.graph = graph_as_built(s, argument);
    if (!status) status = then(s, &t);
    dn_recorded_free(&t.record);
    dn_value_release(t.result);
    return status;
}

static dn_status grad(dn_session *s, const trial *t) {
    dn_gradients g;
    dn_str text = {0};
    DN_TRY(dn_gradients_new(s, t->graph, &t->record, false, &g));
    print_gradients(&s->style, &g, &text);
    dn_gradients_free(&g);
    dn_session_print(&text);
    return DN_SUCCESS;
}

dn_status dn_ask_grad(dn_session *s, const char *argument) { return with_trial(s, argument, grad); }

// ---- :check ----------------------------------------------------------------------------------

// The largest difference of numbers, relative to the size of what they are among; infinite where
// the values are not of one kind.
static double distance(const dn_value *a, const dn_value *b) {
    double x, y, worst = 0;
    if (a->kind != b->kind) return INFINITY;
    if (a->kind == DN_VALUE_TENSOR) {
        double size = 1e-30;
        if (!dn_shape_equal(&a->tensor->shape, &b->tensor->shape)) return INFINITY;
        int64_t n = dn_shape_elements(&a->tensor->shape);
        for (int64_t i = 0; i < n; i++) size = fmax(size, fabs(dn_tensor_get(a->tensor, i)));
        for (int64_t i = 0; i < n; i++) {
            x = dn_tensor_get(a->tensor, i);
            y = dn_tensor_get(b->tensor, i);
            if (x == y || (isnan(x) && isnan(y))) continue;
            worst = fmax(worst, isfinite(x) && isfinite(y) ? fabs(x - y) / size : INFINITY);
        }
        return worst;
    }
    if (a->kind == DN_VALUE_RECORD) {
        if (a->record->count != b->record->count) return INFINITY;
        for (int i = 0; i < a->record->count; i++)
            worst = fmax(worst, distance(&a->record->values[i], &b->record->values[i]));
        return worst;
    }
    if (dn_value_number(a, &x) && dn_value_number(b, &y))
        return x == y ? 0 : fabs(x - y) / fmax(fabs(x), 1e-30);
    return dn_value_equal(*a, *b) ? 0 : INFINITY;
}

static void print_verdict(const dn_session *s, bool good, const char *text) {
    printf("%s%s%s  %s\n", dn_style_begin(&s->style, good ? DN_COLOUR_GOOD : DN_COLOUR_BAD),
           good ? "ok " : "BAD", dn_style_end(&s->style), text);
}

// How far apart the backends may be, of the largest value: some twenty times what a GPU's matrix
// units round operands by.
static double most_apart(const dn_backend *backend, dn_backend_kind a, dn_backend_kind b) {
    static const double limits[] = {
        [DN_MATRIX_F32] = 1e-4, [DN_MATRIX_TF32] = 1e-2, [DN_MATRIX_BF16] = 8e-2};
    bool gpu = a == DN_BACKEND_CUDA || b == DN_BACKEND_CUDA;
    return limits[gpu ? backend->units : DN_MATRIX_F32];
}

static void print_distance(dn_session *s, dn_backend_kind a, dn_backend_kind b, double worst) {
    const char *first = dn_backend_name(a < b ? a : b), *second = dn_backend_name(a < b ? b : a);
    char *text = worst == 0 ? dn_printf("%s and %s give the same bits", first, second)
                            : dn_printf("%s and %s differ by %.2g of the largest value", first,
                                        second, worst);
    print_verdict(s, worst < most_apart(&s->backend, a, b), text);
    free(text);
}

static dn_status compare_with(dn_session *s, const trial *t, dn_backend_kind other) {
    dn_value value;
    dn_backend_kind kind = s->backend.kind;
    s->backend.kind = other;
    dn_status status = try_run(s, t->input.command, NULL, &value);
    s->backend.kind = kind;
    if (status) return status;
    print_distance(s, kind, other, distance(&t->result, &value));
    dn_value_release(value);
    return DN_SUCCESS;
}

// A GPU takes part once the session has used it.
static dn_status compare_backends(dn_session *s, const trial *t) {
    for (int i = 0; i < DN_BACKEND_KINDS; i++) {
        bool there = i != DN_BACKEND_CUDA || s->backend.gpu;
        if (there && i != (int)s->backend.kind) DN_TRY(compare_with(s, t, (dn_backend_kind)i));
    }
    return DN_SUCCESS;
}

static bool stops_gradients(const dn_graph *graph) {
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i]->op == DN_OP_STOP_GRADIENT) return true;
    return false;
}

static dn_status check_gradient(dn_session *s, const trial *t) {
    double worst;
    int checked;
    dn_str where = {0};
    dn_status status = dn_gradients_check(s, t->graph, &t->record, &worst, &checked, &where);
    if (!status && checked == 0) {
        printf("     no gradient: nothing in it is a parameter or a variable of floats\n");
    } else if (!status) {
        char *text = dn_printf(
            "the gradient and finite differences in f64 differ by %.2g (%d "
            "elements; %s)",
            worst, checked, where.text ? where.text : "none");
        print_verdict(s, worst < 1e-5, text);
        if (worst >= 1e-5 && stops_gradients(t->graph))
            printf("     there is a stop_gradient in it, which finite differences do not see\n");
        free(text);
    }
    free(where.text);
    return status;
}

static dn_status check(dn_session *s, const trial *t) {
    if (t->input.command < 0) return dn_fail(DN_INVALID, "`%s` is nothing that runs", t->text);
    DN_TRY(compare_backends(s, t));
    bool scalar =
        t->graph && t->result.tensor->shape.rank == 0 && dn_dtype_is_float(t->result.tensor->dtype);
    if (scalar) return check_gradient(s, t);
    printf("     no gradient: this is no single float; :check mean(...) has one\n");
    return DN_SUCCESS;
}

dn_status dn_ask_check(dn_session *s, const char *argument) {
    return with_trial(s, argument, check);
}

// ---- :time -----------------------------------------------------------------------------------

enum { MOST_RUNS = 10000 };

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void time_text(double seconds, char text[32]) {
    if (seconds < 1e-3)
        snprintf(text, 32, "%.3g us", 1e6 * seconds);
    else if (seconds < 1)
        snprintf(text, 32, "%.3g ms", 1e3 * seconds);
    else
        snprintf(text, 32, "%.3g s", seconds);
}

// Runs for half a second at least once, after one run that compiles.
static dn_status measure(dn_session *s, int command, double *times, int *n) {
    double begun = dn_seconds();
    for (*n = -1; *n < MOST_RUNS && (*n < 1 || dn_seconds() - begun < 0.5); ++*n) {
        dn_value result;
        double start = dn_seconds();
        DN_TRY(dn_session_run(s, command, &result));
        if (*n >= 0) times[*n] = dn_seconds() - start;
        if (*n < 0) begun = dn_seconds();
        dn_value_release(result);
    }
    return DN_SUCCESS;
}

dn_status dn_ask_time(dn_session *s, const char *argument) {
    dn_input input;
    dn_run_state *state;
    if (!dn_try(s, argument, &input)) return DN_SUCCESS;
    if (input.command < 0) {
        dn_prompt_forget(s->compiler);
        return dn_fail(DN_INVALID, "`%s` is nothing that runs", argument);
    }
    double *times = dn_xcalloc(MOST_RUNS, sizeof *times);
    int n = 0;
    dn_status status = dn_session_extend(s);
    if (!status) status = dn_run_keep(s->run, &state);
    if (!status) {
        status = measure(s, input.command, times, &n);
        dn_run_put_back(s->run, state);
    }
    if (!status) {
        char best[32], median[32];
        qsort(times, (size_t)n, sizeof *times, by_size);
        time_text(times[0], best);
        time_text(times[n / 2], median);
        printf("best %s, median %s of %d runs\n", best, median, n);
    }
    free(times);
    dn_prompt_forget(s->compiler);
    return status;
}

// ---- :nan ------------------------------------------------------------------------------------

static dn_status find_nan(dn_session *s, const char *argument) {
    dn_input input;
    dn_value result = dn_value_none();
    if (!dn_try(s, argument, &input)) return DN_SUCCESS;
    bool watched = s->check_nan;
    s->check_nan = true;
    dn_status status = input.command >= 0 ? try_run(s, input.command, NULL, &result) : DN_SUCCESS;
    s->check_nan = watched;
    dn_prompt_forget(s->compiler);
    dn_value_release(result);
    if (!status) printf("all finite\n");
    return status;
}

static dn_status repeat(dn_session *s, const char *path) {
    if (!*path)
        return dn_with_hint(dn_fail(DN_INVALID, ":nan replay takes a file"),
                            ":nan replay nan.safetensors");
    DN_TRY(dn_session_extend(s));
    dn_checker checker = {.inner = s->execute, .compiler = s->compiler};
    dn_status status = dn_checker_replay(&checker, path);
    dn_checker_free(&checker);
    return status;
}

// "on", "on FILE", "off" or nothing.
static dn_status watch(dn_session *s, const char *argument) {
    const char *file = argument + strcspn(argument, " \t");
    file += strspn(file, " \t");
    if (*argument) s->check_nan = strncmp(argument, "on", 2) == 0;
    if (*file || !s->check_nan) {
        free(s->replay);
        s->replay = *file ? dn_strdup(file) : NULL;
        s->checker.replay = s->replay;
    }
    printf("what is run is %s for NaN and infinity\n", s->check_nan ? "watched" : "not watched");
    if (s->replay) printf("what the bad run was given is written to %s\n", s->replay);
    return DN_SUCCESS;
}

// "WORD" or "WORD more".
static bool begins_with_word(const char *text, const char *word) {
    size_t n = strlen(word);
    return strncmp(text, word, n) == 0 && strchr(" \t", text[n]);
}

dn_status dn_ask_nan(dn_session *s, const char *argument) {
    if (!*argument || strcmp(argument, "off") == 0 || begins_with_word(argument, "on"))
        return watch(s, argument);
    if (!begins_with_word(argument, "replay")) return find_nan(s, argument);
    argument += strlen("replay");
    return repeat(s, argument + strspn(argument, " \t"));
}
