// The rewrite rules of simplify.c, by op; private to passes/.
#ifndef DN_PASSES_SIMPLIFY_RULES_H
#define DN_PASSES_SIMPLIFY_RULES_H

#include "ir/graph.h"

// A simpler node for n, of the same type, or NULL where the rule does not apply. n's operands are
// simplified already, and so must be what the rule returns: rules build with the functions below.
typedef dn_node *dn_simplify_rule(dn_graph *graph, dn_node *n);

enum { DN_SIMPLIFY_MOST = 8 };  // rules of one op; the unused places are NULL
extern dn_simplify_rule *const dn_simplify_arithmetic[DN_OP_COUNT][DN_SIMPLIFY_MOST];
extern dn_simplify_rule *const dn_simplify_movement[DN_OP_COUNT][DN_SIMPLIFY_MOST];

// ---- building (simplify.c): the op, simplified ----
dn_node *dn_simplified(dn_graph *graph, dn_op op, dn_node *const *in, int n_in,
                       const dn_attr_value *attrs, int n_attrs, const dn_type *type);
dn_node *dn_simplified_unary(dn_graph *graph, dn_op op, dn_node *x);
dn_node *dn_simplified_binary(dn_graph *graph, dn_op op, dn_node *x, dn_node *y);
dn_node *dn_simplified_reshape(dn_graph *graph, dn_node *x, const dn_type *to);

// The number that n has everywhere, if it is a CONST.
bool dn_number_of(const dn_node *n, double *value);
bool dn_is_number(const dn_node *n, double value);

#endif
