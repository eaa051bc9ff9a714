"""Writes golden/ops.txt: what every op of the interpreter has to give, by numpy, torch and mpmath.

    build/venv/bin/python tests/interp/golden.py

A case is

    case NAME [as-is]
    in TYPE: elements
    out TYPE: elements
    graph @NAME { ... }

interp_golden_test.c runs each in f64 and, unless it is `as-is`, with every f64 replaced by f32 and by
bf16. Inputs are multiples of 1/16, so they are the same numbers in all of them.
"""

import itertools
import os

import ml_dtypes
import mpmath
import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(28)
out_file = None

DTYPES = {"float64": "f64", "float32": "f32", "int64": "i64", "int32": "i32", "uint8": "u8", "bool": "bool",
          "bfloat16": "bf16"}


def typ(a):
    name = DTYPES[a.dtype.name]
    return name + ("[" + ", ".join(str(d) for d in a.shape) + "]" if a.ndim else "")


def element(v):
    if isinstance(v, (bool, np.bool_)):
        return "1" if v else "0"
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    text = repr(float(v))
    return text[:-2] if text.endswith(".0") else text


def tensor(kind, a):
    return f"{kind} {typ(a)}: " + " ".join(element(v) for v in a.ravel().tolist()) + "\n"


def case(name, inputs, lines, outputs, as_is=False):
    """lines: 'op %0, %1 {attrs}' strings; node numbers follow the inputs; the last len(outputs)
    nodes are the outputs. Each line's type comes from `outputs` or is given as (text, type)."""
    inputs = [np.asarray(a) for a in inputs]
    outputs = [np.asarray(a) for a in outputs]
    out_file.write(f"case {name}{' as-is' if as_is else ''}\n")
    for a in inputs:
        out_file.write(tensor("in", a))
    for a in outputs:
        out_file.write(tensor("out", a))
    out_file.write(f"graph @{name} {{\n")
    for i, a in enumerate(inputs):
        out_file.write(f'  %{i} = input {{index={i}, name="x{i}"}} : {typ(a)}\n')
    first = len(inputs) + len(lines) - len(outputs)
    for i, line in enumerate(lines):
        n = len(inputs) + i
        text, t = line if isinstance(line, tuple) else (line, typ(outputs[n - first]))
        out_file.write(f"  %{n} = {text} : {t}\n")
    results = ", ".join(f"y{i}=%{first + i}" for i in range(len(outputs)))
    out_file.write(f"  return {results}\n}}\n")


def values(*shape, low=-3, high=3):
    return rng.integers(low * 16, high * 16, size=shape, endpoint=True) / 16.0


def ints(dtype, *shape, low=-9, high=9):
    return rng.integers(low, high, size=shape, endpoint=True).astype(dtype)


def dims(d):
    return "[" + ", ".join(str(i) for i in d) + "]"


# ---- elementwise ----

def exact(f):
    """A function of mpmath on arrays, to 40 digits."""
    mpmath.mp.dps = 40
    return np.vectorize(lambda v: float(f(mpmath.mpf(float(v)))), otypes=[np.float64])


def unary():
    x = np.concatenate([values(33), [0.0, -0.0, 2.5, -2.5, 0.5, 1.5, 60.0, -60.0]])
    positive = np.concatenate([values(30, low=0, high=9) + 1 / 16, [1e-3 * 1024 / 1000, 1.0, 4096.0]])
    everywhere = {
        "neg": np.negative, "abs": np.abs, "sign": np.sign, "exp": exact(mpmath.exp),
        "expm1": exact(mpmath.expm1), "sin": exact(mpmath.sin), "cos": exact(mpmath.cos),
        "tanh": exact(mpmath.tanh), "sigmoid": exact(lambda v: 1 / (1 + mpmath.exp(-v))),
        "erf": exact(mpmath.erf), "floor": np.floor, "ceil": np.ceil, "round": np.round,
        "stop_gradient": lambda v: v,
    }
    positive_only = {
        "log": exact(mpmath.log), "log1p": exact(mpmath.log1p), "sqrt": np.sqrt,
        "rsqrt": exact(lambda v: 1 / mpmath.sqrt(v)),
    }
    for name, f in everywhere.items():
        case(name, [x], [f"{name} %0"], [f(x) + 0.0])
    for name, f in positive_only.items():
        case(name, [positive], [f"{name} %0"], [f(positive)])
    special = np.array([np.nan, np.inf, -np.inf, 0.0])
    case("exp_special", [special], ["exp %0"], [np.array([np.nan, np.inf, 0, 1])])
    case("sign_nan", [special], ["sign %0"], [np.array([0.0, 1, -1, 0])])
    case("is_finite", [special], ["is_finite %0"], [np.isfinite(special)])
    b = np.array([True, False, True])
    case("not", [b], ["not %0"], [~b])
    case("stop_gradient_bool", [b], ["stop_gradient %0"], [b])


