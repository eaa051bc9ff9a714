// Status, strings, arenas, hashes, near names and reading files.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "runtime/base/status.h"
#include "tests/check.h"

static dn_status fails(bool really) {
    return really ? dn_fail(DN_UNSUPPORTED, "%s %d", "number", 3) : DN_SUCCESS;
}

static dn_status tries(bool first, int *reached) {
    DN_TRY(fails(first));
    ++*reached;
    return DN_SUCCESS;
}

static void test_status(void) {
    dn_status s = dn_annotate(fails(true), "file %s", "a");
    s = dn_with_hint(s, "try %d", 1);
    s = dn_with_hint(dn_annotate(s, "loading"), "try %d", 2);
    CHECK(dn_status_code(s) == DN_UNSUPPORTED, "%d", dn_status_code(s));
    CHECK(strcmp(dn_status_message(s), "loading: file a: number 3") == 0, "%s",
          dn_status_message(s));
    CHECK(strcmp(dn_status_hint(s), "try 2") == 0, "%s", dn_status_hint(s));
    dn_status_free(s);
    s = fails(true);
    CHECK(dn_status_hint(s) == NULL, "no hint");
    dn_status_free(s);
    CHECK_OK(dn_annotate(DN_SUCCESS, "nothing"));
    CHECK_OK(dn_with_hint(DN_SUCCESS, "nothing"));
    dn_status_free(DN_SUCCESS);
    int reached = 0;
    CHECK_OK(tries(false, &reached));
    CHECK_FAILS(tries(true, &reached), "number 3");
    CHECK(reached == 1, "%d", reached);
}

static void test_errno(void) {
    errno = ENOENT;
    dn_status s = dn_fail_errno("%s", "here");
    CHECK(dn_status_code(s) == DN_NOT_FOUND, "%d", dn_status_code(s));
    CHECK(strcmp(dn_status_message(s), "here: No such file or directory") == 0, "%s",
          dn_status_message(s));
    dn_status_free(s);
    errno = EACCES;
    s = dn_fail_errno("there");
    CHECK(dn_status_code(s) == DN_IO, "%d", dn_status_code(s));
    dn_status_free(s);
}

static void test_panic(void) {
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        dup2(pipe_ends[1], 2);
        DN_ASSERT(1 + 1 == 3, "sum %d", 2);
        _exit(0);
    }
    close(pipe_ends[1]);
    char text[500] = "";
    size_t length = 0;
    for (ssize_t n; (n = read(pipe_ends[0], text + length, sizeof text - 1 - length)) > 0;)
        length += (size_t)n;
    close(pipe_ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 70, "%d", status);
    CHECK(strstr(text, "dnet: internal error at ") && strstr(text, "sum 2"), "%s", text);
}

static void test_str(void) {
    dn_str s = {0};
    char *empty = dn_str_take(&s);
    CHECK(strcmp(empty, "") == 0, "an empty string");
    free(empty);
    for (int i = 0; i < 1000; i++) dn_str_printf(&s, "%d,", i % 10);
    dn_str_puts(&s, "");
    dn_str_append(&s, "a\0b", 3);
    CHECK(s.length == 2003 && s.text[2003] == 0, "%zu", s.length);
    CHECK(memcmp(s.text + 1998, "9,a\0b", 6) == 0, "the end");
    char *text = dn_str_take(&s);
    CHECK(s.text == NULL && s.length == 0, "taken");
    free(text);
    text = dn_printf("%0*d", 5000, 7);
    CHECK(strlen(text) == 5000 && text[4999] == '7', "%zu", strlen(text));
    free(text);
    text = dn_strndup("abcdef", 3);
    CHECK(strcmp(text, "abc") == 0, "%s", text);
    free(text);
}

