// Sizes of axes, known or symbolic.
//
// A dn_dim is a number, or a reference to a polynomial over named sizes (and floor quotients of
// such) in a table. Polynomials are kept in one normal form, so two sizes are equal exactly when
// their dn_dims are. Symbolic sizes occur while a net is checked on its own (`f32[N, 28, 28, 1]`);
// a graph that is executed has known sizes only, which the verifier demands.
#ifndef DN_IR_DIM_H
#define DN_IR_DIM_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/memory.h"

typedef int64_t dn_dim;
typedef struct dn_dims dn_dims;  // the table; one per compilation

dn_dims *dn_dims_new(void);
void dn_dims_free(dn_dims *dims);

static inline bool dn_dim_known(dn_dim d) { return d > INT64_MIN / 2; }

// What arithmetic gives when a number or a polynomial is too large to hold. It counts as symbolic
// and stays (only 0 times it is 0); shape rules refuse it. Prints as "overflow".
#define DN_DIM_OVERFLOW INT64_MIN
static inline bool dn_dim_overflowed(dn_dim d) { return d == DN_DIM_OVERFLOW; }

// A size called `name` (letters, digits and _ . $ ' ? but not a digit first). The same name gives
// the same size; make names unique where they are not.
dn_dim dn_dim_symbol(dn_dims *dims, const char *name);
dn_dim dn_dim_add(dn_dims *dims, dn_dim a, dn_dim b);
dn_dim dn_dim_sub(dn_dims *dims, dn_dim a, dn_dim b);
dn_dim dn_dim_mul(dn_dims *dims, dn_dim a, dn_dim b);
// floor(a / b); exact where every coefficient divides. b must not be the number 0; a symbolic b is
// taken to be non-zero.
dn_dim dn_dim_div(dn_dims *dims, dn_dim a, dn_dim b);
// Appends "64", "N", "2*N + 1", "floor((H + 1) / 2)".
void dn_dim_print(const dn_dims *dims, dn_dim d, dn_str *out);
// The reverse of dn_dim_print, for the text form: parses at *text, advances it. False on bad
// syntax.
bool dn_dim_parse(dn_dims *dims, const char **text, dn_dim *out);

#endif
