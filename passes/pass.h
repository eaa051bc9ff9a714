// The passes that a graph goes through before it is executed, in the order of one literal list.
#ifndef DN_PASSES_PASS_H
#define DN_PASSES_PASS_H

#include <stdio.h>

#include "ir/graph.h"

typedef struct dn_pass_options {
    const char *print_after;  // a pass's name, "all", or NULL
    bool time;                // print each pass's time to `out`
    bool verify;              // verify after each pass, and print, parse and compare
    FILE *out;                // where dumps go
} dn_pass_options;

// What is done with a graph after its passes, for machine code (driver/lower.c): print_after takes
// these names, too. Ends with NULL.
extern const char *const dn_kernel_stages[];
double dn_pass_clock(void);  // seconds, from some time on

// Runs all passes on *graph and replaces it. An error is a bug in a pass (DN_INTERNAL), except for
// an unknown name in print_after (DN_INVALID, with the names there are).
dn_status dn_passes_run(dn_graph **graph, const dn_pass_options *options) DN_MUST_USE;

#endif
