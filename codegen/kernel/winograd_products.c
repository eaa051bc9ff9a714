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

// M [phase][point][tile][n] = V [shift][point][tile][k] times U [phase][point][k][n].
int dn_wino_products(const dn_wino_part *m, int patches, int weights) {
    const dn_winograd *p = m->plan;
    int64_t depth = p->in_phases * p->k, tiles = m->images * p->tiles;
    int64_t point = dn_wino_apart(tiles * depth), square = p->points * point;
    dn_contract dot = {.op = DN_OP_DOT,
                       .dtype = p->contract.dtype,
                       .batches = 3,
                       .batch = {m->y->out_phases, m->x->out_phases, p->points},
                       .m = tiles,
                       .n = m->n,
                       .k = depth,
                       .a_m = depth,
                       .a_k = 1,
                       .b_k = m->n,
                       .b_n = 1,
                       .packed = dn_wino_panels(m) ? m->width : 0};
    dot.a_batch[0] = m->y->shifts > 1 ? m->x->shifts * square : 0;
    dot.a_batch[1] = m->x->shifts > 1 ? square : 0;
    dot.a_batch[2] = point;
    dot.b_batch[2] = depth * m->n;
    dot.b_batch[1] = p->points * dot.b_batch[2];
    dot.b_batch[0] = m->x->out_phases * dot.b_batch[1];
    int64_t result = dn_wino_apart(tiles * m->n), of_m = p->points * result;
    dn_access at = {0, {m->x->out_phases * of_m, of_m, result, m->n, 1}};
    int to = dn_wino_buffer(m, p->out_phases * of_m);
    push_product(m, &dot, (int[]){patches, weights}, to, &at, false);
    return to;
}

// N [point][k][n] += V^T W.
void dn_wino_add_products(const dn_wino_part *m, int patches, int operand, int to) {
    const dn_winograd *p = m->plan;
    bool panels = dn_wino_panels(m);
    int64_t depth = p->in_phases * p->k, tiles = m->images * p->tiles;
    dn_contract dot = {.op = DN_OP_DOT,
                       .dtype = p->contract.dtype,
                       .batches = 1,
                       .batch = {p->points},
                       .a_batch = {dn_wino_apart(tiles * depth)},
                       .b_batch = {tiles * m->n},
                       .m = depth,
                       .n = m->n,
                       .k = tiles,
                       .a_m = 1,
                       .a_k = depth,
                       .b_k = m->n,
                       .b_n = 1,
                       .packed = panels ? m->width : 0};
    dn_access at = {0, {depth * m->n, m->n, 1}};
    push_product(m, &dot, (int[]){patches, operand}, to, &at, m->first > 0);
}
