// The interpreter: executes a graph op by op. It is the definition of what every op means.
//
// Plain loops from the op table's scalar expressions; OpenBLAS (one thread a call) for contractions
// and, through im2col, for convolutions. Work is cut into chunks that do not depend on the number
// of threads, and every sum is taken in one order, so results have the same bits for any pool.
#ifndef DN_CODEGEN_INTERP_H
#define DN_CODEGEN_INTERP_H

#include "ir/graph.h"
#include "runtime/threads.h"

typedef struct dn_interp dn_interp;  // a graph made ready to run; keeps a reference to the graph

typedef struct dn_interp_args {
    dn_tensor *const *inputs;  // one for each of graph->inputs, of its exact dtype and shape
    dn_tensor **vars;     // one for each of graph->vars; replaced by its new value where updated
    dn_tensor **outputs;  // out: one for each of graph->outputs; the caller owns a reference
    uint64_t seed, step;  // the key of UNIFORM and NORMAL nodes without a seed of their own
} dn_interp_args;

dn_status dn_interp_new(const dn_graph *graph, dn_interp **out) DN_MUST_USE;
void dn_interp_free(dn_interp *interp);
// Runs once. On failure (no memory, an index out of range in GATHER, wrong arguments, Ctrl-C)
// nothing was changed, and *culprit (may be NULL) is the node that failed, if one did.
dn_status dn_interp_run(dn_interp *interp, dn_pool *pool, dn_interp_args *args,
                        const dn_node **culprit) DN_MUST_USE;

// Evaluates one node on given operand tensors; what dn_interp_run does for each. For tests.
dn_status dn_interp_node(dn_pool *pool, const dn_node *node, dn_tensor *const *in, uint64_t seed,
                         uint64_t step, dn_tensor **out) DN_MUST_USE;

#endif
