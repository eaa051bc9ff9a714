"""One run of a reference workload in JAX: the whole step is one jit-compiled function that donates its parameters.

Prints a line "step SECONDS" for each measured step; see sides.py. The networks, their padding and the order of
updates are those of the .dnet files, and so is the layout of the parameters. Dropout draws from the hardware-friendly
generator ("rbg"); the transposed convolutions are jax_conv.py's.
"""
import os

import sides

options = sides.arguments()
os.environ.setdefault("JAX_PLATFORMS", options.device)

import jax
import jax.numpy as jnp
from jax_conv import conv, conv_transpose

jax.config.update("jax_default_prng_impl", "rbg")


def bce(logits, target):
    return jnp.mean(jnp.maximum(logits, 0) - logits * target + jnp.log1p(jnp.exp(-jnp.abs(logits))))


def adam(p, g, m, v, t, lr, beta1=0.9, beta2=0.999):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    change = m / (1 - beta1 ** t) / (jnp.sqrt(v / (1 - beta2 ** t)) + 1e-8)
    return p - lr * change, m, v


def update(state, gradients, t, **settings):
    """state is (parameters, m, v), each a list."""
    parts = [adam(p, g, m, v, t, **settings) for p, g, m, v in zip(state[0], gradients, *state[1:])]
    return tuple(list(part) for part in zip(*parts))


def leaky(x, slope):
    return jnp.where(x > 0, x, slope * x)


def batch_norm(x, moving, gamma, beta):
    mean = jnp.mean(x, (0, 1, 2))
    variance = jnp.mean(jnp.square(x - mean), (0, 1, 2))
    moving = [0.9 * old + 0.1 * jax.lax.stop_gradient(new)
              for old, new in zip(moving, (mean, variance))]
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * gamma + beta, moving


class Seed28:
    batch, noise, image = 64, 100, (28, 28, 1)
    shapes = {"G": [(100, 6272), (6272,), (5, 5, 64, 128), (64,), (5, 5, 1, 64), (1,)],
              "D": [(5, 5, 1, 64), (64,), (5, 5, 64, 128), (128,), (6272, 1), (1,)]}
    norms = {"G": [], "D": []}
    adam = dict(lr=1e-4)
    alternating = False

    @staticmethod
    def generator(p, moving, z):
        x = jax.nn.relu(z @ p[0] + p[1]).reshape(-1, 7, 7, 128)
        x = jax.nn.relu(conv_transpose(x, p[2], 2, (1, 1), (14, 14)) + p[3])
        return jnp.tanh(conv_transpose(x, p[4], 2, (1, 1), (28, 28)) + p[5]), moving

    @staticmethod
    def discriminator(p, moving, x):
        x = leaky(conv(x, p[0], 2, (1, 1), (14, 14)) + p[1], 0.01)
        x = leaky(conv(x, p[2], 2, (1, 1), (7, 7)) + p[3], 0.01)
        return x.reshape(-1, 6272) @ p[4] + p[5], moving


class Dcgan64:
    batch, noise, image = 128, 100, (64, 64, 3)
    shapes = {"G": [(4, 4, 512, 100), (512,), (512,), (4, 4, 256, 512), (256,), (256,), (4, 4, 128, 256), (128,),
                    (128,), (4, 4, 64, 128), (64,), (64,), (4, 4, 3, 64)],
              "D": [(4, 4, 3, 64), (4, 4, 64, 128), (128,), (128,), (4, 4, 128, 256), (256,), (256,),
                    (4, 4, 256, 512), (512,), (512,), (4, 4, 512, 1)]}
    norms = {"G": [512, 256, 128, 64], "D": [128, 256, 512]}
    adam = dict(lr=2e-4, beta1=0.5)
    alternating = True

    @staticmethod
    def generator(p, moving, z):
        # The first layer sees one pixel: a product with its kernel.
        x = jnp.einsum("nc,hwfc->nhwf", z, p[0])
        seen = []
        for i, size in enumerate((8, 16, 32, 64)):
            x, new = batch_norm(x, moving[i], p[3 * i + 1], p[3 * i + 2])
            seen.append(new)
            x = conv_transpose(jax.nn.relu(x), p[3 * i + 3], 2, (1, 1), (size, size))
        return jnp.tanh(x), seen

    @staticmethod
    def discriminator(p, moving, x):
        x = leaky(conv(x, p[0], 2, (1, 1), (32, 32)), 0.2)
        seen = []
        for i, size in enumerate((16, 8, 4)):
            x, new = batch_norm(conv(x, p[3 * i + 1], 2, (1, 1), (size, size)), moving[i],
                                p[3 * i + 2], p[3 * i + 3])
            seen.append(new)
            x = leaky(x, 0.2)
        return jnp.einsum("nhwc,hwcf->nf", x, p[10])[:, 0], seen


def first_state(shapes, folder_weights, key):
    parameters = folder_weights or [
        0.02 * jax.random.normal(jax.random.fold_in(key, i), shape) for i, shape in enumerate(shapes)]
    return ([jnp.array(p) for p in parameters], [jnp.zeros(p.shape) for p in parameters],
            [jnp.zeros(p.shape) for p in parameters])


