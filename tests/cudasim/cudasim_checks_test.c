// Defects planted in kernels, each of which the machine must name, beside what is right.
#include "tests/cudasim/machine_trial.h"

enum { BYTES = 4096, RIGHT = -1 };

typedef struct trial {
    const char *name, *body;
    shape at;
    int problem;  // RIGHT: none
} trial;

#define REGISTERS                                                       \
    ".reg .b32 %r<20>;\n.reg .b64 %rd<20>;\n.reg .pred %p<10>;\n"       \
    ".reg .b16 %h<4>;\n.shared .align 16 .b8 s[1024];\n"                \
    "mul.wide.u32 %rd1, %t, 4;\nadd.u64 %rd2, %in, %rd1;\n"             \
    "add.u64 %rd3, %out, %rd1;\nmov.u32 %r1, s;\nshl.b32 %r2, %t, 2;\n" \
    "add.u32 %r3, %r1, %r2;\n"
// %rd2: in[t], %rd3: out[t], %r3: s[t]

static const trial accesses[] = {
    {"inside", "ld.global.u32 %r4, [%rd2+3968]; st.global.u32 [%rd3], %r4;", {1, 32, 0}, RIGHT},
    {"one too far", "ld.global.u32 %r4, [%rd2+3972];", {1, 32, 0}, SIM_OUT_OF_BOUNDS},
    {"before", "st.global.u32 [%rd3+-4], %t;", {1, 32, 0}, SIM_OUT_OF_BOUNDS},
    {"null", "mov.u64 %rd4, 0; st.global.u32 [%rd4], %t;", {1, 32, 0}, SIM_OUT_OF_BOUNDS},
    {"shared", "st.shared.u32 [%r3+1020], %t;", {1, 2, 0}, SIM_OUT_OF_BOUNDS},
    {"shared dynamic", "st.shared.u32 [%r3+1020], %t;", {1, 2, 4}, RIGHT},
    {"shared through a generic address",
     "cvt.u64.u32 %rd4, %r3; cvta.shared.u64 %rd4, %rd4; st.u32 [%rd4+1024], %t;",
     {1, 1, 0},
     SIM_OUT_OF_BOUNDS},
    {"local",
     ".local .align 4 .b8 l[16]; mov.u64 %rd4, l; st.local.u32 [%rd4+16], %t;",
     {1, 1, 0},
     SIM_OUT_OF_BOUNDS},
    {"misaligned", "st.global.u32 [%rd3+2], %t;", {1, 32, 0}, SIM_MISALIGNED},
    {"misaligned vector",
     "ld.global.v4.u32 {%r4, %r5, %r6, %r7}, [%rd2];",
     {1, 32, 0},
     SIM_MISALIGNED},
    {"misaligned copy", "cp.async.cg.shared.global [s+8], [%in], 16;", {1, 1, 0}, SIM_MISALIGNED},
    {"misaligned row",
     "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r4}, [%r3];",
     {1, 32, 0},
     SIM_MISALIGNED},
    {"unwritten", "ld.global.u32 %r4, [%rd3];", {1, 32, 0}, SIM_UNWRITTEN},
    {"written", "st.global.u32 [%rd3], %t; ld.global.u32 %r4, [%rd3];", {1, 32, 0}, RIGHT},
    {"half written",
     "st.global.u16 [%rd3], 1; ld.global.u32 %r4, [%rd3];",
     {1, 1, 0},
     SIM_UNWRITTEN},
    {"unwritten shared", "ld.shared.u32 %r4, [%r3];", {1, 32, 0}, SIM_UNWRITTEN},
    {"unwritten local",
     ".local .align 4 .b8 l[16]; ld.local.u32 %r4, [l+4];",
     {1, 1, 0},
     SIM_UNWRITTEN},
    {"unwritten register",
     "add.u32 %r4, %r5, 1; st.global.u32 [%rd3], %r4;",
     {1, 1, 0},
     SIM_UNWRITTEN},
    {"register written on one path",
     "setp.lt.u32 %p1, %t, 5; @%p1 mov.u32 %r5, 1; add.u32 %r4, %r5, 1;",
     {1, 32, 0},
     SIM_UNWRITTEN},
    {"register written on both paths",
     "setp.lt.u32 %p1, %t, 5; @%p1 mov.u32 %r5, 1; @!%p1 mov.u32 %r5, 2; add.u32 %r4, %r5, 1;",
     {1, 32, 0},
     RIGHT},
    {"unwritten register moved", "mov.u32 %r4, %r5; mov.u32 %r5, %t;", {1, 32, 0}, RIGHT},
};

