// The graph: pure tensor operations, one graph per step, fn or expression that is run.
//
// Nodes live in the graph's arena, are immutable and hash-consed: the same op on the same operands
// with the same attributes and type is the same node, so common subexpressions do not exist twice.
// `nodes` is in an order in which operands come first. Variables (parameters, state, optimizer
// slots) are read by VAR nodes and written by `updates`, all at the end of the graph.
#ifndef DN_IR_GRAPH_H
#define DN_IR_GRAPH_H

#include "ir/dim.h"
#include "runtime/tensor.h"

// A place in source text: bytes [begin, end) of file number `file` (see frontend/source.h).
// file 0 is "nowhere".
typedef struct dn_span {
    uint32_t file, begin, end;
} dn_span;

typedef enum dn_op {
#define OP(ENUM, name, arity, attrs, grad, doc) DN_OP_##ENUM,
#define UNARY(ENUM, name, domain, expr, grad, doc) DN_OP_##ENUM,
#define BINARY(ENUM, name, domain, result, expr, grad, doc) DN_OP_##ENUM,
#include "ir/ops.def"
#undef OP
#undef UNARY
#undef BINARY
    DN_OP_COUNT
} dn_op;

typedef enum dn_attr {
#define ATTR(ENUM, name, kind) DN_ATTR_##ENUM,
#include "ir/attrs.def"
#undef ATTR
    DN_ATTR_COUNT
} dn_attr;

typedef enum dn_attr_kind {
    DN_ATTR_INT,
    DN_ATTR_DIMS,
    DN_ATTR_NUMBER,
    DN_ATTR_STRING
} dn_attr_kind;
typedef enum dn_grad_kind {
    DN_GRAD_RULE,
    DN_GRAD_ZERO,
    DN_GRAD_STOP,
    DN_GRAD_MISSING
} dn_grad_kind;
typedef enum dn_domain {
    DN_DOMAIN_FLOAT,
    DN_DOMAIN_NUMERIC,
    DN_DOMAIN_BOOLEAN,
    DN_DOMAIN_ANY
} dn_domain;
typedef enum dn_op_class { DN_CLASS_OTHER, DN_CLASS_UNARY, DN_CLASS_BINARY } dn_op_class;

typedef struct dn_op_info {
    const char *name;
    int arity;          // -1: one or more
    const char *attrs;  // names, separated by spaces
    dn_grad_kind grad;
    dn_op_class class;
    dn_domain domain;  // of elementwise ops
    bool to_bool;      // a comparison
    const char *doc;
} dn_op_info;

const dn_op_info *dn_op_get(dn_op op);
bool dn_op_from_name(const char *name, size_t length, dn_op *op);
const char *dn_attr_name(dn_attr attr);
dn_attr_kind dn_attr_kind_of(dn_attr attr);
bool dn_attr_from_name(const char *name, size_t length, dn_attr *attr);
bool dn_attr_optional(dn_attr attr);  // may be absent: seed
// The attributes of an op's row, in order; how many.
enum { DN_MAX_ATTRS = 6 };
int dn_op_attrs(dn_op op, dn_attr out[DN_MAX_ATTRS]);
// The result's type is part of the node, not implied by operands and attributes (see dn_graph_op).
bool dn_op_takes_type(dn_op op);

typedef struct dn_type {
    dn_dtype dtype;
    int rank;
    dn_dim dims[DN_MAX_RANK];
} dn_type;

dn_type dn_type_of(dn_dtype dtype, int rank, const dn_dim *dims);
dn_type dn_type_scalar(dn_dtype dtype);
bool dn_type_equal(const dn_type *a, const dn_type *b);
bool dn_type_same_dims(const dn_type *a, const dn_type *b);
bool dn_type_known(const dn_type *type);      // no symbolic size
dn_shape dn_type_shape(const dn_type *type);  // of a known type
dn_dim dn_type_elements(dn_dims *dims, const dn_type *type);
void dn_type_print(const dn_dims *dims, const dn_type *type, dn_str *out);  // "f32[N, 28, 28, 1]"

typedef struct dn_attr_value {
    dn_attr attr;
    int count;  // of DIMS
    union {
        int64_t i;      // INT
        double number;  // NUMBER
        const char *string;
        const dn_dim *dims;
    };
} dn_attr_value;

typedef struct dn_node {
    int id;  // its index in graph->nodes
    dn_op op;
    int n_in;
    struct dn_node **in;
    int n_attrs;
    dn_attr_value *attrs;  // in the order of the op's row; an optional one (seed) may be absent
    dn_type type;
    dn_span span;  // the first place in source that asked for it
} dn_node;

typedef struct dn_graph_value {  // an argument or a result
    const char *name;
    dn_node *node;
} dn_graph_value;

typedef struct dn_graph_var {
    const char *name;  // unique in the program: "G.dense.w"
    dn_type type;
} dn_graph_var;

typedef struct dn_graph_update {
    int var;        // index into vars
    dn_node *node;  // its new value
} dn_graph_update;

typedef struct dn_graph {
    dn_arena arena;
    dn_dims *dims;  // not owned
    const char *name;
    dn_node **nodes;
    int n_nodes, cap_nodes;
    dn_graph_value *inputs;
    int n_inputs, cap_inputs;
    dn_graph_var *vars;
    int n_vars, cap_vars;
    dn_graph_value *outputs;
    int n_outputs, cap_outputs;
    dn_graph_update *updates;
    int n_updates, cap_updates;
    dn_span span;                  // given to new nodes
    struct dn_graph_table *table;  // hash-consing
} dn_graph;

