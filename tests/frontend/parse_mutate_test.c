// Damaged programs: whatever the text, the parser returns, tells each error at a place in the text,
// and a text without errors has a tree without holes. Run under the sanitizers.
#include <glob.h>
#include <stdlib.h>

#include "tests/check.h"
#include "tests/frontend/walk.h"

enum { MUTATIONS = 20000, MAX_TEXT = 4000 };

static uint64_t state = 88172645463325252u;

static uint32_t random_below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return n ? (uint32_t)((state >> 16) % n) : 0;
}

// ---- One text -------------------------------------------------------------------------------

static int parsed, refused, clean, incomplete;

static void check_places(const dn_diags *diags, uint32_t file, size_t length) {
    for (int i = 0; i < diags->count; i++) {
        dn_span span = diags->items[i]->span;
        CHECK(span.file == file && span.begin <= span.end && span.end <= length, "%s",
              diags->items[i]->text);
    }
}

static void check_tree(const dn_file *tree, const dn_diags *diags, uint32_t file, size_t length,
                       const char *text) {
    walk w = {0};
    walk_file(&w, tree, (dn_span){file, 0, (uint32_t)length});
    CHECK(!w.misplaced, "misplaced nodes in:\n%s", text);
    CHECK(!w.errors || diags->errors, "a hole without a message in:\n%s", text);
    CHECK(!tree->incomplete || diags->errors, "incomplete without a message in:\n%s", text);
    dn_str out = {0};
    dn_ast_print(tree, &out);
    CHECK(!diags->errors ? !out.text || !strstr(out.text, "<error>") : true);
    free(out.text);
    parsed++;
    clean += !diags->errors;
    incomplete += tree->incomplete;
}

static void render(dn_diags *diags, const char *text) {
    diags->json = random_below(4) == 0;
    diags->colour = random_below(2);
    char *rendered = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&rendered, &size);
    dn_diags_flush(diags, stream);
    fclose(stream);
    CHECK((size > 0) == (diags->count > 0), "no message for:\n%s", text);
    free(rendered);
}

static void try_text(const char *text, size_t length) {
    dn_sources sources;
    dn_sources_init(&sources);
    dn_diags diags;
    dn_diags_init(&diags, &sources);
    dn_arena arena = {0};
    uint32_t file;
    dn_status status = dn_sources_add(&sources, "t", text, length, false, &file);
    if (status) {
        refused++;  // not UTF-8 any more
        dn_status_free(status);
    } else {
        const dn_file *tree = dn_parse(&arena, &sources, file, &diags);
        check_tree(tree, &diags, file, length, text);
        check_places(&diags, file, length);
        render(&diags, text);
    }
    dn_arena_free(&arena);
    dn_diags_free(&diags);
    dn_sources_free(&sources);
}

// ---- Mutations ------------------------------------------------------------------------------

typedef struct buffer {
    char text[2 * MAX_TEXT + 64];
    uint32_t length;
} buffer;

