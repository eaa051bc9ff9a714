#include "runtime/native/linked.h"

// Hidden: they are in the same program or library.
#pragma GCC visibility push(hidden)
extern const unsigned char dn_image_bytes[];
extern const uint64_t dn_image_size;
// The tables of kernels: those of the instruction sets that the program was compiled for.
extern dn_native_kernel *const dn_kernels_avx2[] __attribute__((weak));
extern dn_native_kernel *const dn_kernels_avx512[] __attribute__((weak));
extern dn_native_kernel *const dn_kernels_avx512bf16[] __attribute__((weak));
#pragma GCC visibility pop

dn_status dn_linked_program(dn_arena *arena, dn_program_image *out) {
    return dn_program_decode(arena, dn_image_bytes, (size_t)dn_image_size, out);
}

static dn_native_kernel *const *table_of(dn_isa isa) {
    switch (isa) {
        case DN_ISA_AVX512: return dn_kernels_avx512;
        case DN_ISA_AVX512_BF16: return dn_kernels_avx512bf16;
        default: return dn_kernels_avx2;
    }
}

bool dn_linked_has(dn_isa isa) { return table_of(isa) != NULL; }

dn_status dn_linked_kernels(dn_native_kernel *const **out) {
    DN_TRY(dn_isa_check());
    for (int isa = (int)dn_isa_here(); isa >= 0; isa--) {
        *out = table_of((dn_isa)isa);
        if (*out) return DN_SUCCESS;
    }
    int least = 0;
    while (least < DN_ISA_COUNT - 1 && !table_of((dn_isa)least)) least++;
    return dn_fail(DN_UNSUPPORTED, "the program was compiled for %s, which this processor lacks",
                   dn_isa_name((dn_isa)least));
}