def binary():
    x, y = values(9, 7), values(9, 7)
    y[y == 0] = 0.5
    x[0, :3] = y[0, :3]
    arithmetic = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
                  "rem": np.fmod, "max": np.maximum, "min": np.minimum}
    compare = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
               "gt": np.greater, "ge": np.greater_equal}
    for name, f in {**arithmetic, **compare}.items():
        case(name, [x, y], [f"{name} %0, %1"], [f(x, y)])
    special = np.array([np.nan, 1.0, np.inf, -np.inf, np.nan, 0.0])
    other = np.array([1.0, np.nan, 1.0, 1.0, np.nan, 0.0])
    for name in ["max", "min", "eq", "ne", "lt", "ge"]:
        f = {**arithmetic, **compare}[name]
        case(name + "_special", [special, other], [f"{name} %0, %1"], [f(special, other)])
    p = np.abs(x) + 1 / 16
    case("pow", [p, y], ["pow %0, %1"],
         [np.vectorize(lambda a, b: float(mpmath.power(a, b)))(p, y)])
    c = rng.integers(0, 2, size=(9, 7)).astype(bool)
    d = rng.integers(0, 2, size=(9, 7)).astype(bool)
    case("and", [c, d], ["and %0, %1"], [c & d])
    case("or", [c, d], ["or %0, %1"], [c | d])
    case("eq_bool", [c, d], ["eq %0, %1"], [c == d])
    case("select", [c, x, y], ["select %0, %1, %2"], [np.where(c, x, y)])
    i, j = ints(np.int64, 9, 7), ints(np.int64, 9, 7)
    case("select_i64", [c, i, j], ["select %0, %1, %2"], [np.where(c, i, j)])
    i, j = ints(np.uint8, 9, 7, low=0), ints(np.uint8, 9, 7, low=0)
    case("select_u8", [c, i, j], ["select %0, %1, %2"], [np.where(c, i, j)])


def trunc_div(a, b, low):
    if b == 0:
        return 0
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def integer():
    for dtype, bits, signed in [(np.uint8, 8, False), (np.int32, 32, True), (np.int64, 64, True)]:
        name = DTYPES[np.dtype(dtype).name]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, 255)
        edge = [low, high, 0, 1, 2, 7] + ([-1, -7] if signed else [200])
        pairs = list(itertools.product(edge, edge))
        wrap = lambda v: (v - low) % (1 << bits) + low
        x = np.array([a for a, _ in pairs], dtype=dtype)
        y = np.array([b for _, b in pairs], dtype=dtype)
        rem = lambda a, b: a - b * trunc_div(a, b, low) if b else 0
        for op, f in {"add": lambda a, b: a + b, "sub": lambda a, b: a - b,
                      "mul": lambda a, b: a * b, "div": lambda a, b: trunc_div(a, b, low),
                      "rem": rem, "max": max, "min": min}.items():
            z = np.array([wrap(f(a, b)) for a, b in pairs], dtype=dtype)
            case(f"{op}_{name}", [x, y], [f"{op} %0, %1"], [z], as_is=True)
        case(f"lt_{name}", [x, y], ["lt %0, %1"], [x < y], as_is=True)
        one = np.array(edge, dtype=dtype)
        for op, f in {"neg": lambda a: -a, "abs": abs, "sign": lambda a: (a > 0) - (a < 0)}.items():
            z = np.array([wrap(f(a)) for a in edge], dtype=dtype)
            case(f"{op}_{name}", [one], [f"{op} %0"], [z], as_is=True)


