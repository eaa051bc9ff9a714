// What a device can do at best, by what is known of its generation and what the driver tells.
#include "runtime/cuda/inside.h"

const char *dn_matrix_units_name(dn_matrix_units units) {
    static const char *const names[] = {
        [DN_MATRIX_F32] = "f32", [DN_MATRIX_TF32] = "tf32", [DN_MATRIX_BF16] = "bf16"};
    return names[units];
}

// Of one multiprocessor in one clock; multiply-adds count as two, zeros are not left out. The
// best of a generation: GeForce cards of some have half of the matrix units' rates.
typedef struct generation {
    int capability;
    int f32;                      // outside of matrix units
    int matrix[DN_MATRIX_KINDS];  // 0: has none for that
} generation;

static const generation generations[] = {
    {80, 128, {[DN_MATRIX_TF32] = 1024, [DN_MATRIX_BF16] = 2048}},
    {86, 256, {[DN_MATRIX_TF32] = 512, [DN_MATRIX_BF16] = 1024}},
    {87, 256, {[DN_MATRIX_TF32] = 1024, [DN_MATRIX_BF16] = 2048}},
    {89, 256, {[DN_MATRIX_TF32] = 512, [DN_MATRIX_BF16] = 1024}},
    {90, 256, {[DN_MATRIX_TF32] = 2048, [DN_MATRIX_BF16] = 4096}},
};
// Of later ones the matrix units are not known here.
static const generation later = {.f32 = 256};

static const generation *generation_of(int capability) {
    for (size_t i = 0; i < sizeof generations / sizeof *generations; i++)
        if (generations[i].capability == capability) return &generations[i];
    return &later;
}

void dn_cuda_limits(const dn_cuda *cuda, dn_machine *out) {
    const generation *each = generation_of(cuda->capability);
    int processors = 0, clock = 0, memory_clock = 0, bits = 0;
    const dn_cu *cu = &cuda->cu;
    bool known = cu->device_attribute(&processors, DN_CU_MULTIPROCESSORS, cuda->device) == 0 &&
                 cu->device_attribute(&clock, DN_CU_CLOCK_KHZ, cuda->device) == 0 &&
                 cu->device_attribute(&memory_clock, DN_CU_MEMORY_CLOCK_KHZ, cuda->device) == 0 &&
                 cu->device_attribute(&bits, DN_CU_MEMORY_BUS_BITS, cuda->device) == 0;
    *out = (dn_machine){.source = cuda->name};
    if (!known) return;
    out->flops = 1e3 * processors * clock * each->f32;
    out->bytes = 2e3 * memory_clock * (bits / 8);
    if (!cuda->n_loaded) return;
    out->matrix = 1e3 * processors * clock * each->matrix[cuda->loaded[0].code->units];
}
