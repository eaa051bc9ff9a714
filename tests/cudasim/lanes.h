// Instructions that are functions of all lanes, as rows of tables.
#ifndef CUDASIM_LANES_H
#define CUDASIM_LANES_H

#include <math.h>
#include <string.h>

#include "tests/cudasim/machine.h"

// One row: op{.variant}.type, with so many sources of that type, or of those that are given.
typedef struct sim_alu {
    const char *op, *variant;  // "mul", "wide"
    ptx_type type;
    int sources;
    sim_lanes_fn lanes;    // with no modifiers but .rn
    sim_lanes_fn general;  // with any: rounding, .ftz, .sat, .relu; NULL: there are none
    ptx_type result;       // PTX_NONE: `type`
    ptx_type b, c;         // of the second and third source; PTX_NONE: `type`
    uint8_t mode;          // goes to the instruction
} sim_alu;

// Tables end with a row whose op is NULL.
extern const sim_alu sim_alu_integer[], sim_alu_wide[], sim_alu_bits[], sim_alu_float[],
    sim_alu_special[], sim_alu_half[];

#define SIM_EACH_LANE _Pragma("GCC ivdep") for (int l = 0; l < SIM_LANES; l++)
#define SIM_LANES_ARGS const sim_instr *i, void *dp, const void *ap, const void *bp, const void *cp
#define SIM_UNUSED(...) (void)i, (void)dp, (void)ap, (void)bp, (void)cp

// A function of lanes: D, A, B, C are C types of a lane's value; x, y, z the sources.
#define SIM_UNARY(name, D, A, value)   \
    static void name(SIM_LANES_ARGS) { \
        SIM_UNUSED();                  \
        D *d = dp;                     \
        const A *a = ap;               \
        SIM_EACH_LANE {                \
            A x = a[l];                \
            d[l] = (D)(value);         \
        }                              \
    }
#define SIM_BINARY(name, D, A, B, value) \
    static void name(SIM_LANES_ARGS) {   \
        SIM_UNUSED();                    \
        D *d = dp;                       \
        const A *a = ap;                 \
        const B *b = bp;                 \
        SIM_EACH_LANE {                  \
            A x = a[l];                  \
            B y = b[l];                  \
            d[l] = (D)(value);           \
        }                                \
    }
#define SIM_TERNARY(name, D, A, B, C, value) \
    static void name(SIM_LANES_ARGS) {       \
        SIM_UNUSED();                        \
        D *d = dp;                           \
        const A *a = ap;                     \
        const B *b = bp;                     \
        const C *c = cp;                     \
        SIM_EACH_LANE {                      \
            A x = a[l];                      \
            B y = b[l];                      \
            C z = c[l];                      \
            d[l] = (D)(value);               \
        }                                    \
    }

// ---- numbers (convert.c) ----
// The value of a number of a type; and a number from a value, rounded once.
double sim_float_value(ptx_type type, uint64_t bits);
uint64_t sim_float_bits(ptx_type type, double value, sim_rounding rounding);
// A double of which a later rounding to at most 50 bits is as one of the exact sum.
double sim_add_odd(double a, double b);
int sim_c_rounding(sim_rounding rounding);  // of <fenv.h>

#endif
