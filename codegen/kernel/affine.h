// Affine numbers over a kernel's axes, and what shape operations make of them.
//
// An index says where an element of a tensor is: one affine number for each of its axes. A shape
// operation maps the index of its result to that of its operand. Reshape has to divide: the axes
// are split where that makes the division exact.
#ifndef DN_CODEGEN_KERNEL_AFFINE_H
#define DN_CODEGEN_KERNEL_AFFINE_H

#include "codegen/kernel/kernel.h"

typedef struct dn_index {
    int rank;
    dn_access dim[DN_MAX_RANK];
    bool unknown[DN_MAX_RANK];  // not affine in the axes: may only be dropped
    bool has_position;          // `position` is the row-major position, also of unknown digits
    dn_access position;
} dn_index;

// Where an axis would have to be split for a division to be exact: `inner` is the new inner size.
typedef struct dn_split {
    int axis;
    int64_t inner;
} dn_split;

bool dn_access_equal(const dn_access *a, const dn_access *b);
// a += factor * b
void dn_access_add(dn_access *a, const dn_access *b, int64_t factor);
// The row-major position of an element. False if an index is unknown.
bool dn_index_linear(const dn_index *index, const dn_type *type, dn_access *out);
// The index of the element at a row-major position. False: `split` says what would help (its axis
// is -1 if nothing does); the digits that could not be told are marked unknown.
bool dn_index_of(const dn_access *linear, const dn_axis *axes, int n_axes, const dn_type *type,
                 dn_index *out, dn_split *split);
// The index of the operand of a BROADCAST, TRANSPOSE, SLICE, REVERSE or WINDOW node.
void dn_index_move(const dn_node *node, const dn_index *result, dn_index *operand);

#endif
