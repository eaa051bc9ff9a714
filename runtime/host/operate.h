// The operators of host code.
#ifndef DN_RUNTIME_HOST_OPERATE_H
#define DN_RUNTIME_HOST_OPERATE_H

#include "runtime/host/vm.h"

// *out: owned by the caller. The operands stay the caller's.
dn_status dn_host_unary(dn_host_operator op, dn_value value, dn_value *out) DN_MUST_USE;
dn_status dn_host_binary(dn_host_operator op, dn_value a, dn_value b, dn_value *out) DN_MUST_USE;
// A condition: a bool, or a bool tensor with one element.
dn_status dn_host_condition(dn_value value, bool *out) DN_MUST_USE;
// list[i], and row i of a tensor; a negative i counts from the end.
dn_status dn_host_index(dn_value items, dn_value index, dn_value *out) DN_MUST_USE;
// Rows first..first+count-1 of a tensor of rank 1 or more, copied.
dn_status dn_host_rows(const dn_tensor *tensor, int64_t first, int64_t count,
                       dn_value *out) DN_MUST_USE;
// Row i of it: a tensor with one axis less.
dn_status dn_host_row(const dn_tensor *tensor, int64_t i, dn_value *out) DN_MUST_USE;

#endif
