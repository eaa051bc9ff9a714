#include "driver/prompt/dot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_quoted(const char *text, dn_str *out) {
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') dn_str_puts(out, "\\");
        dn_str_append(out, text, 1);
    }
}

static void print_node(const dn_graph *graph, const dn_node *node, dn_str *out) {
    const char *name = dn_op_get(node->op)->name;
    bool leaf = node->op == DN_OP_INPUT || node->op == DN_OP_VAR;
    if (node->op == DN_OP_INPUT) name = graph->inputs[dn_node_int(node, DN_ATTR_INDEX)].name;
    if (node->op == DN_OP_VAR) name = graph->vars[dn_node_int(node, DN_ATTR_INDEX)].name;
    dn_str_printf(out, "  n%d [label=\"", node->id);
    print_quoted(name, out);
    dn_str_puts(out, "\\n");
    dn_type_print(graph->dims, &node->type, out);
    dn_str_printf(out, "\"%s];\n", leaf ? ", style=filled, fillcolor=lightblue" : "");
    for (int k = 0; k < node->n_in; k++)
        dn_str_printf(out, "  n%d -> n%d;\n", node->in[k]->id, node->id);
}

static void print_result(const char *what, const char *name, int number, const dn_node *node,
                         dn_str *out) {
    dn_str_printf(out, "  %s%d [shape=ellipse, label=\"", what, number);
    print_quoted(name && *name ? name : "result", out);
    dn_str_printf(out, "\"];\n  n%d -> %s%d;\n", node->id, what, number);
}

void dn_graph_dot(const dn_graph *graph, dn_str *out) {
    bool *live = dn_xcalloc((size_t)graph->n_nodes + 1, sizeof *live);
    dn_graph_live(graph, live);
    dn_str_puts(out, "digraph \"");
    print_quoted(graph->name, out);
    dn_str_puts(out, "\" {\n  node [shape=box, fontname=sans];\n");
    for (int i = 0; i < graph->n_nodes; i++)
        if (live[i]) print_node(graph, graph->nodes[i], out);
    for (int i = 0; i < graph->n_outputs; i++)
        print_result("out", graph->outputs[i].name, i, graph->outputs[i].node, out);
    for (int i = 0; i < graph->n_updates; i++)
        print_result("new", graph->vars[graph->updates[i].var].name, i, graph->updates[i].node,
                     out);
    dn_str_puts(out, "}\n");
    free(live);
}

// Runs `dot -Tsvg -o PATH` on the text, without a shell. Its exit status.
static dn_status run_dot(const char *text, size_t length, const char *path) {
    int pipe_ends[2], state = 0;
    if (pipe(pipe_ends) != 0) return dn_fail_errno("pipe");
    pid_t child = fork();
    if (child < 0) return dn_fail_errno("fork");
    if (child == 0) {
        dup2(pipe_ends[0], STDIN_FILENO);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        execlp("dot", "dot", "-Tsvg", "-o", path, (char *)NULL);
        _exit(127);
    }
    close(pipe_ends[0]);
    FILE *to = fdopen(pipe_ends[1], "w");
    if (to) {
        fwrite(text, 1, length, to);
        fclose(to);
    }
    waitpid(child, &state, 0);
    int code = WIFEXITED(state) ? WEXITSTATUS(state) : -1;
    if (code == 127)
        return dn_with_hint(
            dn_fail(DN_UNSUPPORTED, "graphviz is not installed, which draws graphs"),
            "apt-get install graphviz, or :graph --dot for its text");
    return code == 0 ? DN_SUCCESS : dn_fail(DN_IO, "dot failed with code %d", code);
}

dn_status dn_graph_svg(const dn_graph *graph, const char *path) {
    dn_str text = {0};
    dn_graph_dot(graph, &text);
    dn_status status = run_dot(text.text, text.length, path);
    free(text.text);
    return status;
}
