// Products and convolutions of operands that are the same but for a factor per row.
//
// A contraction is linear: where its operand is s * x, with one number of s for each row (image),
// it is s times the contraction of x. Two losses of one network's output need its backward pass
// twice, for gradients that begin as different numbers per image and go through the same weights
// and the same masks: this pass does the contractions once, of x, and multiplies the results.
//
// Requires: simplified graphs (an outer product is a DOT over one element). Keeps every result but
// for the rounding of floats: s is multiplied after the sum instead of before. Changes nothing
// where fewer than two contractions become one.
#ifndef DN_PASSES_SHARE_ROWS_H
#define DN_PASSES_SHARE_ROWS_H

#include "ir/graph.h"

dn_graph *dn_share_rows(const dn_graph *graph);

#endif
