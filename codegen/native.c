// Entries as data: launches, their arguments, and the kernels that they need, each once.
#include "codegen/native.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/kernel/access.h"

typedef struct maker {
    dn_native_code *code;
    const dn_native_options *options;
    char **texts;  // the canonical text of each of the code's kernels
    int *slots;    // a hash table of them: index + 1, or 0
    int n_slots;   // a power of two
} maker;

// ---- Different kernels ----

// "conv2d" as it may stand in a symbol.
static const char *symbol_of(maker *m, const dn_kernel *kernel, int index) {
    const char *name = kernel->name ? kernel->name : "loop";
    char *symbol = dn_arena_printf(&m->code->arena, "dn_k%d_%s", index, name);
    for (char *c = symbol; *c; c++) {
        if (!isalnum((unsigned char)*c)) *c = '_';
    }
    return symbol;
}

static int add_kernel(maker *m, const dn_kernels *entry, const dn_kernel *kernel, char *text) {
    int index = m->code->n_kernels++;
    m->texts[index] = text;
    m->code->kernels[index] = kernel;
    m->code->kernels_of[index] = entry;
    m->code->symbols[index] = symbol_of(m, kernel, index);
    return index;
}

// The index of the kernel with the same code as this one.
static int32_t find_kernel(maker *m, const dn_kernels *entry, const dn_kernel *kernel) {
    dn_str text = {0};
    dn_kernel_print(entry, kernel, false, &text);
    int mask = m->n_slots - 1;
    int slot = (int)(dn_hash(text.text, text.length, DN_HASH_SEED) & (uint64_t)mask);
    while (m->slots[slot]) {
        int index = m->slots[slot] - 1;
        if (strcmp(m->texts[index], text.text) == 0) {
            free(text.text);
            return index;
        }
        slot = (slot + 1) & mask;
    }
    int index = add_kernel(m, entry, kernel, dn_str_take(&text));
    m->slots[slot] = index + 1;
    return index;
}

// ---- Launches ----

static dn_native_arg place_of_buffer(const dn_buffer *buffer) {
    switch (buffer->kind) {
        case DN_BUFFER_INPUT: return (dn_native_arg){DN_PLACE_INPUT, buffer->index, 0};
        case DN_BUFFER_VAR: return (dn_native_arg){DN_PLACE_VAR, buffer->index, 0};
        case DN_BUFFER_OUTPUT: return (dn_native_arg){DN_PLACE_OUTPUT, buffer->index, 0};
        default: return (dn_native_arg){DN_PLACE_ARENA, 0, buffer->offset};
    }
}

static dn_native_arg arg_of(const dn_kernels *entry, const dn_kernel *kernel, int arg) {
    const dn_buffer *buffer = &entry->buffers[kernel->args[arg]];
    dn_native_arg place = place_of_buffer(buffer);
    place.offset += dn_kernel_begin(kernel, arg) * (int64_t)dn_dtype_size(buffer->dtype);
    return place;
}

// An argument of one of the kernels that do `whole`.
static dn_native_arg arg_of_part(const dn_kernels *entry, const dn_kernel *whole,
                                 const dn_kernel *part, int arg) {
    int buffer = part->args[arg], scratch = dn_kernel_scratch(whole);
    const dn_buffer *b = &whole->inner->buffers[buffer];
    dn_native_arg place = arg_of(entry, whole, buffer < scratch ? buffer : scratch);
    if (buffer >= scratch) place.offset += b->offset;
    place.offset += dn_kernel_begin(part, arg) * (int64_t)dn_dtype_size(b->dtype);
    return place;
}

// What a row outside a table is reported about: "gather" or "scatter_add", the table's buffer.
static const char *fallible(const dn_kernels *entry, const dn_kernel *kernel,
                            const dn_buffer **table) {
    for (int i = 0; i < kernel->n_values; i++) {
        const dn_kvalue *value = &kernel->values[i];
        if (value->kind != DN_KV_LOAD || value->in[0] < 0) continue;
        *table = &entry->buffers[kernel->args[value->arg]];
        return dn_op_get(DN_OP_GATHER)->name;
    }
    for (int i = 0; i < kernel->n_stores; i++) {
        if (kernel->stores[i].row < 0) continue;
        *table = &entry->buffers[kernel->args[kernel->stores[i].arg]];
        return dn_op_get(DN_OP_SCATTER_ADD)->name;
    }
    return NULL;
}

