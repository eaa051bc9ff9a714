#include "driver/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/report.h"
#include "codegen/x86/x86.h"
#include "driver/lower.h"
#include "runtime/data/dataset.h"
#include "runtime/native/scratch.h"

// ---- memory ----

static int64_t fields_bytes(const dn_field *fields, int n) {
    int64_t bytes = 0;
    for (int i = 0; i < n; i++) bytes += dn_elements_bytes(fields[i].dtype, &fields[i].shape);
    return bytes;
}

static int64_t variables_bytes(const dn_program *program, dn_variable_kind kind) {
    int64_t bytes = 0;
    for (int i = 0; i < program->n_variables; i++) {
        const dn_variable *v = &program->variables[i];
        if (v->kind == kind) bytes += dn_elements_bytes(v->dtype, &v->shape);
    }
    return bytes;
}

typedef struct sum {
    const char *name;
    int64_t bytes;
    const char *why;  // behind it, or NULL
} sum;

static void print_sums(const sum *sums, int n, dn_str *out) {
    for (int i = 0; i < n; i++) {
        dn_str_printf(out, "  %-16s %12.3f MiB  %14lld bytes", sums[i].name,
                      (double)sums[i].bytes / (1 << 20), (long long)sums[i].bytes);
        if (sums[i].why) dn_str_printf(out, "  (%s)", sums[i].why);
        dn_str_puts(out, "\n");
    }
}

// Of entries, the one that needs the most of something.
typedef struct largest {
    int64_t bytes;
    const char *entry;
} largest;

static void keep_largest(largest *most, int64_t bytes, const char *entry) {
    if (bytes > most->bytes) *most = (largest){bytes, entry};
}

// The whole program's: each variable once, one arena for all entries, the arguments of a step as
// often as a dataset makes them ahead, the largest results. The result of what makes a variable's
// first value is the variable.
static void print_program(const dn_compiler *c, const dn_program *program,
                          const dn_lowered *lowered, dn_str *out) {
    largest arena = {0}, input = {0}, output = {0};
    for (int i = 0; i < program->n_entries; i++) {
        const dn_entry *e = &program->entries[i];
        keep_largest(&arena, lowered->kernels[i]->arena_bytes, e->name);
        keep_largest(&input, fields_bytes(e->inputs, e->n_inputs), e->name);
        if (!c->units[i].is_init)
            keep_largest(&output, fields_bytes(e->outputs, e->n_outputs), e->name);
    }
    const int64_t batches = DN_DATA_AHEAD + 1;
    char *ahead =
        input.entry ? dn_printf("%d times what %s takes", (int)batches, input.entry) : NULL;
    sum sums[] = {{"parameters", variables_bytes(program, DN_VARIABLE_PARAM), NULL},
                  {"state", variables_bytes(program, DN_VARIABLE_STATE), NULL},
                  {"optimizer slots", variables_bytes(program, DN_VARIABLE_SLOT), NULL},
                  {"arena", (int64_t)dn_scratch_size((size_t)arena.bytes), arena.entry},
                  {"data buffers", batches * input.bytes, ahead},
                  {"results", output.bytes, output.entry},
                  {"peak", 0, NULL}};
    int n = (int)(sizeof sums / sizeof *sums);
    for (int i = 0; i + 1 < n; i++) sums[n - 1].bytes += sums[i].bytes;
    dn_str_printf(out, "memory of the program %s\n", program->name);
    print_sums(sums, n, out);
    free(ahead);
}

// What a GPU holds, what of the host it reads and writes by itself, and the host's own.
static void print_device(const dn_program *program, const dn_lowered *lowered, dn_str *out) {
    dn_cuda_memory m;
    dn_cuda_code code = {.entries = lowered->code->entries, .n_entries = lowered->code->n_entries};
    largest input = {0};
    for (int i = 0; i < program->n_entries; i++)
        keep_largest(&input, fields_bytes(program->entries[i].inputs, program->entries[i].n_inputs),
                     program->entries[i].name);
    dn_cuda_memory_of(program, &code, &m);
    const sum sums[] = {{"parameters", variables_bytes(program, DN_VARIABLE_PARAM), NULL},
                        {"state", variables_bytes(program, DN_VARIABLE_STATE), NULL},
                        {"optimizer slots", variables_bytes(program, DN_VARIABLE_SLOT), NULL},
                        {"arena", m.arena, NULL},
                        {"inputs", m.inputs, "four sets of them, so that copies overlap steps"},
                        {"outputs", m.outputs, "the same"},
                        {"device in all", m.device, "with alignment and counters"},
                        {"pinned", m.pinned, "of the host, for copies"},
                        {"data buffers", (DN_DATA_AHEAD + 1) * input.bytes, "of the host"},
                        {"host variables", m.variables, "of the host, for checkpoints"}};
    dn_str_printf(out, "memory of the program %s on a GPU\n", program->name);
    print_sums(sums, (int)(sizeof sums / sizeof *sums), out);
}

