// What both command lines understand.
#ifndef DN_DRIVER_OPTIONS_H
#define DN_DRIVER_OPTIONS_H

#include "codegen/nvptx/nvptx.h"
#include "driver/execute.h"
#include "runtime/native/native.h"

typedef enum dn_output_form {
    DN_OUTPUT_PROGRAM,
    DN_OUTPUT_OBJECT,    // -c
    DN_OUTPUT_ASSEMBLY,  // -S
    DN_OUTPUT_SHARED,    // -shared
    DN_OUTPUT_STATIC     // -static
} dn_output_form;

enum { DN_MOST_CUDA = 4 };

typedef struct dn_options {
    const char *file;
    const char *emit;        // ast, graph, gradient, kernel, llvm, asm, ptx, cubin
    const char *report;      // memory, cost
    bool profile;            // for dnet
    bool check_nan;          // the same: --check-nan
    const char *replay;      // the same: a file that --check-nan wrote
    const char *expression;  // -c of dnet: what to evaluate
    bool stop_at_error;      // -e of dnet
    bool interactive;        // -i of dnet: the prompt, with the definitions of the file
    const char *trace;       // the same: a file
    dn_backend_kind backend;
    int level;           // -O
    bool lines;          // -g
    const char *output;  // -o, for dnetc
    dn_output_form form;
    const char *march;  // a name; NULL: all
    dn_isa isa;         // the one of march
    // -target: x86, GPUs or both
    const char *target;  // as it was given, or NULL
    bool x86;
    dn_nvptx cuda[DN_MOST_CUDA];
    int n_cuda;
    bool cubin;             // --cubin
    const char *precision;  // --precision as it was given, or NULL
    dn_matrix_units units;  // of it, or what GPUs do by default
    bool syntax_only;
    dn_dtype real;  // --precision
    const char *max_memory;
    int64_t max_bytes;  // of max_memory
    dn_pass_options passes;
    const char **defines, **warnings;
    int n_defines, cap_defines, n_warnings, cap_warnings;
    bool warnings_are_errors, json;
    int rest;  // index of the first argument behind the file
} dn_options;

enum { DN_EXIT_OK = 0, DN_EXIT_ERRORS = 1, DN_EXIT_USAGE = 2, DN_EXIT_INTERNAL = 70 };

// Reads the compiler's options up to the file's name, and behind it too with `all` (then arguments
// may stand in any order). False after printing a usage message.
bool dn_options_read(dn_options *options, int argc, char **argv, bool all);
void dn_options_free(dn_options *options);
// A compiler set up by the options; NULL after printing what is wrong with them.
dn_compiler *dn_options_compiler(const dn_options *options);
// One option's help, for both programs.
extern const char dn_options_help[];

#endif
