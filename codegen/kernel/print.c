// The text form of kernels, specified in docs/kernel.md.
#include <stdio.h>
#include <stdlib.h>

#include "codegen/kernel/access.h"

typedef struct printer {
    const dn_kernels *kernels;
    const dn_kernel *kernel;
    const dn_places *places;  // NULL: spans are not printed
    bool names;
    dn_str *out;
} printer;

static long long ll(int64_t i) { return (long long)i; }

// ---- numbers and affine expressions ----

// For people the shortest decimal that reads back as the same number; canonically its bits.
static void print_number(const printer *p, double number) {
    char text[40];
    snprintf(text, sizeof text, "%a", number);
    for (int digits = 1; p->names && digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) break;
    }
    dn_str_puts(p->out, text);
}

static void print_term(dn_str *out, bool first, int64_t factor, char axis) {
    uint64_t size = factor < 0 ? -(uint64_t)factor : (uint64_t)factor;
    if (!first) dn_str_puts(out, factor < 0 ? " - " : " + ");
    if (first && factor < 0) dn_str_puts(out, "-");
    if (axis && size == 1) {
        dn_str_printf(out, "%c", axis);
    } else if (axis) {
        dn_str_printf(out, "%c*%llu", axis, (unsigned long long)size);
    } else {
        dn_str_printf(out, "%llu", (unsigned long long)size);
    }
}

static char axis_name(int axis) { return (char)('i' + axis); }

// "i*64 + j + 3"
static void print_affine(const printer *p, const dn_access *access) {
    bool first = true;
    for (int a = 0; a < p->kernel->n_axes; a++) {
        if (access->stride[a] == 0) continue;
        print_term(p->out, first, access->stride[a], axis_name(a));
        first = false;
    }
    if (access->offset || first) print_term(p->out, first, access->offset, 0);
}

static void print_place(const printer *p, int arg, const dn_access *access, int row, int64_t scale,
                        int64_t rows) {
    dn_str_printf(p->out, "a%d[", arg);
    if (row >= 0) dn_str_printf(p->out, "%%%d*%lld of %lld rows, ", row, ll(scale), ll(rows));
    print_affine(p, access);
    dn_str_puts(p->out, "]");
}

// ---- values, reductions, stores ----

static void print_value(const printer *p, int index) {
    const dn_kvalue *value = &p->kernel->values[index];
    dn_str_printf(p->out, "    %%%d = ", index);
    switch (value->kind) {
        case DN_KV_ELEMENTWISE:
            dn_str_puts(p->out, dn_op_get(value->op)->name);
            for (int i = 0; i < 3 && value->in[i] >= 0; i++)
                dn_str_printf(p->out, "%s %%%d", i ? "," : "", value->in[i]);
            break;
        case DN_KV_LOAD:
            dn_str_puts(p->out, "load ");
            print_place(p, value->arg, &value->access, value->in[0], value->scale, value->rows);
            break;
        case DN_KV_CONST:
            dn_str_puts(p->out, "const ");
            print_number(p, value->number);
            break;
        case DN_KV_INDEX:
            dn_str_puts(p->out, "index ");
            print_affine(p, &value->access);
            break;
        case DN_KV_RESULT: dn_str_printf(p->out, "result r%d", value->arg); break;
    }
    dn_str_printf(p->out, " : %s\n", dn_dtype_name(value->dtype));
}

static void print_store(const printer *p, const dn_store *store) {
    dn_str_puts(p->out, store->add ? "    add " : "    store ");
    print_place(p, store->arg, &store->access, store->row, store->scale, store->rows);
    dn_str_printf(p->out, ", %%%d\n", store->value);
}

static void print_points(const printer *p, bool body) {
    const dn_kernel *kernel = p->kernel;
    int from = body ? 0 : kernel->n_body, to = body ? kernel->n_body : kernel->n_values;
    for (int i = from; i < to; i++) print_value(p, i);
    for (int i = 0; i < kernel->n_stores; i++)
        if (body == (kernel->stores[i].value < kernel->n_body)) print_store(p, &kernel->stores[i]);
}

// ---- axes, arguments, contractions ----

static void print_axes(const printer *p) {
    static const char *const kinds[] = {"", "sequential ", "reduce "};
    if (p->kernel->n_axes) dn_str_puts(p->out, "  axes");
    for (int a = 0; a < p->kernel->n_axes; a++) {
        const dn_axis *axis = &p->kernel->axes[a];
        dn_str_printf(p->out, "%s %s%c %lld", a ? "," : "", kinds[axis->kind], axis_name(a),
                      ll(axis->size));
    }
    if (p->kernel->n_axes) dn_str_puts(p->out, "\n");
}

