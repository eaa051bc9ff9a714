// Transforms, and the iterator: order, determinism, positions, padding, retained tensors, errors.
#include "tests/data/fixtures.h"

// Rows 0..n-1: "value" f32[2] = {i, i + 0.5}, "label" i32 = i.
static dn_dataset *numbers(int64_t n) {
    const char *const names[] = {"value", "label"};
    dn_tensor *tensors[2];
    dn_shape label_shape = dn_shape_of(1, &n);
    tensors[0] = counting_tensor(2, (int64_t[]){n, 2});
    CHECK_OK(dn_tensor_new(DN_I32, &label_shape, &tensors[1]));
    for (int64_t i = 0; i < n; i++) dn_tensor_set(tensors[1], i, (double)i);
    dn_dataset *d = NULL;
    CHECK_OK(dn_dataset_tensors(names, tensors, 2, &d));
    dn_tensor_release(tensors[0]);
    dn_tensor_release(tensors[1]);
    return d;
}

static dn_dataset *images(int64_t n, int64_t h, int64_t w, int64_t c) {
    const char *const names[] = {"image"};
    dn_tensor *tensor = counting_tensor(4, (int64_t[]){n, h, w, c});
    dn_dataset *d = NULL;
    CHECK_OK(dn_dataset_tensors(names, &tensor, 1, &d));
    dn_tensor_release(tensor);
    return d;
}

// The labels of an epoch, in order; at most `room`.
static int64_t labels_of(dn_dataset *d, uint64_t seed, uint64_t epoch, int64_t position,
                         int32_t *out, int64_t room) {
    dn_iterator *it = NULL;
    CHECK_OK(dn_iterator_new(d, seed, epoch, position, 3, &it));
    int64_t n = 0;
    for (bool done = false; !done;) {
        dn_tensor *fields[DN_MAX_FIELDS];
        CHECK_OK(dn_iterator_next(it, fields, &done));
        for (int64_t i = 0; !done && i < dn_shape_elements(&fields[1]->shape) && n < room; i++)
            out[n++] = ((int32_t *)fields[1]->data)[i];
    }
    dn_iterator_free(it);
    return n;
}

static void test_take_skip(void) {
    dn_dataset *d = numbers(10);
    int32_t got[16];
    THEN(d, dn_dataset_skip(d, 3, next));
    THEN(d, dn_dataset_take(d, 4, next));
    CHECK(dn_dataset_size(d) == 4);
    CHECK(labels_of(d, 0, 0, 0, got, 16) == 4 && got[0] == 3 && got[3] == 6);
    THEN(d, dn_dataset_skip(d, 100, next));
    CHECK(dn_dataset_size(d) == 0);
    CHECK(labels_of(d, 0, 0, 0, got, 16) == 0);
    dn_dataset_release(d);
}

static void test_shuffle(void) {
    enum { N = 500 };
    dn_dataset *d = numbers(N), *plain = dn_dataset_retain(d);
    THEN(d, dn_dataset_shuffle(d, next));
    int32_t a[N], b[N], seen[N] = {0};
    CHECK(labels_of(d, 5, 0, 0, a, N) == N);
    int fixed = 0;
    for (int i = 0; i < N; i++) seen[a[i]]++, fixed += a[i] == i;
    for (int i = 0; i < N; i++) CHECK(seen[i] == 1, "%d: %d times", i, seen[i]);
    CHECK(fixed < 10, "%d of %d stayed", fixed, N);
    labels_of(d, 5, 0, 0, b, N);
    CHECK(memcmp(a, b, sizeof a) == 0, "the same epoch");
    labels_of(d, 5, 1, 0, b, N);
    CHECK(memcmp(a, b, sizeof a) != 0, "another epoch");
    labels_of(d, 6, 0, 0, b, N);
    CHECK(memcmp(a, b, sizeof a) != 0, "another seed");
    CHECK(labels_of(d, 5, 0, 123, b, N) == N - 123);
    CHECK(memcmp(a + 123, b, (N - 123) * sizeof *a) == 0, "from a position");
    CHECK(dn_dataset_fingerprint(d) != dn_dataset_fingerprint(plain));
    dn_dataset_release(plain);
    dn_dataset_release(d);
}

