"""Convolutions for XLA's CPU compiler, channels last: forward and both gradients as dense products.

XLA's own gradient of a strided convolution dilates its operands with zeros and multiplies them too. Here the
gradient for the input, which is also the transposed convolution, is stride^2 dense convolutions, one for each
phase of the pixels, and the gradient for the kernel one product over all pixels. The dense ones are lax.conv where
DENSE is "conv", and a product of gathered patches where it is "dot".
"""
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

DENSE = "dot"


def patches(x, kernel, stride, lo, out):
    """The kernel[0] x kernel[1] patch under each of out[0] x out[1] places, as channels; lo zeros before."""
    sides = [(n + l, (o - 1) * stride + k) for n, l, o, k in zip(x.shape[1:3], lo, out, kernel)]
    pads = [(0, 0, 0)] + [(l, used - have, 0) for l, (have, used) in zip(lo, sides)] + [(0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), pads)
    cut = [x[:, i:i + (out[0] - 1) * stride + 1:stride, j:j + (out[1] - 1) * stride + 1:stride]
           for i in range(kernel[0]) for j in range(kernel[1])]
    return cut[0] if len(cut) == 1 else jnp.concatenate(cut, axis=3)


def dense(x, w, stride, lo, out):
    """x [N, H, W, C] with w [kh, kw, C, F] at out places."""
    if DENSE == "conv":
        pads = [(l, (o - 1) * stride + k - n - l)
                for l, o, k, n in zip(lo, out, w.shape[:2], x.shape[1:3])]
        return lax.conv_general_dilated(x, w, (stride, stride), pads,
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.dot(patches(x, w.shape[:2], stride, lo, out), w.reshape(-1, w.shape[3]))


def input_gradient(g, w, stride, lo, size):
    """The adjoint of dense() in x: g [N, P, Q, F] and w [kh, kw, C, F] give [N, *size, C]."""
    def taps(axis, phase):
        """Of the pixels i = phase (mod stride): the taps that reach them, last first, and the zeros before g."""
        first = (phase + lo[axis]) % stride
        n = len(range(first, w.shape[axis], stride))
        return first, n, n - 1 - (phase + lo[axis]) // stride

    rows = []
    for a in range(stride):
        row = []
        for b in range(stride):
            (i, _, top), (j, _, left) = taps(0, a), taps(1, b)
            part = w[i::stride, j::stride][::-1, ::-1].transpose(0, 1, 3, 2)
            out = [-(-(size[0] - a) // stride), -(-(size[1] - b) // stride)]
            row.append(dense(g, part, 1, (top, left), out))
        rows.append(row)
    if stride == 1:
        return rows[0][0]
    woven = jnp.stack([jnp.stack(row, axis=3) for row in rows], axis=2)
    return woven.reshape(g.shape[0], *size, w.shape[2])


def kernel_gradient(x, g, kernel, stride, lo):
    columns = patches(x, kernel, stride, lo, g.shape[1:3])
    product = lax.dot_general(columns, g, (((0, 1, 2), (0, 1, 2)), ((), ())))
    return product.reshape(*kernel, x.shape[3], g.shape[3])


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def conv(x, w, stride, lo, out):
    return dense(x, w, stride, lo, out)


def conv_forward(x, w, stride, lo, out):
    return conv(x, w, stride, lo, out), (x, w)


def conv_backward(stride, lo, out, saved, g):
    x, w = saved
    return input_gradient(g, w, stride, lo, x.shape[1:3]), kernel_gradient(x, g, w.shape[:2], stride, lo)


conv.defvjp(conv_forward, conv_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def conv_transpose(y, w, stride, lo, size):
    return input_gradient(y, w, stride, lo, size)


def conv_transpose_forward(y, w, stride, lo, size):
    return conv_transpose(y, w, stride, lo, size), (y, w)


def conv_transpose_backward(stride, lo, size, saved, g):
    y, w = saved
    return (dense(g, w, stride, lo, y.shape[1:3]),
            kernel_gradient(g, y, w.shape[:2], stride, lo))


conv_transpose.defvjp(conv_transpose_forward, conv_transpose_backward)
