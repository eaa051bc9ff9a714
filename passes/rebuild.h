// What passes that rewrite a graph node by node share.
#ifndef DN_PASSES_REBUILD_H
#define DN_PASSES_REBUILD_H

#include "ir/graph.h"

// Makes, in `to`, what stands for `node` there; in[i] stands for its operand i. The result has
// node's type. context: dn_rebuild's.
typedef dn_node *dn_rebuild_rule(dn_graph *to, const dn_node *node, dn_node *const *in,
                                 const void *context);

// A copy of `graph` in which `rule` has made every node that something needs, operands first.
// Inputs and variables keep their indices, new nodes have the span of what they stand for, and what
// nothing needs is gone.
dn_graph *dn_rebuild(const dn_graph *graph, dn_rebuild_rule *rule, const void *context);

// What a rule does that changes nothing: the same op on the new operands.
dn_node *dn_rebuild_same(dn_graph *to, const dn_node *node, dn_node *const *in);

// dn_graph_op for passes, which only make what fits: a failure is a bug, and panics.
dn_node *dn_rebuild_op(dn_graph *to, dn_op op, dn_node *const *in, int n_in,
                       const dn_attr_value *attrs, int n_attrs, const dn_type *type);

#endif
