// Safetensors: round trips, the reference implementation's files, failing writes, a killed writer,
// and damaged files: each is read as it is or refused with a status, never worse (run it with
// -DDNET_SANITIZE=ON).
#include "runtime/store/safetensors.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/rng.h"
#include "tests/check.h"

#ifndef TEST_DIR
#define TEST_DIR "tests"
#endif

static char folder[64];  // of this run's files

static const char *in_folder(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int files_in_folder(void) {
    DIR *dir = opendir(folder);
    int count = 0;
    for (struct dirent *d; dir && (d = readdir(dir));) count += d->d_name[0] != '.';
    if (dir) closedir(dir);
    return count;
}

static void write_bytes(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(bytes, 1, size, file) == size, "%s", path);
    if (file) fclose(file);
}

// --- the table of make_safetensors.py ---

enum { N_TENSORS = 9 };

static double element(int tensor, int64_t i) {
    double x = (double)i;
    switch (tensor) {
        case 0: return i % 3 == 0;
        case 1: return (double)(i * 37 % 256);
        case 2: return x * 1000003 - 7;
        case 3: return x * 1e12 - 5;
        case 4: return x / 8 - 1;
        case 5: return x / 3;
        case 6: return 2.5;
        case 8: return x * 0.7 - 1;
        default: return 0;
    }
}

static const dn_metadata metadata[] = {
    {"format", "dnet"}, {"step", "1200"}, {"text", "a \"quoted\"\nline, \303\274ml\303\244ut"}};

static void make_tensors(dn_named_tensor out[N_TENSORS]) {
    static const struct {
        const char *name;
        dn_dtype dtype;
        int rank;
        int64_t dims[3];
    } table[N_TENSORS] = {
        {"b/mask", DN_BOOL, 2, {3, 5}}, {"bytes", DN_U8, 1, {7}},     {"i", DN_I32, 2, {2, 3}},
        {"long", DN_I64, 1, {4}},       {"w", DN_F32, 3, {2, 3, 4}},  {"d", DN_F64, 2, {1, 5}},
        {"scalar", DN_F32, 0, {0}},     {"empty", DN_F64, 2, {0, 3}}, {"half", DN_BF16, 2, {3, 3}},
    };
    for (int t = 0; t < N_TENSORS; t++) {
        dn_shape shape = dn_shape_of(table[t].rank, table[t].dims);
        out[t].name = table[t].name;
        CHECK_OK(dn_tensor_new(table[t].dtype, &shape, &out[t].tensor));
        for (int64_t i = 0; i < dn_shape_elements(&shape); i++)
            dn_tensor_set(out[t].tensor, i, element(t, i));
    }
}

static void free_tensors(dn_named_tensor tensors[N_TENSORS]) {
    for (int t = 0; t < N_TENSORS; t++) dn_tensor_release(tensors[t].tensor);
}

static void check_content(const char *path, const dn_named_tensor want[N_TENSORS]) {
    dn_safetensors *file = NULL;
    CHECK_OK(dn_safetensors_read(path, &file));
    if (!file) return;
    CHECK(dn_safetensors_count(file) == N_TENSORS, "%d", dn_safetensors_count(file));
    for (int t = 0; t < N_TENSORS; t++) {
        const dn_tensor *got = dn_safetensors_find(file, want[t].name), *w = want[t].tensor;
        CHECK(got && got->dtype == w->dtype && dn_shape_equal(&got->shape, &w->shape), "%s",
              want[t].name);
        CHECK(got && got->bytes == w->bytes && memcmp(got->data, w->data, w->bytes) == 0, "%s",
              want[t].name);
    }
    for (int i = 0; i < 3; i++) {
        const char *got = dn_safetensors_metadata(file, metadata[i].key);
        CHECK(got && strcmp(got, metadata[i].value) == 0, "%s: %s", metadata[i].key, got);
    }
    CHECK(!dn_safetensors_find(file, "absent"), "an absent tensor");
    CHECK(!dn_safetensors_metadata(file, "absent"), "an absent key");
    dn_safetensors_free(file);
}

// --- what is written and read ---

