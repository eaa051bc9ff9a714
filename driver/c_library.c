#include "driver/c_library.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// ---- names -----------------------------------------------------------------------------------

// Those of C and C++ that are names in dnet.
static const char *const keywords[] = {
    "alignas",  "alignof",  "and",          "asm",      "auto",      "bitand",    "bitor",
    "bool",     "break",    "case",         "catch",    "char",      "class",     "compl",
    "concept",  "const",    "constexpr",    "continue", "decltype",  "default",   "delete",
    "do",       "double",   "dynamic_cast", "else",     "enum",      "explicit",  "export",
    "extern",   "false",    "float",        "for",      "friend",    "goto",      "if",
    "inline",   "int",      "long",         "mutable",  "namespace", "new",       "noexcept",
    "not",      "nullptr",  "operator",     "or",       "private",   "protected", "public",
    "register", "requires", "restrict",     "return",   "short",     "signed",    "sizeof",
    "static",   "struct",   "switch",       "template", "this",      "throw",     "true",
    "try",      "typedef",  "typeid",       "typename", "typeof",    "union",     "unsigned",
    "using",    "virtual",  "void",         "volatile", "wchar_t",   "while",     "xor",
};

static bool is_keyword(const char *name) {
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(name, keywords[i]) == 0) return true;
    return false;
}

static bool is_identifier(const char *name) {
    if (!isalpha((unsigned char)*name)) return false;
    while (isalnum((unsigned char)*name) || *name == '_') name++;
    return !*name;
}

dn_status dn_c_library_name(const char *path, char **out) {
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    const char *dot = strchr(file, '.');
    size_t length = dot ? (size_t)(dot - file) : strlen(file);
    if (strncmp(file, "lib", 3) != 0 || length <= 3)
        return dn_with_hint(dn_fail(DN_INVALID, "`%s` is not a library's name", file),
                            "its functions are called after it: -o libgan.so makes gan_new");
    char *name = dn_strndup(file + 3, length - 3);
    if (is_identifier(name) && !is_keyword(name)) {
        *out = name;
        return DN_SUCCESS;
    }
    dn_status status = dn_fail(DN_INVALID, "`%s` cannot begin the names of C functions", name);
    free(name);
    return dn_with_hint(status, "they are called after the file: -o libgan.so makes gan_new");
}

// The parameters of one function: names that C can have, each once.
typedef struct names {
    char **items;
    int n, cap;
} names;

static bool is_used(const names *used, const char *name) {
    for (int i = 0; i < used->n; i++)
        if (strcmp(used->items[i], name) == 0) return true;
    return false;
}

static void add_name(names *used, const char *wanted) {
    char *name = dn_strdup(*wanted ? wanted : "result");
    for (char *p = name; *p; p++)
        if (*p == '.') *p = '_';
    while (is_keyword(name) || is_used(used, name)) {
        char *longer = dn_printf("%s_", name);
        free(name);
        name = longer;
    }
    DN_PUSH(used->items, used->n, used->cap) = name;
}

enum { FIRST_INPUT = 3 };  // behind those that every function has

// Of the inputs, then the outputs, from items[FIRST_INPUT] on.
static names names_of(const dn_entry *entry) {
    names used = {0};
    add_name(&used, "self");
    add_name(&used, "error");
    add_name(&used, "error_size");
    for (int i = 0; i < entry->n_inputs; i++) add_name(&used, entry->inputs[i].name);
    for (int i = 0; i < entry->n_outputs; i++) {
        const char *field = entry->outputs[i].name;
        char *name = dn_printf("result%s%s", *field ? "_" : "", field);
        add_name(&used, name);
        free(name);
    }
    return used;
}

static void free_names(names *used) {
    for (int i = 0; i < used->n; i++) free(used->items[i]);
    free(used->items);
}

static const char *name_of_field(const names *used, int i) { return used->items[FIRST_INPUT + i]; }

// ---- pieces of text --------------------------------------------------------------------------

static const char *c_type(dn_dtype dtype) {
    static const char *const types[DN_DTYPE_COUNT] = {
        [DN_BOOL] = "uint8_t", [DN_U8] = "uint8_t", [DN_I32] = "int32_t",   [DN_I64] = "int64_t",
        [DN_F32] = "float",    [DN_F64] = "double", [DN_BF16] = "uint16_t",
    };
    return types[dtype];
}

