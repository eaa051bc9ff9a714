// The compiler of commands: host code to the bytecode of runtime/host/vm.def. Internal to host_*.c.
//
// Types of host values are followed as far as they are known (host_type.h), so that a step is
// checked and compiled for the exact shapes it is called with. Tensor expressions inside a command
// become entries of their own ("thunks"), whose inputs are the host values they mention.
#ifndef DN_FRONTEND_HOST_H
#define DN_FRONTEND_HOST_H

#include "frontend/build.h"
#include "runtime/host/vm.h"

typedef struct dn_host_local {
    const char *name;  // NULL: hidden
    const dn_host_type *type;
    bool out_of_scope;
    dn_span span;
} dn_host_local;

typedef struct dn_capture {  // a host value that a thunk takes as input
    const dn_expr *expr;
    int local;  // or -1
    dn_node *node;
} dn_capture;

typedef struct dn_loop {
    struct dn_loop *outer;
    int start;    // where `continue` goes
    int *breaks;  // jumps to patch
    int n_breaks, cap_breaks;
    bool has_iterator;
} dn_loop;

typedef struct dn_host {
    dn_compiler *c;
    const char *name;  // of the command
    dn_host_local *locals;
    int n_locals, cap_locals;
    dn_instruction *code;
    int n_code, cap_code;
    dn_location *places;  // beside code
    int cap_places;
    dn_loop *loop;
    dn_capture *captures;  // of the thunk being built
    int n_captures, cap_captures;
    const dn_host_type *result;  // joined over the returns
    dn_span span;                // of what is being compiled
    int thunks;
    bool checkpoints;
} dn_host;

// A step compiled for argument types.
typedef struct dn_instance {
    const dn_def *def;
    const dn_host_type **types;
    int entry;
} dn_instance;

// ---- host_code.c: instructions, constants, locals ----
int dn_host_emit(dn_host *h, dn_opcode op, int a, int b);  // its index
void dn_host_patch(dn_host *h, int jump);                  // to the next instruction
int dn_host_add_local(dn_host *h, const char *name, const dn_host_type *type, dn_span span);
int dn_host_find_local(const dn_host *h, const char *name);  // -1 if there is none in scope
int dn_host_constant(dn_compiler *c, dn_value value);        // takes the value
void dn_host_emit_string(dn_host *h, const char *text);
// Pushes a term known at compile time; false (nothing pushed) if it is not of that kind.
bool dn_host_emit_term(dn_host *h, const dn_term *term, const dn_host_type **type);
const char *dn_host_describe(dn_host *h, const dn_host_type *type);  // in the arena
void dn_host_free_commands(dn_compiler *c);

// ---- host_expr.c ----
const dn_host_type *dn_host_expr(dn_host *h, const dn_expr *expr);  // pushes one value
// A condition: as dn_host_expr, and reports what is neither true nor false.
void dn_host_condition_expr(dn_host *h, const dn_expr *expr);
// The type of an expression; what was compiled to find it is dropped.
const dn_host_type *dn_host_type_of(dn_host *h, const dn_expr *expr);
// A term for an expression of literals and consts alone; false, silently, for others.
bool dn_host_static(dn_host *h, const dn_expr *expr, const dn_type_expr *type, dn_term *out);
const dn_host_type *dn_host_element(dn_host *h, const dn_host_type *source, dn_span span);

// ---- host_call.c ----
const dn_host_type *dn_host_call_expr(dn_host *h, const dn_expr *expr);
// Whether a declared type takes a value of this type; what is not known is taken.
bool dn_host_accepts(const dn_type_expr *type, const dn_host_type *t);
// Whether a call is tensor code, to be compiled into a thunk.
bool dn_host_is_tensor_call(dn_host *h, const dn_expr *expr);
// The step's entry for these argument types, built if there is none yet; -1 after reporting.
int dn_host_step_instance(dn_compiler *c, dn_def *def, const dn_host_type *const *types,
                          const dn_span *spans);

// ---- host_builtin.c ----
// What a host function gives for arguments: `terms` are those known at compile time (NONE where not
// given, ERROR where not known), `types` the types of all.
const dn_host_type *dn_host_builtin_type(dn_host *h, const char *name, const dn_expr *call,
                                         const dn_term *terms, const dn_host_type *const *types);

// ---- host_stmt.c ----
const dn_host_type *dn_host_block(dn_host *h, const dn_block *block, bool want_value);
// Reports a value that is not of its declared type (NULL: any).
void dn_host_check_type(dn_host *h, const dn_type_expr *type, const dn_host_type *given,
                        dn_span span, const char *what);
void dn_host_bind(dn_host *h, const dn_pattern *pattern, const dn_host_type *type, bool declare);

// ---- host_thunk.c ----
const dn_host_type *dn_host_thunk(dn_host *h, const dn_expr *expr);

// ---- host_command.c ----
void dn_host_check_step(dn_compiler *c, dn_def *def);
void dn_host_compile_command(dn_compiler *c, dn_def *def);
// Adds what was compiled as a command; its index. The code is the program's then.
int dn_host_add_command(dn_host *h, const char *doc, dn_command_param *params, int n_params);
void dn_host_free(dn_host *h);  // the lists; the code stays

// ---- prompt.c ----
void dn_prompt_free(struct dn_prompt *prompt);

#endif
