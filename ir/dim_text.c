// Sizes as text.
//
//   expr    = ["-"] product { ("+" | "-") product }
//   product = factor { "*" factor }
//   factor  = number | name | "(" expr ")" | "floor" "(" expr "/" expr ")"
#include <string.h>

#include "ir/dim_table.h"

// ---- print ----------------------------------------------------------------------------------

static bool is_sum(const dn_dims *dims, dn_dim d) {
    dn_dim_term scratch;
    return dn_dim_poly_of(dims, d, &scratch).n > 1;
}

// "2*N" must not be read as a factor of something else: only a number or one atom stands bare.
static bool is_factor(const dn_dims *dims, dn_dim d) {
    dn_dim_term scratch;
    if (dn_dim_known(d)) return d >= 0;
    dn_dim_poly p = dn_dim_poly_of(dims, d, &scratch);
    return p.n == 1 && p.terms[0].coefficient == 1 &&
           dims->monomials[p.terms[0].monomial].degree == 1;
}

static void print_grouped(const dn_dims *dims, dn_dim d, bool bare, dn_str *out) {
    if (!bare) dn_str_puts(out, "(");
    dn_dim_print(dims, d, out);
    if (!bare) dn_str_puts(out, ")");
}

static void print_atom(const dn_dims *dims, const dn_dim_atom *atom, dn_str *out) {
    if (atom->name) {
        dn_str_puts(out, atom->name);
        return;
    }
    dn_str_puts(out, "floor(");
    print_grouped(dims, atom->numerator, !is_sum(dims, atom->numerator), out);
    dn_str_puts(out, " / ");
    print_grouped(dims, atom->denominator, is_factor(dims, atom->denominator), out);
    dn_str_puts(out, ")");
}

static void print_term(const dn_dims *dims, dn_dim_term term, bool first, dn_str *out) {
    const dn_dim_monomial *m = &dims->monomials[term.monomial];
    bool negative = term.coefficient < 0;
    long long size = negative ? -term.coefficient : term.coefficient;
    dn_str_puts(out, first ? (negative ? "-" : "") : (negative ? " - " : " + "));
    if (size != 1 || m->degree == 0) dn_str_printf(out, "%lld%s", size, m->degree ? "*" : "");
    for (int i = 0; i < m->degree; i++) {
        if (i) dn_str_puts(out, "*");
        print_atom(dims, &dims->atoms[m->atoms[i]], out);
    }
}

void dn_dim_print(const dn_dims *dims, dn_dim d, dn_str *out) {
    if (dn_dim_known(d)) {
        dn_str_printf(out, "%lld", (long long)d);
    } else if (dn_dim_overflowed(d)) {
        dn_str_puts(out, "overflow");
    } else {
        dn_dim_poly p = dims->polys[d - INT64_MIN];
        for (int i = 0; i < p.n; i++) print_term(dims, p.terms[i], i == 0, out);
    }
}

// ---- parse ----------------------------------------------------------------------------------

typedef struct parser {
    dn_dims *dims;
    const char *at;
    int depth;  // of parentheses: the recursion is bounded
} parser;

enum { MAX_PARENS = 2 * DN_DIM_MAX_DEPTH };

static bool digit(char c) { return c >= '0' && c <= '9'; }

bool dn_dim_name_byte(char c, bool first) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '?';
    return letter || (!first && (digit(c) || c == '.' || c == '$' || c == '\''));
}

static bool accept(parser *p, char c) {
    while (*p->at == ' ' || *p->at == '\t') p->at++;
    if (*p->at != c) return false;
    p->at++;
    return true;
}

static bool parse_expr(parser *p, dn_dim *out);

static bool parse_number(parser *p, dn_dim *out) {
    int64_t value = 0;
    for (; digit(*p->at); p->at++) {
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_add_overflow(value, *p->at - '0', &value)) return false;
    }
    *out = value;
    return true;
}

static bool parse_quotient(parser *p, dn_dim *out) {
    dn_dim numerator, denominator;
    if (!parse_expr(p, &numerator) || !accept(p, '/') || !parse_expr(p, &denominator)) return false;
    if (!accept(p, ')') || denominator == 0) return false;
    *out = dn_dim_div(p->dims, numerator, denominator);
    return true;
}

static bool parse_name(parser *p, dn_dim *out) {
    const char *begin = p->at;
    while (dn_dim_name_byte(*p->at, p->at == begin)) p->at++;
    size_t length = (size_t)(p->at - begin);
    if (length == 5 && memcmp(begin, "floor", 5) == 0 && accept(p, '('))
        return parse_quotient(p, out);
    dn_arena scratch = {0};
    *out = dn_dim_symbol(p->dims, dn_arena_strndup(&scratch, begin, length));
    dn_arena_free(&scratch);
    return true;
}

static bool parse_factor(parser *p, dn_dim *out) {
    if (p->depth == MAX_PARENS) return false;
    p->depth++;
    bool good = false;
    if (accept(p, '(')) {
        good = parse_expr(p, out) && accept(p, ')');
    } else if (digit(*p->at)) {
        good = parse_number(p, out);
    } else if (dn_dim_name_byte(*p->at, true)) {
        good = parse_name(p, out);
    }
    p->depth--;
    return good;
}

static bool parse_product(parser *p, dn_dim *out) {
    if (!parse_factor(p, out)) return false;
    while (accept(p, '*')) {
        dn_dim factor;
        if (!parse_factor(p, &factor)) return false;
        *out = dn_dim_mul(p->dims, *out, factor);
    }
    return true;
}

static bool parse_expr(parser *p, dn_dim *out) {
    dn_dim product;
    bool negative = accept(p, '-');
    for (*out = 0;;) {
        if (!parse_product(p, &product)) return false;
        *out = negative ? dn_dim_sub(p->dims, *out, product) : dn_dim_add(p->dims, *out, product);
        if (accept(p, '+')) {
            negative = false;
        } else if (accept(p, '-')) {
            negative = true;
        } else {
            return true;
        }
    }
}

bool dn_dim_parse(dn_dims *dims, const char **text, dn_dim *out) {
    parser p = {.dims = dims, .at = *text};
    if (!parse_expr(&p, out) || dn_dim_overflowed(*out)) return false;
    *text = p.at;
    return true;
}
