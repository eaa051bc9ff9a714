// Bulk copies, boxes of tensors and wgmma: what they do, and what is wrong around them.
#include "tests/cudasim/machine_trial.h"
#include "tests/cudasim/matrix.h"

enum { BYTES = 8192, RIGHT = -1, MAP_BYTES = 128 };

typedef struct trial {
    const char *name, *body;
    uint32_t block;
    int problem;  // RIGHT: none
} trial;

static const char head[] = PTX_HEADER
    ".visible .entry k(.param .u64 p_in, .param .u64 p_out, .param .align 64 .b8 p_map[128])\n{\n"
    ".reg .b64 %in, %out, %map, %rd<20>;\n.reg .b32 %t, %r<20>;\n.reg .f32 %f<9>;\n"
    ".reg .pred %p<10>;\n.shared .align 1024 .b8 s[8192];\n.shared .align 8 .b64 bar;\n"
    "ld.param.u64 %in, [p_in];\nld.param.u64 %out, [p_out];\nmov.b64 %map, p_map;\n"
    "cvta.param.u64 %map, %map;\nmov.u32 %t, %tid.x;\nmov.u32 %r1, s;\nmov.u32 %r10, bar;\n"
    "shl.b32 %r2, %t, 2;\nadd.u32 %r3, %r1, %r2;\nmul.wide.u32 %rd1, %t, 4;\n"
    "add.u64 %rd2, %in, %rd1;\nadd.u64 %rd3, %out, %rd1;\nsetp.eq.u32 %p1, %t, 0;\n";
// %r3: s[t], %rd2: in[t], %rd3: out[t]

static sim_module *load_body(const char *body) {
    static char text[1 << 14];
    snprintf(text, sizeof text, "%s%s\nret;\n}\n", head, body);
    return load_ptx(text);
}

static void run(const trial *one, void *in, void *out, const uint8_t *map) {
    sim_module *module = load_body(one->body);
    const void *params[] = {&in, &out, map};
    sim_problems_forget();
    bool whole = launch(module, "k", (shape){1, one->block, 0}, params);
    int found = count_problems();
    if (one->problem == RIGHT)
        CHECK(whole && found == 0, "%s", one->name);
    else
        CHECK(sim_problems((sim_problem_kind)one->problem) > 0, "%s: %d problems", one->name,
              found);
    sim_problems_forget();
    sim_module_free(module);
}

// ---- bulk copies ----

#define INIT                                                                                  \
    "@%p1 mbarrier.init.shared::cta.b64 [%r10], 1; @%p1 fence.mbarrier_init.release.cluster;" \
    "bar.sync 0;"
#define EXPECT(bytes) "@%p1 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r10], " bytes ";"
#define LOAD                                                                                     \
    "@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%in], 256, " \
    "[%r10];"
#define WAIT(parity)                                                             \
    "W" parity ": mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r10], " parity \
    "; @!%p2 bra W" parity ";"
#define SHOW "ld.shared.u32 %r4, [%r3]; st.global.u32 [%rd3], %r4;"
#define STORE                                                              \
    "@%p1 cp.async.bulk.global.shared::cta.bulk_group [%out], [%r1], 256;" \
    "@%p1 cp.async.bulk.commit_group;"

static const trial copies[] = {
    {"load", INIT EXPECT("256") LOAD WAIT("0") SHOW, 64, RIGHT},
    {"load twice",
     INIT EXPECT("256") LOAD WAIT("0") SHOW "bar.sync 0;" EXPECT("256") LOAD WAIT("1") SHOW, 64,
     RIGHT},
    {"load again while others read",
     INIT EXPECT("256") LOAD WAIT("0") SHOW EXPECT("256") LOAD WAIT("1"), 64, SIM_RACE},
    {"load without waiting", INIT EXPECT("256") LOAD "bar.sync 0;" SHOW, 64, SIM_RACE},
    {"load of fewer bytes than expected", INIT EXPECT("512") LOAD WAIT("0") SHOW, 64, SIM_DEADLOCK},
    {"load to a place that is not aligned",
     INIT "add.u32 %r1, %r1, 8;" EXPECT("256") LOAD WAIT("0"), 64, SIM_MISALIGNED},
    {"load without mbarrier", LOAD, 64, SIM_BAD_INSTRUCTION},
    {"load from behind the end", INIT "add.u64 %in, %in, 8000;" EXPECT("256") LOAD, 64,
     SIM_OUT_OF_BOUNDS},
    {"store",
     "st.shared.u32 [%r3], %t; fence.proxy.async.shared::cta; bar.sync 0;" STORE
     "@%p1 cp.async.bulk.wait_group.read 0; bar.sync 0; st.shared.u32 [%r3], 7;",
     64, RIGHT},
    {"store without fence", "st.shared.u32 [%r3], %t; bar.sync 0;" STORE, 64, SIM_RACE},
    {"store without barrier", "st.shared.u32 [%r3], %t; fence.proxy.async.shared::cta;" STORE, 64,
     SIM_RACE},
    {"store of what nobody wrote", STORE, 64, SIM_UNWRITTEN},
    {"store and written again",
     "st.shared.u32 [%r3], %t; fence.proxy.async.shared::cta; bar.sync 0;" STORE
     "bar.sync 0; st.shared.u32 [%r3], 7;",
     64, SIM_RACE},
};

