// Augmentation against Keras's formulas with SciPy, and what is drawn.
#include "runtime/data/augment.h"

#include "tests/data/fixtures.h"

static dn_augmentation from_row(const double *row) {
    return (dn_augmentation){.theta = row[0],
                             .tx = row[1],
                             .ty = row[2],
                             .shear = row[3],
                             .zx = row[4],
                             .zy = row[5],
                             .flip_horizontal = row[6] != 0,
                             .flip_vertical = row[7] != 0,
                             .channel_shift = row[8],
                             .brighten = row[9] >= 0,
                             .brightness = row[9]};
}

static void test_golden(const char *kind, double tolerance) {
    char *source_name = dn_printf("augment_%s_source.npy", kind);
    char *golden_name = dn_printf("augment_%s.npy", kind);
    dn_tensor *cases = golden_npy("augment_cases.npy"), *source = golden_npy(source_name);
    dn_tensor *golden = golden_npy(golden_name);
    int h = (int)source->shape.dims[0], w = (int)source->shape.dims[1];
    int c = (int)source->shape.dims[2];
    float *out = malloc(source->bytes);
    double worst = 0;
    for (int64_t i = 0; i < cases->shape.dims[0]; i++) {
        const double *row = (double *)cases->data + 12 * i;
        dn_augmentation a = from_row(row);
        dn_augmentation_apply(&a, (dn_fill)row[10], row[11], source->data, h, w, c, out);
        double off = 0;
        for (int k = 0; k < h * w * c; k++)
            off = fmax(off, fabs(out[k] - ((float *)golden->data)[i * h * w * c + k]));
        CHECK(off <= tolerance, "%s, case %d: off by %g", kind, (int)i, off);
        worst = fmax(worst, off);
    }
    printf("%s: off by at most %g\n", kind, worst);
    free(out);
    free(source_name);
    free(golden_name);
    dn_tensor_release(cases);
    dn_tensor_release(source);
    dn_tensor_release(golden);
}

static void test_draws(void) {
    dn_augment_options o = {.rotation = 20,
                            .width_shift = 0.2,
                            .height_shift = 3,
                            .shear = 5,
                            .zoom = 0.25,
                            .channel_shift = 10,
                            .brightness_low = 0.5,
                            .brightness_high = 1.5,
                            .horizontal_flip = true};
    dn_rng_stream stream = {.seed = 3, .step = 1, .site = 9};
    double sum = 0, most = 0;
    int flips = 0;
    enum { N = 4000 };
    for (uint64_t i = 0; i < N; i++) {
        dn_augmentation a = dn_augmentation_draw(&o, 100, 50, &stream, i);
        dn_augmentation b = dn_augmentation_draw(&o, 100, 50, &stream, i);
        CHECK(a.theta == b.theta && a.zx == b.zx && a.brightness == b.brightness);
        CHECK(fabs(a.theta) <= 20 && fabs(a.ty) <= 10 && fabs(a.tx) <= 3 && fabs(a.shear) <= 5);
        CHECK(a.zx >= 0.75 && a.zx <= 1.25 && a.zy >= 0.75 && a.zy <= 1.25);
        CHECK(a.brightness >= 0.5 && a.brightness <= 1.5 && fabs(a.channel_shift) <= 10);
        CHECK(!a.flip_vertical);
        flips += a.flip_horizontal;
        sum += a.theta;
        most = fmax(most, fabs(a.theta));
    }
    CHECK(fabs(sum / N) < 1 && most > 19.9, "%g %g", sum / N, most);
    CHECK(abs(flips - N / 2) < 200, "%d", flips);
    dn_augmentation none = dn_augmentation_draw(&(dn_augment_options){0}, 9, 9, &stream, 4);
    CHECK(none.theta == 0 && none.zx == 1 && none.zy == 1 && !none.brighten);
}

static dn_dataset *images(int64_t n) {
    const char *const names[] = {"image"};
    dn_tensor *tensor = counting_tensor(4, (int64_t[]){n, 6, 5, 3});
    dn_dataset *d = NULL;
    CHECK_OK(dn_dataset_tensors(names, &tensor, 1, &d));
    dn_tensor_release(tensor);
    return d;
}

// Another epoch or seed draws otherwise; augmenting a batch is augmenting its elements.
static void test_dataset(void) {
    dn_augment_options o = {.rotation = 40, .zoom = 0.3, .horizontal_flip = true};
    dn_dataset *d = images(12);
    THEN(d, dn_dataset_augment(d, &o, next));
    uint64_t hash = hash_epoch(d, 1, 0, 0, 2);
    CHECK(hash == hash_epoch(d, 1, 0, 0, 1));
    CHECK(hash != hash_epoch(d, 1, 1, 0, 1));
    CHECK(hash != hash_epoch(d, 2, 0, 0, 1));
    dn_dataset *before = images(12), *after = images(12);
    THEN(before, dn_dataset_take(before, 12, next));  // so that both augment at the same depth
    THEN(before, dn_dataset_augment(before, &o, next));
    THEN(before, dn_dataset_batch(before, 4, false, next));
    THEN(after, dn_dataset_batch(after, 4, false, next));
    THEN(after, dn_dataset_augment(after, &o, next));
    CHECK(hash_epoch(before, 1, 2, 0, 3) == hash_epoch(after, 1, 2, 0, 2));
    dn_dataset_release(before);
    dn_dataset_release(after);
    dn_dataset_release(d);
}

static void test_errors(void) {
    dn_dataset *d = images(2), *out = NULL;
    CHECK_FAILS(dn_dataset_augment(d, &(dn_augment_options){.zoom = 1}, &out), "zoom 1");
    CHECK_FAILS(dn_dataset_augment(d, &(dn_augment_options){.rotation = -1}, &out), "rotation -1");
    CHECK_FAILS(dn_dataset_augment(d, &(dn_augment_options){.shear = NAN}, &out), "shear nan");
    CHECK_FAILS(dn_dataset_augment(
                    d, &(dn_augment_options){.brightness_low = 2, .brightness_high = 1}, &out),
                "brightness from 2 to 1");
    const char *const names[] = {"value"};
    dn_tensor *flat = counting_tensor(3, (int64_t[]){3, 4, 5});
    dn_dataset *rows = NULL;
    CHECK_OK(dn_dataset_tensors(names, &flat, 1, &rows));
    CHECK_FAILS(dn_dataset_augment(rows, &(dn_augment_options){0}, &out),
                "an element's value is f32[4, 5]");
    THEN(rows, dn_dataset_batch(rows, 2, false, next));
    CHECK_FAILS(dn_dataset_augment(rows, &(dn_augment_options){0}, &out), "f32[2, 4, 5]");
    dn_tensor_release(flat);
    dn_dataset_release(rows);
    dn_dataset_release(d);
}

int main(void) {
    test_golden("rgb", 1e-4);
    test_golden("grey", 1e-6);
    test_golden("rgba", 1e-4);
    test_draws();
    test_dataset();
    test_errors();
    return CHECK_RESULT();
}
