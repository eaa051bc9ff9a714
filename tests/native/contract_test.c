// Contractions for x86 against plain loops: every form, odd shapes, packed operands or not; both
// instruction sets and any cut of the tasks give the same bits.
#include "tests/native/contract_case.h"
#include "tests/native/contract_jit.h"
#include "tests/native/guard.h"

// packed[group or batch][panel][step][lane] of B, or of pairs of steps.
static void *pack(const contraction *k, const void *b) {
    const dn_contract *c = &k->kernel.contract;
    dn_dtype dtype = dn_operand_dtype(c, 1);
    size_t size = dn_dtype_size(dtype);
    char *packed = dn_xcalloc((size_t)k->b_count + 1, size);
    bool dot = c->op == DN_OP_DOT, conv = c->op == DN_OP_CONV;
    int64_t groups = dot ? product_of(c->batch, c->batches) : c->groups;
    int64_t channels = dot ? 0 : c->channels / groups, filters = dot ? 0 : c->filters / groups;
    int64_t columns = dot ? c->n : conv ? filters : channels;
    int64_t inner = dot ? c->k : conv ? channels : filters;
    int64_t steps = dot ? c->k : product_of(c->kernel, c->spatial) * inner;
    int64_t panels = (columns + c->packed - 1) / c->packed;
    for (int64_t g = 0; g < groups; g++)
        for (int64_t step = 0; step < steps; step++)
            for (int64_t column = 0; column < columns; column++) {
                int64_t tap = step / inner, i = step % inner, from = 0, rest = g;
                if (conv) from = (tap * channels + i) * c->filters + g * filters + column;
                if (!conv) from = (tap * channels + column) * c->filters + g * filters + i;
                if (dot) from = step * c->b_k + column * c->b_n;
                for (int d = c->batches - 1; dot && d >= 0; d--) {
                    from += rest % c->batch[d] * c->b_batch[d];
                    rest /= c->batch[d];
                }
                int64_t lane = column % c->packed, to = (g * panels + column / c->packed) * steps;
                to = (to + step) * c->packed + lane;
                if (c->pairs) to += step % 2 ? lane + 1 - c->packed : lane;
                memcpy(packed + (size_t)to * size, (const char *)b + (size_t)from * size, size);
            }
    return packed;
}

// ---- running ----

// Runs the tasks in `parts` parts, the last one first, in guarded memory.
static void *run(const contraction *k, const contraction_code *code, const void *a, const void *b,
                 int parts) {
    const dn_contract *c = &k->kernel.contract;
    size_t out_bytes = (size_t)k->out_count * dn_dtype_size(c->dtype);
    size_t bytes[] = {(size_t)k->a_count * dn_dtype_size(dn_operand_dtype(c, 0)),
                      (size_t)k->b_count * dn_dtype_size(dn_operand_dtype(c, 1)), out_bytes};
    void *args[3], *out = dn_xmalloc(out_bytes + 1);
    for (int i = 0; i < 3; i++) args[i] = guarded_new(bytes[i], 1);
    memcpy(args[0], a, bytes[0]);
    memcpy(args[1], b, bytes[1]);
    memset(args[2], 0x7f, bytes[2]);
    int64_t tasks = dn_x86_contract_tasks(&k->kernel);
    for (int i = parts - 1; i >= 0; i--)
        code->run(args, tasks * i / parts, tasks * (i + 1) / parts, NULL);
    memcpy(out, args[2], out_bytes);
    bool clean = memcmp(args[0], a, bytes[0]) == 0 && memcmp(args[1], b, bytes[1]) == 0;
    for (int i = 0; i < 3; i++) clean &= guarded_end(args[i], bytes[i], 1);
    CHECK(clean, "an operand or memory beside one was written");
    return out;
}

// What is not needed may be anything.
static void forget(const contraction *k, void *got, const double *want) {
    size_t size = dn_dtype_size(k->kernel.contract.dtype);
    for (int64_t i = 0; i < k->out_count; i++)
        if (isnan(want[i])) memset((char *)got + (size_t)i * size, 0, size);
}

static int n_narrow, n_pairs;  // contractions with operands of bf16

static void check_contract(const dn_contract *contract) {
    dn_contract c = *contract;
    contraction k;
    contraction_kernel(&k, &c);
    dn_dtype of_a = dn_operand_dtype(&c, 0), of_b = dn_operand_dtype(&c, 1);
    void *a = new_data(of_a, k.a_count), *b = new_data(of_b, k.b_plain);
    double *da = to_double(a, of_a, k.a_count), *db = to_double(b, of_b, k.b_plain);
    double *want = expected(&k, da, db);
    void *operand = c.packed ? pack(&k, b) : b;
    size_t bytes = (size_t)k.out_count * dn_dtype_size(c.dtype);
    void *first = NULL;
    for (int isa = 0; isa <= (int)dn_isa_here(); isa++) {
        if (isa == DN_ISA_AVX512_BF16 && !c.pairs) continue;  // the same code as for AVX-512
        contraction_code code;
        contraction_compile(&k, (dn_isa)isa, NULL, &code);
        for (int parts = 1; parts <= 3; parts += 2) {
            void *got = run(&k, &code, a, operand, parts);
            if (c.n_limits) forget(&k, got, want);
            if (!first) {
                check_values(&k, got, want, "");
                first = got;
                continue;
            }
            char *text = describe(&c);
            CHECK(memcmp(first, got, bytes) == 0, "%s: isa %d, %d parts differ", text, isa, parts);
            free(text);
            free(got);
        }
        contraction_free(&code);
    }
    if (operand != b) free(operand);
    free(first), free(want), free(da), free(db), free(a), free(b);
}

