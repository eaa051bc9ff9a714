// The parser: every case of tests/frontend/syntax/*.dnet, and the spans of nodes.
//
// A case is `//! what it shows`, the text to parse, and `//= ` lines: the tree and the messages
// that it must give. `parse_test --update` writes those lines anew: read the difference.
#include <glob.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/frontend/walk.h"

static void append_diags(dn_diags *diags, dn_str *out) {
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    dn_diags_flush(diags, stream);
    fclose(stream);
    dn_str_puts(out, text);
    free(text);
}

// What a text gives: tree, "incomplete", messages. free() it.
static char *outcome(const char *text, size_t length) {
    dn_sources sources;
    dn_sources_init(&sources);
    dn_diags diags;
    dn_diags_init(&diags, &sources);
    dn_arena arena = {0};
    dn_str out = {0};
    uint32_t file;
    dn_status status = dn_sources_add(&sources, "t", text, length, false, &file);
    if (status) {
        dn_diag_status(&diags, (dn_span){0}, status);
    } else {
        const dn_file *tree = dn_parse(&arena, &sources, file, &diags);
        walk w = {0};
        walk_file(&w, tree, (dn_span){file, 0, (uint32_t)length});
        CHECK(!w.misplaced, "%d nodes lie outside of their parents in:\n%s", w.misplaced, text);
        dn_ast_print(tree, &out);
        if (tree->incomplete) dn_str_puts(&out, "incomplete\n");
    }
    append_diags(&diags, &out);
    dn_arena_free(&arena);
    dn_diags_free(&diags);
    dn_sources_free(&sources);
    return dn_str_take(&out);
}

// ---- Cases ----------------------------------------------------------------------------------