#define NEXT "xor.b32 %r5, %r2, 128; add.u32 %r6, %r1, %r5;"  // s[t ^ 32]
#define BESIDE "xor.b32 %r5, %r2, 4; add.u32 %r6, %r1, %r5;"  // s[t ^ 1]
static const trial races[] = {
    {"barrier",
     "st.shared.u32 [%r3], %t; bar.sync 0;" NEXT "ld.shared.u32 %r4, [%r6];",
     {1, 64, 0},
     RIGHT},
    {"no barrier",
     "st.shared.u32 [%r3], %t;" NEXT "ld.shared.u32 %r4, [%r6];",
     {1, 64, 0},
     SIM_UNWRITTEN},
    {"no barrier before writing again",
     "st.shared.u32 [%r3], %t; bar.sync 0;" NEXT
     "ld.shared.u32 %r4, [%r6]; st.shared.u32 [%r3], %r4;",
     {1, 64, 0},
     SIM_RACE},
    {"barrier before writing again",
     "st.shared.u32 [%r3], %t; bar.sync 0;" NEXT
     "ld.shared.u32 %r4, [%r6]; bar.sync 0; st.shared.u32 [%r3], %r4;",
     {1, 64, 0},
     RIGHT},
    {"one place", "st.shared.u32 [s], %t;", {1, 2, 0}, SIM_RACE},
    {"one place, one value", "st.shared.u32 [s], 7;", {1, 64, 0}, RIGHT},
    {"lanes", "st.shared.u32 [%r3], %t;" BESIDE "ld.shared.u32 %r4, [%r6];", {1, 32, 0}, SIM_RACE},
    {"lanes that synchronise",
     "st.shared.u32 [%r3], %t; bar.warp.sync -1;" BESIDE "ld.shared.u32 %r4, [%r6];",
     {1, 32, 0},
     RIGHT},
    {"bytes of a word", "add.u32 %r4, %r1, %t; st.shared.u8 [%r4], %t;", {1, 64, 0}, RIGHT},
    {"atomics", "atom.shared.add.u32 %r4, [s], 1;", {1, 1, 0}, SIM_UNWRITTEN},
    {"atomics on zero",
     "setp.eq.u32 %p1, %t, 0; @%p1 st.shared.u32 [s], 0; bar.sync 0;"
     "atom.shared.add.u32 %r4, [s], 1; bar.sync 0; ld.shared.u32 %r4, [s];"
     "st.global.u32 [%rd3], %r4;",
     {1, 256, 0},
     RIGHT},
    {"atomics and a read",
     "setp.eq.u32 %p1, %t, 0; @%p1 st.shared.u32 [s], 0; bar.sync 0;"
     "atom.shared.add.u32 %r4, [s], 1; ld.shared.u32 %r4, [s];",
     {1, 64, 0},
     SIM_RACE},
    {"blocks", "mov.u32 %r4, %ctaid.x; st.global.u32 [%out], %r4;", {2, 1, 0}, SIM_RACE},
    {"blocks apart",
     "mov.u32 %r4, %ctaid.x; mul.wide.u32 %rd4, %r4, 4; add.u64 %rd4, %out, %rd4;"
     "st.global.u32 [%rd4], %r4;",
     {64, 1, 0},
     RIGHT},
    {"atomics of blocks", "atom.global.add.u32 %r4, [%in], 1;", {16, 64, 0}, RIGHT},
    {"a block reads what another wrote",
     "mov.u32 %r4, %ctaid.x; mul.wide.u32 %rd4, %r4, 4; add.u64 %rd4, %in, %rd4;"
     "st.global.u32 [%rd4], 5; xor.b32 %r4, %r4, 1; mul.wide.u32 %rd4, %r4, 4;"
     "add.u64 %rd4, %in, %rd4; ld.global.u32 %r5, [%rd4];",
     {2, 1, 0},
     SIM_RACE},
    {"threads in global memory",
     "st.global.u32 [%rd2], %t; xor.b32 %r5, %t, 32;"
     "mul.wide.u32 %rd4, %r5, 4; add.u64 %rd4, %in, %rd4; ld.global.u32 %r5, [%rd4];",
     {1, 64, 0},
     SIM_RACE},
    {"copy without waiting",
     "cp.async.ca.shared.global [%r3], [%rd2], 4; cp.async.commit_group; ld.shared.u32 %r4, [%r3];",
     {1, 32, 0},
     SIM_RACE},
    {"copy without barrier",
     "cp.async.ca.shared.global [%r3], [%rd2], 4; cp.async.commit_group; cp.async.wait_group "
     "0;" NEXT "ld.shared.u32 %r4, [%r6];",
     {1, 64, 0},
     SIM_RACE},
    {"copy",
     "cp.async.ca.shared.global [%r3], [%rd2], 4; cp.async.commit_group; cp.async.wait_group 0;"
     "bar.sync 0;" NEXT "ld.shared.u32 %r4, [%r6];",
     {1, 64, 0},
     RIGHT},
    {"copy in the other group",
     "cp.async.ca.shared.global [%r3], [%rd2], 4; cp.async.commit_group;"
     "cp.async.ca.shared.global [%r3+512], [%rd2], 4; cp.async.commit_group;"
     "cp.async.wait_group 1; bar.sync 0; ld.shared.u32 %r4, [%r3];",
     {1, 64, 0},
     RIGHT},
    {"copy in the last group",
     "cp.async.ca.shared.global [%r3], [%rd2], 4; cp.async.commit_group;"
     "cp.async.ca.shared.global [%r3+512], [%rd2], 4; cp.async.commit_group;"
     "cp.async.wait_group 1; bar.sync 0; ld.shared.u32 %r4, [%r3+512];",
     {1, 64, 0},
     SIM_RACE},
};