// Within a comment, whose lines begin with ` * `.
static void put_comment(dn_str *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\n')
            dn_str_puts(out, "\n * ");
        else if (*text == '/' && out->length && out->text[out->length - 1] == '*')
            dn_str_puts(out, " /");
        else
            dn_str_append(out, text, 1);
    }
}

static void put_string(dn_str *out, const char *text) {
    dn_str_puts(out, "\"");
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr(" .,:;=+-_/()", *text))
            dn_str_append(out, text, 1);
        else
            dn_str_printf(out, "\\%03o", (unsigned)(unsigned char)*text);
    }
    dn_str_puts(out, "\"");
}

// "int gan_generate(gan *self, const float *z, float *result, char *error, size_t error_size)"
static void put_prototype(dn_str *out, const dn_c_library *l, const dn_entry *entry) {
    names used = names_of(entry);
    dn_str_printf(out, "int %s_%s(%s *self", l->name, entry->name, l->name);
    for (int i = 0; i < entry->n_inputs; i++) {
        const dn_field *input = &entry->inputs[i];
        dn_str_printf(out, input->shape.rank ? ", const %s *%s" : ", %s %s", c_type(input->dtype),
                      name_of_field(&used, i));
    }
    for (int i = 0; i < entry->n_outputs; i++)
        dn_str_printf(out, ", %s *%s", c_type(entry->outputs[i].dtype),
                      name_of_field(&used, entry->n_inputs + i));
    dn_str_puts(out, ", char *error, size_t error_size)");
    free_names(&used);
}

static bool draws(const dn_c_library *l) {
    for (int i = 0; i < l->exports->n_functions; i++)
        if (l->exports->program.entries[i].draws) return true;
    return false;
}

// ---- the header ------------------------------------------------------------------------------

static void put_field(dn_str *out, const char *name, const dn_field *field) {
    dn_str_printf(out, "\n *   %-12s ", name);
    dn_shape_print(out, field->dtype, &field->shape);
    if (field->dtype == DN_BOOL) dn_str_puts(out, ", 0 or 1");
    if (field->dtype == DN_BF16) dn_str_puts(out, ", the upper half of a float's bits");
}

static void put_function(dn_str *out, const dn_c_library *l, int index) {
    const dn_entry *entry = &l->exports->program.entries[index];
    const char *doc = l->exports->functions[index]->doc;
    names used = names_of(entry);
    dn_str_puts(out, "\n/* ");
    put_comment(out, *doc ? doc : entry->name);
    for (int i = 0; i < entry->n_inputs; i++)
        put_field(out, name_of_field(&used, i), &entry->inputs[i]);
    for (int i = 0; i < entry->n_outputs; i++)
        put_field(out, name_of_field(&used, entry->n_inputs + i), &entry->outputs[i]);
    dn_str_puts(out, "\n * 0 if all is well. */\n");
    put_prototype(out, l, entry);
    dn_str_puts(out, ";\n");
    free_names(&used);
}

static void put_head(dn_str *out, const dn_c_library *l) {
    dn_str_puts(out, "/* ");
    put_comment(out, l->version);
    dn_str_puts(out, "\n * Written by dnetc; do not edit.\n *\n");
    dn_str_printf(
        out,
        " * A `%s` holds the weights. It is used by one thread at a time; several can be\n"
        " * used at the same time, each by a thread of its own. Tensors are in row-major\n"
        " * order. What can fail writes a message to `error`, at most `error_size` bytes\n"
        " * with the zero behind it; `error` may be NULL. */\n",
        l->name);
    dn_str_puts(out, "#ifndef DNET_");
    for (const char *p = l->name; *p; p++) {
        char upper = (char)toupper((unsigned char)*p);
        dn_str_append(out, &upper, 1);
    }
    dn_str_puts(out, "_H\n");
}

// Of a library for GPUs: which device computes.
static void put_devices(dn_str *out, const dn_c_library *l) {
    const char *n = l->name;
    dn_str_printf(
        out,
        "/* The same on a device: \"cuda\" or NULL is the first GPU that CUDA shows, \"1\"\n"
        " * the second%s. */\n",
        l->x86 ? ", \"cpu\" the processor, where `threads` compute, 0: one for each core" : "");
    dn_str_printf(
        out,
        "%s *%s_new_on(const char *device, const char *weights_path, int threads,\n"
        "    char *error, size_t error_size);\n"
        "%s *%s_new_from_memory_on(const char *device, const void *weights, size_t size,\n"
        "    int threads, char *error, size_t error_size);\n",
        n, n, n, n);
}

