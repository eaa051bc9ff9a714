// The text form: round trips, messages, robustness. Guards ir/text.c and ir/parse_text.c.
#include <stdlib.h>

#include "ir/graph.h"
#include "tests/check.h"

#ifndef TEST_DIR
#define TEST_DIR "tests"
#endif

static char *print(const dn_graph *graph) {
    dn_str text = {0};
    dn_graph_print(graph, &text);
    return dn_str_take(&text);
}

// Every op is in the file, and the file is what its graph prints.
static void test_all_ops(void) {
    char *text = NULL;
    size_t length;
    dn_dims *dims = dn_dims_new(), *other = dn_dims_new();
    dn_graph *graph = NULL, *again = NULL, *elsewhere = NULL;
    CHECK_OK(dn_read_file(TEST_DIR "/ir/all_ops.graph", &text, &length));
    dn_status status = text ? dn_graph_parse(dims, text, &graph) : NULL;
    CHECK(graph, "%s", status ? dn_status_message(status) : "");
    dn_status_free(status);
    if (!graph) return;
    bool seen[DN_OP_COUNT] = {false};
    for (int i = 0; i < graph->n_nodes; i++) seen[graph->nodes[i]->op] = true;
    for (int i = 0; i < DN_OP_COUNT; i++) CHECK(seen[i], "%s", dn_op_get((dn_op)i)->name);
    char *printed = print(graph);
    CHECK(strcmp(printed, text) == 0, "printed:\n%s", printed);
    CHECK_OK(dn_graph_parse(dims, printed, &again));
    CHECK_OK(dn_graph_parse(other, printed, &elsewhere));
    CHECK(dn_graph_equal(graph, again) && dn_graph_equal(graph, elsewhere));
    CHECK_OK(dn_graph_verify(graph, false));
    CHECK_FAILS(dn_graph_verify(graph, true), "it has a symbolic size");
    free(text);
    free(printed);
    dn_graph_free(graph);
    dn_graph_free(again);
    dn_graph_free(elsewhere);
    dn_dims_free(dims);
    dn_dims_free(other);
}

static void test_layout_is_free(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = NULL;
    CHECK_OK(
        dn_graph_parse(dims,
                       "; a comment\r\ngraph@\"two words\"{%0=const{value=2.50e0}:f32[ 2,N*2 ];c\n"
                       "%1\n=\nneg%0:f32[2,N + N] return \"\"=%1,a.b=%0}  ; the end",
                       &graph));
    if (graph) {
        char *text = print(graph);
        CHECK(strcmp(text,
                     "graph @\"two words\" {\n"
                     "  %0 = const {value=2.5} : f32[2, 2*N]\n"
                     "  %1 = neg %0 : f32[2, 2*N]\n"
                     "  return \"\"=%1, a.b=%0\n}\n") == 0,
              "%s", text);
        free(text);
    }
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_strings(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g\t\"\\\n\x7f\xc3\xa9"), *again = NULL;
    dn_graph_output(graph, "1st", dn_graph_input(graph, "\x01;{", dn_type_scalar(DN_F32)));
    char *text = print(graph);
    CHECK(strstr(text, "@\"g\\x09\\\"\\\\\\n\\x7f\xc3\xa9\"") && strstr(text, "\"\\x01;{\""), "%s",
          text);
    CHECK_OK(dn_graph_parse(dims, text, &again));
    CHECK(again && dn_graph_equal(graph, again));
    free(text);
    dn_graph_free(graph);
    dn_graph_free(again);
    dn_dims_free(dims);
}

// Numbers come back to the bit.
static void test_numbers(void) {
    static const double numbers[] = {0.1,      -0.0,   1.0 / 3, 5e-324, 1.7976931348623157e308,
                                     INFINITY, -1e100, 1e21,    123456, 0x1.fffffep-3};
    dn_dims *dims = dn_dims_new();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        dn_graph *graph = dn_graph_new(dims, "g"), *again = NULL;
        dn_type type = dn_type_scalar(DN_F64);
        dn_build_const(graph, &type, numbers[i]);
        char *text = print(graph);
        CHECK_OK(dn_graph_parse(dims, text, &again));
        double back = again ? dn_node_number(again->nodes[0], DN_ATTR_VALUE) : 0;
        CHECK(memcmp(&back, &numbers[i], sizeof back) == 0, "%.17g: %s", numbers[i], text);
        free(text);
        dn_graph_free(graph);
        dn_graph_free(again);
    }
    dn_dims_free(dims);
}

