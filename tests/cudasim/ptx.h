// PTX as it is written: the text of a module as variables, functions and statements, names
// resolved. What the statements mean is decode.c's.
#ifndef CUDASIM_PTX_H
#define CUDASIM_PTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ptx_type {
    PTX_NONE,
    PTX_PRED,
    PTX_B8,
    PTX_U8,
    PTX_S8,
    PTX_B16,
    PTX_U16,
    PTX_S16,
    PTX_F16,
    PTX_BF16,
    PTX_B32,
    PTX_U32,
    PTX_S32,
    PTX_F32,
    PTX_TF32,
    PTX_F16X2,
    PTX_BF16X2,
    PTX_U16X2,
    PTX_S16X2,
    PTX_B64,
    PTX_U64,
    PTX_S64,
    PTX_F64,
    PTX_B128,
} ptx_type;
ptx_type ptx_type_named(const char *name);  // "s32"; PTX_NONE: no such type
const char *ptx_type_name(ptx_type type);
int ptx_type_bytes(ptx_type type);  // 0: a predicate

typedef enum ptx_space {
    PTX_GENERIC,
    PTX_GLOBAL,
    PTX_CONST,
    PTX_SHARED,
    PTX_LOCAL,
    PTX_PARAM,  // of a kernel
    PTX_FRAME,  // .param of a function, or of a call
} ptx_space;

// ---- memory of a module: freed all at once ----
typedef struct ptx_pool ptx_pool;
ptx_pool *ptx_pool_new(void);
void ptx_pool_free(ptx_pool *pool);
void *ptx_pool_take(ptx_pool *pool, size_t bytes);  // zeros
char *ptx_pool_text(ptx_pool *pool, const char *start, size_t length);

typedef struct ptx_variable ptx_variable;
typedef struct ptx_function ptx_function;

// A value inside an initializer.
typedef struct ptx_initial {
    int64_t offset;  // in the variable
    int bytes;
    uint64_t bits;
    const char *name;  // not NULL: `bits` is added to the address of that variable
    struct ptx_initial *next;
} ptx_initial;

struct ptx_variable {
    const char *name;
    ptx_space space;
    ptx_type type;
    int64_t bytes;
    int align;
    bool external;  // .extern: shared memory whose size the launch says
    ptx_initial *initial;
    int line;
    int64_t address;  // global memory: its address; else set by who links a kernel
    ptx_variable *next;
};

typedef struct ptx_register {
    ptx_type type;
    int number;  // of its function's registers
} ptx_register;

typedef struct ptx_label {
    const char *name;
    int statement;               // the index of the one that follows; -1: never defined
    int line;                    // of its first use
    struct ptx_label *same;      // one of an outer scope, which stands for it; NULL: none
    struct ptx_label **targets;  // .branchtargets L0, L1
    int n_targets;
} ptx_label;

typedef enum ptx_operand_kind {
    PTX_SINK,  // _
    PTX_REGISTER,
    PTX_SPECIAL,  // %tid.x
    PTX_INTEGER,
    PTX_FLOAT32,
    PTX_FLOAT64,
    PTX_VARIABLE,
    PTX_LABEL,
    PTX_FUNCTION,
    PTX_ADDRESS,  // [items[0] + offset]; items[1]: coordinates
    PTX_VECTOR,   // {a, b}
    PTX_LIST,     // (a, b)
    PTX_PAIR,     // p|q
} ptx_operand_kind;

typedef struct ptx_operand ptx_operand;
struct ptx_operand {
    ptx_operand_kind kind;
    bool negated;  // !p
    const ptx_register *reg;
    const char *name;  // of a special register, or as it is written
    uint64_t bits;     // of a number
    ptx_variable *variable;
    ptx_label *label;
    ptx_function *function;
    int64_t offset;
    ptx_operand *items;
    int n_items;
};

enum { PTX_PARTS = 16, PTX_OPERANDS = 8 };

typedef struct ptx_statement {
    int line;
    const ptx_register *guard;  // NULL: always
    bool guard_negated;
    const char *parts[PTX_PARTS];  // "ld", "global", "f32"
    int n_parts;
    ptx_operand operands[PTX_OPERANDS];
    int n_operands;
} ptx_statement;

struct ptx_function {
    const char *name;
    bool kernel, defined;
    int line;
    ptx_variable *results, *params;  // chains
    ptx_variable *locals;            // declared inside: .local, .shared, .param
    ptx_statement *statements;
    int n_statements, cap_statements;
    int n_registers;
    int most_threads;  // .maxntid or .reqntid; 0: not said
    ptx_function *next;
};

typedef struct ptx_module {
    ptx_pool *pool;
    char *text;          // a copy whose lines `lines` points to
    const char **lines;  // from 1
    int n_lines;
    int version, target;      // 85 of 8.5; 80 of sm_80
    bool specific;            // sm_90a
    ptx_variable *variables;  // a chain
    ptx_function *functions;  // a chain
} ptx_module;

// NULL: `log` says why, as "line 12: ...".
ptx_module *ptx_parse(const char *text, char *log, size_t log_bytes);
void ptx_module_free(ptx_module *module);

#endif
