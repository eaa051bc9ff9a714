// Image grids: layout, gaps, scaling, clamping and what is refused.
#include "runtime/image/grid.h"

#include "tests/check.h"

static dn_tensor *batch(dn_dtype dtype, int64_t n, int64_t h, int64_t w, int64_t c) {
    dn_shape shape = dn_shape_of(4, (int64_t[]){n, h, w, c});
    dn_tensor *tensor = NULL;
    CHECK_OK(dn_tensor_zeros(dtype, &shape, &tensor));
    return tensor;
}

static int pixel(const dn_image *image, int y, int x, int c) {
    return image->pixels[(y * image->width + x) * image->channels + c];
}

// Image i is filled with i + 1, of [0, 255].
static void test_layout(dn_dtype dtype, int columns, int gap, int want_columns) {
    enum { N = 5, H = 2, W = 3, C = 3 };
    dn_tensor *images = batch(dtype, N, H, W, C);
    for (int64_t i = 0; i < N * H * W * C; i++)
        dn_tensor_set(images, i, 1.0 + (double)(i / (H * W * C)));
    dn_image sheet = {0};
    CHECK_OK(dn_image_grid(images, 0, 255, columns, gap, &sheet));
    int rows = (N + want_columns - 1) / want_columns;
    CHECK(sheet.height == rows * (H + gap) - gap, "%d", sheet.height);
    CHECK(sheet.width == want_columns * (W + gap) - gap, "%d", sheet.width);
    CHECK(sheet.channels == C, "%d", sheet.channels);
    int wrong = 0;
    for (int y = 0; y < sheet.height; y++) {
        for (int x = 0; x < sheet.width; x++) {
            int i = y / (H + gap) * want_columns + x / (W + gap);
            bool inside = y % (H + gap) < H && x % (W + gap) < W && i < N;
            for (int c = 0; c < C; c++) wrong += pixel(&sheet, y, x, c) != (inside ? i + 1 : 0);
        }
    }
    CHECK(wrong == 0, "%d of %dx%d", wrong, sheet.height, sheet.width);
    dn_image_free(&sheet);
    dn_tensor_release(images);
}

static void test_values(void) {
    static const double values[] = {-1, 1, 0, -5, 5, NAN, INFINITY, -INFINITY, 0.999, -0.5};
    static const int want[] = {0, 255, 128, 0, 255, 0, 255, 0, 255, 64};
    dn_tensor *images = batch(DN_F32, 1, 1, 10, 1);
    for (int i = 0; i < 10; i++) dn_tensor_set(images, i, values[i]);
    dn_image sheet = {0};
    CHECK_OK(dn_image_grid(images, -1, 1, 0, 2, &sheet));
    for (int i = 0; i < 10; i++)
        CHECK(pixel(&sheet, 0, i, 0) == want[i], "%g: %d", values[i], pixel(&sheet, 0, i, 0));
    dn_image_free(&sheet);
    dn_tensor_release(images);
}

// Gaps are opaque, and a second, smaller grid reuses the buffer and leaves nothing of the first.
static void test_alpha_and_reuse(void) {
    dn_image sheet = {0};
    dn_tensor *many = batch(DN_F32, 9, 4, 4, 3), *two = batch(DN_F64, 2, 1, 1, 4);
    for (int64_t i = 0; i < 9 * 4 * 4 * 3; i++) dn_tensor_set(many, i, 1);
    CHECK_OK(dn_image_grid(many, 0, 1, 0, 0, &sheet));
    uint8_t *pixels = sheet.pixels;
    CHECK_OK(dn_image_grid(two, 0, 1, 2, 1, &sheet));
    CHECK(sheet.pixels == pixels, "the buffer is kept");
    CHECK(pixel(&sheet, 0, 0, 3) == 0, "a transparent image");
    CHECK(pixel(&sheet, 0, 1, 3) == 255, "an opaque gap");
    CHECK(pixel(&sheet, 0, 1, 0) == 0, "a black gap");
    dn_image_free(&sheet);
    dn_tensor_release(many);
    dn_tensor_release(two);
}

static void test_refused(void) {
    dn_image sheet = {0};
    dn_tensor *ints = batch(DN_U8, 1, 1, 1, 1), *two = batch(DN_F32, 1, 1, 1, 2);
    dn_tensor *none = batch(DN_F32, 0, 4, 4, 1), *good = batch(DN_F32, 3, 1, 1, 1);
    CHECK_FAILS(dn_image_grid(ints, 0, 1, 0, 0, &sheet), "u8[1, 1, 1, 1]: expected f32 or f64");
    CHECK_FAILS(dn_image_grid(two, 0, 1, 0, 0, &sheet), "expected 1, 3 or 4 channels");
    CHECK_FAILS(dn_image_grid(none, 0, 1, 0, 0, &sheet), "no pixels");
    CHECK_FAILS(dn_image_grid(good, 1, 1, 0, 0, &sheet), "from 1 to 1");
    CHECK_FAILS(dn_image_grid(good, NAN, 1, 0, 0, &sheet), "from nan to 1");
    CHECK_FAILS(dn_image_grid(good, 0, 1, -1, 0, &sheet), "-1 columns");
    CHECK_FAILS(dn_image_grid(good, 0, 1, 0, -1, &sheet), "gap of -1");
    CHECK_FAILS(dn_image_grid(good, 0, 1, 0, INT32_MAX, &sheet), "too large");
    good->shape.rank = 3;
    CHECK_FAILS(dn_image_grid(good, 0, 1, 0, 0, &sheet), "expected [N, H, W, C]");
    good->shape.rank = 4;
    dn_image_free(&sheet);
    dn_tensor_release(ints);
    dn_tensor_release(two);
    dn_tensor_release(none);
    dn_tensor_release(good);
}

int main(void) {
    test_layout(DN_F32, 0, 0, 3);
    test_layout(DN_F64, 0, 2, 3);
    test_layout(DN_F32, 1, 1, 1);
    test_layout(DN_F32, 5, 3, 5);
    test_layout(DN_F64, 8, 1, 8);
    test_values();
    test_alpha_and_reuse();
    test_refused();
    return CHECK_RESULT();
}