def casts():
    x = np.array([0, -0.5, 0.5, 1.5, -1.5, 255, 255.75, 256, 300, -1, 2**31, 2**31 - 128.0, -2.0**31,
                  -2.0**31 - 256, 1e30, -1e30, np.inf, -np.inf, np.nan, 2.0**63, -2.0**63, 2.0**62])
    limits = {np.uint8: (0, 255), np.int32: (-2**31, 2**31 - 1), np.int64: (-2**63, 2**63 - 1)}

    def saturate(v, dtype):
        low, high = limits[dtype]
        if v != v:
            return 0
        return high if v >= high else low if v <= low else int(v)

    for dtype in limits:
        y = np.array([saturate(v, dtype) for v in x.tolist()], dtype=dtype)
        case("cast_float_" + DTYPES[np.dtype(dtype).name], [x], ["cast %0"], [y])
    case("cast_float_bool", [x], ["cast %0"], [x != 0])
    wide = np.array([-2**40 + 3, 2**40 + 200, -1, 0, 1, 255, 256, 2**31, 2**53 + 1])
    for dtype in [np.uint8, np.int32, bool]:
        case("cast_i64_" + DTYPES[np.dtype(dtype).name], [wide], ["cast %0"], [wide.astype(dtype)], as_is=True)
    case("cast_i64_f64", [wide], ["cast %0"], [wide.astype(np.float64)], as_is=True)
    case("cast_i64_f32", [wide], ["cast %0"], [wide.astype(np.float32)], as_is=True)
    b = np.array([True, False])
    for dtype in [np.uint8, np.int32, np.int64, np.float64, bool]:
        case("cast_bool_" + DTYPES[np.dtype(dtype).name], [b], ["cast %0"], [b.astype(dtype)], as_is=True)
    v = values(11)
    case("cast_f64_f32", [v], ["cast %0"], [v.astype(np.float32)], as_is=True)
    case("cast_f32_f64", [v.astype(np.float32)], ["cast %0"], [v], as_is=True)
    case("cast_same", [v], ["cast %0"], [v])


# ---- leaves and movement ----

def leaves():
    case("const", [], ["const {value=0.375}"], [np.full((3, 5), 0.375)])
    case("const_scalar", [], ["const {value=-2}"], [np.float64(-2)])
    case("const_i64", [], ["const {value=-7}"], [np.full((4,), -7, dtype=np.int64)], as_is=True)
    case("const_bool", [], ["const {value=1}"], [np.full((2, 2), True)])
    case("iota_0", [], ["iota {axis=0}"], [np.broadcast_to(np.arange(4.0)[:, None], (4, 3))])
    case("iota_1", [], ["iota {axis=1}"],
         [np.broadcast_to(np.arange(3, dtype=np.int32)[None, :, None], (2, 3, 5))])
    case("iota_u8", [], ["iota {axis=0}"], [np.arange(300).astype(np.float64)[:7].astype(np.uint8)])