static void check_same_bytes(const char *a, const char *b) {
    char *x = NULL, *y = NULL;
    size_t nx = 0, ny = 0;
    CHECK_OK(dn_read_file(a, &x, &nx));
    CHECK_OK(dn_read_file(b, &y, &ny));
    CHECK(x && y && nx == ny && memcmp(x, y, nx) == 0, "%s and %s differ", a, b);
    free(x);
    free(y);
}

static void test_round_trip(void) {
    dn_named_tensor tensors[N_TENSORS];
    make_tensors(tensors);
    char *first = dn_strdup(in_folder("first")), *second = dn_strdup(in_folder("second"));
    CHECK_OK(dn_safetensors_write(first, tensors, N_TENSORS, metadata, 3));
    CHECK_OK(dn_safetensors_write(second, tensors, N_TENSORS, metadata, 3));
    CHECK_OK(dn_safetensors_write(second, tensors, N_TENSORS, metadata, 3));
    check_content(first, tensors);
    check_same_bytes(first, second);
    check_same_bytes(first, TEST_DIR "/runtime/golden/dnet.safetensors");
    check_content(TEST_DIR "/runtime/golden/reference.safetensors", tensors);
    CHECK(files_in_folder() == 2, "no temporary file is left");
    dn_safetensors *file = NULL;
    CHECK_FAILS(dn_safetensors_read(TEST_DIR "/runtime/golden/half.safetensors", &file),
                "tensor \"h\": dnet has no type for dtype F16");
    free(first);
    free(second);
    free_tensors(tensors);
}

static void test_order_and_alignment(void) {
    dn_named_tensor tensors[N_TENSORS];
    make_tensors(tensors);
    for (int count = 0; count <= N_TENSORS; count++) {
        const char *path = in_folder("order");
        CHECK_OK(dn_safetensors_write(path, tensors, count, NULL, 0));
        char *bytes = NULL;
        size_t size = 0;
        uint64_t length = 0;
        CHECK_OK(dn_read_file(path, &bytes, &size));
        memcpy(&length, bytes, 8);
        CHECK(length % 8 == 0 && length <= size - 8, "%llu", (unsigned long long)length);
        dn_safetensors *file = NULL;
        CHECK_OK(dn_safetensors_read(path, &file));
        CHECK(dn_safetensors_count(file) == count, "%d", dn_safetensors_count(file));
        for (int i = 0; i < count; i++) {
            CHECK(strcmp(dn_safetensors_name(file, i), tensors[i].name) == 0, "%d", i);
            CHECK(dn_safetensors_tensor(file, i)->bytes == tensors[i].tensor->bytes, "%d", i);
        }
        dn_safetensors_free(file);
        free(bytes);
    }
    free_tensors(tensors);
}

// --- what cannot be written ---

static void test_bad_arguments(void) {
    dn_named_tensor t[N_TENSORS];
    make_tensors(t);
    const char *path = in_folder("bad");
    dn_named_tensor twice[] = {{"a", t[0].tensor}, {"a", t[1].tensor}};
    CHECK_FAILS(dn_safetensors_write(path, twice, 2, NULL, 0), "two tensors \"a\"");
    dn_named_tensor reserved[] = {{"__metadata__", t[0].tensor}};
    CHECK_FAILS(dn_safetensors_write(path, reserved, 1, NULL, 0), "named __metadata__");
    dn_named_tensor latin[] = {{"\xfc", t[0].tensor}};
    CHECK_FAILS(dn_safetensors_write(path, latin, 1, NULL, 0), "not UTF-8");
    dn_metadata bad[] = {{"k", "\xff"}}, again[] = {{"k", "1"}, {"k", "2"}};
    CHECK_FAILS(dn_safetensors_write(path, t, 1, bad, 1), "not UTF-8");
    CHECK_FAILS(dn_safetensors_write(path, t, 1, again, 2), "\"k\" is given twice");
    CHECK(access(path, F_OK) != 0, "nothing was written");
    free_tensors(t);
}

