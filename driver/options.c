#include "driver/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/fit.h"

const char dn_options_help[] =
    "  -D name=value            the value of a const, instead of the file's\n"
    "  -Werror                  warnings are errors\n"
    "  -W<name>, -Wno-<name>    switches a warning on or off\n"
    "  -fdiagnostics-format=json  messages as JSON, one a line\n"
    "  --precision f32|f64      what `f32` means; f64 is for checks. On GPUs also tf32 (the\n"
    "                           default) and bf16: what matrix units round operands to\n"
    "  --max-memory SIZE        what the program may take, on a GPU of its memory, as 512M or 2G:\n"
    "                           what does not fit is computed again instead of kept\n"
    "  --print-after=PASS       prints graphs after a pass, kernels after fuse or plan\n"
    "                           (--print-after-all: after each)\n"
    "  --time-passes            prints the time of each pass\n"
    "  -O0 .. -O3               how hard machine code is optimised (default: -O2)\n"
    "  -g                       machine code knows its lines, for perf and gdb\n";

// The value of `--name value` or `--name=value` at argv[*i]; NULL if this is another option.
static const char *value_of(const char *name, int argc, char **argv, int *i) {
    size_t length = strlen(name);
    if (strncmp(argv[*i], name, length) != 0) return NULL;
    if (argv[*i][length] == '=') return argv[*i] + length + 1;
    if (argv[*i][length] || *i + 1 >= argc) return NULL;
    return argv[++*i];
}

static bool usage(const char *program, const char *text, const char *what) {
    fprintf(stderr, "%s: %s%s%s\n", program, text, what ? " " : "", what ? what : "");
    fprintf(stderr, "  hint: %s --help\n", program);
    return false;
}

static bool read_define(dn_options *o, int argc, char **argv, int *i) {
    const char *text = argv[*i] + 2;
    if (!*text) text = *i + 1 < argc ? argv[++*i] : "";
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) return usage(argv[0], "-D takes name=value, not", text);
    DN_PUSH(o->defines, o->n_defines, o->cap_defines) = text;
    return true;
}

static bool read_precision(dn_options *o, const char *program, const char *value) {
    static const struct {
        const char *name;
        dn_dtype real;
        dn_matrix_units units;
    } kinds[] = {{"f32", DN_F32, DN_MATRIX_F32},
                 {"f64", DN_F64, DN_MATRIX_F32},
                 {"tf32", DN_F32, DN_MATRIX_TF32},
                 {"bf16", DN_F32, DN_MATRIX_BF16}};
    o->precision = value;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, value) != 0) continue;
        o->real = kinds[i].real;
        o->units = kinds[i].units;
        return true;
    }
    return usage(program, "--precision is f32, f64, tf32 or bf16, not", value);
}

static bool read_cuda(dn_options *o, const char *program, const char *value) {
    if (o->n_cuda == DN_MOST_CUDA)
        return usage(program, "-target has too many GPUs, from here on:", value);
    dn_status status = dn_nvptx_parse(value, &o->cuda[o->n_cuda++]);
    if (!status) return true;
    dn_status_free(status);
    return usage(program,
                 "-target is a list of x86, cuda and cuda:sm_80, sm_86, sm_87, sm_89, sm_90 or "
                 "sm_90a, not",
                 value);
}

// "x86,cuda:sm_80,cuda:sm_90a"
static bool read_target(dn_options *o, const char *program, const char *value) {
    char *words = dn_strdup(value), *rest = words;
    bool fine = true;
    o->target = value;
    o->x86 = false;
    o->n_cuda = 0;
    for (char *word; fine && (word = strsep(&rest, ","));) {
        if (strcmp(word, "x86") == 0)
            o->x86 = true;
        else
            fine = read_cuda(o, program, word);
    }
    free(words);
    return fine;
}

static bool read_emit(dn_options *o, const char *program, const char *value) {
    static const char *const kinds[] = {"ast",  "graph", "gradient", "kernel",
                                        "llvm", "asm",   "ptx",      "cubin"};
    o->emit = value;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (strcmp(kinds[k], value) == 0) return true;
    return usage(program, "--emit takes ast, graph, gradient, kernel, llvm, asm, ptx or cubin, not",
                 value);
}

static bool read_report(dn_options *o, const char *program, const char *value) {
    o->report = value;
    if (strcmp(value, "memory") == 0 || strcmp(value, "cost") == 0) return true;
    return usage(program, "--report takes memory or cost, not", value);
}

static bool read_max_memory(dn_options *o, const char *program, const char *value) {
    o->max_memory = value;
    o->max_bytes = dn_read_size(value);
    if (o->max_bytes) return true;
    return usage(program, "--max-memory is a number of bytes as 512M, 2G or 800000K, not", value);
}

