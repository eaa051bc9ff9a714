"""One run of a reference workload in PyTorch, eager: a line "step SECONDS" for each measured step.

Usage: pytorch_bench.py seed28|dcgan64 STEPS THREADS. As fast as plain PyTorch code goes:
channels_last, fused Adam, no gradients of the discriminator's weights in the generator's half.
The networks and the order of updates are those of seed28.dnet and dcgan64.dnet.
"""
import sys
import time

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce


class Seed28:
    batch, z_dim, image = 64, 100, (1, 28, 28)

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(100, 7 * 7 * 128)
            self.up1 = nn.ConvTranspose2d(128, 64, 5, 2, padding=2, output_padding=1)
            self.up2 = nn.ConvTranspose2d(64, 1, 5, 2, padding=2, output_padding=1)

        def forward(self, z):
            x = self.dense(z).relu().view(-1, 7, 7, 128).permute(0, 3, 1, 2)
            return self.up2(self.up1(x).relu()).tanh()

    @staticmethod
    def discriminator():
        return nn.Sequential(
            nn.Conv2d(1, 64, 5, 2, padding=2), nn.LeakyReLU(0.01),
            nn.Conv2d(64, 128, 5, 2, padding=2), nn.LeakyReLU(0.01),
            nn.Flatten(), nn.Linear(7 * 7 * 128, 1))

    adam = dict(lr=1e-4)
    alternating = False  # both gradients are taken before either update

    def noise(self):
        return torch.randn(self.batch, 100)


class Dcgan64:
    batch, image = 128, (3, 64, 64)

    @staticmethod
    def Generator():
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

    adam = dict(lr=2e-4, betas=(0.5, 0.999))
    alternating = True  # the generator's gradient sees the updated discriminator

    def noise(self):
        return torch.randn(self.batch, 100, 1, 1)


def make_step(work):
    generator = work.Generator().to(memory_format=torch.channels_last)
    discriminator = work.discriminator().to(memory_format=torch.channels_last)
    update_g = torch.optim.Adam(generator.parameters(), fused=True, **work.adam)
    update_d = torch.optim.Adam(discriminator.parameters(), fused=True, **work.adam)

    def loss(images, target):
        logits = discriminator(images)
        return bce(logits, torch.full_like(logits, target))

    def step(real):
        update_d.zero_grad(set_to_none=True)
        update_g.zero_grad(set_to_none=True)
        fake = generator(work.noise())
        d_loss = loss(real, 1.0) + loss(fake.detach(), 0.0)
        d_loss.backward()
        if work.alternating:
            update_d.step()
        discriminator.requires_grad_(False)
        g_loss = loss(fake, 1.0)
        g_loss.backward()
        discriminator.requires_grad_(True)
        if not work.alternating:
            update_d.step()
        update_g.step()
        return d_loss.item(), g_loss.item()

    return step


def main():
    name, steps, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    work = {"seed28": Seed28, "dcgan64": Dcgan64}[name]()
    real = torch.randn(work.batch, *work.image).to(memory_format=torch.channels_last)
    step = make_step(work)
    for i in range(steps + 1):  # the first warms up
        start = time.perf_counter()
        step(real)
        if i:
            print("step", time.perf_counter() - start, flush=True)


main()
