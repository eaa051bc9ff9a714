// What graph.c shares with the rest of this folder only.
#ifndef DN_IR_GRAPH_INTERNAL_H
#define DN_IR_GRAPH_INTERNAL_H

#include "ir/graph.h"

enum { DN_MAX_LEAF_INDEX = 1 << 16 };  // of inputs and variables

// The node like `proto` (op, operands, attributes, type; span if it is new), found or added without
// any check of shape rules. Operands must be of this graph. INPUT and VAR nodes are listed under
// their index.
dn_node *dn_graph_intern(dn_graph *graph, const dn_node *proto);

// The node that hash-consing finds for what `proto` says; NULL if there is none.
const dn_node *dn_graph_find(const dn_graph *graph, const dn_node *proto);

bool dn_attr_value_equal(const dn_attr_value *a, const dn_attr_value *b);

// Bytes of names that stand without quotes in the text form.
bool dn_text_name_byte(char c, bool first);

#endif