def gan_step(work, fixed_noise):
    def step(state, real):
        key = jax.random.fold_in(state["key"], state["t"])
        t = state["t"] + 1
        z = jax.random.normal(key, (work.batch, work.noise)) if fixed_noise is None else fixed_noise
        (g, d), (moving_g, moving_d) = (state["G"], state["D"]), state["moving"]
        fake, backward, moving_g = jax.vjp(
            lambda p: work.generator(p, moving_g, z), g[0], has_aux=True)

        def d_loss(p):
            on_real, moving = work.discriminator(p, moving_d, real)
            on_fake, moving = work.discriminator(p, moving, fake)
            return bce(on_real, 1.0) + bce(on_fake, 0.0), moving

        (loss_d, moving_d), gradients = jax.value_and_grad(d_loss, has_aux=True)(d[0])
        new_d = update(d, gradients, t, **work.adam)

        def g_loss(images):
            on_fake, moving = work.discriminator(new_d[0] if work.alternating else d[0], moving_d, images)
            return bce(on_fake, 1.0), moving

        (loss_g, moving_d), gradient = jax.value_and_grad(g_loss, has_aux=True)(fake)
        new_g = update(g, backward(gradient)[0], t, **work.adam)
        state = {"G": new_g, "D": new_d, "moving": (moving_g, moving_d), "key": state["key"], "t": t}
        return state, (loss_d, loss_g)

    return step


def make_gan(work, options):
    weights, real, z = (None, None, None)
    if options.losses:
        weights, real, z = sides.first_values(options.losses)
    key = jax.random.key(1)
    state = {"key": key, "t": jnp.zeros((), jnp.int32), "moving": tuple(
        [[jnp.zeros(n), jnp.ones(n)] for n in work.norms[net]] for net in "GD")}
    for i, net in enumerate("GD"):
        chosen = [value for name, value in weights if name.startswith(net)] if weights else None
        state[net] = first_state(work.shapes[net], chosen, jax.random.fold_in(key, i))
    if real is None:
        real = jax.random.normal(key, (work.batch, *work.image))
    return gan_step(work, None if z is None else jnp.array(z)), state, (jnp.array(real),)


class Lenet128:
    batch = 128
    shapes = [(5, 5, 1, 32), (32,), (3, 3, 32, 64), (64,), (3136, 128), (128,), (128, 10), (10,)]

    @staticmethod
    def scores(p, x, key, drop):
        def dropout(x, rate, key):
            return jnp.where(jax.random.uniform(key, x.shape) < rate, 0, x / (1 - rate)) if drop else x

        def pool(x):
            n, h, w, c = x.shape
            return jnp.max(x.reshape(n, h // 2, 2, w // 2, 2, c), (2, 4))

        first, second = jax.random.split(key)
        x = pool(jax.nn.relu(conv(x, p[0], 1, (2, 2), (28, 28)) + p[1]))
        x = pool(jax.nn.relu(conv(x, p[2], 1, (1, 1), (14, 14)) + p[3]))
        x = dropout(x.reshape(-1, 3136), 0.25, first)
        x = dropout(jax.nn.relu(x @ p[4] + p[5]), 0.5, second)
        return x @ p[6] + p[7]


def make_lenet(options):
    work = Lenet128
    weights, image, _ = sides.first_values(options.losses) if options.losses else (None, None, None)
    key = jax.random.key(1)
    state = {"M": first_state(work.shapes, weights and [value for _, value in weights], key), "key": key,
             "t": jnp.zeros((), jnp.int32)}
    if image is None:
        image = jax.random.normal(key, (work.batch, 28, 28, 1))
    label = jnp.arange(work.batch) % 10

    def step(state, image, label, rate):
        t = state["t"] + 1
        key = jax.random.fold_in(state["key"], t)

        def loss(p):
            scores = work.scores(p, image, key, not options.losses)
            picked = jnp.take_along_axis(jax.nn.log_softmax(scores), label[:, None], 1)
            return -jnp.mean(picked), jnp.mean(jnp.argmax(scores, 1) == label)

        (value, right), gradients = jax.value_and_grad(loss, has_aux=True)(state["M"][0])
        new = update(state["M"], gradients, t, lr=rate)
        return {"M": new, "key": state["key"], "t": t}, (value, right)

    return step, state, (jnp.array(image), label, jnp.float32(1e-3))


def main():
    if options.device == "cuda":
        jax.config.update("jax_default_matmul_precision",
                          {"f32": "highest", "tf32": "tensorfloat32", "bf16": "bfloat16"}[options.precision])
    if options.workload == "lenet128":
        step, state, data = make_lenet(options)
    else:
        step, state, data = make_gan({"seed28": Seed28, "dcgan64": Dcgan64}[options.workload], options)
    compiled = jax.jit(step, donate_argnums=0)

    def one():
        nonlocal state
        state, results = compiled(state, *data)
        return results

    sides.run(one, options)


main()
