// From the kernels of entries to machine code: in memory, or as object files.
#ifndef DN_CODEGEN_NATIVE_H
#define DN_CODEGEN_NATIVE_H

#include "codegen/kernel/kernel.h"
#include "runtime/native/native.h"

typedef struct dn_native_options {
    int level;               // -O0 .. -O3 of LLVM's passes and code generator
    bool lines;              // -g: line tables, so that perf and gdb show .dnet lines
    bool isa[DN_ISA_COUNT];  // which to make
    int threads;             // for compiling; 0: as many as there are processors
    // Of a span: path, line and column, for -g and reports. NULL: nowhere.
    bool (*place)(void *context, dn_span span, const char **path, int *line, int *column);
    void *place_context;
    // Exported entries keep what depends on variables alone from run to run, for a library.
    bool keep_constants;
    uint32_t main_file;  // whose lines launches are reported under (a span's `file`)
} dn_native_options;

// Several entries and the kernels that they need. Kernels with the same code are made once.
typedef struct dn_native_code {
    dn_arena arena;
    dn_native_entry *entries;
    int n_entries;
    const dn_kernel **kernels;      // one of each different code
    const dn_kernels **kernels_of;  // the entry that it is from
    const char **symbols;           // "dn_k12_conv2d"
    int n_kernels;
} dn_native_code;

// The launches of entries and the list of different kernels. Keeps references to the entries, whose
// memory is planned. DN_INTERNAL if a launch that can fail comes after one that writes a variable.
dn_status dn_native_code_new(const dn_kernels *const *entries, int n,
                             const dn_native_options *options, dn_native_code **out) DN_MUST_USE;
void dn_native_code_free(dn_native_code *code);

typedef enum dn_native_form {
    DN_FORM_OBJECT,    // ELF
    DN_FORM_ASSEMBLY,  // text
    DN_FORM_LLVM       // text
} dn_native_form;

// Whether kernels for an instruction set are worth making, of those that the options ask for: those
// for AVX-512 with bf16 are not where all would be the same without.
bool dn_native_makes(const dn_native_code *code, const dn_native_options *options, dn_isa isa);

// The kernels for one instruction set. In an object, `dn_kernels_<isa>` is the table of them in
// order; it is the only symbol that other objects see, but for the kernels for AVX-512 where
// options->isa has AVX-512 with bf16 as well: that object has only what differs. Any number of
// these may run at the same time, in different threads. The caller frees *bytes.
dn_status dn_native_emit(const dn_native_code *code, const dn_native_options *options, dn_isa isa,
                         dn_native_form form, char **bytes, size_t *n_bytes) DN_MUST_USE;

// An object with `bytes` as the constant NAME_bytes and their number as the 64-bit NAME_size, which
// other objects of the same program see. The caller frees *object. (data_object.c)
dn_status dn_data_object(const char *name, const char *bytes, size_t size, char **object,
                         size_t *object_size) DN_MUST_USE;

// ---- in memory ----
typedef struct dn_jit dn_jit;
// Compiles for this processor, on options->threads threads.
dn_status dn_jit_new(const dn_native_code *code, const dn_native_options *options,
                     dn_jit **out) DN_MUST_USE;
void dn_jit_free(dn_jit *jit);
dn_native_kernel *const *dn_jit_kernels(const dn_jit *jit);  // the table

#endif
