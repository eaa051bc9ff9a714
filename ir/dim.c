// Arithmetic on sizes: polynomials in normal form.
//
// Division leaves a quotient polynomial plus floor(remainder / divisor), where the remainder is the
// one of multivariate long division (Cox, Little, O'Shea: Ideals, Varieties, and Algorithms, 2.3)
// in graded lexicographic order with coefficients in 0 .. lc - 1, which is unique for one divisor.
// Nested quotients merge: floor((floor(p / a) + r) / b) = floor((p + a r) / (a b)).
// Two sizes that print alike are one; identities beyond those (floor(N / 2) + floor((N + 1) / 2) =
// N) are not found.
#include "ir/dim.h"

#include <stdlib.h>
#include <string.h>

#include "ir/dim_table.h"

// ---- the table ------------------------------------------------------------------------------

dn_dims *dn_dims_new(void) {
    dn_dims *dims = dn_xcalloc(1, sizeof *dims);
    DN_PUSH(dims->monomials, dims->n_monomials, dims->cap_monomials) = (dn_dim_monomial){0};
    DN_PUSH(dims->polys, dims->n_polys, dims->cap_polys) = (dn_dim_poly){0};
    return dims;
}

void dn_dims_free(dn_dims *dims) {
    if (!dims) return;
    dn_arena_free(&dims->arena);
    free(dims->atoms);
    free(dims->monomials);
    free(dims->polys);
    free(dims);
}

dn_dim_poly dn_dim_poly_of(const dn_dims *dims, dn_dim d, dn_dim_term *scratch) {
    if (!dn_dim_known(d)) return dims->polys[d - INT64_MIN];
    *scratch = (dn_dim_term){.monomial = 0, .coefficient = d};
    return (dn_dim_poly){.n = d != 0, .terms = scratch};
}

// ---- order ----------------------------------------------------------------------------------

static int compare_dims(const dn_dims *dims, dn_dim a, dn_dim b);

// Names come before quotients.
static int compare_atoms(const dn_dims *dims, int a, int b) {
    if (a == b) return 0;
    const dn_dim_atom *x = &dims->atoms[a], *y = &dims->atoms[b];
    if (x->name && y->name) return strcmp(x->name, y->name);
    if (x->name || y->name) return x->name ? -1 : 1;
    int order = compare_dims(dims, x->numerator, y->numerator);
    return order ? order : compare_dims(dims, x->denominator, y->denominator);
}

// Negative when `a` is the greater monomial, which stands first.
static int compare_monomials(const dn_dims *dims, int a, int b) {
    if (a == b) return 0;
    const dn_dim_monomial *x = &dims->monomials[a], *y = &dims->monomials[b];
    if (x->degree != y->degree) return x->degree > y->degree ? -1 : 1;
    for (int i = 0; i < x->degree; i++) {
        int order = compare_atoms(dims, x->atoms[i], y->atoms[i]);
        if (order) return order;
    }
    return 0;
}

static int compare_dims(const dn_dims *dims, dn_dim a, dn_dim b) {
    if (a == b) return 0;
    dn_dim_term s, t;
    dn_dim_poly p = dn_dim_poly_of(dims, a, &s), q = dn_dim_poly_of(dims, b, &t);
    for (int i = 0; i < p.n && i < q.n; i++) {
        int order = compare_monomials(dims, p.terms[i].monomial, q.terms[i].monomial);
        if (order) return order;
        int64_t x = p.terms[i].coefficient, y = q.terms[i].coefficient;
        if (x != y) return x < y ? -1 : 1;
    }
    return p.n - q.n;
}

// ---- atoms and monomials --------------------------------------------------------------------

static int monomial_intern(dn_dims *dims, const int *atoms, int degree) {
    size_t size = (size_t)degree * sizeof *atoms;
    for (int i = 0; i < dims->n_monomials; i++) {
        const dn_dim_monomial *m = &dims->monomials[i];
        if (m->degree == degree && (degree == 0 || memcmp(m->atoms, atoms, size) == 0)) return i;
    }
    dn_dim_monomial m = {degree, dn_arena_copy(&dims->arena, atoms, size)};
    DN_PUSH(dims->monomials, dims->n_monomials, dims->cap_monomials) = m;
    return dims->n_monomials - 1;
}

