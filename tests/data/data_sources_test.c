// IDX, CSV and NPY: what is read, and what is said of what cannot be.
#include <zlib.h>

#include "tests/data/fixtures.h"

// ---- IDX --------------------------------------------------------------------------------------

// An IDX file of unsigned bytes 0, 1, 2, ...; `extra` bytes more or less than its header says.
static size_t make_idx(uint8_t *out, int rank, const uint32_t *dims, int extra) {
    size_t at = 0, count = 1;
    memcpy(out, (uint8_t[]){0, 0, 8, (uint8_t)rank}, 4);
    at = 4;
    for (int i = 0; i < rank; i++) {
        for (int shift = 24; shift >= 0; shift -= 8) out[at++] = (uint8_t)(dims[i] >> shift);
        count *= dims[i];
    }
    for (size_t i = 0; i < count + (size_t)extra; i++) out[at++] = (uint8_t)i;
    return at;
}

static void write_gzip(const char *name, const void *bytes, size_t size) {
    gzFile file = gzopen(in_folder(name), "wb9");
    gzwrite(file, bytes, (unsigned)size);
    gzclose(file);
}

static void check_idx(const char *images, const char *labels) {
    dn_dataset *d = NULL;
    CHECK_OK(dn_dataset_idx(in_folder(images), in_folder(labels), &d));
    if (!d) return;
    const dn_field *fields = NULL;
    CHECK(dn_dataset_size(d) == 5 && dn_dataset_fields(d, &fields) == 2);
    CHECK(fields[0].shape.rank == 3 && fields[0].shape.dims[1] == 3 &&
          fields[0].shape.dims[2] == 1);
    dn_iterator *it = NULL;
    dn_tensor *t[DN_MAX_FIELDS];
    bool done;
    CHECK_OK(dn_iterator_new(d, 0, 0, 3, 2, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    for (int i = 0; i < 12; i++) CHECK(((float *)t[0]->data)[i] == (float)(36 + i));
    CHECK(*(int32_t *)t[1]->data == 3);
    dn_iterator_free(it);
    dn_dataset_release(d);
}

static void test_idx(void) {
    uint8_t bytes[4096];
    const uint32_t dims[] = {5, 4, 3, 3};
    size_t size = make_idx(bytes, 3, dims, 0);
    write_bytes("images", bytes, size);
    write_gzip("images.gz", bytes, size);
    size = make_idx(bytes, 1, dims, 0);
    write_bytes("labels", bytes, size);
    write_gzip("labels.gz", bytes, size);
    check_idx("images", "labels");
    check_idx("images.gz", "labels.gz");
    size = make_idx(bytes, 4, dims, 0);
    write_bytes("color", bytes, size);
    dn_dataset *d = NULL;
    const dn_field *fields;
    CHECK_OK(dn_dataset_idx(in_folder("color"), NULL, &d));
    CHECK(dn_dataset_fields(d, &fields) == 1 && fields[0].shape.dims[2] == 3);
    dn_dataset_release(d);
}

static void test_idx_errors(void) {
    uint8_t bytes[4096];
    dn_dataset *d = NULL;
    size_t size;
    CHECK_FAILS(dn_dataset_idx(in_folder("none"), NULL, &d),
                "none: cannot be opened: No such file");
    CHECK_FAILS(dn_dataset_idx(in_folder("labels"), NULL, &d), "these are labels, not images");
    CHECK_FAILS(dn_dataset_idx(in_folder("images"), in_folder("images"), &d),
                "3 dimensions; labels have one");
    size = make_idx(bytes, 1, (uint32_t[]){6}, 0);
    write_bytes("six", bytes, size);
    CHECK_FAILS(dn_dataset_idx(in_folder("images"), in_folder("six"), &d), "has 5 images, but ");
    CHECK_FAILS(dn_dataset_idx(in_folder("images"), in_folder("six"), &d), "six has 6 labels");
    size = make_idx(bytes, 3, (uint32_t[]){5, 4, 3}, -2);
    write_bytes("bad", bytes, size);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "ask for 60 bytes, but it has 58");
    write_gzip("bad.gz", bytes, size);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad.gz"), NULL, &d), "ask for 60 bytes, but it has 58");
    size = make_idx(bytes, 3, (uint32_t[]){5, 4, 3}, 1);
    write_bytes("bad", bytes, size);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "more bytes follow the 60");
    memset(bytes + 4, 0xff, 12);
    write_bytes("bad", bytes, size);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "overflow");
    size = make_idx(bytes, 3, (uint32_t[]){0, 4, 3}, 0);
    write_bytes("bad", bytes, size);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "dimension 0 is 0");
    write_text("bad", "P5 28 28");
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "it starts with 50 35 20 32");
    write_bytes("bad", "\0\0\x0d\3", 4);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "IDX file of floats");
    write_bytes("bad", "\0\0\x08\7", 4);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "7 dimensions");
    write_bytes("bad", "\0\0\x08\3\0\0", 6);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "ends within its 3 dimensions");
    write_text("bad", "");
    CHECK_FAILS(dn_dataset_idx(in_folder("bad"), NULL, &d), "it has 0 bytes");
    char *packed = slurp(in_folder("images.gz"), &size);
    write_bytes("bad.gz", packed, size - 9);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad.gz"), NULL, &d), "gzip data ends early");
    packed[size - 6] ^= 1;  // the checksum
    write_bytes("bad.gz", packed, size);
    CHECK_FAILS(dn_dataset_idx(in_folder("bad.gz"), NULL, &d), "damaged gzip data: incorrect data");
    free(packed);
}

