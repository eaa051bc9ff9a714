// Inside of dn_dims, shared by dim.c (arithmetic) and dim_text.c (print, parse).
//
// A polynomial is a sum of terms, coefficient * monomial; a monomial is a product of atoms; an atom
// is a named size or a floor quotient. Monomials and polynomials are stored once, so equal ones
// have equal indices. Everything is ordered by what it says (names, structure), never by when it
// was made: the normal form and the printed text do not depend on history.
#ifndef DN_IR_DIM_TABLE_H
#define DN_IR_DIM_TABLE_H

#include "ir/dim.h"

enum {
    DN_DIM_MAX_TERMS = 256,  // beyond these limits a size is "too large" (DN_DIM_OVERFLOW)
    DN_DIM_MAX_DEGREE = 64,
    DN_DIM_MAX_DEPTH = 32,
};

typedef struct dn_dim_atom {
    const char *name;  // of a named size, or NULL: floor(numerator / denominator)
    dn_dim numerator, denominator;
    int depth;  // of nested quotients
} dn_dim_atom;

typedef struct dn_dim_monomial {
    int degree;
    int *atoms;  // indices, ascending; a power repeats its atom. Degree 0 is the number 1
} dn_dim_monomial;

typedef struct dn_dim_term {
    int monomial;
    int64_t coefficient;
} dn_dim_term;

typedef struct dn_dim_poly {
    int n;
    const dn_dim_term *terms;  // the greatest monomial first; no coefficient is 0
    uint64_t hash;
} dn_dim_poly;

struct dn_dims {
    dn_arena arena;
    dn_dim_atom *atoms;
    int n_atoms, cap_atoms;
    dn_dim_monomial *monomials;  // [0] is the number 1
    int n_monomials, cap_monomials;
    dn_dim_poly *polys;  // [0] stands for DN_DIM_OVERFLOW
    int n_polys, cap_polys;
};

// The polynomial of any size but DN_DIM_OVERFLOW; `scratch` holds the term of a known one.
dn_dim_poly dn_dim_poly_of(const dn_dims *dims, dn_dim d, dn_dim_term *scratch);
// Bytes of a size's name: letters, digits and _ . $ ' ? but not a digit first.
bool dn_dim_name_byte(char c, bool first);

#endif