static void check_copies(void) {
    uint32_t *in = device_memory(BYTES, true), *out = device_memory(BYTES, true);
    uint8_t map[MAP_BYTES] = {0};
    for (int i = 0; i < BYTES / 4; i++) in[i] = (uint32_t)i * 3;
    for (int k = 0; k < (int)(sizeof copies / sizeof *copies); k++) {
        memset(out, 0, BYTES);
        run(&copies[k], in, out, map);
        bool load = strcmp(copies[k].name, "load") == 0,
             store = strcmp(copies[k].name, "store") == 0;
        for (uint32_t i = 0; (load || store) && i < 64; i++)
            CHECK(out[i] == (load ? in[i] : i), "%s: %u: %u", copies[k].name, i, out[i]);
    }
    free_memory(in);
    free_memory(out);
}

// ---- boxes ----

enum { COLUMNS = 40, LINES = 20, BOX_COLUMNS = 16, BOX_LINES = 8 };

#define BOX(x, y)                                                                            \
    "@%p1 cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes " \
    "[%r1], "                                                                                \
    "[%map, {" x ", " y "}], [%r10];"
#define BOX_STORE(x, y)                                                                 \
    "@%p1 cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%map, {" x ", " y \
    "}], [%r1];"                                                                        \
    "@%p1 cp.async.bulk.commit_group; @%p1 cp.async.bulk.wait_group 0;"

static void make_map(uint8_t *bytes, const void *memory) {
    enum { FLOAT32 = 7 };  // CU_TENSOR_MAP_DATA_TYPE_FLOAT32
    sim_tensor_map map = {.address = (uint64_t)(uintptr_t)memory,
                          .type = FLOAT32,
                          .rank = 2,
                          .size = {COLUMNS, LINES},
                          .stride = {0, COLUMNS * 4},
                          .box = {BOX_COLUMNS, BOX_LINES},
                          .element_stride = {1, 1}};
    const char *problem = sim_tensor_map_check(&map);
    CHECK(!problem, "%s", problem);
    sim_tensor_map_pack(&map, bytes);
}

static void check_boxes(void) {
    static const trial box = {"box", INIT EXPECT("512") BOX("32", "15") WAIT("0") SHOW, 128, RIGHT};
    static const trial store = {
        "box stored",
        "st.shared.u32 [%r3], %t; fence.proxy.async.shared::cta; bar.sync 0;" BOX_STORE("-1", "2"),
        128, RIGHT};
    static const trial rank = {
        "another rank",
        INIT
        "@%p1 cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
        "[%r1], [%map, {0}], [%r10];",
        128, SIM_BAD_INSTRUCTION};
    uint32_t *in = device_memory(BYTES, true), *out = device_memory(BYTES, true);
    _Alignas(64) uint8_t map[MAP_BYTES];
    make_map(map, in);
    for (uint32_t i = 0; i < COLUMNS * LINES; i++) in[i] = i + 1;
    run(&box, in, out, map);
    for (int i = 0; i < BOX_COLUMNS * BOX_LINES; i++) {
        int x = 32 + i % BOX_COLUMNS, y = 15 + i / BOX_COLUMNS;
        uint32_t want = x < COLUMNS && y < LINES ? in[y * COLUMNS + x] : 0;
        CHECK(out[i] == want, "%d: %u, not %u", i, out[i], want);
    }
    run(&store, in, out, map);
    for (uint32_t i = 0; i < COLUMNS * LINES; i++) {
        uint32_t x = i % COLUMNS + 1, y = i / COLUMNS - 2;
        bool inside = x < BOX_COLUMNS && i / COLUMNS >= 2 && y < BOX_LINES;
        uint32_t want = inside ? y * BOX_COLUMNS + x : i + 1;
        CHECK(in[i] == want, "%u: %u, not %u", i, in[i], want);
    }
    run(&rank, in, out, map);
    free_memory(in);
    free_memory(out);
}

// ---- wgmma: 64 x 8 x 16, not swizzled ----

