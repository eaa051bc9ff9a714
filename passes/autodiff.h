// Reverse-mode differentiation on the graph.
//
// Gradients are ordinary nodes in the same graph, so they are simplified, printed, executed and
// differentiated again like everything else.
#ifndef DN_PASSES_AUTODIFF_H
#define DN_PASSES_AUTODIFF_H

#include "ir/graph.h"

// Adds nodes for d loss / d wrt[i] to `graph`: grads[i] has the type of wrt[i], zero where the loss
// does not depend on it; depends[i] tells (may be NULL). `loss` must be a float scalar. The wrt
// nodes are taken as independent of each other: what one is computed from gets nothing through it.
// New nodes carry the span of the node whose gradient they are part of.
//
// An op on the way whose gradient is MISSING gives DN_UNSUPPORTED, and *culprit is its node, so
// that the caller can point at its line.
dn_status dn_autodiff(dn_graph *graph, dn_node *loss, dn_node *const *wrt, int n_wrt,
                      dn_node **grads, bool *depends, const dn_node **culprit) DN_MUST_USE;

#endif
