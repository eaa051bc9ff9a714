// Whether a backend gives what the interpreter gives, and the same bits on any number of threads
// and with any instruction set.
#ifndef DN_TESTS_NATIVE_VERDICT_H
#define DN_TESTS_NATIVE_VERDICT_H

#include "tests/native/backend.h"
#include "tests/native/guard.h"

enum { RUNS = 6, RUNS_BEFORE_ALARM = 80 };  // evaluations with errors

// What is wrong is appended to a text.
static inline void describe(const run_case *c, int i, const char *how, dn_str *out) {
    const dn_graph *g = c->graph;
    bool var = i >= g->n_outputs;
    dn_str_printf(out, "%s%s %s: ", var ? "the new value of variable " : "output ",
                  var ? g->vars[i - g->n_outputs].name : g->outputs[i].name, how);
}

static inline void describe_place(const dn_tensor *t, int64_t i, dn_str *out) {
    int64_t index[DN_MAX_RANK];
    for (int k = t->shape.rank - 1; k >= 0; k--) {
        index[k] = i % t->shape.dims[k];
        i /= t->shape.dims[k];
    }
    dn_shape_print(out, t->dtype, &t->shape);
    dn_str_puts(out, " at [");
    for (int k = 0; k < t->shape.rank; k++)
        dn_str_printf(out, "%s%lld", k ? ", " : "", (long long)index[k]);
    dn_str_puts(out, "]: ");
}

// Fails if a result is not what the interpreter gives.
static inline bool compare_results(const run_case *c, const results *want, const results *have,
                                   allowance *a, dn_str *wrong) {
    for (int i = 0; i < want->n; i++) {
        const dn_tensor *w = want->tensors[i], *h = have->tensors[i];
        int64_t count;
        if (w->dtype != h->dtype || !dn_shape_equal(&w->shape, &h->shape)) {
            describe(c, i, "has another type", wrong);
            return false;
        }
        if (first_difference(&a[i], w, h, &count) < 0) continue;
        allowances_widen(c, want, RUNS, RUNS_BEFORE_ALARM, a);
        int64_t at = first_difference(&a[i], w, h, &count);
        if (at < 0) continue;
        describe(c, i, "differs", wrong);
        describe_place(w, at, wrong);
        dn_str_printf(wrong,
                      "%.9g, and not %.9g, as the interpreter says (may be %.3g away); "
                      "%lld of %lld elements differ",
                      dn_tensor_get(h, at), dn_tensor_get(w, at), allowed(&a[i], w, at),
                      (long long)count, (long long)dn_shape_elements(&w->shape));
        return false;
    }
    return true;
}

// Fails if two runs have other bits than each other (NaNs are all alike).
static inline bool compare_bits(const run_case *c, const results *first, const results *have,
                                const char *how, dn_str *wrong) {
    for (int i = 0; i < first->n; i++) {
        const dn_tensor *f = first->tensors[i], *h = have->tensors[i];
        size_t size = dn_dtype_size(f->dtype);
        for (int64_t k = 0; k < dn_shape_elements(&f->shape); k++) {
            const char *a = (char *)f->data + (size_t)k * size;
            const char *b = (char *)h->data + (size_t)k * size;
            double x = dn_tensor_get(f, k), y = dn_tensor_get(h, k);
            if (memcmp(a, b, size) == 0 || (isnan(x) && isnan(y))) continue;
            describe(c, i, how, wrong);
            describe_place(f, k, wrong);
            dn_str_printf(wrong, "%.9g, then %.9g", x, y);
            return false;
        }
    }
    return true;
}

// ---- one run --------------------------------------------------------------------------------

// Operands in guarded memory; `others` keep a reference to each variable, so that it must not be
// written in place.
typedef struct operands {
    dn_tensor **inputs, **guarded_vars, **vars;
    bool shared;
} operands;