// in: A, then B, as they are in shared memory: 2560 bytes, 5 words for each thread.
#define FILL                                                         \
    "ld.global.u32 %r4, [%rd2]; st.shared.u32 [%r3], %r4;"           \
    "ld.global.u32 %r4, [%rd2+512]; st.shared.u32 [%r3+512], %r4;"   \
    "ld.global.u32 %r4, [%rd2+1024]; st.shared.u32 [%r3+1024], %r4;" \
    "ld.global.u32 %r4, [%rd2+1536]; st.shared.u32 [%r3+1536], %r4;" \
    "ld.global.u32 %r4, [%rd2+2048]; st.shared.u32 [%r3+2048], %r4;"
// leading 128, stride 256
#define DESCRIPTORS                                                                  \
    "cvt.u64.u32 %rd4, %r1; shr.u64 %rd4, %rd4, 4; or.b64 %rd4, %rd4, 0x1000080000;" \
    "add.u64 %rd5, %rd4, 128;"
#define MULTIPLY "wgmma.fence.sync.aligned;" UNFENCED
#define UNFENCED                                                                                   \
    "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1, %f2, %f3, %f4}, %rd4, %rd5, 0, 1, " \
    "1, 0, 0;"                                                                                     \
    "wgmma.commit_group.sync.aligned;"
#define RESULT                                             \
    "mul.wide.u32 %rd6, %t, 16; add.u64 %rd6, %out, %rd6;" \
    "st.global.v4.f32 [%rd6], {%f1, %f2, %f3, %f4};"
#define FENCE "fence.proxy.async.shared::cta;"

static const trial products[] = {
    {"product",
     FILL FENCE "bar.sync 0;" DESCRIPTORS MULTIPLY "wgmma.wait_group.sync.aligned 0;" RESULT, 128,
     RIGHT},
    {"without fence", FILL "bar.sync 0;" DESCRIPTORS MULTIPLY "wgmma.wait_group.sync.aligned 0;",
     128, SIM_RACE},
    {"without wgmma.fence", FILL FENCE "bar.sync 0;" DESCRIPTORS UNFENCED, 128,
     SIM_BAD_INSTRUCTION},
    {"sums used, and then without wgmma.fence",
     FILL FENCE "bar.sync 0;" DESCRIPTORS MULTIPLY "wgmma.wait_group.sync.aligned 0;" UNFENCED, 128,
     SIM_BAD_INSTRUCTION},
    {"without barrier", FILL FENCE DESCRIPTORS MULTIPLY "wgmma.wait_group.sync.aligned 0;", 128,
     SIM_UNWRITTEN},
    {"written before it is read",
     FILL FENCE "bar.sync 0;" DESCRIPTORS MULTIPLY "bar.sync 0; st.shared.u32 [%r3], 0;", 128,
     SIM_RACE},
    {"written after it was read",
     FILL FENCE "bar.sync 0;" DESCRIPTORS MULTIPLY
                "wgmma.wait_group.sync.aligned 0; bar.sync 0; st.shared.u32 [%r3], 0;",
     128, RIGHT},
    {"three warps", FILL FENCE "bar.sync 0;" DESCRIPTORS MULTIPLY, 96, SIM_BAD_INSTRUCTION},
    {"one warp does not come",
     FILL FENCE "bar.sync 0;" DESCRIPTORS "setp.ge.u32 %p3, %t, 96; @%p3 exit;" MULTIPLY
                "wgmma.wait_group.sync.aligned 0;",
     128, SIM_DEADLOCK},
};

static float element(const uint16_t *shared, int mn, int k) {
    uint32_t bits = (uint32_t)shared[(mn / 8 * 256 + k / 8 * 128) / 2 + mn % 8 * 8 + k % 8] << 16;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void check_products(void) {
    uint16_t *in = device_memory(BYTES, true);
    float *out = device_memory(BYTES, true);
    uint8_t map[MAP_BYTES] = {0};
    for (int i = 0; i < 72 * 16; i++) {
        float v = (float)(i * 7 % 31 - 15);
        uint32_t bits;
        memcpy(&bits, &v, sizeof bits);
        in[i] = (uint16_t)(bits >> 16);
    }
    for (int k = 0; k < (int)(sizeof products / sizeof *products); k++)
        run(&products[k], in, out, map);
    run(&products[0], in, out, map);
    for (int t = 0; t < 128; t++)
        for (int e = 0; e < 4; e++) {
            int row = t / 32 * 16 + t % 32 / 4 + e / 2 * 8, column = t % 4 * 2 + e % 2;
            float want = 0;
            for (int k = 0; k < 16; k++)
                want += element(in, row, k) * element(in + 1024, column, k);
            CHECK(out[4 * t + e] == want, "%d, %d: %g, not %g", row, column, out[4 * t + e], want);
        }
    free_memory(in);
    free_memory(out);
}

int main(void) {
    check_copies();
    check_boxes();
    check_products();
    return CHECK_RESULT();
}