// ---- CSV --------------------------------------------------------------------------------------

static dn_tensor *first(dn_dataset *d, int field, int64_t batch) {
    dn_dataset *whole = NULL;
    dn_iterator *it = NULL;
    dn_tensor *t[DN_MAX_FIELDS] = {NULL};
    bool done;
    CHECK_OK(dn_dataset_batch(d, batch, false, &whole));
    CHECK_OK(dn_iterator_new(whole, 0, 0, 0, 2, &it));
    CHECK_OK(dn_iterator_next(it, t, &done));
    dn_tensor *tensor = dn_tensor_retain(t[field]);
    dn_iterator_free(it);
    dn_dataset_release(whole);
    return tensor;
}

static bool values_are(dn_tensor *tensor, int n, const double *values) {
    bool equal = dn_shape_elements(&tensor->shape) == n;
    for (int i = 0; equal && i < n; i++) equal = fabs(dn_tensor_get(tensor, i) - values[i]) < 1e-6;
    for (int i = 0; !equal && i < dn_shape_elements(&tensor->shape); i++)
        fprintf(stderr, "[%d] %g\n", i, dn_tensor_get(tensor, i));
    dn_tensor_release(tensor);
    return equal;
}

static void test_csv(void) {
    write_text("a.csv",
               "\xef\xbb\xbf"
               "x,\"the \"\"y\"\", in\r\nmetres\",label,name\r\n"
               "1,2.5,0,one\r\n"
               "\r\n"
               " -3e2 ,\"4\",1,\"two, and\nmore\"\n"
               "oops,5,1,three\n"
               "7,,0,four\n"
               "8,9,2\n"
               "1e99,9,2,x\n"
               "nan,9,2,x\n"
               "\"9\"9,9,2,x\n"
               ".5,6,2,five");
    const char *const columns[] = {"the \"y\", in\r\nmetres", "x"};
    dn_dataset *d = NULL;
    CHECK_OK(dn_dataset_csv(in_folder("a.csv"), columns, 2, "label", false, &d));
    if (!d) exit(1);
    const dn_report *report = dn_dataset_report(d);
    CHECK(dn_dataset_size(d) == 3 && report->seen == 9 && report->used == 3);
    CHECK(report->count[DN_DEFECT_BAD_ROW] == 6);
    char **names = report->names[DN_DEFECT_BAD_ROW];
    CHECK(strcmp(names[0], "line 7: column 1 (x): \"oops\" is not a number") == 0, "%s", names[0]);
    CHECK(strstr(names[1], "line 8: column 2 (the "), "%s", names[1]);
    CHECK(strcmp(names[2], "line 9: 3 cells; the header has 4") == 0, "%s", names[2]);
    CHECK(strstr(names[5], "text after a closing quote"), "%s", names[5]);
    CHECK(values_are(first(d, 0, 3), 6, (double[]){2.5, 1, 4, -300, 6, 0.5}));
    CHECK(values_are(first(d, 1, 3), 3, (double[]){0, 1, 2}));
    dn_dataset_release(d);
    CHECK_FAILS(dn_dataset_csv(in_folder("a.csv"), columns, 2, "label", true, &d),
                "a.csv:7: column 1 (x): \"oops\" is not a number");
    const char *const typo[] = {"X1"};
    CHECK_FAILS(dn_dataset_csv(in_folder("a.csv"), typo, 1, NULL, true, &d),
                "has no column X1; it");
    write_text("b.csv", "a,b\n1,2\n3,4\n");
    CHECK_OK(dn_dataset_csv(in_folder("b.csv"), NULL, 0, "a", true, &d));
    CHECK(values_are(first(d, 0, 2), 2, (double[]){2, 4}));
    dn_dataset_release(d);
    CHECK_OK(dn_dataset_csv(in_folder("b.csv"), NULL, 0, NULL, true, &d));
    CHECK(values_are(first(d, 0, 2), 4, (double[]){1, 2, 3, 4}));
    dn_dataset_release(d);
}