static void test_messages(void) {
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1: expected 'graph', not the end"},
        {"grape @g {}", "line 1: expected 'graph', not 'grape'"},
        {"graph g {}", "line 1: expected '@', not 'g'"},
        {"graph @ {}", "line 1: expected the graph's name, not '{}'"},
        {"graph @g {", "line 1: expected '}', not the end"},
        {"graph @g {}\n\nx", "line 3: expected the end, not 'x'"},
        {"graph @g {\n%1 = const {value=0} : f32}", "line 2: expected %0, the next number, not %1"},
        {"graph @g {\n%0 = cnst {value=0} : f32}", "line 2: expected an op, not 'cnst'"},
        {"graph @g {\n%0 = const {value=zero} : f32}", "line 2: expected a number, not 'zero}'"},
        {"graph @g {\n%0 = const {value=0x1} : f32}", "line 2: expected a number"},
        {"graph @g {\n%0 = const {worth=0} : f32}",
         "line 2: expected an attribute, not 'worth=0}'"},
        {"graph @g {\n%0 = const {value=0} f32}", "line 2: expected ':', not 'f32}'"},
        {"graph @g {\n%0 = const {value=0} : f33}", "line 2: expected a dtype, not 'f33}'"},
        {"graph @g {\n%0 = const {value=0} : f32[2}", "line 2: expected ']', not '}'"},
        {"graph @g {\n%0 = const {value=0} : f32[2,]}", "line 2: expected a size, not ']}'"},
        {"graph @g {\n%0 = const {value=0} : f32[1,1,1,1,1,1,1,1,1]}", "line 2: more than 8 sizes"},
        {"graph @g {\n%0 = iota {axis=1.5} : f32[1]}", "line 2: expected '}', not '.5}'"},
        {"graph @g {\n%0 = iota {axis=99999999999999999999} : f32[1]}", "expected a whole number"},
        {"graph @g {\n%0 = input {index=0, name=\"a} : f32[1]}\n",
         "line 2: the string does not end"},
        {"graph @g {\n%0 = input {index=0, name=\"\\q\"} : f32[1]}", "line 2: expected \\\", \\\\"},
        {"graph @g {\n%0 = neg %0 : f32}", "line 2: %0 is not defined above"},
        {"graph @g {\n%0 = neg %x : f32}", "line 2: expected a whole number, not 'x'"},
        {"graph @g {\n%0 = const {value=0} : f32\n\n%1 = const {value=0} : f32}",
         "line 4: %1 is the same as %0"},
        {"graph @g {\n%0 = const {value=0} : f32\n%1 = neg %0 : f64}",
         "line 3: neg gives f32, not f64"},
        {"graph @g {\n%0 = const {value=0} : f32\n%1 = exp %0, %0 : f32}",
         "line 3: exp takes 1 operand, not 2"},
        {"graph @g {\nreturn 5=%0}", "line 2: expected a result's name, not '5=%0}'"},
        {"graph @g {\nreturn a=%0}", "line 2: %0 is not defined above"},
        {"graph @g {\nupdate w=%0}", "line 2: there is no variable \"w\""},
        {"graph @g {\n%0 = var {index=0, name=\"w\"} : f32\n%1 = const {value=0} : f64\n"
         "update w=%1}",
         "line 4: \"w\" has another type than %1"},
        {"graph @g {\n%0 = var {index=0, name=\"w\"} : f32\nupdate w=%0\nupdate w=%0}",
         "line 4: \"w\" is updated twice"},
        {"graph @g {\n%0 = var {index=0, name=\"w\"} : f32\n%1 = var {index=1, name=\"w\"} : f32}",
         "line 3: variable 0 exists already: \"w\""},
        {"graph @g {\n%0 = input {index=0, name=\"a\"} : f32\n%1 = input {index=0, name=\"b\"} : "
         "f32}",
         "line 3: input 0 exists already: \"a\""},
        {"graph @g {\n%0 = input {index=1, name=\"a\"} : f32\n}", "line 3: input 0 has no node"},
        {"graph @g {\n%0 = var {index=1, name=\"a\"} : f32\n}", "line 3: variable 0 has no node"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dn_dims *dims = dn_dims_new();
        dn_graph *graph = NULL;
        CHECK_FAILS(dn_graph_parse(dims, cases[i].text, &graph), cases[i].message);
        dn_graph_free(graph);
        dn_dims_free(dims);
    }
}

// ---- garbage --------------------------------------------------------------------------------

static uint64_t random_state = 7;

static size_t random_below(size_t n) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(random_state >> 33) % n;
}

// Swaps a few bytes, drops or doubles a stretch.
static char *mutate(const char *text, size_t length) {
    static const char alphabet[] = "%{}[]()=,:;\"\\@ \n0123456789-+*/.eNTxfnai\x80\xff";
    dn_str out = {0};
    size_t from = random_below(length), to = from + random_below(40);
    if (to > length) to = length;
    dn_str_append(&out, text, from);
    int kind = (int)random_below(3);
    if (kind > 0) dn_str_append(&out, text + from, to - from);
    if (kind > 1) dn_str_append(&out, text + from, to - from);
    dn_str_append(&out, text + to, length - to);
    for (size_t n = random_below(4); n > 0; n--)
        out.text[random_below(out.length)] = alphabet[random_below(sizeof alphabet - 1)];
    return dn_str_take(&out);
}

