// The verifier finds each broken invariant: a good graph is damaged by hand, in one place a time.
// Guards ir/verify.c.
#include <stdlib.h>

#include "ir/graph.h"
#include "tests/check.h"

static const char good[] =
    "graph @g {\n"
    "  %0 = input {index=0, name=\"x\"} : f32[4, 3]\n"
    "  %1 = input {index=1, name=\"y\"} : f32[4, 3]\n"
    "  %2 = var {index=0, name=\"w\"} : f32[3, 4]\n"
    "  %3 = var {index=1, name=\"v\"} : f32[4, 3]\n"
    "  %4 = transpose %0 {axes=[1, 0]} : f32[3, 4]\n"
    "  %5 = add %2, %4 : f32[3, 4]\n"
    "  %6 = const {value=2} : i32[3, 4]\n"
    "  %7 = exp %5 : f32[3, 4]\n"
    "  return a=%5, b=%7\n"
    "  update \"w\"=%5\n"
    "  update \"v\"=%1\n"
    "}\n";

static void no_damage(dn_graph *g) { (void)g; }
static void wrong_id(dn_graph *g) { g->nodes[5]->id = 4; }
static void no_node(dn_graph *g) { g->nodes[6] = NULL; }
static void no_such_op(dn_graph *g) { g->nodes[5]->op = DN_OP_COUNT; }
static void later_operand(dn_graph *g) { g->nodes[5]->in[0] = g->nodes[7]; }
static void itself(dn_graph *g) { g->nodes[7]->in[0] = g->nodes[7]; }
static void no_operand(dn_graph *g) { g->nodes[5]->in[1] = NULL; }
static void arity(dn_graph *g) { g->nodes[5]->n_in = 1; }
static void misfit(dn_graph *g) { g->nodes[5]->in[1] = g->nodes[0]; }
static void other_type(dn_graph *g) { g->nodes[5]->type.dims[0] = 5; }
static void other_dtype(dn_graph *g) { g->nodes[7]->type.dtype = DN_F64; }
static void negative_size(dn_graph *g) { g->nodes[2]->type.dims[0] = -1; }
static void bad_rank(dn_graph *g) { g->nodes[2]->type.rank = 9; }
static void other_attr(dn_graph *g) { g->nodes[4]->attrs[0].attr = DN_ATTR_LO; }
static void no_attr(dn_graph *g) { g->nodes[4]->n_attrs = 0; }
static void bad_attr(dn_graph *g) { ((dn_dim *)(uintptr_t)g->nodes[4]->attrs[0].dims)[0] = 0; }
static void changed(dn_graph *g) { g->nodes[6]->attrs[0].number = 3; }
static void changed_op(dn_graph *g) { g->nodes[7]->op = DN_OP_LOG; }
static void input_index(dn_graph *g) { g->nodes[1]->attrs[0].i = 0; }
static void input_missing(dn_graph *g) { g->inputs[1].node = NULL; }
static void input_other(dn_graph *g) { g->inputs[1].node = g->nodes[0]; }
static void input_not(dn_graph *g) { g->inputs[1].node = g->nodes[5]; }
static void input_name(dn_graph *g) { g->inputs[1].name = "z"; }
static void input_unlisted(dn_graph *g) { g->n_inputs = 1; }
static void var_name(dn_graph *g) { g->vars[1].name = "u"; }
static void var_twice(dn_graph *g) { g->vars[1].name = "w"; }
static void var_missing(dn_graph *g) { g->vars[1].name = NULL; }
static void var_type(dn_graph *g) { g->vars[1].type.dims[0] = 7; }
static void var_unlisted(dn_graph *g) { g->n_vars = 1; }
static void output_missing(dn_graph *g) { g->outputs[1].node = NULL; }
static void output_name(dn_graph *g) { g->outputs[1].name = NULL; }
static void update_index(dn_graph *g) { g->updates[1].var = 2; }
static void update_twice(dn_graph *g) { g->updates[1].var = 0; }
static void update_missing(dn_graph *g) { g->updates[1].node = NULL; }
static void update_type(dn_graph *g) { g->updates[1].node = g->nodes[5]; }

