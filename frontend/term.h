// Terms: what the expressions of tensor code evaluate to at compile time.
//
// Tensor code is run once, at compile time, by an evaluator (build.h) that knows sizes, numbers,
// symbols and functions, and stands a graph node in for every tensor. Terms are immutable and live
// in the compiler's arena.
#ifndef DN_FRONTEND_TERM_H
#define DN_FRONTEND_TERM_H

#include "frontend/ast.h"

typedef enum dn_term_kind {
    DN_TERM_ERROR,  // already reported; whatever touches it stays silent
    DN_TERM_NONE,
    DN_TERM_BOOL,
    DN_TERM_INT,  // perhaps symbolic
    DN_TERM_FLOAT,
    DN_TERM_STRING,  // strings and symbols
    DN_TERM_DTYPE,
    DN_TERM_LIST,
    DN_TERM_RECORD,
    DN_TERM_TENSOR,
    DN_TERM_FUNCTION,
    DN_TERM_MODEL,
    DN_TERM_HOST,  // a value of the command around the expression, known only when it runs
} dn_term_kind;

typedef struct dn_function dn_function;
typedef struct dn_model dn_model;
typedef struct dn_host_type dn_host_type;
typedef struct dn_term dn_term;

struct dn_term {
    dn_term_kind kind;
    union {
        bool boolean;
        dn_dim integer;
        double number;
        const char *string;
        dn_dtype dtype;
        struct {
            dn_term *items;
            int count;
        } list;
        struct {
            const char **names;
            dn_term *values;
            int count;
        } record;
        dn_node *node;
        const dn_function *function;
        dn_model *model;
        struct {
            const dn_host_type *type;
            const dn_expr *expr;
        } host;
    };
};

// A function, perhaps with arguments already given.
struct dn_function {
    const char *name;
    const dn_decl *decl;  // NULL: the elementwise op `op`, or always `constant`
    dn_op op;
    const dn_term *constant;
    int left_out;    // leading parameters that the call will give
    dn_term *bound;  // one for each parameter; valid where is_bound
    bool *is_bound;
    dn_span *bound_spans;
    int training;  // -1: as the caller, else 0 or 1
};

// A network with parameters of its own: `model G = Generator`.
struct dn_model {
    const char *name;
    const dn_function *net;
    const dn_model *parent;  // of a model inside a net: the one that owns its parameters
    dn_span span;
};

static inline dn_term dn_term_of(dn_term_kind kind) { return (dn_term){.kind = kind}; }
static inline dn_term dn_term_bool(bool b) { return (dn_term){.kind = DN_TERM_BOOL, .boolean = b}; }
static inline dn_term dn_term_int(dn_dim i) { return (dn_term){.kind = DN_TERM_INT, .integer = i}; }
static inline dn_term dn_term_float(double x) {
    return (dn_term){.kind = DN_TERM_FLOAT, .number = x};
}
static inline dn_term dn_term_string(const char *s) {
    return (dn_term){.kind = DN_TERM_STRING, .string = s};
}
static inline dn_term dn_term_dtype(dn_dtype d) {
    return (dn_term){.kind = DN_TERM_DTYPE, .dtype = d};
}
static inline dn_term dn_term_tensor(dn_node *n) {
    return (dn_term){.kind = DN_TERM_TENSOR, .node = n};
}
static inline bool dn_term_is_error(dn_term t) { return t.kind == DN_TERM_ERROR; }

// A list of sizes as a term.
dn_term dn_term_dims(dn_arena *arena, int count, const dn_dim *dims);
// The field `name` of a record, or NULL.
const dn_term *dn_term_field(const dn_term *record, const char *name);
// A known number: ints and floats (bools not).
bool dn_term_number(const dn_term *term, double *out);
bool dn_term_equal(const dn_term *a, const dn_term *b);
// As a message shows it: `3`, "same", f32[64, 10], a function `relu`.
void dn_term_describe(const dn_dims *dims, const dn_term *term, dn_str *out);
// What kind of thing it is: "an integer", "a tensor".
const char *dn_term_kind_text(const dn_term *term);

#endif