// The product, or -1 when its degree is beyond the limit.
static int monomial_mul(dn_dims *dims, int a, int b) {
    if (a == 0) return b;
    if (b == 0) return a;
    dn_dim_monomial x = dims->monomials[a], y = dims->monomials[b];
    int atoms[2 * DN_DIM_MAX_DEGREE], n = 0;
    if (x.degree + y.degree > DN_DIM_MAX_DEGREE) return -1;
    for (int i = 0, j = 0; i < x.degree || j < y.degree;) {
        bool left =
            j == y.degree || (i < x.degree && compare_atoms(dims, x.atoms[i], y.atoms[j]) <= 0);
        atoms[n++] = left ? x.atoms[i++] : y.atoms[j++];
    }
    return monomial_intern(dims, atoms, n);
}

// a / b, or -1 when b does not divide a.
static int monomial_div(dn_dims *dims, int a, int b) {
    if (b == 0) return a;
    dn_dim_monomial x = dims->monomials[a], y = dims->monomials[b];
    int atoms[DN_DIM_MAX_DEGREE], n = 0, j = 0;
    for (int i = 0; i < x.degree; i++) {
        if (j < y.degree && x.atoms[i] == y.atoms[j]) {
            j++;
        } else {
            atoms[n++] = x.atoms[i];
        }
    }
    return j == y.degree ? monomial_intern(dims, atoms, n) : -1;
}

static int monomial_gcd(dn_dims *dims, int a, int b) {
    if (a == b) return a;
    dn_dim_monomial x = dims->monomials[a], y = dims->monomials[b];
    int atoms[DN_DIM_MAX_DEGREE], n = 0;
    for (int i = 0, j = 0; i < x.degree && j < y.degree;) {
        int order = compare_atoms(dims, x.atoms[i], y.atoms[j]);
        if (order == 0) atoms[n++] = x.atoms[i];
        i += order <= 0;
        j += order >= 0;
    }
    return monomial_intern(dims, atoms, n);
}

// ---- sums under construction ----------------------------------------------------------------

typedef struct sum {
    dn_dims *dims;
    int n;
    bool overflow;
    dn_dim_term terms[DN_DIM_MAX_TERMS];  // in order, so that long division can walk down
} sum;

static void sum_remove(sum *s, int i) {
    s->n--;
    memmove(&s->terms[i], &s->terms[i + 1], (size_t)(s->n - i) * sizeof *s->terms);
}

static void sum_insert(sum *s, int i, dn_dim_term term) {
    if (s->n == DN_DIM_MAX_TERMS) {
        s->overflow = true;
        return;
    }
    memmove(&s->terms[i + 1], &s->terms[i], (size_t)(s->n - i) * sizeof *s->terms);
    s->terms[i] = term;
    s->n++;
}

static void sum_add(sum *s, int monomial, int64_t coefficient) {
    if (monomial < 0) s->overflow = true;
    if (coefficient == 0 || s->overflow) return;
    int i = 0;
    while (i < s->n && compare_monomials(s->dims, s->terms[i].monomial, monomial) < 0) i++;
    bool present = i < s->n && s->terms[i].monomial == monomial;
    if (present && __builtin_add_overflow(coefficient, s->terms[i].coefficient, &coefficient))
        s->overflow = true;
    if (!dn_dim_known(coefficient)) s->overflow = true;  // so that coefficients can be negated
    if (s->overflow) return;
    if (!present) {
        sum_insert(s, i, (dn_dim_term){monomial, coefficient});
    } else if (coefficient != 0) {
        s->terms[i].coefficient = coefficient;
    } else {
        sum_remove(s, i);
    }
}