static void print_where(const dn_buffer *buffer, dn_str *out) {
    static const char *const kinds[] = {"temp", "input", "var", "output"};
    dn_str_puts(out, kinds[buffer->kind]);
    if (buffer->kind != DN_BUFFER_TEMP) dn_str_printf(out, " %d", buffer->index);
}

static void print_arg(const printer *p, int arg) {
    int number = p->kernel->args[arg];
    const dn_buffer *buffer = &p->kernels->buffers[number];
    dn_str_printf(p->out, "  arg a%d = ", arg);
    if (p->names) dn_str_printf(p->out, "b%d ", number);
    dn_str_puts(p->out, dn_dtype_name(buffer->dtype));
    if (p->names) {
        dn_str_printf(p->out, "[%lld] ", ll(buffer->count));
        print_where(buffer, p->out);
        int64_t begin = dn_kernel_begin(p->kernel, arg);
        if (begin) dn_str_printf(p->out, " from %lld", ll(begin));
    }
    for (int b = 0; b < arg; b++) {
        if (!dn_kernel_overlap(p->kernels, p->kernel, arg, b)) continue;
        dn_str_printf(p->out, "%s a%d", p->kernel->args[b] == number ? ", is" : ", in place of", b);
        break;
    }
    dn_str_puts(p->out, "\n");
}

static void print_sizes(dn_str *out, const char *label, int count, const int64_t *sizes) {
    dn_str_printf(out, ", %s ", label);
    for (int i = 0; i < count; i++) dn_str_printf(out, "%s%lld", i ? "x" : "", ll(sizes[i]));
    if (!count) dn_str_puts(out, "1");
}

// "batch i 4 (a 300, b 0), m 64 (a 100), n 10 (b 1), k 100 (a 1, b 10)", strides in parentheses.
static void print_dot(const dn_contract *c, dn_str *out) {
    for (int i = 0; i < c->batches; i++)
        dn_str_printf(out, ", batch %lld (a %lld, b %lld)", ll(c->batch[i]), ll(c->a_batch[i]),
                      ll(c->b_batch[i]));
    dn_str_printf(out, ", m %lld (a %lld), n %lld (b %lld), k %lld (a %lld, b %lld)", ll(c->m),
                  ll(c->a_m), ll(c->n), ll(c->b_n), ll(c->k), ll(c->a_k), ll(c->b_k));
}

// ", steps 128 where i 0, rows 64 where j 1, k 5"
static void print_limits(const dn_contract *c, dn_str *out) {
    for (int i = 0; i < c->n_limits && i < DN_MOST_LIMITS; i++) {
        const dn_limit *l = &c->limits[i];
        dn_str_printf(out, ", %s %lld where %c %lld", l->steps ? "steps" : "rows", ll(l->count),
                      axis_name(l->axis[0]), ll(l->index[0]));
        if (l->axis[1] >= 0)
            dn_str_printf(out, ", %c %lld", axis_name(l->axis[1]), ll(l->index[1]));
    }
}

static void print_conv(const dn_contract *c, dn_str *out) {
    dn_str_printf(out, ", images %lld, channels %lld, filters %lld, groups %lld", ll(c->images),
                  ll(c->channels), ll(c->filters), ll(c->groups));
    print_sizes(out, "image", c->spatial, c->image);
    print_sizes(out, "out", c->spatial, c->out);
    print_sizes(out, "kernel", c->spatial, c->kernel);
    print_sizes(out, "stride", c->spatial, c->stride);
    print_sizes(out, "dilation", c->spatial, c->dilation);
    print_sizes(out, "lo", c->spatial, c->lo);
}

static void print_contract(const printer *p) {
    const dn_contract *c = &p->kernel->contract;
    dn_str_printf(p->out, "  r0 = %s a0, a1 : %s", dn_op_get(c->op)->name, dn_dtype_name(c->dtype));
    if (c->op == DN_OP_DOT) {
        print_dot(c, p->out);
        print_limits(c, p->out);
    } else {
        print_conv(c, p->out);
    }
    if (c->packed) dn_str_printf(p->out, ", packed %d%s", c->packed, c->pairs ? " by pairs" : "");
    if (c->parts) dn_str_printf(p->out, ", parts %d", c->parts);
    if (p->kernel->inner)
        dn_str_printf(p->out, ", by %d kernels in a%d", p->kernel->inner->n,
                      dn_kernel_scratch(p->kernel));
    dn_str_puts(p->out, "\n");
}

