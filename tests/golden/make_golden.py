"""Writes the golden tests: PyTorch's values in f64 for what the standard library computes.

Run with a Python that has torch, numpy and safetensors:  python make_golden.py

For each group of cases it writes
  GROUP.dnet                   a net and a step for each case
  GROUP.in.safetensors         parameters and inputs, restored by the program
  GROUP.want.safetensors       states after the step, and the gradients of all parameters
and for the two GANs the losses of ten steps, gan.want.json. golden_test.py compares.

A case's net holds its inputs as parameters, its result as the state `y`, and returns sum(y * r): the step's
update by sgd(lr: 1) then shows the gradient of everything. Keras's meaning (`same` padding and so on) is
spelled out with explicit padding.
"""
import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_default_dtype(torch.float64)
torch.set_num_threads(2)


def shape_text(array):
    return "f32[" + ", ".join(str(d) for d in array.shape) + "]"


class Group:
    """One .dnet file and its two data files."""

    def __init__(self, name, about):
        self.name = name
        self.seed = sum(map(ord, name))
        self.rng = np.random.default_rng(self.seed)
        self.text = [f"// {about}\n// Written by make_golden.py; run by golden_test.py.\n"]
        self.calls, self.inputs, self.want = [], {}, {}

    def random(self, *shape):
        return self.rng.normal(size=shape)

    def case(self, name, dnet, torch_fn, inputs, layers=None, fixed=None, states=None, model=None):
        """dnet: the expression of y. inputs: parameters of the net. layers: parameters of its layers, by path.
        fixed: inputs without gradient. states: layers' states before; torch_fn may return them after.
        model: a statement of the net. torch_fn(**all of them, dots as underscores) is y, or (y, {path: state after})."""
        name = "test_" + name  # a name of its own: models hide functions
        layers, fixed, states = layers or {}, fixed or {}, states or {}
        trained = {k: torch.tensor(v, requires_grad=True) for k, v in {**inputs, **layers}.items()}
        others = {k: torch.tensor(v) for k, v in {**fixed, **states}.items()}
        args = {k.replace(".", "_"): v for k, v in {**trained, **others}.items()}
        own = getattr(torch_fn, "__code__", None) and torch_fn.__code__.co_filename == __file__
        y = torch_fn(**args) if own else torch_fn(*args.values())
        after = {}
        if isinstance(y, tuple):
            y, after = y
        r = self.random(*y.shape)
        want = {"y": y, **after}
        if trained:
            grads = torch.autograd.grad((y * torch.tensor(r)).sum(), list(trained.values()), allow_unused=True)
            for k, g in zip(trained, grads):
                want["gradient." + k] = torch.zeros_like(trained[k]) if g is None else g
        for k, v in want.items():
            self.want[f"{name}.{k}"] = np.ascontiguousarray(v.detach().numpy())
        for k, v in {**trained, **others}.items():
            self.inputs[f"{name}.{k}"] = v.detach().numpy().copy()
        self.inputs[f"{name}.r"] = np.asarray(r)
        self.inputs[f"{name}.y"] = np.zeros(y.shape)
        lines = [f"net {name}_case() -> f32[] {{"]
        lines += [f"    param {k}: {shape_text(v)} = zeros_init" for k, v in inputs.items()]
        lines += [f"    state {k}: {shape_text(v)} = zeros_init" for k, v in fixed.items()]
        lines += [f"    state r: {shape_text(r)} = zeros_init" if np.ndim(r) else "    state r: f32[] = zeros_init"]
        lines += [f"    state y: {shape_text(np.asarray(r))} = zeros_init"]
        lines += [f"    model {model}"] if model else []
        lines += [f"    y = {dnet}", "    sum(y * r)", "}", f"model {name} = {name}_case"]
        over = f"    minimize loss over {name} with sgd(lr: 1.0)\n" if trained else ""
        lines += [f"step run_{name}() {{", f"    loss = {name}()", over + "    return {loss}", "}", ""]
        self.text.append("\n".join(lines))
        self.calls.append(f"    run_{name}()")

    def write(self, extra=""):
        self.text.append(extra)
        run = "\n".join(self.calls)
        self.text.append(f"command run(data: path, out: path) {{\n    restore(data)\n{run}\n    save_weights(out)\n}}\n")
        with open(os.path.join(HERE, self.name + ".dnet"), "w") as f:
            f.write("\n".join(t for t in self.text if t))
        save_file(self.inputs, os.path.join(HERE, self.name + ".in.safetensors"))
        save_file({k: np.asarray(v) for k, v in self.want.items()}, os.path.join(HERE, self.name + ".want.safetensors"))


# ---- layers ------------------------------------------------------------------------------------


def first(x):  # NHWC to NCHW
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def kernel(w):  # [..., I, O] to [O, I, ...]
    n = w.dim()
    return w.permute(n - 1, n - 2, *range(n - 2))


def same(size, k, s, d=1):
    """TensorFlow's SAME: zeros before and after."""
    total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
    return total // 2, total - total // 2


def conv2d(x, w, b=None, stride=(1, 1), lo=(0, 0), hi=(0, 0), dilation=(1, 1), groups=1):
    y = F.pad(first(x), (lo[1], hi[1], lo[0], hi[0]))
    return last(F.conv2d(y, kernel(w), b, stride=stride, dilation=dilation, groups=groups))


