// Shape rules: one case a line, accepted with its result or refused with its message, note and
// hint. Guards ir/infer*.c.
#include <stdlib.h>

#include "ir/graph.h"
#include "tests/check.h"

// A case says what it needs and leaves the rest out.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

typedef struct rule_case {
    const char *operands;               // types, separated by ';'
    const char *op;                     // and its attributes
    const char *result;                 // the type; of refused cases, the one that is asked for
    const char *message, *note, *hint;  // of refused cases; note and hint may be NULL
} rule_case;

#define CONV_ATTRS(stride, lo, hi, dilation, groups) \
    " {stride=" stride ", lo=" lo ", hi=" hi ", dilation=" dilation ", groups=" groups "}"
#define CONV_1 CONV_ATTRS("[1, 1]", "[0, 0]", "[0, 0]", "[1, 1]", "1")
#define CONV_2 CONV_ATTRS("[2, 2]", "[1, 1]", "[2, 2]", "[1, 1]", "1")
#define DOT(lb, rb, lc, rc) \
    "dot {lhs_batch=" lb ", rhs_batch=" rb ", lhs_contract=" lc ", rhs_contract=" rc "}"
#define WINDOW(k, s, d) " {kernel=" k ", stride=" s ", dilation=" d "}"
#define SLICE(a, b, c) "slice {start=" a ", limit=" b ", stride=" c "}"
#define PAD(a, b, c, v) "pad {lo=" a ", hi=" b ", interior=" c ", value=" v "}"

