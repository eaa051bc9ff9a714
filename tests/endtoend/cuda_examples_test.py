"""Every example, compiled for x86 and a GPU, trains on both alike; the GPU is the simulated one, which checks what it runs.

In f32 the first ten steps agree to 1e-5; the device allocates what --report=memory says, once.
"""
import csv
import json
import os
import re

from endtoend import (BUILD, DNETC, ROOT, TINY_GAN, check, finish, folder, png_bytes, run_ok, write, write_mnist)

EXAMPLES = os.path.join(ROOT, "examples")
GPU = {"DNET_CUDA_DRIVER": os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")}
SANITIZED = os.path.basename(BUILD) == "debug"
TOLERANCE = 1e-5


def compile_both(cwd, source, *options):
    program = os.path.join(cwd, "program")
    run_ok(DNETC, source, "-target", "x86,cuda", "--precision=f32", "-o", program, *options, cwd=cwd)
    return program


def rows_of(path):
    with open(path) as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def check_same(here, there, steps, *what):
    check(len(here) == len(there) == steps, *what, len(here), len(there))
    for number, (a, b) in enumerate(zip(here, there)):
        far = {name: (a[name], b[name]) for name in a if abs(a[name] - b[name]) > TOLERANCE * max(1, abs(a[name]))}
        check(not far, *what, "step", number + 1, far)


def check_memory(program_source, cwd, summary, *options):
    report = run_ok(DNETC, program_source, "-target", "cuda", "--report=memory", *options, cwd=cwd).out
    promised = {name: int(size) for name, size in
                re.findall(r"  (device in all|pinned) +[\d.]+ MiB +(\d+) bytes", report)}
    check(summary["peak"] == promised["device in all"], summary["peak"], promised)
    check(summary["host_peak"] == promised["pinned"], summary["host_peak"], promised)
    check(summary["allocations"] == summary["host_allocations"] == 1, summary)


def train_both(source, options, *command, out, steps):
    """Trains on the processor and on the GPU; `out` holds losses.csv."""
    cwd = folder()
    program = compile_both(cwd, source, *options)
    run_ok(program, "--device=cpu", "train", *command, "--out", "cpu", cwd=cwd)
    summary = os.path.join(cwd, "summary.json")
    run_ok(program, "--device=0", "train", *command, "--out", "gpu", cwd=cwd, CUDASIM_SUMMARY="1",
           CUDASIM_SUMMARY_FILE=summary, **GPU)
    if out:
        check_same(rows_of(os.path.join(cwd, "cpu", out)), rows_of(os.path.join(cwd, "gpu", out)), steps, source)
    with open(summary) as file:
        counts = json.load(file)
    check(counts["graph_launches"] >= steps - 1, counts)
    check(counts["problems"] == 0, counts)
    check_memory(source, cwd, counts, *options)
    return cwd, program


def digits(count):
    path = os.path.join(folder(), "digits.idx")
    write_mnist(path, 0, count)
    return path


def test_article():
    steps = 2 if SANITIZED else 10
    train_both(os.path.join(EXAMPLES, "article/gan.dnet"), ["-D", "batch=1"], "--images", digits(steps),
               "--epochs", "1", out="losses.csv", steps=steps)


def test_tiny():
    cwd, program = train_both(TINY_GAN, [], "--images", digits(160), "--take-n", "160", "--epochs", "1",
                              out="losses.csv", steps=10)
    run_ok(program, "--device=0", "sample", "--weights", "cpu/gan.ckpt", cwd=cwd, **GPU)


def test_dcgan():
    cwd = folder()
    for i in range(8):
        write(os.path.join(cwd, f"pictures/{i}.png"), png_bytes(64, 64, 3, lambda x, y: (x * i, y, 9 * i)))
    train_both(os.path.join(EXAMPLES, "dcgan/dcgan64.dnet"),
               ["-D", "batch=2", "-D", "ngf=4", "-D", "ndf=4", "-D", "nz=10"], "--images",
               os.path.join(cwd, "pictures"), "--epochs", "1", out="losses.csv", steps=4)


def test_lenet():
    """Its log goes to the terminal."""
    cwd = folder()
    write_mnist(os.path.join(cwd, "some.idx"), 0, 32)
    program = compile_both(cwd, os.path.join(EXAMPLES, "mnist/lenet.dnet"), "-D", "batch=8", "-D",
                           "test_batch=16")
    said = []
    for device, environment in (("cpu", {}), ("0", GPU)):
        said.append(run_ok(program, f"--device={device}", "train", "--images", "some.idx", "--labels",
                           "some.idx.labels", "--test-images", "some.idx", "--test-labels", "some.idx.labels",
                           "--epochs", "1", "--out", f"weights-{device}.safetensors", cwd=cwd, **environment).out)
    check(said[0].splitlines()[0] == said[1].splitlines()[0], said)


def main():
    test_tiny()
    test_dcgan()
    test_lenet()
    test_article()
    finish()


main()