def conv_layers(g):
    def case(name, args, x, kshape, stride=(1, 1), edge=None, dilation=(1, 1), groups=1, after=None, bias=True):
        filters = kshape[-1]
        layers = {"conv2d.kernel": 0.5 * g.random(*kshape)}
        if bias:
            layers["conv2d.bias"] = g.random(filters)
        if edge is None:
            edge = [same(x[1 + i], kshape[i], stride[i], dilation[i]) for i in range(2)]

        def fn(x, conv2d_kernel, conv2d_bias=None):
            y = conv2d(x, conv2d_kernel, conv2d_bias, stride, [e[0] for e in edge], [e[1] for e in edge],
                       dilation, groups)
            return after(y) if after else y
        g.case(name, f"conv2d(x, {filters}, {args})", fn, {"x": g.random(*x)}, layers)

    case("conv2d_same", "kernel: 3", (2, 5, 4, 3), (3, 3, 3, 4))
    case("conv2d_same_even", "kernel: 4", (1, 5, 6, 2), (4, 4, 2, 3))
    case("conv2d_same_stride", "kernel: 5, stride: 2", (2, 6, 7, 2), (5, 5, 2, 3), (2, 2))
    case("conv2d_same_dilated", "kernel: 3, dilation: 2, stride: 2", (1, 8, 7, 2), (3, 3, 2, 3), (2, 2), None, (2, 2))
    case("conv2d_short_kernel", "kernel: 1, stride: 3", (1, 7, 7, 2), (1, 1, 2, 2), (3, 3))
    case("conv2d_valid", "kernel: 3, stride: 2, padding: valid", (2, 7, 6, 2), (3, 3, 2, 3), (2, 2), [(0, 0)] * 2)
    case("conv2d_pad_1", "kernel: 4, stride: 2, padding: 1", (2, 8, 8, 2), (4, 4, 2, 3), (2, 2), [(1, 1)] * 2)
    case("conv2d_pad_2", "kernel: 3, padding: [2, 0]", (1, 4, 5, 2), (3, 3, 2, 2), (1, 1), [(2, 2), (0, 0)])
    case("conv2d_pad_4", "kernel: 3, padding: [0, 1, 2, 0]", (1, 4, 5, 2), (3, 3, 2, 2), (1, 1), [(0, 1), (2, 0)])
    case("conv2d_rectangle", "kernel: [3, 2], stride: [1, 2]", (1, 4, 5, 2), (3, 2, 2, 2), (1, 2))
    case("conv2d_groups", "kernel: 3, groups: 2", (1, 4, 4, 4), (3, 3, 2, 6), groups=2)
    case("conv2d_depthwise", "kernel: 3, stride: 2, groups: 3, bias: false", (1, 5, 5, 3), (3, 3, 1, 3), (2, 2),
         groups=3, bias=False)
    case("conv2d_relu", "kernel: 3, activation: relu", (1, 4, 4, 2), (3, 3, 2, 3), after=torch.relu)

    def conv1d(name, args, x, kshape, stride, edge, dilation=1):
        def fn(x, conv1d_kernel, conv1d_bias):
            return last(F.conv1d(F.pad(first(x), edge), kernel(conv1d_kernel), conv1d_bias, stride, 0, dilation))
        g.case(name, f"conv1d(x, {kshape[-1]}, {args})", fn, {"x": g.random(*x)},
               {"conv1d.kernel": g.random(*kshape), "conv1d.bias": g.random(kshape[-1])})

    conv1d("conv1d_same", "kernel: 4, stride: 2", (2, 7, 3), (4, 3, 2), 2, same(7, 4, 2))
    conv1d("conv1d_causal", "kernel: 3, dilation: 2, padding: causal", (2, 7, 3), (3, 3, 2), 1, (4, 0), 2)
    conv1d("conv1d_valid", "kernel: 3, padding: valid", (2, 7, 3), (3, 3, 2), 1, (0, 0))