def movement():
    x = values(3, 4, 5)
    for axes in itertools.permutations(range(3)):
        case("transpose_" + "".join(map(str, axes)), [x], [f"transpose %0 {{axes={dims(axes)}}}"],
             [x.transpose(axes)])
    y = values(2, 3, 2, 3, 2)
    case("transpose_5d", [y], ["transpose %0 {axes=[4, 2, 0, 3, 1]}"], [y.transpose(4, 2, 0, 3, 1)])
    for dtype in [np.uint8, np.int64]:
        z = ints(dtype, 19, 21, low=0)
        case("transpose_" + DTYPES[np.dtype(dtype).name], [z], ["transpose %0 {axes=[1, 0]}"], [z.T])
    case("reshape", [x], ["reshape %0"], [x.reshape(5, 12)])
    case("reshape_scalar", [x[:1, :1, :1]], ["reshape %0"], [x[0, 0, 0]])

    def broadcast(name, a, axes, shape):
        full = np.ones(len(shape), dtype=int)
        for i, axis in enumerate(axes):
            full[axis] = a.shape[i]
        case("broadcast_" + name, [a], [f"broadcast %0 {{axes={dims(axes)}}}"],
             [np.broadcast_to(a.reshape(full), shape)])

    broadcast("scalar", np.float64(1.25), [], (3, 4))
    broadcast("bias", values(5), [2], (3, 4, 5))
    broadcast("leading", values(3), [0], (3, 4, 5))
    broadcast("middle", values(4), [1], (3, 4, 5))
    broadcast("ones", values(3, 1, 5), [0, 1, 2], (3, 4, 5))
    broadcast("one_bias", values(1, 1, 5), [0, 1, 2], (3, 4, 5))
    broadcast("two", values(3, 5), [0, 2], (3, 4, 5))
    broadcast("same", values(3, 5), [0, 1], (3, 5))
    broadcast("new_one", values(3, 5), [0, 2], (3, 1, 5))
    broadcast("u8", ints(np.uint8, 3, low=0), [0], (3, 2))

    case("slice", [x], ["slice %0 {start=[1, 0, 2], limit=[3, 4, 5], stride=[1, 2, 1]}"], [x[1:3, 0:4:2, 2:5]])
    case("slice_stride", [x], ["slice %0 {start=[0, 1, 0], limit=[3, 4, 5], stride=[2, 2, 3]}"],
         [x[0:3:2, 1:4:2, 0:5:3]])
    case("slice_empty", [x], ["slice %0 {start=[1, 4, 0], limit=[3, 4, 5], stride=[1, 1, 1]}"], [x[1:3, 4:4]])

    def pad(name, a, lo, hi, interior, value):
        shape = [l + h + (n + (n - 1) * k if n else 0) for l, h, n, k in zip(lo, hi, a.shape, interior)]
        z = np.full(shape, value, dtype=a.dtype)
        if a.size:
            z[tuple(slice(l, l + (n - 1) * (k + 1) + 1, k + 1) for l, n, k in zip(lo, a.shape, interior))] = a
        case("pad_" + name, [a], [f"pad %0 {{lo={dims(lo)}, hi={dims(hi)}, interior={dims(interior)}, value={value}}}"], [z])

    pad("plain", x, [1, 0, 2], [0, 3, 1], [0, 0, 0], 0.5)
    pad("interior", x, [0, 1, 0], [1, 0, 0], [1, 0, 2], -1)
    pad("none", x, [0, 0, 0], [0, 0, 0], [0, 0, 0], 7)
    pad("i32", ints(np.int32, 3), [2], [1], [1], 5)
    pad("empty", np.zeros((0, 3)), [1, 1], [1, 0], [0, 1], 2)

    a, b, c = values(2, 3, 4), values(2, 1, 4), values(2, 2, 4)
    case("concat_1", [a, b, c], ["concat %0, %1, %2 {axis=1}"], [np.concatenate([a, b, c], 1)])
    d = values(5, 3, 4)
    case("concat_0", [a, d], ["concat %0, %1 {axis=0}"], [np.concatenate([a, d], 0)])
    case("concat_2", [a, a], ["concat %0, %1 {axis=2}"], [np.concatenate([a, a], 2)])
    case("concat_single", [a], ["concat %0 {axis=2}"], [a])
    case("reverse_0", [x], ["reverse %0 {axes=[0]}"], [x[::-1]])
    case("reverse_02", [x], ["reverse %0 {axes=[0, 2]}"], [x[::-1, :, ::-1]])
    case("reverse_1", [x], ["reverse %0 {axes=[1]}"], [x[:, ::-1]])
    case("reverse_none", [x], ["reverse %0 {axes=[]}"], [x])


