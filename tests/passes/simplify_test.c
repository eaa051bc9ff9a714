// Simplification: each rule by the graph before and after it, and thousands of random graphs that
// must give the same bits before and after.
#include "passes/simplify.h"

#include "passes/autodiff.h"
#include "passes/erase_stops.h"
#include "tests/passes/run_graph.h"

// ---- comparing results ----------------------------------------------------------------------

// The same bits, or both zero, or both NaN.
static bool same_numbers(const dn_tensor *a, const dn_tensor *b) {
    size_t size = dn_dtype_size(a->dtype);
    if (a->dtype != b->dtype || !dn_shape_equal(&a->shape, &b->shape)) return false;
    for (int64_t i = 0; i < dn_shape_elements(&a->shape); i++) {
        const char *p = (const char *)a->data + (size_t)i * size;
        const char *q = (const char *)b->data + (size_t)i * size;
        if (memcmp(p, q, size) == 0) continue;
        double x = dn_tensor_get(a, i), y = dn_tensor_get(b, i);
        if (!dn_dtype_is_float(a->dtype) || !((x == 0 && y == 0) || (x != x && y != y)))
            return false;
    }
    return true;
}

static void show(const char *label, const dn_graph *graph) {
    dn_str text = {0};
    dn_graph_print(graph, &text);
    fprintf(stderr, "%s:\n%s", label, text.text);
    free(text.text);
}

// Runs both on the same random inputs.
static bool same_meaning(const dn_graph *a, const dn_graph *b, dice *d) {
    enum { MOST = 64 };
    dn_tensor *inputs[MOST], *x[MOST], *y[MOST];
    DN_ASSERT(a->n_inputs <= MOST && a->n_outputs <= MOST, "too many");
    for (int i = 0; i < a->n_inputs; i++)
        inputs[i] = random_tensor(d, &a->inputs[i].node->type, -2, 2, 0);
    dn_status status = run_once(a, inputs, x);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    status = run_once(b, inputs, y);
    DN_ASSERT(!status, "%s", dn_status_message(status));
    bool same = true;
    for (int i = 0; i < a->n_outputs; i++) same = same && same_numbers(x[i], y[i]);
    release_all(inputs, a->n_inputs);
    release_all(x, a->n_outputs);
    release_all(y, a->n_outputs);
    return same;
}

// ---- rule by rule ---------------------------------------------------------------------------

typedef struct rule_case {
    const char *name;
    const char *inputs[4];
    const char *before, *after;  // lines after the inputs, the last one names the result
} rule_case;

#define F "f32[3]"
#define RETURN "\nreturn y=%"