def transposed_layers(g):
    def case(name, args, x, k, filters, stride, out, lo, dilation=1, groups=1):
        """The whole of the transposed convolution, cut to `out` from `lo` on; what is beyond is 0."""
        def fn(x, conv2d_transpose_kernel, conv2d_transpose_bias):
            w = kernel(conv2d_transpose_kernel)
            y = F.conv_transpose2d(first(x), w, None, stride, dilation=dilation, groups=groups)
            y = F.pad(y, (0, 99, 0, 99))[:, :, lo:lo + out[0], lo:lo + out[1]]
            return last(y) + conv2d_transpose_bias
        g.case(name, f"conv2d_transpose(x, {filters}, {args})", fn, {"x": g.random(*x)},
               {"conv2d_transpose.kernel": g.random(k, k, filters // groups, x[-1]),
                "conv2d_transpose.bias": g.random(filters)})

    case("transpose_same_1", "kernel: 5", (1, 4, 3, 2), 5, 3, 1, (4, 3), 2)
    case("transpose_same_2", "kernel: 5, stride: 2", (2, 3, 4, 2), 5, 3, 2, (6, 8), 1)
    case("transpose_same_even", "kernel: 4, stride: 2", (1, 3, 4, 2), 4, 2, 2, (6, 8), 1)
    case("transpose_same_short", "kernel: 2, stride: 3", (1, 3, 2, 2), 2, 2, 3, (9, 6), 0)
    case("transpose_valid", "kernel: 3, stride: 2, padding: valid", (1, 3, 4, 2), 3, 2, 2, (7, 9), 0)
    case("transpose_valid_short", "kernel: 2, stride: 3, padding: valid", (1, 3, 2, 2), 2, 2, 3, (9, 6), 0)
    case("transpose_pad_1", "kernel: 4, stride: 2, padding: 1", (2, 3, 3, 3), 4, 2, 2, (6, 6), 1)
    case("transpose_project", "kernel: 4, padding: valid", (2, 1, 1, 5), 4, 3, 1, (4, 4), 0)
    case("transpose_extra", "kernel: 3, stride: 2, padding: 1, output_padding: 1", (1, 3, 3, 2), 3, 2, 2, (6, 6), 1)
    case("transpose_valid_extra", "kernel: 3, stride: 3, padding: valid, output_padding: 2", (1, 3, 3, 2), 3, 2, 3,
         (11, 11), 0)
    # Keras: out = (3 - 1) * 2 + 5 - 2 * 2 + 0 = 5; TensorFlow's SAME from 5 to 3 pads (3 - 1) * 2 + 5 - 5 = 4.
    case("transpose_same_extra", "kernel: 5, stride: 2, output_padding: 0", (1, 3, 3, 2), 5, 2, 2, (5, 5), 2)
    case("transpose_dilated", "kernel: 3, stride: 2, dilation: 2, padding: 1", (1, 3, 3, 2), 3, 2, 2, (7, 7), 1,
         dilation=2)
    case("transpose_groups", "kernel: 3, stride: 2, padding: 1, groups: 2", (1, 3, 3, 4), 3, 6, 2, (5, 5), 1, groups=2)


def pool_layers(g):
    def edges(x, k, s, lo_hi, value):
        lo, hi = lo_hi
        return F.pad(first(x), (lo, hi, lo, hi), value=value)

    def max_case(name, args, x, k, s, edge=(0, 0)):
        g.case(name, f"max_pool2d(x{args})",
               lambda x: last(F.max_pool2d(edges(x, k, s, edge, -math.inf), k, s)), {"x": g.random(*x)})

    def avg_case(name, args, x, k, s, edge=(0, 0)):
        def fn(x):
            total = F.avg_pool2d(edges(x, k, s, edge, 0.0), k, s)
            return last(total / F.avg_pool2d(edges(torch.ones_like(x), k, s, edge, 0.0), k, s))
        g.case(name, f"avg_pool2d(x{args})", fn, {"x": g.random(*x)})

    max_case("max_pool", "", (2, 5, 6, 2), 2, 2)
    max_case("max_pool_same", ", kernel: 3, stride: 2, padding: same", (1, 6, 6, 2), 3, 2, same(6, 3, 2))
    max_case("max_pool_1", ", kernel: 3, stride: 1, padding: 1", (1, 4, 4, 2), 3, 1, (1, 1))
    avg_case("avg_pool", "", (2, 5, 6, 2), 2, 2)
    avg_case("avg_pool_same", ", kernel: 3, stride: 2, padding: same", (1, 6, 6, 2), 3, 2, same(6, 3, 2))
    avg_case("avg_pool_1", ", kernel: 3, stride: 2, padding: 1", (1, 5, 5, 2), 3, 2, (1, 1))
    g.case("global_avg", "global_avg_pool2d(x)", lambda x: x.mean((1, 2)), {"x": g.random(2, 3, 4, 2)})
    g.case("global_max", "global_max_pool2d(x)", lambda x: x.amax((1, 2)), {"x": g.random(2, 3, 4, 2)})
    g.case("upsample", "upsample2d(x, 3)",
           lambda x: last(F.interpolate(first(x), scale_factor=3, mode="nearest")), {"x": g.random(1, 2, 3, 2)})


def other_layers(g):
    def dense(name, args, x, units, after=lambda y: y, bias=True):
        layers = {"dense.kernel": g.random(x[-1], units)}
        if bias:
            layers["dense.bias"] = g.random(units)
        g.case(name, f"dense(x, {units}{args})",
               lambda x, dense_kernel, dense_bias=0.0: after(x @ dense_kernel + dense_bias),
               {"x": g.random(*x)}, layers)

    dense("dense_plain", "", (3, 5), 4)
    dense("dense_rank_3", ", activation: relu", (2, 3, 4), 5, torch.relu)
    dense("dense_rank_1", ", activation: leaky_relu(0.1), bias: false", (4,), 3, lambda y: F.leaky_relu(y, 0.1), False)
    g.case("two_layers", "x |> dense(4) |> tanh |> dense(2)",
           lambda x, dense_kernel, dense_bias, dense_2_kernel, dense_2_bias:
           torch.tanh(x @ dense_kernel + dense_bias) @ dense_2_kernel + dense_2_bias, {"x": g.random(3, 5)},
           {"dense.kernel": g.random(5, 4), "dense.bias": g.random(4), "dense_2.kernel": g.random(4, 2),
            "dense_2.bias": g.random(2)})
    g.case("flatten_all", "flatten(x)", lambda x: x.flatten(1), {"x": g.random(2, 3, 2, 2)})

    def norm(name, args, x, momentum=0.99, epsilon=1e-3, training=True, affine=True):
        c = x[-1]
        layers = {"batch_norm.gamma": 1 + 0.3 * g.random(c), "batch_norm.beta": g.random(c)} if affine else {}
        states = {"batch_norm.moving_mean": g.random(c), "batch_norm.moving_variance": 1 + g.rng.random(c)}

        def fn(x, batch_norm_moving_mean, batch_norm_moving_variance, batch_norm_gamma=1.0, batch_norm_beta=0.0):
            m, v = batch_norm_moving_mean, batch_norm_moving_variance
            after = {}
            if training:
                axes = tuple(range(x.dim() - 1))
                m, v = x.mean(axes), x.var(axes, unbiased=False)
                after = {"batch_norm.moving_mean": momentum * batch_norm_moving_mean + (1 - momentum) * m,
                         "batch_norm.moving_variance": momentum * batch_norm_moving_variance + (1 - momentum) * v}
            y = (x - m) / torch.sqrt(v + epsilon) * batch_norm_gamma + batch_norm_beta
            if training:  # the same, by PyTorch
                one = torch.ones(c)
                z = F.batch_norm(x.movedim(-1, 1), None, None, one * batch_norm_gamma, one * batch_norm_beta, True,
                                 0.1, epsilon).movedim(1, -1)
                assert torch.allclose(y, z, rtol=1e-12, atol=1e-12)
                y = z
            return y, after
        g.case(name, f"batch_norm(x{args})", fn, {"x": 2 * g.random(*x) + 1}, layers, states=states)

    norm("batch_norm_4d", "", (3, 2, 3, 4))
    norm("batch_norm_2d", ", momentum: 0.9, epsilon: 1e-5", (6, 3), 0.9, 1e-5)
    norm("batch_norm_plain", ", scale: false, center: false", (5, 3), affine=False)
    norm("batch_norm_inference", ", training: false", (3, 2, 2, 4), training=False)
    g.case("layer_norm_2d", "layer_norm(x)",
           lambda x, layer_norm_gamma, layer_norm_beta: F.layer_norm(x, (5,), layer_norm_gamma, layer_norm_beta, 1e-3),
           {"x": g.random(3, 5)}, {"layer_norm.gamma": g.random(5), "layer_norm.beta": g.random(5)})
    g.case("layer_norm_3d", "layer_norm(x, epsilon: 1e-5, center: false)",
           lambda x, layer_norm_gamma: F.layer_norm(x, (5,), layer_norm_gamma, None, 1e-5),
           {"x": g.random(2, 3, 5)}, {"layer_norm.gamma": g.random(5)})
    g.case("embedding_2d", "embedding(cast(i, i32), 5, 3)",
           lambda i, embedding_embeddings: F.embedding(i.long(), embedding_embeddings), {},
           {"embedding.embeddings": g.random(5, 3)}, {"i": np.array([[0.0, 4, 2], [2, 2, 1]])})
    g.case("dropout_inference", "dropout(x, 0.5, training: false)", lambda x: x, {"x": g.random(3, 4)})


def second_order(g):
    """Gradients of gradients, as in gradient_penalty."""
    def critic(x, k, b, w):
        h = F.leaky_relu(conv2d(x, k, b, (2, 2), (0, 0), (1, 1)), 0.2)
        return torch.tanh(h.flatten(1) @ w).sum()

    def fn(x, conv2d_kernel, conv2d_bias, dense_kernel):
        grad, = torch.autograd.grad(critic(x, conv2d_kernel, conv2d_bias, dense_kernel), x, create_graph=True)
        return torch.sqrt((grad * grad).flatten(1).sum(1) + 1e-12)
    g.case("gradient_norm",
           "norm(reshape(grad(sum(x |> conv2d(3, kernel: 3, stride: 2) |> leaky_relu |> flatten "
           "|> dense(2, bias: false) |> tanh), over: x), [2, -1]), axes: 1, epsilon: 1e-12)",
           fn, {"x": g.random(2, 4, 4, 2)},
           {"conv2d.kernel": 0.3 * g.random(3, 3, 2, 3), "conv2d.bias": g.random(3),
            "dense.kernel": 0.3 * g.random(12, 2)})

    def linear(real, fake, critic_kernel):
        return 10 * (torch.sqrt((critic_kernel ** 2).sum() + 1e-12) - 1) ** 2
    g.case("penalty", "gradient_penalty(critic, real, fake)", linear, {}, {"critic.kernel": g.random(3, 1)},
           {"real": g.random(4, 3), "fake": g.random(4, 3)}, model="critic = dense(1, bias: false)")


def layers():
    g = Group("layers", "Layers against PyTorch.")
    other_layers(g)
    conv_layers(g)
    transposed_layers(g)
    pool_layers(g)
    second_order(g)
    g.write()


# ---- activations and losses -------------------------------------------------------------------


def activations():
    g = Group("activations", "Activations against PyTorch.")
    x = np.concatenate([[-700.0, -40, -8, -3, -1, -1e-3, 0, 1e-3, 1, 3, 8, 40, 700], g.random(7)])
    rows = np.concatenate([g.random(4, 5), [[1000.0, 1000, 0, -1000, 999]]])
    for name, dnet, fn in [
        ("identity", "identity(x)", lambda x: x * 1.0),
        ("relu", "relu(x)", torch.relu),
        ("leaky_relu", "leaky_relu(x)", lambda x: F.leaky_relu(x, 0.2)),
        ("leaky_relu_slope", "leaky_relu(x, 0.01)", lambda x: F.leaky_relu(x, 0.01)),
        ("elu", "elu(x)", F.elu),
        ("elu_alpha", "elu(x, alpha: 0.5)", lambda x: F.elu(x, 0.5)),
        ("gelu", "gelu(x)", F.gelu),
        ("gelu_tanh", "gelu(x, approximate: true)", lambda x: F.gelu(x, approximate="tanh")),
        ("silu", "silu(x)", F.silu),
        ("softplus", "softplus(x)", lambda x: F.softplus(x, threshold=39)),
        ("log_sigmoid", "log_sigmoid(x)", F.logsigmoid),
        ("clip_ends", "clip(x, -2, 2.5)", lambda x: torch.clamp(x, -2, 2.5)),
    ]:
        g.case(name, dnet, fn, {"x": x})
    for name, dnet, fn in [
        ("softmax", "softmax(x)", lambda x: torch.softmax(x, -1)),
        ("softmax_axis", "softmax(x, axis: 0)", lambda x: torch.softmax(x, 0)),
        ("log_softmax", "log_softmax(x)", lambda x: torch.log_softmax(x, -1)),
        ("log_softmax_axis", "log_softmax(x, axis: 0)", lambda x: torch.log_softmax(x, 0)),
    ]:
        g.case(name, dnet, fn, {"x": rows})
    g.write()


def losses():
    g = Group("losses", "Losses against PyTorch.")

    def case(name, dnet, fn, x, t=None, w=None):
        fixed = {}
        if t is not None:
            fixed["t"] = t
        if w is not None:
            fixed["w"] = w
        g.case(name, dnet, fn, {"x": x}, fixed=fixed)

    x, t, w = g.random(4, 3), g.random(4, 3), g.rng.random((4, 3))
    x[0, 0] = t[0, 0]
    weighted = lambda each, w: (each * w).sum() / w.sum()
    case("mse_mean", "mse(x, t)", F.mse_loss, x, t)
    case("mse_sum", "mse(x, t, reduction: sum)", lambda x, t: F.mse_loss(x, t, reduction="sum"), x, t)
    case("mse_each", "mse(x, t, reduction: each)", lambda x, t: F.mse_loss(x, t, reduction="none"), x, t)
    case("mse_weight", "mse(x, t, weight: w)",
         lambda x, t, w: weighted(F.mse_loss(x, t, reduction="none"), w), x, t, w)
    case("mse_number", "mse(x, 0.5)", lambda x: F.mse_loss(x, torch.full_like(x, 0.5)), x)
    case("mae_mean", "mae(x, t)", F.l1_loss, x, t)
    case("huber_mean", "huber(x, t)", F.huber_loss, 2 * x, t)
    case("huber_delta", "huber(x, t, delta: 0.3)", lambda x, t: F.huber_loss(x, t, delta=0.3), x, t)
    p, b = g.rng.random((4, 3)), (g.rng.random((4, 3)) > 0.5) * 1.0
    case("bce_mean", "bce(x, t)", F.binary_cross_entropy, p, b)
    case("bce_soft", "bce(x, t, reduction: sum)", lambda x, t: F.binary_cross_entropy(x, t, reduction="sum"), p,
         g.rng.random((4, 3)))
    ends = np.array([0.0, 1, 0, 1, 1e-300, 0.5])
    g.case("bce_ends", "bce(p, t, reduction: each)", lambda p, t: F.binary_cross_entropy(p, t, reduction="none"), {},
           fixed={"p": ends, "t": np.array([1.0, 0, 0, 1, 1, 0])})
    logits = np.concatenate([g.random(7), [0.0, 0, -40, 40, 40, -40, 700, -700]])
    targets = np.array([0, 1, 1, 0, 0.3, 0.9, 1, 0, 1, 0, 1, 0, 1, 1, 0.0])
    bce = F.binary_cross_entropy_with_logits
    case("bce_logits", "bce_with_logits(x, t, reduction: each)", lambda x, t: bce(x, t, reduction="none"), logits,
         targets)
    case("bce_logits_mean", "bce_with_logits(x, 1)", lambda x: bce(x, torch.ones_like(x)), logits)
    case("bce_logits_pos", "bce_with_logits(x, t, pos_weight: 2.5, reduction: each)",
         lambda x, t: bce(x, t, reduction="none", pos_weight=torch.tensor(2.5)), logits, targets)
    x, i = g.random(5, 4), np.array([0.0, 3, 1, 1, 2])
    probabilities = g.rng.random((5, 4))
    probabilities /= probabilities.sum(1, keepdims=True)
    ce = F.cross_entropy
    x[4] = [1000, 0, 998, -1000]
    case("ce_labels", "cross_entropy(x, cast(t, i32))", lambda x, t: ce(x, t.long()), x, i)
    case("ce_smooth", "cross_entropy(x, cast(t, i32), label_smoothing: 0.1)",
         lambda x, t: ce(x, t.long(), label_smoothing=0.1), x, i)
    case("ce_probabilities", "cross_entropy(x, t)", lambda x, t: ce(x, t), x, probabilities)
    case("ce_probabilities_smooth", "cross_entropy(x, t, label_smoothing: 0.2)",
         lambda x, t: ce(x, t, label_smoothing=0.2), x, probabilities)
    case("ce_weight", "cross_entropy(x, cast(t, i32), weight: w)",
         lambda x, t, w: weighted(ce(x, t.long(), reduction="none"), w), x, i, np.array([1.0, 1, 0, 0.5, 0]))
    case("ce_sequence", "cross_entropy(x, cast(t, i32), reduction: each)",
         lambda x, t: ce(x.movedim(-1, 1), t.long(), reduction="none"), g.random(2, 3, 4),
         np.array([[0.0, 1, 2], [3, 3, 0]]))
    case("hinge_mean", "hinge(x, t)", lambda x, t: torch.relu(1 - x * t).mean(), 2 * g.random(6),
         np.array([1.0, 1, 1, -1, -1, -1]))
    g.case("critic", "wasserstein_critic_loss(a, b)", lambda a, b: b.mean() - a.mean(),
           {"a": g.random(4, 1), "b": g.random(3, 1)})
    g.case("generator", "wasserstein_generator_loss(a)", lambda a: -a.mean(), {"a": g.random(4, 1)})
    g.write()


# ---- optimizers, schedules, metrics --------------------------------------------------------------


def optimizers():
    """Ten steps on sum(c * cos(p)) + |p|^2 / 20, one model a variant."""
    g = Group("optimizers", "Ten steps of every optimizer against PyTorch.")
    p0, c = g.random(3, 4), g.random(3, 4)
    variants = [
        ("sgd_plain", "sgd(lr: 0.1)", lambda p: torch.optim.SGD(p, lr=0.1)),
        ("sgd_default", "sgd()", torch.optim.SGD),
        ("sgd_decay", "sgd(lr: 0.1, weight_decay: 0.2)", lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.2)),
        ("sgd_momentum", "sgd(lr: 0.05, momentum: 0.9)", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9)),
        ("sgd_nesterov", "sgd(lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 0.1)",
         lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)),
        ("adam_default", "adam()", torch.optim.Adam),
        ("adam_set", "adam(lr: 0.02, beta1: 0.5, beta2: 0.99, epsilon: 1e-3, weight_decay: 0.1)",
         lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.5, 0.99), eps=1e-3, weight_decay=0.1)),
        ("adam_beta1_0", "adam(lr: 0.02, beta1: 0, beta2: 0.9)",
         lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.0, 0.9))),
        ("adamw_default", "adamw()", torch.optim.AdamW),
        ("adamw_set", "adamw(lr: 0.05, weight_decay: 0.3)",
         lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.3)),
        ("rmsprop_default", "rmsprop()", torch.optim.RMSprop),
        ("rmsprop_set", "rmsprop(lr: 0.02, alpha: 0.9, momentum: 0.8, weight_decay: 0.1)",
         lambda p: torch.optim.RMSprop(p, lr=0.02, alpha=0.9, momentum=0.8, weight_decay=0.1)),
        ("rmsprop_centered", "rmsprop(lr: 0.02, centered: true)",
         lambda p: torch.optim.RMSprop(p, lr=0.02, centered=True)),
        ("sgd_step_decay", "sgd(lr: step_decay(0.2, every: 3))",
         lambda p: torch.optim.SGD(p, lr=0.2), lambda o: torch.optim.lr_scheduler.StepLR(o, 3)),
        ("adam_warmup_cosine", "adam(lr: warmup(cosine_decay(0.1, steps: 8), steps: 4))",
         lambda p: torch.optim.Adam(p, lr=1.0),
         lambda o: torch.optim.lr_scheduler.LambdaLR(
             o, lambda s: 0.1 * 0.5 * (1 + math.cos(math.pi * min(s, 8) / 8)) * min((s + 1) / 4, 1))),
    ]
    steps = []
    for name, dnet, make, *scheduler in variants:
        name = "test_" + name
        p = torch.tensor(p0.copy(), requires_grad=True)
        optimizer = make([p])
        schedule = scheduler[0](optimizer) if scheduler else None
        for _ in range(10):
            optimizer.zero_grad()
            (torch.tensor(c) * torch.cos(p)).sum().add((p * p).sum() / 20).backward()
            optimizer.step()
            if schedule:
                schedule.step()
        g.inputs[f"{name}.p"] = p0
        g.want[f"{name}.p"] = p.detach().numpy()
        g.inputs[f"{name}.c"] = c
        g.text.append(f"model {name} = bowl")
        steps.append(f"    minimize {name}() over {name} with {dnet}")
    g.text.insert(1, """net bowl() -> f32[] {
    param p: f32[3, 4] = zeros_init
    state c: f32[3, 4] = zeros_init
    sum(c * cos(p)) + sum(p * p) / 20
}
""")
    g.calls = ["    for i in 1..10 { update() }"]
    g.write("step update() {\n" + "\n".join(steps) + "\n}\n")


