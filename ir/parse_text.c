// Reads the text form of graphs, specified in docs/ir.md. Any bytes may come in: each failure names
// the line and what was expected there.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ir/graph_internal.h"

typedef struct parser {
    const char *at;
    int line;
    dn_graph *graph;
    dn_node **operands;  // of the node being read
    int n_operands, cap_operands;
    dn_arena scratch;  // of the node being read
} parser;

// ---- tokens ---------------------------------------------------------------------------------

static void skip_space(parser *p) {
    for (;; p->at++) {
        if (*p->at == ';')
            while (*p->at && *p->at != '\n') p->at++;
        if (*p->at == '\n') p->line++;
        if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r' && *p->at != '\n') return;
    }
}

// "line 3: expected '{', not 'x'"
static dn_status expected(const parser *p, const char *what) {
    size_t length = strcspn(p->at, " \t\r\n");
    if (length > 20) length = 20;
    if (!*p->at) return dn_fail(DN_INVALID, "line %d: expected %s, not the end", p->line, what);
    return dn_fail(DN_INVALID, "line %d: expected %s, not '%.*s'", p->line, what, (int)length,
                   p->at);
}

static bool accept(parser *p, char c) {
    skip_space(p);
    if (*p->at != c) return false;
    p->at++;
    return true;
}

static dn_status expect(parser *p, char c) {
    char what[] = {'\'', c, '\'', 0};
    return accept(p, c) ? DN_SUCCESS : expected(p, what);
}

// Length of the name at hand, 0 if there is none.
static size_t peek_name(parser *p) {
    size_t length = 0;
    skip_space(p);
    while (dn_text_name_byte(p->at[length], length == 0)) length++;
    return length;
}