static const rule_case rules[] = {
    // constants
    {"fold add",
     {NULL},
     "%0 = const {value=2} : f32\n%1 = const {value=3} : f32\n%2 = add %0, %1 : f32" RETURN "2",
     "%0 = const {value=5} : f32" RETURN "0"},
    {"fold rounds to f32",
     {NULL},
     "%0 = const {value=16777216} : f32\n%1 = const {value=1} : f32\n%2 = add %0, %1 : f32\n%3 = "
     "add %2, %1 : f32" RETURN "3",
     "%0 = const {value=16777216} : f32" RETURN "0"},
    {"fold f64",
     {NULL},
     "%0 = const {value=16777216} : f64\n%1 = const {value=1} : f64\n%2 = add %0, %1 : f64" RETURN
     "2",
     "%0 = const {value=16777217} : f64" RETURN "0"},
    {"fold exp(0)",
     {NULL},
     "%0 = const {value=0} : " F "\n%1 = exp %0 : " F RETURN "1",
     "%0 = const {value=1} : " F RETURN "0"},
    {"fold a comparison",
     {NULL},
     "%0 = const {value=2} : i32\n%1 = const {value=3} : i32\n%2 = lt %0, %1 : bool" RETURN "2",
     "%0 = const {value=1} : bool" RETURN "0"},
    {"fold integer division",
     {NULL},
     "%0 = const {value=-7} : i32\n%1 = const {value=2} : i32\n%2 = div %0, %1 : i32\n%3 = rem %0, "
     "%1 : i32\n"
     "%4 = mul %2, %3 : i32" RETURN "4",
     "%0 = const {value=3} : i32" RETURN "0"},
    {"fold division by 0",
     {NULL},
     "%0 = const {value=-7} : i32\n%1 = const {value=0} : i32\n%2 = div %0, %1 : i32" RETURN "2",
     "%0 = const {value=0} : i32" RETURN "0"},
    {"no fold on overflow",
     {NULL},
     "%0 = const {value=200} : u8\n%1 = const {value=100} : u8\n%2 = add %0, %1 : u8" RETURN "2",
     "%0 = const {value=200} : u8\n%1 = const {value=100} : u8\n%2 = add %0, %1 : u8" RETURN "2"},
    {"f32 constants are rounded",
     {NULL},
     "%0 = const {value=0.1} : f32" RETURN "0",
     "%0 = const {value=0.10000000149011612} : f32" RETURN "0"},
    {"no fold of random numbers",
     {NULL},
     "%0 = uniform {site=1} : f32\n%1 = sub %0, %0 : f32" RETURN "1",
     "%0 = uniform {site=1} : f32\n%1 = sub %0, %0 : f32" RETURN "1"},
    // order
    {"x + y and y + x",
     {F, F},
     "%2 = add %0, %1 : " F "\n%3 = add %1, %0 : " F "\n%4 = mul %2, %3 : " F RETURN "4",
     "%2 = add %0, %1 : " F "\n%3 = mul %2, %2 : " F RETURN "3"},
    {"constants last",
     {F},
     "%1 = const {value=2} : " F "\n%2 = mul %1, %0 : " F RETURN "2",
     "%1 = const {value=2} : " F "\n%2 = mul %0, %1 : " F RETURN "2"},
    // neg, abs, rounding
    {"--x", {F}, "%1 = neg %0 : " F "\n%2 = neg %1 : " F RETURN "2", "return y=%0"},
    {"-(x - y)",
     {F, F},
     "%2 = sub %0, %1 : " F "\n%3 = neg %2 : " F RETURN "3",
     "%2 = sub %1, %0 : " F RETURN "2"},
    {"-(x * c)",
     {F},
     "%1 = const {value=2} : " F "\n%2 = mul %0, %1 : " F "\n%3 = neg %2 : " F RETURN "3",
     "%1 = const {value=-2} : " F "\n%2 = mul %0, %1 : " F RETURN "2"},
    {"|-x|",
     {F},
     "%1 = neg %0 : " F "\n%2 = abs %1 : " F "\n%3 = abs %2 : " F RETURN "3",
     "%1 = abs %0 : " F RETURN "1"},
    {"round of floor",
     {F},
     "%1 = floor %0 : " F "\n%2 = round %1 : " F "\n%3 = ceil %2 : " F RETURN "3",
     "%1 = floor %0 : " F RETURN "1"},
    // add, sub
    {"x + 0",
     {F},
     "%1 = const {value=0} : " F "\n%2 = add %1, %0 : " F "\n%3 = sub %2, %1 : " F RETURN "3",
     "return y=%0"},
    {"x + -y",
     {F, F},
     "%2 = neg %1 : " F "\n%3 = add %0, %2 : " F RETURN "3",
     "%2 = sub %0, %1 : " F RETURN "2"},
    {"-x + y",
     {F, F},
     "%2 = neg %0 : " F "\n%3 = add %2, %1 : " F RETURN "3",
     "%2 = sub %1, %0 : " F RETURN "2"},
    {"x - -y",
     {F, F},
     "%2 = neg %1 : " F "\n%3 = sub %0, %2 : " F RETURN "3",
     "%2 = add %0, %1 : " F RETURN "2"},
    {"0 - x",
     {F},
     "%1 = const {value=0} : " F "\n%2 = sub %1, %0 : " F RETURN "2",
     "%1 = neg %0 : " F RETURN "1"},
    {"x - x of integers",
     {"i32[2]"},
     "%1 = sub %0, %0 : i32[2]" RETURN "1",
     "%1 = const {value=0} : i32[2]" RETURN "1"},
    {"x - x of floats stays",
     {F},
     "%1 = sub %0, %0 : " F RETURN "1",
     "%1 = sub %0, %0 : " F RETURN "1"},
    // mul, div, pow
    {"x * 1",
     {F},
     "%1 = const {value=1} : " F "\n%2 = mul %1, %0 : " F "\n%3 = div %2, %1 : " F
     "\n%4 = pow %3, %1 : " F RETURN "4",
     "return y=%0"},
    {"x * -1",
     {F},
     "%1 = const {value=-1} : " F "\n%2 = mul %0, %1 : " F RETURN "2",
     "%1 = neg %0 : " F RETURN "1"},
    {"x / -1",
     {"i32[2]"},
     "%1 = const {value=-1} : i32[2]\n%2 = div %0, %1 : i32[2]" RETURN "2",
     "%1 = neg %0 : i32[2]" RETURN "1"},
    {"x * 0 of integers",
     {"i32[2]"},
     "%1 = const {value=0} : i32[2]\n%2 = mul %0, %1 : i32[2]" RETURN "2",
     "%1 = const {value=0} : i32[2]" RETURN "1"},
    {"x * 0 of floats stays",
     {F},
     "%1 = const {value=0} : " F "\n%2 = mul %0, %1 : " F RETURN "2",
     "%1 = const {value=0} : " F "\n%2 = mul %0, %1 : " F RETURN "2"},
    {"-x * -y",
     {F, F},
     "%2 = neg %0 : " F "\n%3 = neg %1 : " F "\n%4 = mul %2, %3 : " F RETURN "4",
     "%2 = mul %0, %1 : " F RETURN "2"},
    {"-x * c",
     {F},
     "%1 = const {value=3} : " F "\n%2 = neg %0 : " F "\n%3 = mul %2, %1 : " F RETURN "3",
     "%1 = const {value=-3} : " F "\n%2 = mul %0, %1 : " F RETURN "2"},
    {"a + -x * y",
     {F, F},
     "%2 = neg %0 : " F "\n%3 = mul %2, %1 : " F "\n%4 = add %1, %3 : " F RETURN "4",
     "%2 = mul %0, %1 : " F "\n%3 = sub %1, %2 : " F RETURN "3"},
    {"-x / -y of integers stays",
     {"i32[2]", "i32[2]"},
     "%2 = neg %0 : i32[2]\n%3 = neg %1 : i32[2]\n%4 = div %2, %3 : i32[2]" RETURN "4",
     "%2 = neg %0 : i32[2]\n%3 = neg %1 : i32[2]\n%4 = div %2, %3 : i32[2]" RETURN "4"},
    {"-x / y of integers stays",
     {"u8[2]", "u8[2]"},
     "%2 = neg %0 : u8[2]\n%3 = div %2, %1 : u8[2]" RETURN "3",
     "%2 = neg %0 : u8[2]\n%3 = div %2, %1 : u8[2]" RETURN "3"},
    {"|-x| of u8 stays",
     {"u8[2]"},
     "%1 = neg %0 : u8[2]\n%2 = abs %1 : u8[2]" RETURN "2",
     "%1 = neg %0 : u8[2]\n%2 = abs %1 : u8[2]" RETURN "2"},
    {"x / 4",
     {F},
     "%1 = const {value=4} : " F "\n%2 = div %0, %1 : " F RETURN "2",
     "%1 = const {value=0.25} : " F "\n%2 = mul %0, %1 : " F RETURN "2"},
    {"x / 3 stays",
     {F},
     "%1 = const {value=3} : " F "\n%2 = div %0, %1 : " F RETURN "2",
     "%1 = const {value=3} : " F "\n%2 = div %0, %1 : " F RETURN "2"},
    {"x ^ 0",
     {F},
     "%1 = const {value=0} : " F "\n%2 = pow %0, %1 : " F RETURN "2",
     "%1 = const {value=1} : " F RETURN "1"},
    {"1 ^ x",
     {F},
     "%1 = const {value=1} : " F "\n%2 = pow %1, %0 : " F RETURN "2",
     "%1 = const {value=1} : " F RETURN "1"},
    // max, min, comparisons, logic
    {"max(x, x)", {F}, "%1 = max %0, %0 : " F "\n%2 = min %1, %1 : " F RETURN "2", "return y=%0"},
    {"max(x, -inf)",
     {F},
     "%1 = const {value=-inf} : " F "\n%2 = max %0, %1 : " F RETURN "2",
     "return y=%0"},
    {"x = x of integers",
     {"i32[2]"},
     "%1 = eq %0, %0 : bool[2]" RETURN "1",
     "%1 = const {value=1} : bool[2]" RETURN "1"},
    {"x = x of floats stays",
     {F},
     "%1 = eq %0, %0 : bool[3]" RETURN "1",
     "%1 = eq %0, %0 : bool[3]" RETURN "1"},
    {"x < x",
     {F},
     "%1 = lt %0, %0 : bool[3]" RETURN "1",
     "%1 = const {value=0} : bool[3]" RETURN "1"},
    {"b = false",
     {"bool[2]"},
     "%1 = const {value=0} : bool[2]\n%2 = eq %0, %1 : bool[2]" RETURN "2",
     "%1 = not %0 : bool[2]" RETURN "1"},
    {"b != false",
     {"bool[2]"},
     "%1 = const {value=0} : bool[2]\n%2 = ne %1, %0 : bool[2]" RETURN "2",
     "return y=%0"},
    {"not not b",
     {"bool[2]"},
     "%1 = not %0 : bool[2]\n%2 = not %1 : bool[2]" RETURN "2",
     "return y=%0"},
    {"not x = y",
     {F, F},
     "%2 = eq %0, %1 : bool[3]\n%3 = not %2 : bool[3]" RETURN "3",
     "%2 = ne %0, %1 : bool[3]" RETURN "2"},
    {"b and true",
     {"bool[2]"},
     "%1 = const {value=1} : bool[2]\n%2 = and %1, %0 : bool[2]\n%3 = and %2, %0 : bool[2]" RETURN
     "3",
     "return y=%0"},
    {"b or true",
     {"bool[2]"},
     "%1 = const {value=1} : bool[2]\n%2 = or %0, %1 : bool[2]" RETURN "2",
     "%1 = const {value=1} : bool[2]" RETURN "1"},
    // select
    {"select(false, x, y)",
     {F, F},
     "%2 = const {value=0} : bool[3]\n%3 = select %2, %0, %1 : " F RETURN "3",
     "return y=%1"},
    {"select(c, x, x)", {"bool[3]", F}, "%2 = select %0, %1, %1 : " F RETURN "2", "return y=%1"},
    {"select(not c, x, y)",
     {"bool[3]", F, F},
     "%3 = not %0 : bool[3]\n%4 = select %3, %1, %2 : " F RETURN "4",
     "%3 = select %0, %2, %1 : " F RETURN "3"},
    {"select(c, select(c, x, y), z)",
     {"bool[3]", F, F, F},
     "%4 = select %0, %1, %2 : " F "\n%5 = select %0, %4, %3 : " F RETURN "5",
     "%4 = select %0, %1, %3 : " F RETURN "4"},
    {"select(c, true, false)",
     {"bool[3]"},
     "%1 = const {value=1} : bool[3]\n%2 = const {value=0} : bool[3]\n%3 = select %0, %1, %2 : "
     "bool[3]" RETURN "3",
     "return y=%0"},
    // cast, stop_gradient, is_finite
    {"cast to same", {F}, "%1 = cast %0 : " F RETURN "1", "return y=%0"},
    {"cast of a constant",
     {NULL},
     "%0 = const {value=-1e10} : f32\n%1 = cast %0 : i32" RETURN "1",
     "%0 = const {value=-2147483648} : i32" RETURN "0"},
    {"cast back", {F}, "%1 = cast %0 : f64[3]\n%2 = cast %1 : " F RETURN "2", "return y=%0"},
    {"bool to i32 to f32",
     {"bool[2]"},
     "%1 = cast %0 : i32[2]\n%2 = cast %1 : f32[2]" RETURN "2",
     "%1 = cast %0 : f32[2]" RETURN "1"},
    {"saturating is not wrapping",
     {"i32[2]"},
     "%1 = cast %0 : f64[2]\n%2 = cast %1 : u8[2]" RETURN "2",
     "%1 = cast %0 : f64[2]\n%2 = cast %1 : u8[2]" RETURN "2"},
    {"narrow and back stays",
     {"f64[2]"},
     "%1 = cast %0 : f32[2]\n%2 = cast %1 : f64[2]" RETURN "2",
     "%1 = cast %0 : f32[2]\n%2 = cast %1 : f64[2]" RETURN "2"},
    {"stop of stop",
     {F},
     "%1 = stop_gradient %0 : " F "\n%2 = stop_gradient %1 : " F RETURN "2",
     "%1 = stop_gradient %0 : " F RETURN "1"},
    {"is_finite of a constant",
     {NULL},
     "%0 = const {value=inf} : f32\n%1 = is_finite %0 : bool" RETURN "1",
     "%0 = const {value=0} : bool" RETURN "0"},
    // movement
    {"moves of a constant",
     {NULL},
     "%0 = const {value=2} : f32\n%1 = broadcast %0 {axes=[]} : f32[4, 3]\n%2 = transpose %1 "
     "{axes=[1, 0]} : f32[3, 4]\n"
     "%3 = reshape %2 : f32[12]\n%4 = reverse %3 {axes=[0]} : f32[12]\n%5 = slice %4 {start=[1], "
     "limit=[9], stride=[2]} : f32[4]" RETURN "5",
     "%0 = const {value=2} : f32[4]" RETURN "0"},
    {"broadcast to same", {F}, "%1 = broadcast %0 {axes=[0]} : " F RETURN "1", "return y=%0"},
    {"broadcast of broadcast",
     {F},
     "%1 = broadcast %0 {axes=[1]} : f32[2, 3]\n%2 = broadcast %1 {axes=[0, 2]} : f32[2, 4, "
     "3]" RETURN "2",
     "%1 = broadcast %0 {axes=[2]} : f32[2, 4, 3]" RETURN "1"},
    {"broadcast of a unit axis",
     {F},
     "%1 = reshape %0 : f32[1, 3, 1]\n%2 = broadcast %1 {axes=[0, 1, 2]} : f32[2, 3, 4]" RETURN "2",
     "%1 = broadcast %0 {axes=[1]} : f32[2, 3, 4]" RETURN "1"},
    {"broadcast that is a reshape",
     {F},
     "%1 = broadcast %0 {axes=[1]} : f32[1, 3]" RETURN "1",
     "%1 = reshape %0 : f32[1, 3]" RETURN "1"},
    {"reshape of reshape",
     {"f32[2, 3]"},
     "%1 = reshape %0 : f32[6]\n%2 = reshape %1 : f32[2, 3]" RETURN "2",
     "return y=%0"},
    {"transpose of transpose",
     {"f32[2, 3, 4]"},
     "%1 = transpose %0 {axes=[2, 0, 1]} : f32[4, 2, 3]\n%2 = transpose %1 {axes=[1, 0, 2]} : "
     "f32[2, 4, 3]" RETURN "2",
     "%1 = transpose %0 {axes=[0, 2, 1]} : f32[2, 4, 3]" RETURN "1"},
    {"transpose of nothing",
     {"f32[2, 3]"},
     "%1 = transpose %0 {axes=[1, 0]} : f32[3, 2]\n%2 = transpose %1 {axes=[1, 0]} : f32[2, "
     "3]" RETURN "2",
     "return y=%0"},
    {"transpose of broadcast",
     {F},
     "%1 = broadcast %0 {axes=[0]} : f32[3, 2]\n%2 = transpose %1 {axes=[1, 0]} : f32[2, 3]" RETURN
     "2",
     "%1 = broadcast %0 {axes=[1]} : f32[2, 3]" RETURN "1"},
    {"transpose of unit axes",
     {"f32[1, 3, 2]"},
     "%1 = transpose %0 {axes=[1, 0, 2]} : f32[3, 1, 2]" RETURN "1",
     "%1 = reshape %0 : f32[3, 1, 2]" RETURN "1"},
    {"reverse of reverse",
     {"f32[2, 3]"},
     "%1 = reverse %0 {axes=[0, 1]} : f32[2, 3]\n%2 = reverse %1 {axes=[1]} : f32[2, 3]" RETURN "2",
     "%1 = reverse %0 {axes=[0]} : f32[2, 3]" RETURN "1"},
    {"reverse of unit axes",
     {"f32[1, 3]"},
     "%1 = reverse %0 {axes=[0]} : f32[1, 3]" RETURN "1",
     "return y=%0"},
    {"slice of everything",
     {F},
     "%1 = slice %0 {start=[0], limit=[3], stride=[1]} : " F RETURN "1",
     "return y=%0"},
    {"slice of slice",
     {"f32[20]"},
     "%1 = slice %0 {start=[1], limit=[20], stride=[3]} : f32[7]\n%2 = slice %1 {start=[1], "
     "limit=[6], stride=[2]} : f32[3]" RETURN "2",
     "%1 = slice %0 {start=[4], limit=[17], stride=[6]} : f32[3]" RETURN "1"},
    {"slice of its pad",
     {F},
     "%1 = pad %0 {lo=[2], hi=[1], interior=[1], value=0} : f32[8]\n%2 = slice %1 {start=[2], "
     "limit=[7], stride=[2]} : " F RETURN "2",
     "return y=%0"},
    {"slice of its pad, symbolic",
     {"f32[3, N]"},
     "%1 = pad %0 {lo=[0, 2], hi=[0, 1], interior=[0, 0], value=0} : f32[3, N + 3]\n%2 = slice %1 "
     "{start=[0, 2], limit=[3, N + 2], stride=[1, 1]} : f32[3, N]" RETURN "2",
     "return y=%0"},
    {"slice within pad",
     {F},
     "%1 = pad %0 {lo=[2], hi=[1], interior=[0], value=0} : f32[6]\n%2 = slice %1 {start=[3], "
     "limit=[5], stride=[1]} : f32[2]" RETURN "2",
     "%1 = slice %0 {start=[1], limit=[3], stride=[1]} : f32[2]" RETURN "1"},
    {"slice within concat",
     {F, "f32[4]"},
     "%2 = concat %0, %1 {axis=0} : f32[7]\n%3 = slice %2 {start=[4], limit=[6], stride=[1]} : "
     "f32[2]" RETURN "3",
     "%2 = slice %1 {start=[1], limit=[3], stride=[1]} : f32[2]" RETURN "2"},
    {"pad of nothing",
     {F},
     "%1 = pad %0 {lo=[0], hi=[0], interior=[0], value=7} : " F RETURN "1",
     "return y=%0"},
    {"pad of its constant",
     {NULL},
     "%0 = const {value=7} : " F
     "\n%1 = pad %0 {lo=[1], hi=[0], interior=[1], value=7} : f32[6]" RETURN "1",
     "%0 = const {value=7} : f32[6]" RETURN "0"},
    {"pad of pad",
     {F},
     "%1 = pad %0 {lo=[1], hi=[0], interior=[1], value=7} : f32[6]\n%2 = pad %1 {lo=[1], hi=[2], "
     "interior=[0], value=7} : f32[9]" RETURN "2",
     "%1 = pad %0 {lo=[2], hi=[2], interior=[1], value=7} : f32[9]" RETURN "1"},
    {"concat of one", {F}, "%1 = concat %0 {axis=0} : " F RETURN "1", "return y=%0"},
    {"concat of concat",
     {F, F},
     "%2 = concat %0, %1 {axis=0} : f32[6]\n%3 = concat %1, %2, %2 {axis=0} : f32[15]" RETURN "3",
     "%2 = concat %1, %0, %1, %0, %1 {axis=0} : f32[15]" RETURN "2"},
    {"concat of constants",
     {NULL},
     "%0 = const {value=7} : f32[2]\n%1 = const {value=7} : f32[3]\n%2 = concat %0, %1 {axis=0} : "
     "f32[5]" RETURN "2",
     "%0 = const {value=7} : f32[5]" RETURN "0"},
    // reduction
    {"reduce over no axes", {F}, "%1 = reduce_sum %0 {axes=[]} : " F RETURN "1", "return y=%0"},
    {"reduce over unit axes",
     {"f32[1, 3, 1]"},
     "%1 = reduce_max %0 {axes=[0, 2]} : " F RETURN "1",
     "%1 = reshape %0 : " F RETURN "1"},
    {"sum of a constant",
     {NULL},
     "%0 = const {value=0.25} : f32[3, 2]\n%1 = reduce_sum %0 {axes=[0, 1]} : f32" RETURN "1",
     "%0 = const {value=1.5} : f32" RETURN "0"},
    {"sum of a constant, inexact",
     {NULL},
     "%0 = const {value=0.10000000149011612} : f32[3]\n%1 = reduce_sum %0 {axes=[0]} : f32" RETURN
     "1",
     "%0 = const {value=0.10000000149011612} : f32[3]\n%1 = reduce_sum %0 {axes=[0]} : f32" RETURN
     "1"},
    {"sum of -x",
     {F},
     "%1 = neg %0 : " F "\n%2 = reduce_sum %1 {axes=[0]} : f32" RETURN "2",
     "%1 = reduce_sum %0 {axes=[0]} : f32\n%2 = neg %1 : f32" RETURN "2"},
    {"max of a constant",
     {NULL},
     "%0 = const {value=0.1} : f64[3]\n%1 = reduce_max %0 {axes=[0]} : f64" RETURN "1",
     "%0 = const {value=0.1} : f64" RETURN "0"},
    {"max of no constants",
     {NULL},
     "%0 = const {value=2} : f64[0]\n%1 = reduce_max %0 {axes=[0]} : f64" RETURN "1",
     "%0 = const {value=2} : f64[0]\n%1 = reduce_max %0 {axes=[0]} : f64" RETURN "1"},
    {"product of ones",
     {NULL},
     "%0 = const {value=1} : f64[3]\n%1 = reduce_prod %0 {axes=[0]} : f64" RETURN "1",
     "%0 = const {value=1} : f64" RETURN "0"},
    {"max of max",
     {"f32[2, 3, 4, 5]"},
     "%1 = reduce_max %0 {axes=[1]} : f32[2, 4, 5]\n%2 = reduce_max %1 {axes=[0, 2]} : "
     "f32[4]" RETURN "2",
     "%1 = reduce_max %0 {axes=[0, 1, 3]} : f32[4]" RETURN "1"},
    {"index of a unit axis",
     {"f32[1, 2]"},
     "%1 = argmax %0 {axis=0} : i32[2]\n%2 = iota {axis=0} : i32[1]\n%3 = reshape %2 : i32\n"
     "%4 = broadcast %3 {axes=[]} : i32[2]\n%5 = add %1, %4 : i32[2]" RETURN "5",
     "%1 = const {value=0} : i32[2]" RETURN "1"},
    // what autodiff makes of a mean
    {"gradient of a mean",
     {F},
     "%1 = const {value=0.25} : f32\n%2 = broadcast %1 {axes=[]} : " F "\n%3 = const {value=1} : " F
     "\n"
     "%4 = mul %3, %2 : " F "\n%5 = mul %4, %0 : " F RETURN "5",
     "%1 = const {value=0.25} : " F "\n%2 = mul %0, %1 : " F RETURN "2"},
};

