// A program as data: what `dnet` runs and what a compiled program has inside.
//
// The front end makes it: variables, entries (tensor code, executed by a backend), and commands as
// bytecode for the host VM (vm.h). Everything is constant once made, and owned by whoever made it.
#ifndef DN_RUNTIME_PROGRAM_H
#define DN_RUNTIME_PROGRAM_H

#include "runtime/host/value.h"

typedef struct dn_location {  // in the source, for messages
    const char *path;         // NULL: not known
    int line, column;
} dn_location;

typedef enum dn_variable_kind {
    DN_VARIABLE_PARAM,
    DN_VARIABLE_STATE,
    DN_VARIABLE_SLOT
} dn_variable_kind;

typedef struct dn_variable {
    const char *name;  // "G.dense.w", "G.dense.w/adam.m"
    dn_variable_kind kind;
    dn_dtype dtype;
    dn_shape shape;
    int init;           // the entry (no inputs, one output) of its first value; -1: not in here
    dn_location place;  // what it belongs to: its declaration, or the call of its layer
    bool loose;         // at the prompt: nothing uses it now, so it is saved only if it has a value
} dn_variable;

typedef struct dn_entry {
    const char *name;  // "train_step", "train#2", "init G.dense.w"
    int n_inputs, n_outputs, n_vars;
    const dn_field *inputs, *outputs;
    const dn_location *places;  // where the outputs are computed; NULL: not known
    bool record;       // the result is a record of the outputs; else it is the one output (or none)
    bool is_step;      // counts as a step: for `every`, log rows and progress
    bool draws;        // uses random numbers: its counter is part of their key
    const int *vars;   // program variable behind each of the graph's variables
    const void *code;  // the backend's own
} dn_entry;

// Executes entries. `vars` are replaced where the entry updates them; on failure nothing changed.
// A failure's message may name a source place itself.
typedef struct dn_executor {
    void *context;
    // The data of outputs and variables may be elsewhere until dn_tensor_settle.
    bool defers;
    dn_status (*run)(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                     dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step);
    // May be NULL: then commands have no flag --device. Told its value before anything runs, NULL
    // where it is not given.
    dn_status (*use)(void *context, const char *device);
    // May be NULL. Told when a loop begins to wait for an element of a dataset, and when it has it.
    void (*waits)(void *context, bool begins);
} dn_executor;

// INSTRUCTION(ENUM, operands, effect): see runtime/host/vm.def.
typedef enum dn_opcode {
#define INSTRUCTION(ENUM, operands, effect) DN_VM_##ENUM,
#include "runtime/host/vm.def"
#undef INSTRUCTION
    DN_VM_COUNT
} dn_opcode;

typedef struct dn_instruction {
    uint16_t op;
    uint16_t b;
    int32_t a;
} dn_instruction;

typedef enum dn_flag_kind {
    DN_FLAG_BOOL,
    DN_FLAG_INT,
    DN_FLAG_FLOAT,
    DN_FLAG_STRING,
    DN_FLAG_PATH
} dn_flag_kind;

typedef struct dn_command_param {
    const char *name, *doc;
    dn_flag_kind kind;
    bool required;  // else `init` is its default
    dn_value init;
} dn_command_param;

typedef struct dn_command {
    const char *name, *doc;
    const dn_command_param *params;  // locals 0..n_params-1
    int n_params;
    int n_locals;
    const char *const *local_names;  // for the prompt; NULL for hidden ones
    const dn_instruction *code;
    const dn_location *places;  // one for each instruction
    int n_code;
    bool checkpoints;  // it calls checkpoint, so --resume and --overwrite make sense
} dn_command;

typedef struct dn_program {
    const char *name;    // "gan"
    const char *source;  // "gan.dnet"
    uint64_t
        fingerprint;  // of the source text and the constants: a checkpoint belongs to one program
    const dn_variable *variables;
    int n_variables;
    const dn_entry *entries;
    int n_entries;
    const dn_command *commands;
    int n_commands;
    const dn_value *constants;  // strings and numbers that code refers to
    int n_constants;
    const char *const *const *record_names;  // name lists of RECORD instructions, NULL-terminated
    int n_record_names;
} dn_program;

#endif