// With B as it is, and packed where it can be.
static void check_both(dn_contract c) {
    c.packed = 0;
    check_contract(&c);
    if (c.op == DN_OP_CONV_WEIGHT) return;
    c.packed = 2 * dn_x86_lanes(c.dtype);
    check_contract(&c);
}

// Operands of bf16: each alone and both, as far as they are read so; and by pairs.
static void check_narrow(dn_contract c) {
    for (int which = 1; which <= 3; which++) {
        c.narrow[0] = which & 1, c.narrow[1] = which & 2;
        bool read = true;
        for (int i = 0; i < 2; i++) read = read && (!c.narrow[i] || dn_x86_reads_narrow(&c, i));
        if (read) check_contract(&c), n_narrow++;
    }
    dn_pack pack = dn_x86_pack(&c);
    if (!pack.pairs) return;
    c.packed = pack.width;
    c.pairs = true;
    CHECK(dn_x86_reads_narrow(&c, 0) && dn_x86_reads_narrow(&c, 1), "pairs are read");
    check_contract(&c);
    n_pairs++;
}

// Products of which only some steps are taken and some rows are needed, by where in the batch.
static void check_limits(void) {
    static const int64_t sizes[][3] = {
        {64, 32, 64}, {57, 45, 36}, {30, 64, 5000}, {7, 33, 16}, {200, 2, 48}, {1, 16, 8}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        dn_contract c = {.op = DN_OP_DOT, .dtype = i % 2 ? DN_F64 : DN_F32, .batches = 2};
        c.m = sizes[i][0], c.n = sizes[i][1], c.k = sizes[i][2];
        c.batch[0] = 3, c.batch[1] = 4;
        c.a_batch[1] = c.m * c.k, c.b_batch[1] = c.k * c.n;
        c.a_batch[0] = 4 * c.a_batch[1], c.b_batch[0] = 4 * c.b_batch[1];
        c.a_m = c.k, c.a_k = 1, c.b_k = c.n, c.b_n = 1;
        if (i == 4) c.a_m = 1, c.a_k = c.m;
        c.n_limits = 4;
        c.limits[0] = (dn_limit){.steps = true, .axis = {1, -1}, .index = {1, 0}, .count = c.k / 2};
        c.limits[1] = (dn_limit){.axis = {0, -1}, .index = {2, 0}, .count = c.m / 2};
        c.limits[2] = (dn_limit){.steps = true, .axis = {1, 0}, .index = {1, 1}, .count = 0};
        c.limits[3] = (dn_limit){.axis = {1, 0}, .index = {3, 0}, .count = i % 2 ? 0 : c.m - 1};
        check_both(c);
    }
}

// Products and sums below the least normal number: the same bits, too, as vdpbf16ps has them.
static void check_small(void) {
    dn_contract c = {.op = DN_OP_DOT, .dtype = DN_F32, .m = 50, .n = 64, .k = 6};
    c.a_m = c.k, c.a_k = 1, c.b_k = c.n, c.b_n = 1, c.packed = 32;
    c.pairs = c.narrow[0] = c.narrow[1] = true;
    for (int exponent = 60; exponent <= 68; exponent += 4) {
        bf16_scale = ldexp(1, -exponent);
        check_contract(&c);
    }
    bf16_scale = 1;
}

int main(void) {
    int n_convs = sizeof conv_cases / sizeof *conv_cases;
    int n_dots = sizeof dot_cases / sizeof *dot_cases;
    for (int i = 0; i < n_convs; i++) each_conv(&conv_cases[i], DN_F32, check_both);
    for (int i = 0; i < n_dots; i++) each_dot(&dot_cases[i], DN_F32, check_both);
    for (int i = 0; i < n_convs; i++) each_conv(&conv_cases[i], DN_F32, check_narrow);
    for (int i = 0; i < n_dots; i++) each_dot(&dot_cases[i], DN_F32, check_narrow);
    CHECK(n_narrow > 30 && n_pairs > 20, "%d, %d by pairs", n_narrow, n_pairs);
    check_limits();
    check_small();
    dn_dtype others[] = {DN_F64, DN_I32, DN_I64, DN_U8};
    for (int i = 0; i < 4; i++) {
        each_conv(&conv_cases[1 + i], others[i], check_both);
        for (int j = 0; j < n_dots; j += 5) each_dot(&dot_cases[j + i % 3], others[i], check_both);
    }
    return CHECK_RESULT();
}