// "graph @case { inputs lines }"
static dn_graph *graph_with(dn_dims *dims, const rule_case *c, const char *lines) {
    dn_str text = {0};
    dn_str_puts(&text, "graph @case {\n");
    for (int i = 0; i < 4 && c->inputs[i]; i++)
        dn_str_printf(&text, "%%%d = input {index=%d, name=\"x%d\"} : %s\n", i, i, i, c->inputs[i]);
    dn_str_printf(&text, "%s\n}\n", lines);
    dn_graph *graph = parse_graph(dims, text.text);
    free(text.text);
    return graph;
}

static bool executable(const dn_graph *graph) {
    dn_status status = dn_graph_verify(graph, true);
    bool ok = !status;
    dn_status_free(status);
    return ok;
}

static void test_rule(const rule_case *c) {
    dn_dims *dims = dn_dims_new();
    dice d = {.stream = {.seed = 11}};
    dn_graph *before = graph_with(dims, c, c->before), *want = graph_with(dims, c, c->after);
    dn_graph *after = dn_simplify(before), *again = dn_simplify(after);
    bool equal = dn_graph_equal(after, want);
    CHECK(equal, "%s", c->name);
    if (!equal) show("got", after);
    CHECK(dn_graph_equal(after, again), "%s: not at rest", c->name);
    CHECK_OK(dn_graph_verify(after, false));
    if (executable(before)) CHECK(same_meaning(before, after, &d), "%s: another result", c->name);
    dn_graph_free(before);
    dn_graph_free(want);
    dn_graph_free(after);
    dn_graph_free(again);
    dn_dims_free(dims);
}