// s += factor * monomial * p
static void sum_add_product(sum *s, dn_dim_poly p, int monomial, int64_t factor) {
    for (int i = 0; i < p.n && !s->overflow; i++) {
        int64_t c;
        s->overflow = __builtin_mul_overflow(p.terms[i].coefficient, factor, &c);
        sum_add(s, monomial_mul(s->dims, p.terms[i].monomial, monomial), c);
    }
}

static uint64_t hash_terms(const dn_dim_term *terms, int n) {
    uint64_t hash = DN_HASH_SEED;
    for (int i = 0; i < n; i++) {
        hash = dn_hash(&terms[i].monomial, sizeof terms[i].monomial, hash);
        hash = dn_hash(&terms[i].coefficient, sizeof terms[i].coefficient, hash);
    }
    return hash;
}

static bool same_terms(const dn_dim_term *a, const dn_dim_term *b, int n) {
    for (int i = 0; i < n; i++)
        if (a[i].monomial != b[i].monomial || a[i].coefficient != b[i].coefficient) return false;
    return true;
}

static dn_dim poly_intern(dn_dims *dims, const dn_dim_term *terms, int n) {
    uint64_t hash = hash_terms(terms, n);
    for (int i = 1; i < dims->n_polys; i++) {
        const dn_dim_poly *p = &dims->polys[i];
        if (p->hash == hash && p->n == n && same_terms(p->terms, terms, n)) return INT64_MIN + i;
    }
    dn_dim_poly p = {n, dn_arena_copy(&dims->arena, terms, (size_t)n * sizeof *terms), hash};
    DN_PUSH(dims->polys, dims->n_polys, dims->cap_polys) = p;
    return INT64_MIN + (dims->n_polys - 1);
}

static dn_dim known_or_overflow(int64_t value) {
    return dn_dim_known(value) ? value : DN_DIM_OVERFLOW;
}

static dn_dim sum_finish(sum *s) {
    if (s->overflow) return DN_DIM_OVERFLOW;
    if (s->n == 0) return 0;
    if (s->n == 1 && s->terms[0].monomial == 0) return known_or_overflow(s->terms[0].coefficient);
    return poly_intern(s->dims, s->terms, s->n);
}

static sum sum_of(dn_dims *dims, dn_dim_poly p) {
    sum s = {.dims = dims, .n = p.n};
    if (p.n) memcpy(s.terms, p.terms, (size_t)p.n * sizeof *p.terms);
    return s;
}

// ---- arithmetic -----------------------------------------------------------------------------

static bool any_overflow(dn_dim a, dn_dim b) {
    return dn_dim_overflowed(a) || dn_dim_overflowed(b);
}

static bool both_known(dn_dim a, dn_dim b) { return dn_dim_known(a) && dn_dim_known(b); }

// a + factor * b
static dn_dim add_scaled(dn_dims *dims, dn_dim a, dn_dim b, int64_t factor) {
    if (any_overflow(a, b)) return DN_DIM_OVERFLOW;
    dn_dim_term t, u;
    sum s = sum_of(dims, dn_dim_poly_of(dims, a, &t));
    sum_add_product(&s, dn_dim_poly_of(dims, b, &u), 0, factor);
    return sum_finish(&s);
}

dn_dim dn_dim_add(dn_dims *dims, dn_dim a, dn_dim b) {
    int64_t known;
    if (!both_known(a, b)) return add_scaled(dims, a, b, 1);
    return __builtin_add_overflow(a, b, &known) ? DN_DIM_OVERFLOW : known_or_overflow(known);
}

dn_dim dn_dim_sub(dn_dims *dims, dn_dim a, dn_dim b) {
    int64_t known;
    if (!both_known(a, b)) return add_scaled(dims, a, b, -1);
    return __builtin_sub_overflow(a, b, &known) ? DN_DIM_OVERFLOW : known_or_overflow(known);
}

