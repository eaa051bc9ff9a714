// Once warm, a pipeline allocates nothing: every call of malloc and its like is counted.
#include <errno.h>

#include "tests/data/fixtures.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

// A sanitizer has its own malloc.
int main(void) { return 0; }

#else

#include "tests/count_malloc.h"

// Files of every kind, in several sizes and copies that differ in their names only after their end
// mark, so that they are no duplicates.
static void fill_folder(void) {
    static const char *const files[] = {"rgb.png",         "rgba.png",     "palette.png",
                                        "interlaced.png",  "baseline.jpg", "grey.jpg",
                                        "progressive.jpg", "restart.jpg",  "inks.jpg"};
    for (size_t i = 0; i < 4 * (sizeof files / sizeof *files); i++) {
        const char *file = files[i % (sizeof files / sizeof *files)];
        char *path = dn_printf(GOLDEN "%s", file), *name = dn_printf("%02zu_%s", i, file);
        size_t size;
        char *bytes = slurp(path, &size), *longer = dn_xcalloc(1, size + i);
        memcpy(longer, bytes, size);
        write_bytes(name, longer, size + i);
        free(longer);
        free(bytes);
        free(path);
        free(name);
    }
}

static dn_dataset *pipeline(void) {
    const dn_image_options options = {.height = 16, .width = 24, .channels = 3, .crop = true};
    const dn_augment_options augment = {.rotation = 20,
                                        .shear = 3,
                                        .zoom = 0.2,
                                        .channel_shift = 5,
                                        .brightness_low = 0.7,
                                        .brightness_high = 1.3,
                                        .horizontal_flip = true};
    dn_dataset *d = NULL;
    CHECK_OK(dn_dataset_image_folder(fixture_folder, &options, false, &d));
    CHECK(dn_dataset_size(d) == 36);
    THEN(d, dn_dataset_augment(d, &augment, next));
    THEN(d, dn_dataset_resize(d, 12, 12, false, next));
    THEN(d, dn_dataset_rescale(d, 1 / 127.5, -1, next));
    THEN(d, dn_dataset_shuffle(d, next));
    THEN(d, dn_dataset_batch(d, 5, true, next));
    return d;
}

// One epoch; with `keep`, the last two batches are always kept.
static void run_epoch(dn_iterator *it, uint64_t epoch, bool keep) {
    dn_tensor *t[DN_MAX_FIELDS], *kept[2] = {NULL, NULL};
    bool done;
    CHECK_OK(dn_iterator_restart(it, epoch, 0));
    for (int i = 0;; i++) {
        CHECK_OK(dn_iterator_next(it, t, &done));
        if (done) break;
        if (!keep) continue;
        dn_tensor_release(kept[i % 2]);
        kept[i % 2] = dn_tensor_retain(t[0]);
    }
    dn_tensor_release(kept[0]);
    dn_tensor_release(kept[1]);
}

static void test_warm(int workers, bool keep) {
    dn_dataset *d = pipeline();
    dn_iterator *it = NULL;
    CHECK_OK(dn_iterator_new(d, 1, 0, 0, workers, &it));
    // Which worker gets which file is chance: each must have seen every kind of file.
    for (uint64_t epoch = 0; epoch < 40; epoch++) run_epoch(it, epoch, keep);
    long before = allocations;
    for (uint64_t epoch = 100; epoch < 110; epoch++) run_epoch(it, epoch, keep);
    long after = allocations;
    CHECK(after == before, "%ld allocations with %d workers", after - before, workers);
    dn_iterator_free(it);
    dn_dataset_release(d);
}

int main(void) {
    fixture_begin();
    fill_folder();
    test_warm(1, false);
    test_warm(1, true);
    test_warm(2, false);
    test_warm(2, true);
    fixture_end();
    return CHECK_RESULT();
}

#endif