// ---- inputs, variables, updates -------------------------------------------------------------

static void test_leaves_stay(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = var {index=0, name=\"unused\"} : f32\n"
                                  "%1 = input {index=0, name=\"a\"} : f32\n"
                                  "%2 = input {index=1, name=\"b\"} : f32\n"
                                  "%3 = var {index=1, name=\"w\"} : f32\n"
                                  "%4 = const {value=1} : f32\n"
                                  "%5 = mul %3, %4 : f32\n"
                                  "%6 = exp %5 : f32\n"
                                  "return y=%2\n"
                                  "update \"w\"=%5\n}");
    dn_graph *after = dn_simplify(graph);
    CHECK_OK(dn_graph_verify(after, true));
    CHECK(after->n_inputs == 2 && strcmp(after->inputs[1].name, "b") == 0);
    CHECK(after->n_vars == 2 && strcmp(after->vars[1].name, "w") == 0);
    CHECK(after->outputs[0].node == after->inputs[1].node);
    CHECK(after->n_updates == 1 && after->updates[0].var == 1);
    CHECK(after->updates[0].node->op == DN_OP_VAR && after->n_nodes == 4);
    dn_graph_free(graph);
    dn_graph_free(after);
    dn_dims_free(dims);
}

// D(fake) and D(stop_gradient(fake)) are one once stops are erased.
static void test_erase_stops(void) {
    dn_dims *dims = dn_dims_new();
    dn_graph *graph = parse_graph(dims,
                                  "graph @g {\n"
                                  "%0 = input {index=0, name=\"x\"} : f32\n"
                                  "%1 = stop_gradient %0 : f32\n"
                                  "%2 = exp %0 : f32\n"
                                  "%3 = exp %1 : f32\n"
                                  "%4 = mul %2, %3 : f32\n"
                                  "return y=%4\n}");
    dn_graph *want = parse_graph(dims,
                                 "graph @g {\n"
                                 "%0 = input {index=0, name=\"x\"} : f32\n"
                                 "%1 = exp %0 : f32\n"
                                 "%2 = mul %1, %1 : f32\n"
                                 "return y=%2\n}");
    dn_graph *after = dn_erase_stops(graph);
    CHECK(dn_graph_equal(after, want));
    dn_graph_free(graph);
    dn_graph_free(want);
    dn_graph_free(after);
    dn_dims_free(dims);
}