static const rule_case cases[] = {
    // ---- leaves ----
    {"", "const {value=1.5}", "f32[2, 3]"},
    {"", "const {value=nan}", "f64"},
    {"", "const {value=-3}", "i32[0]"},
    {"", "const {value=1}", "bool[N]"},
    {"", "const {value=1.5}", "i32", "const: 1.5 is not a number that i32 can hold"},
    {"", "const {value=256}", "u8", "const: 256 is not a number that u8 can hold"},
    {"", "const {value=nan}", "i64", "const: nan is not a number that i64 can hold"},
    {"", "const {value=2}", "bool", "const: 2 is not a number that bool can hold"},
    {"", "const {value=0}", "f32[-1]", "const: a size of f32[-1] is negative"},
    {"", "const {value=0}", "f32[4611686018427387903, 4]", "is too large"},
    {"", "const {axis=0}", "f32", "const wants the attributes (value), in this order"},
    {"", "const", "f32", "const wants the attributes (value), in this order"},
    {"f32", "const {value=0}", "f32", "const takes 0 operands, not 1"},
    {"", "iota {axis=1}", "i32[2, 3]"},
    {"", "iota {axis=0}", "f32[N]"},
    {"", "iota {axis=2}", "i32[2, 3]", "iota: i32[2, 3] has no axis 2", "its axes are 0 to 1"},
    {"", "iota {axis=0}", "i32", "iota: i32 has no axis 0", "it is a scalar"},
    {"", "iota {axis=-1}", "i32[2]", "iota: i32[2] has no axis -1"},
    {"", "iota {axis=0}", "bool[2]", "iota needs numbers, not bool"},
    {"", "uniform {site=3}", "f32[4]"},
    {"", "normal {site=3, seed=7}", "f64[4]"},
    {"", "normal {seed=7, site=3}", "f64[4]", "normal wants the attributes (site seed)"},
    {"", "normal {site=3}", "i32[4]", "normal needs floats, not i32"},
    {"", "uniform {site=3}", "bool[4]", "uniform needs floats, not bool"},
    {"", "input {index=65536, name=\"x\"}", "f32", "input: index 65536 is not in 0 .. 65535"},
    {"", "var {index=-1, name=\"x\"}", "f32", "var: index -1 is not in 0 .. 65535"},
    // ---- elementwise ----
    {"f32[2, 3]", "neg", "f32[2, 3]"},
    {"i32[2, 3]", "abs", "i32[2, 3]"},
    {"f32[N]", "exp", "f32[N]"},
    {"bool[2]", "not", "bool[2]"},
    {"bool[2]", "stop_gradient", "bool[2]"},
    {"i32[2]", "exp", "f32[2]", "exp needs floats, not i32", NULL, "cast to f32 first"},
    {"bool[2]", "neg", "bool[2]", "neg needs numbers, not bool", NULL, "cast to f32 or i32 first"},
    {"f32[2]", "not", "bool[2]", "not needs bool, not f32", NULL,
     "compare it with something, or cast to bool"},
    {"f32[2]; f32[2]", "exp", "f32[2]", "exp takes 1 operand, not 2"},
    {"f32[2]", "exp", "f32[3]", "exp gives f32[2], not f32[3]"},
    {"f32[2]", "exp {axis=1}", "f32[2]", "exp wants the attributes ()"},
    {"f32[2]; f32[2]", "add", "f32[2]"},
    {"f32[N, 2]; f32[N, 2]", "lt", "bool[N, 2]"},
    {"bool; bool", "eq", "bool"},
    {"bool; bool", "and", "bool"},
    {"i32; i32", "max", "i32"},
    {"i32; i32", "pow", "i32", "pow needs floats, not i32"},
    {"bool; bool", "lt", "bool", "lt needs numbers, not bool"},
    {"f32; f32", "or", "f32", "or needs bool, not f32"},
    {"f32[2]; i32[2]", "add", "f32[2]", "add needs operands of one dtype: f32[2] and i32[2]", NULL,
     "cast one of them"},
    {"f32[64, 14, 14, 1]; f32[64, 128, 128, 3]", "add", "f32",
     "add needs operands of one shape: f32[64, 14, 14, 1] and f32[64, 128, 128, 3]",
     "axis 1: 14 against 128, axis 2: 14 against 128, axis 3: 1 against 3"},
    {"f32[2]; f32[2, 1]", "mul", "f32", "mul needs operands of one shape: f32[2] and f32[2, 1]",
     "ranks 1 and 2"},
    {"f32[N]; f32[M]", "mul", "f32", "mul needs operands of one shape: f32[N] and f32[M]",
     "axis 0: N against M"},
    {"f32[2]", "cast", "i64[2]"},
    {"f32[2]", "cast", "i64[3]", "cast keeps the shape: f32[2] to i64[3]", "axis 0: 2 against 3"},
    {"f32[2]", "is_finite", "bool[2]"},
    {"i32[2]", "is_finite", "bool[2]", "is_finite needs floats, not i32"},
    {"bool[2]; i32[2]; i32[2]", "select", "i32[2]"},
    {"i32[2]; i32[2]; i32[2]", "select", "i32[2]", "select needs a bool condition, not i32[2]"},
    {"bool[2]; i32[2]; f32[2]", "select", "i32[2]", "select needs operands of one dtype"},
    {"bool[2]; i32[2]; i32[3]", "select", "i32[2]", "select needs operands of one shape"},
    {"bool; i32[2]; i32[2]", "select", "i32[2]",
     "select needs operands of one shape: bool and i32"},
    // ---- movement ----
    {"f32[3]", "broadcast {axes=[1]}", "f32[2, 3]"},
    {"f32[1, 3]", "broadcast {axes=[0, 2]}", "f32[N, 5, 3]"},
    {"f32", "broadcast {axes=[]}", "f32[2]"},
    {"f32[3]", "broadcast {axes=[0]}", "f32[2, 3]", "cannot broadcast f32[3] to f32[2, 3]",
     "axis 0 of size 3 would be axis 0 of size 2: only size 1 is repeated"},
    {"f32[N]", "broadcast {axes=[0]}", "f32[M]", "cannot broadcast f32[N] to f32[M]"},
    {"f32[3]", "broadcast {axes=[1]}", "i32[2, 3]", "broadcast keeps the dtype: f32[3] to i32"},
    {"f32[3]", "broadcast {axes=[0, 1]}", "f32[2, 3]",
     "broadcast: axes needs 1 entries, one an axis, and has [0, 1]"},
    {"f32[2, 3]", "broadcast {axes=[1, 0]}", "f32[3, 2]", "axes must increase, unlike [1, 0]"},
    {"f32[2, 3]", "broadcast {axes=[0, 0]}", "f32[3, 2]", "axis 0 is named twice in [0, 0]"},
    {"f32[2]", "broadcast {axes=[N]}", "f32[2]", "broadcast: f32[2] has no axis N"},
    {"f32[64, 6272]", "reshape", "f32[64, 7, 7, 128]"},
    {"f32[N, 7, 7, 128]", "reshape", "f32[N, 6272]"},
    {"f32[N, M]", "reshape", "f32[M*N]"},
    {"f32", "reshape", "f32[1, 1]"},
    {"f32[0, 5]", "reshape", "f32[3, 0]"},
    {"f32[64, 6272]", "reshape", "f32[64, 7, 7, 64]",
     "cannot reshape f32[64, 6272] (401408 elements) to f32[64, 7, 7, 64] (200704 elements)"},
    {"f32[N, 2]", "reshape", "f32[N]", "cannot reshape f32[N, 2] (2*N elements) to f32[N] (N elem"},
    {"f32[2]", "reshape", "i32[2]", "reshape keeps the dtype: f32[2] to i32[2]"},
    {"f32[2, 3, N]", "transpose {axes=[2, 0, 1]}", "f32[N, 2, 3]"},
    {"f32[2, 3]", "transpose {axes=[0]}", "f32[2]", "axes needs 2 entries"},
    {"f32[2, 3]", "transpose {axes=[1, 1]}", "f32[2]", "axis 1 is named twice in [1, 1]"},
    {"f32[2, 3]", "transpose {axes=[1, 2]}", "f32[2]", "f32[2, 3] has no axis 2"},
    {"f32[10, 4]", SLICE("[1, 0]", "[8, 4]", "[3, 1]"), "f32[3, 4]"},
    {"f32[10]", SLICE("[4]", "[4]", "[1]"), "f32[0]"},
    {"f32[N]", SLICE("[1]", "[N]", "[1]"), "f32[N - 1]"},
    {"f32[N]", SLICE("[0]", "[N]", "[2]"), "f32[floor((N + 1) / 2)]"},
    {"f32[10]", SLICE("[0]", "[11]", "[1]"), "f32", "slice: 0:11 is not within axis 0 of f32[10]",
     "needs 0 <= start <= limit <= 10"},
    {"f32[10]", SLICE("[5]", "[4]", "[1]"), "f32", "slice: 5:4 is not within axis 0"},
    {"f32[10]", SLICE("[-1]", "[4]", "[1]"), "f32", "slice: start must be at least 0, and is [-1]"},
    {"f32[10]", SLICE("[0]", "[4]", "[0]"), "f32", "slice: stride must be at least 1, and is [0]"},
    {"f32[10]", SLICE("[0, 0]", "[4]", "[1]"), "f32", "slice: start needs 1 entries"},
    {"f32[N]", SLICE("[0]", "[N + 1]", "[1]"), "f32", "slice: 0:N + 1 is not within axis 0"},
    {"f32[4]", PAD("[1]", "[2]", "[3]", "0"), "f32[16]"},
    {"f32[0]", PAD("[1]", "[2]", "[3]", "-inf"), "f32[3]"},
    {"f32[N]", PAD("[1]", "[0]", "[1]", "0"), "f32[2*N]"},
    {"f32[4]", PAD("[-1]", "[2]", "[0]", "0"), "f32", "pad: lo must be at least 0, and is [-1]"},
    {"f32[4]", PAD("[1]", "[-2]", "[0]", "0"), "f32", "pad: hi must be at least 0, and is [-2]"},
    {"f32[4]", PAD("[1]", "[0]", "[-1]", "0"), "f32", "pad: interior must be at least 0"},
    {"f32[4]", PAD("[1]", "[0, 1]", "[0]", "0"), "f32", "pad: hi needs 1 entries"},
    {"i32[4]", PAD("[1]", "[0]", "[0]", "0.5"), "f32", "pad: 0.5 is not a number that i32"},
    {"f32[2, 3]; f32[2, N]", "concat {axis=1}", "f32[2, N + 3]"},
    {"f32[2]", "concat {axis=0}", "f32[2]"},
    {"f32[2, 3]; f32[4, 5]", "concat {axis=1}", "f32[2, 8]",
     "concat along axis 1 needs shapes that agree on all others: f32[2, 3] and f32[4, 5]",
     "axis 0: 2 against 4"},
    {"f32[2, 3]; f32[2]", "concat {axis=1}", "f32[2, 8]", "concat along axis 1", "ranks 2 and 1"},
    {"f32[2]; i32[2]", "concat {axis=0}", "f32[4]", "concat needs operands of one dtype"},
    {"f32[2]", "concat {axis=1}", "f32[2]", "concat: f32[2] has no axis 1"},
    {"", "concat {axis=1}", "f32[2]", "concat needs at least one operand"},
    {"f32[2, 3]", "reverse {axes=[0, 1]}", "f32[2, 3]"},
    {"f32[2, 3]", "reverse {axes=[1, 0]}", "f32[2, 3]", "reverse: axes must increase"},
    {"f32[2, 3]", "reverse {axes=[2]}", "f32[2, 3]", "reverse: f32[2, 3] has no axis 2"},
    {"f32[1000, 64]; i32[8, 5]", "gather", "f32[8, 5, 64]"},
    {"f32[1000]; i64", "gather", "f32"},
    {"f32[1000]; f32[2]", "gather", "f32", "gather needs i32 or i64 indices, not f32[2]", NULL,
     "cast them to i32"},
    {"f32; i32[2]", "gather", "f32", "gather needs rows along axis 0, and f32 is a scalar"},
    {"f32[1, 1, 1, 1, 1]; i32[1, 1, 1, 1, 1]", "gather", "f32",
     "gather: the result would have 9 axes; the limit is 8"},
    {"i32[8, 5]; f32[8, 5, 64]", "scatter_add", "f32[1000, 64]"},
    {"i32[8, 5]; f32[8, 5, 64]", "scatter_add", "f32[1000, 32]",
     "scatter_add to f32[1000, 32] needs rows f32[8, 5, 32], not f32[8, 5, 64]",
     "the indices are i32[8, 5]"},
    {"i32[8]; f32[8]", "scatter_add", "i32[10]", "scatter_add to i32[10] needs rows i32[8]"},
    {"u8[8]; f32[8]", "scatter_add", "f32[10]", "scatter_add needs i32 or i64 indices"},
    {"i32[8]; bool[8]", "scatter_add", "bool[10]", "scatter_add needs numbers, not bool"},
    {"i32[8]; f32[8]", "scatter_add", "f32", "scatter_add needs rows along axis 0"},
    // ---- reductions ----
    {"f32[2, 3, 4]", "reduce_sum {axes=[0, 2]}", "f32[3]"},
    {"i32[2, N]", "reduce_max {axes=[0, 1]}", "i32"},
    {"f32[0]", "reduce_sum {axes=[0]}", "f32"},
    {"f32[2]", "reduce_min {axes=[]}", "f32[2]"},
    {"f64[2, 3]", "reduce_prod {axes=[1]}", "f64[2]"},
    {"f32[2, 3]", "reduce_prod {axes=[1, 0]}", "f32", "reduce_prod: axes must increase"},
    {"f32[2, 3]", "reduce_sum {axes=[2]}", "f32", "reduce_sum: f32[2, 3] has no axis 2"},
    {"bool[2]", "reduce_sum {axes=[0]}", "bool", "reduce_sum needs numbers, not bool"},
    {"f32[2, 3]", "argmax {axis=1}", "i32[2]"},
    {"i64[2, 3]", "argmin {axis=0}", "i32[3]"},
    {"f32[2, 0]", "argmax {axis=1}", "i32[2]", "argmax: axis 1 of f32[2, 0] is empty"},
    {"bool[2]", "argmax {axis=0}", "i32", "argmax needs numbers, not bool"},
    {"f32[2]", "argmax {axis=1}", "i32", "argmax: f32[2] has no axis 1"},
    // ---- dot ----
    {"f32[64, 100]; f32[100, 7]", DOT("[]", "[]", "[1]", "[0]"), "f32[64, 7]"},
    {"f32[N, 5, 8]; f32[8, N, 6]", DOT("[0]", "[1]", "[2]", "[0]"), "f32[N, 5, 6]"},
    {"f32[3]; f32[4]", DOT("[]", "[]", "[]", "[]"), "f32[3, 4]"},
    {"f32[64, 100]; f32[128, 7]", DOT("[]", "[]", "[1]", "[0]"), "f32",
     "dot: contracted sizes differ: f32[64, 100] and f32[128, 7]",
     "axis 1 of the first is 100, axis 0 of the second is 128"},
    {"f32[2, 3]; f32[4, 3]", DOT("[0]", "[0]", "[1]", "[1]"), "f32", "dot: batch sizes differ",
     "axis 0 of the first is 2, axis 0 of the second is 4"},
    {"f32[2, 3]; f32[2, 3]", DOT("[0]", "[]", "[1]", "[1]"), "f32",
     "dot: as many batch axes on both sides, not 1 and 0"},
    {"f32[2, 3]; f32[2, 3]", DOT("[]", "[]", "[1]", "[0, 1]"), "f32", "not 1 and 2"},
    {"f32[2, 2]; f32[2, 2]", DOT("[0]", "[0]", "[0]", "[1]"), "f32", "axis 0 is named twice"},
    {"f32[2]; f32[2]", DOT("[]", "[]", "[1]", "[0]"), "f32", "dot: f32[2] has no axis 1"},
    {"f32[2]; f64[2]", DOT("[]", "[]", "[0]", "[0]"), "f32", "dot needs operands of one dtype"},
    {"bool[2]; bool[2]", DOT("[]", "[]", "[0]", "[0]"), "f32", "dot needs numbers, not bool"},
    {"f32[1, 1, 1, 1, 1]; f32[1, 1, 1, 1]", DOT("[]", "[]", "[]", "[]"), "f32",
     "dot: the result would have 9 axes; the limit is 8"},
    // ---- convolution ----
    {"f32[64, 28, 28, 1]; f32[5, 5, 1, 64]", "conv" CONV_2, "f32[64, 14, 14, 64]"},
    {"f32[N, H, 28, 3]; f32[3, 3, 3, 8]", "conv" CONV_1, "f32[N, H - 2, 26, 8]"},
    {"f32[N, H, H, 1]; f32[5, 5, 1, 64]", "conv" CONV_2, "f32[N, floor(H / 2), floor(H / 2), 64]"},
    {"f32[2, 9, 4]; f32[3, 2, 6]", "conv" CONV_ATTRS("[2]", "[0]", "[0]", "[2]", "2"),
     "f32[2, 3, 6]"},
    {"f32[2, 9, 4]; f32[3, 4, 6]", "conv" CONV_ATTRS("[1]", "[-1]", "[-2]", "[1]", "1"),
     "f32[2, 4, 6]"},
    {"f32[1, 4, 5, 6, 2]; f32[2, 2, 2, 2, 3]",
     "conv" CONV_ATTRS("[1, 1, 1]", "[0, 0, 0]", "[0, 0, 0]", "[1, 1, 1]", "1"),
     "f32[1, 3, 4, 5, 3]"},
    {"f32[64, 14, 14, 1]; f32[5, 5, 1, 1]", "conv" CONV_2, "f32[64, 7, 7, 1]"},
    {"f32[8, 28, 28, 3]; f32[5, 5, 1, 64]", "conv" CONV_2, "f32",
     "conv: channels differ: input f32[8, 28, 28, 3], kernel f32[5, 5, 1, 64]",
     "the input has 3 channels (its last axis), the kernel wants 1 (groups 1)"},
    {"f32[8, 9, 4]; f32[3, 4, 6]", "conv" CONV_ATTRS("[1]", "[0]", "[0]", "[1]", "2"), "f32",
     "conv: channels differ", "the kernel wants 8 (groups 2)"},
    {"f32[8, 9, 4]; f32[3, 2, 5]", "conv" CONV_ATTRS("[1]", "[0]", "[0]", "[1]", "2"), "f32",
     "conv: 5 filters cannot be split into 2 groups"},
    {"f32[8, 9, 4]; f32[3, 2, 5]", "conv" CONV_ATTRS("[1]", "[0]", "[0]", "[1]", "0"), "f32",
     "conv: groups must be at least 1, and is 0"},
    {"f32[8, 3, 4]; f32[5, 4, 5]", "conv" CONV_ATTRS("[1]", "[0]", "[1]", "[2]", "1"), "f32",
     "conv: the kernel is larger than the input, f32[8, 3, 4]",
     "length: input 3, kernel 5, stride 1, padding 0 + 1, dilation 2: "
     "floor((3 + 0 + 1 - (2 * (5 - 1) + 1)) / 1) + 1 = -4",
     "use a smaller kernel or dilation, or more padding"},
    {"f32[8, 14, 4, 1]; f32[5, 9, 1, 1]", "conv" CONV_2, "f32", "conv: the kernel is larger",
     "height: input 14, kernel 5, stride 2, padding 1 + 2, dilation 1: "
     "floor((14 + 1 + 2 - 5) / 2) + 1 = 7; "
     "width: input 4, kernel 9, stride 2, padding 1 + 2, dilation 1: "
     "floor((4 + 1 + 2 - 9) / 2) + 1 = 0"},
    {"f32[8, 4, 4, 1]; f32[0, 3, 1, 1]", "conv" CONV_1, "f32",
     "conv: the kernel f32[0, 3, 1, 1] is"},
    {"f32[8, 4]; f32[4, 5]", "conv" CONV_1, "f32",
     "conv needs an input [N, S..., C] of rank 3 or more, not f32[8, 4]",
     "batch first, then the spatial axes, channels last"},
    {"f32[8, 4, 4, 1]; f32[3, 1, 1]", "conv" CONV_1, "f32",
     "conv: the kernel must have the input's rank: f32[8, 4, 4, 1] and f32[3, 1, 1]",
     "input [N, S..., C], kernel [K..., C / groups, F]"},
    {"f32[8, 4, 4, 1]; f64[3, 3, 1, 1]", "conv" CONV_1, "f32", "conv needs operands of one dtype"},
    {"bool[8, 4, 4, 1]; bool[3, 3, 1, 1]", "conv" CONV_1, "f32", "conv needs numbers, not bool"},
    {"f32[8, 9, 4]; f32[3, 4, 5]", "conv" CONV_ATTRS("[0]", "[0]", "[0]", "[1]", "1"), "f32",
     "conv: stride must be at least 1, and is [0]"},
    {"f32[8, 9, 4]; f32[3, 4, 5]", "conv" CONV_ATTRS("[1]", "[0]", "[0]", "[0]", "1"), "f32",
     "conv: dilation must be at least 1, and is [0]"},
    {"f32[8, 9, 4]; f32[3, 4, 5]", "conv" CONV_1, "f32",
     "conv: stride needs 1 entries, one an axis, and has [1, 1]"},
    {"f32[8, 9, 4]; f32[3, 4, 5]", "conv" CONV_ATTRS("[1]", "[0, 0]", "[0]", "[1]", "1"), "f32",
     "conv: lo needs 1 entries"},
    {"f32[64, 14, 14, 64]; f32[5, 5, 1, 64]", "conv_input" CONV_2, "f32[64, 28, 28, 1]"},
    {"f32[64, 14, 14, 64]; f32[5, 5, 1, 64]", "conv_input" CONV_2, "f32[64, 29, 27, 1]",
     "conv_input: a conv of f32[64, 29, 27, 1] with f32[5, 5, 1, 64] is f32[64, 14, 13, 64], not "
     "f32[64, 14, 14, 64]",
     "height: input 29, kernel 5, stride 2, padding 1 + 2, dilation 1: "
     "floor((29 + 1 + 2 - 5) / 2) + 1 = 14; width: input 27"},
    {"f32[64, 14, 14, 64]; f32[5, 5, 1, 64]", "conv_input" CONV_2, "f32[64, 28, 28, 3]",
     "conv_input: channels differ: input f32[64, 28, 28, 3], kernel f32[5, 5, 1, 64]"},
    {"f32[N, 28, 28, 1]; f32[N, 14, 14, 64]", "conv_weight" CONV_2, "f32[5, 5, 1, 64]"},
    {"f32[N, 28, 28, 1]; f32[N, 14, 14, 64]", "conv_weight" CONV_2, "f32[5, 5, 1, 32]",
     "conv_weight: a conv of f32[N, 28, 28, 1] with f32[5, 5, 1, 32] is f32[N, 14, 14, 32], not "},
    {"f32[N, 28, 28, 1]; f32[M, 14, 14, 64]", "conv_weight" CONV_2, "f32[5, 5, 1, 64]",
     "is f32[N, 14, 14, 64], not f32[M, 14, 14, 64]"},
    // ---- windows ----
    {"f32[8, 28, 28, 3]", "window" WINDOW("[2, 2]", "[2, 2]", "[1, 1]"), "f32[8, 14, 14, 2, 2, 3]"},
    {"f32[8, T, 3]", "window" WINDOW("[3]", "[1]", "[2]"), "f32[8, T - 4, 3, 3]"},
    {"f32[8, 2, 3]", "window" WINDOW("[3]", "[1]", "[1]"), "f32",
     "window: the kernel is larger than the input, f32[8, 2, 3]",
     "length: input 2, kernel 3, stride 1, dilation 1: floor((2 - 3) / 1) + 1 = 0",
     "use a smaller kernel or dilation"},
    {"f32[8, 9, 3]", "window" WINDOW("[0]", "[1]", "[1]"), "f32",
     "window: kernel must be at least 1"},
    {"f32[8, 9, 3]", "window" WINDOW("[3, 3]", "[1]", "[1]"), "f32",
     "window: kernel needs 1 entries"},
    {"f32[8, 3]", "window" WINDOW("[]", "[]", "[]"), "f32", "window needs an input [N, S..., C]"},
    {"f32[1, 4, 4, 4, 4, 1]", "window" WINDOW("[1, 1, 1, 1]", "[1, 1, 1, 1]", "[1, 1, 1, 1]"),
     "f32", "window: the result would have 10 axes; the limit is 8"},
    {"f32[8, 14, 14, 2, 2, 3]", "window_sum" WINDOW("[2, 2]", "[2, 2]", "[1, 1]"),
     "f32[8, 28, 28, 3]"},
    {"f32[8, 14, 14, 2, 2, 3]", "window_sum" WINDOW("[2, 2]", "[2, 2]", "[1, 1]"),
     "f32[8, 28, 31, 3]",
     "window_sum: the windows of f32[8, 28, 31, 3] are f32[8, 14, 15, 2, 2, 3], not "
     "f32[8, 14, 14, 2, 2, 3]",
     "width: input 31, kernel 2, stride 2, dilation 1: floor((31 - 2) / 2) + 1 = 15"},
};

