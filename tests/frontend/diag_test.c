// How diagnostics look, and which are kept; places in sources.
#include "frontend/diag.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/check.h"

typedef struct fixture {
    dn_sources sources;
    dn_diags diags;
    uint32_t file;
} fixture;

static void setup(fixture *f, const char *text) {
    dn_sources_init(&f->sources);
    dn_diags_init(&f->diags, &f->sources);
    CHECK_OK(dn_sources_add(&f->sources, "a.dnet", text, strlen(text), false, &f->file));
}

static void teardown(fixture *f) {
    dn_diags_free(&f->diags);
    dn_sources_free(&f->sources);
}

// The span of the first occurrence of `part`.
static dn_span span_of(const fixture *f, const char *part) {
    const char *text = f->sources.files[f->file].text;
    const char *at = strstr(text, part);
    CHECK(at, "%s", part);
    uint32_t begin = (uint32_t)(at - text);
    return (dn_span){f->file, begin, begin + (uint32_t)strlen(part)};
}

static char *flush(dn_diags *diags) {
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    dn_diags_flush(diags, stream);
    fclose(stream);
    return text;
}

static void check_output(fixture *f, const char *expected) {
    char *got = flush(&f->diags);
    CHECK(!strcmp(got, expected), "\nexpected:\n%s\ngot:\n%s", expected, got);
    free(got);
}

// An error at `part` of `text` looks so.
static void check_snippet(const char *text, const char *part, const char *expected) {
    fixture f;
    setup(&f, text);
    dn_diag_error(&f.diags, span_of(&f, part), "e");
    check_output(&f, expected);
    teardown(&f);
}

// ---- Looks ----------------------------------------------------------------------------------

static void make_examples(fixture *f) {
    dn_diag *d = dn_diag_error(&f->diags, span_of(f, "conv2d(64)"), "conv2d: %d channels", 3);
    dn_diag_note(&f->diags, d, span_of(f, "x = 1"), "made here");
    dn_diag_note(&f->diags, d, (dn_span){0}, "64 * 3 = 192,\nnot 64");
    dn_diag_hint(&f->diags, d, "say `%s`", "groups: 3");
    dn_diag_warning(&f->diags, DN_W_SHADOW, span_of(f, "x"), "`x` is not used");
    dn_diag_error(&f->diags, (dn_span){0}, "no file");
}

static const char example[] = "x = 1\n\nfn f(z) { z |> conv2d(64) }\n";

static void check_plain(void) {
    fixture f;
    setup(&f, example);
    make_examples(&f);
    check_output(&f,
                 "a.dnet:3:16: error: conv2d: 3 channels\n"
                 "    3 | fn f(z) { z |> conv2d(64) }\n"
                 "      |                ^~~~~~~~~~\n"
                 "  a.dnet:1:1: note: made here\n"
                 "    1 | x = 1\n"
                 "      | ^~~~~\n"
                 "  note: 64 * 3 = 192,\n"
                 "        not 64\n"
                 "  hint: say `groups: 3`\n"
                 "a.dnet:1:1: warning: `x` is not used [-Wshadow]\n"
                 "    1 | x = 1\n"
                 "      | ^\n"
                 "error: no file\n");
    CHECK(f.diags.errors == 2 && f.diags.warnings == 1);
    check_output(&f, "");  // each is printed once
    dn_diags_clear(&f.diags);
    CHECK(f.diags.errors == 0 && f.diags.count == 0);
    dn_diag_error(&f.diags, (dn_span){0}, "no file");
    check_output(&f, "error: no file\n");
    teardown(&f);
}

static void check_colour(void) {
    fixture f;
    setup(&f, example);
    f.diags.colour = true;
    make_examples(&f);
    check_output(&f,
                 "\033[1ma.dnet:3:16:\033[0m \033[1;31merror:\033[0m conv2d: 3 channels\n"
                 "    3 | fn f(z) { z |> conv2d(64) }\n"
                 "      |                \033[1;32m^~~~~~~~~~\033[0m\n"
                 "  \033[1ma.dnet:1:1:\033[0m \033[1;36mnote:\033[0m made here\n"
                 "    1 | x = 1\n"
                 "      | \033[1;32m^~~~~\033[0m\n"
                 "  \033[1;36mnote:\033[0m 64 * 3 = 192,\n"
                 "        not 64\n"
                 "  \033[1;36mhint:\033[0m say `groups: 3`\n"
                 "\033[1ma.dnet:1:1:\033[0m \033[1;35mwarning:\033[0m `x` is not used [-Wshadow]\n"
                 "    1 | x = 1\n"
                 "      | \033[1;32m^\033[0m\n"
                 "\033[1;31merror:\033[0m no file\n");
    teardown(&f);
}