// ---- kernels ----

static void print_loop(const printer *p) {
    const dn_kernel *kernel = p->kernel;
    if (kernel->n_body) dn_str_puts(p->out, "  body\n");
    print_points(p, true);
    for (int i = 0; i < kernel->n_reductions; i++) {
        const dn_reduction *r = &kernel->reductions[i];
        dn_str_printf(p->out, "    r%d = %s %%%d : %s\n", i, dn_op_get(r->op)->name, r->value,
                      dn_dtype_name(r->dtype));
    }
}

static void print_random(const printer *p) {
    const dn_kernel *kernel = p->kernel;
    dn_str_printf(p->out, "  fill a0 %s, site %lu", kernel->normal ? "normal" : "uniform",
                  (unsigned long)kernel->site);
    if (kernel->keyed) dn_str_printf(p->out, ", seed %llu", (unsigned long long)kernel->seed);
    dn_str_puts(p->out, "\n");
}

static void print_header(const printer *p) {
    static const char *const kinds[] = {"loop", "contract", "random"};
    const dn_kernel *kernel = p->kernel;
    const char *path;
    int line, column;
    dn_str_printf(p->out, "kernel %s", kinds[kernel->kind]);
    if (p->names) dn_str_printf(p->out, " \"%s\"", kernel->name ? kernel->name : "");
    if (p->places && p->places->place(p->places->context, kernel->span, &path, &line, &column))
        dn_str_printf(p->out, " at %s:%d", path, line);
    dn_str_puts(p->out, " {\n");
}

static void print_kernel(const printer *p) {
    const dn_kernel *kernel = p->kernel;
    print_header(p);
    print_axes(p);
    for (int i = 0; i < kernel->n_args; i++) print_arg(p, i);
    switch (kernel->kind) {
        case DN_KERNEL_LOOP: print_loop(p); break;
        case DN_KERNEL_CONTRACT: print_contract(p); break;
        case DN_KERNEL_RANDOM: print_random(p); break;
    }
    if (kernel->kind != DN_KERNEL_RANDOM && kernel->n_values > kernel->n_body) {
        dn_str_puts(p->out, "  then\n");
        print_points(p, false);
    }
    dn_str_puts(p->out, "}\n");
}

void dn_kernel_print(const dn_kernels *kernels, const dn_kernel *kernel, bool names, dn_str *out) {
    print_kernel(&(printer){.kernels = kernels, .kernel = kernel, .names = names, .out = out});
}

static void print_buffer(const dn_kernels *kernels, int index, dn_str *out) {
    const dn_buffer *buffer = &kernels->buffers[index];
    dn_str_printf(out, "buffer b%d = %s[%lld] ", index, dn_dtype_name(buffer->dtype),
                  ll(buffer->count));
    print_where(buffer, out);
    if (buffer->kind == DN_BUFFER_TEMP && kernels->arena_bytes > 0)
        dn_str_printf(out, " at %lld, kernels %d to %d", ll(buffer->offset), buffer->first,
                      buffer->last);
    if (buffer->node)
        dn_str_printf(out, ", %s of the graph's %%%d", dn_op_get(buffer->node->op)->name,
                      buffer->node->id);
    dn_str_puts(out, "\n");
}

void dn_kernels_print_at(const dn_kernels *kernels, const dn_places *places, dn_str *out) {
    dn_str_printf(out, "entry \"%s\", arena %lld bytes\n", kernels->graph->name,
                  ll(kernels->arena_bytes));
    for (int i = 0; i < kernels->n_buffers; i++) print_buffer(kernels, i, out);
    for (int i = 0; i < kernels->n; i++) {
        dn_str_printf(out, "\n# %d\n", i);
        print_kernel(&(printer){kernels, kernels->list[i], places, true, out});
        const dn_kernels *inner = kernels->list[i]->inner;
        for (int k = 0; inner && k < inner->n; k++) {
            dn_str_printf(out, "\n# %d.%d\n", i, k);
            print_kernel(&(printer){inner, inner->list[k], places, true, out});
        }
    }
}

void dn_kernels_print(const dn_kernels *kernels, dn_str *out) {
    dn_kernels_print_at(kernels, NULL, out);
}
