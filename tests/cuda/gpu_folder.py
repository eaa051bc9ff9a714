"""Makes build/gpu-test: gpu_test.sh with the programs, cases and data that it needs.

gpu_folder.py BUILD_DIR [--small FOLDER]      --small: for the simulated GPU, with networks that it computes in seconds
"""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "endtoend"))

import embedding  # noqa: E402
from endtoend import BUILD, DNET, DNETC, MNIST, MNIST_LABELS, TINY_GAN, read, read_npy, write  # noqa: E402

GPUS = "cuda:sm_80,cuda:sm_90a"
PRECISIONS = ("f32", "tf32", "bf16")
# Kind, precision, graphs, name.
CASES = [("ops", "f64", 0, "ops-f64"), ("ops", "f32", 0, "ops-f32"), ("ops", "tf32", 0, "ops-tf32"),
         ("ops", "bf16", 0, "ops-bf16"), ("random", "f32", 256, "random-f32"), ("random", "tf32", 256, "random-tf32"),
         ("random", "bf16", 256, "random-bf16"), ("random", "tf32", 64, "few-tf32")]
SMALL_CASES = [("ops", "tf32", 0, "ops-tf32"), ("random", "f32", 32, "random-f32"), ("random", "tf32", 8, "few-tf32")]
# What is added to a GAN, whose training step takes images and perhaps how far its rate has gone down.
STEPS = """
/// Twice ten steps, with a checkpoint after each ten.
command steps(images: path, out: path) {
    let digits = idx(images) |> take(10 * batch) |> rescale(1 / 127.5, offset: -1) |> shuffle |> batch(batch)
    log_to("{out}/losses.csv")
    for epoch in 1..2 {
        for real in digits {
            log train_step(real%s)
        }
        checkpoint("{out}/epoch-{epoch}.ckpt")
    }
    save_npy(G(normal([8, z_dim], seed: 1)), "{out}/made.npy")
}
"""


def run(*command, cwd=None):
    print("+", *command, flush=True)
    subprocess.run(command, check=True, cwd=cwd)


def make_cases(folder, cases):
    for kind, precision, graphs, name in cases:
        run(os.path.join(BUILD, "tests", "make_cases"), kind, precision, os.path.join(folder, "cases", name + ".cases"),
            "1", str(graphs))


def compile_fitting(folder, source, constants):
    """A program in the least memory that recomputing gives it, and fits.txt about that."""
    target = ["-target", GPUS, "--precision", "tf32", *constants]
    report = subprocess.run([DNETC, source, *target, "--report=memory"], stdout=subprocess.PIPE, text=True, check=True)
    sizes = {name: int(n) for name, n in re.findall(r"  (arena|device in all) +[\d.]+ MiB +(\d+) bytes", report.stdout)}
    # What it needs at least is what is said of a limit that leaves no arena.
    limit = sizes["device in all"] - sizes["arena"] + 256
    refused = subprocess.run([DNETC, source, *target, "--max-memory", str(limit), "-o", os.devnull],
                             stderr=subprocess.PIPE, text=True, check=False).stderr
    needs = re.search(r"needs ([\d.]+) ([KM])iB on the GPU", refused)
    if not needs:
        sys.exit(f"gpu_folder.py: not said how little memory is enough:\n{refused}")
    least = int(float(needs[1]) * {"K": 1 << 10, "M": 1 << 20}[needs[2]])
    done = subprocess.run([DNETC, source, *target, "--max-memory", str(least), "-o", os.path.join(folder, "gan-fits")],
                          stderr=subprocess.PIPE, text=True, check=True)
    write(os.path.join(folder, "fits.txt"), done.stderr.splitlines()[0] + "\n")


def compile_programs(folder, gan, rate, *constants):
    source = os.path.join(folder, "gan.dnet")
    write(source, read(gan).decode() + STEPS % rate)
    for precision in PRECISIONS:
        run(DNETC, source, "-target", "x86," + GPUS, "--precision", precision, "-o",
            os.path.join(folder, "gan-" + precision), *constants)
    compile_fitting(folder, source, constants)


def compile_library(folder):
    """A library for GPUs with programs in C that use it, and the program from the same source."""
    cwd = os.path.join(folder, "library")
    write(os.path.join(cwd, "gan.dnet"), read(TINY_GAN).decode() + embedding.EXPORTS)
    run(DNET, "gan.dnet", "train", "--images", MNIST, "--take-n", "64", "--epochs", "1", cwd=cwd)
    run(DNET, "gan.dnet", "noise", "--out", "noise.npy", "--overwrite", cwd=cwd)
    write(os.path.join(cwd, "noise"), read_npy(os.path.join(cwd, "noise.npy"))[2])
    run(DNETC, "gan.dnet", "-target", GPUS, "-o", "program", cwd=cwd)
    run(DNETC, "gan.dnet", "-target", GPUS, "-static", cwd=cwd)
    for name, source in (("use", "embed_use.c.in"), ("devices", "cuda_embed_use.c.in")):
        run("cc", "-std=c99", "-D_GNU_SOURCE", *embedding.sanitizers(os.path.join(cwd, "libgan.a")), "-I.", "-o", name,
            "-x", "c", os.path.join(ROOT, "tests/endtoend", source), "-x", "none", "-L.", "-lgan", "-lm", "-pthread",
            cwd=cwd)


def main():
    small = "--small" in sys.argv
    folder = os.path.abspath(sys.argv[sys.argv.index("--small") + 1]) if small else os.path.join(BUILD, "gpu-test")
    for part in ("cases", "data", "library"):  # results.txt stays
        shutil.rmtree(os.path.join(folder, part), ignore_errors=True)
        os.makedirs(os.path.join(folder, part))
    shutil.copy(os.path.join(HERE, "gpu_test.sh"), os.path.join(folder, "run"))
    shutil.copy(os.path.join(BUILD, "tests", "run_cases"), folder)
    shutil.copy(MNIST, os.path.join(folder, "data", "images.gz"))
    shutil.copy(MNIST_LABELS, os.path.join(folder, "data", "labels.gz"))
    make_cases(folder, SMALL_CASES if small else CASES)
    compile_library(folder)
    if small:
        compile_programs(folder, TINY_GAN, "", "-D", "batch=2")
    else:
        compile_programs(folder, os.path.join(ROOT, "examples/article/gan.dnet"), ", 1.0")
        run(DNETC, os.path.join(ROOT, "examples/mnist/lenet.dnet"), "-o", os.path.join(folder, "lenet"))
    print(f"made {folder}; on a machine with a GPU: {os.path.basename(folder)}/run")


main()
