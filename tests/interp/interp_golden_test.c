// Every op against golden values (golden/ops.txt, made by golden.py), in f64, f32 and bf16, on 1, 2
// and 3 threads, and without a pool; reused memory is poisoned.
#include "codegen/interp/kernel.h"
#include "tests/interp/golden_case.h"

static dn_pool *pools[4];  // by threads; 0: none

static void run_on(const golden_case *c, const dn_graph *graph, int threads, dn_tensor **first) {
    dn_interp *interp = NULL;
    dn_tensor *out[MOST_TENSORS] = {0};
    CHECK_OK(dn_interp_new(graph, &interp));
    dn_interp_poison(interp);
    dn_interp_args args = {.inputs = c->in, .outputs = out};
    for (int again = 0; again < 2; again++) {  // the second time in memory of the first
        CHECK_OK(dn_interp_run(interp, pools[threads], &args, NULL));
        for (int i = 0; i < c->n_out; i++) {
            if (!first[i]) {
                first[i] = out[i];
                compare_golden(c, out[i], c->out[i]);
                continue;
            }
            CHECK(memcmp(out[i]->data, first[i]->data, out[i]->bytes) == 0,
                  "%s: other bits on %d threads", c->name, threads);
            dn_tensor_release(out[i]);
        }
    }
    dn_interp_free(interp);
}

// Single nodes: those whose operands are all inputs.
static void run_nodes(const golden_case *c, const dn_graph *graph, dn_tensor **first) {
    for (int i = 0; i < c->n_out; i++) {
        const dn_node *node = graph->outputs[i].node;
        dn_tensor *in[MOST_TENSORS], *out = NULL;
        bool single = true;
        for (int k = 0; k < node->n_in; k++) single &= node->in[k]->op == DN_OP_INPUT;
        if (!single) continue;
        for (int k = 0; k < node->n_in; k++) in[k] = c->in[dn_node_int(node->in[k], DN_ATTR_INDEX)];
        CHECK_OK(dn_interp_node(pools[2], node, in, 0, 0, &out));
        CHECK(memcmp(out->data, first[i]->data, out->bytes) == 0, "%s: node", c->name);
        dn_tensor_release(out);
    }
}

static void run_case(const golden_case *c) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = NULL;
    dn_tensor *first[MOST_TENSORS] = {0};
    CHECK_OK(dn_graph_parse(dims, c->graph, &graph));
    if (graph) {
        for (int threads = 0; threads < 4; threads++) run_on(c, graph, threads, first);
        run_nodes(c, graph, first);
        dn_graph_free(graph);
    } else {
        fprintf(stderr, "%s\n", c->graph);
    }
    for (int i = 0; i < c->n_out; i++) dn_tensor_release(first[i]);
    dn_dims_free(dims);
}

int main(void) {
    char *text = NULL;
    size_t length;
    CHECK_OK(dn_read_file(TEST_DIR "/interp/golden/ops.txt", &text, &length));
    for (int i = 1; i < 4; i++) CHECK_OK(dn_pool_new(i, &pools[i]));
    static const dn_dtype reals[] = {DN_F64, DN_F32, DN_BF16};
    for (int real = 0; text && real < 3; real++) {
        const char *at = text;
        golden_case c;
        int n = 0;
        for (; read_golden(&at, reals[real], &c); n++) {
            run_case(&c);
            free_golden(&c);
        }
        CHECK(n > 200 && !*at, "%d cases, then: %.40s", n, at);
    }
    for (int i = 1; i < 4; i++) dn_pool_free(pools[i]);
    free(text);
    return CHECK_RESULT();
}
