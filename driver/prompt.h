// The prompt: reads definitions, statements and expressions, and prints each value with its type.
#ifndef DN_DRIVER_PROMPT_H
#define DN_DRIVER_PROMPT_H

#include <stdio.h>

#include "driver/options.h"

// Reads `in` to its end. Errors are printed and do not end it. Returns the exit code.
int dn_prompt_run(dn_compiler *compiler, const dn_options *options, FILE *in, bool interactive);

#endif
