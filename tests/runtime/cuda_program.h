// A small program with hand-written kernels, for the tests of the CUDA runtime.
#ifndef DN_TESTS_CUDA_PROGRAM_H
#define DN_TESTS_CUDA_PROGRAM_H

#include "runtime/cuda/cuda.h"

enum { COUNT = 1000, ROWS = 4, TABLE_ROWS = 10 };

// ---- PTX ----
// Each thread has the element %r4 of COUNT; those beyond return.

#define KERNEL(name, params) ".visible .entry " name "(" params ")\n.maxntid 128\n{\n"
#define ARG(i) ".param .u64 p" #i ", "
#define LAST ".param .u64 state, .param .u32 launch"
#define REGISTERS                                                \
    ".reg .pred %p<4>;\n.reg .b32 %r<12>;\n.reg .b64 %rd<12>;\n" \
    ".reg .f32 %f<6>;\n"
#define ELEMENT(count)                                       \
    REGISTERS                                                \
    "mov.u32 %r1, %ctaid.x;\nmov.u32 %r2, %ntid.x;\n"        \
    "mov.u32 %r3, %tid.x;\nmad.lo.s32 %r4, %r1, %r2, %r3;\n" \
    "setp.ge.s32 %p1, %r4, " count ";\n@%p1 bra END;\n"
#define POINTER(register, param)         \
    "ld.param.u64 " register ", [" param \
                             "];\n"      \
                             "mad.wide.s32 " register ", %r4, 4, " register ";\n"
#define END "END:\nret;\n}\n"

// args: out. out = its index
#define FILL                    \
    KERNEL("fill", ARG(0) LAST) \
    ELEMENT("1000")             \
    POINTER("%rd1", "p0") "cvt.rn.f32.s32 %f1, %r4;\nst.global.f32 [%rd1], %f1;\n" END
// args: a, b, out. out = a + b
#define ADD                                  \
    KERNEL("add", ARG(0) ARG(1) ARG(2) LAST) \
    ELEMENT("1000")                          \
    POINTER("%rd1", "p0") POINTER("%rd2", "p1") POINTER("%rd3", "p2")                          \
    "ld.global.f32 %f1, [%rd1];\nld.global.f32 %f2, [%rd2];\n"                                 \
    "add.rn.f32 %f3, %f1, %f2;\nst.global.f32 [%rd3], %f3;\n" END
// args: w, s, loss. loss = w[999] + s
#define LOSS                                                                         \
    KERNEL("loss", ARG(0) ARG(1) ARG(2) LAST)                                        \
    ELEMENT("1")                                                                     \
    "ld.param.u64 %rd1, [p0];\nld.param.u64 %rd2, [p1];\nld.param.u64 %rd3, [p2];\n" \
    "ld.global.f32 %f1, [%rd1+3996];\nld.global.f32 %f2, [%rd2];\n"                  \
    "add.rn.f32 %f3, %f1, %f2;\nst.global.f32 [%rd3], %f3;\n" END
// args: rows. Each of ROWS has to be below TABLE_ROWS; the first that is not is told.
#define LOOK                                                                                   \
    KERNEL("look", ARG(0) LAST)                                                                \
    ELEMENT("1")                                                                               \
    "ld.param.u64 %rd1, [p0];\nld.param.u64 %rd2, [state];\nld.param.u32 %r5, [launch];\n"     \
    "mov.u32 %r6, 0;\n"                                                                        \
    "LOOP:\n"                                                                                  \
    "ld.global.s32 %r7, [%rd1];\nsetp.ge.s32 %p2, %r7, 10;\n@%p2 bra WRONG;\n"                 \
    "add.s64 %rd1, %rd1, 4;\nadd.s32 %r6, %r6, 1;\nsetp.lt.s32 %p3, %r6, 4;\n@%p3 bra LOOP;\n" \
    "bra END;\n"                                                                               \
    "WRONG:\n"                                                                                 \
    "cvt.s64.s32 %rd3, %r5;\nst.global.s64 [%rd2+16], %rd3;\n"                                 \
    "cvt.s64.s32 %rd3, %r7;\nst.global.s64 [%rd2+24], %rd3;\n"                                 \
    "mov.s64 %rd3, 10;\nst.global.s64 [%rd2+32], %rd3;\n" END
