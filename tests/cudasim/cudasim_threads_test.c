// What threads do together, and where their code goes: results against C.
#include "tests/cudasim/machine_trial.h"

enum { BLOCK = 64, BYTES = 4096 };

// %o: out[t]; out is written with zeros. Declarations that bodies share.
#define HEAD                                                                           \
    ".reg .b32 %r<20>;\n.reg .b64 %o, %rd<10>;\n.reg .pred %p<8>;\n.reg .f32 %f<4>;\n" \
    ".reg .b16 %h<4>;\n.shared .align 16 .b8 s[1024];\n"                               \
    "mul.wide.u32 %at, %t, 4; add.u64 %o, %out, %at;\n"
#define SHOW(reg) " st.global.u32 [%o], " reg ";"

static uint32_t *in, *out;

#define EACH(name, text, value)                                                        \
    do {                                                                               \
        memset(out, 0, BYTES);                                                         \
        run_body(HEAD text, (shape){1, BLOCK, 0}, in, out);                            \
        for (uint32_t t = 0; t < BLOCK; t++) {                                         \
            uint32_t lane = t % 32, warp = t / 32, want = (uint32_t)(value);           \
            (void)lane, (void)warp;                                                    \
            CHECK(out[t] == want, "%s: thread %u: %u, not %u", name, t, out[t], want); \
        }                                                                              \
    } while (0)

static void warps(void) {
    EACH("up", "shfl.sync.up.b32 %r1|%p1, %t, 3, 0, -1; selp.u32 %r2, %r1, 99, %p1;" SHOW("%r2"),
         lane < 3 ? 99 : t - 3);
    EACH("down of 8", "shfl.sync.down.b32 %r1, %t, 2, 0x1807, -1;" SHOW("%r1"),
         lane % 8 < 6 ? t + 2 : t);
    EACH("idx", "shfl.sync.idx.b32 %r1, %t, 5, 31, -1;" SHOW("%r1"), warp * 32 + 5);
    EACH("ballot", "setp.lt.u32 %p1, %t, 40; vote.sync.ballot.b32 %r1, %p1, -1;" SHOW("%r1"),
         warp ? 0xff : 0xffffffff);
    EACH("all",
         "setp.lt.u32 %p1, %t, 40; vote.sync.all.pred %p2, %p1, -1; selp.u32 %r1, 1, 0, %p2;" SHOW(
             "%r1"),
         warp == 0);
    EACH("uni",
         "setp.lt.u32 %p1, %t, 32; vote.sync.uni.pred %p2, %p1, -1; selp.u32 %r1, 1, 0, %p2;" SHOW(
             "%r1"),
         1);
    EACH("match", "shr.u32 %r1, %t, 2; match.any.sync.b32 %r2, %r1, -1;" SHOW("%r2"),
         0xfu << lane / 4 * 4);
    EACH("match all", "shr.u32 %r1, %t, 5; match.all.sync.b32 %r2|%p1, %r1, -1;" SHOW("%r2"), -1);
    EACH("redux", "redux.sync.add.u32 %r1, %t, -1;" SHOW("%r1"), warp ? 1520 : 496);
    EACH("redux of signed", "sub.u32 %r1, 40, %t; redux.sync.min.s32 %r2, %r1, -1;" SHOW("%r2"),
         warp ? -23 : 9);
    EACH("active", "setp.ge.u32 %p1, %t, 36; @%p1 bra L; activemask.b32 %r1;" SHOW("%r1") "L:",
         t >= 36 ? 0
         : warp  ? 0xf
                 : 0xffffffff);
    EACH("elect", "elect.sync %r1|%p1, -1; selp.u32 %r2, 1, 0, %p1;" SHOW("%r2"), lane == 0);
}

