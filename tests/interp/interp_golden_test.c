// Every op against golden values (golden/ops.txt, made by golden.py), in f64 and f32, on 1, 2 and 3
// threads, and without a pool; reused memory is poisoned.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/interp/kernel.h"
#include "tests/check.h"

enum { MOST_TENSORS = 16 };

typedef struct golden_case {
    char name[64];
    bool as_is;
    int n_in, n_out;
    dn_tensor *in[MOST_TENSORS], *out[MOST_TENSORS];
    char *graph;
} golden_case;

static dn_pool *pools[4];  // by threads; 0: none

// ---- Reading ----

// "f64[2, 3]: 1 2 3 4 5 6"
static dn_tensor *read_tensor(const char *text) {
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
    dn_dtype dtype;
    dn_shape shape = {0};
    dn_tensor *tensor = NULL;
    CHECK(dn_dtype_from_name(text, length, &dtype));
    text += length;
    while (*text != ':') {
        char *end;
        shape.dims[shape.rank] = strtoll(text + 1, &end, 10);
        if (end > text + 1) shape.rank++;
        text = end;
        if (*text == ']') text++;
    }
    CHECK_OK(dn_tensor_new(dtype, &shape, &tensor));
    text++;
    for (int64_t i = 0; i < dn_shape_elements(&shape); i++) {
        char *end;
        if (dtype == DN_I64) {
            ((int64_t *)tensor->data)[i] = strtoll(text, &end, 10);
        } else {
            dn_tensor_set(tensor, i, strtod(text, &end));
        }
        CHECK(end > text);
        text = end;
    }
    return tensor;
}

// Replaces every f64 by f32 from `text` to `end`.
static char *as_f32(const char *text, const char *end) {
    char *copy = dn_strndup(text, (size_t)(end - text));
    for (char *at = copy; (at = strstr(at, "f64"));) memcpy(at, "f32", 3);
    return copy;
}

// Reads a case, advancing *text; false at the end.
static bool read_case(const char **text, bool f32, golden_case *c) {
    *c = (golden_case){0};
    char flag[16] = "";
    if (strncmp(*text, "case ", 5) != 0) return false;
    sscanf(*text, "case %63s%*[ ]%15[a-z-]", c->name, flag);
    c->as_is = strcmp(flag, "as-is") == 0;
    for (*text = strchr(*text, '\n') + 1; strncmp(*text, "graph", 5) != 0;) {
        const char *end = strchr(*text, '\n');
        bool in = strncmp(*text, "in ", 3) == 0;
        const char *from = *text + (in ? 3 : 4);
        char *line = f32 && !c->as_is ? as_f32(from, end) : dn_strndup(from, (size_t)(end - from));
        *(in ? &c->in[c->n_in++] : &c->out[c->n_out++]) = read_tensor(line);
        free(line);
        *text = end + 1;
    }
    const char *end = strstr(*text, "\n}\n") + 3;
    c->graph = f32 && !c->as_is ? as_f32(*text, end) : dn_strndup(*text, (size_t)(end - *text));
    *text = end;
    return true;
}

static void free_case(golden_case *c) {
    for (int i = 0; i < c->n_in; i++) dn_tensor_release(c->in[i]);
    for (int i = 0; i < c->n_out; i++) dn_tensor_release(c->out[i]);
    free(c->graph);
}

// ---- Comparing ----

static double largest(const dn_tensor *tensor) {
    double most = 1;
    for (int64_t i = 0; i < dn_shape_elements(&tensor->shape); i++) {
        double v = fabs(dn_tensor_get(tensor, i));
        if (v < INFINITY && v > most) most = v;
    }
    return most;
}

static bool near(double a, double b, double tolerance) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= tolerance;
}

static void compare(const golden_case *c, const dn_tensor *have, const dn_tensor *want) {
    CHECK(have->dtype == want->dtype && dn_shape_equal(&have->shape, &want->shape), "%s", c->name);
    bool is_float = dn_dtype_is_float(want->dtype);
    if (!is_float) {
        CHECK(memcmp(have->data, want->data, want->bytes) == 0, "%s", c->name);
        return;
    }
    // Sums are relative to the largest element; single results to themselves.
    double tolerance = (want->dtype == DN_F64 ? 1e-12 : 2e-6), most = largest(want);
    for (int64_t i = 0; i < dn_shape_elements(&want->shape); i++) {
        double a = dn_tensor_get(have, i), b = dn_tensor_get(want, i);
        CHECK(near(a, b, tolerance * most), "%s: element %lld: %.17g, not %.17g", c->name,
              (long long)i, a, b);
    }
}

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
                compare(c, out[i], c->out[i]);
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
    for (int f32 = 0; text && f32 < 2; f32++) {
        const char *at = text;
        golden_case c;
        int n = 0;
        for (; read_case(&at, f32, &c); n++) {
            run_case(&c);
            free_case(&c);
        }
        CHECK(n > 200 && !*at, "%d cases, then: %.40s", n, at);
    }
    for (int i = 1; i < 4; i++) dn_pool_free(pools[i]);
    free(text);
    return CHECK_RESULT();
}
