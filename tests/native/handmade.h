// Kernels made by hand, for tests of what lies between lowering and code generation.
#ifndef DN_TESTS_HANDMADE_H
#define DN_TESTS_HANDMADE_H

#include "codegen/kernel/kernel.h"
#include "tests/check.h"

enum { MOST = 16 };  // values, stores, arguments of a handmade kernel

// Takes the graph.
static inline dn_kernels *new_kernels(dn_graph *graph) {
    dn_kernels *kernels = dn_xcalloc(1, sizeof *kernels);
    kernels->graph = graph;
    return kernels;
}

static inline int add_buffer(dn_kernels *kernels, dn_buffer buffer) {
    DN_PUSH(kernels->buffers, kernels->n_buffers, kernels->cap_buffers) = buffer;
    return kernels->n_buffers - 1;
}

static inline int add_temp(dn_kernels *kernels, int64_t count) {
    return add_buffer(kernels, (dn_buffer){.dtype = DN_F32, .count = count});
}

static inline dn_kernel *add_kernel(dn_kernels *kernels, dn_kernel_kind kind, const char *name) {
    dn_kernel *kernel = DN_NEW(&kernels->arena, dn_kernel);
    kernel->kind = kind;
    kernel->name = name;
    kernel->axes = DN_NEW_ARRAY(&kernels->arena, dn_axis, DN_MAX_AXES);
    kernel->args = DN_NEW_ARRAY(&kernels->arena, int, MOST);
    kernel->values = DN_NEW_ARRAY(&kernels->arena, dn_kvalue, MOST);
    kernel->reductions = DN_NEW_ARRAY(&kernels->arena, dn_reduction, MOST);
    kernel->stores = DN_NEW_ARRAY(&kernels->arena, dn_store, MOST);
    DN_PUSH(kernels->list, kernels->n, kernels->cap) = kernel;
    return kernel;
}

static inline void add_axis(dn_kernel *kernel, int64_t size, dn_axis_kind kind) {
    kernel->axes[kernel->n_axes++] = (dn_axis){size, kind};
}

static inline int add_arg(dn_kernel *kernel, int buffer) {
    kernel->args[kernel->n_args++] = buffer;
    return kernel->n_args - 1;
}

static inline dn_access at(int64_t offset, int64_t i, int64_t j, int64_t k) {
    return (dn_access){offset, {i, j, k}};
}

static inline int add_value(dn_kernel *kernel, dn_kvalue value) {
    kernel->values[kernel->n_values++] = value;
    return kernel->n_values - 1;
}

static inline int add_load(dn_kernel *kernel, int arg, dn_access access) {
    return add_value(
        kernel,
        (dn_kvalue){
            .kind = DN_KV_LOAD, .dtype = DN_F32, .in = {-1, -1, -1}, .arg = arg, .access = access});
}

static inline int add_const(dn_kernel *kernel, double number) {
    return add_value(
        kernel,
        (dn_kvalue){.kind = DN_KV_CONST, .dtype = DN_F32, .in = {-1, -1, -1}, .number = number});
}

static inline int add_result(dn_kernel *kernel, int arg) {
    return add_value(
        kernel, (dn_kvalue){.kind = DN_KV_RESULT, .dtype = DN_F32, .in = {-1, -1, -1}, .arg = arg});
}

// A unary op where y is -1.
static inline int add_op(dn_kernel *kernel, dn_op op, int x, int y) {
    return add_value(
        kernel,
        (dn_kvalue){.kind = DN_KV_ELEMENTWISE, .op = op, .dtype = DN_F32, .in = {x, y, -1}});
}

static inline dn_store *add_store(dn_kernel *kernel, int arg, dn_access access, int value) {
    dn_store *store = &kernel->stores[kernel->n_stores++];
    *store = (dn_store){.arg = arg, .value = value, .access = access, .row = -1};
    return store;
}

// ---- a step: y = exp(max over j of (x w + noise)), w = w / 2 ----

static const char step_text[] =
    "graph @step {\n"
    "  %0 = input {index=0, name=\"x\"} : f32[4, 3]\n"
    "  %1 = var {index=0, name=\"w\"} : f32[3, 2]\n"
    "  %2 = dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]} : f32[4, 2]"
    "\n"
    "  %3 = normal {site=7} : f32[4, 2]\n"
    "  %4 = add %2, %3 : f32[4, 2]\n"
    "  %5 = reduce_max %4 {axes=[1]} : f32[4]\n"
    "  %6 = exp %5 : f32[4]\n"
    "  %7 = const {value=0.5} : f32[3, 2]\n"
    "  %8 = mul %1, %7 : f32[3, 2]\n"
    "  return y=%6\n"
    "  update \"w\"=%8\n"
    "}\n";

