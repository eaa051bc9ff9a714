// What the tests of the host VM have in common: an assembler for its code, entries that are C
// functions, and a folder for files.
#ifndef DN_TESTS_MACHINE_H
#define DN_TESTS_MACHINE_H

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/host/run.h"
#include "tests/check.h"

#pragma GCC diagnostic ignored "-Wformat-zero-length"
#define UNUSED __attribute__((unused))

// ---- files -----------------------------------------------------------------------------------

static char test_folder[64];

UNUSED static void remove_tree(const char *path) {
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *full = dn_printf("%s/%s", path, e->d_name);
        if (unlink(full) != 0) remove_tree(full);
        free(full);
    }
    if (folder) closedir(folder);
    rmdir(path);
}

// Makes a folder and goes there, so that programs can name files shortly.
UNUSED static void folder_begin(void) {
    strcpy(test_folder, "/tmp/dnet_host_XXXXXX");
    if (!mkdtemp(test_folder) || chdir(test_folder) != 0) perror("mkdtemp"), exit(1);
}

UNUSED static void folder_end(void) {
    if (chdir("/") != 0) perror("chdir");
    remove_tree(test_folder);
}

UNUSED static char *file_text(const char *path, size_t *length) {
    char *text = NULL;
    size_t n = 0;
    dn_status status = dn_read_file(path, &text, &n);
    CHECK(!status, "%s", status ? dn_status_message(status) : "");
    dn_status_free(status);
    if (length) *length = n;
    return text ? text : dn_strdup("");
}

UNUSED static void write_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size) perror(path), exit(1);
    fclose(file);
}

UNUSED static bool file_exists(const char *path) { return access(path, F_OK) == 0; }

// rows x columns of f32, 0 1 2 ...
UNUSED static void write_rows(const char *path, int64_t rows, int64_t columns) {
    dn_shape shape = dn_shape_of(2, (int64_t[]){rows, columns});
    dn_tensor *t;
    CHECK_OK(dn_tensor_new(DN_F32, &shape, &t));
    for (int64_t i = 0; i < rows * columns; i++) dn_tensor_set(t, i, (double)i);
    CHECK_OK(dn_npy_write(path, t));
    dn_tensor_release(t);
}

// ---- entries ---------------------------------------------------------------------------------

typedef dn_status entry_function(dn_tensor *const *inputs, dn_tensor **vars, dn_tensor **outputs,
                                 uint64_t seed, uint64_t step);

// What an entry has made stays elsewhere until it is asked for, as on a GPU: whoever reads data of
// tensors without dn_tensor_settle is found out.
typedef struct elsewhere {
    dn_tensor_source source;
    void *data;
    struct elsewhere *next;
} elsewhere;

static elsewhere *all_elsewhere;
static int n_fetched;      // tensors that came from elsewhere
static bool fetch_breaks;  // none does any more

static dn_status fetch_elsewhere(dn_tensor_source *source, const dn_tensor *tensor, void *to) {
    if (fetch_breaks) return dn_fail(DN_IO, "the device is gone");
    memcpy(to, ((const elsewhere *)source)->data, tensor->bytes);
    n_fetched++;
    return DN_SUCCESS;
}

static void send_elsewhere(dn_tensor *tensor) {
    elsewhere *e = dn_xmalloc(sizeof *e);
    *e = (elsewhere){{fetch_elsewhere}, dn_xmalloc(tensor->bytes + 1), all_elsewhere};
    memcpy(e->data, tensor->data, tensor->bytes);
    all_elsewhere = e;
    dn_tensor_leave(tensor, &e->source);
}

__attribute__((destructor)) static void free_elsewhere(void) {
    for (elsewhere *e = all_elsewhere, *next; e; e = next) {
        next = e->next;
        free(e->data);
        free(e);
    }
}

static dn_status run_entry(void *context, const dn_entry *entry, dn_tensor *const *inputs,
                           dn_tensor **vars, dn_tensor **outputs, uint64_t seed, uint64_t step) {
    (void)context;
    for (int i = 0; i < entry->n_inputs; i++) DN_TRY(dn_tensor_settle(inputs[i]));
    for (int i = 0; i < entry->n_vars; i++) DN_TRY(dn_tensor_settle(vars[i]));
    DN_TRY(((entry_function *)(uintptr_t)entry->code)(inputs, vars, outputs, seed, step));
    for (int i = 0; i < entry->n_vars; i++) send_elsewhere(vars[i]);
    for (int i = 0; i < entry->n_outputs; i++)
        if (outputs[i]) send_elsewhere(outputs[i]);
    return DN_SUCCESS;
}

UNUSED static const dn_executor test_executor = {.defers = true, .run = run_entry};

// A number in [0, 1) from the seed, the step and an index.
UNUSED static double random_number(uint64_t seed, uint64_t step, int i) {
    uint64_t key[] = {seed, step, (uint64_t)i};
    return (double)(dn_hash(key, sizeof key, DN_HASH_SEED) >> 40) / (1 << 24);
}

