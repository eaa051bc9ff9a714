// The evaluator of tensor code: runs fn, net, optimizer and step bodies at compile time and leaves
// a graph. Internal to frontend/build_*.c and host_*.c.
//
// Calls are inlined, loops over known ranges unrolled. Parameters and state are variables of the
// program; within a graph each has a chain of versions, the last being its value at this place in
// the text, so a loss refers to the parameters as they stood where it was computed.
//
// An abstract build checks a net or fn by itself, with symbolic sizes. Where it cannot decide (an
// `if` on a symbolic size) it gives up without a message: the uses decide.
#ifndef DN_FRONTEND_BUILD_H
#define DN_FRONTEND_BUILD_H

#include "frontend/compiler.h"
#include "frontend/host_type.h"

typedef struct dn_version_chain {  // of one variable in one graph
    dn_var *var;
    int index;  // in graph->vars
    dn_node **versions;
    int count, capacity;
    dn_span updated;  // the minimize statement that updated it last
} dn_version_chain;

typedef struct dn_objective {  // one `minimize`, for the rules between them
    dn_node *loss;             // NULL: it could not be built
    const dn_expr *expr;
    const dn_model *over;
    dn_span span;
} dn_objective;

typedef struct dn_build {
    dn_compiler *c;
    dn_graph *graph;
    const char *name;  // of the entry
    bool abstract;
    bool given_up;  // silent from here on: nothing can be decided, or too much was tried
    int64_t work;   // expressions evaluated, elements of lists made
    struct dn_frame *frame;
    int depth;  // of calls
    int sites;  // random call sites so far
    dn_version_chain *chains;
    int n_chains, cap_chains;
    dn_objective *objectives;
    int n_objectives, cap_objectives;
    struct dn_host *host;        // the command around a thunk, or NULL
    struct dn_network *network;  // what layers.c writes the calls of a net into, or NULL
} dn_build;

typedef struct dn_bound_name {
    const char *name;
    dn_term value;
    dn_var *state;  // assignment updates this variable
    dn_span span;
} dn_bound_name;

typedef struct dn_frame {
    struct dn_frame *caller;
    const dn_decl *decl;  // NULL for a thunk
    const char *name;
    dn_span call;  // the call's place in the caller
    dn_bound_name *names;
    int n_names, cap_names;
    const char *path;  // of variables made here: "G.dense"; NULL: none may be
    const char *slot;  // in an optimizer: "/adam", appended to `path`
    struct {
        const char *name;
        int count;
    } * children;  // scopes opened so far
    int n_children, cap_children;
    const dn_model *owner;
    bool training;
    bool returned, stopped;  // by return; by break or continue
    bool broke;
    dn_term result;
} dn_frame;

// ---- build.c: builds, frames, messages ----
void dn_build_init(dn_build *b, dn_compiler *c, const char *name, bool abstract);
void dn_build_free(dn_build *b);  // the graph stays
// The innermost place in the user's own text for something at `span`.
dn_span dn_build_user_span(const dn_build *b, dn_span span);
// An error at the user's place, with notes for where in the library and for the calls around it. In
// an abstract build that has given up, a diagnostic that nobody sees.
dn_diag *dn_build_error(dn_build *b, dn_span span, const char *fmt, ...) DN_PRINTF(3, 4);
dn_term dn_build_fail(dn_build *b, dn_span span, const char *fmt, ...)
    DN_PRINTF(3, 4);  // the same, as a term
// What a command may do, but not tensor code.
dn_term dn_build_belongs_in_command(dn_build *b, dn_span span, const char *name);
dn_term dn_build_status(dn_build *b, dn_span span, dn_status status);
dn_term dn_build_give_up(dn_build *b);
// Counts work against the limit of one entry. False, after reporting, when it is used up.
bool dn_build_spend(dn_build *b, int64_t amount, dn_span span);
// dn_compiler_find as the code being run sees it: the library does not see the user's definitions.
dn_def *dn_build_find(dn_build *b, const char *name, bool callable);
dn_bound_name *dn_frame_find(dn_frame *frame, const char *name);
dn_bound_name *dn_frame_bind(dn_build *b, const char *name, dn_term value, dn_span span);
// Whether a value of the command around is in it, which only a run knows; and the message for where
// one may not be. `what`: "`rate` of `dropout`".
bool dn_has_host_value(const dn_term *term);
void dn_build_not_static(dn_build *b, dn_span span, const char *what);
const char *dn_describe(dn_build *b, const dn_term *term);  // in the arena

