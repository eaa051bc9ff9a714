#include "passes/erase_stops.h"

#include "passes/rebuild.h"

static dn_node *erase(dn_graph *to, const dn_node *node, dn_node *const *in, const void *context) {
    (void)context;
    return node->op == DN_OP_STOP_GRADIENT ? in[0] : dn_rebuild_same(to, node, in);
}

dn_graph *dn_erase_stops(const dn_graph *graph) { return dn_rebuild(graph, erase, NULL); }
