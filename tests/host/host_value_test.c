// Values: text, formats, numbers, equality.
#include "runtime/host/number.h"
#include "tests/host/machine.h"

static dn_value text_value(const char *text) { return dn_value_string(text, strlen(text)); }

// Takes the value.
static void expect_print(dn_value value, const char *expected) {
    dn_str text = {0};
    dn_value_print(&value, &text);
    CHECK(strcmp(text.text ? text.text : "", expected) == 0, "got %s, expected %s", text.text,
          expected);
    free(text.text);
    dn_value_release(value);
}

static void expect_format(dn_value value, const char *format, const char *expected) {
    dn_str text = {0};
    dn_status status = dn_value_format(&value, format, &text);
    const char *got = status ? dn_status_message(status) : text.text ? text.text : "";
    CHECK(strcmp(got, expected) == 0, "%s: got [%s], expected [%s]", format, got, expected);
    dn_status_free(status);
    free(text.text);
    dn_value_release(value);
}

static void test_numbers(void) {
    static const struct {
        double number;
        bool single;
        const char *text;
    } cases[] = {
        {0, false, "0"},
        {-0.0, false, "-0"},
        {1, false, "1"},
        {0.1, false, "0.1"},
        {1e-4, false, "0.0001"},
        {1e-5, false, "0.00001"},
        {2.5e-6, false, "2.5e-06"},
        {1e15, false, "1000000000000000"},
        {1e16, false, "1e+16"},
        {123456789, false, "123456789"},
        {1.0 / 3, false, "0.3333333333333333"},
        {0.1f, true, "0.1"},
        {1.0f / 3, true, "0.33333334"},
        {16777216, true, "16777216"},
        {INFINITY, false, "inf"},
        {-INFINITY, false, "-inf"},
        {NAN, false, "nan"},
        {5e-324, false, "5e-324"},
        {1.7976931348623157e308, false, "1.7976931348623157e+308"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[DN_NUMBER_TEXT];
        dn_number_text(cases[i].number, cases[i].single, 0, text);
        CHECK(strcmp(text, cases[i].text) == 0, "got %s, expected %s", text, cases[i].text);
    }
    char text[DN_NUMBER_TEXT];
    dn_number_text(0.123456789, false, 5, text);
    CHECK(strcmp(text, "0.12346") == 0, "%s", text);
    dn_number_text(0.9999999, false, 5, text);
    CHECK(strcmp(text, "1") == 0, "%s", text);
    dn_number_text(123456, false, 5, text);
    CHECK(strcmp(text, "123460") == 0, "%s", text);
    CHECK(dn_number_from_single(0.1f) == 0.1);
}

// Every number reads back as itself.
static void test_numbers_read_back(void) {
    uint64_t state = 1;
    for (int i = 0; i < 20000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        double number;
        memcpy(&number, &state, sizeof number);
        if (!isfinite(number)) continue;
        char text[DN_NUMBER_TEXT];
        dn_number_text(number, false, 0, text);
        CHECK(strtod(text, NULL) == number, "%s", text);
        float single = (float)((double)(int64_t)state * 1e-17);
        dn_number_text(single, true, 0, text);
        CHECK(strtof(text, NULL) == single, "%s", text);
    }
}

static dn_value tensor_of(dn_dtype dtype, int rank, const int64_t *dims, double first,
                          double step) {
    dn_tensor *t = new_tensor(dtype, rank, dims);
    for (int64_t i = 0; i < dn_shape_elements(&t->shape); i++)
        dn_tensor_set(t, i, first + step * (double)i);
    return dn_value_tensor(t);
}

static void test_print(void) {
    expect_print(dn_value_none(), "none");
    expect_print(dn_value_bool(true), "true");
    expect_print(dn_value_int(-7), "-7");
    expect_print(dn_value_float(2.5), "2.5");
    expect_print(text_value("a \"b\""), "a \"b\"");
    expect_print(dn_value_range(1, 5), "1..5");
    dn_value list = dn_value_list();
    dn_list_push(list.list, dn_value_int(1));
    dn_list_push(list.list, text_value("a\n\"b\""));
    expect_print(list, "[1, \"a\\n\\\"b\\\"\"]");
    const char *names[] = {"x", "y"};
    dn_value values[] = {dn_value_float(0.5), dn_value_list()};
    expect_print(dn_value_record(2, names, values), "{x: 0.5, y: []}");
    dn_value many = dn_value_list();
    for (int i = 0; i < 102; i++) dn_list_push(many.list, dn_value_int(0));
    dn_str text = {0};
    dn_value_print(&many, &text);
    CHECK(strstr(text.text, ", ... 2 more]"), "%s", text.text);
    free(text.text);
    dn_value_release(many);
}

static void test_print_tensors(void) {
    expect_print(tensor_of(DN_F32, 0, NULL, 0.1, 0), "0.1");
    expect_print(tensor_of(DN_BOOL, 1, (int64_t[]){2}, 0, 1), "bool[2] [false, true]");
    expect_print(tensor_of(DN_I64, 1, (int64_t[]){3}, 1, 1), "i64[3] [1, 2, 3]");
    expect_print(tensor_of(DN_F32, 2, (int64_t[]){2, 3}, 0, 0.5),
                 "f32[2, 3]\n[[0, 0.5, 1],\n [1.5, 2, 2.5]]");
    expect_print(tensor_of(DN_F32, 3, (int64_t[]){2, 1, 2}, 0, 1),
                 "f32[2, 1, 2]\n[[[0, 1]],\n [[2, 3]]]");
    expect_print(tensor_of(DN_F32, 1, (int64_t[]){100}, 0, 1),
                 "f32[100] [0, 1, 2, 3, ..., 96, 97, 98, 99]");
    expect_print(tensor_of(DN_F32, 3, (int64_t[]){10, 10, 10}, 0, 1),
                 "f32[10, 10, 10] from 0 to 999, mean 499.5");
    expect_print(tensor_of(DN_F32, 1, (int64_t[]){0}, 0, 1), "f32[0]");
    dn_value list = dn_value_list();
    dn_list_push(list.list, tensor_of(DN_F32, 2, (int64_t[]){2, 1}, 0, 1));
    expect_print(list, "[f32[2, 1] [[0], [1]]]");
}

static void test_formats(void) {
    expect_format(dn_value_float(3.14159), ".3", "3.142");
    expect_format(dn_value_float(3.14159), "8.2", "    3.14");
    expect_format(dn_value_float(-3.14159), "08.2", "-0003.14");
    expect_format(dn_value_int(7), "04", "0007");
    expect_format(dn_value_int(7), "4", "   7");
    expect_format(dn_value_int(-7), "04", "-007");
    expect_format(dn_value_int(12345), "3", "12345");
    expect_format(dn_value_int(7), ".1", "7.0");
    expect_format(dn_value_int(7), "", "7");
    expect_format(text_value("ab"), "5", "ab   ");
    expect_format(text_value("\xc3\xa9"), "3", "\xc3\xa9  ");
    expect_format(dn_value_bool(true), "6", "true  ");
    expect_format(tensor_of(DN_F32, 0, NULL, 0.125, 0), ".2", "0.12");
    expect_format(tensor_of(DN_F32, 0, NULL, 0.1, 0), "", "0.1");
    expect_format(tensor_of(DN_F32, 1, (int64_t[]){1}, 2, 0), "03", "002");
    expect_format(dn_value_int(7), "x", "`x` is not a format");
    expect_format(dn_value_int(7), ".", "`.` is not a format");
    expect_format(dn_value_int(7), "4.", "`4.` is not a format");
    expect_format(dn_value_int(7), "99999", "`99999` is not a format");
    expect_format(dn_value_int(7), ".3f", "`.3f` is not a format");
    expect_format(text_value("ab"), ".2", "the format `.2` is for numbers, not for a string");
    expect_format(dn_value_list(), "04", "the format `04` is for numbers, not for a list");
}

static void test_equality(void) {
    CHECK(dn_value_equal(dn_value_int(1), dn_value_float(1)));
    CHECK(!dn_value_equal(dn_value_int(1), dn_value_bool(true)));
    dn_value a = tensor_of(DN_F32, 1, (int64_t[]){3}, 0, 1);
    dn_value b = tensor_of(DN_F32, 1, (int64_t[]){3}, 0, 1);
    dn_value c = tensor_of(DN_F32, 1, (int64_t[]){3}, 1, 1);
    CHECK(dn_value_equal(a, b) && !dn_value_equal(a, c));
    dn_value_release(a);
    dn_value_release(b);
    dn_value_release(c);
    dn_value one = tensor_of(DN_F32, 1, (int64_t[]){1}, 2, 1);
    CHECK(dn_value_equal(one, dn_value_int(2)));
    dn_value_release(one);
}

// A constant in read-only memory: its count is never touched.
static void test_constants(void) {
    static const struct {
        int references;
        size_t length;
        char text[4];
    } constant = {-1, 3, "abc"};
    dn_value value = {.kind = DN_VALUE_STRING};
    value.string = (dn_string *)(uintptr_t)&constant;
    for (int i = 0; i < 3; i++) dn_value_release(dn_value_retain(value));
    dn_value_release(value);
    expect_print(value, "abc");
}

int main(void) {
    test_numbers();
    test_numbers_read_back();
    test_print();
    test_print_tensors();
    test_formats();
    test_equality();
    test_constants();
    return CHECK_RESULT();
}