static bool writes_variable(const dn_kernels *entry, const dn_kernel *kernel) {
    for (int i = 0; i < kernel->n_args; i++) {
        if (entry->buffers[kernel->args[i]].kind == DN_BUFFER_VAR && dn_kernel_writes(kernel, i))
            return true;
    }
    return false;
}

static bool place_of(const dn_native_options *options, dn_span span, const char **path, int *line,
                     int *column) {
    return options->place && span.file &&
           options->place(options->place_context, span, path, line, column);
}

// The line in the main file, or 0.
static int line_of(const dn_native_options *options, dn_span span) {
    const char *path;
    int line, column;
    if (span.file != options->main_file) return 0;
    return place_of(options, span, &path, &line, &column) ? line : 0;
}

// Where a name stands in `names`, put there if it is new.
static int name_in(dn_str *names, const char *name) {
    for (size_t at = 0; at < names->length; at += strlen(names->text + at) + 1) {
        if (strcmp(names->text + at, name) == 0) return (int)at;
    }
    int at = (int)names->length;
    dn_str_append(names, name, strlen(name) + 1);
    return at;
}

// What the message of a fault says.
static void describe(const maker *m, const dn_kernels *entry, const dn_kernel *kernel,
                     dn_native_launch *launch, dn_str *names) {
    const dn_buffer *table;
    const char *path, *op = fallible(entry, kernel, &table);
    int line, column;
    if (!op) return;
    launch->can_fail = true;
    if (place_of(m->options, kernel->span, &path, &line, &column)) {
        char *place = dn_printf("`%s` from %s:%d:%d", op, path, line, column);
        launch->place = name_in(names, place);
        free(place);
    }
    if (table->node) {
        dn_str type = {0};
        dn_type_print(entry->graph->dims, &table->node->type, &type);
        launch->table = name_in(names, type.text);
        free(type.text);
    }
}

static dn_native_launch launch_of(maker *m, const dn_kernels *entry, const dn_kernel *kernel,
                                  dn_str *names) {
    dn_native_launch launch = {.n_args = kernel->n_args,
                               .name = name_in(names, kernel->name ? kernel->name : ""),
                               .line = line_of(m->options, kernel->span),
                               .flops = kernel->flops,
                               .bytes = kernel->bytes,
                               .commits = writes_variable(entry, kernel),
                               .contracts = dn_kernel_contracts_f32(kernel)};
    describe(m, entry, kernel, &launch, names);
    if (kernel->kind == DN_KERNEL_RANDOM) {
        const dn_buffer *buffer = &entry->buffers[kernel->args[0]];
        launch.kind = DN_LAUNCH_RANDOM;
        launch.dtype = (uint8_t)buffer->dtype;
        launch.normal = kernel->normal;
        launch.keyed = kernel->keyed;
        launch.seed = kernel->seed;
        launch.site = kernel->site;
        launch.tasks = buffer->count;
    } else {
        launch.kind = DN_LAUNCH_KERNEL;
        launch.kernel = find_kernel(m, entry, kernel);
        launch.tasks = entry->target->tasks ? entry->target->tasks(entry, kernel) : 0;
    }
    return launch;
}

// An entry's launches under construction.
typedef struct launches {
    dn_native_launch *list;
    dn_native_arg *args;
    int n, n_args;
    dn_str names;
} launches;

// How many launches the first n kernels are, and how many arguments they have.
static int count_launches(const dn_kernels *entry, int n, int *n_args) {
    int count = 0;
    *n_args = 0;
    for (int i = 0; i < n; i++) {
        const dn_kernel *kernel = entry->list[i];
        int own = kernel->n_args;
        count += kernel->inner ? count_launches(kernel->inner, kernel->inner->n, &own) : 1;
        *n_args += own;
    }
    return count;
}