static void blocks(void) {
    EACH("popc",
         "and.b32 %r1, %t, 3; setp.eq.u32 %p1, %r1, 0; bar.red.popc.u32 %r2, 0, %p1;" SHOW("%r2"),
         16);
    EACH("or",
         "setp.eq.u32 %p1, %t, 50; bar.red.or.pred %p2, 0, %p1; selp.u32 %r2, 1, 0, %p2;" SHOW(
             "%r2"),
         1);
    EACH("producer and consumer",
         "setp.lt.u32 %p1, %t, 32; shl.b32 %r1, %t, 2; mov.u32 %r2, s; add.u32 %r1, %r1, %r2;"
         "@%p1 bra L; bar.sync 1, 64; ld.shared.u32 %r3, [%r1+-128];" SHOW("%r3") "bra E;"
         "L: st.shared.u32 [%r1], %t; bar.arrive 1, 64; E:", warp ? t - 32 : 0);
    EACH("atomics of all kinds",
         "setp.eq.u32 %p1, %t, 0; @%p1 st.shared.v4.u32 [s], {0, 100, 0, 0};"
         "@%p1 st.shared.v4.u32 [s+16], {0xff, 0, 0, 0}; bar.sync 0;"
         "red.shared.add.u32 [s], 2; red.shared.min.s32 [s+4], %t; red.shared.max.u32 [s+8], %t;"
         "atom.shared.inc.u32 %r1, [s+12], 40; red.shared.and.b32 [s+16], 0x3c;"
         "red.shared.or.b32 [s+20], %t; bar.sync 0;"
         "ld.shared.v4.u32 {%r2, %r3, %r4, %r5}, [s]; ld.shared.v2.u32 {%r6, %r7}, [s+16];"
         "add.u32 %r2, %r2, %r3; add.u32 %r2, %r2, %r4; add.u32 %r2, %r2, %r5; add.u32 %r2, %r2, "
         "%r6;"
         "add.u32 %r2, %r2, %r7;" SHOW("%r2"),
         128 + 0 + 63 + 64 % 41 + 0x3c + 63);
    EACH(
        "a lock that threads of a warp take in turn",
        "setp.eq.u32 %p1, %t, 0; @%p1 st.shared.v2.u32 [s], {0, 0}; bar.sync 0;"
        "L: atom.acquire.shared.cas.b32 %r1, [s], 0, 1; setp.ne.u32 %p2, %r1, 0; @%p2 bra L;"
        "ld.volatile.shared.u32 %r2, [s+4]; add.u32 %r2, %r2, 1; st.volatile.shared.u32 [s+4], %r2;"
        "atom.release.shared.exch.b32 %r3, [s], 0; bar.sync 0; ld.shared.u32 %r4, [s+4];" SHOW(
            "%r4"),
        BLOCK);
    EACH("sums of floats",
         "setp.eq.u32 %p1, %t, 0; @%p1 st.shared.u32 [s], 0; bar.sync 0;"
         "cvt.rn.f32.u32 %f1, %t; red.shared.add.f32 [s], %f1; bar.sync 0; ld.shared.f32 %f2, [s];"
         "cvt.rzi.u32.f32 %r1, %f2;" SHOW("%r1"),
         2016);
}

static uint32_t collatz(uint32_t n) {
    uint32_t steps = 0;
    for (; n != 1; steps++) n = n % 2 ? 3 * n + 1 : n / 2;
    return steps;
}

// How often t, t + 1, .. t + 5 is 3 modulo 4.
static uint32_t times_3(uint32_t t) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < 6; k++) n += (k + t) % 4 == 3;
    return n;
}

