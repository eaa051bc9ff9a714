// From a group to its kernel: axes, values, stores.
//
// Arguments of the kernels that come out are storage nodes' ids (of copies and packs: what the
// caller says); the caller gives them buffers.
#ifndef DN_CODEGEN_KERNEL_EXPAND_H
#define DN_CODEGEN_KERNEL_EXPAND_H

#include "codegen/kernel/fuse.h"

// Makes the one kernel of a LOOP, REDUCE or CONTRACT group in `arena`. NULL if it cannot be said
// with affine accesses, or is too large: *obstacle is then a node that would have to be a root for
// it, or NULL. All members are written out but a contraction that is not a root.
dn_kernel *dn_expand(const dn_fusion *fusion, const dn_group *group, dn_arena *arena,
                     const dn_node **obstacle);

// Makes the kernels of an ALONE group. NULL, or the obstacle.
typedef void dn_kernel_sink(void *context, dn_kernel *kernel);
const dn_node *dn_expand_alone(const dn_fusion *fusion, const dn_group *group, dn_arena *arena,
                               dn_kernel_sink *sink, void *context);

// A LOOP kernel that copies what is stored of `node` from argument `from` to argument `to`, which
// has elements of `dtype`.
dn_kernel *dn_expand_copy(dn_arena *arena, const dn_node *node, dn_dtype dtype, int from, int to);

// The kernels that pack the second operand of `contract`: source argument, with elements of
// `dtype`, and strides as the geometry says, `packed` the argument of the copy.
void dn_expand_pack(const dn_contract *contract, dn_dtype dtype, int source, int packed,
                    dn_pack pack, dn_span span, dn_arena *arena, dn_kernel_sink *sink,
                    void *context);
// The kernel that copies the first operand of a DOT, of `dtype`, to [batch][m][k], and the strides
// of that in `contract`.
dn_kernel *dn_expand_rows(dn_contract *contract, dn_dtype dtype, int source, int copy, dn_span span,
                          dn_arena *arena);
bool dn_same_pack(const dn_contract *a, const dn_contract *b);
int64_t dn_packed_elements(const dn_contract *contract, dn_pack pack);

// A CONTRACT kernel as two: its sums in parts, which go to `buffer`, and a LOOP kernel that adds
// the parts in order and then does what followed: codegen/kernel/split.c. Arguments are buffers.
int64_t dn_split_elements(const dn_kernel *kernel, int parts);  // of `buffer`
void dn_split_contract(const dn_kernel *kernel, int parts, int buffer, dn_arena *arena,
                       dn_kernel_sink *sink, void *context);

// The geometry of a contraction: codegen/kernel/geometry.c. False: it is a DOT whose operands
// cannot be walked with one stride for m, n and k: see prepare.h.
bool dn_contract_of(const dn_node *node, dn_contract *out);

#endif