// args: out; then what random numbers get. out = key + site + index, where the key is the state's
// seed and step or, if keyed, the launch's seed. Any grid will do.
#define DRAW                                                                                    \
    KERNEL("draw", ARG(0) ".param .u64 state, .param .u64 seed, .param .u32 site, "           \
                          ".param .u32 keyed, .param .u64 count") \
    REGISTERS                                                                                   \
    "ld.param.u64 %rd1, [p0];\nld.param.u64 %rd2, [state];\nld.param.u64 %rd3, [seed];\n"       \
    "ld.param.u32 %r5, [site];\nld.param.u32 %r6, [keyed];\nld.param.u64 %rd4, [count];\n"      \
    "mov.u32 %r1, %ctaid.x;\nmov.u32 %r2, %ntid.x;\nmov.u32 %r3, %tid.x;\n"                     \
    "mad.lo.s32 %r4, %r1, %r2, %r3;\ncvt.s64.s32 %rd5, %r4;\n"                                  \
    "mov.u32 %r7, %nctaid.x;\nmul.wide.s32 %rd8, %r7, %r2;\n"                                   \
    "ld.global.u64 %rd6, [%rd2];\nld.global.u64 %rd7, [%rd2+8];\nadd.s64 %rd6, %rd6, %rd7;\n"   \
    "setp.ne.s32 %p3, %r6, 0;\nselp.b64 %rd6, %rd3, %rd6, %p3;\n"                               \
    "cvt.s64.s32 %rd7, %r5;\nadd.s64 %rd6, %rd6, %rd7;\n"                                       \
    "LOOP:\nsetp.ge.s64 %p2, %rd5, %rd4;\n@%p2 bra END;\n"                                      \
    "add.s64 %rd9, %rd6, %rd5;\ncvt.rn.f32.s64 %f1, %rd9;\n"                                    \
    "shl.b64 %rd10, %rd5, 2;\nadd.s64 %rd10, %rd1, %rd10;\nst.global.f32 [%rd10], %f1;\n"       \
    "add.s64 %rd5, %rd5, %rd8;\nbra LOOP;\n" END
// args: out. Writes where nothing is.
#define WILD                                                                               \
    KERNEL("wild", ARG(0) LAST)                                                            \
    ELEMENT("1")                                                                           \
    "ld.param.u64 %rd1, [p0];\nmov.f32 %f1, 0f00000000;\nmov.u64 %rd2, 0x1000000000000;\n" \
    "add.s64 %rd1, %rd1, %rd2;\nst.global.f32 [%rd1], %f1;\n" END

static const char ptx[] =
    ".version 7.0\n.target sm_80\n.address_size 64\n" FILL ADD LOSS LOOK DRAW WILD;

enum {
    K_FILL,
    K_ADD,
    K_LOSS,
    K_LOOK,
    K_WILD,
    K_WIDE,
    N_KERNELS,
    N_ALL = N_KERNELS + DN_CUDA_RANDOMS
};
static const dn_cuda_kernel kernel_table[N_ALL] = {
    [K_FILL] = {"fill", 8, 128, 0},
    [K_ADD] = {"add", 8, 128, 0},
    [K_LOSS] = {"loss", 1, 32, 0},
    [K_LOOK] = {"look", 1, 32, 0},
    [K_WILD] = {"wild", 1, 32, 0},
    [K_WIDE] = {"add", 4, 256, 0},  // twice as many threads as the kernel allows
    [N_KERNELS] = {"draw", 1000, 128, 0},
};
static const dn_cuda_kernel *const kernel_tables[] = {kernel_table, kernel_table};

