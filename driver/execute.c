#include "driver/execute.h"

#include <stdlib.h>
#include <string.h>

#include "codegen/interp/interp.h"

static dn_status interp_of(dn_backend *backend, const dn_entry *entry, dn_interp **out) {
    int index = (int)(entry - backend->compiler->entries);
    if (index >= backend->n_interps) {
        int count = backend->compiler->n_units;
        backend->interps = dn_xrealloc(backend->interps, (size_t)count * sizeof *backend->interps);
        for (int i = backend->n_interps; i < count; i++) backend->interps[i] = NULL;
        backend->n_interps = count;
    }
    if (!backend->interps[index]) DN_TRY(dn_interp_new(entry->code, &backend->interps[index]));
    *out = backend->interps[index];
    return DN_SUCCESS;
}

// The line of the operation that failed.
static dn_status with_place(dn_backend *backend, dn_status status, const dn_node *culprit) {
    if (!status || !culprit || culprit->span.file == 0) return status;
    dn_place place = dn_sources_place(&backend->compiler->sources, culprit->span);
    return dn_annotate(status, "`%s` from %s:%d:%d", dn_op_get(culprit->op)->name, place.path,
                       place.line, place.column);
}

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    dn_backend *backend = context;
    dn_interp *interp;
    if (!backend->pool) DN_TRY(dn_pool_new(backend->threads, &backend->pool));
    DN_TRY(interp_of(backend, entry, &interp));
    dn_interp_args args = {
        .inputs = inputs, .vars = vars, .outputs = outputs, .seed = seed, .step = step};
    const dn_node *culprit = NULL;
    dn_status status = dn_interp_run(interp, backend->pool, &args, &culprit);
    return with_place(backend, status, culprit);
}

dn_executor dn_backend_executor(dn_backend *backend) {
    return (dn_executor){.context = backend, .run = run_entry};
}

void dn_backend_threads(void *context, int count) { ((dn_backend *)context)->threads = count; }

void dn_backend_free(dn_backend *backend) {
    for (int i = 0; i < backend->n_interps; i++) dn_interp_free(backend->interps[i]);
    free(backend->interps);
    dn_pool_free(backend->pool);
}