UNUSED static dn_tensor *new_tensor(dn_dtype dtype, int rank, const int64_t *dims) {
    dn_shape shape = dn_shape_of(rank, dims);
    dn_tensor *t;
    CHECK_OK(dn_tensor_zeros(dtype, &shape, &t));
    return t;
}

UNUSED static dn_tensor *new_scalar(double number) {
    dn_tensor *t = new_tensor(DN_F32, 0, NULL);
    dn_tensor_set(t, 0, number);
    return t;
}

// ---- assembler -------------------------------------------------------------------------------
// A line is an instruction in lower case, with its operands as names: constants as they are written
// (3, 2.5, true, "text"), locals, labels, fields, functions. A label stands on a line of its own:
// "loop:". Places are (test.dnet, line, 1).

enum { MAX_CODE = 400, MAX_LABELS = 40, MAX_COMMANDS = 16 };

typedef struct assembly {
    dn_program program;
    dn_value *constants;
    int n_constants, constants_capacity;
    const char *const **records;
    int n_records, records_capacity;
    dn_command commands[MAX_COMMANDS];
    int n_commands;
    dn_arena arena;
} assembly;

UNUSED static void assembly_free(assembly *a) {
    for (int i = 0; i < a->n_constants; i++) dn_value_release(a->constants[i]);
    for (int i = 0; i < a->n_commands; i++)
        for (int p = 0; p < a->commands[i].n_params; p++)
            dn_value_release(a->commands[i].params[p].init);
    free(a->constants);
    free((void *)a->records);
    dn_arena_free(&a->arena);
}

static void publish(assembly *a) {
    a->program.constants = a->constants;
    a->program.n_constants = a->n_constants;
    a->program.record_names = (const char *const *const *)a->records;
    a->program.n_record_names = a->n_records;
    a->program.commands = a->commands;
    a->program.n_commands = a->n_commands;
}

static int add_constant(assembly *a, dn_value value) {
    DN_PUSH(a->constants, a->n_constants, a->constants_capacity) = value;
    return a->n_constants - 1;
}

static dn_value literal(const char *text) {
    char *end;
    if (*text == '"') return dn_value_string(text + 1, strlen(text) - 2);
    if (strcmp(text, "true") == 0) return dn_value_bool(true);
    if (strcmp(text, "false") == 0) return dn_value_bool(false);
    if (strcmp(text, "none") == 0) return dn_value_none();
    long long i = strtoll(text, &end, 10);
    if (!*end) return dn_value_int(i);
    return dn_value_float(strtod(text, NULL));
}

// "a,b,c" as a list of names ended by NULL.
static int add_record(assembly *a, const char *text) {
    const char **names = DN_NEW_ARRAY(&a->arena, const char *, 20);
    int count = 0;
    while (*text) {
        size_t length = strcspn(text, ",");
        names[count++] = dn_arena_strndup(&a->arena, text, length);
        text += length + (text[length] == ',');
    }
    DN_PUSH(a->records, a->n_records, a->records_capacity) = names;
    return a->n_records - 1;
}

typedef struct source_line {
    char word[32], operand[200];
} source_line;

static bool read_line(const char **text, source_line *line) {
    *line = (source_line){0};
    while (isspace((unsigned char)**text)) ++*text;
    if (!**text) return false;
    size_t length = strcspn(*text, "\n");
    sscanf(*text, "%31s", line->word);
    size_t rest = strlen(line->word);
    while (rest < length && (*text)[rest] == ' ') rest++;
    while (length > rest && (*text)[length - 1] == ' ') length--;
    if (length > rest) memcpy(line->operand, *text + rest, length - rest);
    *text += strcspn(*text, "\n");
    return true;
}

static int find_opcode(const char *word) {
    static const char *const names[] = {
#define INSTRUCTION(ENUM, operands, effect) #ENUM,
#include "runtime/host/vm.def"
#undef INSTRUCTION
    };
    for (int i = 0; i < DN_VM_COUNT; i++)
        if (strcasecmp(names[i], word) == 0) return i;
    printf("no instruction %s\n", word);
    abort();
}

static int find_operator(const char *word) {
    static const char *const names[] = {"neg",  "not", "add", "sub", "mul", "div",
                                        "idiv", "rem", "pow", "eq",  "ne",  "lt",
                                        "le",   "gt",  "ge",  "and", "or"};
    for (int i = 0; i <= DN_HOST_OR; i++)
        if (strcmp(names[i], word) == 0) return i;
    printf("no operator %s\n", word);
    abort();
}

static int find_name(const char *name, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return i;
    printf("no name %s\n", name);
    abort();
}

static int find_entry(const assembly *a, const char *name) {
    for (int i = 0; i < a->program.n_entries; i++)
        if (strcmp(a->program.entries[i].name, name) == 0) return i;
    printf("no entry %s\n", name);
    abort();
}

static int find_command_named(const assembly *a, const char *name) {
    for (int i = 0; i < a->n_commands; i++)
        if (strcmp(a->commands[i].name, name) == 0) return i;
    printf("no command %s\n", name);
    abort();
}