static void flow(void) {
    EACH("loops of different length",
         "add.u32 %r1, %t, 1; mov.u32 %r2, 0; L: setp.eq.u32 %p1, %r1, 1; @%p1 bra E;"
         "and.b32 %r3, %r1, 1; setp.eq.u32 %p2, %r3, 0; @%p2 bra H; mad.lo.u32 %r1, %r1, 3, 1; bra "
         "N;"
         "H: shr.u32 %r1, %r1, 1; N: add.u32 %r2, %r2, 1; bra L;"
         "E: shfl.sync.idx.b32 %r4, %r2, 0, 31, -1; add.u32 %r2, %r2, %r4;" SHOW("%r2"),
         collatz(t + 1) + collatz(warp * 32 + 1));
    EACH("ways back that meet before the next round",
         "mov.u32 %r1, 0; mov.u32 %r2, 0; L: setp.ge.u32 %p1, %r1, 6; @%p1 bra E;"
         "add.u32 %r3, %r1, %t; add.u32 %r1, %r1, 1; and.b32 %r4, %r3, 1; setp.eq.u32 %p2, %r4, 0;"
         "activemask.b32 %r5; popc.b32 %r5, %r5; add.u32 %r2, %r2, %r5; @%p2 bra L;"
         "and.b32 %r4, %r3, 2; setp.eq.u32 %p3, %r4, 0; @%p3 bra L; add.u32 %r2, %r2, 1000; bra L; "
         "E:" SHOW("%r2"),
         6 * 32 + 1000 * times_3(t));
    EACH("table",
         "and.b32 %r1, %t, 3; T: .branchtargets A, B, C, B;\nbrx.idx %r1, T;"
         "A: mov.u32 %r2, 7; bra E; B: mov.u32 %r2, 8; bra E; C: mov.u32 %r2, 9; E:" SHOW("%r2"),
         t % 4 == 0   ? 7
         : t % 4 == 2 ? 9
                      : 8);
    EACH("scopes",
         "mov.u32 %r1, 5; { .reg .pred %p1; .reg .b32 %r1; setp.lt.u32 %p1, %t, 9; @%p1 bra D;"
         "mov.u32 %r1, 6; D: }\n{ .reg .b32 %r2; bra D; D: }" SHOW("%r1"),
         5);
}

static void memory(void) {
    EACH("bytes",
         "cvt.u16.u32 %h1, %t; neg.s16 %h1, %h1; cvt.u64.u32 %rd1, %t;"
         "add.u64 %rd2, %in, %rd1; st.global.u8 [%rd2], %h1; ld.global.s8 %r1, [%rd2];" SHOW("%r1"),
         0 - t);
    EACH("halves",
         ".local .align 16 .b8 l[32]; st.local.v4.u16 [l+8], {1, 2, 3, 4};"
         "ld.local.s16 %r1, [l+12]; ld.local.u32 %r2, [l+8]; add.u32 %r1, %r1, %r2;" SHOW("%r1"),
         3 + 0x20001);
    EACH(
        "spaces",
        ".local .align 8 .b8 l[16]; mov.u64 %rd1, l; cvta.local.u64 %rd1, %rd1;"
        "st.u64 [%rd1+8], %rd1; isspacep.local %p1, %rd1; isspacep.global %p2, %in;"
        "isspacep.shared %p3, %rd1; ld.local.u64 %rd2, [l+8]; setp.eq.u64 %p4, %rd1, %rd2;"
        "and.pred %p1, %p1, %p2; and.pred %p1, %p1, %p4; not.pred %p3, %p3; and.pred %p1, %p1, %p3;"
        "selp.u32 %r1, 1, 0, %p1;" SHOW("%r1"),
        1);
    EACH("128 bits",
         ".reg .b128 %q; mov.b128 %q, {%in, %out}; mov.b128 {%rd1, %rd2}, %q;"
         "sub.u64 %rd1, %rd2, %out; cvt.u32.u64 %r1, %rd1;" SHOW("%r1"),
         0);
}