static bool read_backend(dn_options *o, const char *program, const char *value) {
    if (dn_backend_of(value, &o->backend)) return true;
    return usage(program, "--backend is x86, interp or cuda, not", value);
}

static bool read_level(dn_options *o, const char *program, const char *arg) {
    o->level = arg[2] - '0';
    if (arg[2] >= '0' && arg[2] <= '3' && !arg[3]) return true;
    return usage(program, "the levels are -O0 to -O3, not", arg);
}

static bool read_march(dn_options *o, const char *program, const char *value) {
    o->march = value;
    for (int isa = 0; isa < DN_ISA_COUNT; isa++) {
        o->isa = (dn_isa)isa;
        if (strcmp(value, dn_isa_name(o->isa)) == 0) return true;
    }
    return usage(program, "-march is avx2, avx512 or avx512bf16, not", value);
}

static bool read_output(dn_options *o, int argc, char **argv, int *i) {
    if (*i + 1 >= argc) return usage(argv[0], "a value is missing after", argv[*i]);
    o->output = argv[++*i];
    return true;
}

// Options of dnet that dnetc does not have, or has with another meaning. False for others.
static bool read_dnet_option(dn_options *o, int argc, char **argv, int *i) {
    const char *arg = argv[*i];
    if (strcmp(arg, "-e") == 0) return o->stop_at_error = true;
    if (strcmp(arg, "-i") == 0) return o->interactive = true;
    if (strcmp(arg, "--check-nan") == 0) return o->check_nan = true;
    const char *value = value_of("--replay", argc, argv, i);
    if (value) return (o->replay = value) != NULL;
    if (strcmp(arg, "-c") != 0 || *i + 1 >= argc) return false;
    o->expression = argv[++*i];
    return true;
}

static bool read_option(dn_options *o, int argc, char **argv, int *i) {
    const char *arg = argv[*i], *value;
    if (strncmp(arg, "-D", 2) == 0) return read_define(o, argc, argv, i);
    if (strncmp(arg, "-O", 2) == 0) return read_level(o, argv[0], arg);
    if (strcmp(arg, "-o") == 0) return read_output(o, argc, argv, i);
    if (strcmp(arg, "-c") == 0) return o->form = DN_OUTPUT_OBJECT, true;
    if (strcmp(arg, "-S") == 0) return o->form = DN_OUTPUT_ASSEMBLY, true;
    if (strcmp(arg, "-shared") == 0) return o->form = DN_OUTPUT_SHARED, true;
    if (strcmp(arg, "-static") == 0) return o->form = DN_OUTPUT_STATIC, true;
    if ((value = value_of("-target", argc, argv, i))) return read_target(o, argv[0], value);
    if (strcmp(arg, "--cubin") == 0) return o->cubin = true;
    if (strncmp(arg, "-march=", 7) == 0) return read_march(o, argv[0], arg + 7);
    if (strcmp(arg, "-g") == 0) return o->lines = true;
    if (strcmp(arg, "-fsyntax-only") == 0) return o->syntax_only = true;
    if (strcmp(arg, "-Werror") == 0) return o->warnings_are_errors = true;
    if (strcmp(arg, "-fdiagnostics-format=json") == 0) return o->json = true;
    if (strcmp(arg, "-fdiagnostics-format=text") == 0) return true;
    if (strcmp(arg, "--print-after-all") == 0) return (o->passes.print_after = "all") != NULL;
    if (strcmp(arg, "--time-passes") == 0) return o->passes.time = true;
    if (strcmp(arg, "--profile") == 0) return o->profile = true;
    if (strncmp(arg, "-W", 2) == 0 && arg[2]) {
        DN_PUSH(o->warnings, o->n_warnings, o->cap_warnings) = arg + 2;
        return true;
    }
    if ((value = value_of("--emit", argc, argv, i))) return read_emit(o, argv[0], value);
    if ((value = value_of("--report", argc, argv, i))) return read_report(o, argv[0], value);
    if ((value = value_of("--trace", argc, argv, i))) return (o->trace = value) != NULL;
    if ((value = value_of("--backend", argc, argv, i))) return read_backend(o, argv[0], value);
    if ((value = value_of("--max-memory", argc, argv, i)))
        return read_max_memory(o, argv[0], value);
    if ((value = value_of("--precision", argc, argv, i))) return read_precision(o, argv[0], value);
    if ((value = value_of("--print-after", argc, argv, i)))
        return (o->passes.print_after = value) != NULL;
    if (strcmp(arg, "--emit") == 0 || strcmp(arg, "--precision") == 0 ||
        strcmp(arg, "--print-after") == 0 || strcmp(arg, "--report") == 0 ||
        strcmp(arg, "--backend") == 0 || strcmp(arg, "--trace") == 0 ||
        strcmp(arg, "--max-memory") == 0 || strcmp(arg, "-target") == 0)
        return usage(argv[0], "a value is missing after", arg);
    return usage(argv[0], "unknown option", arg);
}

