// What the tests of data have in common: a folder of their own, files, and a hash of a stream.
#ifndef DN_TESTS_FIXTURES_H
#define DN_TESTS_FIXTURES_H

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/data/dataset.h"
#include "tests/check.h"

// A CHECK without a message of its own.
#pragma GCC diagnostic ignored "-Wformat-zero-length"

#define GOLDEN TEST_DIR "/data/golden/"
#define UNUSED __attribute__((unused))

static char fixture_folder[64];

UNUSED static void fixture_begin(void) {
    snprintf(fixture_folder, sizeof fixture_folder, "/tmp/dnet_data_XXXXXX");
    if (!mkdtemp(fixture_folder)) perror("mkdtemp"), exit(1);
}

UNUSED static void fixture_remove(const char *path) {
    DIR *folder = opendir(path);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *full = dn_printf("%s/%s", path, e->d_name);
        if (unlink(full) != 0) fixture_remove(full);
        free(full);
    }
    if (folder) closedir(folder);
    rmdir(path);
}

UNUSED static void fixture_end(void) { fixture_remove(fixture_folder); }

// A path in the folder; good until the eighth call after.
UNUSED static const char *in_folder(const char *name) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", fixture_folder, name);
    return path;
}

UNUSED static void make_folder(const char *name) { mkdir(in_folder(name), 0777); }

UNUSED static void write_bytes(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(in_folder(name), "wb");
    if (!file || fwrite(bytes, 1, size, file) != size) perror(name), exit(1);
    fclose(file);
}

UNUSED static void write_text(const char *name, const char *text) {
    write_bytes(name, text, strlen(text));
}

// A file's bytes; free() them.
UNUSED static char *slurp(const char *path, size_t *size) {
    char *bytes = NULL;
    dn_status status = dn_read_file(path, &bytes, size);
    if (status) fprintf(stderr, "%s\n", dn_status_message(status)), exit(1);
    return bytes;
}

UNUSED static void copy_golden(const char *golden, const char *name) {
    size_t size;
    char *from = dn_printf(GOLDEN "%s", golden), *bytes = slurp(from, &size);
    write_bytes(name, bytes, size);
    free(bytes);
    free(from);
}

UNUSED static dn_tensor *golden_npy(const char *name) {
    dn_tensor *tensor = NULL;
    char *path = dn_printf(GOLDEN "%s", name);
    CHECK_OK(dn_npy_read(path, &tensor));
    free(path);
    if (!tensor) exit(1);
    return tensor;
}

// n f32 rows of the given shape: element i is i * 0.5.
UNUSED static dn_tensor *counting_tensor(int rank, const int64_t *dims) {
    dn_shape shape = dn_shape_of(rank, dims);
    dn_tensor *tensor = NULL;
    CHECK_OK(dn_tensor_new(DN_F32, &shape, &tensor));
    for (int64_t i = 0; i < dn_shape_elements(&shape); i++)
        ((float *)tensor->data)[i] = (float)i * 0.5f;
    return tensor;
}

// Replaces *d by what a pipeline function made of it.
#define THEN(d, call)                   \
    do {                                \
        dn_dataset *then_next = NULL;   \
        dn_dataset **next = &then_next; \
        CHECK_OK(call);                 \
        dn_dataset_release(d);          \
        d = then_next;                  \
        if (!d) exit(1);                \
    } while (0)

// A hash over everything that the rest of an iterator's epoch gives.
UNUSED static uint64_t hash_rest(dn_iterator *it, int n_fields, int64_t *count) {
    uint64_t hash = DN_HASH_SEED;
    int64_t n = 0;
    for (;;) {
        dn_tensor *fields[DN_MAX_FIELDS];
        bool done;
        dn_status status = dn_iterator_next(it, fields, &done);
        CHECK(!status, "%s", status ? dn_status_message(status) : "");
        if (status || done) {
            dn_status_free(status);
            break;
        }
        n++;
        for (int f = 0; f < n_fields; f++) hash = dn_hash(fields[f]->data, fields[f]->bytes, hash);
    }
    if (count) *count = n;
    return hash;
}

UNUSED static uint64_t hash_epoch(dn_dataset *d, uint64_t seed, uint64_t epoch, int64_t position,
                                  int workers) {
    dn_iterator *it = NULL;
    const dn_field *fields;
    CHECK_OK(dn_iterator_new(d, seed, epoch, position, workers, &it));
    if (!it) return 0;
    uint64_t hash = hash_rest(it, dn_dataset_fields(d, &fields), NULL);
    dn_iterator_free(it);
    return hash;
}

#endif