// ---- build_expr.c ----
dn_term dn_eval(dn_build *b, const dn_expr *expr);
// With an expected parameter type: symbols and functions are understood by it. NULL: as dn_eval.
dn_term dn_eval_as(dn_build *b, const dn_expr *expr, const dn_type_expr *type);
// A known boolean; false after reporting.
bool dn_eval_condition(dn_build *b, const dn_expr *expr, bool *value);
dn_term dn_lookup(dn_build *b, const char *name, dn_span span);
dn_term dn_lookup_callable(dn_build *b, const char *name, dn_span span);

// ---- build_stmt.c ----
void dn_bind_pattern(dn_build *b, const dn_pattern *pattern, dn_term value);
// The block's value: of its last expression, or none.
dn_term dn_eval_block(dn_build *b, const dn_block *block);

// ---- build_call.c ----
typedef struct dn_call {  // a call whose arguments are matched to parameters
    const char *name;
    const dn_decl *decl;
    dn_span span;
    dn_term *args;  // one for each parameter; ERROR where missing is impossible
    dn_span *spans;
    bool *given;    // by the caller; else the default
    dn_term *rest;  // further positional arguments, of functions that take them
    int n_rest;
    int training;       // -1, or the `training:` argument
    const char *scope;  // the `name:` argument, or NULL
} dn_call;
dn_term dn_eval_call(dn_build *b, const dn_expr *expr);
// A call with its leading parameters left out: `leaky_relu(0.01)` where a function is expected.
dn_term dn_eval_partial(dn_build *b, const dn_expr *expr);
// Calls a function or model with positional terms.
dn_term dn_apply(dn_build *b, const dn_term *callee, const dn_term *args, int n_args, dn_span span);
// Runs a declaration's body on matched arguments; used for calls, steps and checks alike.
dn_term dn_run_body(dn_build *b, const dn_call *call, const dn_frame *like);
dn_function *dn_function_of(dn_build *b, const dn_decl *decl, int left_out);
int dn_leading_tensors(const dn_decl *decl);

// ---- build_type.c ----
// Checks a term against a declared type; binds sizes and dtype variables in the current frame; a
// number becomes a tensor where one is wanted. False after reporting. `what`: "`x` of `dense`".
bool dn_match_type(dn_build *b, const dn_type_expr *type, dn_term *term, dn_span span,
                   const char *what);
// A tensor type whose sizes must all be known here (those of the frame). False after reporting.
bool dn_resolve_type(dn_build *b, const dn_type_expr *type, dn_type *out);
// A size in a type: an integer that is not negative. False after reporting.
bool dn_eval_size(dn_build *b, const dn_expr *size, dn_dim *out);
// That the number of elements can be counted. False after reporting.
bool dn_check_elements(dn_build *b, const dn_type *type, dn_span span);
bool dn_type_is_tensor(const dn_type_expr *type);
bool dn_dtype_named(const dn_compiler *c, const char *name, dn_dtype *dtype);
const char *dn_source_text(dn_build *b, dn_span span);

// ---- build_arith.c ----
dn_term dn_eval_unary(dn_build *b, const dn_expr *expr);
dn_term dn_eval_binary(dn_build *b, const dn_expr *expr);
dn_term dn_arith(dn_build *b, dn_operator oper, dn_term x, dn_term y, dn_span span);
dn_term dn_elementwise(dn_build *b, dn_op op, const dn_term *args, int n_args, dn_span span);
// A tensor from a tensor, a number or a host value. `like` gives numbers their dtype (may be NULL:
// f32, or i32 for ints).
dn_node *dn_to_node(dn_build *b, dn_term term, const dn_node *like, dn_span span);
dn_node *dn_broadcast_node(dn_build *b, dn_node *x, int rank, const dn_dim *dims, dn_span span);
dn_node *dn_op_node(dn_build *b, dn_op op, dn_node *const *in, int n_in, const dn_attr_value *attrs,
                    int n_attrs, const dn_type *type, dn_span span);  // NULL after reporting
