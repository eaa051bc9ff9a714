// The schedule of LOOP kernels on x86: for each instruction set that this processor has, against
// the interpreter; the same bits for all and however tasks are cut.
#include "tests/native/loop_cases.h"
#include "tests/native/loop_x86.h"

// Runs on all instruction sets, cut in several ways: the wanted numbers, and the same bits always.
static void trial_check(const trial *t, bool wide) {
    memory first;
    for (int isa = 0; isa <= (wide ? DN_ISA_AVX512 : DN_ISA_AVX2); isa++) {
        for (int order = 0; order < 4; order++) {
            memory m;
            dn_native_fault fault = {.launch = -1};
            memory_open(t, &m);
            trial_run(t, (dn_isa)isa, order, &m, &fault);
            CHECK(fault.rows == t->fault.rows && (order || fault.index == t->fault.index),
                  "%s: fault at %lld of %lld", t->name, (long long)fault.index,
                  (long long)fault.rows);
            if (isa == 0 && order == 0) {
                first = m;
                trial_compare(t, m.args, "avx2");
                continue;
            }
            for (int i = 0; i < t->kernel.n_args; i++)
                CHECK(memcmp(m.args[i], first.args[i], t->data[i]->bytes) == 0,
                      "%s: argument %d: other bits, isa %d, order %d", t->name, i, isa, order);
            CHECK(memory_close(t, &m), "%s: wrote before a buffer", t->name);
        }
    }
    CHECK(memory_close(t, &first), "%s: wrote before a buffer", t->name);
}

int main(void) {
    bool wide = dn_isa_here() >= DN_ISA_AVX512;
    LLVMOrcLLJITRef jits[DN_ISA_COUNT] = {0};
    make_trials();
    for (int isa = 0; isa <= (wide ? DN_ISA_AVX512 : DN_ISA_AVX2); isa++)
        jits[isa] = trial_compile(trials, n_trials, (dn_isa)isa, TRIAL_PASSES, NULL);
    for (int i = 0; i < n_trials; i++) {
        oracle_run(trials[i]);
        trial_check(trials[i], wide);
        trial_free(trials[i]);
    }
    for (int isa = 0; isa < DN_ISA_COUNT; isa++)
        if (jits[isa]) trial_llvm(LLVMOrcDisposeLLJIT(jits[isa]));
    return CHECK_RESULT();
}