// "graph @t { %0 = input ... %n = op %0, %1 {...} : result }"
static char *case_text(const rule_case *c) {
    dn_str text = {0}, operands = {0};
    int n = 0;
    dn_str_puts(&text, "graph @t {\n");
    for (const char *at = c->operands; *at; n++) {
        size_t length = strcspn(at, ";");
        dn_str_printf(&text, "%%%d = input {index=%d, name=\"x%d\"} : %.*s\n", n, n, n, (int)length,
                      at);
        dn_str_printf(&operands, "%s %%%d", n ? "," : "", n);
        at += length + (at[length] == ';');
    }
    size_t name = strcspn(c->op, " ");
    dn_str_printf(&text, "%%%d = %.*s%s%s : %s\n}\n", n, (int)name, c->op,
                  operands.text ? operands.text : "", c->op + name, c->result);
    free(operands.text);
    return dn_str_take(&text);
}

static void check_part(const rule_case *c, const char *what, const char *wanted, const char *got) {
    if (!wanted) return;
    CHECK(got && strstr(got, wanted), "%s of %s (%s):\n  wanted %s\n  got    %s", what, c->op,
          c->operands, wanted, got ? got : "nothing");
}

static void run_case(const rule_case *c) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = NULL;
    char *text = case_text(c);
    dn_status status = dn_graph_parse(dims, text, &graph);
    if (!c->message) {
        CHECK(!status, "%s: %s", c->op, status ? dn_status_message(status) : "");
    } else {
        check_part(c, "message", c->message, status ? dn_status_message(status) : NULL);
        check_part(c, "note", c->note, status ? dn_status_note(status) : NULL);
        check_part(c, "hint", c->hint, status ? dn_status_hint(status) : NULL);
    }
    dn_status_free(status);
    dn_graph_free(graph);
    dn_dims_free(dims);
    free(text);
}