// A kernel, or those that do it.
static void add_launches(maker *m, const dn_kernels *entry, const dn_kernel *kernel, launches *to) {
    const dn_kernels *inner = kernel->inner;
    for (int i = 0; i < (inner ? inner->n : 1); i++) {
        const dn_kernel *one = inner ? inner->list[i] : kernel;
        dn_native_launch *launch = &to->list[to->n++];
        *launch = launch_of(m, inner ? inner : entry, one, &to->names);
        launch->arg = to->n_args;
        for (int k = 0; k < one->n_args; k++)
            to->args[to->n_args++] =
                inner ? arg_of_part(entry, kernel, one, k) : arg_of(entry, kernel, k);
    }
}

static void make_entry(maker *m, const dn_kernels *entry, dn_native_entry *out) {
    int n_args, ignored, n = count_launches(entry, entry->n, &n_args);
    launches to = {.list = DN_NEW_ARRAY(&m->code->arena, dn_native_launch, n),
                   .args = DN_NEW_ARRAY(&m->code->arena, dn_native_arg, n_args)};
    name_in(&to.names, "");  // at 0: nothing
    for (int i = 0; i < entry->n; i++) add_launches(m, entry, entry->list[i], &to);
    *out = (dn_native_entry){.arena_bytes = entry->arena_bytes,
                             .n_constant = count_launches(entry, entry->n_constant, &ignored),
                             .launches = to.list,
                             .n_launches = n,
                             .args = to.args,
                             .n_args = n_args,
                             .n_names = (int)to.names.length};
    out->names = dn_arena_copy(&m->code->arena, to.names.text, to.names.length);
    free(to.names.text);
}

// A run must not fail once it has begun to write variables.
static dn_status check_order(const dn_kernels *entry, const dn_native_entry *made) {
    int writer = -1;
    for (int i = 0; i < made->n_launches; i++) {
        if (made->launches[i].commits && writer < 0) writer = i;
        if (made->launches[i].can_fail && writer >= 0)
            return dn_fail(DN_INTERNAL, "`%s`: kernel %d can fail after kernel %d wrote a variable",
                           entry->graph ? entry->graph->name : "?", i, writer);
    }
    return DN_SUCCESS;
}

// ---- All entries ----

static void make_room(maker *m, const dn_kernels *const *entries, int n) {
    int most = 0, n_args;
    for (int i = 0; i < n; i++) most += count_launches(entries[i], entries[i]->n, &n_args);
    m->code->entries = DN_NEW_ARRAY(&m->code->arena, dn_native_entry, n);
    m->code->kernels = DN_NEW_ARRAY(&m->code->arena, const dn_kernel *, most);
    m->code->kernels_of = DN_NEW_ARRAY(&m->code->arena, const dn_kernels *, most);
    m->code->symbols = DN_NEW_ARRAY(&m->code->arena, const char *, most);
    m->texts = dn_xcalloc((size_t)most, sizeof *m->texts);
    for (m->n_slots = 16; m->n_slots < 2 * most;) m->n_slots *= 2;
    m->slots = dn_xcalloc((size_t)m->n_slots, sizeof *m->slots);
}

dn_status dn_native_code_new(const dn_kernels *const *entries, int n,
                             const dn_native_options *options, dn_native_code **out) {
    maker m = {.code = dn_xcalloc(1, sizeof *m.code), .options = options};
    m.code->n_entries = n;
    make_room(&m, entries, n);
    dn_status status = DN_SUCCESS;
    for (int i = 0; i < n && !status; i++) {
        make_entry(&m, entries[i], &m.code->entries[i]);
        status = check_order(entries[i], &m.code->entries[i]);
    }
    for (int i = 0; i < m.code->n_kernels; i++) free(m.texts[i]);
    free(m.texts);
    free(m.slots);
    if (status) {
        dn_native_code_free(m.code);
        return status;
    }
    *out = m.code;
    return DN_SUCCESS;
}

bool dn_native_makes(const dn_native_code *code, const dn_native_options *options, dn_isa isa) {
    if (isa != DN_ISA_AVX512_BF16 || !options->isa[DN_ISA_AVX512]) return options->isa[isa];
    bool pairs = false;
    for (int i = 0; i < code->n_kernels; i++) pairs |= code->kernels[i]->contract.pairs;
    return pairs && options->isa[isa];
}

void dn_native_code_free(dn_native_code *code) {
    if (!code) return;
    dn_arena_free(&code->arena);
    free(code);
}
