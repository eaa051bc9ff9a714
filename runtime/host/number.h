// Numbers as text.
#ifndef DN_RUNTIME_HOST_NUMBER_H
#define DN_RUNTIME_HOST_NUMBER_H

#include "runtime/tensor.h"

enum { DN_NUMBER_TEXT = 40 };

// Whether the numbers of a dtype are floats: `single` below.
static inline bool dn_number_single(dn_dtype dtype) { return dtype == DN_F32 || dtype == DN_BF16; }

// The fewest significant digits that read back as the same number (as the same float, with
// `single`), at most `digits` of them (0: no limit): 0.1, 1500000, 1e-07, inf, nan. The text fits
// in DN_NUMBER_TEXT bytes.
void dn_number_text(double number, bool single, int digits, char *text);
// The double whose shortest text is that of the float: 0.1f gives 0.1. What is logged reads so.
double dn_number_from_single(float number);

#endif
