// Decoding, encoding and resizing against Pillow's results.
#include "runtime/image/image.h"

#include "tests/data/fixtures.h"

static const char *const files[] = {
    "rgb.png",      "rgba.png",          "grey.png",        "la.png",         "one_bit.png",
    "palette.png",  "palette_clear.png", "deep.png",        "interlaced.png", "interlaced_rgba.png",
    "baseline.jpg", "full_chroma.jpg",   "progressive.jpg", "grey.jpg",       "restart.jpg",
    "inks.jpg"};
enum { N_FILES = sizeof files / sizeof *files };

static char *golden_bytes(const char *name, size_t *size) {
    char *path = dn_printf(GOLDEN "%s", name), *bytes = slurp(path, size);
    free(path);
    return bytes;
}

// The golden file has RGBA, RGB and L: eight channels.
static int worst_difference(const dn_image *image, const dn_tensor *golden) {
    int first = image->channels == 4 ? 0 : image->channels == 3 ? 4 : 7, worst = 0;
    const uint8_t *expected = golden->data;
    for (int i = 0; i < image->height * image->width; i++) {
        for (int c = 0; c < image->channels; c++) {
            int d = abs(image->pixels[i * image->channels + c] - expected[8 * i + first + c]);
            if (d > worst) worst = d;
        }
    }
    return worst;
}

// libjpeg-turbo is the same library as Pillow's, so JPEG may differ by rounding at most.
static void test_decode(void) {
    dn_image_scratch *scratch = dn_image_scratch_new();
    dn_image image = {0};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N_FILES; i++) {
            size_t size;
            char *bytes = golden_bytes(files[i], &size);
            char *name = dn_printf("%s.npy", files[i]);
            dn_tensor *golden = golden_npy(name);
            int allowed = strstr(files[i], ".jpg") ? 1 : 0, height = 0, width = 0;
            const int channels[] = {1, 3, 4};
            for (int c = 0; c < 3; c++) {
                CHECK_OK(dn_image_decode(scratch, (uint8_t *)bytes, size, channels[c], &image));
                CHECK(image.height == 21 && image.width == 18 && image.channels == channels[c]);
                int worst = worst_difference(&image, golden);
                CHECK(worst <= allowed, "%s to %d: off by %d", files[i], channels[c], worst);
            }
            CHECK_OK(dn_image_check(scratch, (uint8_t *)bytes, size, &height, &width));
            CHECK(height == 21 && width == 18);
            dn_tensor_release(golden);
            free(name);
            free(bytes);
        }
    }
    dn_image_free(&image);
    dn_image_scratch_free(scratch);
}

static void test_own_channels(void) {
    const int own[N_FILES] = {3, 4, 1, 4, 1, 3, 4, 3, 3, 4, 3, 3, 3, 1, 3, 3};
    dn_image_scratch *scratch = dn_image_scratch_new();
    dn_image image = {0};
    for (int i = 0; i < N_FILES; i++) {
        size_t size;
        char *bytes = golden_bytes(files[i], &size);
        CHECK_OK(dn_image_decode(scratch, (uint8_t *)bytes, size, 0, &image));
        CHECK(image.channels == own[i], "%s: %d", files[i], image.channels);
        free(bytes);
    }
    dn_image_free(&image);
    dn_image_scratch_free(scratch);
}

// Every file, cut anywhere, is damaged; both ways to read it agree.
static void test_truncation(void) {
    dn_image_scratch *scratch = dn_image_scratch_new();
    dn_image image = {0};
    for (int i = 0; i < N_FILES; i++) {
        size_t size;
        char *bytes = golden_bytes(files[i], &size);
        for (size_t cut = 0; cut < size; cut += cut < 64 || cut + 32 > size ? 1 : 37) {
            int height, width;
            // A copy of just that size, so that a sanitizer sees a read beyond it.
            uint8_t *copy = malloc(cut + !cut);
            memcpy(copy, bytes, cut);
            dn_status a = dn_image_decode(scratch, copy, cut, 3, &image);
            dn_status b = dn_image_check(scratch, copy, cut, &height, &width);
            CHECK(a && b, "%s cut at %zu of %zu", files[i], cut, size);
            dn_status_free(a);
            dn_status_free(b);
            free(copy);
        }
        free(bytes);
    }
    dn_image_free(&image);
    dn_image_scratch_free(scratch);
}

// A file without tables must not be decoded with those of the file before it.
static void test_no_memory_of_other_files(void) {
    dn_image_scratch *scratch = dn_image_scratch_new();
    dn_image image = {0};
    size_t size;
    uint8_t *bytes = (uint8_t *)golden_bytes("baseline.jpg", &size);
    CHECK_OK(dn_image_decode(scratch, bytes, size, 3, &image));
    for (size_t i = 0; i + 1 < size; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xdb) bytes[i + 1] = 0xec;  // an application's data
    CHECK_FAILS(dn_image_decode(scratch, bytes, size, 3, &image), "damaged JPEG");
    free(bytes);
    dn_image_free(&image);
    dn_image_scratch_free(scratch);
}