static void put_objects(dn_str *out, const dn_c_library *l) {
    const char *n = l->name;
    dn_str_printf(out, "typedef struct %s %s;\n\n", n, n);
    dn_str_printf(out,
                  "/* A new object with the weights of a file: what save_weights or a checkpoint\n"
                  " * wrote (safetensors). NULL: the values from before any training. %s\n"
                  " * NULL if it fails. */\n"
                  "%s *%s_new(const char *weights_path, int threads, char *error,\n"
                  "    size_t error_size);\n",
                  l->cuda ? "The first\n * GPU computes, and `threads` are not used."
                          : "`threads`\n * compute, 0: one for each core.",
                  n, n);
    dn_str_printf(out,
                  "/* The same with the bytes of such a file, which are not needed afterwards. */\n"
                  "%s *%s_new_from_memory(const void *weights, size_t size, int threads,\n"
                  "    char *error, size_t error_size);\n",
                  n, n);
    if (l->cuda) put_devices(out, l);
    dn_str_printf(out, "void %s_free(%s *self); /* NULL is fine */\n", n, n);
    if (draws(l))
        dn_str_printf(out,
                      "/* Begins the random numbers anew; those of a new object have seed 0. */\n"
                      "void %s_seed(%s *self, uint64_t seed);\n",
                      n, n);
    dn_str_printf(out,
                  "/* What compiled it, and with which flags. */\n"
                  "const char *%s_version(void);\n",
                  n);
}

