// In which order groups run, and which updates are written in place.
//
// An update is written straight into its variable if every other reader of the old value can run
// before it, and if everything that can fail can too; else it is kept, and copied at the end.
#ifndef DN_CODEGEN_KERNEL_ORDER_H
#define DN_CODEGEN_KERNEL_ORDER_H

#include "codegen/kernel/fuse.h"

typedef struct dn_order {
    int *groups;  // in the order in which they run
    int n;
    const dn_node **in_place;  // by variable: the root that is written into it, or NULL
} dn_order;

// `kernel_of[g]`: the expanded kernel of group g (NULL for ALONE groups).
void dn_order_groups(const dn_fusion *fusion, dn_kernel *const *kernel_of, dn_order *out);
void dn_order_free(dn_order *order);

#endif
