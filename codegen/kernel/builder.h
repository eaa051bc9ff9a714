// A kernel under construction: axes that may still be split, and values by node and index.
#ifndef DN_CODEGEN_KERNEL_BUILDER_H
#define DN_CODEGEN_KERNEL_BUILDER_H

#include "codegen/kernel/affine.h"
#include "codegen/kernel/fuse.h"

enum { DN_MOST_VALUES = 400 };

typedef struct dn_known {  // a value that is there
    const dn_node *node;
    dn_access at;  // row-major position
    int value;
} dn_known;

typedef struct dn_builder {
    dn_arena *arena;
    const dn_fusion *fusion;
    const dn_group *group;
    dn_kernel *kernel;
    dn_access linear;  // the row-major position in the space of the current level
    bool after;        // level: behind the reductions
    bool fixed;        // the axes are given: no splitting
    int cap_values, cap_args;
    dn_known *known;
    int n_known, cap_known;
    const dn_node *obstacle;  // what cannot be computed here
    const dn_node *suspect;   // the last node whose index is not affine here
    bool failed;
    dn_split split;  // the failure goes away if this axis is split
} dn_builder;

int dn_builder_arg(dn_builder *b, int id);  // the argument with this id, added if it is new
// Of a load, as a value of `dtype`: bf16 is widened.
int dn_builder_widened(dn_builder *b, const dn_kvalue *load, dn_dtype dtype);
int dn_builder_push(dn_builder *b, const dn_kvalue *value);
// The value of a node at an index of its own; -1 and b->failed if that cannot be said.
int dn_builder_value(dn_builder *b, const dn_node *node, const dn_index *index);
// The value of a node of as many elements as the current level's space, at the current point.
int dn_builder_here(dn_builder *b, const dn_node *node);
// The index of a node there. False after failing.
bool dn_builder_index(dn_builder *b, const dn_node *node, dn_index *out);
// Values known so far are not valid any more (another level).
void dn_builder_forget(dn_builder *b);
void dn_builder_know(dn_builder *b, const dn_node *node, const dn_access *at, int value);
void dn_builder_free(dn_builder *b);

#endif
