// Made by tests/native/make_math_coefficients.py: do not edit. Rows: F32, F64, F32_IN_F64.
#ifndef DN_CODEGEN_LLVM_MATH_COEFFICIENTS_H
#define DN_CODEGEN_LLVM_MATH_COEFFICIENTS_H

#include "codegen/llvm/math_internal.h"

// (e^r - 1 - r) / r^2 on |r| <= ln 2; the error is that of e^r - 1.
static const terms exp_terms[] = {
    // 2^-29.5
    {7,
     {0x1.0000000000000p-1, 0x1.55555c0000000p-3, 0x1.55553c0000000p-5, 0x1.110b240000000p-7,
      0x1.6c21180000000p-10, 0x1.a571be0000000p-13, 0x1.9fc2660000000p-16}},
    // 2^-60.5
    {13,
     {0x1.0000000000000p-1, 0x1.5555555555553p-3, 0x1.555555555556cp-5, 0x1.1111111111813p-7,
      0x1.6c16c16c13c62p-10, 0x1.a01a019e9e205p-13, 0x1.a01a01a545b17p-16, 0x1.71de3ca455043p-19,
      0x1.27e4f76172b90p-22, 0x1.ae60b669e9dcfp-26, 0x1.1ef02c6beeeabp-29, 0x1.63f05091891f2p-33,
      0x1.9385a2ce48704p-37}},
    // 2^-34.5
    {8,
     {0x1.fffffff866048p-2, 0x1.555555671978bp-3, 0x1.55555c877d38dp-5, 0x1.111104fe30b87p-7,
      0x1.6c0fc160fe01cp-10, 0x1.a021e42cc656bp-13, 0x1.a50ea3d2c9797p-16, 0x1.71fe5d6b995efp-19}},
};

// (log(1 + f) - f) / f^2 on [sqrt(1/2) - 1, sqrt(2) - 1].
static const terms log_terms[] = {
    // 2^-27.9
    {9,
     {-0x1.fffff80000000p-2, 0x1.5555500000000p-2, -0x1.0004260000000p-2, 0x1.99a3f20000000p-3,
      -0x1.54276c0000000p-3, 0x1.22719e0000000p-3, -0x1.0f37720000000p-3, 0x1.0848700000000p-3,
      -0x1.38301c0000000p-4}},
    // 2^-59.4
    {21, {-0x1.0000000000000p-1, 0x1.5555555555571p-2, -0x1.ffffffffffd4bp-3, 0x1.9999999994057p-3,
          -0x1.555555557344dp-3, 0x1.24924927b1e3ap-3, -0x1.fffffff069c10p-4, 0x1.c71c700bcd0c9p-4,
          -0x1.99999af205b91p-4, 0x1.745d5cd51bd25p-4, -0x1.55557388e9af7p-4, 0x1.3b0d30c836092p-4,
          -0x1.248937229b7afp-4, 0x1.116cf6fd5aeb4p-4, -0x1.00d2e9b6150fdp-4, 0x1.dc7667fcf5687p-5,
          -0x1.b421e28eef92fp-5, 0x1.bbf40cd75c2e7p-5, -0x1.016e33c1ab978p-4, 0x1.d2e077ab238bbp-5,
          -0x1.8d0577aef39f3p-6}},
    // 2^-41.0
    {14,
     {-0x1.ffffffffd2498p-2, 0x1.555555521177dp-2, -0x1.0000003bc8883p-2, 0x1.99999ea30a3abp-3,
      -0x1.55552e82234ccp-3, 0x1.2490ef05fe675p-3, -0x1.0004bf207a79cp-3, 0x1.c773d15a81e82p-4,
      -0x1.99321fb870cfdp-4, 0x1.6ecc432f53e4ep-4, -0x1.53be6eae67c1cp-4, 0x1.659c27f08fac7p-4,
      -0x1.5df6582b5eb86p-4, 0x1.66716d0e1e04ap-5}},
};

// (sin(r) / r - 1) / z of z = r^2 on |r| <= pi/4 + 0.01.
static const terms sin_terms[] = {
    // 2^-27.8
    {3, {-0x1.5555440000000p-3, 0x1.1106b80000000p-7, -0x1.99171a0000000p-13}},
    // 2^-68.4
    {7,
     {-0x1.5555555555555p-3, 0x1.111111111110ap-7, -0x1.a01a01a01877ep-13, 0x1.71de3a52f37ecp-19,
      -0x1.ae64523dbe365p-26, 0x1.6120595817175p-33, -0x1.aa88f83818317p-41}},
};

// (cos(r) - 1 + z/2) / z^2 of z = r^2, there.
static const terms cos_terms[] = {
    // 2^-32.8
    {3, {0x1.55554a0000000p-5, -0x1.6c0ba60000000p-10, 0x1.99c2ba0000000p-16}},
    // 2^-63.7
    {6,
     {0x1.5555555555549p-5, -0x1.6c16c16c14ba9p-10, 0x1.a01a019c213d1p-16, -0x1.27e4f7a242c35p-22,
      0x1.1ee9a5d8d0bf4p-29, -0x1.8f8a847c4a2d3p-37}},
};

