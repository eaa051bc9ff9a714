// A compilation: sources, definitions, and the program that is made from them.
//
// Tensor code is evaluated by build_*.c into graphs; commands are compiled by host_*.c into
// bytecode. One compilation is used by one thread; two can run side by side.
#ifndef DN_FRONTEND_COMPILER_H
#define DN_FRONTEND_COMPILER_H

#include "frontend/term.h"
#include "passes/pass.h"
#include "runtime/host/program.h"

// What a name was declared as.
typedef struct dn_def {
    const char *name;
    const dn_decl *decl;
    bool is_library;
    bool used;                                            // evaluated with known sizes by something
    enum { DN_DEF_NEW, DN_DEF_BUSY, DN_DEF_DONE } state;  // of a const or model
    dn_term value;                                        // of a const or model
    int index;                   // of a step's entry or a command, -1 until made
    const dn_host_type *result;  // of a step or command
} dn_def;

// A parameter, a running state or an optimizer's slot.
typedef struct dn_var {
    const char *name;  // "G.dense.kernel"
    dn_type type;
    dn_variable_kind kind;
    const dn_model *owner;
    dn_span span;  // where its shape was first solved
    int init;      // entry
    // At the prompt, where definitions change. A loose variable may get another type when it is
    // used next: what it belongs to was defined anew, or its input turned out wrong.
    bool loose;
    int settled;   // the input that used it last while it was loose
    bool renewed;  // it got another type than `before`: its value is no longer of use
    dn_type before;
} dn_var;

typedef struct dn_unit {  // an entry with its graph
    dn_graph *graph;
    dn_entry entry;
    bool is_init;
    const dn_decl *exported;  // the function that it is, for a library; NULL: none
} dn_unit;

typedef struct dn_compiler {
    dn_arena arena;
    dn_sources sources;
    dn_diags diags;
    dn_dims *dims;
    dn_pass_options pass_options;
    int64_t max_memory;    // bytes that the program may take, for driver/fit.h; 0: any number
    bool keep_gradients;   // keep the graphs of entries that train as autodiff made them
    bool keep_graphs;      // keep all of them as they were built: not to be run, but looked at
    dn_dtype real;         // what `f32` means: F32, or F64 for checks
    int64_t work_limit;    // of one entry: expressions evaluated, elements of lists made
    const char **defines;  // -D name=value
    int n_defines, cap_defines;
    bool *define_used;
    dn_def **defs;  // later ones hide earlier ones (at the prompt)
    int n_defs, cap_defs;
    dn_var **vars;
    int n_vars, cap_vars;
    dn_unit *units;
    int n_units, cap_units;
    dn_command *commands;
    int n_commands, cap_commands;
    dn_value *constants;
    int n_constants, cap_constants;
    const char *const **record_names;
    int n_record_names, cap_record_names;
    dn_variable *variables;         // as the program sees vars
    dn_entry *entries;              // and units
    struct dn_instance *instances;  // steps built so far
    int n_instances, cap_instances;
    dn_program program;
    uint64_t fingerprint;
    char **imported;  // absolute paths of files already loaded
    int n_imported, cap_imported;
    uint32_t main_file;
    bool unreadable;  // a file is missing or has syntax errors: what is left is not checked
    struct dn_prompt *prompt;  // prompt.h: its variables, or NULL
} dn_compiler;

// A compiler that has read the standard library.
dn_compiler *dn_compiler_new(dn_dtype real);
void dn_compiler_free(dn_compiler *compiler);
// "name=value": the value of a const, instead of the file's. False when it is not of that form.
bool dn_compiler_define(dn_compiler *compiler, const char *definition);
// Reads a file and what it imports, and declares everything. False when there were errors, which
// are in compiler->diags; declarations that could be read are there all the same.
bool dn_compiler_load(dn_compiler *compiler, const char *path, dn_file **tree);
bool dn_compiler_is_callable(dn_decl_kind kind);  // which of the two kinds of names it declares
// Declares what a parsed text defines; at the prompt a new definition hides an old one.
void dn_compiler_declare(dn_compiler *compiler, dn_file *tree);
// Builds every step and command, then checks by themselves the nets and fns that nothing used.
bool dn_compiler_check(dn_compiler *compiler);
// Where a span begins, as the program's messages say it; no path for a span of no file.
dn_location dn_compiler_location(const dn_compiler *compiler, dn_span span);
// The program as it stands. Its lists stay where they are as long as nothing was added.
const dn_program *dn_compiler_program(dn_compiler *compiler);

// The definition of `name`, or NULL. `callable`: only fns, nets, steps, commands, optimizers and
// models; otherwise only consts, models, and, failing those, callables. `library_only`: as the
// library's own code sees it.
dn_def *dn_compiler_find(dn_compiler *compiler, const char *name, bool callable, bool library_only);
// Adds the hint "did you mean" from everything that `name` could have meant.
void dn_compiler_suggest(dn_compiler *compiler, dn_diag *diag, const char *name,
                         const char *const *more, int n_more);
// The same from what tensor code can call, for a name that is of a command or step.
void dn_compiler_suggest_for_tensors(dn_compiler *compiler, dn_diag *diag, const char *name);

#endif
