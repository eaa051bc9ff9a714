"""The memory that `--report=memory` promises is what the running program allocates, for every example."""
import os
import re

from endtoend import (DNET, DNETC, MNIST, MNIST_LABELS, ROOT, TINY_GAN, check, finish, folder, png_bytes, run_ok, write,
                      write_mnist)

EXAMPLES = os.path.join(ROOT, "examples")
# What variables and intermediate values take; the data buffers depend on the datasets.
PROMISED = ("parameters", "state", "optimizer slots", "arena")


def table(text, head):
    """The bytes by name in the table below the line `head`."""
    found = {}
    for line in text[text.find(head):].split("\n")[1:]:
        match = re.match(r"  (\w[\w ]*?) +[\d.]+ MiB +(\d+) bytes", line)
        if not match:
            break
        found[match.group(1)] = int(match.group(2))
    return found


def check_promise(cwd, program, *command, options=()):
    promised = table(run_ok(DNETC, *options, program, "--report=memory", cwd=cwd).out, "memory of the program ")
    run = run_ok(DNET, "--profile", *options, program, *command, cwd=cwd)
    allocated = table(run.err, "memory allocated")
    check(set(allocated) == set(PROMISED), allocated)
    for name in PROMISED:
        check(promised.get(name) == allocated.get(name), program, name, promised, allocated)
    check(promised["peak"] == sum(promised.values()) - promised["peak"], program, promised)
    return promised


def test_article():
    cwd = folder()
    write_mnist(os.path.join(cwd, "digits.idx"), 0, 40)
    promised = check_promise(cwd, os.path.join(EXAMPLES, "article/gan.dnet"), "train", "--images", "digits.idx",
                             "--epochs", "1", options=["-D", "batch=16"])
    check(promised["optimizer slots"] >= 2 * promised["parameters"] > 0, promised)  # Adam's moments


def test_lenet():
    cwd = folder()
    write_mnist(os.path.join(cwd, "some.idx"), 0, 260)
    check_promise(cwd, os.path.join(EXAMPLES, "mnist/lenet.dnet"), "train", "--images", "some.idx", "--labels",
                  "some.idx.labels", "--test-images", MNIST, "--test-labels", MNIST_LABELS, "--epochs", "1")


def test_dcgan():
    cwd = folder()
    for i in range(8):
        write(os.path.join(cwd, f"pictures/{i}.png"), png_bytes(64, 64, 3, lambda x, y: (x * i, y, 9 * i)))
    promised = check_promise(cwd, os.path.join(EXAMPLES, "dcgan/dcgan64.dnet"), "train", "--images", "pictures",
                             "--epochs", "1", options=["-D", "batch=4", "-D", "ngf=4", "-D", "ndf=4", "-D", "nz=10"])
    check(promised["state"] > 0, promised)  # of batch norm


def test_tiny():
    for precision in ("f32", "f64"):
        check_promise(folder(), TINY_GAN, "train", "--images", MNIST, "--take-n", "32", "--epochs", "1",
                      options=["--precision", precision])


test_article()
test_lenet()
test_dcgan()
test_tiny()
finish()
