"""--max-memory on a GPU (the simulated one): the device holds no more than it may, what is computed again has the same
bits, and where that cannot be, the message says what holds the memory.
"""
import json
import os
import re

from endtoend import BUILD, DNETC, ROOT, check, finish, folder, read, run_fails, run_ok, sha256, write

ERRORS = 1
KIB = 1 << 10
SANITIZED = os.path.basename(BUILD) == "debug"  # where a step takes seconds
DRIVER = os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")
DCGAN = os.path.join(ROOT, "examples/dcgan/dcgan64.dnet")
SMALL = ["-D", "batch=2", "-D", "ngf=4", "-D", "ndf=4", "-D", "nz=10"]
RUN = """
command run() {
    let real = normal([batch, 64, 64, 3], seed: 3)
    log_to("losses.csv")
    for i in 1..2 { log train_step(real) }
    save_npy(G(normal([2, nz], seed: 1)), "made.npy")
}
"""


def program():
    """The example's step, and a command of ours: its own draws 64 pictures, which is more than a step of two takes."""
    text = read(DCGAN).decode()
    return text[:text.index("\ncommand ")] + RUN


def device_bytes(cwd, *options):
    """What the device will hold, of it the arena, and what was said about fitting."""
    done = run_ok(DNETC, "t.dnet", "-target", "cuda", *SMALL, *options, "--report=memory", cwd=cwd)
    sums = done.out[done.out.find("memory of the program"):]
    found = [re.search(rf"  {name} .* (\d+) bytes", sums) for name in ("device in all", "arena")]
    return [int(f.group(1)) for f in found] + [done.err]


def results(cwd, precision, *options):
    """The bits of two steps and of a sample, and what the device held at most."""
    program, summary = os.path.join(cwd, "t"), os.path.join(cwd, "summary.json")
    run_ok(DNETC, "t.dnet", "-target", "cuda", "--precision", precision, *SMALL, *options, "-o", program, cwd=cwd)
    run_ok(program, "run", "--overwrite", cwd=cwd, DNET_CUDA_DRIVER=DRIVER, CUDASIM_SUMMARY="1",
           CUDASIM_SUMMARY_FILE=summary)
    return ([sha256(os.path.join(cwd, name)) for name in ("losses.csv", "made.npy")],
            json.loads(read(summary))["peak"])


def least_of(cwd, limit):
    """Bytes that the device needs at least, as the message says that refuses `limit`."""
    failed = run_fails(ERRORS, DNETC, "t.dnet", "-target", "cuda", *SMALL, "--max-memory", str(limit), "-o", "t",
                       cwd=cwd, says=[" KiB on the GPU, more than --max-memory=", "variables take ", "hint: ",
                                      "-D batch="])
    holders = r"the rest is most at t\.dnet:\d+, which needs\n +[\d.]+ KiB  \w+ f32\[.*\] from \S+:\d+"
    check(re.search(holders, failed.err), failed.err)
    return int(float(re.search(r"train_step needs ([\d.]+) KiB", failed.err).group(1)) * KIB)


def test_budgets():
    cwd = folder()
    write(os.path.join(cwd, "t.dnet"), program())
    whole, arena, _ = device_bytes(cwd)
    least = least_of(cwd, whole - arena + 256)
    check(whole - arena < least < 0.9 * whole, least, whole, arena)
    check(device_bytes(cwd, "--max-memory", str(whole)) == [whole, arena, ""])
    for precision in ("tf32",) if SANITIZED else ("tf32", "f32"):
        plain, peak = results(cwd, precision)
        check(peak == whole, peak, whole)
        limit = least if precision == "tf32" else (least + whole) // 2
        taken, _, said = device_bytes(cwd, "--max-memory", str(limit))
        how = r"by recomputing \d+ kernels?: [\d.]+% more FLOPs"
        check(re.search(rf"train_step on the GPU: [\d.]+ KiB fit into [\d.]+ KiB {how}", said), said)
        again, peak = results(cwd, precision, "--max-memory", str(limit))
        check(again == plain, precision, limit)
        check(peak == taken <= limit, peak, taken, limit)


def test_without_room():
    cwd = folder()
    write(os.path.join(cwd, "t.dnet"), program())
    run_fails(ERRORS, DNETC, "t.dnet", "-target", "cuda", *SMALL, "--max-memory=10K", "-o", "t", cwd=cwd,
              says=[" on the GPU, data buffers and results ", "no room for anything else in --max-memory=10K"])
    # A device that has less says how a program is made that fits.
    run_ok(DNETC, "t.dnet", "-target", "cuda", *SMALL, "-o", "t", cwd=cwd)
    run_fails(ERRORS, os.path.join(cwd, "t"), "run", cwd=cwd, DNET_CUDA_DRIVER=DRIVER, CUDASIM_MEMORY=str(1500 * KIB),
              says=["the program needs 1.6 MiB of the GPU's memory: ", " has 1.5 MiB, 1.5 of them free\n",
                    "note: variables 0.3 MiB, intermediate values ",
                    "hint: compiled with --max-memory=1M it computes values again that do not fit\n"])
    # Each target has its own memory, and its own way to fit.
    said = run_ok(DNETC, "t.dnet", "-target", "x86,cuda", *SMALL, "--max-memory=1420K", "-o", "t", cwd=cwd).err
    for part in ("train_step: ", "train_step on the GPU: "):
        check(re.search(f"^{part}.* fit into ", said, re.M), part, said)


test_budgets()
test_without_room()
finish()