// ---- entries ----

static void print_entry(const dn_program *program, int index, dn_kernel_report *report,
                        const char *what, dn_str *out) {
    const dn_entry *entry = &program->entries[index];
    dn_variable_kind *kinds = dn_xcalloc((size_t)entry->n_vars + 1, sizeof *kinds);
    for (int i = 0; i < entry->n_vars; i++) kinds[i] = program->variables[entry->vars[i]].kind;
    report->kinds = kinds;
    if (strcmp(what, "memory") == 0)
        dn_report_memory(report, out);
    else
        dn_report_cost(report, out);
    dn_str_puts(out, "\n");
    free(kinds);
}

// --report=cost for GPUs tells of this card, because the one that will run the program is not here.
// Its data sheet has twice as much for matrix units, with operands of which half are zeros.
static dn_machine h100(const dn_options *options) {
    static const struct {
        double flops, matrix;
        const char *source;
    } rates[] = {
        [DN_MATRIX_F32] = {67e12, 0, "NVIDIA H100 SXM by its data sheet, f32"},
        [DN_MATRIX_TF32] = {67e12, 494.5e12, "NVIDIA H100 SXM by its data sheet, tf32"},
        [DN_MATRIX_BF16] = {67e12, 989.5e12, "NVIDIA H100 SXM by its data sheet, bf16"},
    };
    const double bytes = 3.35e12;
    if (options->real == DN_F64)
        return (dn_machine){34e12, bytes, .source = "NVIDIA H100 SXM by its data sheet, f64"};
    dn_matrix_units units = options->cuda[0].units;
    return (dn_machine){rates[units].flops, bytes, rates[units].matrix,
                        .source = rates[units].source};
}

static dn_status measure(dn_machine *out) {
    dn_pool *pool;
    DN_TRY(dn_pool_new(0, &pool));
    dn_status status = dn_machine_measure(pool, out);
    dn_pool_free(pool);
    return status;
}

static dn_status print_all(dn_compiler *c, const dn_lowered *lowered, const dn_options *options,
                           bool on_device) {
    const dn_program *program = dn_compiler_program(c);
    dn_places places = dn_compiler_places(c);
    dn_machine machine = {0};
    const char *what = options->report;
    bool memory = strcmp(what, "memory") == 0;
    if (!memory && on_device)
        machine = h100(options);
    else if (!memory)
        DN_TRY(measure(&machine));
    dn_str out = {0};
    for (int i = 0; i < lowered->n; i++) {
        dn_kernel_report report = {
            .kernels = lowered->kernels[i], .places = &places, .machine = machine};
        if (!c->units[i].is_init) print_entry(program, i, &report, what, &out);
    }
    if (memory && program->n_entries && on_device)
        print_device(program, lowered, &out);
    else if (memory && program->n_entries)
        print_program(c, program, lowered, &out);
    if (out.text) fputs(out.text, stdout);
    free(out.text);
    return DN_SUCCESS;
}

static dn_status report_target(dn_compiler *c, const dn_options *options, const dn_target *target) {
    dn_native_options o = {.level = options->level};
    dn_lowered lowered = {0};
    dn_status status = dn_lower_all(c, target, &o, &lowered);
    if (!status) status = print_all(c, &lowered, options, target == &dn_nvptx_target);
    dn_lowered_free(&lowered);
    return status;
}

dn_status dn_report_program(dn_compiler *c, const dn_options *options) {
    if (options->x86) DN_TRY(report_target(c, options, &dn_x86_target));
    return options->n_cuda ? report_target(c, options, &dn_nvptx_target) : DN_SUCCESS;
}