// erf(a) / a - 1 of z = a^2 on a <= 1.
static const terms erf_near[] = {
    // 2^-29.6
    {7,
     {0x1.06eba80000000p-3, -0x1.81273e0000000p-2, 0x1.ce2cf80000000p-4, -0x1.b7f90e0000000p-6,
      0x1.5405b60000000p-8, -0x1.a3f7160000000p-11, 0x1.496a6c0000000p-14}},
    // 2^-62.7
    {13,
     {0x1.06eba8214db69p-3, -0x1.812746b0379e6p-2, 0x1.ce2f21a042b20p-4, -0x1.b82ce3128499dp-6,
      0x1.565bcd0db02ebp-8, -0x1.c02db3d8ed426p-11, 0x1.f9a321a122894p-14, -0x1.f4d1df39beb00p-17,
      0x1.b9def1a4e1400p-20, -0x1.5f1d3705bb93cp-23, 0x1.f7a41555681fap-27, -0x1.386acb58d6e26p-30,
      0x1.0579c9310686cp-34}},
};

// log(1 - erf(a)) from 1 to where erf(a) rounds to 1.
static const terms erf_far[] = {
    // 2^-29.8
    {7,
     {-0x1.6628700000000p-12, -0x1.2088e80000000p+0, -0x1.46baf60000000p-1, -0x1.a652fa0000000p-4,
      0x1.65cae40000000p-6, -0x1.8259ca0000000p-9, 0x1.86db880000000p-13}},
    // 2^-62.3
    {20, {-0x1.ddf6736fc63a3p-26, -0x1.20dd70cbb6122p+0,  -0x1.45f3272a03bccp-1,
          -0x1.a4f3021d0c1efp-4,  0x1.3964d051e7b52p-6,   0x1.a8476cba1ee1ap-13,
          -0x1.b7158c3f71694p-10, 0x1.219971e917115p-11,  0x1.712d0fa836c3fp-16,
          -0x1.d0a7a9c0268bdp-14, 0x1.0fa06013b295dp-14,  -0x1.975ab4e647a85p-16,
          0x1.c746bbeeaa135p-18,  -0x1.8a8565f6f9ccap-20, 0x1.0a6fdf7d7308ep-22,
          -0x1.148caa6c65451p-25, 0x1.ab2e7c5ce75c9p-29,  -0x1.cef2286c6b39fp-33,
          0x1.3a2607acff998p-37,  -0x1.91aecf5e4c029p-43}},
};

// (atanh(s) / s - 1 - z/3) / z^2 of z = s^2 on |s| <= 3 - 2 sqrt(2).
static const terms atanh_terms =  // 2^-80.8
    {9,
     {0x1.999999999999ap-3, 0x1.249249249246fp-3, 0x1.c71c71c722750p-4, 0x1.745d1741803e2p-4,
      0x1.3b13b3114dd09p-4, 0x1.1110946315086p-4, 0x1.e20b7cc647566p-5, 0x1.aaec19fc2572bp-5,
      0x1.c31ab27743151p-5}};

// ln 2
static const double ln2_parts[][2] = {
    {0x1.62e4300000000p-1, -0x1.05c6100000000p-29},
    {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56},
    {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56},
};

// pi / 2
static const double half_pi_parts[][3] = {
    {0x1.921fb60000000p+0, -0x1.777a5c0000000p-25, -0x1.ee59da0000000p-50},
    {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110},
    {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110},
};

// ln 2, the greater part with so few bits that its product with an exponent is exact
static const double ln2_short[] = {0x1.62e42fefa3800p-1, 0x1.ef35793c76730p-45};

// 64 zero bits, then the bits of 2/pi behind the point, greatest first.
static const uint64_t two_over_pi[] = {
    UINT64_C(0x0000000000000000), UINT64_C(0xa2f9836e4e441529), UINT64_C(0xfc2757d1f534ddc0),
    UINT64_C(0xdb6295993c439041), UINT64_C(0xfe5163abdebbc561), UINT64_C(0xb7246e3a424dd2e0),
    UINT64_C(0x06492eea09d1921c), UINT64_C(0xfe1deb1cb129a73e), UINT64_C(0xe88235f52ebb4484),
    UINT64_C(0xe99c7026b45f7e41), UINT64_C(0x3991d639835339f4), UINT64_C(0x9c845f8bbdf9283b),
    UINT64_C(0x1ff897ffde05980f), UINT64_C(0xef2f118b5a0a6d1f), UINT64_C(0x6d367ecf27cb09b7),
    UINT64_C(0x4f463f669e5fea2d), UINT64_C(0x7527bac7ebe5f17b), UINT64_C(0x3d0739f78a5292ea),
    UINT64_C(0x6bfb5fb11f8d5d08), UINT64_C(0x56033046fc7b6bab),
};

#endif
