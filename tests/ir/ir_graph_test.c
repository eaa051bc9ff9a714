// Building: hash-consing, inputs and variables, shorthands, live nodes, compaction, arithmetic.
// Guards ir/graph.c, ir/build.c, ir/live.c, ir/type.c and ir/ops.c.
#include <stdlib.h>

#include "ir/graph.h"
#include "tests/check.h"

static dn_type type_of(dn_dtype dtype, int rank, const dn_dim *dims) {
    return dn_type_of(dtype, rank, dims);
}
#define F32(...) \
    type_of(DN_F32, (int)(sizeof(dn_dim[]){__VA_ARGS__} / sizeof(dn_dim)), (dn_dim[]){__VA_ARGS__})

static void test_tables(void) {
    dn_op op;
    dn_attr attr, row[DN_MAX_ATTRS];
    for (int i = 0; i < DN_OP_COUNT; i++) {
        const char *name = dn_op_get((dn_op)i)->name;
        CHECK(dn_op_from_name(name, strlen(name), &op) && op == (dn_op)i, "%s", name);
        dn_op_attrs((dn_op)i, row);  // panics on a name that attrs.def lacks
    }
    for (int i = 0; i < DN_ATTR_COUNT; i++) {
        const char *name = dn_attr_name((dn_attr)i);
        CHECK(dn_attr_from_name(name, strlen(name), &attr) && attr == (dn_attr)i, "%s", name);
    }
    CHECK(!dn_op_from_name("adder", 5, &op) && !dn_op_from_name("", 0, &op), "no such op");
    CHECK(dn_op_from_name("adder", 3, &op) && op == DN_OP_ADD, "a prefix");
    CHECK(dn_op_get(DN_OP_LT)->to_bool && !dn_op_get(DN_OP_ADD)->to_bool, "to_bool");
    CHECK(dn_op_get(DN_OP_EXP)->grad == DN_GRAD_RULE, "grad");
    CHECK(dn_op_get(DN_OP_STOP_GRADIENT)->grad == DN_GRAD_STOP, "grad");
    CHECK(dn_op_attrs(DN_OP_NORMAL, row) == 2 && row[1] == DN_ATTR_SEED, "attributes of normal");
    CHECK(dn_attr_optional(DN_ATTR_SEED) && !dn_attr_optional(DN_ATTR_SITE), "optional");
}

static void test_types(void) {
    dn_dims *dims = dn_dims_new();
    dn_dim n = dn_dim_symbol(dims, "N");
    dn_type known = F32(2, 3), symbolic = F32(n, 3), scalar = dn_type_scalar(DN_I32);
    dn_type integers = type_of(DN_I32, 2, (dn_dim[]){2, 3});
    CHECK(dn_type_known(&known) && !dn_type_known(&symbolic) && dn_type_known(&scalar), "known");
    CHECK(dn_type_same_dims(&known, &integers) && !dn_type_equal(&known, &integers), "dtype");
    CHECK(!dn_type_same_dims(&known, &symbolic) && !dn_type_same_dims(&known, &scalar), "dims");
    CHECK(dn_type_elements(dims, &known) == 6 && dn_type_elements(dims, &scalar) == 1, "elements");
    CHECK(dn_type_elements(dims, &symbolic) == dn_dim_mul(dims, n, 3), "elements");
    dn_shape shape = dn_type_shape(&known);
    CHECK(shape.rank == 2 && shape.dims[1] == 3, "shape");
    dn_str text = {0};
    dn_type_print(dims, &symbolic, &text);
    dn_type_print(dims, &scalar, &text);
    CHECK(strcmp(text.text, "f32[N, 3]i32") == 0, "%s", text.text);
    free(text.text);
    dn_dims_free(dims);
}

// ---- hash-consing ---------------------------------------------------------------------------