static void test_csv_errors(void) {
    dn_dataset *d = NULL;
    const char *const a[] = {"a"};
    static const struct {
        const char *text, *message;
    } cases[] = {{"", "no header line"},
                 {"a,b\n", "has a header, but no rows"},
                 {"a,b\nx,1\ny,2\n", "none of its 2 rows can be used: line 2: column 1 (a)"},
                 {"a,b\n1,2\n\"3,4\n", "e.csv:3: a quote is never closed"},
                 {"a,a\n1,2\n", "two columns a"},
                 {"b,c\n1,2\n", "has no column a; it has b, c"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text("e.csv", cases[i].text);
        CHECK_FAILS(dn_dataset_csv(in_folder("e.csv"), a, 1, NULL, false, &d), cases[i].message);
    }
    CHECK_FAILS(dn_dataset_csv(in_folder("none.csv"), a, 1, NULL, false, &d), "none.csv: No such");
}

// ---- NPY --------------------------------------------------------------------------------------

static void write_npy(const char *name, int version, const char *dict, const void *data,
                      size_t size) {
    uint8_t bytes[1024] = {0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)version, 0};
    size_t length = strlen(dict), at = 8;
    for (int i = 0; i < (version == 1 ? 2 : 4); i++) bytes[at++] = (uint8_t)(length >> 8 * i);
    memcpy(bytes + at, dict, length);
    memcpy(bytes + at + length, data, size);
    write_bytes(name, bytes, at + length + size);
}

static void test_npy_types(void) {
    static const struct {
        const char *type;
        size_t size;
        uint8_t bytes[16];  // two elements
        double values[2];
        dn_dtype rows, whole;
    } cases[] = {
        {"|b1", 1, {1, 0}, {1, 0}, DN_I32, DN_BOOL},
        {"|u1", 1, {200, 3}, {200, 3}, DN_I32, DN_U8},
        {"|i1", 1, {0xff, 3}, {-1, 3}, DN_I32, DN_I32},
        {"<u2", 2, {0xff, 0xff, 1, 0}, {65535, 1}, DN_I32, DN_I32},
        {"<i2", 2, {0xff, 0xff, 1, 0}, {-1, 1}, DN_I32, DN_I32},
        {"<u4", 4, {1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f}, {1, 2147483647}, DN_I32, DN_I64},
        {"<i4", 4, {0xff, 0xff, 0xff, 0xff, 2}, {-1, 2}, DN_I32, DN_I32},
        {"<u8", 8, {5}, {5, 0}, DN_I64, DN_I64},
        {"<i8", 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 7}, {-1, 7}, DN_I64, DN_I64},
        {"<f2", 2, {0x00, 0xbe, 0x01, 0x00}, {-1.5, 0x1p-24}, DN_F32, DN_F32},
        {"<f4", 4, {0, 0, 0xc0, 0xbf, 0, 0, 0x80, 0x3e}, {-1.5, 0.25}, DN_F32, DN_F32},
        {"<f8", 8, {0, 0, 0, 0, 0, 0, 0xf8, 0xbf}, {-1.5, 0}, DN_F32, DN_F64}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *dict =
            dn_printf("{'descr': '%s', 'fortran_order': False, 'shape': (2,), }", cases[i].type);
        write_npy("t.npy", 1 + (int)i % 3, dict, cases[i].bytes, 2 * cases[i].size);
        dn_tensor *tensor = NULL;
        dn_dataset *d = NULL;
        const dn_field *fields;
        CHECK_OK(dn_npy_read(in_folder("t.npy"), &tensor));
        CHECK(tensor && tensor->dtype == cases[i].whole, "%s", cases[i].type);
        CHECK(values_are(tensor, 2, cases[i].values), "%s", cases[i].type);
        CHECK_OK(dn_dataset_npy(in_folder("t.npy"), &d));
        dn_dataset_fields(d, &fields);
        CHECK(strcmp(fields[0].name, "value") == 0 && fields[0].dtype == cases[i].rows, "%s",
              cases[i].type);
        CHECK(values_are(first(d, 0, 2), 2, cases[i].values), "%s", cases[i].type);
        dn_dataset_release(d);
        free(dict);
    }
}

