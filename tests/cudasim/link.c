// A kernel with the functions that it calls, as one program.
#include <stdlib.h>
#include <string.h>

#include "tests/cudasim/decode.h"

enum { SINK_BYTES = 16 * SIM_LANES, SHARED_ALIGN = 16 };

// ---- which functions ----

static int find(const sim_decoder *d, const ptx_function *function) {
    for (int k = 0; k < d->n_order; k++)
        if (d->order[k] == function) return k;
    return -1;
}

// Callees before callers; `depth` functions are being visited: `path`.
static void visit(sim_decoder *d, const ptx_function *function, const ptx_function **path,
                  int depth) {
    d->function = function;
    for (int k = 0; k < depth; k++)
        if (path[k] == function) sim_decode_fail(d, "%s calls itself", function->name);
    if (depth == SIM_DEPTH) sim_decode_fail(d, "calls are too deep");
    path[depth] = function;
    for (int s = 0; s < function->n_statements; s++) {
        const ptx_statement *statement = &function->statements[s];
        if (strcmp(statement->parts[0], "call") != 0) continue;
        for (int k = 0; k < statement->n_operands; k++) {
            const ptx_operand *operand = &statement->operands[k];
            if (operand->kind == PTX_FUNCTION && operand->function->defined &&
                find(d, operand->function) < 0)
                visit(d, operand->function, path, depth + 1);
        }
    }
    d->order[d->n_order++] = function;
}

// ---- where variables are ----

static int place(int *used, ptx_variable *variable) {
    int align = variable->align > 0 ? variable->align : 1;
    *used = (*used + align - 1) / align * align;
    variable->address = *used;
    *used += (int)variable->bytes;
    return (int)variable->address;
}

static void place_chain(int *used, ptx_variable *variables, ptx_space space) {
    for (ptx_variable *v = variables; v; v = v->next)
        if (v->space == space) place(used, v);
}

static bool mentions(const ptx_operand *operands, int n, const ptx_variable *variable) {
    for (int k = 0; k < n; k++)
        if (operands[k].variable == variable ||
            mentions(operands[k].items, operands[k].n_items, variable))
            return true;
    return false;
}

static bool uses(const sim_decoder *d, const ptx_variable *variable) {
    for (int k = 0; k < d->n_order; k++)
        for (int s = 0; s < d->order[k]->n_statements; s++)
            if (mentions(d->order[k]->statements[s].operands, d->order[k]->statements[s].n_operands,
                         variable))
                return true;
    return false;
}

// Static shared memory first; the arrays whose size the launch says all begin behind it.
static void place_shared(sim_decoder *d) {
    int used = 0, align = SHARED_ALIGN;
    for (ptx_variable *v = d->module->variables; v; v = v->next)
        if (v->space == PTX_SHARED && !v->external && uses(d, v)) place(&used, v);
    for (int k = 0; k < d->n_order; k++) place_chain(&used, d->order[k]->locals, PTX_SHARED);
    bool dynamic = false;
    for (ptx_variable *v = d->module->variables; v; v = v->next) {
        if (v->space != PTX_SHARED || !v->external || !uses(d, v)) continue;
        dynamic = true;
        if (v->align > align) align = v->align;
    }
    if (dynamic) used = (used + align - 1) / align * align;
    for (ptx_variable *v = d->module->variables; v; v = v->next)
        if (v->space == PTX_SHARED && v->external) v->address = used;
    d->program->shared_bytes = used;
}

static void place_variables(sim_decoder *d) {
    int local = 0, params = 0;
    place_shared(d);
    for (int k = 0; k < d->n_order; k++) {
        const ptx_function *function = d->order[k];
        place_chain(&local, function->locals, PTX_LOCAL);
        place_chain(&local, function->locals, PTX_FRAME);
        place_chain(&local, function->params, PTX_FRAME);
        place_chain(&local, function->results, PTX_FRAME);
    }
    place_chain(&params, d->program->kernel->params, PTX_PARAM);
    d->program->local_bytes = (local + 15) / 16 * 16;
    d->program->param_bytes = params;
}

// ---- code ----

static void add_function(sim_decoder *d, int k) {
    d->function = d->order[k];
    size_t n = (size_t)d->function->n_statements;
    d->code = ptx_pool_take(d->pool, (n + 1) * sizeof *d->code);
    d->register_bytes = calloc((size_t)d->function->n_registers + 1, sizeof *d->register_bytes);
    d->copies = calloc(n + 1, sizeof *d->copies);
    d->n_references = 0;
    if (!d->register_bytes || !d->copies) abort();
    d->starts[k] = d->program->n_code;
    sim_decode_function(d);
    sim_place_registers(d);
    sim_order_code(d);
    free(d->register_bytes);
    free(d->copies);
    d->register_bytes = NULL;
    d->copies = NULL;
}

static int count_functions(const ptx_module *module) {
    int n = 0;
    for (const ptx_function *f = module->functions; f; f = f->next) n++;
    return n;
}

bool sim_link(const ptx_module *module, const ptx_function *kernel, ptx_pool *pool,
              sim_program *out, char *log, size_t log_bytes) {
    const ptx_function *path[SIM_DEPTH + 1];
    size_t n = (size_t)count_functions(module);
    sim_decoder *d = ptx_pool_take(pool, sizeof *d);
    *out = (sim_program){.module = module, .kernel = kernel, .register_bytes = SINK_BYTES};
    *d = (sim_decoder){
        .module = module, .pool = pool, .program = out, .log = log, .log_bytes = log_bytes};
    d->order = ptx_pool_take(pool, n * sizeof *d->order);
    d->starts = ptx_pool_take(pool, n * sizeof *d->starts);
    bool done = setjmp(d->failed) == 0;
    if (done) {
        visit(d, kernel, path, 0);
        place_variables(d);
        for (int k = 0; k < d->n_order; k++) add_function(d, k);
        out->start = d->starts[d->n_order - 1];
        out->constants = ptx_pool_take(pool, (size_t)d->constant_bytes + 1);
        if (d->constant_bytes) memcpy(out->constants, d->constants, (size_t)d->constant_bytes);
    }
    free(d->constants);
    free(d->references);
    free(d->register_bytes);
    free(d->copies);
    return done;
}
