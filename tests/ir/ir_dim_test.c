// Sizes: normal form, algebra, division, text. Guards ir/dim.c and ir/dim_text.c.
#include <stdlib.h>

#include "ir/dim_table.h"
#include "tests/check.h"

static uint64_t random_state = 20240607;

static int random_below(int n) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((random_state >> 33) % (uint64_t)n);
}

static char *show(const dn_dims *dims, dn_dim d) {
    dn_str text = {0};
    dn_dim_print(dims, d, &text);
    return dn_str_take(&text);
}

static void check_text(const dn_dims *dims, dn_dim d, const char *text) {
    char *shown = show(dims, d);
    CHECK(strcmp(shown, text) == 0, "%s, not %s", shown, text);
    free(shown);
}

// ---- evaluation -----------------------------------------------------------------------------

enum { SYMBOLS = 3 };
static const char *const symbol_names[SYMBOLS] = {"N", "H", "W"};
static int64_t values[SYMBOLS];

static __int128 floor_div(__int128 a, __int128 b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static __int128 evaluate(const dn_dims *dims, dn_dim d) {
    if (dn_dim_known(d)) return d;
    dn_dim_term scratch;
    dn_dim_poly p = dn_dim_poly_of(dims, d, &scratch);
    __int128 sum = 0;
    for (int i = 0; i < p.n; i++) {
        const dn_dim_monomial *m = &dims->monomials[p.terms[i].monomial];
        __int128 product = p.terms[i].coefficient;
        for (int k = 0; k < m->degree; k++) {
            const dn_dim_atom *atom = &dims->atoms[m->atoms[k]];
            __int128 value = 0;
            for (int s = 0; atom->name && s < SYMBOLS; s++)
                if (strcmp(atom->name, symbol_names[s]) == 0) value = values[s];
            if (!atom->name)
                value =
                    floor_div(evaluate(dims, atom->numerator), evaluate(dims, atom->denominator));
            product *= value;
        }
        sum += product;
    }
    return sum;
}

typedef struct sample {
    dn_dim dim;
    __int128 value;
} sample;

static sample leaf(dn_dims *dims) {
    int pick = random_below(SYMBOLS + 2);
    if (pick < SYMBOLS) return (sample){dn_dim_symbol(dims, symbol_names[pick]), values[pick]};
    int64_t number = random_below(15) - 5;
    return (sample){number, number};
}

static sample combine(dn_dims *dims, sample a, sample b) {
    switch (random_below(4)) {
        case 0: return (sample){dn_dim_add(dims, a.dim, b.dim), a.value + b.value};
        case 1: return (sample){dn_dim_sub(dims, a.dim, b.dim), a.value - b.value};
        case 2: return (sample){dn_dim_mul(dims, a.dim, b.dim), a.value * b.value};
        default:
            if (b.value == 0 || b.dim == 0) return a;
            return (sample){dn_dim_div(dims, a.dim, b.dim), floor_div(a.value, b.value)};
    }
}

static sample random_sample(dn_dims *dims, int depth) {
    if (depth == 0) return leaf(dims);
    sample a = random_sample(dims, random_below(depth));
    return combine(dims, a, random_sample(dims, random_below(depth)));
}

static bool small(const dn_dims *dims, sample s) {
    return !dn_dim_overflowed(s.dim) && s.value < (int64_t)1 << 40 &&
           s.value > -((int64_t)1 << 40) && evaluate(dims, s.dim) < (__int128)1 << 60;
}

// ---- tests ----------------------------------------------------------------------------------

static void test_known(void) {
    dn_dims *dims = dn_dims_new();
    CHECK(dn_dim_add(dims, 3, 4) == 7);
    CHECK(dn_dim_sub(dims, 3, 4) == -1);
    CHECK(dn_dim_mul(dims, 3, -4) == -12);
    CHECK(dn_dim_div(dims, 7, 2) == 3);
    CHECK(dn_dim_div(dims, -7, 2) == -4);
    CHECK(dn_dim_div(dims, 7, -2) == -4);
    CHECK(dn_dim_known(0) && dn_dim_known(-5) && dn_dim_known(INT64_MAX));
    check_text(dims, -3, "-3");
    dn_dims_free(dims);
}

static void test_normal_form(void) {
    dn_dims *dims = dn_dims_new();
    dn_dim n = dn_dim_symbol(dims, "N"), h = dn_dim_symbol(dims, "H");
    CHECK(!dn_dim_known(n) && n == dn_dim_symbol(dims, "N") && n != h);
    dn_dim sum = dn_dim_add(dims, dn_dim_mul(dims, 2, n), 1);
    check_text(dims, sum, "2*N + 1");
    check_text(dims, dn_dim_sub(dims, 1, sum), "-2*N");
    check_text(dims, dn_dim_mul(dims, sum, dn_dim_sub(dims, h, n)), "2*H*N - 2*N*N + H - N");
    CHECK(dn_dim_sub(dims, sum, sum) == 0);
    CHECK(dn_dim_sub(dims, dn_dim_add(dims, n, 5), n) == 5);
    CHECK(dn_dim_mul(dims, n, 0) == 0);
    CHECK(dn_dim_mul(dims, 1, n) == n);
    dn_dims_free(dims);
}

static void test_division(void) {
    dn_dims *dims = dn_dims_new();
    dn_dim n = dn_dim_symbol(dims, "N"), h = dn_dim_symbol(dims, "H");
    CHECK(dn_dim_div(dims, dn_dim_mul(dims, 6, n), 3) == dn_dim_mul(dims, 2, n));
    CHECK(dn_dim_div(dims, n, n) == 1);
    CHECK(dn_dim_div(dims, dn_dim_mul(dims, n, h), h) == n);
    CHECK(dn_dim_div(dims, n, 1) == n);
    dn_dim half = dn_dim_div(dims, dn_dim_add(dims, h, 1), 2);
    check_text(dims, half, "floor((H + 1) / 2)");
    check_text(dims, dn_dim_div(dims, dn_dim_add(dims, h, 5), 2), "floor((H + 1) / 2) + 2");
    check_text(dims, dn_dim_div(dims, dn_dim_mul(dims, 5, h), 2), "2*H + floor(H / 2)");
    check_text(dims, dn_dim_div(dims, dn_dim_add(dims, half, 1), 2), "floor((H + 3) / 4)");
    check_text(dims, dn_dim_div(dims, dn_dim_add(dims, dn_dim_mul(dims, 2, h), 1), 4),
               "floor(H / 2)");
    check_text(dims, dn_dim_div(dims, h, dn_dim_mul(dims, 2, n)), "floor(H / (2*N))");
    check_text(dims, dn_dim_div(dims, n, dn_dim_mul(dims, 2, n)), "0");
    check_text(dims, dn_dim_div(dims, h, -2), "-H + floor(H / 2)");
    check_text(dims, dn_dim_div(dims, dn_dim_mul(dims, n, n), dn_dim_add(dims, n, 1)),
               "N + floor(1 / (N + 1)) - 1");
    dn_dims_free(dims);
}

// Made of the same parts in another order, in another table: the same text.
static void test_history(void) {
    dn_dims *a = dn_dims_new(), *b = dn_dims_new();
    dn_dim n = dn_dim_symbol(a, "N"), h = dn_dim_symbol(a, "H");
    dn_dim x = dn_dim_mul(a, dn_dim_div(a, n, 2), dn_dim_add(a, dn_dim_div(a, h, 3), n));
    h = dn_dim_symbol(b, "H"), n = dn_dim_symbol(b, "N");
    dn_dim y = dn_dim_mul(b, dn_dim_add(b, n, dn_dim_div(b, h, 3)), dn_dim_div(b, n, 2));
    char *shown = show(a, x);
    check_text(b, y, shown);
    free(shown);
    dn_dims_free(a);
    dn_dims_free(b);
}

static void test_overflow(void) {
    dn_dims *dims = dn_dims_new();
    dn_dim n = dn_dim_symbol(dims, "N"), big = (int64_t)1 << 62;
    CHECK(dn_dim_overflowed(dn_dim_mul(dims, big, 4)));
    CHECK(dn_dim_overflowed(dn_dim_add(dims, big, big)));
    CHECK(dn_dim_overflowed(dn_dim_sub(dims, 5 - big, 6)));
    CHECK(dn_dim_overflowed(dn_dim_mul(dims, dn_dim_mul(dims, big, n), 2)));
    CHECK(dn_dim_overflowed(dn_dim_add(dims, DN_DIM_OVERFLOW, n)));
    CHECK(dn_dim_overflowed(dn_dim_div(dims, DN_DIM_OVERFLOW, 2)));
    CHECK(dn_dim_mul(dims, DN_DIM_OVERFLOW, 0) == 0);
    CHECK(!dn_dim_known(DN_DIM_OVERFLOW));
    check_text(dims, DN_DIM_OVERFLOW, "overflow");
    dn_dim power = n;
    for (int i = 0; i < 7; i++) power = dn_dim_mul(dims, power, power);
    CHECK(dn_dim_overflowed(power));
    dn_dim nested = n;
    for (int i = 0; i < 100; i++)
        nested = dn_dim_div(dims, dn_dim_mul(dims, nested, 2), dn_dim_add(dims, n, 3));
    CHECK(dn_dim_overflowed(nested));
    dn_dims_free(dims);
}

static void test_algebra(void) {
    dn_dims *dims = dn_dims_new();
    for (int round = 0; round < 2000; round++) {
        dn_dim a = random_sample(dims, 3).dim, b = random_sample(dims, 3).dim;
        dn_dim c = random_sample(dims, 2).dim;
        CHECK(dn_dim_add(dims, a, b) == dn_dim_add(dims, b, a));
        CHECK(dn_dim_mul(dims, a, b) == dn_dim_mul(dims, b, a));
        CHECK(dn_dim_sub(dims, dn_dim_add(dims, a, b), b) == a);
        CHECK(dn_dim_mul(dims, dn_dim_add(dims, a, b), c) ==
              dn_dim_add(dims, dn_dim_mul(dims, a, c), dn_dim_mul(dims, b, c)));
        CHECK(dn_dim_add(dims, dn_dim_add(dims, a, b), c) ==
              dn_dim_add(dims, a, dn_dim_add(dims, b, c)));
        if (b == 0) continue;
        CHECK(dn_dim_div(dims, dn_dim_mul(dims, a, b), b) == a);
        CHECK(dn_dim_div(dims, dn_dim_add(dims, dn_dim_mul(dims, c, b), a), b) ==
              dn_dim_add(dims, c, dn_dim_div(dims, a, b)));
    }
    dn_dims_free(dims);
}

static void test_values(void) {
    int used = 0;
    for (int round = 0; round < 100; round++) {
        dn_dims *dims = dn_dims_new();
        for (int i = 0; i < SYMBOLS; i++) values[i] = 1 + random_below(60);
        for (int i = 0; i < 60; i++) {
            sample s = random_sample(dims, 5);
            if (!small(dims, s)) continue;
            used++;
            bool right = evaluate(dims, s.dim) == s.value;
            char *shown = show(dims, s.dim);
            CHECK(right, "%s for N = %d, H = %d, W = %d is not %lld", shown, (int)values[0],
                  (int)values[1], (int)values[2], (long long)s.value);
            free(shown);
        }
        dn_dims_free(dims);
    }
    CHECK(used > 4000, "%d", used);
}

static void test_parse_prints_back(void) {
    dn_dims *dims = dn_dims_new(), *fresh = dn_dims_new();
    for (int round = 0; round < 3000; round++) {
        dn_dim d = random_sample(dims, 5).dim, back = -1, there;
        char *shown = show(dims, d);
        const char *at = shown;
        if (dn_dim_overflowed(d)) {
            free(shown);
            continue;
        }
        CHECK(dn_dim_parse(dims, &at, &back) && back == d && !*at, "%s", shown);
        at = shown;
        CHECK(dn_dim_parse(fresh, &at, &there), "%s", shown);
        check_text(fresh, there, shown);
        free(shown);
    }
    dn_dims_free(dims);
    dn_dims_free(fresh);
}

static void test_parse_refuses(void) {
    static const char *const bad[] = {"",
                                      "-",
                                      "+ 1",
                                      "N *",
                                      "floor(N",
                                      "floor(N / 0)",
                                      "floor(N)",
                                      "(N",
                                      "99999999999999999999",
                                      "floor(N / (H - H))",
                                      "* 2",
                                      "]",
                                      "4611686018427387904 * 4"};
    dn_dims *dims = dn_dims_new();
    dn_dim d;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *at = bad[i];
        CHECK(!dn_dim_parse(dims, &at, &d) && at == bad[i], "%s", bad[i]);
    }
    char deep[5000];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    const char *at = deep, *rest = "N + 1, 5";
    CHECK(!dn_dim_parse(dims, &at, &d));
    CHECK(dn_dim_parse(dims, &rest, &d) && strcmp(rest, ", 5") == 0, "%s", rest);
    dn_dims_free(dims);
}

int main(void) {
    test_known();
    test_normal_form();
    test_division();
    test_history();
    test_overflow();
    test_algebra();
    test_values();
    test_parse_prints_back();
    test_parse_refuses();
    return CHECK_RESULT();
}