static const struct {
    void (*damage)(dn_graph *);
    const char *message;  // NULL: none
} cases[] = {
    {no_damage, NULL},
    {wrong_id, "%5: not a node, or its id is another"},
    {no_node, "%6: not a node"},
    {no_such_op, "%5: not a node"},
    {later_operand, "%5 (add): operand 0, %7, does not come before it"},
    {itself, "%7 (exp): operand 0, %7, does not come before it"},
    {no_operand, "%5 (add): operand 1 is not in the graph"},
    {arity, "%5 (add): add takes 2 operands, not 1"},
    {misfit, "%5 (add): add needs operands of one shape: f32[3, 4] and f32[4, 3]"},
    {other_type, "%5 (add): its type is f32[5, 4] and should be f32[3, 4]"},
    {other_dtype, "%7 (exp): its type is f64[3, 4] and should be f32[3, 4]"},
    {negative_size, "%2 (var): var: a size of f32[-1, 4] is negative"},
    {bad_rank, "%2 (var): var: a type of dtype"},
    {other_attr, "%4 (transpose): transpose wants the attributes (axes)"},
    {no_attr, "%4 (transpose): transpose wants the attributes (axes)"},
    {bad_attr, "%4 (transpose): transpose: axis 0 is named twice"},
    {changed, "%6 (const): it was changed, or is there twice"},
    {changed_op, "%7 (log): it was changed, or is there twice"},
    {input_index, "%1 (input): it was changed, or is there twice"},
    {input_missing, "input 1 has no node"},
    {input_other, "input 1 has no node"},
    {input_not, "input 1 has no node"},
    {input_name, "input 1 has no node"},
    {input_unlisted, "%1 (input) is not listed under index 1"},
    {var_name, "%3 (var) is not listed under index 1"},
    {var_twice, "variables 0 and 1 are both \"w\""},
    {var_missing, "variable 1 has no node"},
    {var_type, "%3 (var) is not listed under index 1"},
    {var_unlisted, "%3 (var) is not listed under index 1"},
    {output_missing, "output 1 has no name, or no node of this graph"},
    {output_name, "output 1 has no name, or no node of this graph"},
    {update_index, "update 1: there is no variable 2"},
    {update_twice, "\"w\" is updated twice"},
    {update_missing, "update of \"v\": no node of this graph"},
    {update_type, "update of \"v\": f32[4, 3] by a value f32[3, 4]"},
};

static void test_damage(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dn_dims *dims = dn_dims_new();
        dn_graph *graph = NULL;
        CHECK_OK(dn_graph_parse(dims, good, &graph));
        if (!graph) return;
        cases[i].damage(graph);
        if (cases[i].message) {
            CHECK_FAILS(dn_graph_verify(graph, true), cases[i].message);
        } else {
            CHECK_OK(dn_graph_verify(graph, true));
        }
        dn_graph_free(graph);
        dn_dims_free(dims);
    }
}

// Symbolic sizes are fine while a net is checked, not when it is run.
static void test_executable(void) {
    static const struct {
        const char *text, *message;
    } symbolic[] = {
        {"graph @g {\n%0 = input {index=0, name=\"x\"} : f32[N]\n}",
         "%0 (input): it has a symbolic size"},
        {"graph @g {\n%0 = const {value=0} : f32[9]\n%1 = slice %0 {start=[N], limit=[N + 2], "
         "stride=[1]} : f32[2]\n}",
         "%1 (slice): start has a symbolic size"},
    };
    for (int i = 0; i < 2; i++) {
        dn_dims *dims = dn_dims_new();
        dn_graph *graph = NULL;
        CHECK_OK(dn_graph_parse(dims, symbolic[i].text, &graph));
        if (graph) CHECK_OK(dn_graph_verify(graph, false));
        if (graph) CHECK_FAILS(dn_graph_verify(graph, true), symbolic[i].message);
        dn_graph_free(graph);
        dn_dims_free(dims);
    }
}

int main(void) {
    test_damage();
    test_executable();
    return CHECK_RESULT();
}