dn_dim dn_dim_mul(dn_dims *dims, dn_dim a, dn_dim b) {
    int64_t known;
    if (a == 0 || b == 0) return 0;
    if (both_known(a, b))
        return __builtin_mul_overflow(a, b, &known) ? DN_DIM_OVERFLOW : known_or_overflow(known);
    if (any_overflow(a, b)) return DN_DIM_OVERFLOW;
    dn_dim_term t, u;
    dn_dim_poly p = dn_dim_poly_of(dims, a, &t), q = dn_dim_poly_of(dims, b, &u);
    sum s = {.dims = dims};
    for (int i = 0; i < q.n; i++)
        sum_add_product(&s, p, q.terms[i].monomial, q.terms[i].coefficient);
    return sum_finish(&s);
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 ? -a : a;
}

// Moves what `q` divides from `r` to `quotient`. q's leading coefficient is positive.
static void long_division(sum *r, dn_dim_poly q, sum *quotient) {
    for (int i = 0; i < r->n && !r->overflow && !quotient->overflow;) {
        dn_dim_term t = r->terms[i];
        int monomial = monomial_div(r->dims, t.monomial, q.terms[0].monomial);
        int64_t c = floor_div(t.coefficient, q.terms[0].coefficient);
        if (monomial < 0 || c == 0) {
            i++;
            continue;
        }
        sum_add(quotient, monomial, c);
        sum_add_product(r, q, monomial, -c);  // changes the term at i and smaller ones only
        if (i < r->n && r->terms[i].monomial == t.monomial) i++;
    }
}

// The largest monomial and number that divide every term of r and q. Where q is a number, r's
// constant need not be divisible: floor((g p + c) / (g b)) = floor((p + floor(c / g)) / b).
static dn_dim_term common_factor(dn_dims *dims, dn_dim_poly r, dn_dim_poly q) {
    dn_dim_term common = q.terms[0];
    bool number = q.terms[0].monomial == 0;
    for (int i = 1; i < q.n; i++) {
        common.coefficient = gcd(common.coefficient, q.terms[i].coefficient);
        common.monomial = monomial_gcd(dims, common.monomial, q.terms[i].monomial);
    }
    for (int i = 0; i < r.n; i++) {
        if (number && r.terms[i].monomial == 0) continue;
        common.coefficient = gcd(common.coefficient, r.terms[i].coefficient);
        common.monomial = monomial_gcd(dims, common.monomial, r.terms[i].monomial);
    }
    return common;
}

static dn_dim divide_terms(dn_dims *dims, dn_dim_poly p, dn_dim_term by) {
    sum s = {.dims = dims};
    for (int i = 0; i < p.n; i++)
        sum_add(&s, monomial_div(dims, p.terms[i].monomial, by.monomial),
                floor_div(p.terms[i].coefficient, by.coefficient));
    return sum_finish(&s);
}

// The only term of r that is a plain quotient by a number, to be merged with an outer division by a
// number; -1 if there is none or more than one (merging either would do, so neither is normal).
static int lone_quotient(const dn_dims *dims, dn_dim_poly r) {
    int found = -1;
    for (int i = 0; i < r.n; i++) {
        const dn_dim_monomial *m = &dims->monomials[r.terms[i].monomial];
        if (r.terms[i].coefficient != 1 || m->degree != 1) continue;
        const dn_dim_atom *atom = &dims->atoms[m->atoms[0]];
        if (atom->name || !dn_dim_known(atom->denominator)) continue;
        if (found >= 0) return -1;
        found = i;
    }
    return found;
}

static int depth_of(const dn_dims *dims, dn_dim d) {
    dn_dim_term scratch;
    dn_dim_poly p = dn_dim_poly_of(dims, d, &scratch);
    int depth = 0;
    for (int i = 0; i < p.n; i++) {
        const dn_dim_monomial *m = &dims->monomials[p.terms[i].monomial];
        for (int j = 0; j < m->degree; j++)
            if (dims->atoms[m->atoms[j]].depth > depth) depth = dims->atoms[m->atoms[j]].depth;
    }
    return depth;
}

static dn_dim atom_dim(dn_dims *dims, int atom) {
    dn_dim_term term = {monomial_intern(dims, &atom, 1), 1};
    return poly_intern(dims, &term, 1);
}