#define LOWER "setp.lt.u32 %p1, %t, 16;"
static const trial barriers[] = {
    {"half a warp",
     LOWER "@!%p1 bra L; bar.sync 0; L: st.global.u32 [%rd3], %t;",
     {1, 32, 0},
     SIM_DIVERGENT_BARRIER},
    {"half a warp left",
     LOWER "@!%p1 exit; bar.sync 0; st.global.u32 [%rd3], %t;",
     {1, 64, 0},
     RIGHT},
    {"guarded", LOWER "@%p1 bar.sync 0;", {1, 32, 0}, SIM_DIVERGENT_BARRIER},
    {"two places",
     LOWER "@%p1 bra L; bar.sync 0; bra M; L: bar.sync 0; M: bar.sync 0;",
     {1, 32, 0},
     SIM_DIVERGENT_BARRIER},
    {"in a loop",
     "mov.u32 %r4, 0; L: bar.sync 0; add.u32 %r4, %r4, 1; setp.lt.u32 %p1, %r4, 9; @%p1 bra L;",
     {1, 96, 0},
     RIGHT},
    {"in a loop of different length",
     "mov.u32 %r4, 0; L: bar.sync 0; add.u32 %r4, %r4, 1; setp.lt.u32 %p1, %r4, %t; @%p1 bra L;"
     "st.global.u32 [%rd3], %r4;",
     {1, 32, 0},
     SIM_DIVERGENT_BARRIER},
    {"behind diverged code",
     LOWER "@%p1 bra L; mov.u32 %r4, 1; bra M; L: mov.u32 %r4, 2; M: bar.sync 0;"
           "st.shared.u32 [%r3], %r4;",
     {1, 64, 0},
     RIGHT},
    {"behind a loop with several ways on",
     "mov.u32 %r4, 0; L: add.u32 %r4, %r4, 1; setp.ge.u32 %p1, %r4, 20; @%p1 bra E;"
     "add.u32 %r5, %r4, %t; and.b32 %r6, %r5, 1; setp.eq.u32 %p2, %r6, 0; @%p2 bra L;"
     "and.b32 %r6, %r5, 2; setp.eq.u32 %p3, %r6, 0; @%p3 bra L; bar.warp.sync -1; bra L;"
     "E: bar.sync 0;",
     {1, 1, 0},
     RIGHT},
    {"shuffle",
     "shfl.sync.bfly.b32 %r4, %t, 1, 31, -1; st.global.u32 [%rd3], %r4;",
     {1, 32, 0},
     RIGHT},
    {"shuffle of half a warp",
     LOWER "@!%p1 bra L; shfl.sync.bfly.b32 %r4, %t, 1, 31, -1; L: st.global.u32 [%rd3], %t;",
     {1, 32, 0},
     SIM_DIVERGENT_BARRIER},
    {"shuffle with the mask of half a warp",
     LOWER "@!%p1 bra L; shfl.sync.bfly.b32 %r4, %t, 1, 31, 0xffff; L: st.global.u32 [%rd3], %t;",
     {1, 32, 0},
     RIGHT},
    {"warp barriers at two places",
     LOWER
     "@!%p1 bra L; bar.warp.sync -1; bra E; L: mov.u32 %r4, 1; bar.warp.sync -1; E: bar.sync 0;",
     {1, 32, 0},
     RIGHT},
    {"not in its mask",
     "shfl.sync.bfly.b32 %r4, %t, 1, 31, 0xffff;",
     {1, 32, 0},
     SIM_BAD_INSTRUCTION},
    {"too few threads", "bar.sync 0, 96;", {1, 64, 0}, SIM_BAD_INSTRUCTION},
    {"a barrier that nobody else comes to",
     "setp.lt.u32 %p1, %t, 32; @%p1 bra L; bar.sync 1, 64; bra E; L: bar.sync 2, 64; E:",
     {1, 64, 0},
     SIM_DEADLOCK},
    {"named barriers",
     "setp.lt.u32 %p1, %t, 32; @%p1 bra L; bar.sync 1, 32; bra E; L: bar.sync 2, 32; E:",
     {1, 64, 0},
     RIGHT},
    {"trap", "setp.eq.u32 %p1, %t, 7; @%p1 trap;", {1, 32, 0}, SIM_BAD_INSTRUCTION},
};