// ---- random graphs --------------------------------------------------------------------------
// Nodes are picked from those made so far; what does not fit is not made. Division goes by what is
// never -0, because the sign of a zero may differ and 1/0 would tell.

enum { POOL = 40, MAX_ELEMENTS = 120 };

typedef struct maker {
    dn_graph *graph;
    dice d;
    dn_node *pool[POOL];
    int n;
} maker;

static dn_node *any(maker *m) { return m->pool[pick(&m->d, m->n)]; }

static dn_node *keep(maker *m, dn_node *node) {
    if (node && m->n < POOL) m->pool[m->n++] = node;
    return node;
}

static dn_node *try_op(maker *m, dn_op op, dn_node *const *in, int n_in, const dn_attr_value *attrs,
                       int n_attrs, const dn_type *type) {
    dn_node *out = NULL;
    dn_status status = dn_graph_op(m->graph, op, in, n_in, attrs, n_attrs, type, &out);
    if (status) {
        dn_status_free(status);
        return NULL;
    }
    bool small = dn_type_elements(m->graph->dims, &out->type) <= MAX_ELEMENTS;
    return small ? keep(m, out) : NULL;
}

static dn_node *some_const(maker *m, const dn_type *type) {
    static const double floats[] = {0, 1, -1, 2, 0.5, 3, -0.0, 0.1, INFINITY, -4, 1e30};
    static const double ints[] = {0, 1, -1, 2, 7, 2147483647, -2147483648.0};
    double value = dn_dtype_is_float(type->dtype) ? floats[pick(&m->d, 11)] : ints[pick(&m->d, 7)];
    if (type->dtype == DN_U8) value = (double[]){0, 1, 2, 255}[pick(&m->d, 4)];
    if (type->dtype == DN_BOOL) value = pick(&m->d, 2);
    dn_attr_value attr = dn_attr_number(DN_ATTR_VALUE, value);
    return try_op(m, DN_OP_CONST, NULL, 0, &attr, 1, type);
}