static void test_batch_and_padding(void) {
    dn_dataset *d = numbers(10), *dropped = NULL, *padded = NULL, *none = NULL;
    CHECK_OK(dn_dataset_batch(d, 4, false, &dropped));
    CHECK_OK(dn_dataset_batch(d, 4, true, &padded));
    CHECK(dn_dataset_size(dropped) == 2 && dn_dataset_size(padded) == 3);
    CHECK_FAILS(dn_dataset_batch(d, 11, false, &none), "a batch of 11 from 10 elements");
    CHECK_FAILS(dn_dataset_batch(d, 0, false, &none), "a batch of 0");
    CHECK_FAILS(dn_dataset_batch(padded, 2, true, &none), "weight");
    const dn_field *fields;
    CHECK(dn_dataset_fields(padded, &fields) == 3);
    CHECK(strcmp(fields[2].name, "weight") == 0 && fields[2].shape.dims[0] == 4);
    CHECK(fields[0].shape.rank == 2 && fields[0].shape.dims[0] == 4 && fields[1].shape.rank == 1);
    dn_iterator *it = NULL;
    CHECK_OK(dn_iterator_new(padded, 0, 0, 2, 2, &it));
    dn_tensor *t[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_iterator_next(it, t, &done));
    const int32_t *label = t[1]->data;
    const float *weight = t[2]->data, *value = t[0]->data;
    CHECK(!done && label[0] == 8 && label[1] == 9 && label[2] == 9 && label[3] == 9);
    CHECK(weight[0] == 1 && weight[1] == 1 && weight[2] == 0 && weight[3] == 0);
    CHECK(value[6] == 9 && value[7] == 9.5f);
    CHECK_OK(dn_iterator_next(it, t, &done));
    CHECK(done && dn_iterator_position(it) == 3);
    dn_iterator_free(it);
    // A batch of batches, from padded ones: weights come along.
    THEN(padded, dn_dataset_batch(padded, 3, false, next));
    CHECK_OK(dn_iterator_new(padded, 0, 0, 0, 2, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    label = t[1]->data, weight = t[2]->data;
    CHECK(!done && t[1]->shape.rank == 2 && t[1]->shape.dims[0] == 3);
    for (int i = 0; i < 12; i++)
        CHECK(label[i] == (i < 10 ? i : 9) && weight[i] == (i < 10), "%d", i);
    dn_iterator_free(it);
    dn_dataset_release(dropped);
    dn_dataset_release(padded);
    dn_dataset_release(d);
}

static void test_maps(void) {
    dn_dataset *d = images(3, 2, 2, 3), *out = NULL;
    const double mean[] = {1, 2, 3}, deviation[] = {2, 4, 8};
    THEN(d, dn_dataset_rescale(d, 2, -1, next));
    THEN(d, dn_dataset_normalize(d, mean, deviation, 3, next));
    THEN(d, dn_dataset_batch(d, 3, false, next));
    dn_iterator *it = NULL;
    dn_tensor *t[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_iterator_new(d, 0, 0, 0, 1, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    for (int i = 0; i < 36; i++) {
        double expected = (i * 0.5 * 2 - 1 - mean[i % 3]) / deviation[i % 3];
        CHECK_NEAR(((float *)t[0]->data)[i], expected, 1e-6);
    }
    dn_iterator_free(it);
    CHECK_FAILS(dn_dataset_normalize(d, mean, deviation, 2, &out), "2 means, but image has 3");
    CHECK_FAILS(dn_dataset_normalize(d, mean, (double[]){1, 0, 1}, 3, &out), "deviation 0");
    dn_dataset_release(d);
    d = numbers(3);
    CHECK_OK(dn_dataset_rescale(d, 2, 0, &out));  // value is the only f32 field
    dn_dataset_release(out);
    CHECK_FAILS(dn_dataset_resize(d, 4, 4, false, &out), "resize needs images");
    dn_dataset_release(d);
    dn_tensor *two[] = {counting_tensor(1, (int64_t[]){2}), counting_tensor(1, (int64_t[]){2})};
    CHECK_OK(dn_dataset_tensors((const char *const[]){"a", "b"}, two, 2, &d));
    CHECK_FAILS(dn_dataset_rescale(d, 2, 0, &out), "exactly one f32 field; this data has 2");
    dn_dataset_release(d);
    dn_tensor_release(two[0]);
    dn_tensor_release(two[1]);
}

// A resize of a batch is the batch of resizes; with crop the sides are cut off.
static void test_resize(void) {
    dn_dataset *a = images(4, 6, 10, 3), *b = dn_dataset_retain(a), *c = dn_dataset_retain(a);
    THEN(a, dn_dataset_resize(a, 3, 3, true, next));
    const dn_field *fields;
    dn_dataset_fields(a, &fields);
    CHECK(fields[0].shape.dims[0] == 3 && fields[0].shape.dims[1] == 3);
    THEN(a, dn_dataset_batch(a, 2, false, next));
    THEN(b, dn_dataset_batch(b, 2, false, next));
    THEN(b, dn_dataset_resize(b, 3, 3, true, next));
    THEN(c, dn_dataset_batch(c, 2, false, next));
    THEN(c, dn_dataset_resize(c, 3, 3, false, next));
    uint64_t hash = hash_epoch(a, 0, 0, 0, 2);
    CHECK(hash == hash_epoch(b, 0, 0, 0, 2));
    CHECK(hash != hash_epoch(c, 0, 0, 0, 2));
    dn_dataset_release(a);
    dn_dataset_release(b);
    dn_dataset_release(c);
}

static dn_dataset *whole_pipeline(void) {
    const dn_augment_options augment = {
        .rotation = 20, .width_shift = 0.2, .zoom = 0.2, .horizontal_flip = true};
    dn_dataset *d = images(61, 12, 9, 3);
    THEN(d, dn_dataset_augment(d, &augment, next));
    THEN(d, dn_dataset_resize(d, 8, 8, true, next));
    THEN(d, dn_dataset_rescale(d, 1 / 127.5, -1, next));
    THEN(d, dn_dataset_shuffle(d, next));
    THEN(d, dn_dataset_batch(d, 7, true, next));
    THEN(d, dn_dataset_prefetch(d, 3, next));
    return d;
}

static void test_determinism(void) {
    dn_dataset *d = whole_pipeline();
    const int workers[] = {1, 2, 7};
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        uint64_t hash = hash_epoch(d, 9, epoch, 0, 1);
        for (int round = 0; round < 5; round++)
            for (int w = 0; w < 3; w++) CHECK(hash == hash_epoch(d, 9, epoch, 0, workers[w]));
    }
    // A second opening of the same data is the same data.
    dn_dataset *again = whole_pipeline();
    CHECK(dn_dataset_fingerprint(d) == dn_dataset_fingerprint(again));
    CHECK(hash_epoch(d, 9, 1, 0, 2) == hash_epoch(again, 9, 1, 0, 3));
    dn_dataset_release(again);
    dn_dataset_release(d);
}

// Leaving an epoch anywhere and starting another gives what a new iterator gives.
static void test_restart(void) {
    dn_dataset *d = whole_pipeline();
    dn_iterator *it = NULL;
    CHECK_OK(dn_iterator_new(d, 4, 0, 0, 3, &it));
    for (int leave = 0; leave <= 9; leave++) {
        dn_tensor *t[DN_MAX_FIELDS];
        bool done;
        CHECK_OK(dn_iterator_restart(it, 7, 0));
        for (int i = 0; i < leave; i++) CHECK_OK(dn_iterator_next(it, t, &done));
        CHECK(dn_iterator_position(it) == leave);
        CHECK(hash_rest(it, 2, NULL) == hash_epoch(d, 4, 7, leave, 2));
        CHECK_OK(dn_iterator_restart(it, 8, leave / 2));
        for (int i = 0; i < leave / 3; i++) CHECK_OK(dn_iterator_next(it, t, &done));
    }
    CHECK_FAILS(dn_iterator_restart(it, 0, 10), "position 10 in an epoch of 9");
    CHECK_FAILS(dn_iterator_restart(it, 0, -1), "position -1");
    dn_iterator_free(it);
    it = NULL;
    CHECK_FAILS(dn_iterator_new(d, 0, 0, 10, 1, &it), "position 10");
    // Freed in the middle of work.
    for (int i = 0; i < 20; i++) {
        CHECK_OK(dn_iterator_new(d, 4, (uint64_t)i, 0, 5, &it));
        dn_iterator_free(it);
    }
    dn_dataset_release(d);
}

// What the caller retains does not change; what it gives back is used again.
static void test_retained(void) {
    enum { N = 40 };
    dn_dataset *d = numbers(N);
    dn_iterator *it = NULL;
    dn_tensor *kept[N], *t[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_iterator_new(d, 0, 0, 0, 4, &it));
    for (int i = 0; i < N; i++) {
        CHECK_OK(dn_iterator_next(it, t, &done));
        kept[i] = dn_tensor_retain(t[0]);
    }
    CHECK_OK(dn_iterator_next(it, t, &done));
    CHECK(done);
    for (int i = 0; i < N; i++) {
        CHECK(((float *)kept[i]->data)[0] == (float)i, "%d", i);
        for (int j = 0; j < i; j++) CHECK(kept[i] != kept[j]);
        dn_tensor_release(kept[i]);
    }
    // One is always kept a while longer: the same few tensors come round.
    dn_tensor *last = NULL, *seen[64];
    int n_seen = 0;
    CHECK_OK(dn_iterator_restart(it, 1, 0));
    for (int i = 0; i < N; i++) {
        CHECK_OK(dn_iterator_next(it, t, &done));
        if (last) {
            CHECK(((float *)last->data)[0] == (float)(i - 1));
            dn_tensor_release(last);
        }
        last = dn_tensor_retain(t[0]);
        int k = 0;
        while (k < n_seen && seen[k] != last) k++;
        if (k == n_seen && n_seen < 64) seen[n_seen++] = last;
    }
    CHECK(n_seen < N, "%d different tensors", n_seen);
    dn_iterator_free(it);
    CHECK(((float *)last->data)[0] == N - 1);  // outlives the iterator
    dn_tensor_release(last);
    dn_dataset_release(d);
}

// What an element is said to be made of is what it is made of, through every node.
static void test_describe(void) {
    dn_dataset *d = numbers(20);
    THEN(d, dn_dataset_skip(d, 3, next));
    THEN(d, dn_dataset_shuffle(d, next));
    THEN(d, dn_dataset_batch(d, 2, false, next));
    THEN(d, dn_dataset_prefetch(d, 3, next));
    THEN(d, dn_dataset_batch(d, 3, false, next));
    dn_iterator *it = NULL;
    CHECK_OK(dn_iterator_new(d, 7, 1, 1, 2, &it));
    dn_tensor *fields[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_iterator_next(it, fields, &done));
    dn_str expected = {0}, text = {0};
    for (int i = 0; i < 6; i++)
        dn_str_printf(&expected, "%s%g", i ? ", " : "elements ", dn_tensor_get(fields[1], i));
    dn_iterator_describe(it, &text);
    CHECK(strcmp(text.text, expected.text) == 0, "%s instead of %s", text.text, expected.text);
    free(text.text);
    free(expected.text);
    dn_iterator_free(it);
    dn_dataset_release(d);
}

// Where the last batch is filled up, its last element comes again. Only so many are told.
static void test_describe_many(void) {
    dn_dataset *d = numbers(103);
    THEN(d, dn_dataset_batch(d, 102, true, next));
    dn_iterator *it = NULL;
    CHECK_OK(dn_iterator_new(d, 0, 0, 1, 1, &it));
    dn_tensor *fields[DN_MAX_FIELDS];
    bool done;
    dn_str text = {0};
    CHECK_OK(dn_iterator_next(it, fields, &done));
    dn_iterator_describe(it, &text);
    CHECK(strncmp(text.text, "elements 102, 102, 102, ", 24) == 0, "%s", text.text);
    CHECK(strstr(text.text, " and 2 more"), "%s", text.text);
    free(text.text);
    dn_iterator_free(it);
    dn_dataset_release(d);
}

static void test_tensor_errors(void) {
    dn_dataset *d = NULL;
    dn_tensor *a = counting_tensor(2, (int64_t[]){3, 2}), *b = counting_tensor(1, (int64_t[]){4});
    dn_tensor *scalar = counting_tensor(0, NULL);
    dn_tensor *both[] = {a, b}, *twice[] = {a, a};
    CHECK_FAILS(dn_dataset_tensors((const char *const[]){"a", "b"}, both, 2, &d),
                "a has 3 rows, but b has 4");
    CHECK_FAILS(dn_dataset_tensors((const char *const[]){"a", "a"}, twice, 2, &d), "named a");
    CHECK_FAILS(dn_dataset_tensors((const char *const[]){"s"}, &scalar, 1, &d), "no rows");
    dn_tensor_release(a);
    dn_tensor_release(b);
    dn_tensor_release(scalar);
}

int main(void) {
    test_take_skip();
    test_shuffle();
    test_batch_and_padding();
    test_maps();
    test_resize();
    test_determinism();
    test_restart();
    test_retained();
    test_describe();
    test_describe_many();
    test_tensor_errors();
    return CHECK_RESULT();
}