dn_graph *dn_graph_new(dn_dims *dims, const char *name);
void dn_graph_free(dn_graph *graph);

// ---- Building -------------------------------------------------------------------------------
// dn_graph_op checks operands and attributes and finds the result's type by the op's shape rule.
// Its failure is a user's error: a message, a note with the numbers, perhaps a hint. `type` gives
// the dtype and sizes for ops whose result they are part of (INPUT, VAR, CONST, IOTA, UNIFORM,
// NORMAL, CAST, BROADCAST, RESHAPE, WINDOW_SUM, SCATTER_ADD, CONV_INPUT, CONV_WEIGHT: the full
// result type; the rule checks it); NULL for the others (or the type that they must give). INPUT
// and VAR nodes are listed in `inputs` and `vars` under their index, in whatever order they come.
dn_status dn_graph_op(dn_graph *graph, dn_op op, dn_node *const *in, int n_in,
                      const dn_attr_value *attrs, int n_attrs, const dn_type *type,
                      dn_node **out) DN_MUST_USE;

// The next argument. Its sizes must be possible ones: neither negative nor too large.
dn_node *dn_graph_input(dn_graph *graph, const char *name, dn_type type);
// The VAR node of the variable called `name`, added if it is new (then `type` is its type).
dn_node *dn_graph_variable(dn_graph *graph, const char *name, dn_type type);
void dn_graph_output(dn_graph *graph, const char *name, dn_node *node);
void dn_graph_update_var(dn_graph *graph, int var, dn_node *node);  // replaces an earlier update

// Attribute makers and readers.
static inline dn_attr_value dn_attr_int(dn_attr attr, int64_t i) {
    return (dn_attr_value){.attr = attr, .i = i};
}
static inline dn_attr_value dn_attr_number(dn_attr attr, double number) {
    return (dn_attr_value){.attr = attr, .number = number};
}
static inline dn_attr_value dn_attr_dims(dn_attr attr, int count, const dn_dim *dims) {
    return (dn_attr_value){.attr = attr, .count = count, .dims = dims};
}
const dn_attr_value *dn_node_attr(const dn_node *node, dn_attr attr);  // NULL if absent
int64_t dn_node_int(const dn_node *node, dn_attr attr);                // must be there
double dn_node_number(const dn_node *node, dn_attr attr);
const dn_dim *dn_node_dims(const dn_node *node, dn_attr attr, int *count);  // count may be NULL

// Shorthands for passes: operands must fit (a misfit is a bug and panics). Elementwise ones
// broadcast nothing; splat makes a constant of another node's type. A cast, reshape or broadcast to
// the type that x has is x.
dn_node *dn_build_unary(dn_graph *graph, dn_op op, dn_node *x);
dn_node *dn_build_binary(dn_graph *graph, dn_op op, dn_node *x, dn_node *y);
dn_node *dn_build_select(dn_graph *graph, dn_node *c, dn_node *a, dn_node *b);
dn_node *dn_build_const(dn_graph *graph, const dn_type *type, double value);
dn_node *dn_build_splat(dn_graph *graph, const dn_node *like, double value);
dn_node *dn_build_cast(dn_graph *graph, dn_node *x, dn_dtype dtype);
dn_node *dn_build_reshape(dn_graph *graph, dn_node *x, int rank, const dn_dim *dims);
dn_node *dn_build_transpose(dn_graph *graph, dn_node *x, const dn_dim *axes);
dn_node *dn_build_broadcast(dn_graph *graph, dn_node *x, const dn_type *to, const dn_dim *axes);
dn_node *dn_build_reduce(dn_graph *graph, dn_op op, dn_node *x, int n_axes, const dn_dim *axes);

// ---- Text -----------------------------------------------------------------------------------
// The text form, specified in docs/ir.md. Parsing what was printed gives an equal graph.
void dn_graph_print(const dn_graph *graph, dn_str *out);
dn_status dn_graph_parse(dn_dims *dims, const char *text,
                         dn_graph **out) DN_MUST_USE;  // "line 3: ..."
// Equal: the same nodes in the same order, with the same inputs, variables, outputs and updates.
bool dn_graph_equal(const dn_graph *a, const dn_graph *b);

// ---- Checking -------------------------------------------------------------------------------
// Checks every invariant above: order, arity, attributes, types re-inferred and compared, indices
// of inputs and variables, an update's type. `executable`: no symbolic size anywhere.
dn_status dn_graph_verify(const dn_graph *graph, bool executable) DN_MUST_USE;

// ---- Use ------------------------------------------------------------------------------------
// live[id] is set for the nodes that outputs and updates need (n_nodes flags, caller's).
void dn_graph_live(const dn_graph *graph, bool *live);
// A copy without the nodes that nothing needs. Inputs and variables stay, so that indices hold.
dn_graph *dn_graph_compact(const dn_graph *graph);
// Multiply-adds counted as 2, for contractions and convolutions (padding taps included), and 1 for
// each element of other arithmetic.
double dn_graph_flops(const dn_graph *graph);
double dn_node_flops(const dn_node *node);  // of one; 0 where a size is not known

#endif
