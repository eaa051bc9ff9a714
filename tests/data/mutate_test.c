// Damaged files of every format: thousands of deterministic mutations of valid files. Each must end
// in success or in a status with a message: no crash, no hang, no memory out of proportion. Run it
// under the sanitizers too (DNET_SANITIZE).
#include <sys/resource.h>
#include <time.h>
#include <zlib.h>

#include "runtime/image/image.h"
#include "runtime/rng.h"
#include "tests/data/fixtures.h"

// ---- Mutations --------------------------------------------------------------------------------

typedef struct mutation {
    dn_rng_stream stream;
    uint64_t at;
} mutation;

static uint64_t below(mutation *m, uint64_t n) {
    return n ? dn_rng_below(&m->stream, m->at++, n) : 0;
}

static void flip_bits(mutation *m, uint8_t *bytes, size_t size) {
    for (uint64_t n = 1 + below(m, 8); n > 0 && size; n--)
        bytes[below(m, size)] ^= (uint8_t)(1u << below(m, 8));
}

// Numbers that a length or a count should not be.
static void edit_field(mutation *m, uint8_t *bytes, size_t size) {
    static const uint32_t values[] = {0,      1,          0x7fffffff, 0x80000000, 0xffffffff,
                                      0xffff, 0x00010000, 0x7fff,     0xff,       0x40000000};
    uint32_t value = values[below(m, sizeof values / sizeof *values)];
    size_t width = (size_t)1 << below(m, 3);
    // Mostly in the header, where the fields are.
    size_t reach = below(m, 4) ? (size < 200 ? size : 200) : size;
    if (reach < width) return;
    size_t at = below(m, reach - width + 1);
    for (size_t i = 0; i < width; i++) bytes[at + i] = (uint8_t)(value >> 8 * (width - 1 - i));
}

static size_t splice(mutation *m, uint8_t *bytes, size_t size, size_t room) {
    if (size < 2) return size;
    size_t from = below(m, size), length = 1 + below(m, (size - from) < 300 ? size - from : 300);
    size_t to = below(m, size);
    if (below(m, 2) && size + length <= room) {  // insert a copy of a part elsewhere
        uint8_t part[300];
        memcpy(part, bytes + from, length);
        memmove(bytes + to + length, bytes + to, size - to);
        memcpy(bytes + to, part, length);
        return size + length;
    }
    memmove(bytes + from, bytes + from + length, size - from - length);  // take a part out
    return size - length;
}

static size_t mutate(mutation *m, uint8_t *bytes, size_t size, size_t room) {
    for (uint64_t n = 1 + below(m, 3); n > 0; n--) {
        switch (below(m, 5)) {
            case 0: size = below(m, size + 1); break;
            case 1: edit_field(m, bytes, size); break;
            case 2: size = splice(m, bytes, size, room); break;
            case 3:
                for (uint64_t k = below(m, 16); k > 0 && size; k--)
                    bytes[below(m, size)] = (uint8_t)below(m, 256);
                break;
            default: flip_bits(m, bytes, size); break;
        }
    }
    return size;
}

// ---- Running them -----------------------------------------------------------------------------

typedef struct tally {
    int total, accepted;
    double slowest;
} tally;

typedef bool reader(const uint8_t *bytes, size_t size);  // true: accepted

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run(const char *name, const char *bytes, size_t size, int count, reader *read,
                tally *sum) {
    CHECK(read((const uint8_t *)bytes, size), "%s, whole", name);
    size_t room = size + 4096;
    uint8_t *work = malloc(room);
    for (int i = 0; i < count; i++) {
        mutation m = {
            .stream = {.seed = dn_hash(name, strlen(name), DN_HASH_SEED), .step = (uint64_t)i}};
        memcpy(work, bytes, size);
        size_t length = mutate(&m, work, size, room);
        // A block of just that size, so that a sanitizer sees a read beyond it.
        uint8_t *exact = malloc(length + !length);
        memcpy(exact, work, length);
        double start = seconds();
        sum->accepted += read(exact, length);
        double took = seconds() - start;
        if (took > sum->slowest) sum->slowest = took;
        sum->total++;
        free(exact);
    }
    free(work);
}

