// Values of floats of all types, and rounding to them.
#include <fenv.h>

#include "tests/cudasim/lanes.h"

int sim_c_rounding(sim_rounding rounding) {
    switch (rounding) {
        case SIM_RZ: return FE_TOWARDZERO;
        case SIM_RM: return FE_DOWNWARD;
        case SIM_RP: return FE_UPWARD;
        default: return FE_TONEAREST;
    }
}

double sim_add_odd(double a, double b) {
    double sum = a + b;
    if (!isfinite(sum)) return sum;
    double of_b = sum - a, of_a = sum - of_b;
    double rest = (a - of_a) + (b - of_b);
    if (rest == 0) return sum;
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    // Towards zero, then the last bit set: no later rounding takes it for exact or for half way.
    if ((rest < 0) != (sum < 0)) bits--;
    bits |= 1;
    memcpy(&sum, &bits, sizeof sum);
    return sum;
}

double sim_float_value(ptx_type type, uint64_t bits) {
    uint32_t low = (uint32_t)bits;
    float narrow;
    double value;
    switch (type) {
        case PTX_F16: return sim_f16_value((uint16_t)bits);
        case PTX_BF16: return sim_bf16_value((uint16_t)bits);
        case PTX_F64: memcpy(&value, &bits, sizeof value); return value;
        default: memcpy(&narrow, &low, sizeof narrow); return narrow;
    }
}

typedef struct format {
    int digits, least, most;  // bits of the fraction, exponents of normal numbers
} format;

static format format_of(ptx_type type) {
    switch (type) {
        case PTX_F16: return (format){10, -14, 15};
        case PTX_BF16: return (format){7, -126, 127};
        case PTX_TF32: return (format){10, -126, 127};
        default: return (format){23, -126, 127};
    }
}

static double round_to_integer(double v, sim_rounding rounding) {
    switch (rounding) {
        case SIM_RZ: return trunc(v);
        case SIM_RM: return floor(v);
        case SIM_RP: return ceil(v);
        case SIM_RNA: return round(v);
        default: return rint(v);
    }
}

static double round_to_format(double v, format f, sim_rounding rounding) {
    if (!isfinite(v) || v == 0) return v;
    int exponent = ilogb(v);
    if (exponent < f.least) exponent = f.least;
    double rounded =
        ldexp(round_to_integer(ldexp(v, f.digits - exponent), rounding), exponent - f.digits);
    double most = ldexp(2 - ldexp(1, -f.digits), f.most);
    if (fabs(rounded) <= most) return copysign(rounded, v);
    bool stays =
        rounding == SIM_RZ || (rounding == SIM_RM && v > 0) || (rounding == SIM_RP && v < 0);
    return copysign(stays ? most : HUGE_VAL, v);
}

uint64_t sim_float_bits(ptx_type type, double value, sim_rounding rounding) {
    uint64_t bits = 0;
    if (type == PTX_F64) {
        memcpy(&bits, &value, sizeof bits);
        return bits;
    }
    bool once = rounding == SIM_RN && (type == PTX_F32 || (double)(float)value == value) &&
                type != PTX_TF32;  // is rounded once by what is below
    float narrow = (float)(once ? value : round_to_format(value, format_of(type), rounding));
    if (type == PTX_F16) return isnan(value) ? 0x7fff : sim_f16_round(narrow);
    if (type == PTX_BF16) return isnan(value) ? 0x7fff : sim_bf16_round(narrow);
    if (isnan(value)) return 0x7fffffff;
    memcpy(&bits, &narrow, sizeof narrow);
    return bits;
}
