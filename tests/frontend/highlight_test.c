// Classes of the characters of a text that is typed, one letter each.
#include "frontend/highlight.h"

#include <stdlib.h>

#include "tests/check.h"

static void check_classes(const char *text, const char *expected) {
    static const char letters[] = {
        [DN_TEXT_PLAIN] = ' ',   [DN_TEXT_NAME] = 'n',         [DN_TEXT_KEYWORD] = 'k',
        [DN_TEXT_NUMBER] = '1',  [DN_TEXT_STRING] = 's',       [DN_TEXT_COMMENT] = 'c',
        [DN_TEXT_BRACKET] = 'b', [DN_TEXT_STRAY_BRACKET] = 'x'};
    dn_highlight h = dn_highlight_text(text, strlen(text));
    char *got = dn_xcalloc(h.length + 1, 1);
    for (size_t i = 0; i < h.length; i++) got[i] = letters[h.classes[i]];
    CHECK(!strcmp(got, expected), "\n%s\n%s\n%s", text, got, expected);
    free(got);
    dn_highlight_free(&h);
}

static void check_partner(const char *text, size_t at, int partner) {
    dn_highlight h = dn_highlight_text(text, strlen(text));
    CHECK(h.partners[at] == partner, "%s at %zu: %d", text, at, h.partners[at]);
    dn_highlight_free(&h);
}

int main(void) {
    check_classes("", "");
    check_classes("let x = 1.5 // one", "kkk n   111 cccccc");
    check_classes("a(b[2])", "nbnb1bb");
    // Words that are keywords in some places.
    check_classes("step = 3", "nnnn   1");
    check_classes("step f(x) {", "kkkk nbnb b");
    check_classes("f(in: 2)", "nbnn  1b");
    check_classes("minimize l over M with sgd", "kkkkkkkk n kkkk n kkkk nnn");
    // Strings, complete and not; the expressions in them.
    check_classes("\"a {n + 1:.2} b\" + \"open {2", "ssssn   1 ssssss   ssssssss");
    check_classes("\"// no comment\"", "sssssssssssssss");
    // Brackets that have no partner, or the wrong one; one that is open yet is no fault.
    check_classes("(1))", "b1bx");
    check_classes("(1]", "b1x");
    check_classes("f(", "nb");
    check_classes("# \xC3\xBC '", "      ");
    check_partner("f([1], 2)", 1, 8);
    check_partner("f([1], 2)", 8, 1);
    check_partner("f([1], 2)", 2, 4);
    check_partner("f(", 1, -1);
    check_partner("fn f() {\n 1\n}", 12, 7);
    // Nested more deeply than the parser allows.
    char deep[1000];
    memset(deep, '(', sizeof deep);
    deep[sizeof deep - 1] = 0;
    check_partner(deep, 0, -1);
    return CHECK_RESULT();
}