static void replace(buffer *b, uint32_t at, uint32_t removed, const char *text, uint32_t length) {
    if (b->length - removed + length >= sizeof b->text) return;
    memmove(b->text + at + length, b->text + at + removed, b->length - at - removed);
    memcpy(b->text + at, text, length);
    b->length += length - removed;
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// A token, roughly: a word, or one other character.
static uint32_t token_at(const buffer *b, uint32_t at) {
    uint32_t end = at;
    while (end < b->length && is_word(b->text[end])) end++;
    return end > at ? end - at : at < b->length;
}

static void insert_token(buffer *b) {
    static const char *const tokens[] = {"(",        ")",       "[",       "]",
                                         "{",        "}",       "\"",      "\n",
                                         ";",        ":",       ",",       ".",
                                         "..",       "...",     "..<",     "|>",
                                         "->",       "=",       "==",      "<",
                                         "**",       "-",       "not ",    "and ",
                                         "if ",      "else ",   "for ",    "in ",
                                         "while ",   "let ",    "fn ",     "\nfn f",
                                         "\nlet ",   "net ",    "step ",   "model ",
                                         "param ",   "state ",  "log ",    "minimize ",
                                         " over ",   " with ",  "return ", "extern ",
                                         "export ",  "import ", "const ",  "symbol(",
                                         "1.",       "1e",      "0x",      "\\",
                                         "\\{",      "\\u{",    "///",     "//",
                                         "'",        "#",       "&&",      "!",
                                         "é",        "“",       "”",       "−",
                                         "\r\n",     "\t",      "true",    "999999999999999999999",
                                         "{\"",      "\"}",     "|",       "@",
                                         "%",        "+=",      "?",       "$",
                                         "((((((((", "}}}}"};
    const char *token = tokens[random_below(sizeof tokens / sizeof *tokens)];
    replace(b, random_below(b->length + 1), 0, token, (uint32_t)strlen(token));
}

static void move_piece(buffer *b) {
    uint32_t from = random_below(b->length), length = random_below(40);
    if (from + length > b->length) length = b->length - from;
    char piece[40];
    memcpy(piece, b->text + from, length);
    if (random_below(2)) replace(b, from, length, "", 0);
    replace(b, random_below(b->length + 1), 0, piece, length);
}

static void mutate(buffer *b, const buffer *other) {
    if (!b->length) return;
    uint32_t at = random_below(b->length);
    switch (random_below(8)) {
        case 0: b->length = at; break;
        case 1: replace(b, 0, at, "", 0); break;
        case 2:
            b->text[at] = (char)(random_below(3) ? 32 + random_below(95) : 1 + random_below(255));
            break;
        case 3: replace(b, at, token_at(b, at), "", 0); break;
        case 4: insert_token(b); break;
        case 5: move_piece(b); break;
        case 6: insert_token(b), insert_token(b), insert_token(b); break;
        default: {
            uint32_t from = random_below(other->length + 1);
            replace(b, at, random_below(b->length - at + 1), other->text + from,
                    random_below(other->length - from + 1));
        }
    }
}

static void mutate_all(const buffer *seeds, uint32_t count) {
    buffer *b = dn_xmalloc(sizeof *b);
    for (int i = 0; i < MUTATIONS; i++) {
        *b = seeds[random_below(count)];
        uint32_t times = 1 + random_below(4);
        for (uint32_t k = 0; k < times; k++) mutate(b, &seeds[random_below(count)]);
        char *text = dn_strndup(b->text, b->length);
        try_text(text, b->length);
        free(text);
    }
    free(b);
}

// Every beginning of a text, as the prompt sees it when someone types.
static void truncate_all(const char *text) {
    size_t length = strlen(text);
    for (size_t i = 0; i <= length; i++) {
        char *start = dn_strndup(text, i);
        try_text(start, i);
        free(start);
    }
}

// ---- Seeds: the cases of the syntax tests, without their expectations -----------------------

static uint32_t add_seed(buffer *seeds, uint32_t count, const char *text, size_t length) {
    if (length > MAX_TEXT) length = MAX_TEXT;
    while (length && ((unsigned char)text[length] & 0xC0) == 0x80) length--;  // whole characters
    memcpy(seeds[count].text, text, length);
    seeds[count].length = (uint32_t)length;
    return count + 1;
}

static uint32_t read_seeds(buffer *seeds, uint32_t capacity) {
    glob_t found;
    CHECK(!glob(TEST_DIR "/frontend/syntax/*.dnet", 0, NULL, &found));
    uint32_t count = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *text;
        size_t length;
        CHECK_OK(dn_read_file(found.gl_pathv[i], &text, &length));
        for (char *at = strstr(text, "//! "); at && count < capacity;) {
            char *source = strchr(at, '\n') + 1, *next = strstr(source, "//! ");
            char *end = strstr(source, "//= ");
            if (!end || (next && end > next)) end = next ? next : text + length;
            if (end > source) count = add_seed(seeds, count, source, (size_t)(end - source));
            at = next;
        }
        free(text);
    }
    globfree(&found);
    return count;
}

int main(void) {
    enum { CAPACITY = 256 };
    buffer *seeds = dn_xcalloc(CAPACITY, sizeof *seeds);
    uint32_t count = read_seeds(seeds, CAPACITY);
    CHECK(count > 60, "%u seeds", count);
    for (uint32_t i = 0; i < count; i++) try_text(seeds[i].text, seeds[i].length);
    mutate_all(seeds, count);
    for (uint32_t i = 0; i < count; i++)
        if (seeds[i].length < 700) truncate_all(seeds[i].text);
    free(seeds);
    printf("%d parsed, %d without errors, %d incomplete, %d not UTF-8\n", parsed, clean, incomplete,
           refused);
    CHECK(clean > 500 && incomplete > 500);
    return CHECK_RESULT();
}