static void test_same_is_one(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g");
    dn_type type = F32(2, 3);
    dn_node *x = dn_graph_input(graph, "x", type), *y = dn_graph_input(graph, "x", type);
    CHECK(x != y && graph->n_inputs == 2, "inputs are told apart by their index");
    CHECK(dn_build_binary(graph, DN_OP_ADD, x, y) == dn_build_binary(graph, DN_OP_ADD, x, y),
          "same");
    CHECK(dn_build_binary(graph, DN_OP_ADD, x, y) != dn_build_binary(graph, DN_OP_ADD, y, x),
          "operands in order");
    CHECK(dn_build_binary(graph, DN_OP_ADD, x, y) != dn_build_binary(graph, DN_OP_SUB, x, y), "op");
    CHECK(dn_build_splat(graph, x, 1) == dn_build_splat(graph, y, 1), "constants");
    CHECK(dn_build_splat(graph, x, 1) != dn_build_splat(graph, x, 2), "attributes");
    CHECK(dn_build_splat(graph, x, 0.0) != dn_build_splat(graph, x, -0.0), "signed zeros");
    CHECK(dn_build_splat(graph, x, NAN) == dn_build_splat(graph, x, -NAN), "one NaN");
    dn_type other = F32(6);
    CHECK(dn_build_const(graph, &type, 1) != dn_build_const(graph, &other, 1), "type: sizes");
    CHECK(dn_build_cast(graph, x, DN_I32) != dn_build_cast(graph, x, DN_I64), "type: dtype");
    dn_dim zero = 0, one = 1;
    CHECK(dn_build_reduce(graph, DN_OP_REDUCE_SUM, x, 1, &zero) !=
              dn_build_reduce(graph, DN_OP_REDUCE_SUM, x, 1, &one),
          "axes");
    CHECK_OK(dn_graph_verify(graph, true));
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_many_nodes(void) {
    enum { N = 3000 };
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g");
    dn_type type = dn_type_scalar(DN_F32);
    static dn_node *nodes[N];
    for (int i = 0; i < N; i++) nodes[i] = dn_build_const(graph, &type, i);
    for (int i = 0; i < N; i++) CHECK(dn_build_const(graph, &type, i) == nodes[i], "%d", i);
    CHECK(graph->n_nodes == N, "%d", graph->n_nodes);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// What is handed in may go away afterwards.
static void test_copies_arguments(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g");
    dn_node *x = dn_graph_input(graph, "x", F32(2, 3));
    char name[] = "w";
    dn_dim axes[] = {1, 0};
    dn_node *w = dn_graph_variable(graph, name, F32(4)), *t = dn_build_transpose(graph, x, axes);
    dn_graph_output(graph, name, t);
    axes[0] = axes[1] = 7;
    name[0] = '?';
    CHECK(dn_node_dims(t, DN_ATTR_AXES, NULL)[0] == 1, "axes");
    CHECK(strcmp(graph->vars[0].name, "w") == 0 && strcmp(graph->outputs[0].name, "w") == 0,
          "name");
    CHECK(strcmp(dn_node_attr(w, DN_ATTR_NAME)->string, "w") == 0, "name");
    CHECK(dn_node_attr(w, DN_ATTR_AXES) == NULL, "no such attribute");
    CHECK(dn_node_int(w, DN_ATTR_INDEX) == 0, "index");
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_leaves(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g");
    dn_node *a = dn_graph_variable(graph, "a", F32(2)), *b = dn_graph_variable(graph, "b", F32(3));
    CHECK(dn_graph_variable(graph, "a", F32(5)) == a && a != b, "found by name; its type stays");
    CHECK(graph->n_vars == 2 && dn_node_int(b, DN_ATTR_INDEX) == 1, "%d", graph->n_vars);
    dn_attr_value attrs[] = {dn_attr_int(DN_ATTR_INDEX, 1), {.attr = DN_ATTR_NAME, .string = "x"}};
    dn_type type = F32(2);
    dn_node *x = NULL;
    CHECK_OK(dn_graph_op(graph, DN_OP_INPUT, NULL, 0, attrs, 2, &type, &x));
    CHECK(graph->n_inputs == 2 && graph->inputs[1].node == x && !graph->inputs[0].node, "gap");
    CHECK_FAILS(dn_graph_verify(graph, true), "input 0 has no node");
    CHECK_FAILS(dn_graph_op(graph, DN_OP_VAR, NULL, 0, attrs, 2, &type, &x),
                "variable 1 exists already: \"b\"");
    CHECK_FAILS(dn_graph_op(graph, DN_OP_ADD, NULL, 0, NULL, 0, NULL, &x), "add takes 2 operands");
    CHECK_FAILS(dn_graph_op(graph, DN_OP_CONST, NULL, 0, NULL, 0, NULL, &x),
                "const wants the attr");
    attrs[0] = dn_attr_number(DN_ATTR_VALUE, 1);
    CHECK_FAILS(dn_graph_op(graph, DN_OP_CONST, NULL, 0, attrs, 1, NULL, &x),
                "const needs its result's type");
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_spans(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g");
    dn_node *x = dn_graph_input(graph, "x", F32(2));
    graph->span = (dn_span){1, 10, 20};
    dn_node *y = dn_build_unary(graph, DN_OP_EXP, x);
    graph->span = (dn_span){1, 30, 40};
    CHECK(dn_build_unary(graph, DN_OP_EXP, x) == y && y->span.begin == 10, "the first place");
    CHECK(x->span.file == 0, "nowhere");
    dn_graph_output(graph, "y", y);
    dn_graph *copy = dn_graph_compact(graph);
    CHECK(copy->nodes[1]->span.end == 20 && copy->span.begin == 30, "kept");
    dn_graph_free(copy);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_shorthands(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g");
    dn_type to = F32(4, 2, 3);
    dn_dim axes[] = {1, 2}, six = 6;
    dn_node *x = dn_graph_input(graph, "x", F32(2, 3));
    dn_node *b = dn_build_broadcast(graph, x, &to, axes);
    CHECK(dn_type_equal(&b->type, &to), "broadcast");
    CHECK(dn_build_broadcast(graph, b, &to, (dn_dim[]){0, 1, 2}) == b, "to its own type");
    CHECK(dn_build_cast(graph, x, DN_F32) == x, "to its own dtype");
    CHECK(dn_build_reshape(graph, x, 2, x->type.dims) == x, "to its own shape");
    CHECK(dn_build_reshape(graph, x, 1, &six)->type.rank == 1, "reshape");
    dn_node *c = dn_build_binary(graph, DN_OP_LT, x, dn_build_splat(graph, x, 0));
    CHECK(dn_build_select(graph, c, x, x)->type.dtype == DN_F32, "select");
    CHECK_OK(dn_graph_verify(graph, true));
    dn_graph_free(graph);
    dn_dims_free(dims);
}

// ---- live, compact, flops -------------------------------------------------------------------

static void test_live_and_compact(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g");
    dn_type type = F32(8);
    dn_node *x = dn_graph_input(graph, "x", type), *unused = dn_graph_input(graph, "y", type);
    dn_node *w = dn_graph_variable(graph, "w", type), *v = dn_graph_variable(graph, "v", type);
    dn_node *dead = dn_build_unary(graph, DN_OP_EXP, unused);
    dn_node *new_v = dn_build_binary(graph, DN_OP_ADD, v, x);
    dn_node *result = dn_build_unary(graph, DN_OP_TANH, x);
    dn_graph_output(graph, "a", result);
    dn_graph_output(graph, "b", x);
    dn_graph_update_var(graph, 1, v);
    dn_graph_update_var(graph, 1, new_v);
    CHECK(graph->n_updates == 1 && graph->updates[0].node == new_v, "the later update counts");
    bool live[7];
    dn_graph_live(graph, live);
    CHECK(live[x->id] && live[v->id] && live[new_v->id] && live[result->id], "live");
    CHECK(!live[unused->id] && !live[w->id] && !live[dead->id], "dead");
    dn_graph *copy = dn_graph_compact(graph);
    CHECK_OK(dn_graph_verify(copy, true));
    CHECK(copy->n_nodes == 6 && copy->n_inputs == 2 && copy->n_vars == 2, "%d", copy->n_nodes);
    CHECK(strcmp(copy->vars[1].name, "v") == 0 && strcmp(copy->inputs[1].name, "y") == 0, "leaves");
    CHECK(copy->updates[0].var == 1 && copy->updates[0].node->op == DN_OP_ADD, "update");
    CHECK(strcmp(copy->outputs[1].name, "b") == 0 && copy->outputs[1].node->op == DN_OP_INPUT, "b");
    dn_graph *again = dn_graph_compact(copy);
    CHECK(dn_graph_equal(copy, again) && !dn_graph_equal(graph, copy), "nothing more to drop");
    dn_graph_free(again);
    dn_graph_free(copy);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static void test_empty_graph(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = dn_graph_new(dims, "g"), *copy = dn_graph_compact(graph);
    CHECK_OK(dn_graph_verify(graph, true));
    CHECK(dn_graph_equal(graph, copy) && dn_graph_flops(graph) == 0, "empty");
    dn_graph_free(copy);
    dn_graph_free(graph);
    dn_dims_free(dims);
}

static double flops_of(const char *text) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = NULL;
    CHECK_OK(dn_graph_parse(dims, text, &graph));
    double n = graph ? dn_graph_flops(graph) : -1;
    dn_graph_free(graph);
    dn_dims_free(dims);
    return n;
}

#define GRAPH(body, result) "graph @g {\n" body "\n return r=" result "\n}"
#define X(type) "%0 = input {index=0, name=\"x\"} : " type "\n"
#define W(type) "%1 = input {index=1, name=\"w\"} : " type "\n"
#define CONV " {stride=[2, 2], lo=[1, 1], hi=[2, 2], dilation=[1, 1], groups=1}"

static void test_flops(void) {
    CHECK_NEAR(flops_of(GRAPH(X("f32[3, 5]") "%1 = exp %0 : f32[3, 5]", "%1")), 15, 0);
    CHECK_NEAR(flops_of(GRAPH(X("f32[3, 5]") "%1 = exp %0 : f32[3, 5]", "%0")), 0, 0);
    CHECK_NEAR(flops_of(GRAPH(X("f32[N]") "%1 = exp %0 : f32[N]", "%1")), 0, 0);
    CHECK_NEAR(flops_of(GRAPH(X("f32[3, 5]") "%1 = transpose %0 {axes=[1, 0]} : f32[5, 3]", "%1")),
               0, 0);
    CHECK_NEAR(flops_of(GRAPH(X("f32[3, 5]") "%1 = reduce_sum %0 {axes=[1]} : f32[3]", "%1")), 15,
               0);
    CHECK_NEAR(
        flops_of(GRAPH(
            X("f32[3, 5]")
                W("f32[5, 7]") "%2 = dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], "
                               "rhs_contract=[0]} : f32[3, 7]",
            "%2")),
        2 * 3 * 7 * 5, 0);
    double conv = 2.0 * (64 * 14 * 14) * 128 * (5 * 5 * 3);
    CHECK_NEAR(
        flops_of(GRAPH(X("f32[64, 28, 28, 3]") W("f32[5, 5, 3, 128]") "%2 = conv %0, %1" CONV
                                                                      " : f32[64, 14, 14, 128]",
                       "%2")),
        conv, 0);
    CHECK_NEAR(flops_of(GRAPH(X("f32[64, 14, 14, 128]")
                                  W("f32[5, 5, 3, 128]") "%2 = conv_input %0, %1" CONV
                                                         " : f32[64, 28, 28, 3]",
                              "%2")),
               conv, 0);
    CHECK_NEAR(flops_of(GRAPH(X("f32[64, 28, 28, 3]")
                                  W("f32[64, 14, 14, 128]") "%2 = conv_weight %0, %1" CONV
                                                            " : f32[5, 5, 3, 128]",
                              "%2")),
               conv, 0);
}

int main(void) {
    test_tables();
    test_types();
    test_same_is_one();
    test_many_nodes();
    test_copies_arguments();
    test_leaves();
    test_spans();
    test_shorthands();
    test_live_and_compact();
    test_empty_graph();
    test_flops();
    return CHECK_RESULT();
}
