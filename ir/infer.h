// Shape rules: what an op demands of its operands and attributes, and its result's type.
//
// A rule's failure is read by users: the message says what does not fit, the note shows the
// numbers, the hint says what to do. Sizes may be symbolic: equal means the same dn_dim, and an
// inequality that cannot be decided is taken to hold (it is decided when the sizes are known).
#ifndef DN_IR_INFER_H
#define DN_IR_INFER_H

#include "ir/graph.h"

// What a rule looks at.
typedef struct dn_call {
    dn_dims *dims;
    dn_op op;
    const char *name;  // of the op
    dn_node *const *in;
    int n_in;
    const dn_attr_value *attrs;
    int n_attrs;
    const dn_type *type;  // asked for; never NULL in the rules of ops that take one
    dn_arena scratch;     // of messages
} dn_call;

// Checks operands, attributes and `type` (see dn_graph_op) and gives the result's type.
dn_status dn_infer(dn_dims *dims, dn_op op, dn_node *const *in, int n_in,
                   const dn_attr_value *attrs, int n_attrs, const dn_type *type,
                   dn_type *out) DN_MUST_USE;

// One rule for each OP row: dn_infer_CONV(call, &type). A row without a rule does not link.
#define OP(ENUM, name, arity, attrs, grad, doc) \
    dn_status dn_infer_##ENUM(dn_call *call, dn_type *out) DN_MUST_USE;
#define UNARY(ENUM, name, domain, expr, grad, doc)
#define BINARY(ENUM, name, domain, result, expr, grad, doc)
#include "ir/ops.def"
#undef OP
#undef UNARY
#undef BINARY

// ---- for the rules (infer.c) ------------------------------------------------------------------

static inline const dn_type *dn_call_in(const dn_call *call, int i) { return &call->in[i]->type; }

int64_t dn_call_int(const dn_call *call, dn_attr attr);
double dn_call_number(const dn_call *call, dn_attr attr);
const dn_dim *dn_call_dims(const dn_call *call, dn_attr attr, int *count);

// Text for messages; lives as long as the call.
const char *dn_call_type(dn_call *call, const dn_type *type);
const char *dn_call_dim(dn_call *call, dn_dim d);
const char *dn_call_list(dn_call *call, int count, const dn_dim *dims);  // "[1, 2]"

// Certainly less; false when it cannot be known.
static inline bool dn_dim_below(dn_dim d, int64_t bound) { return dn_dim_known(d) && d < bound; }

dn_status dn_check_domain(const dn_call *call, dn_domain domain, dn_dtype dtype) DN_MUST_USE;
dn_status dn_check_same_dtype(dn_call *call, const dn_type *a, const dn_type *b) DN_MUST_USE;
dn_status dn_check_same_dims(dn_call *call, const dn_type *a, const dn_type *b) DN_MUST_USE;
dn_status dn_check_rank(dn_call *call, int rank) DN_MUST_USE;  // of a result
// An axis of x, and a list of axes of x: in range, none twice.
dn_status dn_check_axis(dn_call *call, const dn_type *x, dn_dim axis) DN_MUST_USE;
dn_status dn_check_axes(dn_call *call, const dn_type *x, int count, const dn_dim *axes) DN_MUST_USE;
// Also each greater than the one before.
dn_status dn_check_increasing(dn_call *call, const dn_type *x, int count,
                              const dn_dim *axes) DN_MUST_USE;
// A DIMS attribute has `count` entries, none certainly below `least`.
dn_status dn_check_entries(dn_call *call, dn_attr attr, int count, int64_t least) DN_MUST_USE;
// `value` is one that elements of the dtype can have (a float is rounded).
dn_status dn_check_value(const dn_call *call, dn_dtype dtype, double value) DN_MUST_USE;

#endif