// Each op is accepted once and, where it can be, refused once.
static void test_cases_cover_ops(void) {
    for (int op = 0; op < DN_OP_COUNT; op++) {
        const dn_op_info *info = dn_op_get((dn_op)op);
        bool accepted = false, refused = false;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            size_t length = strcspn(cases[i].op, " ");
            if (strlen(info->name) != length || memcmp(info->name, cases[i].op, length) != 0)
                continue;
            accepted |= !cases[i].message;
            refused |= cases[i].message != NULL;
        }
        bool elementwise = info->class != DN_CLASS_OTHER;  // one rule for all
        bool shown = op == DN_OP_INPUT || op == DN_OP_VAR;
        CHECK(elementwise || accepted || shown, "no accepted case of %s", info->name);
        bool sisters = op == DN_OP_REDUCE_MAX || op == DN_OP_REDUCE_MIN || op == DN_OP_ARGMIN;
        CHECK(elementwise || refused || sisters, "no refused case of %s", info->name);
    }
}

// Every elementwise op accepts what its domain says, and nothing else.
static void test_domains(void) {
    for (int op = 0; op < DN_OP_COUNT; op++) {
        const dn_op_info *info = dn_op_get((dn_op)op);
        if (info->class == DN_CLASS_OTHER) continue;
        for (int dtype = 0; dtype < DN_DTYPE_COUNT; dtype++) {
            bool is_float = dn_dtype_is_float((dn_dtype)dtype), is_bool = dtype == DN_BOOL;
            bool wanted = info->domain == DN_DOMAIN_ANY ||
                          (info->domain == DN_DOMAIN_FLOAT && is_float) ||
                          (info->domain == DN_DOMAIN_NUMERIC && !is_bool) ||
                          (info->domain == DN_DOMAIN_BOOLEAN && is_bool);
            dn_dims *dims = dn_dims_new();
            dn_graph *graph = dn_graph_new(dims, "t");
            dn_node *x = dn_graph_input(graph, "x", dn_type_scalar((dn_dtype)dtype)), *out;
            dn_node *in[] = {x, x};
            dn_status status = dn_graph_op(graph, (dn_op)op, in, info->arity, NULL, 0, NULL, &out);
            CHECK(!status == wanted, "%s of %s", info->name, dn_dtype_name((dn_dtype)dtype));
            if (!status)
                CHECK(out->type.dtype == (info->to_bool ? DN_BOOL : (dn_dtype)dtype), "%s",
                      info->name);
            dn_status_free(status);
            dn_graph_free(graph);
            dn_dims_free(dims);
        }
    }
}

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(&cases[i]);
    test_cases_cover_ops();
    test_domains();
    return CHECK_RESULT();
}