def windows():
    def window(name, x, kernel, stride, dilation):
        n = len(kernel)
        out = [(s - (k - 1) * d - 1) // t + 1 for s, k, t, d in zip(x.shape[1:], kernel, stride, dilation)]
        y = np.zeros([x.shape[0], *out, *kernel, x.shape[-1]])
        back = np.zeros_like(x)
        u = values(*y.shape)
        for o in itertools.product(*map(range, out)):
            for k in itertools.product(*map(range, kernel)):
                at = tuple(o[i] * stride[i] + k[i] * dilation[i] for i in range(n))
                y[(slice(None), *o, *k)] = x[(slice(None), *at)]
                back[(slice(None), *at)] += u[(slice(None), *o, *k)]
        attrs = f"{{kernel={dims(kernel)}, stride={dims(stride)}, dilation={dims(dilation)}}}"
        case("window_" + name, [x], [f"window %0 {attrs}"], [y])
        case("window_sum_" + name, [u], [f"window_sum %0 {attrs}"], [back])

    window("1d", values(2, 9, 2), [3], [2], [2])
    window("2d", values(2, 6, 5, 2), [3, 2], [2, 1], [1, 2])
    window("2d_gap", values(1, 7, 7, 1), [2, 2], [3, 3], [1, 1])
    window("3d", values(1, 4, 5, 3, 2), [2, 3, 2], [1, 2, 1], [1, 1, 1])


def indices():
    x = values(7, 3, 2)
    i = np.array([[0, 6, 3], [2, 2, 5]])
    u = values(2, 3, 3, 2)
    back = np.zeros_like(x)
    for a in itertools.product(range(2), range(3)):
        back[i[a]] += u[a]
    for dtype in [np.int32, np.int64]:
        name = DTYPES[np.dtype(dtype).name]
        case("gather_" + name, [x, i.astype(dtype)], ["gather %0, %1"], [x[i]])
        case("scatter_add_" + name, [i.astype(dtype), u], ["scatter_add %0, %1"], [back])
    case("gather_scalar", [x, np.int32(4)], ["gather %0, %1"], [x[4]])
    v = values(9)
    case("gather_elements", [v, np.array([8, 0, 0], dtype=np.int32)], ["gather %0, %1"], [v[[8, 0, 0]]])
    case("gather_none", [v, np.zeros((0,), dtype=np.int32)], ["gather %0, %1"], [v[:0]])
    w = ints(np.uint8, 4, low=100, high=200)
    z = np.zeros(3, dtype=np.uint8)
    for k, e in zip([1, 1, 2, 1], w):
        z[k] += e
    case("scatter_add_u8", [np.array([1, 1, 2, 1], dtype=np.int32), w], ["scatter_add %0, %1"], [z])


# ---- reductions ----

def reductions():
    x = values(2, 3, 4, 5)
    some = values(2, 3, 4, 5, low=0, high=1) + 0.5
    for n in range(5):
        for axes in itertools.combinations(range(4), n):
            name = "".join(map(str, axes)) or "none"
            case(f"reduce_{name}", [x, some],
                 [f"reduce_sum %0 {{axes={dims(axes)}}}", f"reduce_max %0 {{axes={dims(axes)}}}",
                  f"reduce_min %0 {{axes={dims(axes)}}}", f"reduce_prod %1 {{axes={dims(axes)}}}"],
                 [x.sum(axes), x.max(axes), x.min(axes), some.prod(axes)])
    z = np.zeros((3, 0, 2))
    case("reduce_empty", [z], ["reduce_sum %0 {axes=[1]}", "reduce_prod %0 {axes=[1]}", "reduce_max %0 {axes=[1]}",
                               "reduce_min %0 {axes=[1]}"],
         [z.sum(1), z.prod(1), np.full((3, 2), -np.inf), np.full((3, 2), np.inf)])
    case("reduce_to_empty", [z], ["reduce_sum %0 {axes=[0]}"], [z.sum(0)])
    special = np.array([[1, np.nan, 2], [np.inf, 0, -np.inf], [-1, -2, -3.0]])
    case("reduce_nan", [special], ["reduce_max %0 {axes=[1]}", "reduce_min %0 {axes=[1]}",
                                   "reduce_max %0 {axes=[0]}"],
         [special.max(1), special.min(1), special.max(0)])
    for dtype in [np.uint8, np.int32, np.int64]:
        i = ints(dtype, 6, 7, low=0 if dtype == np.uint8 else -99, high=99)
        case("reduce_" + DTYPES[np.dtype(dtype).name], [i],
             [f"reduce_{op} %0 {{axes=[{a}]}}" for a in (0, 1) for op in ("sum", "prod", "max", "min")],
             [getattr(np, op)(i, axis=a, **({"dtype": dtype} if op in ("sum", "prod") else {}))
              for a in (0, 1) for op in ("sum", "prod", "max", "min")], as_is=True)
    ties = np.round(values(4, 3, 5))
    for axis in range(3):
        case(f"arg_{axis}", [ties], [f"argmax %0 {{axis={axis}}}", f"argmin %0 {{axis={axis}}}"],
             [ties.argmax(axis).astype(np.int32), ties.argmin(axis).astype(np.int32)])
    case("arg_nan", [special], ["argmax %0 {axis=1}", "argmin %0 {axis=1}"],
         [special.argmax(1).astype(np.int32), special.argmin(1).astype(np.int32)])


# ---- contractions ----

def dots():
    def dot(name, a, b, spec, lb, rb, lc, rc):
        case("dot_" + name, [a, b],
             [f"dot %0, %1 {{lhs_batch={dims(lb)}, rhs_batch={dims(rb)}, lhs_contract={dims(lc)}, rhs_contract={dims(rc)}}}"],
             [np.einsum(spec, a, b)])

    dot("nn", values(5, 7), values(7, 3), "ik,kj->ij", [], [], [1], [0])
    dot("tn", values(7, 5), values(7, 3), "ki,kj->ij", [], [], [0], [0])
    dot("nt", values(5, 7), values(3, 7), "ik,jk->ij", [], [], [1], [1])
    dot("tt", values(7, 5), values(3, 7), "ki,jk->ij", [], [], [0], [1])
    dot("vector", values(7), values(7), "i,i->", [], [], [0], [0])
    dot("matrix_vector", values(5, 7), values(7), "ij,j->i", [], [], [1], [0])
    dot("vector_matrix", values(7), values(7, 5), "j,ji->i", [], [], [0], [0])
    dot("outer", values(4), values(3), "i,j->ij", [], [], [], [])
    dot("scalars", values(), values(), ",->", [], [], [], [])
    dot("scale", values(), values(3, 2), ",ij->ij", [], [], [], [])
    dot("batch", values(3, 4, 5), values(3, 5, 2), "bik,bkj->bij", [0], [0], [2], [1])
    dot("batch_only", values(3, 4), values(3, 4), "bk,bk->b", [0], [0], [1], [1])
    dot("attention", values(2, 4, 3, 5), values(2, 6, 3, 5), "bthd,bshd->bhts", [0, 2], [0, 2], [3], [3])
    dot("attention_2", values(2, 3, 4, 6), values(2, 6, 3, 5), "bhts,bshd->bhtd", [0, 1], [0, 2], [3], [1])
    dot("batch_last", values(4, 5, 3), values(5, 2, 3), "ikb,kjb->bij", [2], [2], [1], [0])
    dot("two", values(3, 4, 5), values(4, 5, 6), "iab,abj->ij", [], [], [1, 2], [0, 1])
    dot("two_swapped", values(3, 4, 5), values(5, 4, 6), "iab,baj->ij", [], [], [1, 2], [1, 0])
    dot("split_free", values(3, 4, 5), values(4, 6), "iaj,ak->ijk", [], [], [1], [0])
    dot("ones", values(1, 4, 1), values(4, 1), "iaj,ak->ijk", [], [], [1], [0])
    dot("empty", values(3, 0), values(0, 2), "ik,kj->ij", [], [], [1], [0])
    i, j = ints(np.int32, 3, 5), ints(np.int32, 4, 5)
    dot("i32", i, j, "ik,jk->ij", [], [], [1], [1])
    i, j = ints(np.uint8, 5, 3, low=0, high=255), ints(np.uint8, 5, 4, low=0, high=255)
    dot("u8", i, j, "ki,kj->ij", [], [], [0], [0])


def convolve(x, w, stride, lo, hi, dilation, groups):
    """NHWC convolution by torch; differentiable."""
    n = x.ndim - 2
    channels_first = x.permute(0, n + 1, *range(1, n + 1))
    weights = w.permute(n + 1, n, *range(n)).contiguous()
    padding = [p for i in reversed(range(n)) for p in (lo[i], hi[i])]
    f = [F.conv1d, F.conv2d, F.conv3d][n - 1]
    y = f(F.pad(channels_first, padding).contiguous(), weights, stride=stride, dilation=dilation, groups=groups)
    return y.permute(0, *range(2, n + 2), 1)


def convolutions():
    def conv(name, x_shape, w_shape, stride, lo, hi, dilation=None, groups=1, integer=False):
        dilation = dilation or [1] * len(stride)
        make = (lambda *s: ints(np.int64, *s).astype(np.float64)) if integer else values
        x = torch.tensor(make(*x_shape), dtype=torch.float64, requires_grad=True)
        w = torch.tensor(make(*w_shape), dtype=torch.float64, requires_grad=True)
        y = convolve(x, w, stride, lo, hi, dilation, groups)
        dy = torch.tensor(make(*y.shape), dtype=torch.float64)
        dx, dw = torch.autograd.grad(y, [x, w], dy)
        attrs = (f"{{stride={dims(stride)}, lo={dims(lo)}, hi={dims(hi)}, dilation={dims(dilation)}, "
                 f"groups={groups}}}")
        arrays = [t.detach().numpy() for t in (x, w, dy, y, dx, dw)]
        if integer:
            arrays = [a.astype(np.int32) for a in arrays]
        case("conv_" + name, arrays[:3],
             [f"conv %0, %1 {attrs}", f"conv_input %2, %1 {attrs}", f"conv_weight %0, %2 {attrs}"],
             arrays[3:])

    conv("2d", (2, 7, 6, 3), (3, 3, 3, 4), [1, 1], [1, 1], [1, 1])
    conv("2d_stride", (3, 7, 7, 2), (5, 5, 2, 3), [2, 2], [1, 2], [2, 1])
    conv("2d_first", (2, 9, 9, 1), (5, 5, 1, 6), [2, 2], [2, 2], [2, 2])
    conv("2d_uneven", (1, 8, 5, 2), (2, 3, 2, 3), [3, 2], [0, 2], [1, 0])
    conv("2d_left_over", (1, 8, 8, 2), (3, 3, 2, 2), [3, 3], [0, 0], [0, 0])
    conv("2d_wide_pad", (1, 3, 3, 2), (3, 3, 2, 2), [1, 1], [4, 3], [3, 5])
    conv("2d_crop", (2, 8, 9, 2), (3, 3, 2, 3), [1, 2], [-1, -2], [-2, 1])
    conv("2d_dilated", (2, 9, 8, 2), (3, 2, 2, 3), [1, 1], [2, 0], [2, 1], dilation=[2, 3])
    conv("2d_dilated_stride", (1, 11, 10, 2), (3, 3, 2, 3), [2, 3], [3, 2], [1, 4], dilation=[3, 2])
    conv("2d_groups", (2, 6, 5, 4), (3, 3, 2, 6), [1, 1], [1, 1], [1, 1], groups=2)
    conv("2d_depthwise", (2, 6, 6, 3), (3, 3, 1, 3), [2, 2], [0, 1], [1, 0], groups=3)
    conv("2d_depthwise_multiplier", (1, 5, 5, 3), (3, 3, 1, 6), [1, 1], [1, 1], [1, 1], dilation=[2, 2], groups=3)
    conv("2d_1x1", (2, 4, 5, 6), (1, 1, 6, 3), [1, 1], [0, 0], [0, 0])
    conv("2d_1x1_stride", (2, 5, 5, 3), (1, 1, 3, 4), [2, 2], [0, 0], [0, 0])
    conv("2d_1x1_pad", (2, 3, 3, 3), (1, 1, 3, 4), [1, 1], [1, 0], [0, 1])
    conv("2d_1x1_groups", (2, 3, 4, 6), (1, 1, 2, 9), [1, 1], [0, 0], [0, 0], groups=3)
    conv("2d_whole", (5, 4, 3, 2), (4, 3, 2, 3), [1, 1], [0, 0], [0, 0])
    conv("2d_whole_groups", (2, 4, 3, 4), (4, 3, 2, 2), [1, 1], [0, 0], [0, 0], groups=2)
    conv("2d_one_pixel", (3, 5, 5, 2), (3, 3, 2, 3), [3, 3], [0, 0], [0, 0])
    conv("2d_one_filter", (3, 4, 4, 5), (4, 4, 5, 1), [1, 1], [1, 1], [1, 1])
    conv("1d", (2, 11, 3), (4, 3, 5), [2], [1], [2])
    conv("1d_dilated", (1, 17, 2), (3, 2, 3), [1], [4], [0], dilation=[4])
    conv("3d", (2, 4, 5, 4, 2), (2, 3, 3, 2, 3), [1, 2, 1], [0, 1, 1], [1, 1, 1])
    conv("3d_all", (1, 5, 5, 6, 4), (2, 2, 3, 2, 4), [2, 1, 2], [1, -1, 2], [0, 2, 1], dilation=[2, 1, 1], groups=2)
    conv("2d_integer", (2, 5, 5, 2), (3, 3, 2, 3), [2, 1], [1, 1], [1, 0], integer=True)
    conv("2d_integer_groups", (1, 5, 4, 4), (3, 3, 1, 4), [1, 1], [1, 1], [1, 1], groups=4, integer=True)


# ---- bf16, by torch, which computes in f32 and rounds once, too ----

def bf16():
    def given(t):
        return t.float().numpy().astype(ml_dtypes.bfloat16) if t.dtype == torch.bfloat16 else t.numpy()

    def both(name, op, f, *inputs):
        case(f"bf16_{name}", [given(t) for t in inputs], [op], [given(f(*inputs))], as_is=True)

    torch.manual_seed(28)
    x, y = (torch.randn(6, 9) * 3).bfloat16(), (torch.randn(6, 9) * 3).bfloat16()
    for name in ["exp", "expm1", "sin", "cos", "tanh", "sigmoid", "erf", "floor", "round", "neg", "abs", "sign"]:
        both(name, f"{name} %0", getattr(torch, name), x)
    for name in ["log", "log1p", "sqrt", "rsqrt"]:
        both(name, f"{name} %0", getattr(torch, name), x.abs())
    for name, f in {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "rem": torch.fmod,
                    "max": torch.maximum, "lt": torch.lt, "eq": torch.eq}.items():
        both(name, f"{name} %0, %1", f, x, y)
    both("pow", "pow %0, %1", torch.pow, x.abs(), y)
    # Each op is rounded, also where one kernel does several.
    z = x + 256
    case("bf16_chain", [given(x)], [("const {value=256}", "bf16[6, 9]"), ("add %0, %1", "bf16[6, 9]"), "sub %2, %1",
                                    "mul %3, %3"], [given(z - 256), given((z - 256) * (z - 256))], as_is=True)
    floats = torch.cat([torch.randn(30), torch.tensor([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -1 - 2**-8, 1e-40,
                                                       3.3895314e38, 3.4e38, torch.inf, -torch.inf, torch.nan, -0.0])])
    for kind, t in [("f32", floats), ("f64", floats.double()), ("i32", torch.arange(-600, 600, 29, dtype=torch.int32)),
                    ("u8", torch.arange(256).to(torch.uint8)), ("bool", torch.tensor([True, False]))]:
        both("of_" + kind, "cast %0", lambda t: t.bfloat16(), t)
    for kind, dtype in [("f32", torch.float32), ("f64", torch.float64), ("i32", torch.int32), ("bool", torch.bool)]:
        both("to_" + kind, "cast %0", lambda t: t.to(dtype), x)
    case("bf16_const", [], ["const {value=0.1}"], [given(torch.full((3,), 0.1, dtype=torch.bfloat16))], as_is=True)
    case("bf16_iota", [], ["iota {axis=0}"], [given(torch.arange(300).bfloat16())], as_is=True)
    many = torch.randn(5, 90).bfloat16()
    both("sum", "reduce_sum %0 {axes=[1]}", lambda t: t.sum(1), many)
    both("sum_rows", "reduce_sum %0 {axes=[0]}", lambda t: t.sum(0), many)
    both("count", "reduce_sum %0 {axes=[0]}", lambda t: t.sum(0), torch.ones(300).bfloat16())
    both("prod", "reduce_prod %0 {axes=[1]}", lambda t: t.prod(1), many[:, :8])
    both("argmax", "argmax %0 {axis=1}", lambda t: t.argmax(1).int(), many)
    a, b = torch.randn(9, 70).bfloat16(), torch.randn(70, 33).bfloat16()
    both("dot", "dot %0, %1 {lhs_batch=[], rhs_batch=[], lhs_contract=[1], rhs_contract=[0]}", torch.matmul, a, b)
    both("dot_square", "dot %0, %0 {lhs_batch=[], rhs_batch=[], lhs_contract=[0], rhs_contract=[0]}",
         lambda t: t.T @ t, a)
    image, kernel = torch.randn(2, 5, 6, 5).bfloat16(), torch.randn(3, 3, 5, 17).bfloat16()
    both("conv", "conv %0, %1 {stride=[1, 1], lo=[1, 1], hi=[1, 1], dilation=[1, 1], groups=1}",
         lambda x, w: convolve(x, w, [1, 1], [1, 1], [1, 1], [1, 1], 1), image, kernel)
    i, u = torch.randint(0, 4, (50,), dtype=torch.int32), torch.randn(50, 3).bfloat16()
    both("scatter_add", "scatter_add %0, %1",
         lambda i, u: torch.zeros(4, 3).index_add(0, i, u.float()).bfloat16(), i, u)


if __name__ == "__main__":
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "ops.txt"), "w") as out_file:
        for group in (unary, binary, integer, casts, leaves, movement, windows, indices, reductions, dots, convolutions,
                      bf16):
            with np.errstate(invalid="ignore", over="ignore"):
                group()