static bool is_emitted(const dn_options *o, const char *what) {
    return o->emit && strcmp(o->emit, what) == 0;
}

// Whether `dnet` reads from the terminal: there a backend can be chosen later, too.
static bool is_prompt(const dn_options *o) { return !o->file || o->expression || o->interactive; }

static bool check_target(const dn_options *o, const char *program, bool is_dnetc) {
    bool rounds = o->precision && o->units != DN_MATRIX_F32;
    bool may_use_gpu = is_dnetc ? o->n_cuda > 0 : o->backend == DN_BACKEND_CUDA || is_prompt(o);
    if (o->n_cuda && !is_dnetc)
        return usage(program, "-target is dnetc's; dnet has --backend cuda", NULL);
    if (rounds && !may_use_gpu)
        return usage(program,
                     is_dnetc ? "GPUs alone (-target cuda) have --precision"
                              : "GPUs alone (--backend cuda) have --precision",
                     o->precision);
    if ((is_emitted(o, "ptx") || is_emitted(o, "cubin")) && !o->n_cuda)
        return usage(program, "only GPUs (-target cuda) have", o->emit);
    if (is_emitted(o, "asm") && !o->x86)
        return usage(program, "--emit=asm is x86's; GPUs have --emit=ptx", NULL);
    if (is_emitted(o, "cubin") && o->n_cuda > 1)
        return usage(program, "--emit=cubin makes one file, for one GPU", NULL);
    if (o->cubin && !o->n_cuda)
        return usage(program, "only GPUs (-target cuda) have --cubin", NULL);
    return true;
}

// The units that --precision chose, or what GPUs do by default.
static void set_units(dn_options *o) {
    if (!o->precision) o->units = DN_MATRIX_TF32;
    for (int i = 0; i < o->n_cuda; i++) o->cuda[i].units = o->units;
}

// Options that the other program understands, or that do not go together.
static bool check_use(const dn_options *o, const char *program, bool is_dnetc) {
    bool measures = o->profile || o->trace;
    if (measures && is_dnetc) return usage(program, "--profile and --trace are dnet's", NULL);
    if (o->replay && !o->file)
        return usage(program, "--replay needs the program, too: --replay nan.safetensors FILE.dnet",
                     NULL);
    if (o->report && !is_dnetc) return usage(program, "--report is dnetc's", NULL);
    if (measures && o->backend == DN_BACKEND_INTERP)
        return usage(program, "--profile and --trace need machine code, not --backend=interp",
                     NULL);
    if (o->max_memory && o->backend == DN_BACKEND_INTERP)
        return usage(program, "--max-memory needs machine code, not --backend=interp", NULL);
    return check_target(o, program, is_dnetc);
}

bool dn_options_read(dn_options *o, int argc, char **argv, bool all) {
    *o = (dn_options){.real = DN_F32, .rest = argc, .level = 2, .x86 = true};
    o->passes.out = stderr;
#ifndef NDEBUG
    o->passes.verify = true;
#endif
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            bool takes = strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--replay") == 0;
            bool no_value = !all && takes && i + 1 == argc;
            if (no_value) usage(argv[0], "a value is missing after", argv[i]);
            if (!all && read_dnet_option(o, argc, argv, &i)) continue;
            if (!no_value && read_option(o, argc, argv, &i)) continue;
            dn_options_free(o);
            return false;
        }
        if (o->file) {
            dn_options_free(o);
            return usage(argv[0], "more than one file:", argv[i]);
        }
        o->file = argv[i];
        o->rest = i + 1;
        if (!all) break;
    }
    set_units(o);
    if (check_use(o, argv[0], all)) return true;
    dn_options_free(o);
    return false;
}

void dn_options_free(dn_options *o) {
    free(o->defines);
    free(o->warnings);
}

dn_compiler *dn_options_compiler(const dn_options *o) {
    dn_compiler *c = dn_compiler_new(o->real);
    c->pass_options = o->passes;
    c->max_memory = o->max_bytes;
    c->diags.json = o->json;
    c->diags.warnings_are_errors = o->warnings_are_errors;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool plain = (no_color && *no_color) || !term || strcmp(term, "dumb") == 0;
    c->diags.colour = isatty(STDERR_FILENO) && !plain;
    for (int i = 0; i < o->n_defines; i++) dn_compiler_define(c, o->defines[i]);
    for (int i = 0; i < o->n_warnings; i++) {
        if (dn_diags_set_warning(&c->diags, o->warnings[i])) continue;
        fprintf(stderr, "dnet: there is no warning `-W%s`; there are:\n", o->warnings[i]);
#define WARNING(ENUM, name, doc) fprintf(stderr, "  -W%-18s %s\n", name, doc);
#include "frontend/warnings.def"
#undef WARNING
        dn_compiler_free(c);
        return NULL;
    }
    return c;
}