static void test_arena(void) {
    dn_arena arena = {0};
    unsigned char *previous = NULL;
    size_t asked = 0;
    for (size_t size = 1; size < 200000; size = size * 3 / 2 + 1) {
        unsigned char *p = dn_arena_alloc(&arena, size);
        size_t dirty = 0;
        for (size_t i = 0; i < size; i++) dirty += p[i] != 0;
        CHECK((uintptr_t)p % 16 == 0 && dirty == 0, "%zu", size);
        CHECK(!previous || *previous == 0xab, "an earlier block is intact at %zu", size);
        memset(p, 0xab, size);
        previous = p;
        asked += size;
    }
    CHECK(arena.total >= asked, "%zu", arena.total);
    CHECK(strcmp(dn_arena_strdup(&arena, "text"), "text") == 0, "strdup");
    CHECK(strcmp(dn_arena_strndup(&arena, "text", 2), "te") == 0, "strndup");
    CHECK(strcmp(dn_arena_printf(&arena, "%d-%s", 3, "x"), "3-x") == 0, "printf");
    CHECK(memcmp(dn_arena_copy(&arena, "abc", 3), "abc", 3) == 0, "copy");
    CHECK(dn_arena_copy(&arena, NULL, 0) != NULL, "an empty copy");
    int *numbers = DN_NEW_ARRAY(&arena, int, 10);
    CHECK(numbers[0] == 0 && numbers[9] == 0, "zeroed");
    dn_arena_free(&arena);
    CHECK(!arena.head && arena.total == 0, "reusable");
    *DN_NEW(&arena, int) = 3;
    dn_arena_free(&arena);
}

static void test_push(void) {
    int *items = NULL, count = 0, capacity = 0;
    for (int i = 0; i < 1000; i++) DN_PUSH(items, count, capacity) = i;
    int wrong = 0;
    for (int i = 0; i < 1000; i++) wrong += items[i] != i;
    CHECK(wrong == 0 && count == 1000 && capacity >= 1000, "%d", wrong);
    free(items);
}

// FNV-1a's published vectors, and that chaining equals hashing at once.
static void test_hash(void) {
    CHECK(dn_hash("", 0, DN_HASH_SEED) == UINT64_C(0xcbf29ce484222325), "empty");
    CHECK(dn_hash("a", 1, DN_HASH_SEED) == UINT64_C(0xaf63dc4c8601ec8c), "a");
    CHECK(dn_hash("foobar", 6, DN_HASH_SEED) == UINT64_C(0x85944171f73967e8), "foobar");
    uint64_t h = dn_hash("foo", 3, DN_HASH_SEED);
    CHECK(dn_hash("bar", 3, h) == UINT64_C(0x85944171f73967e8), "chained");
}

static void test_closest_name(void) {
    static const char *const names[] = {"relu",    "leaky_relu", "conv2d",        "batch_norm",
                                        "dropout", "softmax",    "cross_entropy", "x"};
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"LeakyReLU", "leaky_relu"},
        {"leakyrelu", "leaky_relu"},
        {"Conv2D", "conv2d"},
        {"conv2", "conv2d"},
        {"BatchNorm", "batch_norm"},
        {"sofmtax", "softmax"},
        {"crossentropy", "cross_entropy"},
        {"drop_out", "dropout"},
        {"crossen", "cross_entropy"},
        {"cross", NULL},  // less than half of it
        {"leaky", "leaky_relu"},
        {"cr", NULL},  // too short to begin something with
        {"attention", NULL},
        {"", NULL},
        {"relu", NULL},  // the name itself is no suggestion
        {"quite_another_long_name_that_is_longer_than_sixty_three_characters_is", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = dn_closest_name(cases[i].name, names, 8), *want = cases[i].want;
        CHECK(want ? got && strcmp(got, want) == 0 : !got, "%s: %s", cases[i].name, got);
    }
    CHECK(!dn_closest_name("x", names, 0), "no names");
}

static void test_read_file(void) {
    char path[64], *text = NULL;
    snprintf(path, sizeof path, "/tmp/dnet_base_%ld", (long)getpid());
    size_t length = 9;
    CHECK_FAILS(dn_read_file(path, &text, &length), "No such file or directory");
    CHECK_FAILS(dn_read_file("/tmp", &text, &length), "/tmp: is a directory");
    CHECK_FAILS(dn_read_file("/dev/null/x", &text, &length), "Not a directory");
    CHECK_OK(dn_read_file("/dev/null", &text, &length));
    CHECK(text && length == 0 && text[0] == 0, "empty");
    free(text);
    enum { SIZE = 200000 };
    char *bytes = dn_xmalloc(SIZE);
    for (int i = 0; i < SIZE; i++) bytes[i] = (char)(i * 7);
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(bytes, 1, SIZE, file) == SIZE, "%s", path);
    fclose(file);
    CHECK_OK(dn_read_file(path, &text, &length));
    CHECK(length == SIZE && memcmp(text, bytes, SIZE) == 0 && text[SIZE] == 0, "%zu", length);
    free(text);
    free(bytes);
    unlink(path);
}

int main(void) {
    test_panic();
    test_status();
    test_errno();
    test_str();
    test_arena();
    test_push();
    test_hash();
    test_closest_name();
    test_read_file();
    return CHECK_RESULT();
}
