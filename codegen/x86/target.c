// What the schedules have to know about the processor.
#include "codegen/x86/x86.h"

dn_x86 dn_x86_of(dn_isa isa) {
    bool wide = isa >= DN_ISA_AVX512;
    return (dn_x86){.isa = isa,
                    .vector_bytes = wide ? 64 : 32,
                    .registers = wide ? 32 : 16,
                    .dot_pairs = isa == DN_ISA_AVX512_BF16};
}

int dn_x86_lanes(dn_dtype dtype) {
    return 64 / (int)dn_dtype_size(dtype == DN_BF16 ? DN_F32 : dtype);  // bf16 is float in code
}

const dn_target dn_x86_target = {.name = "x86",
                                 .tasks = dn_x86_tasks,
                                 .pack = dn_x86_pack,
                                 .reads_narrow = dn_x86_reads_narrow,
                                 .winograd = dn_x86_winograd};
