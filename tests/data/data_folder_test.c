// Folders of images and CelebA: what is found, what is cleaned away, what is said.
#include <fcntl.h>

#include "tests/data/fixtures.h"

static const dn_image_options rgb = {.height = 8, .width = 8, .channels = 3};
static const dn_image_options strict_rgb = {.height = 8, .width = 8, .channels = 3, .strict = true};

static void copy_cut(const char *golden, const char *name, double part) {
    char *path = dn_printf(GOLDEN "%s", golden);
    size_t size;
    char *bytes = slurp(path, &size);
    write_bytes(name, bytes, (size_t)((double)size * part));
    free(bytes);
    free(path);
}

static bool first_name(const dn_report *report, dn_defect defect, const char *text) {
    bool found = report->count[defect] > 0 && strstr(report->names[defect][0], text);
    if (!found)
        fprintf(stderr, "got %s\n", report->count[defect] ? report->names[defect][0] : "none");
    return found;
}

static void test_cleaning(void) {
    make_folder("mixed");
    make_folder("mixed/deeper");
    copy_golden("rgb.png", "mixed/b.PNG");
    copy_golden("rgba.png", "mixed/deeper/a.png");
    copy_golden("baseline.jpg", "mixed/c.JPeG");
    copy_golden("rgb.png", "mixed/z_again.png");
    copy_cut("progressive.jpg", "mixed/cut.jpg", 0.6);
    copy_cut("grey.png", "mixed/cut.png", 0.6);
    copy_golden("grey.jpg", "mixed/other.png");
    write_text("mixed/empty.jpg", "");
    write_text("mixed/text.jpg", "this is no image");
    write_text("mixed/notes.txt", "not looked at");
    write_text("mixed/.hidden.jpg", "nor this");
    CHECK(symlink("nowhere.png", in_folder("mixed/gone.png")) == 0);
    CHECK(symlink("..", in_folder("mixed/deeper/up")) == 0);  // a loop
    CHECK(mkfifo(in_folder("mixed/pipe.png"), 0600) == 0);
    dn_dataset *d = NULL;
    CHECK_OK(dn_dataset_image_folder(in_folder("mixed"), &rgb, false, &d));
    if (!d) exit(1);
    const dn_report *report = dn_dataset_report(d);
    CHECK(dn_dataset_size(d) == 4 && report->used == 4 && report->seen == 11, "%d of %d",
          (int)report->used, (int)report->seen);
    CHECK(report->count[DN_DEFECT_UNREADABLE] == 2 && report->count[DN_DEFECT_EMPTY] == 1);
    CHECK(report->count[DN_DEFECT_TRUNCATED] == 2 && report->count[DN_DEFECT_NOT_IMAGE] == 1);
    CHECK(report->count[DN_DEFECT_MISNAMED] == 1 && report->count[DN_DEFECT_DUPLICATE] == 1);
    CHECK(first_name(report, DN_DEFECT_UNREADABLE, "gone.png: cannot be opened: No such file"));
    CHECK(first_name(report, DN_DEFECT_EMPTY, "empty.jpg"));
    CHECK(first_name(report, DN_DEFECT_TRUNCATED, "cut.jpg: damaged JPEG: "));
    CHECK(first_name(report, DN_DEFECT_NOT_IMAGE, "text.jpg: its content is neither PNG nor JPEG"));
    CHECK(first_name(report, DN_DEFECT_MISNAMED, "other.png: is a JPEG"));
    CHECK(first_name(report, DN_DEFECT_DUPLICATE, "z_again.png: the same bytes as b.PNG"));
    CHECK(strstr(report->names[DN_DEFECT_UNREADABLE][1], "pipe.png: is not a regular file"));
    dn_str text = {0};
    dn_report_print(report, &text);
    CHECK(strstr(text.text, "4 of 11 images used\n"), "%s", text.text);
    CHECK(strstr(text.text, "2 truncated or damaged (cut.jpg: "), "%s", text.text);
    free(text.text);
    dn_dataset *again = NULL;
    CHECK_OK(dn_dataset_image_folder(in_folder("mixed/"), &rgb, false, &again));
    CHECK(dn_dataset_fingerprint(d) == dn_dataset_fingerprint(again));
    CHECK(hash_epoch(d, 0, 0, 0, 1) == hash_epoch(again, 0, 0, 0, 2));
    dn_dataset_release(again);
    dn_dataset *none = NULL;
    CHECK_FAILS(dn_dataset_image_folder(in_folder("mixed"), &strict_rgb, false, &none),
                "mixed/cut.jpg: truncated: damaged JPEG");
    // An element that is damaged after opening.
    copy_cut("rgba.png", "mixed/deeper/a.png", 0.5);
    dn_iterator *it = NULL;
    dn_tensor *t[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_iterator_new(d, 0, 0, 1, 2, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    CHECK_FAILS(dn_iterator_next(it, t, &done), "mixed/deeper/a.png: damaged PNG");
    CHECK_OK(dn_iterator_next(it, t, &done));
    CHECK(!done && dn_iterator_position(it) == 4);
    dn_iterator_free(it);
    dn_dataset_release(d);
}

// Each defect alone is an error when strict.
static void test_strict(void) {
    static const struct {
        const char *name, *message;
    } cases[] = {{"empty.png", "b_empty.png: empty"},
                 {"text.png", "b_text.png: not an image: its content"},
                 {"cut.png", "b_cut.png: truncated: damaged PNG"},
                 {"wrong.jpg", "b_wrong.jpg: misnamed: is a PNG"},
                 {"same.png", "b_same.png: duplicate: the same bytes as a.png"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = dn_printf("strict%zu", i), *good = dn_printf("%s/a.png", folder);
        char *bad = dn_printf("%s/b_%s", folder, cases[i].name);
        make_folder(folder);
        copy_golden("rgb.png", good);
        if (i == 0) write_text(bad, "");
        if (i == 1) write_text(bad, "?");
        if (i == 2) copy_cut("grey.png", bad, 0.7);
        if (i == 3) copy_golden("grey.png", bad);
        if (i == 4) copy_golden("rgb.png", bad);
        dn_dataset *d = NULL;
        CHECK_FAILS(dn_dataset_image_folder(in_folder(folder), &strict_rgb, false, &d),
                    cases[i].message);
        CHECK_OK(dn_dataset_image_folder(in_folder(folder), &rgb, false, &d));
        dn_dataset_release(d);
        free(folder);
        free(good);
        free(bad);
    }
}

static void test_nothing_there(void) {
    dn_dataset *d = NULL;
    make_folder("bare");
    CHECK_FAILS(dn_dataset_image_folder(in_folder("bare"), &rgb, false, &d),
                "expected .png, .jpg or .jpeg files");
    write_text("bare/a.webp", "x");
    write_text("bare/b.WEBP", "x");
    CHECK_FAILS(dn_dataset_image_folder(in_folder("bare"), &rgb, false, &d), "found 2 .webp");
    write_text("bare/c.png", "x");
    CHECK_FAILS(dn_dataset_image_folder(in_folder("bare"), &rgb, false, &d), "no usable image in ");
    CHECK_FAILS(dn_dataset_image_folder(in_folder("bare"), &rgb, true, &d), "has no subfolders");
    CHECK_FAILS(dn_dataset_image_folder(in_folder("none"), &rgb, false, &d),
                "none: No such file or directory");
    CHECK_FAILS(dn_dataset_image_folder(in_folder("bare/c.png"), &rgb, false, &d),
                "Not a directory");
    dn_image_options bad = rgb;
    bad.channels = 2;
    CHECK_FAILS(dn_dataset_image_folder(in_folder("bare"), &bad, false, &d), "2 channels");
    bad = rgb;
    bad.width = 0;
    CHECK_FAILS(dn_dataset_image_folder(in_folder("bare"), &bad, false, &d), "8 x 0");
}

static void test_labels(void) {
    make_folder("classes");
    make_folder("classes/dog");
    make_folder("classes/cat");
    copy_golden("rgb.png", "classes/dog/1.png");
    copy_golden("baseline.jpg", "classes/dog/2.jpg");
    copy_golden("rgba.png", "classes/cat/1.png");
    dn_dataset *d = NULL;
    CHECK_OK(dn_dataset_image_folder(in_folder("classes"), &rgb, true, &d));
    if (!d) exit(1);
    const dn_field *fields;
    const char *const *names;
    CHECK(dn_dataset_fields(d, &fields) == 2 && strcmp(fields[1].name, "label") == 0);
    CHECK(fields[1].dtype == DN_I32 && fields[1].shape.rank == 0);
    CHECK(dn_dataset_classes(d, &names) == 2 && strcmp(names[0], "cat") == 0);
    THEN(d, dn_dataset_batch(d, 3, false, next));
    CHECK(dn_dataset_classes(d, &names) == 2 && strcmp(names[1], "dog") == 0);
    dn_iterator *it = NULL;
    dn_tensor *t[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_iterator_new(d, 0, 0, 0, 2, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    const int32_t *label = t[1]->data;
    CHECK(label[0] == 0 && label[1] == 1 && label[2] == 1);
    dn_iterator_free(it);
    dn_dataset_release(d);
}

// The image's own size, so that values are the decoder's; then with crop and another size.
static void test_pixels(void) {
    make_folder("one");
    copy_golden("rgb.png", "one/a.png");
    dn_tensor *golden = golden_npy("rgb.png.npy");
    dn_image_options own = {.height = 21, .width = 18, .channels = 3};
    dn_dataset *d = NULL;
    dn_iterator *it = NULL;
    dn_tensor *t[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_dataset_image_folder(in_folder("one"), &own, false, &d));
    CHECK_OK(dn_iterator_new(d, 0, 0, 0, 1, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    for (int i = 0; i < 21 * 18; i++)
        for (int c = 0; c < 3; c++)
            CHECK(((float *)t[0]->data)[3 * i + c] == ((uint8_t *)golden->data)[8 * i + 4 + c]);
    dn_iterator_free(it);
    dn_dataset_release(d);
    // 18 x 18 from the middle: rows 1 to 19, no resampling.
    dn_image_options square = {.height = 18, .width = 18, .channels = 1, .crop = true};
    CHECK_OK(dn_dataset_image_folder(in_folder("one"), &square, false, &d));
    CHECK_OK(dn_iterator_new(d, 0, 0, 0, 1, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    for (int i = 0; i < 18 * 18; i++)
        CHECK(((float *)t[0]->data)[i] == ((uint8_t *)golden->data)[8 * (i + 18) + 7]);
    dn_iterator_free(it);
    dn_dataset_release(d);
    dn_tensor_release(golden);
}

// ---- CelebA -----------------------------------------------------------------------------------

static void write_attributes(const char *count, int names, const char *const *rows, int n) {
    dn_str text = {0};
    dn_str_printf(&text, "%s\n", count);
    for (int i = 0; i < names; i++) dn_str_printf(&text, "Attribute_%d ", i);
    dn_str_puts(&text, "\n");
    for (int r = 0; r < n; r++) {
        dn_str_printf(&text, "%s ", rows[r]);
        for (int i = 0; i < 40; i++) dn_str_puts(&text, (i + r) % 3 ? " -1" : "  1");
        dn_str_puts(&text, "\n");
    }
    write_text("celeba/list_attr_celeba.txt", text.text);
    free(text.text);
}

static void test_celeba(void) {
    static const char *const rows[] = {"1.jpg", "2.jpg", "3.jpg", "4.jpg"};
    dn_dataset *d = NULL;
    const char *path = strdup(in_folder("celeba"));
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "celeba: No such file");
    make_folder("celeba");
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "img_align_celeba: No such file");
    make_folder("celeba/img_align_celeba");
    copy_golden("baseline.jpg", "celeba/img_align_celeba/1.jpg");
    copy_golden("grey.jpg", "celeba/img_align_celeba/2.jpg");
    copy_golden("progressive.jpg", "celeba/img_align_celeba/3.jpg");
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "list_attr_celeba.txt: No such file");
    write_attributes("4", 40, rows, 4);
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "list_eval_partition.txt: No such");
    write_text("celeba/list_eval_partition.txt", "1.jpg 0\n2.jpg 1\n3.jpg 0\n4.jpg 0\n");
    CHECK_FAILS(dn_dataset_celeba(path, "dev", &rgb, &d), "no partition \"dev\"");
    CHECK_OK(dn_dataset_celeba(path, "train", &rgb, &d));
    if (!d) exit(1);
    const dn_report *report = dn_dataset_report(d);
    CHECK(dn_dataset_size(d) == 2 && report->seen == 3);
    CHECK(first_name(report, DN_DEFECT_UNREADABLE, "4.jpg: cannot be opened"));
    const char *const *names;
    CHECK(dn_dataset_classes(d, &names) == 40 && strcmp(names[39], "Attribute_39") == 0);
    dn_iterator *it = NULL;
    dn_tensor *t[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_iterator_new(d, 0, 0, 1, 2, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    CHECK(t[1]->dtype == DN_U8 && t[1]->bytes == 40);
    for (int i = 0; i < 40; i++) CHECK(((uint8_t *)t[1]->data)[i] == ((i + 2) % 3 == 0));
    dn_iterator_free(it);
    dn_dataset_release(d);
    CHECK_OK(dn_dataset_celeba(path, "all", &rgb, &d));
    CHECK(dn_dataset_size(d) == 3);
    dn_dataset_release(d);
    CHECK_OK(dn_dataset_celeba(path, "valid", &rgb, &d));
    CHECK(dn_dataset_size(d) == 1);
    dn_dataset_release(d);
    CHECK_FAILS(dn_dataset_celeba(path, "test", &rgb, &d), "no image is in partition test");
    write_text("celeba/list_eval_partition.txt", "1.jpg 0\n2.jpg 1\n3.jpg 0\n");
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "lists 3 images");
    write_text("celeba/list_eval_partition.txt", "1.jpg 0\n2.jpg 1\n3.jpg 0\n4.jpg 0\n5.jpg 0\n");
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "lists 5 images");
    write_text("celeba/list_eval_partition.txt", "1.jpg 0\n3.jpg 1\n2.jpg 0\n4.jpg 0\n");
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "txt:2: 3.jpg stands where");
    write_text("celeba/list_eval_partition.txt", "1.jpg 0\n2.jpg 7\n3.jpg 0\n4.jpg 0\n");
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "txt:2: not a name and a partition");
    write_text("celeba/list_eval_partition.txt", "1.jpg 0\n2.jpg 1\n3.jpg 0\n4.jpg 0\n");
    write_attributes("5", 40, rows, 4);
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d),
                "says that it lists 5 images, but lists 4");
    write_attributes("4", 39, rows, 4);
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "names 39 attributes; CelebA has 40");
    write_text("celeba/list_attr_celeba.txt", "");
    CHECK_FAILS(dn_dataset_celeba(path, "train", &rgb, &d), "line 1 is not the number of images");
    free((char *)path);
}

int main(void) {
    fixture_begin();
    test_cleaning();
    test_strict();
    test_nothing_there();
    test_labels();
    test_pixels();
    test_celeba();
    fixture_end();
    return CHECK_RESULT();
}
