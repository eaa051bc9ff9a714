// Which nodes get a buffer, and which are computed together.
//
// A node is a source (INPUT, VAR), a root (it is materialised: a kernel writes it to a buffer), or
// inlined: computed where it is used, once more in each kernel that uses it. A group is what
// becomes one kernel: roots, and perhaps the contraction or reductions that lead it.
//
// Method: consumers first, every node joins the groups that use it. Where these are several, they
// are merged if they can be, else the node is inlined in all if that is cheap, else it is a root.
// Then groups merge with contractions (as their epilogue) and reductions (as what feeds them and
// what follows them). A merge is tried by lowering it, so legality is decided in one place.
#ifndef DN_CODEGEN_KERNEL_FUSE_H
#define DN_CODEGEN_KERNEL_FUSE_H

#include "codegen/kernel/kernel.h"

typedef enum dn_group_kind {
    DN_GROUP_LOOP,      // elementwise roots over one space
    DN_GROUP_REDUCE,    // reductions over the same axes of operands of one shape, what is computed
                        // on the way (roots of the operand's size) and after (of the result's)
    DN_GROUP_CONTRACT,  // a contraction and its epilogue
    DN_GROUP_ALONE      // UNIFORM, NORMAL, PAD, CONCAT, WINDOW_SUM, SCATTER_ADD
} dn_group_kind;

typedef struct dn_member {
    const dn_node *node;
    bool body;  // REDUCE: at every point of the reduced axes
} dn_member;

typedef struct dn_group {
    dn_group_kind kind;
    const dn_node *lead;  // the contraction, (first) reduction, or lone node; else NULL
    dn_member *members;   // the roots, `lead` and further reductions among them; a contraction that
    int n_members, cap_members;  // only its epilogue uses is a member without a buffer
} dn_group;

typedef struct dn_fusion {
    const dn_graph *graph;
    bool *live;
    int *users, *first_user;  // the live nodes that use node i: users[first_user[i] ..[i + 1])
    bool *root;               // by node id
    int *group_of;            // of a root: index into groups, following `into`; else -1
    int *into;                // by group: the group it was merged into, or itself
    dn_group *groups;         // by index; those merged away are empty
    int n_groups, cap_groups;
} dn_fusion;

// `forced` (by node id, may be NULL): nodes that must be roots because a kernel cannot compute
// them.
void dn_fuse(const dn_graph *graph, const bool *forced, dn_fusion *out);
void dn_fusion_free(dn_fusion *fusion);

// The node whose buffer holds the value: reshapes share their operand's.
const dn_node *dn_storage(const dn_node *node);
bool dn_is_source(const dn_node *node);
bool dn_is_contraction(const dn_node *node);
bool dn_is_reduction(const dn_node *node);  // ARGMAX and ARGMIN too
bool dn_is_movement(const dn_node *node);   // reshape and what dn_index_move knows
bool dn_is_inlineable(const dn_node *node);
bool dn_is_widening(const dn_node *node);  // CAST of bf16 to f32: never worth a buffer
// The node whose buffer holds operand i of a contraction: of bf16, where that is widened for it.
const dn_node *dn_contract_operand(const dn_node *node, int i);
// Has a buffer: a source or a root.
bool dn_has_buffer(const dn_fusion *fusion, const dn_node *node);
int dn_group_of(const dn_fusion *fusion, const dn_node *root);
// Calls visit for every node with a buffer that the kernel of a group reads.
typedef void dn_visit_read(void *context, const dn_node *storage);
void dn_group_reads(const dn_fusion *fusion, const dn_group *group, dn_visit_read *visit,
                    void *context);
int64_t dn_elements(const dn_node *node);

// ---- between the files of fusion ----
// Does the kernel of group q need what group p computes? HERE: only values at the same point,
// through elementwise ops and reshapes; ELSEWHERE: also other points, or through other kernels.
typedef enum dn_needs { DN_NEEDS_NOTHING, DN_NEEDS_HERE, DN_NEEDS_ELSEWHERE } dn_needs;
dn_needs dn_group_needs(const dn_fusion *fusion, int q, int p);
// Adds the members of `from` to `to`; `body`: at the level of the body.
void dn_group_append(dn_group *to, const dn_group *from, bool body);
void dn_group_merge(dn_fusion *fusion, int into, int from, bool body);
bool dn_same_space(const dn_node *a, const dn_node *b);  // the same sizes, axes of size 1 apart
void dn_fuse_merge(dn_fusion *fusion);                   // fuse_merge.c: merges that are tried

#endif