static void test_refusals(void) {
    dn_image_scratch *scratch = dn_image_scratch_new();
    dn_image image = {0};
    size_t size;
    CHECK_FAILS(dn_image_decode(scratch, NULL, 0, 3, &image), "empty");
    CHECK_FAILS(dn_image_decode(scratch, (const uint8_t *)"GIF89a......", 12, 3, &image), "a GIF");
    CHECK_FAILS(dn_image_decode(scratch, (const uint8_t *)"RIFF....WEBP", 12, 3, &image), "a WebP");
    CHECK_FAILS(dn_image_decode(scratch, (const uint8_t *)"hello world", 11, 3, &image),
                "neither PNG nor JPEG");
    // Sizes beyond what the bytes could hold, in the JPEG's frame header.
    uint8_t *bytes = (uint8_t *)golden_bytes("baseline.jpg", &size);
    for (size_t i = 0; i + 8 < size; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) memset(bytes + i + 5, 0x30, 4);
    CHECK_FAILS(dn_image_decode(scratch, bytes, size, 3, &image), "more than its bytes can hold");
    for (size_t i = 0; i + 8 < size; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) memset(bytes + i + 5, 0xf0, 4);
    CHECK_FAILS(dn_image_decode(scratch, bytes, size, 3, &image), "2^28 pixels");
    CHECK(image.capacity == 0);
    free(bytes);
    dn_image_free(&image);
    dn_image_scratch_free(scratch);
}

static void test_write(void) {
    dn_image_scratch *scratch = dn_image_scratch_new();
    for (int channels = 1; channels <= 4; channels++) {
        if (channels == 2) continue;
        uint8_t pixels[7 * 5 * 4];
        for (int i = 0; i < 7 * 5 * channels; i++) pixels[i] = (uint8_t)(i * 37);
        dn_image image = {.height = 7, .width = 5, .channels = channels, .pixels = pixels};
        dn_image back = {0};
        CHECK_OK(dn_image_write_png(in_folder("out.png"), &image));
        size_t size;
        char *bytes = slurp(in_folder("out.png"), &size);
        CHECK_OK(dn_image_decode(scratch, (uint8_t *)bytes, size, 0, &back));
        CHECK(back.height == 7 && back.width == 5 && back.channels == channels);
        CHECK(memcmp(back.pixels, pixels, (size_t)(7 * 5 * channels)) == 0);
        free(bytes);
        dn_image_free(&back);
    }
    uint8_t pixel[1] = {0};
    dn_image image = {.height = 1, .width = 1, .channels = 1, .pixels = pixel};
    CHECK_FAILS(dn_image_write_png(in_folder("none/out.png"), &image),
                "none/out.png: cannot write: No such file");
    image.channels = 2;
    CHECK_FAILS(dn_image_write_png(in_folder("out.png"), &image), "2 channels");
    // Nothing was left beside.
    DIR *folder = opendir(fixture_folder);
    int entries = 0;
    for (struct dirent *e; (e = readdir(folder));) entries += e->d_name[0] != '.';
    closedir(folder);
    CHECK(entries == 1, "%d", entries);
    dn_image_scratch_free(scratch);
}

static void test_resize(void) {
    static const int sizes[][2] = {{16, 16}, {50, 31}, {37, 11}, {5, 23},
                                   {1, 1},   {90, 3},  {36, 24}};
    dn_resize_scratch *scratch = dn_resize_scratch_new();
    dn_tensor *source = golden_npy("resize_source.npy");
    double worst = 0;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            int h = sizes[i][0], w = sizes[i][1];
            char *name = dn_printf("resize_%dx%d.npy", h, w);
            dn_tensor *golden = golden_npy(name);
            float *out = malloc((size_t)h * (size_t)w * 3 * sizeof *out);
            CHECK_OK(dn_image_resize(scratch, source->data, 37, 23, 3, out, h, w));
            for (int k = 0; k < h * w * 3; k++)
                worst = fmax(worst, fabs(out[k] - ((float *)golden->data)[k]));
            free(out);
            free(name);
            dn_tensor_release(golden);
        }
    }
    CHECK(worst < 1e-4, "off by %g", worst);
    printf("resize: off by at most %g of 255\n", worst);
    float same[37 * 23 * 3];
    CHECK_OK(dn_image_resize(scratch, source->data, 37, 23, 3, same, 37, 23));
    CHECK(memcmp(same, source->data, sizeof same) == 0);
    dn_tensor_release(source);
    dn_resize_scratch_free(scratch);
}

int main(void) {
    fixture_begin();
    test_decode();
    test_own_channels();
    test_truncation();
    test_no_memory_of_other_files();
    test_refusals();
    test_write();
    test_resize();
    fixture_end();
    return CHECK_RESULT();
}
