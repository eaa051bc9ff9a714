// Takes out stop_gradient, which is the identity once everything is differentiated: what was
// computed on both sides of it, such as D(fake) and D(stop_gradient(fake)), becomes one.
//
// requires: all gradients are taken. breaks: differentiation.
#ifndef DN_PASSES_ERASE_STOPS_H
#define DN_PASSES_ERASE_STOPS_H

#include "ir/graph.h"

dn_graph *dn_erase_stops(const dn_graph *graph);

#endif
