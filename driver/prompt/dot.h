// Graphs as drawings, by graphviz.
#ifndef DN_PROMPT_DOT_H
#define DN_PROMPT_DOT_H

#include "ir/graph.h"

void dn_graph_dot(const dn_graph *graph, dn_str *out);
// DN_UNSUPPORTED, with a hint, where graphviz is not installed.
dn_status dn_graph_svg(const dn_graph *graph, const char *path) DN_MUST_USE;

#endif