// A node of x's type: x itself, another, or a constant.
static dn_node *partner(maker *m, dn_node *x) {
    for (int i = 0; i < 10; i++) {
        dn_node *y = any(m);
        if (dn_type_equal(&x->type, &y->type)) return y;
    }
    return some_const(m, &x->type);
}

static void make_unary(maker *m) {
    dn_op op = (dn_op)pick(&m->d, DN_OP_COUNT);
    dn_node *x = any(m);
    if (dn_op_get(op)->class != DN_CLASS_UNARY) op = DN_OP_NEG;
    bool positive = op == DN_OP_LOG || op == DN_OP_SQRT || op == DN_OP_RSQRT;
    if (positive) x = try_op(m, DN_OP_ABS, &x, 1, NULL, 0, NULL);
    if (x) try_op(m, op, &x, 1, NULL, 0, NULL);
}

static void make_binary(maker *m) {
    dn_op op = (dn_op)(DN_OP_ADD + pick(&m->d, DN_OP_OR - DN_OP_ADD + 1));
    dn_node *in[] = {any(m), NULL};
    if (op == DN_OP_POW) in[0] = try_op(m, DN_OP_ABS, in, 1, NULL, 0, NULL);
    if (!in[0]) return;
    in[1] = partner(m, in[0]);
    if (op == DN_OP_DIV && in[1] && dn_dtype_is_float(in[1]->type.dtype) &&
        (in[1]->op != DN_OP_CONST || dn_node_number(in[1], DN_ATTR_VALUE) == 0))
        in[1] = try_op(m, DN_OP_EXP, in + 1, 1, NULL, 0, NULL);
    if (in[1]) try_op(m, op, in, 2, NULL, 0, NULL);
}

