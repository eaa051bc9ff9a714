"""Compiled programs with CUDA code: which device computes, what is said where none can, and that a program does the
same on a GPU (the simulated one) as on the processor: numbers, checkpoints both ways, Ctrl-C, --profile.
"""
import csv
import os
import signal
import subprocess

from endtoend import (BUILD, DNETC, HERE, check, check_in, environment, finish, folder, run, run_fails, run_ok, write)

LINE = os.path.join(HERE, "line.dnet")
DRIVER = os.path.join(BUILD, "tests", "cudasim", "libcuda.so.1")
NOWHERE = {"DNET_CUDA_DRIVER": "/nowhere/libcuda.so.1"}
GPU = {"DNET_CUDA_DRIVER": DRIVER}
INTERRUPTED = 130


def compile_for(cwd, target):
    program = os.path.join(cwd, "line-" + target.replace(",", "-"))
    run_ok(DNETC, LINE, "-target", target, "--precision=f32", "-o", program, cwd=cwd)
    return program


def losses(cwd):
    with open(os.path.join(cwd, "fit.csv")) as f:
        return [float(row["loss"]) for row in csv.DictReader(f)]


def check_near(a, b, tolerance, *what):
    far = [(i, x, y) for i, (x, y) in enumerate(zip(a, b)) if abs(x - y) > tolerance * max(1, abs(y))]
    check(len(a) == len(b) and not far, *what, len(a), len(b), far[:3])


# ---- what the program says about devices ----


def test_descriptions(programs, cwd):
    both, cuda, x86 = programs
    version = run_ok(both, "--version", cwd=cwd).out
    check_in("  instruction sets: avx2 avx512\n  CUDA: sm_80\n", version)
    check("instruction sets" not in run_ok(cuda, "--version", cwd=cwd).out)
    check("CUDA:" not in run_ok(x86, "--version", cwd=cwd).out)
    row = "  --device DEVICE  cpu, cuda or a GPU's number (default: cuda)\n"
    check_in(row, run_ok(both, "fit", "--help", cwd=cwd, **NOWHERE).out)
    check_in(row, run_ok(cuda, "fit", "--help", cwd=cwd, **NOWHERE).out)
    check("--device" not in run_ok(x86, "fit", "--help", cwd=cwd).out, "where there is no choice there is no flag")


def test_choices(programs, cwd):
    both, cuda, x86 = programs
    run_fails(1, both, "fit", cwd=cwd, **NOWHERE,
              says=["error: there is no NVIDIA driver\nnote: /nowhere/libcuda.so.1: cannot open",
                    "hint: --device=cpu runs it on the processor\n"])
    run_fails(1, cuda, "fit", cwd=cwd, **NOWHERE,
              says=["hint: compiled with `-target x86,cuda` it can run on the processor, by --device=cpu\n"])
    run_fails(1, cuda, "fit", "--device", "cpu", cwd=cwd, **NOWHERE,
              says=["error: the program was compiled for CUDA alone\nhint: compile it with `-target x86,cuda`\n"])
    run_fails(2, x86, "--device=cuda", "fit", cwd=cwd, says=["error: there is no flag --device=cuda before the command"])
    run_fails(2, x86, "fit", "--device", "cuda", cwd=cwd, says=["error: `fit` has no flag --device\n"])
    for name in ("gpu", "", "-1", "1x"):
        run_fails(1, both, "fit", "--device=" + name, cwd=cwd, **GPU,
                  says=["error: --device is cpu, cuda or the number of a GPU, not " + name + "\n"])
    run_fails(1, both, "--device=1", "fit", cwd=cwd, **GPU, says=["error: there is no GPU number 1: CUDA shows 1"])
    run_fails(1, both, "fit", cwd=cwd, CUDASIM_MEMORY="1000", **GPU,
              says=["error: the program needs 0.0 MiB of the GPU's memory: ", "note: variables 0.0 MiB"])
    run_ok(both, "fit", "--device", "cpu", "--steps", 2, "--overwrite", cwd=cwd, **NOWHERE)
    run_ok(both, "--profile", "--device", "cpu", "fit", "--steps", 2, "--overwrite", cwd=cwd, **NOWHERE)


# ---- the same on every device ----


def test_fit(program):
    here, there = folder(), folder()
    wanted = run_ok(program, "fit", "--device=cpu", cwd=here)
    for order in ("late", "overtake", "random:1"):
        got = run_ok(program, "--device=0", "fit", "--overwrite", cwd=there, CUDASIM_ORDER=order, **GPU)
        check(got.out.splitlines()[-2:] == wanted.out.splitlines()[-2:], got, wanted)
        check_near(losses(there), losses(here), 1e-5, order)
    values = [run_ok(program, "apply", cwd=cwd, **GPU).out for cwd in (here, there)]
    values.append(run_ok(program, "apply", "--device=cpu", cwd=there).out)
    check(len(set(values)) == 1, "the weights of one device on the other", values)


def interrupt(program, cwd, flags, **changes):
    """Runs fit until its first line, then stops it by Ctrl-C; returns whether it was in time."""
    process = subprocess.Popen([program, "fit", "--steps", "60", *flags], cwd=cwd, env=environment(**changes),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    if process.returncode == 0:
        return False
    check(process.returncode == INTERRUPTED, process.returncode, err)
    check_in("interrupted: saved fit.ckpt at step ", err)
    return True


def test_resume(program):
    """A run that is interrupted on a GPU ends on the processor, and the other way round, as one that is not."""
    reference = folder()
    run_ok(program, "fit", "--device=cpu", "--steps", 60, cwd=reference)
    interrupted = 0
    for first, then in (("cuda", "cpu"), ("cpu", "cuda"), ("cuda", "cuda")):
        cwd = folder()
        if interrupt(program, cwd, ["--device=" + first], **GPU):
            interrupted += 1
            run_ok(program, "fit", "--device=" + then, "--resume", "fit.ckpt", cwd=cwd, **GPU)
        check_near(losses(cwd), losses(reference), 1e-4, first, then)
    check(interrupted, "no run was interrupted before its end")


def test_profile(program):
    cwd = folder()
    result = run_ok(program, "--profile", "--trace=trace.json", "fit", "--steps", 3, cwd=cwd, **GPU)
    for part in ("profile of line", "fit_step", "first values", "pinned, on host", ", mean of 3 runs, at 1024.0 GFLOP/s"):
        check_in(part, result.err)
    check(os.path.getsize(os.path.join(cwd, "trace.json")) > 1000)


def test_too_large(cwd):
    """A kernel that cannot be made for GPUs is named, with its line and numbers."""
    write(os.path.join(cwd, "big.dnet"), "step big(x: f32[1200000000, 2], w: f32[2, 2]) {\n    return sum(x @ w)\n}\n")
    run_fails(1, DNETC, "big.dnet", "-target", "cuda", "-o", "big", cwd=cwd,
              says=["error: big.dnet:2:16: dn_k0_dot: dot is too large for CUDA: 1200000000 rows, 2 columns, 2 steps, "
                    "9375000 blocks\n"])


def main():
    cwd = folder()
    test_too_large(cwd)
    programs = [compile_for(cwd, target) for target in ("x86,cuda", "cuda", "x86")]
    test_descriptions(programs, cwd)
    test_choices(programs, cwd)
    test_fit(programs[0])
    test_resume(programs[0])
    test_profile(programs[0])
    finish()


main()
