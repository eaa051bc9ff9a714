// Damaged programs: whatever the text, the compiler returns soon, with messages or with a program
// whose graphs print. Run under the sanitizers, which also look for leaks.
//
// compile_mutate_test [COUNT [SEED]]: so many mutations, others for another seed
// compile_mutate_test FILE: one program
//
// The program that is being compiled is in compile_mutate_case.dnet, in the working directory.
#include <glob.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "frontend/compiler.h"
#include "tests/check.h"

enum { MUTATIONS = 2500, MAX_TEXT = 4000, MAX_SECONDS = 5, MAX_SEEDS = 1000 };

// Limits memory, so that a program that asks for too much is found.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "hard_rss_limit_mb=3000"; }

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return n ? (uint32_t)((random_state >> 16) % n) : 0;
}

// ---- One program
// ---------------------------------------------------------------------------------

static int compiled, clean;
static double slowest;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check_messages(dn_compiler *c, const char *text) {
    char *rendered = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&rendered, &size);
    c->diags.json = random_below(4) == 0;
    dn_diags_flush(&c->diags, stream);
    fclose(stream);
    CHECK((size > 0) == (c->diags.count > 0), "no message for:\n%s", text);
    for (int i = 0; i < c->diags.count; i++) {
        const dn_diag *diag = c->diags.items[i];
        uint32_t file = diag->span.file;
        CHECK(file == 0 || !c->sources.files[file].is_library, "a message in the library: %s\n%s",
              diag->text, text);
    }
    free(rendered);
}

static void check_program(dn_compiler *c) {
    const dn_program *program = dn_compiler_program(c);
    CHECK(program->n_entries == c->n_units);
    for (int i = 0; i < c->n_units; i++) {
        dn_str printed = {0};
        dn_graph_print(c->units[i].graph, &printed);
        CHECK(printed.length > 0);
        free(printed.text);
    }
}

static void save_case(const char *text, size_t length) {
    FILE *f = fopen("compile_mutate_case.dnet", "w");
    if (!f) return;
    fwrite(text, 1, length, f);
    fclose(f);
}

static void try_program(const char *text, size_t length) {
    save_case(text, length);
    alarm(20 * MAX_SECONDS);  // ends the test when something hangs
    double start = now();
    dn_compiler *c = dn_compiler_new(random_below(8) ? DN_F32 : DN_F64);
    c->pass_options.verify = true;
    c->work_limit = 200000;
    uint32_t file;
    dn_status status = dn_sources_add(&c->sources, "t", text, length, false, &file);
    if (!status) {
        dn_compiler_declare(c, dn_parse(&c->arena, &c->sources, file, &c->diags));
        bool ok = dn_compiler_check(c);  // also what is left after syntax errors
        CHECK(ok == (c->diags.errors == 0));
        check_messages(c, text);
        check_program(c);
        compiled++;
        clean += ok;
    }
    dn_status_free(status);
    dn_compiler_free(c);
    alarm(0);
    double seconds = now() - start;
    if (seconds > slowest) slowest = seconds;
    CHECK(seconds < MAX_SECONDS, "%.1f s for:\n%s", seconds, text);
}

// ---- Mutations
// ------------------------------------------------------------------------------------

typedef struct buffer {
    char text[2 * MAX_TEXT + 64];
    uint32_t length;
} buffer;

typedef struct token {
    uint32_t begin, end;
} token;

