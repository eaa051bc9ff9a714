// Prints graphs, and compares them. The text form is specified in docs/ir.md; parse_text.c reads
// it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/graph_internal.h"

// ---- numbers and strings --------------------------------------------------------------------

// The shortest decimal that reads back as the same number.
static void print_number(double number, dn_str *out) {
    char text[40];
    if (number != number) {
        dn_str_puts(out, "nan");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);  // "inf" and "-inf" too
        if (strtod(text, NULL) == number) break;
    }
    dn_str_puts(out, text);
}

static void print_string(const char *string, dn_str *out) {
    dn_str_puts(out, "\"");
    for (const char *c = string; *c; c++) {
        if (*c == '"' || *c == '\\') {
            dn_str_printf(out, "\\%c", *c);
        } else if (*c == '\n') {
            dn_str_puts(out, "\\n");
        } else if ((unsigned char)*c < ' ' || *c == 127) {
            dn_str_printf(out, "\\x%02x", (unsigned char)*c);
        } else {
            dn_str_append(out, c, 1);
        }
    }
    dn_str_puts(out, "\"");
}

// Names stand bare where they look like one.
static void print_name(const char *name, dn_str *out) {
    bool bare = *name;
    for (const char *c = name; *c; c++) bare = bare && dn_text_name_byte(*c, c == name);
    if (bare) {
        dn_str_puts(out, name);
    } else {
        print_string(name, out);
    }
}

bool dn_text_name_byte(char c, bool first) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return letter || (!first && ((c >= '0' && c <= '9') || c == '.'));
}

// ---- nodes ----------------------------------------------------------------------------------

static void print_attr(const dn_dims *dims, const dn_attr_value *value, dn_str *out) {
    dn_str_printf(out, "%s=", dn_attr_name(value->attr));
    switch (dn_attr_kind_of(value->attr)) {
        case DN_ATTR_INT: dn_str_printf(out, "%lld", (long long)value->i); break;
        case DN_ATTR_NUMBER: print_number(value->number, out); break;
        case DN_ATTR_STRING: print_string(value->string, out); break;
        case DN_ATTR_DIMS:
            dn_str_puts(out, "[");
            for (int i = 0; i < value->count; i++) {
                if (i) dn_str_puts(out, ", ");
                dn_dim_print(dims, value->dims[i], out);
            }
            dn_str_puts(out, "]");
            break;
    }
}

static void print_node(const dn_graph *graph, const dn_node *node, dn_str *out) {
    dn_str_printf(out, "  %%%d = %s", node->id, dn_op_get(node->op)->name);
    for (int i = 0; i < node->n_in; i++)
        dn_str_printf(out, "%s %%%d", i ? "," : "", node->in[i]->id);
    for (int i = 0; i < node->n_attrs; i++) {
        dn_str_puts(out, i ? ", " : " {");
        print_attr(graph->dims, &node->attrs[i], out);
    }
    dn_str_puts(out, node->n_attrs ? "} : " : " : ");
    dn_type_print(graph->dims, &node->type, out);
    dn_str_puts(out, "\n");
}

void dn_graph_print(const dn_graph *graph, dn_str *out) {
    dn_str_puts(out, "graph @");
    print_name(graph->name, out);
    dn_str_puts(out, " {\n");
    for (int i = 0; i < graph->n_nodes; i++) print_node(graph, graph->nodes[i], out);
    for (int i = 0; i < graph->n_outputs; i++) {
        dn_str_puts(out, i ? ", " : "  return ");
        print_name(graph->outputs[i].name, out);
        dn_str_printf(out, "=%%%d", graph->outputs[i].node->id);
    }
    if (graph->n_outputs) dn_str_puts(out, "\n");
    for (int i = 0; i < graph->n_updates; i++) {
        dn_str_puts(out, "  update ");
        print_string(graph->vars[graph->updates[i].var].name, out);
        dn_str_printf(out, "=%%%d\n", graph->updates[i].node->id);
    }
    dn_str_puts(out, "}\n");
}

// ---- equality -------------------------------------------------------------------------------

// Sizes of two tables are equal when they print alike: the normal form is the same in both.
static bool same_dims(const dn_graph *a, const dn_graph *b, int count, const dn_dim *x,
                      const dn_dim *y) {
    bool same = true;
    for (int i = 0; i < count && same; i++) {
        if (a->dims == b->dims || dn_dim_known(x[i]) || dn_dim_known(y[i])) {
            same = x[i] == y[i];
            continue;
        }
        dn_str s = {0}, t = {0};
        dn_dim_print(a->dims, x[i], &s);
        dn_dim_print(b->dims, y[i], &t);
        same = strcmp(s.text, t.text) == 0;
        free(s.text);
        free(t.text);
    }
    return same;
}

static bool same_type(const dn_graph *a, const dn_graph *b, const dn_type *x, const dn_type *y) {
    return x->dtype == y->dtype && x->rank == y->rank && same_dims(a, b, x->rank, x->dims, y->dims);
}

static bool same_attr(const dn_graph *a, const dn_graph *b, const dn_attr_value *x,
                      const dn_attr_value *y) {
    if (x->attr != y->attr || dn_attr_kind_of(x->attr) != DN_ATTR_DIMS)
        return dn_attr_value_equal(x, y);
    return x->count == y->count && same_dims(a, b, x->count, x->dims, y->dims);
}

static bool same_node(const dn_graph *a, const dn_graph *b, const dn_node *x, const dn_node *y) {
    if (x->op != y->op || x->n_in != y->n_in || x->n_attrs != y->n_attrs) return false;
    for (int i = 0; i < x->n_in; i++)
        if (x->in[i]->id != y->in[i]->id) return false;
    for (int i = 0; i < x->n_attrs; i++)
        if (!same_attr(a, b, &x->attrs[i], &y->attrs[i])) return false;
    return same_type(a, b, &x->type, &y->type);
}

static bool same_values(int count, const dn_graph_value *x, const dn_graph_value *y) {
    for (int i = 0; i < count; i++)
        if (strcmp(x[i].name, y[i].name) != 0 || x[i].node->id != y[i].node->id) return false;
    return true;
}

static bool same_vars(const dn_graph *a, const dn_graph *b) {
    for (int i = 0; i < a->n_vars; i++)
        if (strcmp(a->vars[i].name, b->vars[i].name) != 0 ||
            !same_type(a, b, &a->vars[i].type, &b->vars[i].type))
            return false;
    return true;
}

bool dn_graph_equal(const dn_graph *a, const dn_graph *b) {
    if (strcmp(a->name, b->name) != 0 || a->n_nodes != b->n_nodes || a->n_inputs != b->n_inputs ||
        a->n_vars != b->n_vars || a->n_outputs != b->n_outputs || a->n_updates != b->n_updates)
        return false;
    for (int i = 0; i < a->n_nodes; i++)
        if (!same_node(a, b, a->nodes[i], b->nodes[i])) return false;
    for (int i = 0; i < a->n_updates; i++)
        if (a->updates[i].var != b->updates[i].var ||
            a->updates[i].node->id != b->updates[i].node->id)
            return false;
    return same_values(a->n_inputs, a->inputs, b->inputs) && same_vars(a, b) &&
           same_values(a->n_outputs, a->outputs, b->outputs);
}
