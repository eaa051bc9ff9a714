// The axes of a kernel under construction. Each has a stride in two row-major spaces, so that they
// can be split without asking what they stand for.
#ifndef DN_CODEGEN_KERNEL_SPACE_H
#define DN_CODEGEN_KERNEL_SPACE_H

#include "codegen/kernel/builder.h"

typedef struct dn_space {
    dn_axis axes[DN_MAX_AXES];
    int64_t first[DN_MAX_AXES];   // strides in what the body computes: its operands' space
    int64_t second[DN_MAX_AXES];  // in what is stored, or comes after the reductions
    int n;
} dn_space;

bool dn_space_add(dn_space *s, int64_t size, dn_axis_kind kind, int64_t first, int64_t second);
bool dn_space_split(dn_space *s, dn_split split);  // false if it cannot help
dn_access dn_space_linear(const dn_space *s, const int64_t *strides, int64_t offset);
// All axes of a type, parallel, with its strides in both. Those of size 1 are left out unless
// `all`.
void dn_space_of(const dn_type *type, bool all, dn_space *s);
void dn_strides_of(const dn_type *type, int64_t *strides);  // row-major

// ---- a kernel being built over a space ----
typedef struct dn_building {
    dn_builder b;
    dn_space space;
    int cap_stores, cap_reductions;
} dn_building;

void dn_building_open(dn_building *j, dn_arena *arena, dn_kernel_kind kind, const char *name,
                      dn_span span);
void dn_building_store(dn_building *j, int id, int value, const dn_access *at);
void dn_building_close(dn_building *j);  // its lists now belong to the arena

#endif