static void replace(buffer *b, uint32_t at, uint32_t removed, const char *text, uint32_t length) {
    if (b->length - removed + length >= sizeof b->text) return;
    memmove(b->text + at + length, b->text + at + removed, b->length - at - removed);
    memcpy(b->text + at, text, length);
    b->length += length - removed;
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// A word, or one other character, at or after a random place; comments are as good as code.
static token random_token(const buffer *b) {
    uint32_t at = random_below(b->length);
    while (at < b->length && (b->text[at] == ' ' || b->text[at] == '\n')) at++;
    while (at > 0 && at < b->length && is_word(b->text[at]) && is_word(b->text[at - 1])) at--;
    uint32_t end = at;
    while (end < b->length && is_word(b->text[end])) end++;
    return (token){at, end > at || at == b->length ? end : at + 1};
}

static bool find_token(const buffer *b, bool (*fits)(char), token *out) {
    for (int i = 0; i < 50; i++) {
        *out = random_token(b);
        if (out->end > out->begin && fits(b->text[out->begin])) return true;
    }
    return false;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool starts_name(char c) { return is_word(c) && !is_digit(c); }

static void change_number(buffer *b) {
    static const char *const numbers[] = {"0",
                                          "1",
                                          "2",
                                          "3",
                                          "-1",
                                          "-7",
                                          "0.5",
                                          "1e-3",
                                          "100000",
                                          "2147483648",
                                          "9223372036854775807",
                                          "1e300",
                                          "none",
                                          "true",
                                          "[2, 3]",
                                          "\"text\"",
                                          "inf",
                                          "1000000000000"};
    token t;
    if (!find_token(b, is_digit, &t)) return;
    const char *number = numbers[random_below(sizeof numbers / sizeof *numbers)];
    replace(b, t.begin, t.end - t.begin, number, (uint32_t)strlen(number));
}

// To another name of the program, so that it often still means something.
static void change_name(buffer *b) {
    token t, other;
    if (!find_token(b, starts_name, &t) || !find_token(b, starts_name, &other)) return;
    char name[64];
    uint32_t length = other.end - other.begin < 64 ? other.end - other.begin : 63;
    memcpy(name, b->text + other.begin, length);
    replace(b, t.begin, t.end - t.begin, name, length);
}

static void insert_snippet(buffer *b) {
    static const char *const snippets[] = {" + x",
                                           " * 2",
                                           " @ x",
                                           " ** -1",
                                           " |> relu",
                                           " |> dense(3)",
                                           "mean(",
                                           ")",
                                           "[0]",
                                           "[1:]",
                                           "x",
                                           "if true { 1 } else { 2 }",
                                           "for i in 0..3 { x = x + i }",
                                           "return",
                                           "return x",
                                           "[0] * 4",
                                           "grad(x, x)",
                                           "minimize x over G with adam()\n",
                                           "state s: f32 = 0\n",
                                           "param p: f32 = 0\n",
                                           "let x = 1\n",
                                           "log {x}\n",
                                           "{x, y: 1}",
                                           "none",
                                           "stop_gradient(",
                                           ", x",
                                           ": f32[N, M]",
                                           "...",
                                           "model m = dense(3)\n",
                                           "\"{x}\"",
                                           "normal([2, 3])",
                                           "break\n",
                                           "1..10",
                                           "f64",
                                           "training",
                                           "reshape(x, -1)",
                                           "[for i in 0..3: i]",
                                           "while true { }\n",
                                           "error(\"e\")",
                                           "x.y",
                                           "-",
                                           "not "};
    const char *snippet = snippets[random_below(sizeof snippets / sizeof *snippets)];
    token t = random_token(b);
    replace(b, random_below(2) ? t.begin : t.end, 0, snippet, (uint32_t)strlen(snippet));
}

static void copy_token(buffer *b, bool over_another) {
    token from = random_token(b), to = random_token(b);
    char piece[64];
    uint32_t length = from.end - from.begin < 64 ? from.end - from.begin : 63;
    memcpy(piece, b->text + from.begin, length);
    replace(b, to.begin, over_another ? to.end - to.begin : 0, piece, length);
}

// Deletes, doubles or moves a whole line.
static void change_line(buffer *b) {
    uint32_t begin = random_below(b->length), end = begin;
    while (begin > 0 && b->text[begin - 1] != '\n') begin--;
    while (end < b->length && b->text[end] != '\n') end++;
    if (end < b->length) end++;
    char line[256];
    uint32_t length = end - begin < 256 ? end - begin : 255;
    memcpy(line, b->text + begin, length);
    uint32_t kind = random_below(3);
    if (kind != 1) replace(b, begin, length, "", 0);
    if (kind == 0) return;
    uint32_t to = random_below(b->length + 1);
    while (to > 0 && b->text[to - 1] != '\n') to--;
    replace(b, to, 0, line, length);
}

static void mutate(buffer *b) {
    if (!b->length) return;
    token t = random_token(b);
    switch (random_below(12)) {
        case 0: b->length = random_below(b->length); break;
        case 1:
        case 2: replace(b, t.begin, t.end - t.begin, "", 0); break;
        case 3: copy_token(b, false); break;
        case 4: copy_token(b, true); break;
        case 5:
        case 6: change_number(b); break;
        case 7:
        case 8: change_name(b); break;
        case 9:
        case 10: insert_snippet(b); break;
        default: change_line(b);
    }
}

// ---- Seeds: the cases of case files, and pieces of programs
// --------------------------------------

static buffer *seeds[MAX_SEEDS];
static int n_seeds;

static void add_seed(const char *text, size_t length) {
    if (n_seeds == MAX_SEEDS || length == 0 || length > MAX_TEXT) return;
    buffer *b = seeds[n_seeds++] = dn_xcalloc(1, sizeof *b);
    memcpy(b->text, text, length);
    b->length = (uint32_t)length;
}

// "//! title", a program, "//= what is expected".
static void add_cases(char *text) {
    for (char *at = strstr(text, "//! "); at;) {
        char *source = strchr(at, '\n') + 1, *next = strstr(source, "//! ");
        char *end = strstr(source, "//= ");
        if (!end || (next && end > next)) end = next ? next : source + strlen(source);
        add_seed(source, (size_t)(end - source));
        at = next;
    }
}

// Whole definitions, as many as fit in a seed.
static void add_pieces(const char *text) {
    while (*text) {
        size_t length = 0;
        for (const char *end = strstr(text, "\n}\n"); end; end = strstr(end + 1, "\n}\n")) {
            if (end + 3 - text > MAX_TEXT) break;
            length = (size_t)(end + 3 - text);
        }
        if (length == 0) return;
        add_seed(text, length);
        text += length;
    }
}

static void read_seeds(const char *pattern) {
    glob_t found;
    if (glob(pattern, 0, NULL, &found)) return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *text;
        size_t length;
        CHECK_OK(dn_read_file(found.gl_pathv[i], &text, &length));
        if (strstr(text, "//! ")) {
            add_cases(text);
        } else {
            add_pieces(text);
        }
        free(text);
    }
    globfree(&found);
}

static void mutate_all(int count) {
    buffer *b = dn_xmalloc(sizeof *b);
    for (int i = 0; i < count; i++) {
        *b = *seeds[random_below((uint32_t)n_seeds)];
        uint32_t times = 1 + random_below(4) / 2;
        for (uint32_t k = 0; k < times; k++) mutate(b);
        char *text = dn_strndup(b->text, b->length);
        try_program(text, b->length);
        free(text);
    }
    free(b);
}

static int try_file(const char *path) {
    char *text;
    size_t length;
    CHECK_OK(dn_read_file(path, &text, &length));
    if (check_failures) return CHECK_RESULT();
    try_program(text, length);
    free(text);
    return CHECK_RESULT();
}

int main(int argc, char **argv) {
    if (argc > 1 && atoi(argv[1]) == 0) return try_file(argv[1]);
    if (argc > 2) random_state += (uint64_t)atoi(argv[2]);
    static const char *const patterns[] = {"/examples/*/*.dnet", "/tests/golden/*.dnet",
                                           "/tests/bench/*.dnet", "/tests/language/*/*.dnet",
                                           "/tests/frontend/syntax/statements.dnet"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char *pattern = dn_printf("%s%s", SOURCE_DIR, patterns[i]);
        read_seeds(pattern);
        free(pattern);
    }
    CHECK(n_seeds > 20, "%d seeds", n_seeds);
    mutate_all(argc > 1 ? atoi(argv[1]) : MUTATIONS);
    for (int i = 0; i < n_seeds; i++) free(seeds[i]);
    printf("%d compiled, %d without errors, at most %.2f s\n", compiled, clean, slowest);
    CHECK(clean > compiled / 20, "%d of %d are without errors", clean, compiled);
    return CHECK_RESULT();
}