static const char *next_line(const char *line) {
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

static bool starts(const char *line, const char *prefix) {
    return !strncmp(line, prefix, strlen(prefix));
}

// The expectation's lines from `line` on, without their marks.
static const char *read_expected(const char *line, dn_str *expected) {
    for (; starts(line, "//="); line = next_line(line)) {
        const char *text = line + 3 + (line[3] == ' ');
        dn_str_append(expected, text, (size_t)(next_line(line) - text));
    }
    return line;
}

static void write_expected(const char *text, dn_str *out) {
    while (*text) {
        const char *end = next_line(text);
        dn_str_puts(out, *text == '\n' ? "//=" : "//= ");
        dn_str_append(out, text, (size_t)(end - text));
        text = end;
    }
}

static const char *run_case(const char *path, const char *line, dn_str *updated) {
    const char *title = line, *source = next_line(line), *end = source;
    while (*end && !starts(end, "//=") && !starts(end, "//! ")) end = next_line(end);
    dn_str expected = {0};
    const char *rest = read_expected(end, &expected);
    char *text = dn_strndup(source, (size_t)(end - source));
    char *got = outcome(text, strlen(text));
    CHECK(!strcmp(got, expected.text ? expected.text : ""), "%s: %.*s\nexpected:\n%s\ngot:\n%s",
          path, (int)(source - title - 1), title, expected.text ? expected.text : "", got);
    dn_str_append(updated, title, (size_t)(end - title));
    write_expected(got, updated);
    free(got);
    free(text);
    free(expected.text);
    return rest;
}

static void run_file(const char *path, bool update) {
    char *text;
    size_t length;
    CHECK_OK(dn_read_file(path, &text, &length));
    dn_str updated = {0};
    for (const char *line = text; *line;) {
        const char *next = next_line(line);
        if (starts(line, "//! "))
            next = run_case(path, line, &updated);
        else
            dn_str_append(&updated, line, (size_t)(next - line));
        line = next;
    }
    FILE *out = update && strcmp(updated.text, text) ? fopen(path, "w") : NULL;
    if (out) {
        fputs(updated.text, out);
        fclose(out);
    }
    free(updated.text);
    free(text);
}

static void run_files(bool update) {
    glob_t found;
    CHECK(!glob(TEST_DIR "/frontend/syntax/*.dnet", 0, NULL, &found));
    CHECK(found.gl_pathc >= 4, "cases are missing");
    for (size_t i = 0; i < found.gl_pathc; i++) run_file(found.gl_pathv[i], update);
    globfree(&found);
}

// ---- Spans ----------------------------------------------------------------------------------

typedef struct span_list {
    const dn_sources *sources;
    dn_str text;
} span_list;

static void add_span(void *context, const char *kind, dn_span span) {
    span_list *list = context;
    size_t length;
    const char *text = dn_sources_text(list->sources, span, &length);
    dn_str_printf(&list->text, "%s:%.*s\n", kind, (int)length, text);
}

// Every node's text, in the order of the walk.
static void check_spans(const char *source, const char *expected) {
    dn_sources sources;
    dn_sources_init(&sources);
    dn_diags diags;
    dn_diags_init(&diags, &sources);
    dn_arena arena = {0};
    uint32_t file;
    CHECK_OK(dn_sources_add(&sources, "t", source, strlen(source), false, &file));
    const dn_file *tree = dn_parse(&arena, &sources, file, &diags);
    span_list list = {.sources = &sources};
    walk w = {.visit = add_span, .context = &list};
    walk_file(&w, tree, (dn_span){file, 0, (uint32_t)strlen(source)});
    CHECK(diags.errors == 0);
    CHECK(!strcmp(list.text.text, expected), "%s\nexpected:\n%s\ngot:\n%s", source, expected,
          list.text.text);
    free(list.text.text);
    dn_arena_free(&arena);
    dn_diags_free(&diags);
    dn_sources_free(&sources);
}

static void check_all_spans(void) {
    check_spans(" f( a ,b: 2 )  // x",
                "stmt:f( a ,b: 2 )\ncall:f( a ,b: 2 )\nname:f\nname:a\nname:b\nint:2\n");
    // A piped call's span is that of its right side alone; the statement has it all.
    check_spans("x |> f(a)\n  |> g",
                "stmt:x |> f(a)\n  |> g\ncall:g\ncall:f(a)\nname:x\nname:f\nname:a\nname:g\n");
    check_spans("(a + b) * -c",
                "stmt:(a + b) * -c\nbinary:(a + b) * -c\noperator:*\nbinary:a + b\noperator:+\n"
                "name:a\nname:b\nunary:-c\noperator:-\nname:c\n");
    check_spans("x[ 1, :b, a: , ::2, ...]",
                "stmt:x[ 1, :b, a: , ::2, ...]\nindex:x[ 1, :b, a: , ::2, ...]\nname:x\n"
                "subscript:1\nint:1\nslice::b\nname:b\nslice:a:\nname:a\nslice:::2\nint:2\n"
                "ellipsis:...\n");
    check_spans("\"a{ x.y }b\"",
                "stmt:\"a{ x.y }b\"\nstring:\"a{ x.y }b\"\nfield:x.y\nname:x\n"
                "name:y\n");
    check_spans("let {a, b}\t= [1..2, [for q in w: {q}]]",
                "stmt:let {a, b}\t= [1..2, [for q in w: {q}]]\npattern:{a, b}\nname:a\nname:b\n"
                "list:[1..2, [for q in w: {q}]]\nrange:1..2\nint:1\nint:2\neach:[for q in w: {q}]\n"
                "name:q\nname:w\nrecord:{q}\nname:q\nname:q\n");
    check_spans("/// doc\nfn f(x: f32[N, ...S] | {a: int} = 1) -> [T] { return  }\n",
                "decl:fn f(x: f32[N, ...S] | {a: int} = 1) -> [T] { return  }\nname:f\nparam:x\n"
                "type:f32[N, ...S] | {a: int}\ntype:f32[N, ...S]\nname:N\ntype:{a: int}\nfield:a\n"
                "type:int\nint:1\ntype:[T]\ntype:T\nblock:{ return  }\nstmt:return\n");
    check_spans("extern fn f() -> f32\nif a { b } else if c { }",
                "decl:extern fn f() -> f32\nname:f\ntype:f32\nstmt:if a { b } else if c { }\n"
                "if:if a { b } else if c { }\nname:a\nblock:{ b }\nstmt:b\nname:b\n"
                "block:if c { }\nstmt:if c { }\nif:if c { }\nname:c\nblock:{ }\n");
}

// ---- Depth ----------------------------------------------------------------------------------

static void check_deep(const char *before, const char *unit, int times, const char *after,
                       const char *message) {
    dn_str text = {0};
    dn_str_puts(&text, before);
    for (int i = 0; i < times; i++) dn_str_puts(&text, unit);
    dn_str_puts(&text, after);
    char *got = outcome(text.text, text.length);
    CHECK(strstr(got, message), "%s%s...: %.300s", before, unit, got);
    free(got);
    free(text.text);
}

static void check_depths(void) {
    check_deep("x = ", "(", 10000, "", "brackets are nested more than 200 deep");
    check_deep("x = ", "[{", 10000, "", "brackets are nested more than 200 deep");
    check_deep("fn f() ", "{ if a ", 10000, "", "brackets are nested more than 200 deep");
    check_deep("x = ", "- ", 10000, "1", "nested too deeply");
    check_deep("x = ", "not ", 100000, "1", "nested too deeply");
    check_deep("x = ", "2 ** ", 10000, "1", "nested too deeply");
    check_deep("x = ", "1 + ", 10000, "1", "nested too deeply");
    check_deep("x = y", " |> f", 10000, "", "nested too deeply");
    check_deep("x = y", ".a", 10000, "", "nested too deeply");
    check_deep("x = y", "(1)", 10000, "", "nested too deeply");
    check_deep("if a { } ", "else if a { } ", 10000, "", "nested too deeply");
    check_deep("x = \"", "{\"", 10000, "", "strings within strings are nested too deeply");
    check_deep("x = y", " |> f(1)", 400, "", "(assign x");
    check_deep("x = ", "[1, ", 150, "", "incomplete");
    check_deep("", "? ", 1000, "", "too many syntax errors");
    check_deep("x = [", "1, ", 100000, "]", "(assign x (list 1 1");
}

static void check_bad_texts(void) {
    static const struct {
        const char *text;
        size_t length;
        const char *message;
    } cases[] = {
        {"a\0b", 3, "t:1: there is a zero byte in the text"},
        {"a\n\xFF", 3, "t:2: the text is not UTF-8"},
        {"\xC0\x80", 2, "not UTF-8"},          // overlong
        {"\xED\xA0\x80", 3, "not UTF-8"},      // a surrogate
        {"\xF4\x90\x80\x80", 4, "not UTF-8"},  // past the last character
        {"\xE2\x82", 2, "not UTF-8"},          // cut short
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *got = outcome(cases[i].text, cases[i].length);
        CHECK(strstr(got, cases[i].message), "%s", got);
        free(got);
    }
}

int main(int argc, char **argv) {
    run_files(argc > 1 && !strcmp(argv[1], "--update"));
    check_all_spans();
    check_depths();
    check_bad_texts();
    return CHECK_RESULT();
}