static void report(const char *name, const tally *sum) {
    printf("%s: %d mutations, %d still valid, slowest %.3f s\n", name, sum->total, sum->accepted,
           sum->slowest);
    CHECK(sum->slowest < 20, "%s took %.1f s", name, sum->slowest);
}

// ---- Images -----------------------------------------------------------------------------------

static dn_image_scratch *used_scratch;

// The message is there, and the same file always comes to the same end: whatever was decoded before
// with this scratch, and whether pixels are made or not.
static bool read_image(const uint8_t *bytes, size_t size) {
    dn_image image = {0}, again = {0};
    int height = 0, width = 0;
    dn_image_scratch *fresh = dn_image_scratch_new();
    dn_status a = dn_image_decode(used_scratch, bytes, size, 3, &image);
    dn_status b = dn_image_decode(fresh, bytes, size, 3, &again);
    dn_status c = dn_image_check(used_scratch, bytes, size, &height, &width);
    CHECK(!a == !b && !a == !c, "%s / %s / %s", a ? dn_status_message(a) : "accepted",
          b ? dn_status_message(b) : "accepted", c ? dn_status_message(c) : "accepted");
    if (a) CHECK(*dn_status_message(a));
    if (a && b) CHECK(strcmp(dn_status_message(a), dn_status_message(b)) == 0);
    if (!a && !b) {
        size_t count = (size_t)image.height * (size_t)image.width * 3;
        CHECK(image.height == height && image.width == width && again.height == height);
        CHECK(memcmp(image.pixels, again.pixels, count) == 0);
    }
    CHECK(image.capacity <= 8192 * size + 65536, "%zu bytes from %zu", image.capacity, size);
    bool accepted = !a;
    dn_status_free(a);
    dn_status_free(b);
    dn_status_free(c);
    dn_image_free(&image);
    dn_image_free(&again);
    dn_image_scratch_free(fresh);
    return accepted;
}

// Makes the checksums of a PNG's chunks right again, so that damage gets past them.
static void repair_png(uint8_t *bytes, size_t size) {
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = (size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 |
                        (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length > size - at - 12) return;
        uint32_t crc = (uint32_t)crc32(0, bytes + at + 4, (uInt)length + 4);
        for (size_t i = 0; i < 4; i++) bytes[at + 8 + length + i] = (uint8_t)(crc >> 8 * (3 - i));
        at += 12 + length;
    }
}

static bool read_repaired(const uint8_t *bytes, size_t size) {
    uint8_t *copy = malloc(size + !size);
    memcpy(copy, bytes, size);
    repair_png(copy, size);
    bool accepted = read_image(copy, size);
    free(copy);
    return accepted;
}

static void mutate_images(const char *kind, const char *const *names, int n, int count,
                          reader *read) {
    tally sum = {0};
    for (int i = 0; i < n; i++) {
        char *path = dn_printf(GOLDEN "%s", names[i]);
        size_t size;
        char *bytes = slurp(path, &size);
        run(names[i], bytes, size, count, read, &sum);
        free(bytes);
        free(path);
    }
    report(kind, &sum);
}

// ---- Data files -------------------------------------------------------------------------------

// Reads the whole of a dataset that was opened, so that its content is touched.
static bool finish(dn_status status, dn_dataset **opened) {
    if (status) {
        CHECK(*dn_status_message(status));
        dn_status_free(status);
        return false;
    }
    dn_dataset *d = *opened, *first = NULL;
    CHECK_OK(dn_dataset_take(d, 64, &first));
    hash_epoch(first, 0, 0, 0, 1);
    dn_dataset_release(first);
    dn_dataset_release(d);
    return true;
}

static bool read_idx(const uint8_t *bytes, size_t size) {
    dn_dataset *d = NULL;
    write_bytes("mutant", bytes, size);
    return finish(dn_dataset_idx(in_folder("mutant"), NULL, &d), &d);
}

