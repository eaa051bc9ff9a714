"""One run of a reference workload in PyTorch: a line "step SECONDS" for each measured step; see sides.py.

As fast as plain PyTorch code goes: channels_last, fused Adam, no gradients of the discriminator's weights in the
generator's half. The networks and the order of updates are those of the .dnet files. Where a stride leaves an odd
number of zeros, PyTorch puts one more before and the .dnet files one more after: that is the same work on mirrored
images, and `--losses` mirrors the images and the kernels.

--mode default, reduce-overhead or max-autotune (the last two with CUDA graphs): compiled by torch.compile, in as few graphs as it can be: a network's loss with its
gradient is one, and each optimizer's update another (fused Adam as it is, being one kernel already).
"""
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

import sides


class Flatten(nn.Module):
    """[N, C, H, W] to [N, H*W*C]: no copy where channels are last in memory."""
    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Unflatten(nn.Module):
    def forward(self, x):
        return x.view(-1, 7, 7, 128).permute(0, 3, 1, 2)


class Seed28:
    batch, noise, image = 64, (100,), (1, 28, 28)
    adam = dict(lr=1e-4)
    alternating = False  # both gradients are taken before either update
    mirrored = True

    @staticmethod
    def generator():
        return nn.Sequential(
            nn.Linear(100, 7 * 7 * 128), nn.ReLU(), Unflatten(),
            nn.ConvTranspose2d(128, 64, 5, 2, padding=2, output_padding=1), nn.ReLU(),
            nn.ConvTranspose2d(64, 1, 5, 2, padding=2, output_padding=1), nn.Tanh())

    @staticmethod
    def discriminator():
        return nn.Sequential(
            nn.Conv2d(1, 64, 5, 2, padding=2), nn.LeakyReLU(0.01),
            nn.Conv2d(64, 128, 5, 2, padding=2), nn.LeakyReLU(0.01),
            Flatten(), nn.Linear(7 * 7 * 128, 1))


class Dcgan64:
    batch, noise, image = 128, (100, 1, 1), (3, 64, 64)
    adam = dict(lr=2e-4, betas=(0.5, 0.999))
    alternating = True  # the generator's gradient sees the updated discriminator
    mirrored = False

    @staticmethod
    def generator():
        layers, sizes = [], [100, 512, 256, 128, 64, 3]
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            layers.append(nn.ConvTranspose2d(a, b, 4, 2 if i else 1, 1 if i else 0, bias=False))
            layers += [nn.BatchNorm2d(b), nn.ReLU(True)] if b > 3 else [nn.Tanh()]
        return nn.Sequential(*layers)

    @staticmethod
    def discriminator():
        layers, sizes = [], [3, 64, 128, 256, 512]
        for a, b in zip(sizes, sizes[1:]):
            layers.append(nn.Conv2d(a, b, 4, 2, 1, bias=False))
            layers += [nn.BatchNorm2d(b)] if a > 3 else []
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Flatten(0))


def lenet(drop):
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(True), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2),
        Flatten(), nn.Dropout(0.25 * drop), nn.Linear(3136, 128), nn.ReLU(True), nn.Dropout(0.5 * drop),
        nn.Linear(128, 10))


def load(module, weights, mirrored):
    """Gives a module dnet's parameters: [kh, kw, in, out] becomes [out, in, kh, kw], a matrix its transpose."""
    with torch.no_grad():
        for p, (name, value) in zip(module.parameters(), weights, strict=True):
            value = torch.from_numpy(value)
            if value.dim() == 4:
                value = (value.flip(0, 1) if mirrored else value).permute(3, 2, 0, 1)
            elif mirrored and 7 * 7 * 128 in value.shape:  # pixels are numbers of one axis here
                axis = value.shape.index(7 * 7 * 128)
                pixels = value.unflatten(axis, (7, 7, 128)).flip(axis, axis + 1)
                value = pixels.flatten(axis, axis + 2)
            p.copy_(value.t() if value.dim() == 2 else value)


def precision(options):
    """bf16 is PyTorch's own mixed precision: parameters and the optimizer stay f32."""
    return torch.autocast("cuda", torch.bfloat16, enabled=options.precision == "bf16")


def set_device(options):
    if options.device == "cpu":
        return
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.precision != "f32"
    torch.backends.cudnn.benchmark = True


def compiled(function, options):
    return function if options.mode == "eager" else torch.compile(function, mode=options.mode)


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


def make_gan(work, options):
    generator = work.generator()
    discriminator = work.discriminator()
    real, z = torch.randn(work.batch, *work.image, device=options.device), None
    if options.losses:
        weights, images, noise = sides.first_values(options.losses)
        load(generator, [w for w in weights if w[0].startswith("G")], work.mirrored)
        load(discriminator, [w for w in weights if w[0].startswith("D")], work.mirrored)
        real, z = torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(noise).view(-1, *work.noise)
        real, z = real.to(options.device), z.to(options.device)
        real = real.flip(2, 3) if work.mirrored else real
    generator.to(options.device, memory_format=torch.channels_last)
    discriminator.to(options.device, memory_format=torch.channels_last)
    real = channels_last(real)
    update_g = torch.optim.Adam(generator.parameters(), fused=True, **work.adam)
    update_d = torch.optim.Adam(discriminator.parameters(), fused=True, **work.adam)

    def loss(images, target):
        with precision(options):
            logits = discriminator(images)
        return bce(logits.float(), torch.full_like(logits, target, dtype=torch.float32))

    def images_of_noise():
        with precision(options):
            return generator(torch.randn(work.batch, *work.noise, device=options.device) if z is None else z)

    make = compiled(images_of_noise, options)
    loss_of_d = compiled(lambda fake: loss(real, 1.0) + loss(fake, 0.0), options)
    loss_of_g = compiled(lambda fake: loss(fake, 1.0), options)

    def step():
        update_d.zero_grad(set_to_none=True)
        update_g.zero_grad(set_to_none=True)
        fake = make()
        d_loss = loss_of_d(fake.detach())
        d_loss.backward()
        if work.alternating:
            update_d.step()
        discriminator.requires_grad_(False)
        g_loss = loss_of_g(fake)
        g_loss.backward()
        discriminator.requires_grad_(True)
        if not work.alternating:
            update_d.step()
        update_g.step()
        return d_loss.detach(), g_loss.detach()

    return step


def make_lenet(options):
    model = lenet(0 if options.losses else 1)
    image, label = torch.randn(128, 1, 28, 28), torch.arange(128, device=options.device) % 10
    if options.losses:
        weights, images, _ = sides.first_values(options.losses)
        load(model, weights, False)
        image = torch.from_numpy(images).permute(0, 3, 1, 2)
    model.to(options.device, memory_format=torch.channels_last)
    image = channels_last(image.to(options.device))
    update = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def loss_and_accuracy(image, label):
        with precision(options):
            scores = model(image)
        scores = scores.float()
        right = (scores.argmax(1) == label).float().mean()
        return nn.functional.cross_entropy(scores, label), right

    forward = compiled(loss_and_accuracy, options)

    def step():
        update.zero_grad(set_to_none=True)
        loss, right = forward(image, label)
        loss.backward()
        update.step()
        return loss.detach(), right

    return step


def main():
    options = sides.arguments()
    torch.set_num_threads(options.threads)
    set_device(options)
    torch.manual_seed(1)
    if options.workload == "lenet128":
        step = make_lenet(options)
    else:
        step = make_gan({"seed28": Seed28, "dcgan64": Dcgan64}[options.workload], options)
    sides.run(step, options)


main()