#define MBARRIER ".shared .align 8 .b64 b; mov.u32 %r10, b; setp.eq.u32 %p1, %t, 0;"
#define WAIT "W: mbarrier.try_wait.parity.shared.b64 %p2, [%r10], 0; @!%p2 bra W;"
static const trial mbarriers[] = {
    {"arrivals",
     MBARRIER "@%p1 mbarrier.init.shared.b64 [%r10], 64; bar.sync 0; st.shared.u32 [%r3], %t;"
              "mbarrier.arrive.shared.b64 _, [%r10];" WAIT NEXT "ld.shared.u32 %r4, [%r6];",
     {1, 64, 0},
     RIGHT},
    {"without waiting",
     MBARRIER "@%p1 mbarrier.init.shared.b64 [%r10], 64; bar.sync 0; st.shared.u32 [%r3], %t;"
              "mbarrier.arrive.shared.b64 _, [%r10]; bar.warp.sync -1;" NEXT
              "ld.shared.u32 %r4, [%r6];",
     {1, 64, 0},
     SIM_UNWRITTEN},
    {"one too few",
     MBARRIER "@%p1 mbarrier.init.shared.b64 [%r10], 65; bar.sync 0;"
              "mbarrier.arrive.shared.b64 _, [%r10];" WAIT,
     {1, 64, 0},
     SIM_DEADLOCK},
    {"one too many",
     MBARRIER "@%p1 mbarrier.init.shared.b64 [%r10], 63; bar.sync 0;"
              "mbarrier.arrive.shared.b64 _, [%r10];",
     {1, 64, 0},
     RIGHT},
    {"no initialisation",
     MBARRIER "mbarrier.arrive.shared.b64 _, [%r10];",
     {1, 1, 0},
     SIM_BAD_INSTRUCTION},
    {"no barrier after initialisation",
     MBARRIER "@%p1 mbarrier.init.shared.b64 [%r10], 64; mbarrier.arrive.shared.b64 _, [%r10];",
     {1, 64, 0},
     SIM_RACE},
    {"copies that arrive",
     MBARRIER "@%p1 mbarrier.init.shared.b64 [%r10], 64; bar.sync 0;"
              "cp.async.ca.shared.global [%r3], [%rd2], 4; "
              "cp.async.mbarrier.arrive.noinc.shared.b64 [%r10];" WAIT NEXT
              "ld.shared.u32 %r4, [%r6];",
     {1, 64, 0},
     RIGHT},
};