// Whatever parses also verifies and prints back; nothing crashes.
static void test_mutations(void) {
    char *text = NULL;
    size_t length = 0;
    int parsed = 0;
    CHECK_OK(dn_read_file(TEST_DIR "/ir/all_ops.graph", &text, &length));
    for (int i = 0; text && i < 4000; i++) {
        dn_dims *dims = dn_dims_new();
        dn_graph *graph = NULL, *again = NULL;
        char *garbage = mutate(text, length);
        dn_status status = dn_graph_parse(dims, garbage, &graph);
        if (!status) {
            parsed++;
            char *printed = print(graph);
            CHECK_OK(dn_graph_parse(dims, printed, &again));
            CHECK(again && dn_graph_equal(graph, again), "%s", printed);
            free(printed);
        } else {
            CHECK(strncmp(dn_status_message(status), "line ", 5) == 0, "%s",
                  dn_status_message(status));
        }
        dn_status_free(status);
        dn_graph_free(graph);
        dn_graph_free(again);
        dn_dims_free(dims);
        free(garbage);
    }
    CHECK(parsed > 20 && parsed < 3000, "%d", parsed);
    free(text);
}

static void test_bombs(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = NULL;
    dn_str deep = {0}, products = {0};
    dn_str_puts(&deep, "graph @g { %0 = const {value=0} : f32[");
    for (int i = 0; i < 100000; i++) dn_str_puts(&deep, "floor((");
    CHECK_FAILS(dn_graph_parse(dims, deep.text, &graph), "line 1: expected a size");
    dn_str_puts(&products, "graph @g { %0 = const {value=0} : f32[1");
    for (int i = 0; i < 40; i++) dn_str_puts(&products, "*(A+B+C+D)*(E+F+G+H+1)");
    dn_str_puts(&products, "]}");
    CHECK_FAILS(dn_graph_parse(dims, products.text, &graph), "line 1: expected a size");
    free(deep.text);
    free(products.text);
    dn_dims_free(dims);
}

// ---- docs/ir.md -----------------------------------------------------------------------------

#ifdef SOURCE_DIR
static void check_block(const char *text) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = NULL, *again = NULL;
    CHECK_OK(dn_graph_parse(dims, text, &graph));
    if (graph) {
        char *printed = print(graph);
        CHECK_OK(dn_graph_verify(graph, false));
        CHECK_OK(dn_graph_parse(dims, printed, &again));
        CHECK(again && dn_graph_equal(graph, again), "%s", printed);
        free(printed);
    }
    dn_graph_free(graph);
    dn_graph_free(again);
    dn_dims_free(dims);
}

// The op's row in docs/ir.md names its attributes, in order, and how gradients flow.
static void check_row(const char *document, const dn_op_info *info) {
    static const char *const gradients[] = {"rule", "zero", "stop", "missing"};
    dn_attr attrs[DN_MAX_ATTRS];
    dn_op op;
    dn_op_from_name(info->name, strlen(info->name), &op);
    dn_str cells = {0};
    for (int i = 0, n = dn_op_attrs(op, attrs); i < n; i++)
        dn_str_printf(&cells, " `%s`", dn_attr_name(attrs[i]));
    dn_str_printf(&cells, " | %s | ", gradients[info->grad]);
    char *start = dn_printf("\n| `%s` | ", info->name);
    const char *row = strstr(document, start);
    const char *found = row ? strstr(row, cells.text) : NULL;
    CHECK(found && found < strchr(row + 1, '\n'), "docs/ir.md: the row of %s lacks%s", info->name,
          cells.text);
    free(start);
    free(cells.text);
}

static void test_document(void) {
    char *document = NULL;
    size_t length;
    int blocks = 0;
    CHECK_OK(dn_read_file(SOURCE_DIR "/docs/ir.md", &document, &length));
    if (!document) return;
    for (int i = 0; i < DN_OP_COUNT; i++) check_row(document, dn_op_get((dn_op)i));
    for (int i = 0; i < DN_ATTR_COUNT; i++) {
        char *quoted = dn_printf("`%s`", dn_attr_name((dn_attr)i));
        CHECK(strstr(document, quoted), "docs/ir.md does not name %s", quoted);
        free(quoted);
    }
    for (char *at = document; (at = strstr(at, "```graph\n")); blocks++) {
        char *end = strstr(at += 9, "```");
        char *text = dn_strndup(at, (size_t)(end - at));
        check_block(text);
        free(text);
        at = end + 3;
    }
    CHECK(blocks >= 3, "%d", blocks);
    free(document);
}
#endif

int main(void) {
    test_all_ops();
    test_layout_is_free();
    test_strings();
    test_numbers();
    test_messages();
    test_mutations();
    test_bombs();
#ifdef SOURCE_DIR
    test_document();
#endif
    return CHECK_RESULT();
}