enum { STEP_X, STEP_W, STEP_NOISE, STEP_SUM, STEP_Y };     // its buffers
enum { STEP_RANDOM, STEP_DOT, STEP_REDUCE, STEP_UPDATE };  // its kernels

static inline void add_step_dot(dn_kernels *kernels) {
    dn_kernel *dot = add_kernel(kernels, DN_KERNEL_CONTRACT, "dot");
    dot->contract = (dn_contract){.op = DN_OP_DOT,
                                  .dtype = DN_F32,
                                  .m = 4,
                                  .n = 2,
                                  .k = 3,
                                  .a_m = 3,
                                  .a_k = 1,
                                  .b_k = 2,
                                  .b_n = 1};
    add_axis(dot, 4, DN_AXIS_PARALLEL);
    add_axis(dot, 2, DN_AXIS_PARALLEL);
    for (int i = STEP_X; i <= STEP_SUM; i++) add_arg(dot, i);
    int noise = add_load(dot, STEP_NOISE, at(0, 2, 1, 0));
    add_store(dot, STEP_SUM, at(0, 2, 1, 0), add_op(dot, DN_OP_ADD, add_result(dot, 0), noise));
}

static inline void add_step_loops(dn_kernels *kernels) {
    dn_kernel *reduce = add_kernel(kernels, DN_KERNEL_LOOP, "max");
    add_axis(reduce, 4, DN_AXIS_PARALLEL);
    add_axis(reduce, 2, DN_AXIS_REDUCE);
    int sum = add_arg(reduce, STEP_SUM), y = add_arg(reduce, STEP_Y);
    int value = add_load(reduce, sum, at(0, 2, 1, 0));
    reduce->n_body = 1;
    reduce->reductions[reduce->n_reductions++] = (dn_reduction){DN_OP_REDUCE_MAX, value, DN_F32};
    int exp = add_op(reduce, DN_OP_EXP, add_result(reduce, 0), -1);
    add_store(reduce, y, at(0, 1, 0, 0), exp);

    dn_kernel *update = add_kernel(kernels, DN_KERNEL_LOOP, "sgd");
    add_axis(update, 6, DN_AXIS_PARALLEL);
    int w = add_arg(update, STEP_W);
    int old = add_load(update, w, at(0, 1, 0, 0));
    add_store(update, w, at(0, 1, 0, 0), add_op(update, DN_OP_MUL, old, add_const(update, 0.5)));
}

// NULL if the text does not parse.
static inline dn_kernels *new_step(dn_dims *dims) {
    dn_graph *graph;
    dn_status status = dn_graph_parse(dims, step_text, &graph);
    CHECK(!status, "%s", status ? dn_status_message(status) : "");
    dn_status_free(status);
    if (status) return NULL;
    dn_kernels *kernels = new_kernels(graph);
    const dn_node *const *nodes = (const dn_node *const *)graph->nodes;
    add_buffer(kernels, (dn_buffer){DN_BUFFER_INPUT, 0, DN_F32, 12, 0, 0, 0, nodes[0]});
    add_buffer(kernels, (dn_buffer){DN_BUFFER_VAR, 0, DN_F32, 6, 0, 0, 0, nodes[1]});
    add_buffer(kernels, (dn_buffer){DN_BUFFER_TEMP, 0, DN_F32, 8, 0, 0, 0, nodes[3]});
    add_buffer(kernels, (dn_buffer){DN_BUFFER_TEMP, 0, DN_F32, 8, 0, 0, 0, nodes[4]});
    add_buffer(kernels, (dn_buffer){DN_BUFFER_OUTPUT, 0, DN_F32, 4, 0, 0, 0, nodes[6]});
    dn_kernel *random = add_kernel(kernels, DN_KERNEL_RANDOM, "normal");
    random->normal = true;
    random->site = 7;
    add_arg(random, STEP_NOISE);
    add_step_dot(kernels);
    add_step_loops(kernels);
    for (int i = 0; i < kernels->n; i++)
        kernels->list[i]->span = (dn_span){1, (uint32_t)(10 + i / 2), 0};
    return kernels;
}

#endif
