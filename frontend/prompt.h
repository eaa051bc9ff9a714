// The prompt's side of a compilation: inputs one after another, each as a whole or not at all;
// definitions that replace others; what is there, for completion.
#ifndef DN_FRONTEND_PROMPT_H
#define DN_FRONTEND_PROMPT_H

#include "frontend/compiler.h"
#include "frontend/host_type.h"

typedef struct dn_names {
    const char **items;
    int count, capacity;
} dn_names;

// What an input was compiled to.
typedef struct dn_input {
    bool incomplete;           // the text ends too early: read more
    int command;               // -1: it has no statements. Its locals are the prompt's variables
    const dn_host_type *type;  // of the value; NULL without a command
    int n_units;               // there were so many before
    int n_defs;
    bool is_expression;  // one expression, whose value is asked for
    dn_names rebuilt;    // older definitions that the input's ones are used in
    dn_names broken;     // those of them that do not fit any more; why is in the messages
    dn_names gone;       // definitions that a file does not have any more
} dn_input;

void dn_input_free(dn_input *input);

// Compiles one input: declarations are added, statements and expressions become a command. When
// false, the errors are in c->diags and nothing has changed. When true, there may be messages,
// too: about definitions that do not fit the new ones.
bool dn_prompt_compile(dn_compiler *c, const char *text, dn_input *out);
// Reads a file and what it imports, again if need be, and replaces the definitions that the
// session had from these files.
bool dn_prompt_load(dn_compiler *c, const char *path, dn_input *out);
// Compiles an input to be looked at, or run on trial: as dn_prompt_compile, and forgotten again by
// dn_prompt_forget, which leaves its entries and its command.
bool dn_prompt_try(dn_compiler *c, const char *text, dn_input *out);
void dn_prompt_forget(dn_compiler *c);
// The command of the last input failed while it ran. What it was to introduce is forgotten where
// there is no value.
void dn_prompt_failed(dn_compiler *c, const dn_value *locals);

int dn_prompt_input(const dn_compiler *c);  // how many inputs there were
// Variables of models that have become another type, with `renewed`: their values are of no use.
// Variables that the last input has shown to be no part of their model any more have `loose` and
// `renewed`. The caller takes note and calls this.
void dn_prompt_note_renewed(dn_compiler *c);
// Marks them, after an input that compiled: those of models that it used, and did not use.
void dn_prompt_find_unused(dn_compiler *c);

// A variable of the prompt, NULL if there is none of that name.
const dn_host_type *dn_prompt_variable(const dn_compiler *c, const char *name, int *local);
// All of them, the newest of each name.
void dn_prompt_variables(const dn_compiler *c, dn_names *out);
// Whether local `i` can still be named.
bool dn_prompt_is_visible(const dn_compiler *c, int i);
// The i-th entry that was made of a step, for one of the shapes it was called with; -1: no more.
int dn_prompt_step_entry(const dn_compiler *c, const dn_def *def, int i);
// Whether entry `b` took the place of `a`: the same code of a definition that was made anew.
bool dn_prompt_takes_place(dn_compiler *c, int a, int b);
// The definitions that count: later ones hide earlier ones.
bool dn_def_is_visible(dn_compiler *c, const dn_def *def);

// redefine.c, for prompt.c: what uses those definitions from `first` on that replace others forgets
// what was made of it; then, once the input has compiled, what of it fits no more is found.
void dn_redefine(dn_compiler *c, int first, dn_input *out);
void dn_redefine_check(dn_compiler *c, dn_input *out);
void dn_prompt_check(dn_compiler *c, dn_def *def);  // a definition by itself

#endif