static void make_select(maker *m) {
    dn_node *x = any(m), *y = partner(m, x);
    dn_type type = x->type;
    type.dtype = DN_BOOL;
    dn_node *c = try_op(m, DN_OP_CAST, (dn_node *[]){partner(m, x)}, 1, NULL, 0, &type);
    if (c && y) try_op(m, DN_OP_SELECT, (dn_node *[]){c, x, y}, 3, NULL, 0, NULL);
}

static void make_cast(maker *m) {
    dn_node *x = any(m);
    dn_type type = x->type;
    type.dtype = (dn_dtype)pick(&m->d, DN_DTYPE_COUNT);
    try_op(m, DN_OP_CAST, &x, 1, NULL, 0, &type);
}

static void make_broadcast(maker *m) {
    dn_node *x = any(m);
    dn_type to = {.dtype = x->type.dtype};
    dn_dim axes[DN_MAX_RANK] = {0};
    for (int i = 0; i <= x->type.rank && to.rank < 5; i++) {
        while (pick(&m->d, 3) == 0 && to.rank < 5) to.dims[to.rank++] = 1 + pick(&m->d, 3);
        if (i == x->type.rank) break;
        axes[i] = to.rank;
        dn_dim size = x->type.dims[i];
        to.dims[to.rank++] = size == 1 && pick(&m->d, 2) ? 1 + pick(&m->d, 3) : size;
    }
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, x->type.rank, axes);
    try_op(m, DN_OP_BROADCAST, &x, 1, &attr, 1, &to);
}

static void make_reshape(maker *m) {
    dn_node *x = any(m);
    dn_type to = {.dtype = x->type.dtype};
    int64_t left = dn_type_elements(m->graph->dims, &x->type);
    if (left == 0) return;
    for (int i = 0; i < 3; i++) {
        int64_t factor = 1 + pick(&m->d, 4);
        if (left % factor) continue;
        to.dims[to.rank++] = factor;
        left /= factor;
    }
    if (left > 1 || pick(&m->d, 3) == 0) to.dims[to.rank++] = left;
    try_op(m, DN_OP_RESHAPE, &x, 1, NULL, 0, &to);
}

static void make_transpose(maker *m) {
    dn_node *x = any(m);
    dn_dim axes[DN_MAX_RANK] = {0};
    for (int i = 0; i < x->type.rank; i++) {
        int k = pick(&m->d, i + 1);
        axes[i] = axes[k];
        axes[k] = i;
    }
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, x->type.rank, axes);
    try_op(m, DN_OP_TRANSPOSE, &x, 1, &attr, 1, NULL);
}

static void make_slice(maker *m) {
    dn_node *x = any(m);
    int rank = x->type.rank;
    dn_dim start[DN_MAX_RANK], limit[DN_MAX_RANK], stride[DN_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        int size = (int)x->type.dims[i];
        bool whole = pick(&m->d, 2) || size == 0;
        start[i] = whole ? 0 : pick(&m->d, size);
        limit[i] = whole ? size : start[i] + 1 + pick(&m->d, size - (int)start[i]);
        stride[i] = 1 + (pick(&m->d, 3) == 0);
    }
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_START, rank, start),
                             dn_attr_dims(DN_ATTR_LIMIT, rank, limit),
                             dn_attr_dims(DN_ATTR_STRIDE, rank, stride)};
    try_op(m, DN_OP_SLICE, &x, 1, attrs, 3, NULL);
}

static void make_pad(maker *m) {
    dn_node *x = any(m);
    int rank = x->type.rank;
    dn_dim lo[DN_MAX_RANK], hi[DN_MAX_RANK], interior[DN_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        lo[i] = pick(&m->d, 2);
        hi[i] = pick(&m->d, 2);
        interior[i] = pick(&m->d, 3) == 0;
    }
    dn_attr_value attrs[] = {dn_attr_dims(DN_ATTR_LO, rank, lo), dn_attr_dims(DN_ATTR_HI, rank, hi),
                             dn_attr_dims(DN_ATTR_INTERIOR, rank, interior),
                             dn_attr_number(DN_ATTR_VALUE, pick(&m->d, 2))};
    try_op(m, DN_OP_PAD, &x, 1, attrs, 4, NULL);
}