dn_node *dn_const_node(dn_build *b, const dn_type *type, double value, dn_span span);
bool dn_to_int(dn_build *b, dn_term term, dn_span span, const char *what, dn_dim *out);
bool dn_to_dims(dn_build *b, dn_term term, dn_span span, const char *what, int *count, dn_dim *out);
// x[i, a:b] of a list or tensor; in build_index.c.
dn_term dn_index(dn_build *b, const dn_expr *expr);

// ---- build_builtin.c ----
dn_term dn_call_builtin(dn_build *b, const dn_call *call);
bool dn_builtin_is_variadic(const dn_decl *decl);

// ---- build_var.c ----
dn_term dn_eval_variable(dn_build *b, const dn_stmt *stmt);
void dn_assign_state(dn_build *b, dn_bound_name *name, dn_term value, dn_span span);
// Makes or finds a variable and its chain in this graph; the current version. NULL after reporting.
dn_node *dn_variable_node(dn_build *b, const char *name, const dn_type *type, dn_variable_kind kind,
                          const dn_term *init, dn_span span, dn_var **var);
// A parameter or running state of a model by its whole name, "M.dense.kernel": as it is at this
// point of the graph.
dn_term dn_eval_parameter(dn_build *b, const char *model, const char *path, dn_span span);
dn_version_chain *dn_chain_of(dn_build *b, const dn_var *var);
void dn_chain_push(dn_version_chain *chain, dn_node *node);

// ---- layers.c ----
// A call in a body has given `value`; the nodes from `first_node` on are new.
void dn_note_layer(dn_build *b, const char *name, const dn_decl *decl, const char *scope,
                   dn_term value, int first_node);

// ---- build_train.c ----
void dn_eval_minimize(dn_build *b, const dn_stmt *stmt);
dn_term dn_eval_grad(dn_build *b, dn_term loss, dn_term over, dn_span span);

// ---- build_objective.c ----
// Warns when another minimize statement of this step pushes the same term the same way.
void dn_check_objective(dn_build *b, const dn_stmt *stmt, dn_node *loss, const dn_model *over);

// ---- build_entry.c ----
// What a body gives as the graph's outputs. False after reporting.
bool dn_add_outputs(dn_build *b, dn_term result, dn_span span);
// Finishes a build as an entry of the program: simplifies, verifies, adds. `result` becomes
// outputs. Returns its index, or -1 after reporting.
int dn_finish_entry(dn_build *b, dn_term result, dn_span span, bool is_step, bool is_init);
// A step for arguments of these host types, which are known in full; `spans` (may be NULL) are
// theirs. The entry, or -1.
int dn_build_step(dn_compiler *c, dn_def *def, const dn_host_type *const *types,
                  const dn_span *spans, const char *name);
const dn_host_type *dn_entry_type(dn_compiler *c, int entry);  // of its result
void dn_check_alone(dn_compiler *c, dn_def *def);              // with symbolic sizes
// A tensor type in whose place any fits: new names are symbolic sizes. False if there is none.
bool dn_symbolic_type(dn_build *b, const dn_type_expr *type, dn_type *out);

// ---- build_export.c ----
// Whether a declaration may be exported; false after reporting.
bool dn_check_export(dn_compiler *c, const dn_decl *decl);
// The entry of an exported function: its parameters are the inputs.
void dn_build_export(dn_compiler *c, dn_def *def);

// ---- host_thunk.c ----
// A tensor from a host value, as an input of the thunk's graph. NULL after reporting.
dn_node *dn_host_capture(dn_build *b, dn_term term, const dn_node *like, dn_span span);
// Where a dataset does not fit: that a loop goes through it. Nothing for other types.
void dn_host_hint_loop(dn_compiler *c, dn_diag *diag, const dn_host_type *type);
// A name of the command around the thunk. False if there is none.
bool dn_host_lookup(dn_build *b, const char *name, const dn_expr *expr, dn_term *out);
// A value that the command computes, within the tensor code of a thunk: arithmetic of its numbers,
// an element of a list.
dn_term dn_host_value(dn_build *b, const dn_expr *expr);
// A call of a host function or step within tensor code of a command.
dn_term dn_host_call(dn_build *b, const dn_expr *expr);

#endif
