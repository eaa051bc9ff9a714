// Dtypes, shapes, and tensors: sizes, overflow, conversion, ownership.
#include "runtime/tensor.h"

#include <stdint.h>
#include <stdlib.h>

#include "tests/check.h"

static void test_dtypes(void) {
    static const size_t sizes[] = {1, 1, 4, 8, 4, 8, 2};
    CHECK(DN_DTYPE_COUNT == 7, "a new dtype needs a size here");
    for (int i = 0; i < DN_DTYPE_COUNT; i++) {
        const char *name = dn_dtype_name((dn_dtype)i);
        dn_dtype back = DN_DTYPE_COUNT;
        CHECK(dn_dtype_from_name(name, strlen(name), &back) && (int)back == i, "%s", name);
        CHECK(dn_dtype_size((dn_dtype)i) == sizes[i], "%s", name);
        CHECK(dn_dtype_is_float((dn_dtype)i) == (name[0] == 'f' || i == DN_BF16), "%s", name);
        CHECK(!dn_dtype_from_name(name, strlen(name) - 1, &back), "a prefix of %s", name);
    }
    dn_dtype none;
    CHECK(!dn_dtype_from_name("f16", 3, &none), "f16");
    CHECK(!dn_dtype_from_name("", 0, &none), "no name");
    CHECK(dn_dtype_from_name("f32[3]", 3, &none) && none == DN_F32, "a length is respected");
}

static void check_print(dn_dtype dtype, dn_shape shape, const char *want) {
    dn_str text = {0};
    dn_shape_print(&text, dtype, &shape);
    CHECK(strcmp(text.text, want) == 0, "%s", text.text);
    free(text.text);
}

static void test_shapes(void) {
    dn_shape a = dn_shape_of(3, (int64_t[]){2, 3, 4}), b = dn_shape_of(2, (int64_t[]){2, 3});
    dn_shape c = dn_shape_of(3, (int64_t[]){2, 3, 5}), scalar = dn_shape_of(0, NULL);
    CHECK(dn_shape_equal(&a, &a) && !dn_shape_equal(&a, &b) && !dn_shape_equal(&a, &c), "equal");
    CHECK(dn_shape_equal(&scalar, &scalar) && !dn_shape_equal(&scalar, &b), "scalars");
    CHECK(dn_shape_elements(&a) == 24 && dn_shape_elements(&scalar) == 1, "elements");
    dn_shape empty = dn_shape_of(2, (int64_t[]){0, 3});
    CHECK(dn_shape_elements(&empty) == 0, "empty");
    check_print(DN_F32, dn_shape_of(4, (int64_t[]){64, 28, 28, 1}), "f32[64, 28, 28, 1]");
    check_print(DN_BOOL, scalar, "bool");
    check_print(DN_I64, empty, "i64[0, 3]");
}

static void test_bytes(void) {
    size_t bytes = 0;
    dn_shape shape = dn_shape_of(2, (int64_t[]){3, 5});
    CHECK_OK(dn_shape_bytes(DN_F64, &shape, &bytes));
    CHECK(bytes == 120, "%zu", bytes);
    int64_t wide = INT64_C(1) << 32;
    dn_shape bad[] = {
        dn_shape_of(2, (int64_t[]){wide, wide}), dn_shape_of(1, (int64_t[]){INT64_MAX}),
        dn_shape_of(1, (int64_t[]){-1}),         dn_shape_of(2, (int64_t[]){0, -1}),
        dn_shape_of(1, (int64_t[]){INT64_MIN}),  dn_shape_of(2, (int64_t[]){-2, -2}),
    };
    for (int i = 0; i < 6; i++) {
        dn_tensor *tensor = NULL;
        CHECK_FAILS(dn_shape_bytes(DN_F32, &bad[i], &bytes), "cannot exist");
        CHECK_FAILS(dn_tensor_new(DN_F32, &bad[i], &tensor), "cannot exist");
        CHECK_FAILS(dn_tensor_zeros(DN_F32, &bad[i], &tensor), "cannot exist");
        CHECK(!tensor, "untouched");
    }
}

// More than a machine has is a status. ASan's allocator needs to be told that malloc may fail.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