static int label_place(const char *code, const char *label) {
    source_line line;
    int at = 0;
    while (read_line(&code, &line)) {
        size_t length = strlen(line.word);
        bool is_label = line.word[length - 1] == ':';
        if (is_label && strncmp(line.word, label, length - 1) == 0 && !label[length - 1]) return at;
        at += !is_label;
    }
    printf("no label %s\n", label);
    abort();
}

static dn_instruction assemble(assembly *a, const dn_command *c, const char *code,
                               const source_line *line) {
    dn_instruction in = {.op = (uint16_t)find_opcode(line->word)};
    const char *operand = line->operand;
    switch (in.op) {
        case DN_VM_CONST: in.a = add_constant(a, literal(operand)); break;
        case DN_VM_FIELD:
        case DN_VM_FORMAT: in.a = add_constant(a, dn_value_string(operand, strlen(operand))); break;
        case DN_VM_LOAD:
        case DN_VM_STORE:
        case DN_VM_ITERATE: in.a = find_name(operand, c->local_names, c->n_locals); break;
        case DN_VM_UNARY:
        case DN_VM_BINARY: in.a = find_operator(operand); break;
        case DN_VM_JUMP:
        case DN_VM_JUMP_FALSE:
        case DN_VM_NEXT: in.a = label_place(code, operand); break;
        case DN_VM_RECORD: in.a = add_record(a, operand); break;
        case DN_VM_CALL_HOST: {
            char name[64];
            int count;
            if (sscanf(operand, "%63s %d", name, &count) != 2) abort();
            in.a = dn_builtin_find(name);
            in.b = (uint16_t)count;
            break;
        }
        case DN_VM_CALL_ENTRY:
            in.a = find_entry(a, operand);
            in.b = (uint16_t)a->program.entries[in.a].n_inputs;
            break;
        case DN_VM_CALL_COMMAND:
            in.a = find_command_named(a, operand);
            in.b = (uint16_t)a->commands[in.a].n_params;
            break;
        default: in.a = atoi(operand); break;
    }
    return in;
}

// Adds a command: its params (with name, kind, init), the names of all its locals ("x y z", the
// params first) and its code.
UNUSED static dn_command *add_command(assembly *a, const char *name, int n_params,
                                      const dn_command_param *params, const char *locals,
                                      const char *code) {
    dn_command *c = &a->commands[a->n_commands++];
    const char **names = DN_NEW_ARRAY(&a->arena, const char *, 40);
    dn_instruction *instructions = DN_NEW_ARRAY(&a->arena, dn_instruction, MAX_CODE);
    dn_location *places = DN_NEW_ARRAY(&a->arena, dn_location, MAX_CODE);
    *c = (dn_command){.name = name, .params = params, .n_params = n_params, .local_names = names};
    while (*locals) {
        size_t length = strcspn(locals, " ");
        names[c->n_locals++] = dn_arena_strndup(&a->arena, locals, length);
        locals += length + (locals[length] == ' ');
    }
    source_line line;
    for (const char *rest = code; read_line(&rest, &line);) {
        if (line.word[strlen(line.word) - 1] == ':') continue;
        places[c->n_code] = (dn_location){"test.dnet", c->n_code + 1, 1};
        instructions[c->n_code++] = assemble(a, c, code, &line);
    }
    c->code = instructions;
    c->places = places;
    publish(a);
    return c;
}

UNUSED static int command_index(const assembly *a, const char *name) {
    return find_command_named(a, name);
}

// ---- running ---------------------------------------------------------------------------------

// A run whose output is caught.
typedef struct machine {
    dn_run *run;
    char *out_text, *err_text;
    size_t out_size, err_size;
    FILE *out, *err;
} machine;

UNUSED static void machine_begin(machine *m, const assembly *a, dn_run_options options) {
    *m = (machine){0};
    m->out = options.out = open_memstream(&m->out_text, &m->out_size);
    m->err = options.err = open_memstream(&m->err_text, &m->err_size);
    options.workers = 1;
    CHECK_OK(dn_run_new(&a->program, &test_executor, &options, &m->run));
}

UNUSED static const char *out_of(machine *m) {
    fflush(m->out);
    return m->out_text;
}

UNUSED static const char *err_of(machine *m) {
    fflush(m->err);
    return m->err_text;
}

UNUSED static void machine_end(machine *m) {
    dn_run_free(m->run);
    fclose(m->out);
    fclose(m->err);
    free(m->out_text);
    free(m->err_text);
}

// The printed result of a command without params, or "error: ..." (free it).
UNUSED static char *result_of_command(machine *m, int command) {
    dn_value result = dn_value_none();
    dn_status status = dn_run_command(m->run, command, NULL, &result);
    dn_str text = {0};
    if (status)
        dn_str_printf(&text, "error: %s", dn_status_message(status));
    else
        dn_value_print(&result, &text);
    dn_status_free(status);
    dn_value_release(result);
    return dn_str_take(&text);
}

#endif