// ---- the program ----
// variables w and v, f32[1000]
//   init w         w = its index
//   init v         v = seed + step + 7 + index
//   step(x, s)     y = 2 x + w; loss = w[999] + s; w = w + x
//   look(rows, x)  fails for a row outside; then w = w + x
//   draw()         seed 5, keyed, site 1
//   read()         w + v
//   wild(), wide() what goes wrong

#define MANY         \
    {                \
        1, { COUNT } \
    }
static const dn_variable variables[] = {{.name = "w", .dtype = DN_F32, .shape = MANY, .init = 0},
                                        {.name = "v", .dtype = DN_F32, .shape = MANY, .init = 1}};
static const dn_field many = {"y", DN_F32, MANY};
static const dn_field step_inputs[] = {{"x", DN_F32, MANY}, {"s", DN_F32, {0, {0}}}};
static const dn_field step_outputs[] = {{"loss", DN_F32, {0, {0}}}, {"y", DN_F32, MANY}};
static const dn_field look_inputs[] = {{"rows", DN_I32, {1, {ROWS}}}, {"x", DN_F32, MANY}};
static const int var_w[] = {0}, var_w_v[] = {0, 1};

enum { INIT_W, INIT_V, STEP, LOOK_UP, DRAW_IT, READ, RUN_WILD, RUN_WIDE, N_ENTRIES };
static const dn_entry entries[] = {
    [INIT_W] = {.name = "init w", .n_outputs = 1, .outputs = &many},
    [INIT_V] = {.name = "init v", .n_outputs = 1, .outputs = &many},
    [STEP] = {.name = "step",
              .n_inputs = 2,
              .inputs = step_inputs,
              .n_outputs = 2,
              .outputs = step_outputs,
              .n_vars = 1,
              .vars = var_w},
    [LOOK_UP] = {.name = "look", .n_inputs = 2, .inputs = look_inputs, .n_vars = 1, .vars = var_w},
    [DRAW_IT] = {.name = "draw", .n_outputs = 1, .outputs = &many},
    [READ] = {.name = "read", .n_outputs = 1, .outputs = &many, .n_vars = 2, .vars = var_w_v},
    [RUN_WILD] = {.name = "wild", .n_outputs = 1, .outputs = &many},
    [RUN_WIDE] = {.name = "wide", .n_outputs = 1, .outputs = &many, .n_vars = 1, .vars = var_w},
};
static const dn_program program = {.name = "test",
                                   .source = "test.dnet",
                                   .variables = variables,
                                   .n_variables = 2,
                                   .entries = entries,
                                   .n_entries = N_ENTRIES};

// ---- its code ----

static const char names[] = "\0sum\0`gather` from test.dnet:3:5\0f32[10, 3]";
enum { SUM = 1, PLACE = 5, TABLE = 33 };
#define KERNEL_LAUNCH(k, a, n) .kernel = (k), .arg = (a), .n_args = (n), .tasks = 1, .name = SUM

static const dn_native_arg output_args[] = {{DN_PLACE_OUTPUT, 0, 0}};
static const dn_native_launch init_w_launches[] = {{KERNEL_LAUNCH(K_FILL, 0, 1)}};
static const dn_native_launch init_v_launches[] = {{.kind = DN_LAUNCH_RANDOM,
                                                    .dtype = DN_F32,
                                                    .n_args = 1,
                                                    .tasks = COUNT,
                                                    .site = 7,
                                                    .seed = 99}};
static const dn_native_launch draw_launches[] = {{.kind = DN_LAUNCH_RANDOM,
                                                  .dtype = DN_F32,
                                                  .keyed = true,
                                                  .n_args = 1,
                                                  .tasks = COUNT,
                                                  .site = 1,
                                                  .seed = 5}};
