// Winograd's algorithm: the matrix products, one for each point.
#include "codegen/kernel/winograd_parts.h"

// Appends a DOT whose result goes to `to` at `at`. more: it is added to what is there.
static void push_product(const dn_wino_part *m, const dn_contract *dot, const int operands[2],
                         int to, const dn_access *at, bool more) {
    dn_arena *arena = m->arena;
    dn_kernel *k = DN_NEW(arena, dn_kernel);
    *k = (dn_kernel){.kind = DN_KERNEL_CONTRACT,
                     .name = "winograd product",
                     .span = m->kernel->span,
                     .n_axes = dot->batches + 2,
                     .n_args = 3,
                     .n_values = more ? 3 : 1,
                     .n_stores = 1,
                     .contract = *dot};
    k->axes = DN_NEW_ARRAY(arena, dn_axis, k->n_axes);
    for (int i = 0; i < dot->batches; i++) k->axes[i].size = dot->batch[i];
    k->axes[dot->batches].size = dot->m;
    k->axes[dot->batches + 1].size = dot->n;
    k->args = dn_arena_copy(arena, (int[]){operands[0], operands[1], to}, 3 * sizeof *k->args);
    k->values = DN_NEW_ARRAY(arena, dn_kvalue, k->n_values);
    k->values[0] = (dn_kvalue){.kind = DN_KV_RESULT, .dtype = dot->dtype, .in = {-1, -1, -1}};
    if (more) {
        k->values[1] = (dn_kvalue){
            .kind = DN_KV_LOAD, .dtype = dot->dtype, .in = {-1, -1, -1}, .arg = 2, .access = *at};
        k->values[2] = (dn_kvalue){
            .kind = DN_KV_ELEMENTWISE, .op = DN_OP_ADD, .dtype = dot->dtype, .in = {1, 0, -1}};
    }
    k->stores = DN_NEW(arena, dn_store);
    *k->stores = (dn_store){.arg = 2, .value = k->n_values - 1, .access = *at, .row = -1};
    DN_PUSH(m->out->list, m->out->n, m->out->cap) = k;
}

static void forward_product(const dn_winograd *p, int64_t images, int64_t n, dn_contract *dot) {
    const dn_wino_axis *y = &p->axis[0], *x = &p->axis[1];
    int64_t depth = p->in_phases * p->k, tiles = images * p->tiles;
    int64_t point = dn_wino_apart(tiles * depth), square = p->points * point;
    *dot = (dn_contract){.op = DN_OP_DOT,
                         .dtype = p->contract.dtype,
                         .batches = 4,
                         .batch = {y->out_phases, x->out_phases, y->points, x->points},
                         .m = tiles,
                         .n = n,
                         .k = depth,
                         .a_m = depth,
                         .a_k = 1,
                         .b_k = n,
                         .b_n = 1};
    dot->a_batch[0] = y->shifts > 1 ? x->shifts * square : 0;
    dot->a_batch[1] = x->shifts > 1 ? square : 0;
    dot->a_batch[2] = x->points * point;
    dot->a_batch[3] = point;
    dot->b_batch[3] = depth * n;
    for (int i = 3; i > 0; i--) dot->b_batch[i - 1] = dot->batch[i] * dot->b_batch[i];
}

static void gradient_product(const dn_winograd *p, int64_t images, int64_t n, dn_contract *dot) {
    const dn_wino_axis *y = &p->axis[0], *x = &p->axis[1];
    int64_t depth = p->in_phases * p->k, tiles = images * p->tiles;
    int64_t point = dn_wino_apart(tiles * depth);
    *dot = (dn_contract){.op = DN_OP_DOT,
                         .dtype = p->contract.dtype,
                         .batches = 2,
                         .batch = {y->points, x->points},
                         .a_batch = {x->points * point, point},
                         .b_batch = {x->points * tiles * n, tiles * n},
                         .m = depth,
                         .n = n,
                         .k = tiles,
                         .a_m = 1,
                         .a_k = depth,
                         .b_k = n,
                         .b_n = 1};
}

void dn_wino_product(const dn_winograd *p, int64_t images, int64_t n, dn_contract *dot) {
    if (p->contract.op == DN_OP_CONV_WEIGHT)
        gradient_product(p, images, n, dot);
    else
        forward_product(p, images, n, dot);
    dn_wino_limit(p, images, dot);
}

// M [phase][point][tile][n] = V [shift][point][tile][k] times U [phase][point][k][n].
int dn_wino_products(const dn_wino_part *m, int patches, int weights) {
    const dn_winograd *p = m->plan;
    dn_contract dot;
    dn_wino_product(p, m->images, m->n, &dot);
    dot.packed = dn_wino_panels(m) ? m->width : 0;
    int64_t result = dn_wino_apart(dot.m * m->n), row = m->x->points * result;
    int64_t of_m = p->points * result;
    dn_access at = {0, {m->x->out_phases * of_m, of_m, row, result, m->n, 1}};
    int to = dn_wino_buffer(m, p->out_phases * of_m);
    push_product(m, &dot, (int[]){patches, weights}, to, &at, false);
    return to;
}

// N [point][k][n] += V^T W.
void dn_wino_add_products(const dn_wino_part *m, int patches, int operand, int to) {
    dn_contract dot;
    dn_wino_product(m->plan, m->images, m->n, &dot);
    dot.packed = dn_wino_panels(m) ? m->width : 0;
    int64_t matrix = dot.m * m->n;
    dn_access at = {0, {m->x->points * matrix, matrix, m->n, 1}};
    push_product(m, &dot, (int[]){patches, operand}, to, &at, m->first > 0);
}