static bool accept_word(parser *p, const char *word) {
    size_t length = peek_name(p);
    if (length != strlen(word) || memcmp(p->at, word, length) != 0) return false;
    p->at += length;
    return true;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

// One escape, after its backslash; 0 if it is none.
static char parse_escape(parser *p) {
    char c = *p->at;
    if (c) p->at++;
    if (c == '"' || c == '\\') return c;
    if (c == 'n') return '\n';
    if (c != 'x' || hex_digit(p->at[0]) < 0 || hex_digit(p->at[1]) < 0) return 0;
    p->at += 2;
    return (char)(hex_digit(p->at[-2]) * 16 + hex_digit(p->at[-1]));
}

static dn_status parse_string(parser *p, const char **out) {
    dn_str text = {0};
    dn_status status = DN_SUCCESS;
    DN_TRY(expect(p, '"'));
    while (*p->at && *p->at != '"' && *p->at != '\n' && !status) {
        char c = *p->at++;
        if (c == '\\') c = parse_escape(p);
        if (!c) status = expected(p, "\\\", \\\\, \\n or \\x and two digits");
        if (!status) dn_str_append(&text, &c, 1);
    }
    if (!status && *p->at != '"')
        status = dn_fail(DN_INVALID, "line %d: the string does not end", p->line);
    if (!status) p->at++;
    char *taken = dn_str_take(&text);
    *out = dn_arena_strdup(&p->scratch, taken);
    free(taken);
    return status;
}

static dn_status parse_name(parser *p, const char *what, const char **out) {
    size_t length = peek_name(p);
    if (length == 0 && *p->at == '"') return parse_string(p, out);
    if (length == 0) return expected(p, what);
    *out = dn_arena_strndup(&p->scratch, p->at, length);
    p->at += length;
    return DN_SUCCESS;
}

static dn_status parse_int(parser *p, int64_t *out) {
    char *end;
    skip_space(p);
    size_t digits = strspn(p->at + (*p->at == '-'), "0123456789");
    errno = 0;
    *out = strtoll(p->at, &end, 10);
    if (digits == 0 || errno) return expected(p, "a whole number");
    p->at = end;
    return DN_SUCCESS;
}

static dn_status parse_number(parser *p, double *out) {
    char text[48] = {0}, *end;
    skip_space(p);
    size_t length = strspn(p->at, "+-.0123456789abcdefghijklmnopqrstuvwxyz");
    if (length == 0 || length >= sizeof text) return expected(p, "a number");
    memcpy(text, p->at, length);
    *out = strtod(text, &end);
    if (*end || strchr(text, 'x')) return expected(p, "a number");
    p->at += length;
    return DN_SUCCESS;
}

// ---- pieces ---------------------------------------------------------------------------------

static dn_status parse_id(parser *p, int64_t *id) {
    DN_TRY(expect(p, '%'));
    return parse_int(p, id);
}

static dn_status parse_operand(parser *p, dn_node **out) {
    int64_t id;
    DN_TRY(parse_id(p, &id));
    if (id < 0 || id >= p->graph->n_nodes)
        return dn_fail(DN_INVALID, "line %d: %%%lld is not defined above", p->line, (long long)id);
    *out = p->graph->nodes[id];
    return DN_SUCCESS;
}

// "[" [size {"," size}] "]"
static dn_status parse_dims(parser *p, dn_dim dims[DN_MAX_RANK], int *count) {
    DN_TRY(expect(p, '['));
    *count = 0;
    if (accept(p, ']')) return DN_SUCCESS;
    do {
        if (*count == DN_MAX_RANK)
            return dn_fail(DN_INVALID, "line %d: more than %d sizes", p->line, DN_MAX_RANK);
        skip_space(p);
        if (!dn_dim_parse(p->graph->dims, &p->at, &dims[*count])) return expected(p, "a size");
        ++*count;
    } while (accept(p, ','));
    return expect(p, ']');
}

static dn_status parse_type(parser *p, dn_type *type) {
    size_t length = peek_name(p);
    *type = (dn_type){0};
    if (!dn_dtype_from_name(p->at, length, &type->dtype)) return expected(p, "a dtype");
    p->at += length;
    skip_space(p);
    return *p->at == '[' ? parse_dims(p, type->dims, &type->rank) : DN_SUCCESS;
}

static dn_status parse_attr_value(parser *p, dn_attr_value *value) {
    switch (dn_attr_kind_of(value->attr)) {
        case DN_ATTR_INT: return parse_int(p, &value->i);
        case DN_ATTR_NUMBER: return parse_number(p, &value->number);
        case DN_ATTR_STRING: return parse_string(p, &value->string);
        case DN_ATTR_DIMS: {
            dn_dim dims[DN_MAX_RANK];
            DN_TRY(parse_dims(p, dims, &value->count));
            value->dims = dn_arena_copy(&p->scratch, dims, (size_t)value->count * sizeof *dims);
            return DN_SUCCESS;
        }
    }
    return DN_SUCCESS;
}

// "{" name "=" value {"," name "=" value} "}"
static dn_status parse_attrs(parser *p, dn_attr_value attrs[DN_MAX_ATTRS], int *count) {
    *count = 0;
    if (!accept(p, '{')) return DN_SUCCESS;
    do {
        size_t length = peek_name(p);
        if (*count == DN_MAX_ATTRS) return expected(p, "'}'");
        dn_attr_value *value = &attrs[(*count)++];
        *value = (dn_attr_value){0};
        if (!dn_attr_from_name(p->at, length, &value->attr)) return expected(p, "an attribute");
        p->at += length;
        DN_TRY(expect(p, '='));
        DN_TRY(parse_attr_value(p, value));
    } while (accept(p, ','));
    return expect(p, '}');
}

// ---- statements -----------------------------------------------------------------------------

static dn_status parse_operands(parser *p) {
    p->n_operands = 0;
    skip_space(p);
    if (*p->at != '%') return DN_SUCCESS;
    do {
        dn_node *node;
        DN_TRY(parse_operand(p, &node));
        DN_PUSH(p->operands, p->n_operands, p->cap_operands) = node;
    } while (accept(p, ','));
    return DN_SUCCESS;
}

static dn_status add_node(parser *p, int line, dn_op op, const dn_attr_value *attrs, int n_attrs,
                          const dn_type *type) {
    dn_node *node;
    int id = p->graph->n_nodes;
    dn_status status =
        dn_graph_op(p->graph, op, p->operands, p->n_operands, attrs, n_attrs, type, &node);
    if (status) return dn_annotate(status, "line %d", line);
    if (node->id == id) return DN_SUCCESS;
    return dn_fail(DN_INVALID, "line %d: %%%d is the same as %%%d", line, id, node->id);
}

// "%" number "=" op [operands] [attributes] ":" type
static dn_status parse_node(parser *p) {
    int64_t id;
    dn_op op;
    dn_attr_value attrs[DN_MAX_ATTRS];
    int n_attrs;
    dn_type type;
    DN_TRY(parse_id(p, &id));
    if (id != p->graph->n_nodes)
        return dn_fail(DN_INVALID, "line %d: expected %%%d, the next number, not %%%lld", p->line,
                       p->graph->n_nodes, (long long)id);
    DN_TRY(expect(p, '='));
    size_t length = peek_name(p);
    int line = p->line;
    if (!dn_op_from_name(p->at, length, &op)) return expected(p, "an op");
    p->at += length;
    DN_TRY(parse_operands(p));
    DN_TRY(parse_attrs(p, attrs, &n_attrs));
    DN_TRY(expect(p, ':'));
    DN_TRY(parse_type(p, &type));
    return add_node(p, line, op, attrs, n_attrs, &type);
}

// "return" name "=" node {"," name "=" node}
static dn_status parse_return(parser *p) {
    if (!accept_word(p, "return")) return DN_SUCCESS;
    do {
        const char *name;
        dn_node *node;
        DN_TRY(parse_name(p, "a result's name", &name));
        DN_TRY(expect(p, '='));
        DN_TRY(parse_operand(p, &node));
        dn_graph_output(p->graph, name, node);
    } while (accept(p, ','));
    return DN_SUCCESS;
}

static int find_var(const dn_graph *graph, const char *name) {
    for (int i = 0; i < graph->n_vars; i++)
        if (graph->vars[i].name && strcmp(graph->vars[i].name, name) == 0) return i;
    return -1;
}

static bool has_update(const dn_graph *graph, int var) {
    for (int i = 0; i < graph->n_updates; i++)
        if (graph->updates[i].var == var) return true;
    return false;
}

// What follows "update": name "=" node
static dn_status parse_update(parser *p) {
    const char *name;
    dn_node *node;
    DN_TRY(parse_name(p, "a variable's name", &name));
    int line = p->line, var = find_var(p->graph, name);
    if (var < 0) return dn_fail(DN_INVALID, "line %d: there is no variable \"%s\"", line, name);
    if (has_update(p->graph, var))
        return dn_fail(DN_INVALID, "line %d: \"%s\" is updated twice", line, name);
    DN_TRY(expect(p, '='));
    DN_TRY(parse_operand(p, &node));
    if (!dn_type_equal(&node->type, &p->graph->vars[var].type))
        return dn_fail(DN_INVALID, "line %d: \"%s\" has another type than %%%d", line, name,
                       node->id);
    dn_graph_update_var(p->graph, var, node);
    return DN_SUCCESS;
}

static dn_status parse_body(parser *p) {
    DN_TRY(expect(p, '{'));
    for (skip_space(p); *p->at == '%'; skip_space(p)) {
        DN_TRY(parse_node(p));
        dn_arena_free(&p->scratch);
    }
    DN_TRY(parse_return(p));
    while (accept_word(p, "update")) DN_TRY(parse_update(p));
    DN_TRY(expect(p, '}'));
    skip_space(p);
    return *p->at ? expected(p, "the end") : DN_SUCCESS;
}

static dn_status parse_graph(parser *p, dn_dims *dims) {
    const char *name;
    if (!accept_word(p, "graph")) return expected(p, "'graph'");
    DN_TRY(expect(p, '@'));
    DN_TRY(parse_name(p, "the graph's name", &name));
    p->graph = dn_graph_new(dims, name);
    DN_TRY(parse_body(p));
    return dn_annotate(dn_graph_verify(p->graph, false), "line %d", p->line);
}

dn_status dn_graph_parse(dn_dims *dims, const char *text, dn_graph **out) {
    parser p = {.at = text, .line = 1};
    dn_status status = parse_graph(&p, dims);
    dn_arena_free(&p.scratch);
    free(p.operands);
    if (status) {
        dn_graph_free(p.graph);
        return status;
    }
    *out = p.graph;
    return DN_SUCCESS;
}