static dn_dim quotient_atom(dn_dims *dims, dn_dim numerator, dn_dim denominator) {
    for (int i = 0; i < dims->n_atoms; i++) {
        const dn_dim_atom *a = &dims->atoms[i];
        if (!a->name && a->numerator == numerator && a->denominator == denominator)
            return atom_dim(dims, i);
    }
    int depth = depth_of(dims, numerator), below = depth_of(dims, denominator);
    if (below > depth) depth = below;
    if (depth >= DN_DIM_MAX_DEPTH) return DN_DIM_OVERFLOW;
    DN_PUSH(dims->atoms, dims->n_atoms, dims->cap_atoms) =
        (dn_dim_atom){.numerator = numerator, .denominator = denominator, .depth = depth + 1};
    return atom_dim(dims, dims->n_atoms - 1);
}

// floor((floor(p / a) + rest) / b) = floor((p + a rest) / (a b))
static dn_dim merge_quotients(dn_dims *dims, dn_dim r, int at, dn_dim b) {
    dn_dim_term scratch;
    dn_dim_poly poly = dn_dim_poly_of(dims, r, &scratch);
    int atom = dims->monomials[poly.terms[at].monomial].atoms[0];
    dn_dim p = dims->atoms[atom].numerator, a = dims->atoms[atom].denominator;
    dn_dim rest = dn_dim_sub(dims, r, atom_dim(dims, atom));
    return dn_dim_div(dims, dn_dim_add(dims, p, dn_dim_mul(dims, a, rest)), dn_dim_mul(dims, a, b));
}

// floor(r / q) for a remainder of long division by q: in lowest terms, quotients merged.
static dn_dim divide_remainder(dn_dims *dims, dn_dim r, dn_dim q) {
    if (r == 0 || (both_known(r, q) && r < q)) return 0;  // 0 <= r where both are known
    dn_dim_term t, u;
    dn_dim_poly rp = dn_dim_poly_of(dims, r, &t), qp = dn_dim_poly_of(dims, q, &u);
    dn_dim_term common = common_factor(dims, rp, qp);
    if (common.coefficient != 1 || common.monomial != 0) {
        dn_dim numerator = divide_terms(dims, rp, common);
        return dn_dim_div(dims, numerator, divide_terms(dims, qp, common));
    }
    int lone = dn_dim_known(q) ? lone_quotient(dims, rp) : -1;
    return lone >= 0 ? merge_quotients(dims, r, lone, q) : quotient_atom(dims, r, q);
}

dn_dim dn_dim_div(dn_dims *dims, dn_dim a, dn_dim b) {
    DN_ASSERT(b != 0, "a size divided by 0");
    if (any_overflow(a, b)) return DN_DIM_OVERFLOW;
    if (both_known(a, b)) return floor_div(a, b);
    if (b == 1 || a == 0) return a;
    dn_dim_term t, u;
    dn_dim_poly q = dn_dim_poly_of(dims, b, &u);
    if (q.terms[0].coefficient < 0)
        return dn_dim_div(dims, dn_dim_sub(dims, 0, a), dn_dim_sub(dims, 0, b));
    sum r = sum_of(dims, dn_dim_poly_of(dims, a, &t)), quotient = {.dims = dims};
    long_division(&r, q, &quotient);
    dn_dim whole = sum_finish(&quotient), rest = sum_finish(&r);
    if (any_overflow(whole, rest)) return DN_DIM_OVERFLOW;
    return dn_dim_add(dims, whole, divide_remainder(dims, rest, b));
}

dn_dim dn_dim_symbol(dn_dims *dims, const char *name) {
    for (int i = 0; i < dims->n_atoms; i++) {
        const char *other = dims->atoms[i].name;
        if (other && strcmp(other, name) == 0) return atom_dim(dims, i);
    }
    for (const char *c = name; *c || c == name; c++)
        DN_ASSERT(dn_dim_name_byte(*c, c == name), "a size named \"%s\"", name);
    DN_PUSH(dims->atoms, dims->n_atoms, dims->cap_atoms) =
        (dn_dim_atom){.name = dn_arena_strdup(&dims->arena, name)};
    return atom_dim(dims, dims->n_atoms - 1);
}