static void test_no_memory(void) {
    dn_shape shape = dn_shape_of(1, (int64_t[]){INT64_C(1) << 60});
    dn_tensor *tensor = NULL;
    dn_status status = dn_tensor_new(DN_F32, &shape, &tensor);
    CHECK(status && dn_status_code(status) == DN_MEMORY, "a tensor of 2^62 bytes");
    CHECK(!status || strstr(dn_status_message(status), "f32[1152921504606846976]"), "%s",
          dn_status_message(status));
    dn_status_free(status);
}

static void test_elements(dn_dtype dtype) {
    static const double values[] = {0, 1, 2, 100, 255};
    dn_shape shape = dn_shape_of(2, (int64_t[]){1, 5});
    dn_tensor *t = NULL, *copy = NULL;
    CHECK_OK(dn_tensor_zeros(dtype, &shape, &t));
    CHECK((uintptr_t)t->data % 64 == 0, "aligned");
    CHECK(t->bytes == 5 * dn_dtype_size(dtype), "%zu", t->bytes);
    for (int i = 0; i < 5; i++) CHECK(dn_tensor_get(t, i) == 0, "zeros");
    for (int i = 0; i < 5; i++) dn_tensor_set(t, i, values[i]);
    CHECK_OK(dn_tensor_copy(t, &copy));
    dn_tensor_set(t, 4, 0);
    for (int i = 0; i < 5; i++) {
        double want = dtype == DN_BOOL ? values[i] != 0 : values[i];
        CHECK(dn_tensor_get(copy, i) == want, "%s: %g", dn_dtype_name(dtype), values[i]);
    }
    CHECK(dn_tensor_get(t, 4) == 0, "a copy is apart");
    if (dtype >= DN_I32) {
        dn_tensor_set(t, 0, -7);
        CHECK(dn_tensor_get(t, 0) == -7, "negative");
    }
    dn_tensor_release(t);
    dn_tensor_release(copy);
}

// The 32 bits of a float, and of the bf16 that it becomes.
static void test_bf16(void) {
    static const uint32_t bits[][2] = {
        {0x3f800000, 0x3f80}, {0x3f807fff, 0x3f80}, {0x3f808000, 0x3f80},  // a tie, to even
        {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82}, {0xbf818000, 0xbf82},
        {0x80000000, 0x8000}, {0x00000001, 0x0000}, {0x00008001, 0x0001},
        {0x7f7f7fff, 0x7f7f}, {0x7f7f8000, 0x7f80},  // beyond the largest: infinite
        {0x7f800000, 0x7f80}, {0xff800000, 0xff80}, {0x7fc00000, 0x7fc0},
        {0x7f800001, 0x7fc0},  // a NaN stays one, and is quiet
        {0xff812345, 0xffc1}, {0x7fffffff, 0x7fff},
    };
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        float x;
        memcpy(&x, &bits[i][0], sizeof x);
        uint16_t got = dn_bf16_from_f32(x);
        CHECK(got == bits[i][1], "%08x: %04x, not %04x", bits[i][0], got, bits[i][1]);
    }
    for (uint32_t i = 0; i < 0x10000; i++) {
        float x = dn_bf16_to_f32((uint16_t)i);
        bool signalling = x != x && !(i & 0x40);
        CHECK(dn_bf16_from_f32(x) == (i | (signalling ? 0x40 : 0)), "%04x and back", i);
    }
}

static void test_ownership(void) {
    dn_shape shape = dn_shape_of(0, NULL);
    dn_tensor *t = NULL;
    CHECK_OK(dn_tensor_new(DN_F32, &shape, &t));
    CHECK(t->bytes == 4 && t->references == 1, "a scalar");
    CHECK(dn_tensor_retain(t) == t && t->references == 2, "retained");
    dn_tensor_release(t);
    dn_tensor_set(t, 0, 2.5);
    CHECK(dn_tensor_get(t, 0) == 2.5, "alive");
    dn_tensor_release(t);
    dn_tensor_release(NULL);
    dn_shape empty = dn_shape_of(2, (int64_t[]){0, 7});
    CHECK_OK(dn_tensor_zeros(DN_I64, &empty, &t));
    CHECK(t->bytes == 0 && t->data, "an empty tensor has a buffer");
    dn_tensor_release(t);
}

int main(void) {
    test_dtypes();
    test_shapes();
    test_bytes();
    test_no_memory();
    for (int i = 0; i < DN_DTYPE_COUNT; i++) test_elements((dn_dtype)i);
    test_bf16();
    test_ownership();
    return CHECK_RESULT();
}