static void run(const trial *one) {
    static char text[1 << 14];
    snprintf(text, sizeof text,
             PTX_HEADER
             ".visible .entry k(.param .u64 p_in, .param .u64 p_out)\n{\n"
             ".reg .b64 %%in, %%out;\n.reg .b32 %%t;\n"
             "ld.param.u64 %%in, [p_in];\nld.param.u64 %%out, [p_out];\nmov.u32 %%t, %%tid.x;\n"
             "%s\n%s\nret;\n}\n",
             REGISTERS, one->body);
    void *in = device_memory(BYTES, true), *out = device_memory(BYTES, false);
    const void *params[] = {&in, &out};
    sim_module *module = load_ptx(text);
    sim_problems_forget();
    bool whole = launch(module, "k", one->at, params);
    int found = count_problems();
    if (one->problem == RIGHT) {
        CHECK(whole && found == 0, "%s", one->name);
    } else {
        int named = sim_problems((sim_problem_kind)one->problem);
        CHECK(named > 0, "%s: %d problems, none of kind %d", one->name, found, one->problem);
    }
    sim_problems_forget();
    sim_module_free(module);
    free_memory(in);
    free_memory(out);
}

static void freed(void) {
    static const char *text = PTX_HEADER
        ".visible .entry k(.param .u64 p)\n{\n.reg .b64 %rd<4>;\nld.param.u64 %rd1, [p];\n"
        "st.global.u64 [%rd1], %rd1;\nret;\n}\n";
    void *memory = device_memory(BYTES, false);
    sim_module *module = load_ptx(text);
    const void *params[] = {&memory};
    CHECK(launch(module, "k", (shape){1, 1, 0}, params));
    free_memory(memory);
    CHECK(!launch(module, "k", (shape){1, 1, 0}, params));
    CHECK(sim_problems(SIM_OUT_OF_BOUNDS) == 1);
    sim_problems_forget();
    sim_module_free(module);
}

#define RUN_ALL(trials) \
    for (int i = 0; i < (int)(sizeof(trials) / sizeof *(trials)); i++) run(&(trials)[i])

int main(void) {
    RUN_ALL(accesses);
    RUN_ALL(races);
    RUN_ALL(barriers);
    RUN_ALL(mbarriers);
    freed();
    return CHECK_RESULT();
}