static void check_json(void) {
    fixture f;
    setup(&f, example);
    f.diags.json = true;
    make_examples(&f);
    check_output(&f,
                 "{\"path\":\"a.dnet\",\"line\":3,\"column\":16,\"end_line\":3,\"end_column\":26,"
                 "\"severity\":\"error\",\"message\":\"conv2d: 3 channels\",\"notes\":["
                 "{\"path\":\"a.dnet\",\"line\":1,\"column\":1,\"end_line\":1,\"end_column\":6,"
                 "\"message\":\"made here\"},{\"message\":\"64 * 3 = 192,\\nnot 64\"}],"
                 "\"hints\":[\"say `groups: 3`\"]}\n"
                 "{\"path\":\"a.dnet\",\"line\":1,\"column\":1,\"end_line\":1,\"end_column\":2,"
                 "\"severity\":\"warning\",\"name\":\"shadow\",\"message\":\"`x` is not used\","
                 "\"notes\":[],\"hints\":[]}\n"
                 "{\"severity\":\"error\",\"message\":\"no file\",\"notes\":[],\"hints\":[]}\n");
    teardown(&f);
}

// ---- Lines ----------------------------------------------------------------------------------

static void check_lines(void) {
    check_snippet("\tab\tc\td", "c",  // tabs are expanded, and count as one column
                  "a.dnet:1:5: error: e\n    1 |     ab  c   d\n      |         ^\n");
    check_snippet("\"é名x\" y", "y",  // characters, not bytes; a wide one takes two places
                  "a.dnet:1:7: error: e\n    1 | \"é名x\" y\n      |        ^\n");
    check_snippet("e\xCC\x81 x", "x",  // a combining accent takes none
                  "a.dnet:1:4: error: e\n    1 | e\xCC\x81 x\n      |   ^\n");
    check_snippet("a = f(x,\n  y)\n", "f(x,\n  y)",  // the first line of several
                  "a.dnet:1:5: error: e\n    1 | a = f(x,\n      |     ^~~~\n");
    check_snippet("a\r\nb\r\n", "b\r\n", "a.dnet:2:1: error: e\n    2 | b\n      | ^\n");
    check_snippet("a \x01z", "z", "a.dnet:1:4: error: e\n    1 | a  z\n      |    ^\n");
    check_snippet("ab", "", "a.dnet:1:1: error: e\n    1 | ab\n      | ^\n");
}

static void check_end(void) {
    fixture f;
    setup(&f, "ab\n");
    dn_diag_error(&f.diags, (dn_span){f.file, 2, 2}, "after b");
    dn_diag_error(&f.diags, (dn_span){f.file, 3, 3}, "at the end");
    dn_diag_error(&f.diags, (dn_span){f.file, 90, 99}, "past it");
    check_output(&f,
                 "a.dnet:1:3: error: after b\n    1 | ab\n      |   ^\n"
                 "a.dnet:2:1: error: at the end\n    2 | \n      | ^\n"
                 "a.dnet:2:1: error: past it\n    2 | \n      | ^\n");
    teardown(&f);
}

// A line of 300 columns: "0---------1---------2 ..." with the caret at `column` (from 0).
static void check_clipped(uint32_t column, const char *first, const char *last, int caret) {
    dn_str text = {0};
    for (int i = 0; i < 30; i++) dn_str_printf(&text, "%-10d", i);
    fixture f;
    setup(&f, text.text);
    dn_diag_error(&f.diags, (dn_span){f.file, column, column + 400}, "e");
    char *got = flush(&f.diags);
    char *line = strchr(got, '\n') + 1, *marks = strchr(line, '\n') + 1;
    CHECK(marks - line <= 130, "%s", line);
    CHECK(!strncmp(line + 8, first, strlen(first)), "%s", line);
    CHECK(!strncmp(marks - 1 - strlen(last), last, strlen(last)), "%s", line);
    CHECK(strchr(marks, '^') - marks - 8 == caret, "%s", marks);
    CHECK(line[8 + caret] == text.text[column], "%s", got);
    CHECK(strlen(marks) <= 130, "%s", marks);
    free(got);
    free(text.text);
    teardown(&f);
}

static void check_long_lines(void) {
    check_clipped(0, "0 ", "...", 0);
    check_clipped(70, "0 ", "...", 70);
    check_clipped(150, "...12", "...", 33);
    check_clipped(290, "...19", "29        ", 103);
}