static void test_npy_order(void) {
    int32_t data[24];
    for (int i = 0; i < 24; i++) data[i] = i;
    write_npy("f.npy", 1, "{\"shape\": (2, 3, 4), \"descr\": \"<i4\", \"fortran_order\": True}",
              data, sizeof data);
    dn_tensor *tensor = NULL;
    CHECK_OK(dn_npy_read(in_folder("f.npy"), &tensor));
    for (int i = 0; i < 24; i++) {
        int a = i / 12, b = i / 4 % 3, c = i % 4;
        CHECK(dn_tensor_get(tensor, i) == a + 2 * b + 6 * c, "%d", i);
    }
    dn_tensor_release(tensor);
}

static void test_npy_write(void) {
    const int64_t dims[] = {3, 1, 2};
    for (int dtype = 0; dtype < DN_DTYPE_COUNT; dtype++) {
        for (int rank = 0; rank <= 3; rank++) {
            dn_shape shape = dn_shape_of(rank, dims);
            dn_tensor *tensor = NULL, *back = NULL;
            CHECK_OK(dn_tensor_zeros((dn_dtype)dtype, &shape, &tensor));
            for (int64_t i = 0; i < dn_shape_elements(&shape); i++)
                dn_tensor_set(tensor, i, (double)(i % 2));
            CHECK_OK(dn_npy_write(in_folder("w.npy"), tensor));
            CHECK_OK(dn_npy_read(in_folder("w.npy"), &back));
            CHECK(back->dtype == (dtype == DN_BF16 ? DN_F32 : (dn_dtype)dtype) &&
                  dn_shape_equal(&back->shape, &shape));
            for (int64_t i = 0; i < dn_shape_elements(&shape); i++)
                CHECK(dn_tensor_get(back, i) == dn_tensor_get(tensor, i));
            dn_tensor_release(tensor);
            dn_tensor_release(back);
        }
    }
}

static void test_npy_errors(void) {
    static const struct {
        int version;
        const char *dict;
        size_t size;
        const char *message;
    } cases[] = {
        {1, "{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", 8, "big-endian (>f4)"},
        {1, "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, "of type <c8"},
        {1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8, "are records"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 8,
         "asks for 12 bytes, but it has 8"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 8,
         "asks for 4 bytes, but it has 8"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000, 9)}", 8,
         "overflows"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 8,
         "bad number"},
        {1, "{'descr': '<f4', 'fortran_order': Perhaps, 'shape': (2,)}", 8, "neither True nor"},
        {1, "{'descr': '<f4', 'fortran_order': False}", 8, "lacks shape"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2", 8, "not closed"},
        {1, "{'descr': '<f4", 8, "are records"},
        {1, "hello", 8, "no dict"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2)}", 8,
         "more than 8 dimensions"},
        {9, "{}", 0, "NPY version 9.0"},
        {1, "{'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4, "it has no rows"}};
    dn_dataset *d = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_npy("e.npy", cases[i].version, cases[i].dict, "\1\2\3\4\5\6\7\10", cases[i].size);
        CHECK_FAILS(dn_dataset_npy(in_folder("e.npy"), &d), cases[i].message);
    }
    write_npy("e.npy", 1, "{'descr': '<u4', 'fortran_order': False, 'shape': (2,)}",
              "\1\0\0\0\0\0\0\xf0", 8);
    CHECK_FAILS(dn_dataset_npy(in_folder("e.npy"), &d), "element 1 is 4026531840, more than i32");
    write_text("e.npy", "PK\3\4");
    CHECK_FAILS(dn_dataset_npy(in_folder("e.npy"), &d), "e.npy: not an NPY file");
    CHECK_FAILS(dn_dataset_npy(in_folder("none.npy"), &d), "none.npy: No such file");
    CHECK_FAILS(dn_npy_write(in_folder("none/e.npy"), NULL),
                "none/e.npy: cannot write: No such file");
}

int main(void) {
    fixture_begin();
    test_idx();
    test_idx_errors();
    test_csv();
    test_csv_errors();
    test_npy_types();
    test_npy_order();
    test_npy_write();
    test_npy_errors();
    fixture_end();
    return CHECK_RESULT();
}
