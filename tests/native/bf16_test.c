// What is in bf16 stays so in memory: which buffers of f32 an entry with bf16 has.
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/kernel.h"
#include "codegen/x86/x86.h"
#include "tests/check.h"

static dn_kernels *lowered(const char *text) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = NULL;
    dn_kernels *kernels = NULL;
    CHECK_OK(dn_graph_parse(dims, text, &graph));
    CHECK_OK(dn_kernels_lower(graph, &dn_x86_target, &kernels));
    CHECK_OK(dn_kernels_verify(kernels));
    dn_kernels_plan(kernels);
    dn_graph_free(graph);
    return kernels;
}

static void free_lowered(dn_kernels *kernels) {
    dn_dims *dims = kernels->graph->dims;
    dn_kernels_free(kernels);
    dn_dims_free(dims);
}

// Temporary buffers of a dtype and at least so many elements that kernels use beyond the next one.
static int kept(const dn_kernels *kernels, dn_dtype dtype, int64_t least) {
    int n = 0;
    for (int i = 0; i < kernels->n_buffers; i++) {
        const dn_buffer *b = &kernels->buffers[i];
        n += b->kind == DN_BUFFER_TEMP && b->dtype == dtype && b->count >= least &&
             b->last > b->first + 1;
    }
    return n;
}

// Its own sums are those of f32, and what follows reads what was rounded.
static void test_contraction(void) {
    dn_kernels *k = lowered(
        "graph @conv {\n"
        "  %0 = input {index=0, name=\"x\"} : bf16[4, 16, 16, 5]\n"
        "  %1 = var {index=0, name=\"w\"} : bf16[2, 2, 5, 40]\n"
        "  %2 = conv %0, %1 {stride=[1, 1], lo=[0, 0], hi=[1, 1], dilation=[1, 1], groups=1}"
        " : bf16[4, 16, 16, 40]\n"
        "  %3 = reduce_sum %2 {axes=[0, 1, 2]} : bf16[40]\n"
        "  %4 = exp %2 : bf16[4, 16, 16, 40]\n"
        "  %5 = reduce_sum %4 {axes=[3]} : bf16[4, 16, 16]\n"
        "  %6 = broadcast %3 {axes=[3]} : bf16[4, 16, 16, 40]\n"
        "  %7 = mul %6, %2 : bf16[4, 16, 16, 40]\n"
        "  return y=%7, z=%5\n"
        "}\n");
    CHECK(kept(k, DN_BF16, 40960) == 1, "the convolution's result, in bf16");
    CHECK(kept(k, DN_F32, 5120) == 0, "nothing large in f32");
    free_lowered(k);
}

// Two products read one operand: one as it is, the other, which sums over rows, has a copy in f32
// as long as it runs.
static void test_operands(void) {
    dn_kernels *k = lowered(
        "graph @dots {\n"
        "  %0 = input {index=0, name=\"x\"} : bf16[300, 200]\n"
        "  %1 = input {index=1, name=\"w\"} : bf16[200, 50]\n"
        "  %2 = input {index=2, name=\"v\"} : bf16[300, 70]\n"
        "  %3 = tanh %0 : bf16[300, 200]\n"
        "  %4 = dot %3, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]}"
        " : bf16[300, 50]\n"
        "  %5 = dot %3, %2 {lhs_batch=[], rhs_batch=[], lhs_contract=[0], rhs_contract=[0]}"
        " : bf16[200, 70]\n"
        "  return a=%4, b=%5\n"
        "}\n");
    CHECK(kept(k, DN_BF16, 60000) == 1, "tanh, in bf16");
    int copies = 0;
    for (int i = 0; i < k->n_buffers; i++)
        copies += k->buffers[i].dtype == DN_F32 && k->buffers[i].count == 60000;
    CHECK(copies == 1 && kept(k, DN_F32, 60000) == 0, "%d copies", copies);
    int pairs = 0;
    for (int i = 0; i < k->n; i++) pairs += k->list[i]->contract.pairs;
    CHECK(pairs == 1, "%d by pairs", pairs);
    free_lowered(k);
}

// Gradients of weights sum over rows: where they are large, both operands are copied by pairs.
static void test_rows(void) {
    dn_kernels *k = lowered(
        "graph @gradient {\n"
        "  %0 = input {index=0, name=\"x\"} : bf16[300, 200]\n"
        "  %1 = input {index=1, name=\"y\"} : bf16[300, 160]\n"
        "  %2 = dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[0], rhs_contract=[0]}"
        " : bf16[200, 160]\n"
        "  %3 = slice %0 {start=[0, 0], limit=[200, 160], stride=[1, 1]} : bf16[200, 160]\n"
        "  %4 = add %2, %3 : bf16[200, 160]\n"
        "  return g=%4\n"
        "}\n");
    for (int i = 0; i < k->n_buffers; i++)
        CHECK(k->buffers[i].dtype == DN_BF16, "b%d is not bf16", i);
    const dn_kernel *last = k->list[k->n - 1];
    CHECK(last->contract.pairs && last->n_args == 4,
          "its epilogue reads the operand, not the copy");
    free_lowered(k);
}

// A cast that a program writes is treated alike: no buffer of its own.
static void test_widening(void) {
    dn_kernels *k = lowered(
        "graph @norm {\n"
        "  %0 = input {index=0, name=\"x\"} : bf16[500, 300]\n"
        "  %1 = tanh %0 : bf16[500, 300]\n"
        "  %2 = cast %1 : f32[500, 300]\n"
        "  %3 = reduce_sum %2 {axes=[0]} : f32[300]\n"
        "  %4 = broadcast %3 {axes=[1]} : f32[500, 300]\n"
        "  %5 = sub %2, %4 : f32[500, 300]\n"
        "  %6 = reduce_max %5 {axes=[1]} : f32[500]\n"
        "  return y=%6\n"
        "}\n");
    CHECK(kept(k, DN_BF16, 150000) == 1, "tanh, in bf16");
    for (int i = 0; i < k->n_buffers; i++)
        CHECK(k->buffers[i].dtype == DN_BF16 || k->buffers[i].count < 150000, "b%d in f32", i);
    free_lowered(k);
}

// Winograd's kernels read bf16 as it is.
static void test_winograd(void) {
    dn_kernels *k = lowered(
        "graph @conv {\n"
        "  %0 = input {index=0, name=\"x\"} : bf16[8, 24, 24, 64]\n"
        "  %1 = input {index=1, name=\"w\"} : bf16[3, 3, 64, 64]\n"
        "  %2 = input {index=2, name=\"y\"} : bf16[8, 24, 24, 64]\n"
        "  %3 = conv %0, %1 {stride=[1, 1], lo=[1, 1], hi=[1, 1], dilation=[1, 1], groups=1}"
        " : bf16[8, 24, 24, 64]\n"
        "  %4 = conv_weight %0, %2 {stride=[1, 1], lo=[1, 1], hi=[1, 1], dilation=[1, 1], groups=1}"
        " : bf16[3, 3, 64, 64]\n"
        "  return a=%3, b=%4\n"
        "}\n");
    int by_others = 0, copies = 0;
    for (int i = 0; i < k->n; i++) {
        by_others += k->list[i]->inner != NULL;
        copies += strcmp(k->list[i]->name, "copy") == 0;
    }
    CHECK(by_others == 2 && copies == 0, "%d by others, %d copies", by_others, copies);
    free_lowered(k);
}

int main(void) {
    test_contraction();
    test_operands();
    test_rows();
    test_widening();
    test_winograd();
    return CHECK_RESULT();
}
