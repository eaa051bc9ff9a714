// The prompt: reads definitions, statements, expressions and questions, and shows values.
#ifndef DN_PROMPT_PROMPT_H
#define DN_PROMPT_PROMPT_H

#include "driver/options.h"

// What `dnet` does without a file. Reads from the terminal, from a pipe, or `options->expression`.
// Errors are printed and, at a terminal, never end it. Returns the exit code.
int dn_prompt_run(dn_compiler *compiler, const dn_options *options);

#endif