static const dn_native_arg step_args[] = {
    {DN_PLACE_INPUT, 0, 0},   {DN_PLACE_INPUT, 0, 0}, {DN_PLACE_ARENA, 0, 256},  // 2 x
    {DN_PLACE_ARENA, 0, 256}, {DN_PLACE_VAR, 0, 0},   {DN_PLACE_OUTPUT, 1, 0},   // y
    {DN_PLACE_VAR, 0, 0},     {DN_PLACE_INPUT, 1, 0}, {DN_PLACE_OUTPUT, 0, 0},   // loss
    {DN_PLACE_VAR, 0, 0},     {DN_PLACE_INPUT, 0, 0}, {DN_PLACE_VAR, 0, 0},      // w
};
static const dn_native_launch step_launches[] = {
    {KERNEL_LAUNCH(K_ADD, 0, 3)},
    {KERNEL_LAUNCH(K_ADD, 3, 3)},
    {KERNEL_LAUNCH(K_LOSS, 6, 3)},
    {KERNEL_LAUNCH(K_ADD, 9, 3), .commits = true},
};
static const dn_native_arg look_args[] = {
    {DN_PLACE_INPUT, 0, 0},
    {DN_PLACE_VAR, 0, 0},
    {DN_PLACE_INPUT, 1, 0},
    {DN_PLACE_VAR, 0, 0},
};
static const dn_native_launch look_launches[] = {
    {KERNEL_LAUNCH(K_LOOK, 0, 1), .can_fail = true, .place = PLACE, .table = TABLE},
    {KERNEL_LAUNCH(K_ADD, 1, 3), .commits = true},
};
static const dn_native_arg read_args[] = {
    {DN_PLACE_VAR, 0, 0}, {DN_PLACE_VAR, 1, 0}, {DN_PLACE_OUTPUT, 0, 0}};
static const dn_native_launch read_launches[] = {{KERNEL_LAUNCH(K_ADD, 0, 3)}};
static const dn_native_launch wild_launches[] = {{KERNEL_LAUNCH(K_WILD, 0, 1), .line = 31}};
static const dn_native_arg wide_args[] = {
    {DN_PLACE_VAR, 0, 0}, {DN_PLACE_VAR, 0, 0}, {DN_PLACE_OUTPUT, 0, 0}};
static const dn_native_launch wide_launches[] = {{KERNEL_LAUNCH(K_WIDE, 0, 3), .line = 12}};

#define CODE(l, a)                                                              \
    .launches = (l), .n_launches = sizeof(l) / sizeof *(l), .args = (a),        \
    .n_args = sizeof(a) / sizeof *(a), .names = names, .n_names = sizeof names, \
    .arena_bytes = 256 + COUNT * 4
static const dn_native_entry entry_codes[] = {
    [INIT_W] = {CODE(init_w_launches, output_args)},
    [INIT_V] = {CODE(init_v_launches, output_args)},
    [STEP] = {CODE(step_launches, step_args)},
    [LOOK_UP] = {CODE(look_launches, look_args)},
    [DRAW_IT] = {CODE(draw_launches, output_args)},
    [READ] = {CODE(read_launches, read_args)},
    [RUN_WILD] = {CODE(wild_launches, output_args)},
    [RUN_WIDE] = {CODE(wide_launches, wide_args)},
};

// Two modules, of which the first fits every device and the second sm_90 and later ones.
static const dn_cuda_module modules[] = {{.sm = 80, .ptx = ptx, .ptx_bytes = sizeof ptx - 1},
                                         {.sm = 90, .ptx = ptx, .ptx_bytes = sizeof ptx - 1}};
static const dn_cuda_code code = {.entries = entry_codes,
                                  .n_entries = N_ENTRIES,
                                  .modules = modules,
                                  .n_modules = 2,
                                  .kernels = kernel_tables,
                                  .n_kernels = N_KERNELS};

#endif