static void check_write_fails(const char *path, const char *text) {
    dn_named_tensor tensors[N_TENSORS];
    make_tensors(tensors);
    CHECK_FAILS(dn_safetensors_write(path, tensors, N_TENSORS, NULL, 0), text);
    free_tensors(tensors);
}

// In a child, because it gives up being root, whom no folder is read-only for.
static void test_read_only_folder(void) {
    char *path = dn_strdup(in_folder("closed/file"));
    mkdir(in_folder("closed"), 0777);
    write_bytes(path, "old", 3);
    chmod(in_folder("closed"), 0555);
    pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
        check_write_fails(path, "Permission denied");
        char *text = NULL;
        size_t length = 0;
        CHECK_OK(dn_read_file(path, &text, &length));
        CHECK(text && strcmp(text, "old") == 0, "the old file");
        free(text);
        _exit(check_failures != 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    chmod(in_folder("closed"), 0777);
    unlink(path);
    rmdir(in_folder("closed"));
    free(path);
}

// A limit on a file's size stands for a full disk: write() comes back short and then fails.
static void test_full_disk(void) {
    char *path = dn_strdup(in_folder("full"));
    write_bytes(path, "old", 3);
    int before = files_in_folder();
    struct rlimit old;
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit <= 600; limit += 100) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = limit, .rlim_max = old.rlim_max});
        check_write_fails(path, "full: cannot write: File too large");
    }
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    char *text = NULL;
    size_t length = 0;
    CHECK_OK(dn_read_file(path, &text, &length));
    CHECK(text && strcmp(text, "old") == 0, "the old file");
    CHECK(files_in_folder() == before, "the temporary file is gone");
    free(text);
    free(path);
}

static void test_failing_writes(void) {
    check_write_fails(in_folder("absent/file"), "No such file or directory");
    write_bytes(in_folder("plain"), "x", 1);
    check_write_fails(in_folder("plain/file"), "Not a directory");
    mkdir(in_folder("taken"), 0777);
    int before = files_in_folder();
    check_write_fails(in_folder("taken"), "cannot write: Is a directory");
    CHECK(files_in_folder() == before, "the temporary file is gone");
    rmdir(in_folder("taken"));
    test_read_only_folder();
    test_full_disk();
}

// A writer killed at any moment leaves a whole file: all of its values are equal.
static void write_forever(const char *path) {
    dn_shape shape = dn_shape_of(1, (int64_t[]){20000});
    dn_named_tensor x = {.name = "x"};
    CHECK_OK(dn_tensor_new(DN_F32, &shape, &x.tensor));
    for (double value = 0;; value++) {
        for (int i = 0; i < 20000; i++) dn_tensor_set(x.tensor, i, value);
        CHECK_OK(dn_safetensors_write(path, &x, 1, NULL, 0));
    }
}

static void check_whole(const char *path) {
    dn_safetensors *file = NULL;
    CHECK_OK(dn_safetensors_read(path, &file));
    if (!file) return;
    const dn_tensor *x = dn_safetensors_find(file, "x");
    int wrong = 0;
    for (int i = 0; i < 20000; i++) wrong += dn_tensor_get(x, i) != dn_tensor_get(x, 0);
    CHECK(wrong == 0, "%d", wrong);
    dn_safetensors_free(file);
}

static void test_killed_writer(void) {
    char *path = dn_strdup(in_folder("killed"));
    for (int trial = 0; trial < 20; trial++) {
        pid_t child = fork();
        if (child == 0) write_forever(path);
        for (int i = 0; i < 2000 && access(path, F_OK) != 0; i++)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        nanosleep(&(struct timespec){.tv_nsec = 200000 * (1 + trial * 7 % 20)}, NULL);
        check_whole(path);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        check_whole(path);
    }
    free(path);
}

// --- damaged files ---

// A file with this header (its length made right) and `data` bytes of zeros.
static void write_header(const char *header, size_t data) {
    dn_str s = {0};
    uint64_t length = strlen(header);
    dn_str_append(&s, (const char *)&length, 8);
    dn_str_puts(&s, header);
    for (size_t i = 0; i < data; i++) dn_str_append(&s, "", 1);
    write_bytes(in_folder("damaged"), s.text, s.length);
    free(s.text);
}