static const char module_text[] = PTX_HEADER
    ".global .align 4 .u32 table[4] = {10, 20, 30, 40};\n"
    ".const .align 8 .u64 place = generic(table)+4;\n"
    ".global .align 4 .b8 zeros[16];\n"
    ".func (.param .b32 r) fib(.param .b32 n, .param .align 8 .b8 pair[16])\n{\n"
    ".reg .b32 %a<8>;\n.reg .pred %p;\nld.param.u32 %a1, [n];\nld.param.u32 %a2, [pair+4];\n"
    "ld.param.u32 %a3, [pair+8];\nL: setp.eq.u32 %p, %a1, 0;\n@%p bra E;\nadd.u32 %a4, %a2, %a3;\n"
    "mov.u32 %a2, %a3;\nmov.u32 %a3, %a4;\nsub.u32 %a1, %a1, 1;\nbra L;\n"
    "E: st.param.b32 [r], %a2;\nret;\n}\n"
    ".visible .entry k(.param .u64 p_out)\n.maxntid 8, 4, 2\n{\n"
    ".reg .b32 %r<20>;\n.reg .b64 %rd<9>;\n.reg .pred %p;\nld.param.u64 %rd1, [p_out];\n"
    "mov.u32 %r1, %tid.x;\nmov.u32 %r2, %tid.y;\nmov.u32 %r3, %tid.z;\nmov.u32 %r4, %ntid.x;\n"
    "mad.lo.u32 %r5, %r3, 4, %r2;\nmad.lo.u32 %r5, %r5, %r4, %r1;\n"
    "rem.u32 %r6, %r5, 12;\nmov.u32 %r7, 0;\nsetp.eq.u32 %p, %r1, 3;\n@%p bra S;\n"
    "{\n.param .b32 a;\n.param .align 8 .b8 b[16];\n.param .b32 c;\nst.param.b32 [a], %r6;\n"
    "st.param.b32 [b+4], 0;\nst.param.b32 [b+8], 1;\ncall.uni (c), fib, (a, b);\n"
    "ld.param.b32 %r7, [c];\n}\nS:\n"
    "ld.const.u64 %rd2, [place];\nld.u32 %r8, [%rd2];\nld.global.u32 %r9, [table+12];\n"
    "ld.global.u32 %r10, [zeros+8];\nadd.u32 %r7, %r7, %r8;\nadd.u32 %r7, %r7, %r9;\n"
    "add.u32 %r7, %r7, %r10;\nmul.wide.u32 %rd3, %r5, 4;\nadd.u64 %rd3, %rd1, %rd3;\n"
    "st.global.u32 [%rd3], %r7;\nret;\n}\n";

static void modules(void) {
    static const uint32_t fib[12] = {0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89};
    sim_module *module = load_ptx(module_text);
    sim_function *function = module ? sim_module_function(module, "k") : NULL;
    size_t bytes = 0;
    CHECK(function && sim_module_global(module, "table", &bytes) && bytes == 16);
    if (!function) return;
    sim_function_info info;
    sim_function_describe(function, &info);
    CHECK(info.params == 1 && info.param_bytes[0] == 8 && info.most_threads == 64);
    const void *params[] = {&out};
    sim_launch how = {{1, 1, 1}, {8, 4, 2}, {1, 1, 1}, 0, params};
    int error;
    CHECK(sim_run(function, &how, &error) && count_problems() == 0);
    for (int t = 0; t < 64; t++)
        CHECK(out[t] == 60 + (t % 8 == 3 ? 0 : fib[t % 12]), "%d: %u", t, out[t]);
    sim_module_free(module);
}

// What cannot be loaded says where and why.
static void refusals(void) {
    static const char *const texts[][2] = {
        {"add.u32 %r1, %r2, %rd1;", "line 6: %rd1 has another size than .u32"},
        {"frobnicate.b32 %r1, %r2;", "line 6: this instruction is not known"},
        {"add.wrong.u32 %r1, %r2, %r2;", "line 6: .wrong is not known here"},
        {"bra NOWHERE;", "line 6: NOWHERE is not declared"},
        {"mov.u32 %r1, %nothing;", "line 6: there is no register %nothing"},
        {"add.u32 %r1, %r2 %r2;", "line 6: expected ';' before '%r2'"},
        {"shfl.bfly.b32 %r1, %r2, 1, 31;", "line 6: only .sync is simulated"},
    };
    for (int k = 0; k < (int)(sizeof texts / sizeof *texts); k++) {
        char text[512], log[256];
        snprintf(text, sizeof text,
                 PTX_HEADER ".entry k() {\n.reg .b32 %%r<4>; .reg .b64 %%rd<4>;\n%s\nret;\n}\n",
                 texts[k][0]);
        sim_module *module = sim_module_load(text, log, sizeof log);
        CHECK(!module && strncmp(log, texts[k][1], strlen(texts[k][1])) == 0, "%s", log);
        sim_module_free(module);
    }
}

int main(void) {
    in = device_memory(BYTES, true);
    out = device_memory(BYTES, true);
    warps();
    blocks();
    flow();
    memory();
    modules();
    refusals();
    return CHECK_RESULT();
}