static inline operands operands_new(const run_case *c, bool shared) {
    operands o = {.inputs = dn_xcalloc((size_t)c->graph->n_inputs + 1, sizeof *o.inputs),
                  .guarded_vars = dn_xcalloc((size_t)c->graph->n_vars + 1, sizeof *o.guarded_vars),
                  .vars = dn_xcalloc((size_t)c->graph->n_vars + 1, sizeof *o.vars),
                  .shared = shared};
    for (int i = 0; i < c->graph->n_inputs; i++) o.inputs[i] = guarded_copy(c->inputs[i]);
    for (int i = 0; i < c->graph->n_vars; i++) {
        o.guarded_vars[i] = o.vars[i] = guarded_copy(c->vars[i]);
        if (shared) dn_tensor_retain(o.vars[i]);
    }
    return o;
}

// Moves the new values of variables to `to`, checks that the rest was left alone, and ends it.
static inline bool operands_end(const run_case *c, operands *o, dn_tensor **to) {
    bool untouched = true;
    for (int i = 0; i < c->graph->n_inputs; i++) {
        untouched &= memcmp(o->inputs[i]->data, c->inputs[i]->data, c->inputs[i]->bytes) == 0;
        untouched &= guarded_free(o->inputs[i]);
    }
    for (int i = 0; i < c->graph->n_vars; i++) {
        dn_tensor *guarded = o->guarded_vars[i];
        dn_status status = dn_tensor_copy(o->vars[i], &to[i]);
        DN_ASSERT(!status, "no memory");
        bool in_place = o->vars[i] == guarded;
        if (o->shared || !in_place)
            untouched &= memcmp(guarded->data, c->vars[i]->data, guarded->bytes) == 0;
        if (!in_place) dn_tensor_release(o->vars[i]);
        untouched &= guarded_free(guarded);
    }
    free(o->inputs);
    free(o->guarded_vars);
    free(o->vars);
    return untouched;
}

// Runs the backend once.
static inline bool run_one(const backend *b, void *compiled, int index, const run_case *c,
                           int threads, results *out, dn_str *wrong) {
    *out = results_new(c);
    operands o = operands_new(c, threads == 2);
    dn_status status = b->run(compiled, index, c, threads, o.inputs, o.vars, out->tensors);
    bool untouched = operands_end(c, &o, out->tensors + c->graph->n_outputs);
    if (status) dn_str_printf(wrong, "running it: %s", dn_status_message(status));
    if (!status && !untouched)
        dn_str_puts(wrong, "an input, a shared variable or memory beside one was written");
    dn_status_free(status);
    return !status && untouched;
}

// ---- all runs of a case ---------------------------------------------------------------------

typedef struct reference {
    results want, first;  // the interpreter's; the backend's first run
    allowance *a;
} reference;

static inline dn_status reference_new(const run_case *c, reference *r) {
    r->want = results_new(c);
    dn_tensor **vars = r->want.tensors + c->graph->n_outputs;
    for (int i = 0; i < c->graph->n_vars; i++) vars[i] = dn_tensor_retain(c->vars[i]);
    DN_TRY(interpret(c, c->inputs, vars, r->want.tensors));
    r->a = allowances_new(c, &r->want);
    allowances_widen(c, &r->want, 0, RUNS, r->a);
    return DN_SUCCESS;
}

static inline void reference_free(reference *r) {
    if (r->a) allowances_free(r->a, r->want.n);
    results_free(&r->want);
    results_free(&r->first);
}

// Everything that one compilation should give.
static inline bool right_on(const backend *b, void *compiled, int index, const run_case *c,
                            dn_isa isa, reference *r, dn_str *wrong) {
    bool right = true;
    for (int threads = 1; right && threads <= MOST_THREADS; threads++) {
        results have;
        char how[80];
        snprintf(how, sizeof how, "has other bits with %s on %d threads", dn_isa_name(isa),
                 threads);
        right = run_one(b, compiled, index, c, threads, &have, wrong);
        if (right && r->first.n == 0) {
            right = compare_results(c, &r->want, &have, r->a, wrong);
            if (right) {
                r->first = have;
                have = (results){0};
            }
        } else if (right && r->first.n > 0) {
            right = compare_bits(c, &r->first, &have, how, wrong);
        }
        results_free(&have);
    }
    return right;
}

#endif