static void refuse(const char *header, size_t data, const char *text) {
    write_header(header, data);
    dn_safetensors *file = NULL;
    CHECK_FAILS(dn_safetensors_read(in_folder("damaged"), &file), text);
}

#define ONE(dtype, shape, offsets) \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(first, second)                                           \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" first \
    "},\"b\":{\"dtype\":\"U8\","                                     \
    "\"shape\":[4],\"data_offsets\":" second "}}"

static void test_bad_headers(void) {
    refuse("", 0, "not a JSON object");
    refuse("[]", 0, "not a JSON object");
    refuse(" {}", 0, "not a JSON object");
    refuse("{", 0, "the header at byte");
    refuse("{} x", 0, "end of file expected");
    refuse("{\"a\":1}", 0, "tensor \"a\": not an object");
    refuse("{\"a\":{}}", 0, "dtype is not a string");
    refuse(ONE("3", "[]", "[0,4]"), 4, "dtype is not a string");
    refuse(ONE("\"F33\"", "[]", "[0,4]"), 4, "unknown dtype \"F33\"");
    refuse(ONE("\"f32\"", "[]", "[0,4]"), 4, "unknown dtype \"f32\"");
    refuse(ONE("\"F16\"", "[2]", "[0,4]"), 4, "no type for dtype F16");
    refuse(ONE("\"F32\"", "4", "[0,4]"), 4, "shape is not an array");
    refuse(ONE("\"F32\"", "[-1]", "[0,4]"), 4, "element 0 is not a size");
    refuse(ONE("\"F32\"", "[1.0]", "[0,4]"), 4, "element 0 is not a size");
    refuse(ONE("\"F32\"", "[1,null]", "[0,4]"), 4, "element 1 is not a size");
    refuse(ONE("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "9 dimensions");
    refuse(ONE("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0,
           "not the size of f32[4294967296,");
    refuse(ONE("\"F32\"", "[4611686018427387904]", "[0,0]"), 0, "are not the size of");
    refuse(ONE("\"F32\"", "[9223372036854775807]", "[0,4]"), 4, "are not the size of");
    refuse(ONE("\"F32\"", "[9223372036854775808]", "[0,4]"), 4, "too big integer");
    refuse(ONE("\"F32\"", "[2]", "[0,4]"), 4, "[0, 4] are not the size of f32[2]");
    refuse(ONE("\"F32\"", "[]", "0"), 4, "not two integers");
    refuse(ONE("\"F32\"", "[]", "[0]"), 4, "not two integers");
    refuse(ONE("\"F32\"", "[]", "[0,4,4]"), 4, "not two integers");
    refuse(ONE("\"F32\"", "[]", "[0,\"4\"]"), 4, "not two integers");
    refuse(ONE("\"F32\"", "[]", "[0,4.5]"), 4, "not two integers");
    refuse(ONE("\"F32\"", "[]", "[4,0]"), 4, "are not a part of");
    refuse(ONE("\"F32\"", "[]", "[-4,0]"), 4, "are not a part of");
    refuse(ONE("\"F32\"", "[]", "[0,8]"), 4, "are not a part of 4 bytes");
    refuse(ONE("\"F32\"", "[]", "[9223372036854775804,9223372036854775807]"), 4, "not a part of");
    refuse(ONE("\"F32\"", "[]", "[-9223372036854775808,9223372036854775807]"), 4, "not a part of");
    refuse(ONE("\"F32\"", "[]", "[0,4]"), 5, "bytes 4 to 5 of the data belong to no tensor");
    refuse(ONE("\"F32\"", "[]", "[1,5]"), 5, "bytes 0 to 1 of the data belong to no tensor");
    refuse(TWO("[0,4]", "[2,6]"), 6, "tensors \"a\" and \"b\" overlap");
    refuse(TWO("[0,4]", "[0,4]"), 4, "overlap");
    refuse(TWO("[0,4]", "[5,9]"), 9, "bytes 4 to 5");
    refuse(TWO("[5,9]", "[0,4]"), 9, "bytes 4 to 5");
    refuse("{\"a\":{},\"a\":{}}", 0, "duplicate object key");
    refuse("{\"__metadata__\":3}", 0, "not an object of strings");
    refuse("{\"__metadata__\":{\"k\":3}}", 0, "\"k\" is not a string");
    refuse("{\"\xff\":{}}", 0, "unable to decode byte 0xff");
    refuse("{\"a\\u0000b\":{}}", 0, "NUL byte in object key");
}

static void test_good_headers(void) {
    static const char *const good[] = {
        "{}", "{\"__metadata__\":{}}     ", TWO("[0,4]", "[4,8]"), TWO("[4,8]", "[0,4]"),
        "{\"\":{\"data_offsets\":[0,8],\"shape\":[2],\"dtype\":\"F32\"}}\n"};
    for (int i = 0; i < 5; i++) {
        write_header(good[i], i < 2 ? 0 : 8);
        dn_safetensors *file = NULL;
        CHECK_OK(dn_safetensors_read(in_folder("damaged"), &file));
        dn_safetensors_free(file);
    }
}

static void test_bad_bytes(void) {
    dn_safetensors *file = NULL;
    const char *path = in_folder("damaged");
    write_bytes(path, "", 0);
    CHECK_FAILS(dn_safetensors_read(path, &file), "0 bytes cannot be a safetensors file");
    write_bytes(path, "\377\377\377\377\377\377\377\377{}", 10);
    CHECK_FAILS(dn_safetensors_read(path, &file), "longer than the format allows");
    write_bytes(path, "\3\0\0\0\0\0\0\0{}", 10);
    CHECK_FAILS(dn_safetensors_read(path, &file), "3 bytes does not fit a file of 10");
    static const char bools[] = ONE("\"BOOL\"", "[2]", "[0,2]") "\1\2";
    uint64_t length = sizeof bools - 3;
    char bytes[200];
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, bools, sizeof bools - 1);
    write_bytes(path, bytes, 8 + sizeof bools - 1);
    CHECK_FAILS(dn_safetensors_read(path, &file), "element 1 is a bool of value 2");
    CHECK_FAILS(dn_safetensors_read(folder, &file), "not a regular file");
    CHECK_FAILS(dn_safetensors_read(in_folder("absent"), &file), "No such file");
    CHECK_FAILS(dn_safetensors_read("/dev/zero", &file), "not a regular file");
}

// The bytes in memory are accepted as the file is.
static void check_decoding(const char *bytes, size_t size, bool accepted, double sum) {
    dn_safetensors *file = NULL;
    dn_status status = dn_safetensors_decode(bytes, size, &file);
    CHECK(!status == accepted, "%s", status ? dn_status_message(status) : "accepted");
    dn_status_free(status);
    double again = 0;
    for (int i = 0; file && i < dn_safetensors_count(file); i++) {
        const dn_tensor *t = dn_safetensors_tensor(file, i);
        for (int64_t k = 0; k < dn_shape_elements(&t->shape); k++) again += dn_tensor_get(t, k);
    }
    CHECK(memcmp(&sum, &again, sizeof sum) == 0, "%g, then %g", sum, again);
    dn_safetensors_free(file);
}

// Reads a damaged file; if it is accepted, uses every byte of it. Returns whether it was.
static bool survive(const char *bytes, size_t size) {
    const char *path = in_folder("fuzz");
    write_bytes(path, bytes, size);
    dn_safetensors *file = NULL;
    dn_status status = dn_safetensors_read(path, &file);
    bool accepted = !status;
    CHECK(!status || strstr(dn_status_message(status), path), "the message names the file");
    dn_status_free(status);
    double sum = 0;
    for (int i = 0; file && i < dn_safetensors_count(file); i++) {
        const dn_tensor *t = dn_safetensors_tensor(file, i);
        for (int64_t k = 0; k < dn_shape_elements(&t->shape); k++) sum += dn_tensor_get(t, k);
    }
    CHECK(accepted || sum == 0, "a refused file has no data");
    check_decoding(bytes, size, accepted, sum);
    dn_safetensors_free(file);
    return accepted;
}

// Puts `text` in place of one of the header's numbers, names or structure bytes.
static void edit_json(dn_str *s, const char *bytes, size_t size, uint64_t r) {
    static const char *const pieces[] = {"-1",
                                         "0",
                                         "18446744073709551616",
                                         "9223372036854775807",
                                         "1e3",
                                         "4.0",
                                         "null",
                                         "\"\"",
                                         "[]",
                                         "{}",
                                         "]",
                                         "}",
                                         ",",
                                         ":",
                                         "\"",
                                         "F16",
                                         "BOOL",
                                         "\\u0000",
                                         "[[[[[[[[",
                                         "999999999999"};
    uint64_t length;
    memcpy(&length, bytes, 8);
    size_t at = 8 + (size_t)(r % length), cut = (size_t)(r >> 20) % 4;
    if (at + cut > size) cut = 0;
    const char *piece = pieces[(r >> 32) % (sizeof pieces / sizeof *pieces)];
    dn_str_append(s, bytes, at);
    dn_str_puts(s, piece);
    dn_str_append(s, bytes + at + cut, size - at - cut);
    length += strlen(piece) - cut;
    if ((r >> 50) % 4) memcpy(s->text, &length, 8);  // mostly with the right length
}

static void mutate(const char *bytes, size_t size, const dn_rng_stream *rng, uint64_t i,
                   dn_str *s) {
    uint64_t r = dn_rng_u64(rng, 2 * i), q = dn_rng_u64(rng, 2 * i + 1), length;
    memcpy(&length, bytes, 8);
    size_t header = 8 + (size_t)length;
    if (i % 5 == 0) return edit_json(s, bytes, size, r);
    dn_str_append(s, bytes, size);
    switch (i % 5) {
        case 1: s->text[r % header] ^= (char)(1 << q % 8); break;
        case 2: s->length = r % size; break;
        case 3: s->text[r % 8] = (char)q; break;
        default:  // several bytes, in the header and the data
            for (uint64_t k = 0; k < 1 + q % 6; k++)
                s->text[dn_rng_below(rng, 100000 + 10 * i + k, size)] = (char)(r >> 8 * k);
    }
}

static void test_mutations(const char *path) {
    enum { MUTATIONS = 3000 };
    char *bytes = NULL;
    size_t size = 0;
    CHECK_OK(dn_read_file(path, &bytes, &size));
    dn_rng_stream rng = {.seed = 20260101};
    int accepted = 0;
    for (uint64_t i = 0; bytes && i < MUTATIONS; i++) {
        dn_str s = {0};
        mutate(bytes, size, &rng, i, &s);
        accepted += survive(s.text, s.length);
        free(s.text);
    }
    printf("%s: %d of %d mutations read\n", path, accepted, MUTATIONS);
    free(bytes);
}

// `safetensors_test FILE` writes the table to FILE, for make_safetensors.py to check.
static int write_table(const char *path) {
    dn_named_tensor tensors[N_TENSORS];
    make_tensors(tensors);
    CHECK_OK(dn_safetensors_write(path, tensors, N_TENSORS, metadata, 3));
    free_tensors(tensors);
    return CHECK_RESULT();
}

int main(int argc, char **argv) {
    if (argc > 1) return write_table(argv[1]);
    snprintf(folder, sizeof folder, "/tmp/dnet_safetensors_%ld", (long)getpid());
    CHECK(mkdir(folder, 0777) == 0, "%s", folder);
    chmod(folder, 0755);
    test_round_trip();
    test_order_and_alignment();
    test_bad_arguments();
    test_failing_writes();
    test_killed_writer();
    test_bad_headers();
    test_good_headers();
    test_bad_bytes();
    test_mutations(TEST_DIR "/runtime/golden/dnet.safetensors");
    test_mutations(TEST_DIR "/runtime/golden/reference.safetensors");
    char *remove = dn_printf("rm -rf %s", folder);
    CHECK(system(remove) == 0, "%s", remove);
    free(remove);
    return CHECK_RESULT();
}