// ---- What is kept ---------------------------------------------------------------------------

static void check_warnings(void) {
    fixture f;
    setup(&f, "ab");
    CHECK(!dn_diags_set_warning(&f.diags, "nonsense") && !dn_diags_set_warning(&f.diags, "no-"));
    CHECK(dn_diags_set_warning(&f.diags, "no-shadow"));
    dn_diag *d = dn_diag_warning(&f.diags, DN_W_SHADOW, (dn_span){0}, "off");
    dn_diag_hint(&f.diags, d, "no matter");
    dn_diag_warning(&f.diags, DN_W_UPDATED_TWICE, (dn_span){0}, "on");
    CHECK(dn_diags_set_warning(&f.diags, "shadow"));
    CHECK(dn_diags_set_warning(&f.diags, "error"));
    dn_diag_warning(&f.diags, DN_W_SHADOW, (dn_span){0}, "promoted");
    CHECK(dn_diags_set_warning(&f.diags, "no-error"));
    dn_diag_warning(&f.diags, DN_W_SHADOW, (dn_span){0}, "as before");
    CHECK(f.diags.errors == 1 && f.diags.warnings == 2);
    check_output(&f,
                 "warning: on [-Wupdated-twice]\nerror: promoted [-Werror=shadow]\n"
                 "warning: as before [-Wshadow]\n");
    teardown(&f);
}

static void check_once(void) {
    fixture f;
    setup(&f, "ab");
    for (int i = 0; i < 3; i++) {
        dn_diag *d = dn_diag_error(&f.diags, span_of(&f, "a"), "same");
        dn_diag_hint(&f.diags, d, "%d", i);
    }
    dn_diag_error(&f.diags, span_of(&f, "b"), "same");
    CHECK(f.diags.errors == 2);
    check_output(&f,
                 "a.dnet:1:1: error: same\n    1 | ab\n      | ^\n  hint: 0\n"
                 "a.dnet:1:2: error: same\n    1 | ab\n      |  ^\n");
    teardown(&f);
}

static void check_status(void) {
    fixture f;
    setup(&f, "ab");
    dn_status status = dn_fail(DN_INVALID, "shapes %d", 3);
    status = dn_with_hint(dn_with_note(status, "[1] and [2]"), "reshape");
    dn_diag_status(&f.diags, (dn_span){0}, status);
    check_output(&f, "error: shapes 3\n  note: [1] and [2]\n  hint: reshape\n");
    static const char *const names[] = {"dense", "conv2d"};
    dn_diag *d = dn_diag_error(&f.diags, (dn_span){0}, "no `desne`");
    dn_diag_did_you_mean(&f.diags, d, "desne", names, 2);
    dn_diag_did_you_mean(&f.diags, d, "xyzzy", names, 2);
    check_output(&f, "error: no `desne`\n  hint: did you mean `dense`?\n");
    teardown(&f);
}

// ---- Sources --------------------------------------------------------------------------------

static void check_sources(void) {
    fixture f;
    setup(&f, "é\nab");
    dn_place place = dn_sources_place(&f.sources, span_of(&f, "b"));
    CHECK(!strcmp(place.path, "a.dnet") && place.line == 2 && place.column == 2);
    place = dn_sources_place(&f.sources, (dn_span){0});
    CHECK(!strcmp(place.path, "") && place.line == 1 && place.column == 1);
    size_t length;
    const char *text = dn_sources_text(&f.sources, span_of(&f, "ab"), &length);
    CHECK(length == 2 && !memcmp(text, "ab", 2));
    dn_sources_text(&f.sources, (dn_span){f.file, 3, 900}, &length);
    CHECK(length == 2);
    uint32_t file;
    CHECK_FAILS(dn_sources_read(&f.sources, "/nonexistent/x.dnet", &file), "/nonexistent/x.dnet");
    char *big = dn_xmalloc((16 << 20) + 1);
    memset(big, ' ', (16 << 20) + 1);
    CHECK_FAILS(dn_sources_add(&f.sources, "big", big, (16 << 20) + 1, false, &file), "16 MiB");
    CHECK_OK(dn_sources_add(&f.sources, "big", big, 16 << 20, true, &file));
    CHECK(file == 2 && f.sources.files[file].is_library && !f.sources.files[f.file].is_library);
    free(big);
    teardown(&f);
}

int main(void) {
    check_plain();
    check_colour();
    check_json();
    check_lines();
    check_end();
    check_long_lines();
    check_warnings();
    check_once();
    check_status();
    check_sources();
    return CHECK_RESULT();
}
