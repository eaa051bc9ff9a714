"""Convolutions for XLA's CPU compiler, channels last, with gradients that it computes fast.

XLA's own gradient for the input of a strided convolution puts zeros between the pixels (lhs_dilation) and
multiplies them too. Here that gradient, which is also the transposed convolution, is stride^2 dense convolutions,
one for each phase of the pixels, unless its result has only a few channels: then XLA's own is faster. The gradient
for the kernel is XLA's own. Tried and slower on CPU: gathered patches and one matrix product, for each of the three.
"""
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax


def forward(x, w, stride, lo, out):
    """x [N, H, W, C] with w [kh, kw, C, F] at out[0] x out[1] places, with lo zeros before."""
    pads = [(l, (o - 1) * stride + k - n - l)
            for l, o, k, n in zip(lo, out, w.shape[:2], x.shape[1:3])]
    return lax.conv_general_dilated(x, w, (stride, stride), pads,
                                    dimension_numbers=("NHWC", "HWIO", "NHWC"))


def input_gradient(g, w, stride, lo, size):
    """The adjoint of forward() in x: g [N, P, Q, F] and w [kh, kw, C, F] give [N, *size, C]."""
    if w.shape[2] < 8 or jax.default_backend() != "cpu":  # on GPUs they are cuDNN's
        x = jnp.zeros((g.shape[0], *size, w.shape[2]), g.dtype)
        return jax.vjp(lambda x: forward(x, w, stride, lo, g.shape[1:3]), x)[1](g)[0]
    if any(n % stride for n in size):
        raise ValueError("input_gradient: the size must be a multiple of the stride")
    rows = []
    for a in range(stride):
        row = []
        for b in range(stride):
            # Pixels a, b (mod stride) are reached by every stride-th tap, last tap first.
            i, j = (a + lo[0]) % stride, (b + lo[1]) % stride
            part = w[i::stride, j::stride][::-1, ::-1].transpose(0, 1, 3, 2)
            before = (part.shape[0] - 1 - (a + lo[0]) // stride, part.shape[1] - 1 - (b + lo[1]) // stride)
            row.append(forward(g, part, 1, before, (size[0] // stride, size[1] // stride)))
        rows.append(row)
    if stride == 1:
        return rows[0][0]
    woven = jnp.stack([jnp.stack(row, axis=3) for row in rows], axis=2)
    return woven.reshape(g.shape[0], *size, w.shape[2])


def kernel_gradient(x, g, w, stride, lo):
    return jax.vjp(lambda w: forward(x, w, stride, lo, g.shape[1:3]), w)[1](g)[0]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def conv(x, w, stride, lo, out):
    return forward(x, w, stride, lo, out)


def conv_forward(x, w, stride, lo, out):
    return forward(x, w, stride, lo, out), (x, w)


def conv_backward(stride, lo, _, saved, g):
    x, w = saved
    return (input_gradient(g, w, stride, lo, x.shape[1:3]), kernel_gradient(x, g, w, stride, lo))


conv.defvjp(conv_forward, conv_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def conv_transpose(y, w, stride, lo, size):
    return input_gradient(y, w, stride, lo, size)


def conv_transpose_forward(y, w, stride, lo, size):
    return input_gradient(y, w, stride, lo, size), (y, w)


def conv_transpose_backward(stride, lo, _, saved, g):
    y, w = saved
    return forward(g, w, stride, lo, y.shape[1:3]), kernel_gradient(g, y, w, stride, lo)


conv_transpose.defvjp(conv_transpose_forward, conv_transpose_backward)
