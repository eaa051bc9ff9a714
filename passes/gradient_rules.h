// The gradient rule of every op, as autodiff.c looks it up; private to passes/ and its tests.
#ifndef DN_PASSES_GRADIENT_RULES_H
#define DN_PASSES_GRADIENT_RULES_H

#include "ir/graph.h"

// One application of a rule: y = op(in[0], ...), and g = d loss / d y, of y's type.
typedef struct dn_gradient {
    dn_graph *graph;  // gets the new nodes
    dn_node *y;
    dn_node *g;
    const bool *wanted;  // by operand: whether its cotangent is of use
    dn_node **to;  // out, NULL at first: to[i] = what y adds to d loss / d in[i], of in[i]'s type
} dn_gradient;

typedef void dn_gradient_rule(dn_gradient *d);

typedef struct dn_gradient_entry {
    dn_grad_kind kind;
    dn_gradient_rule *rule;  // NULL unless kind is RULE
} dn_gradient_entry;

extern const dn_gradient_entry dn_gradient_table[DN_OP_COUNT];

// dn_autodiff with another table, so that tests can take a rule away.
dn_status dn_autodiff_with(const dn_gradient_entry *table, dn_graph *graph, dn_node *loss,
                           dn_node *const *wrt, int n_wrt, dn_node **grads, bool *depends,
                           const dn_node **culprit) DN_MUST_USE;

#endif