static bool read_npy(const uint8_t *bytes, size_t size) {
    dn_dataset *d = NULL;
    dn_tensor *tensor = NULL;
    write_bytes("mutant", bytes, size);
    dn_status status = dn_npy_read(in_folder("mutant"), &tensor);
    dn_status_free(status);
    dn_tensor_release(tensor);
    return finish(dn_dataset_npy(in_folder("mutant"), &d), &d);
}

static bool read_csv(const uint8_t *bytes, size_t size) {
    dn_dataset *d = NULL;
    const char *const columns[] = {"height", "width"};
    write_bytes("mutant", bytes, size);
    dn_status strict = dn_dataset_csv(in_folder("mutant"), columns, 2, "label", true, &d);
    if (!strict) dn_dataset_release(d);
    dn_status_free(strict);
    return finish(dn_dataset_csv(in_folder("mutant"), columns, 2, "label", false, &d), &d);
}

static void mutate_idx(void) {
    uint8_t bytes[16 + 10 * 9 * 8] = {0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 9, 0, 0, 0, 8};
    for (size_t i = 16; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * i);
    tally plain = {0}, packed = {0};
    run("idx", (char *)bytes, sizeof bytes, 500, read_idx, &plain);
    report("IDX", &plain);
    gzFile file = gzopen(in_folder("idx.gz"), "wb9");
    gzwrite(file, bytes, sizeof bytes);
    gzclose(file);
    size_t size;
    char *gz = slurp(in_folder("idx.gz"), &size);
    run("idx.gz", gz, size, 500, read_idx, &packed);
    report("IDX in gzip", &packed);
    free(gz);
}

static void mutate_npy(void) {
    tally sum = {0};
    size_t size;
    dn_shape shape = dn_shape_of(3, (int64_t[]){7, 5, 2});
    for (int dtype = 0; dtype < DN_DTYPE_COUNT; dtype++) {
        dn_tensor *tensor = NULL;
        CHECK_OK(dn_tensor_zeros((dn_dtype)dtype, &shape, &tensor));
        for (int i = 0; i < 70; i++) dn_tensor_set(tensor, i, i % 9);
        CHECK_OK(dn_npy_write(in_folder("base.npy"), tensor));
        dn_tensor_release(tensor);
        char *bytes = slurp(in_folder("base.npy"), &size);
        run(dn_dtype_name((dn_dtype)dtype), bytes, size, 100, read_npy, &sum);
        free(bytes);
    }
    report("NPY", &sum);
}

static void mutate_csv(void) {
    dn_str text = {0};
    tally sum = {0};
    dn_str_puts(&text, "name,height,\"width\",label\r\n");
    for (int i = 0; i < 40; i++)
        dn_str_printf(&text, "\"n, \"\"%d\"\"\",%d.5,%de-1,%d\r\n", i, i, 3 * i, i % 2);
    run("csv", text.text, text.length, 600, read_csv, &sum);
    report("CSV", &sum);
    free(text.text);
}

int main(void) {
    static const char *const png[] = {"rgb.png",  "rgba.png",          "grey.png",
                                      "la.png",   "one_bit.png",       "palette.png",
                                      "deep.png", "palette_clear.png", "interlaced.png"};
    static const char *const jpeg[] = {"baseline.jpg", "full_chroma.jpg", "progressive.jpg",
                                       "grey.jpg",     "restart.jpg",     "inks.jpg"};
    fixture_begin();
    used_scratch = dn_image_scratch_new();
    mutate_images("PNG", png, sizeof png / sizeof *png, 80, read_image);
    mutate_images("PNG with right checksums", png, sizeof png / sizeof *png, 200, read_repaired);
    mutate_images("JPEG", jpeg, sizeof jpeg / sizeof *jpeg, 200, read_image);
    mutate_idx();
    mutate_npy();
    mutate_csv();
    dn_image_scratch_free(used_scratch);
    fixture_end();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("at most %ld MiB\n", usage.ru_maxrss / 1024);
    CHECK(usage.ru_maxrss < 1024 * 1024, "%ld KiB", usage.ru_maxrss);
    return CHECK_RESULT();
}
