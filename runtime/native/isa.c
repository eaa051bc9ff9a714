// Which instruction set to run. The compiler's run-time library asks the processor (cpuid) and the
// operating system (xgetbv: whether it keeps the wide registers).
#include <stdlib.h>
#include <string.h>

#include "runtime/native/native.h"

static const char *const names[DN_ISA_COUNT] = {
    [DN_ISA_AVX2] = "avx2",
    [DN_ISA_AVX512] = "avx512",
    [DN_ISA_AVX512_BF16] = "avx512bf16",
};

const char *dn_isa_name(dn_isa isa) { return names[isa]; }

static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd");
}

static dn_isa best(void) {
    if (!has_avx512()) return DN_ISA_AVX2;
    return __builtin_cpu_supports("avx512bf16") ? DN_ISA_AVX512_BF16 : DN_ISA_AVX512;
}

// What DNET_ISA asks for: DN_ISA_COUNT if it is not set or names nothing.
static dn_isa wanted(const char *name) {
    int isa = 0;
    while (name && isa < DN_ISA_COUNT && strcmp(name, names[isa]) != 0) isa++;
    return name ? (dn_isa)isa : DN_ISA_COUNT;
}

dn_isa dn_isa_here(void) {
    dn_isa isa = wanted(getenv("DNET_ISA"));
    return isa < best() ? isa : best();
}

dn_status dn_isa_check(void) {
    const char *name = getenv("DNET_ISA");
    dn_isa isa = wanted(name);
    if (!has_avx2())
        return dn_fail(DN_UNSUPPORTED, "this processor has no AVX2, which compiled code needs");
    if (name && isa == DN_ISA_COUNT)
        return dn_fail(DN_INVALID, "DNET_ISA should be avx2, avx512 or avx512bf16, not `%s`", name);
    if (name && isa > best())
        return dn_with_hint(
            dn_fail(DN_UNSUPPORTED, "DNET_ISA is %s, which this processor does not have", name),
            "unset DNET_ISA: the best that it has is %s", names[best()]);
    return DN_SUCCESS;
}