char *dn_c_header(const dn_c_library *l) {
    dn_str head = {0}, out = {0};
    put_head(&head, l);
    const char *guard = strrchr(head.text, ' ') + 1;  // behind #ifndef
    dn_str_puts(&out, head.text);
    dn_str_printf(&out, "#define %s\n#include <stddef.h>\n#include <stdint.h>\n\n", guard);
    dn_str_puts(&out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    put_objects(&out, l);
    for (int i = 0; i < l->exports->n_functions; i++) put_function(&out, l, i);
    dn_str_puts(&out, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    free(head.text);
    return dn_str_take(&out);
}

// ---- the code --------------------------------------------------------------------------------

// As in runtime/native/embed.h. And a variable of our own instead of libc's: libjansson.a is
// compiled for programs, where it may refer to stdin directly, for a function that nothing calls.
static const char runtime_functions[] =
    "#pragma GCC visibility push(hidden)\n"
    "void *stdin;\n"
    "typedef struct dn_embedded dn_embedded;\n"
    "typedef struct dn_embed_error {\n"
    "    char *text;\n"
    "    size_t size;\n"
    "} dn_embed_error;\n"
    "typedef struct dn_embed_engine dn_embed_engine;\n"
    "extern const dn_embed_engine dn_embed_x86, dn_embed_cuda;\n"
    "typedef struct dn_embed_on {\n"
    "    const dn_embed_engine *const *engines;\n"
    "    const char *device;\n"
    "    int threads;\n"
    "} dn_embed_on;\n"
    "dn_embedded *dn_embed_new(dn_embed_on, const char *, dn_embed_error);\n"
    "dn_embedded *dn_embed_new_from_memory(dn_embed_on, const void *, size_t, dn_embed_error);\n"
    "void dn_embed_free(dn_embedded *);\n"
    "void dn_embed_seed(dn_embedded *, uint64_t);\n"
    "int dn_embed_call(dn_embedded *, int, const void *const *, void *const *, dn_embed_error);\n"
    "#pragma GCC visibility pop\n"
    "\n";

// The first one is for who names no device: as a program, it takes a GPU where it can.
static void put_engines(dn_str *out, const dn_c_library *l) {
    dn_str_printf(out, "static const dn_embed_engine *const dn_engines[] = {%s%s0};\n",
                  l->cuda ? "&dn_embed_cuda, " : "", l->x86 ? "&dn_embed_x86, " : "");
}

// A constructor: `_on` has the device as its first parameter, the others leave it open.
static void put_constructors(dn_str *out, const char *n, bool on) {
    const char *suffix = on ? "_on" : "", *parameter = on ? "const char *device, " : "";
    const char *device = on ? "device" : "0";
    dn_str_printf(out,
                  "%s *%s_new%s(%sconst char *path, int threads, char *error, size_t size) {\n"
                  "    dn_embed_on on = {dn_engines, %s, threads};\n"
                  "    return (%s *)dn_embed_new(on, path, (dn_embed_error){error, size});\n"
                  "}\n",
                  n, n, suffix, parameter, device, n);
    dn_str_printf(out,
                  "%s *%s_new_from_memory%s(%sconst void *weights, size_t n, int threads,\n"
                  "                         char *error, size_t size) {\n"
                  "    dn_embed_on on = {dn_engines, %s, threads};\n"
                  "    return (%s *)dn_embed_new_from_memory(on, weights, n,\n"
                  "                                          (dn_embed_error){error, size});\n"
                  "}\n",
                  n, n, suffix, parameter, device, n);
}

static void put_object_code(dn_str *out, const dn_c_library *l) {
    const char *n = l->name;
    put_engines(out, l);
    put_constructors(out, n, false);
    if (l->cuda) put_constructors(out, n, true);
    dn_str_printf(out, "void %s_free(%s *self) { dn_embed_free((dn_embedded *)self); }\n", n, n);
    if (draws(l))
        dn_str_printf(out,
                      "void %s_seed(%s *self, uint64_t seed) {\n"
                      "    dn_embed_seed((dn_embedded *)self, seed);\n"
                      "}\n",
                      n, n);
    dn_str_printf(out, "const char *%s_version(void) { return ", n);
    put_string(out, l->version);
    dn_str_puts(out, "; }\n");
}

static void put_function_code(dn_str *out, const dn_c_library *l, int index) {
    const dn_entry *entry = &l->exports->program.entries[index];
    names used = names_of(entry);
    put_prototype(out, l, entry);
    dn_str_puts(out, " {\n    const void *const dn_inputs[] = {");
    for (int i = 0; i < entry->n_inputs; i++)
        dn_str_printf(out, "%s%s, ", entry->inputs[i].shape.rank ? "" : "&",
                      name_of_field(&used, i));
    dn_str_puts(out, "0};\n    void *const dn_outputs[] = {");
    for (int i = 0; i < entry->n_outputs; i++)
        dn_str_printf(out, "%s, ", name_of_field(&used, entry->n_inputs + i));
    dn_str_printf(out,
                  "0};\n    return dn_embed_call((dn_embedded *)self, %d, dn_inputs, dn_outputs,\n"
                  "                         (dn_embed_error){error, error_size});\n}\n",
                  index);
    free_names(&used);
}

char *dn_c_code(const dn_c_library *l) {
    dn_str out = {0};
    dn_str_printf(&out, "#include \"%s.h\"\n", l->name);
    dn_str_puts(&out, runtime_functions);
    put_object_code(&out, l);
    for (int i = 0; i < l->exports->n_functions; i++) put_function_code(&out, l, i);
    return dn_str_take(&out);
}

char **dn_c_symbols(const dn_c_library *l) {
    static const char *const every[] = {"new", "new_from_memory", "free", "version"};
    char **list = NULL;
    int n = 0, capacity = 0;
    for (size_t i = 0; i < sizeof every / sizeof *every; i++)
        DN_PUSH(list, n, capacity) = dn_printf("%s_%s", l->name, every[i]);
    static const char *const devices[] = {"new_on", "new_from_memory_on"};
    for (size_t i = 0; l->cuda && i < sizeof devices / sizeof *devices; i++)
        DN_PUSH(list, n, capacity) = dn_printf("%s_%s", l->name, devices[i]);
    if (draws(l)) DN_PUSH(list, n, capacity) = dn_printf("%s_seed", l->name);
    for (int i = 0; i < l->exports->n_functions; i++)
        DN_PUSH(list, n, capacity) =
            dn_printf("%s_%s", l->name, l->exports->program.entries[i].name);
    DN_PUSH(list, n, capacity) = NULL;
    return list;
}

// ---- pkg-config ------------------------------------------------------------------------------

// Header and library lie beside it; `pkg-config --static` is for libNAME.a.
char *dn_c_pkg_config(const dn_c_library *l) {
    dn_str out = {0};
    dn_str_puts(&out, "folder=${pcfiledir}\n\n");
    dn_str_printf(&out, "Name: %s\nDescription: ", l->name);
    for (const char *p = l->version; *p; p++) dn_str_append(&out, *p == '\n' ? " " : p, 1);
    dn_str_puts(&out, "\nVersion: " DN_VERSION "\nCflags: -I${folder}\n");
    dn_str_printf(&out, "Libs: -L${folder} -l%s\nLibs.private: -lm -pthread\n", l->name);
    return dn_str_take(&out);
}