def schedules():
    g = Group("schedules", "Schedules against PyTorch's and Keras's formulas, of numbers and of tensors.")
    n = 12

    def torch_schedule(make):
        o = torch.optim.SGD([torch.zeros(1)], lr=0.3)
        s, values = make(o), []
        for _ in range(n):
            values.append(o.param_groups[0]["lr"])
            o.step()
            s.step()
        return values
    lrs = torch.optim.lr_scheduler
    formulas = [
        ("constant", "constant({t}, 0.3)", [0.3] * n),
        ("step", "step_decay({t}, 0.3, every: 4)", torch_schedule(lambda o: lrs.StepLR(o, 4))),
        ("multistep", "multistep_decay({t}, 0.3, milestones: [2, 5, 9], factor: 0.5)",
         torch_schedule(lambda o: lrs.MultiStepLR(o, [2, 5, 9], 0.5))),
        ("exponential", "exponential_decay({t}, 0.3, steps: 4, rate: 0.5)", [0.3 * 0.5 ** (s / 4) for s in range(n)]),
        ("staircase", "exponential_decay({t}, 0.3, steps: 4, rate: 0.5, staircase: true)",
         [0.3 * 0.5 ** (s // 4) for s in range(n)]),
        ("polynomial", "polynomial_decay({t}, 0.3, steps: 8)",
         [(0.3 - 1e-4) * (1 - min(s, 8) / 8) + 1e-4 for s in range(n)]),
        ("polynomial_2", "polynomial_decay({t}, 0.3, steps: 8, end: 0.1, power: 2)",
         [0.2 * (1 - min(s, 8) / 8) ** 2 + 0.1 for s in range(n)]),
        ("cosine", "cosine_decay({t}, 0.3, steps: 8, alpha: 0.1)",
         [0.3 * (0.9 * 0.5 * (1 + math.cos(math.pi * min(s, 8) / 8)) + 0.1) for s in range(n)]),
        ("inverse_sqrt", "inverse_sqrt_decay({t}, 0.3, warmup: 5)",
         [0.3 * min((s + 1) ** -0.5, (s + 1) * 5 ** -1.5) for s in range(n)]),
        ("warmed", "warmup({t}, polynomial_decay(0.3, steps: 8), steps: 3)",
         [((0.3 - 1e-4) * (1 - min(s, 8) / 8) + 1e-4) * min((s + 1) / 3, 1) for s in range(n)]),
        ("warmed_number", "warmup({t}, 0.3, steps: 3)", [0.3 * min((s + 1) / 3, 1) for s in range(n)]),
    ]
    for name, dnet, values in formulas:
        values = torch.tensor(values)
        tensor = dnet.format(t="t") if name != "constant" else "0 * t + " + dnet.format(t="t")
        g.case(name, tensor.replace("(t,", "(cast(iota([12]), f32) + 1,").replace("0 * t", "zeros([12])"),
               lambda values=values: values, {})
        g.case(name + "_static", f"concatenate([for t in 1..12: full([1], {dnet.format(t='t')})])",
               lambda values=values: values, {})
    g.write()


def metrics():
    g = Group("metrics", "Metrics against their definitions.")
    rng = g.rng
    scores, labels = rng.normal(size=(12, 4)), rng.integers(0, 4, 12).astype(float)
    w = (rng.random(12) > 0.3) * rng.random(12)
    hit = torch.tensor(scores.argmax(1) == labels) * 1.0
    fixed = {"x": scores, "t": labels, "w": w}

    def fixed_case(name, dnet, value, **inputs):
        value = torch.as_tensor(value) * 1.0
        g.case(name, dnet, lambda **_: value, {}, fixed=inputs)

    fixed_case("accuracy_mean", "accuracy(x, cast(t, i32))", hit.mean(), x=scores, t=labels)
    fixed_case("accuracy_weight", "accuracy(x, cast(t, i32), weight: w)", (hit * torch.tensor(w)).sum() / w.sum(), **fixed)
    two = (scores[:, 0] > 0) * 1.0
    other = (rng.random(12) > 0.5) * 1.0
    fixed_case("binary", "binary_accuracy(x, t, threshold: 0)", (two == other).mean(), x=scores[:, 0].copy(), t=other)
    predicted = scores.argmax(1)
    m = np.zeros((4, 4))
    for i, j in zip(labels.astype(int), predicted):
        m[i, j] += 1
    mw = np.zeros((4, 4))
    for i, j, k in zip(labels.astype(int), predicted, w):
        mw[i, j] += k
    matrix = "confusion_matrix(argmax(x), cast(t, i32), 4)"
    fixed_case("confusion", matrix, m, x=scores, t=labels)
    fixed_case("confusion_weight", "confusion_matrix(argmax(x), cast(t, i32), 4, weight: w)", mw, **fixed)
    m[3] = 0
    m[:, 3] = 0   # a class that is neither there nor found
    with np.errstate(invalid="ignore"):
        p = np.nan_to_num(np.diag(m) / m.sum(0))
        r = np.nan_to_num(np.diag(m) / m.sum(1))
        f = np.nan_to_num(2 * p * r / (p + r))
    fixed_case("precision_each", "precision(m)", p, m=m)
    fixed_case("recall_each", "recall(m)", r, m=m)
    fixed_case("f1_each", "f1(m)", f, m=m)
    fixed_case("variance_axis", "variance(x, axes: 0)", scores.var(0), x=scores)
    fixed_case("variance_all", "variance(x)", scores.var(), x=scores)
    fixed_case("norm_all", "norm(x)", np.sqrt((scores ** 2).sum()), x=scores)
    fixed_case("mean_square_keep", "mean_square(x, axes: -1, keep: true)", (scores ** 2).mean(1, keepdims=True), x=scores)
    fixed_case("stack_last", "stack([x, 2 * x], axis: -1)", np.stack([scores, 2 * scores], -1), x=scores)
    fixed_case("one_hot", "one_hot(cast(t, i32), 4)", np.eye(4)[labels.astype(int)], t=labels)
    fixed_case("squeezed", "squeeze(expand_dims(x, 1), -2)", scores, x=scores)
    g.write()


# ---- the GANs --------------------------------------------------------------------------------------
# Weights, noise and images are waves that both sides compute: sin(a * i + b) * scale of the flat index i.


def wave(shape, a, scale, b=0.0, offset=0.0):
    n = int(np.prod(shape))
    return torch.tensor((np.sin(a * np.arange(n) + b) * scale + offset).reshape(shape))


def parameter(shape, a, scale, permute=None, offset=0.0):
    """As a leaf in PyTorch's layout, from dnet's."""
    w = wave(shape, a, scale, 0.0, offset)
    return (w.permute(*permute).contiguous() if permute else w).requires_grad_()


CONV = (3, 2, 0, 1)


def article_gan():
    """The article's networks at 28x28x1, mended; both gradients before either update; Adam(1e-4)."""
    batch = 4
    g = [parameter((100, 6272), 0.37, 0.2), torch.zeros(6272, requires_grad=True),
         parameter((5, 5, 64, 128), 0.73, 0.3, CONV), torch.zeros(64, requires_grad=True),
         parameter((5, 5, 1, 64), 0.59, 0.3, CONV), torch.zeros(1, requires_grad=True)]
    d = [parameter((5, 5, 1, 64), 0.83, 0.3, CONV), torch.zeros(64, requires_grad=True),
         parameter((5, 5, 64, 128), 0.91, 0.2, CONV), torch.zeros(128, requires_grad=True),
         parameter((6272, 1), 0.67, 0.1), torch.zeros(1, requires_grad=True)]

    def transposed(x, w, b, size):
        y = F.conv_transpose2d(x, w, None, 2)[:, :, 1:1 + size, 1:1 + size]  # same: of 3 to spare, 1 before
        return y + b.reshape(1, -1, 1, 1)

    def generator(z):
        x = torch.relu(z @ g[0] + g[1]).reshape(-1, 7, 7, 128).movedim(-1, 1)
        x = torch.relu(transposed(x, g[2], g[3], 14))
        return torch.tanh(transposed(x, g[4], g[5], 28))

    def discriminator(x):
        x = F.leaky_relu(F.conv2d(F.pad(x, (1, 2, 1, 2)), d[0], d[1], 2), 0.01)
        x = F.leaky_relu(F.conv2d(F.pad(x, (1, 2, 1, 2)), d[2], d[3], 2), 0.01)
        return x.movedim(1, -1).flatten(1) @ d[4] + d[5]

    bce = F.binary_cross_entropy_with_logits
    g_adam, d_adam = torch.optim.Adam(g, lr=1e-4), torch.optim.Adam(d, lr=1e-4)
    losses = []
    for t in range(1, 11):
        real = wave((batch, 28, 28, 1), 0.113, 1.0, float(t)).movedim(-1, 1)
        fake = generator(wave((batch, 100), 0.71, 1.4, 1.3 * t))
        scores = discriminator(real)
        seen = discriminator(fake.detach())
        d_loss = bce(scores, torch.ones_like(scores)) + bce(seen, torch.zeros_like(seen))
        judged = discriminator(fake)
        g_loss = bce(judged, torch.ones_like(judged))
        d_grads = torch.autograd.grad(d_loss, d)
        g_grads = torch.autograd.grad(g_loss, g)
        for p, grad in zip(d + g, d_grads + g_grads):
            p.grad = grad
        d_adam.step()
        g_adam.step()
        losses.append([d_loss.item(), g_loss.item()])
    return losses


def dcgan():
    """PyTorch's DCGAN tutorial at 64x64x3: D is updated, then G by the new D. Adam(2e-4, betas 0.5, 0.999)."""
    batch, nz, nf = 2, 100, 64
    g, d = [], []
    a = iter(np.arange(30) * 0.013 + 0.31)

    def conv(shape, to):
        to.append(parameter(shape, float(next(a)), 0.05, CONV))

    def norm(c, to):
        to.append(parameter((c,), float(next(a)), 0.1, offset=1.0))
        to.append(torch.zeros(c, requires_grad=True))

    widths = [nf * 8, nf * 4, nf * 2, nf]
    for i, (c, before) in enumerate(zip(widths, [nz] + widths)):
        conv((4, 4, c, before), g)
        norm(c, g)
    conv((4, 4, 3, nf), g)
    for i, (c, before) in enumerate(zip(widths[::-1], [3] + widths[::-1])):
        conv((4, 4, before, c), d)
        if i:
            norm(c, d)
    conv((4, 4, nf * 8, 1), d)

    def bn(x, gamma, beta):
        return F.batch_norm(x, None, None, gamma, beta, True, 0.1, 1e-5)

    def generator(z):
        x = z.reshape(-1, nz, 1, 1)
        for i in range(4):
            w, gamma, beta = g[3 * i:3 * i + 3]
            x = torch.relu(bn(F.conv_transpose2d(x, w, None, *((1, 0) if i == 0 else (2, 1))), gamma, beta))
        return torch.tanh(F.conv_transpose2d(x, g[12], None, 2, 1))

    def discriminator(x):
        x = F.leaky_relu(F.conv2d(x, d[0], None, 2, 1), 0.2)
        for i in range(3):
            w, gamma, beta = d[1 + 3 * i:4 + 3 * i]
            x = F.leaky_relu(bn(F.conv2d(x, w, None, 2, 1), gamma, beta), 0.2)
        return torch.sigmoid(F.conv2d(x, d[10]).reshape(-1))

    g_adam = torch.optim.Adam(g, lr=2e-4, betas=(0.5, 0.999))
    d_adam = torch.optim.Adam(d, lr=2e-4, betas=(0.5, 0.999))
    bce, losses = F.binary_cross_entropy, []
    for t in range(1, 11):
        real = wave((batch, 64, 64, 3), 0.0113, 1.0, float(t)).movedim(-1, 1)
        fake = generator(wave((batch, nz), 0.71, 1.4, 1.3 * t))
        d_loss = bce(discriminator(real), torch.ones(batch)) + bce(discriminator(fake.detach()), torch.zeros(batch))
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        g_loss = bce(discriminator(fake), torch.ones(batch))
        g_adam.zero_grad()
        g_loss.backward()
        g_adam.step()
        losses.append([d_loss.item(), g_loss.item()])
    return losses


def gans():
    with open(os.path.join(HERE, "gan.want.json"), "w") as f:
        json.dump({"article": article_gan(), "dcgan64": dcgan()}, f, indent=1)


if __name__ == "__main__":
    layers()
    activations()
    losses()
    optimizers()
    schedules()
    metrics()
    gans()