static void make_concat(maker *m) {
    dn_node *x = any(m);
    if (x->type.rank == 0) return;
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, pick(&m->d, x->type.rank));
    dn_node *in[] = {x, any(m), partner(m, x)};
    if (in[2] && !try_op(m, DN_OP_CONCAT, in, 1 + pick(&m->d, 3), &attr, 1, NULL)) {
        in[1] = in[2];
        try_op(m, DN_OP_CONCAT, in, 2, &attr, 1, NULL);
    }
}

// One of an op with a list of axes: each axis or not.
static void make_with_axes(maker *m) {
    static const dn_op ops[] = {DN_OP_REDUCE_SUM, DN_OP_REDUCE_MAX, DN_OP_REDUCE_MIN, DN_OP_REVERSE,
                                DN_OP_REDUCE_SUM};
    dn_node *x = any(m);
    dn_dim axes[DN_MAX_RANK];
    int count = 0;
    for (int i = 0; i < x->type.rank; i++)
        if (pick(&m->d, 2)) axes[count++] = i;
    dn_attr_value attr = dn_attr_dims(DN_ATTR_AXES, count, axes);
    try_op(m, ops[pick(&m->d, 5)], &x, 1, &attr, 1, NULL);
}

static void make_index(maker *m) {
    dn_node *x = any(m);
    if (x->type.rank == 0) return;
    dn_attr_value attr = dn_attr_int(DN_ATTR_AXIS, pick(&m->d, x->type.rank));
    dn_op op = (dn_op[]){DN_OP_IOTA, DN_OP_ARGMAX, DN_OP_ARGMIN}[pick(&m->d, 3)];
    if (op == DN_OP_IOTA)
        try_op(m, op, NULL, 0, &attr, 1, &x->type);
    else
        try_op(m, op, &x, 1, &attr, 1, NULL);
}

static void make_dot(maker *m) {
    dn_node *in[] = {any(m), any(m)};
    if (in[0]->type.rank == 0 || in[1]->type.rank == 0) return;
    dn_dim a = pick(&m->d, in[0]->type.rank), b = pick(&m->d, in[1]->type.rank);
    dn_attr_value attrs[] = {
        dn_attr_dims(DN_ATTR_LHS_BATCH, 0, NULL), dn_attr_dims(DN_ATTR_RHS_BATCH, 0, NULL),
        dn_attr_dims(DN_ATTR_LHS_CONTRACT, 1, &a), dn_attr_dims(DN_ATTR_RHS_CONTRACT, 1, &b)};
    try_op(m, DN_OP_DOT, in, 2, attrs, 4, NULL);
}

static void make_const(maker *m) {
    dn_type type = any(m)->type;
    some_const(m, &type);
}

static void (*const makers[])(maker *m) = {
    make_unary,     make_unary,     make_unary, make_binary, make_binary, make_binary,
    make_binary,    make_const,     make_const, make_select, make_cast,   make_broadcast,
    make_reshape,   make_transpose, make_slice, make_pad,    make_concat, make_with_axes,
    make_with_axes, make_index,     make_dot,
};

static void make_inputs(maker *m) {
    static const dn_dtype dtypes[] = {DN_F32, DN_F32, DN_F64, DN_I32, DN_BOOL, DN_U8};
    static const dn_dim sizes[][3] = {{3, 2, 1}, {4, 3, 2}, {1, 3, 3}, {2, 2, 4}};
    char name[16];
    for (int i = 0; i < 4; i++) {
        dn_type type = dn_type_of(dtypes[pick(&m->d, 6)], pick(&m->d, 4), sizes[pick(&m->d, 4)]);
        snprintf(name, sizeof name, "x%d", i);
        keep(m, dn_graph_input(m->graph, name, type));
    }
}

// Outputs, and for some graphs the gradient of one of them in all inputs.
static void choose_outputs(maker *m) {
    dn_node *out[12], *wrt[4];
    int n = 0;
    for (; n < 6; n++) out[n] = any(m);
    for (int i = 0; i < 4; i++) wrt[i] = m->graph->inputs[i].node;
    if (dn_dtype_is_float(out[0]->type.dtype)) {
        dn_node *loss = sum_all(m->graph, out[0]);
        CHECK_OK(dn_autodiff(m->graph, loss, wrt, 4, out + n, NULL, NULL));
        n += 4;
    }
    set_outputs(m->graph, out, n);
}

static bool test_random(uint64_t seed) {
    dn_dims *dims = dn_dims_new();
    maker m = {.graph = dn_graph_new(dims, "random"), .d = {.stream = {.seed = seed}}};
    make_inputs(&m);
    for (int i = 0; i < 60 && m.n < POOL; i++)
        makers[pick(&m.d, sizeof makers / sizeof *makers)](&m);
    choose_outputs(&m);
    dn_graph *after = dn_simplify(m.graph), *again = dn_simplify(after);
    dn_status status = dn_graph_verify(after, true);
    bool ok = !status && same_meaning(m.graph, after, &m.d) && dn_graph_equal(after, again);
    CHECK(ok, "seed %d: %s", (int)seed, status ? dn_status_message(status) : "not the same");
    dn_status_free(status);
    if (!ok) {
        show("before", m.graph);
        show("after", after);
        show("again", again);
    }
    dn_graph_free(m.graph);
    dn_graph_free(after);
    dn_graph_free(again);
    dn_dims_free(dims);
    return ok;
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 4000, failed = 0;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) test_rule(&rules[i]);
    test_leaves_stay();
    test_erase_stops();
    for (int seed = 1; seed <= count && failed < 3; seed++) failed += !test_random((uint64_t)seed);
    return CHECK_RESULT();
}
