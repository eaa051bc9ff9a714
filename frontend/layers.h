// A model as a list of layers: the calls in its net's body, with what each adds.
#ifndef DN_FRONTEND_LAYERS_H
#define DN_FRONTEND_LAYERS_H

#include "frontend/compiler.h"

typedef struct dn_layer {
    const char *name;   // "conv2d", "relu"
    const char *scope;  // "conv2d_2", for what has parameters; else NULL
    dn_type type;       // of its result, with symbolic sizes as the net declares them
    bool has_type;
    dn_dim params, states;  // numbers of elements
    double flops;           // of one example, forward; less where a size is not known
    double bytes;           // of its result, for one example
} dn_layer;

typedef struct dn_network {
    const char *net;  // "Classifier"
    const dn_decl *decl;
    dn_layer *layers;
    int n, capacity;
    const char *prefix;  // of its variables: "M."
    dn_type *inputs;     // tensor parameters
    int n_inputs;
} dn_network;

// False with messages in c->diags. A net by itself, or a model's. Sizes that only a use can tell
// are taken from the model's variables where there are some.
bool dn_network_describe(dn_compiler *c, dn_def *def, dn_network *out);
void dn_network_free(dn_network *network);
// The graph of a net, model or fn by itself, with a symbol for each open size, before any pass.
// NULL where its body cannot be evaluated so, perhaps with messages. The caller frees it.
dn_graph *dn_network_graph(dn_compiler *c, dn_def *def);

#endif
