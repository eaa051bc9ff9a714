"""The benchmark on a GPU: times compiled dnet programs beside PyTorch, JAX, cuBLAS and cuDNN, in the same run.

`./dev bench --target cuda` makes a folder with this script, the programs and the other sides' scripts. On the machine
with the GPU, which needs python3 and the driver, and torch and jax for what is compared:

python3 FOLDER/gpu.py [PART ...] [--quick] [--markdown]
"""
import argparse
import math
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PRECISIONS = ("tf32", "bf16", "f32")
# GFLOP a step; steps in a window; windows; rounds.
STEPS = {"seed28": (14.8, 200, 5, 3), "dcgan64": (293.0, 20, 5, 3), "lenet128": (3.405, 200, 5, 3)}
GEMM = 4096
TIMES, WINDOW = 5, 20
missing, broken = [], []
as_markdown = False


class Failed(Exception):
    pass


def run(*command, extra=None):
    """The numbers of each line that begins with a word, by the word."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900,
                          env={**os.environ, **(extra or {})})
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise Failed(f"{' '.join(command)}: {lines[-1] if lines else done.returncode}")
    rows = {}
    for line in done.stdout.splitlines():
        word, *numbers = line.split()
        rows.setdefault(word, []).append([float(n) for n in numbers])
    return rows


def python_has(package):
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def program(name, precision):
    return os.path.join(HERE, f"{name}-{precision}")


def script(name):
    return [sys.executable, os.path.join(HERE, name)]


def take_turns(what, sides, rounds):
    """{side: rows of all rounds}; a side that fails is left out, and told about."""
    found = {side: {} for side in sides}
    for turn in range(rounds):
        for side, start in list(sides.items()):
            print(f"{what}: round {turn + 1} of {rounds}, {side}", file=sys.stderr, flush=True)
            try:
                rows = start()
            except (Failed, subprocess.TimeoutExpired) as error:
                (broken if side == "dnet" else missing).append(f"{what}, {side}: {error}")
                del sides[side], found[side]
                continue
            for word, numbers in rows.items():
                found[side].setdefault(word, []).extend(numbers)
    return found


def table(title, head, rows):
    cells = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    print(f"\n**{title}**\n" if as_markdown else f"\n{title}")
    for number, row in enumerate(cells):
        padded = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))]
        print("| " + " | ".join(padded) + " |" if as_markdown else "  " + "   ".join(padded))
        if as_markdown and number == 0:
            print("|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|")
    sys.stdout.flush()


def geometric_mean(numbers):
    return math.exp(statistics.fmean(math.log(n) for n in numbers))


# ---- whole training steps ----

def step_sides(name, precision, windows, window):
    more = ["--steps", str(windows), "--window", str(window)]
    sides = {"dnet": lambda: run(program(name, precision), "bench", *more)}
    common = [name, "--device", "cuda", "--precision", precision, *more]
    if python_has("torch"):
        for side, mode in (("PyTorch eager", "eager"), ("PyTorch compiled", "reduce-overhead"),
                           ("PyTorch max-autotune", "max-autotune")):
            sides[side] = lambda mode=mode: run(*script("torch_step.py"), *common, "--mode", mode)
    else:
        missing.append("PyTorch: not installed")
    if python_has("jax") and python_has("jaxlib"):
        sides["JAX"] = lambda: run(*script("jax_step.py"), *common)
    else:
        missing.append("JAX: not installed")
    return sides


def steps(name, precision, quick):
    gflop, window, windows, rounds = STEPS[name]
    windows, rounds = (2, 1) if quick else (windows, rounds)
    found = take_turns(f"{name} {precision}", step_sides(name, precision, windows, window), rounds)
    rows = []
    for side, words in found.items():
        seconds, first = [row[0] for row in words["step"]], words["first"][0][0]
        rows.append([side, f"{min(seconds) * 1e3:.3f}", f"{statistics.median(seconds) * 1e3:.3f}",
                     f"{gflop / min(seconds) / 1e3:.1f}", f"{first:.2f}"])
    table(f"{name}, {precision}: {gflop} GFLOP a step", ["side", "min ms", "median ms", "TFLOP/s", "first step s"],
          rows)
    others = {side: min(row[0] for row in words["step"]) for side, words in found.items() if side != "dnet"}
    if "dnet" in found and others:
        best = min(others, key=others.get)
        mine = min(row[0] for row in found["dnet"]["step"])
        print(f"  dnet is {others[best] / mine:.2f} times as fast as {best}"
              + (f", {others['PyTorch eager'] / mine:.2f} times as PyTorch eager" if "PyTorch eager" in others else ""))


# ---- single operations ----

def gemm(precision, quick):
    times = 2 if quick else TIMES
    sides = {"dnet": lambda: run(program("gemm", precision), "bench", "--times", str(times), "--window", str(WINDOW))}
    if python_has("torch"):
        sides["cuBLAS"] = lambda: run(*script("gpu_ops.py"), "gemm", precision, str(GEMM), str(times), str(WINDOW))
    found = take_turns(f"gemm {precision}", sides, 1 if quick else 3)
    best = {side: min(row[0] for row in words["times"]) for side, words in found.items()}
    flop = 2 * GEMM ** 3
    table(f"gemm: {GEMM} x {GEMM} x {GEMM}, {precision}", ["side", "min ms", "TFLOP/s"],
          [[side, f"{s * 1e3:.3f}", f"{flop / s / 1e12:.1f}"] for side, s in best.items()])
    if len(best) == 2:
        print(f"  dnet reaches {best['cuBLAS'] / best['dnet']:.0%} of cuBLAS")


def conv(precision, quick):
    with open(os.path.join(HERE, "shapes.txt")) as file:
        shapes = [tuple(map(int, line.split())) for line in file]
    rows, ratios = [], []
    for shape in shapes[1:20:5] if quick else shapes:
        batch, size, inputs, filters, kernel, stride = shape
        name = "conv-" + "-".join(map(str, shape))
        times = 2 if quick else TIMES
        sides = {"dnet": lambda: run(program(name, precision), "bench", "--times", str(times), "--window", str(WINDOW))}
        if python_has("torch"):
            sides["cuDNN"] = lambda: run(*script("gpu_ops.py"), "conv", precision, *map(str, shape), str(times),
                                         str(WINDOW))
        found = take_turns(f"{name} {precision}", sides, 1 if quick else 2)
        best = {side: [min(column) for column in zip(*words["times"])] for side, words in found.items()}
        out = (size + 2 * ((kernel - 1) // 2) - kernel) // stride + 1
        flop = 2 * batch * out * out * kernel * kernel * inputs * filters
        row = [f"{batch} x {size}x{size}x{inputs} to {filters}, {kernel}x{kernel}/{stride}"]
        for k in range(3):
            row += [f"{flop / best[side][k] / 1e12:.1f}" if side in best else "-" for side in ("dnet", "cuDNN")]
            if len(best) == 2:
                ratios.append(best["cuDNN"][k] / best["dnet"][k])
        rows.append(row)
    head = ["images, channels, kernel/stride"]
    for direction in ("forward", "to the input", "to the kernel"):
        head += [direction, "cuDNN"]
    table(f"conv: TFLOP/s by the minimum, {precision}", head, rows)
    if ratios:
        print(f"  geometric mean of dnet to cuDNN: {geometric_mean(ratios):.2f}, worst {min(ratios):.2f}")


def main():
    global as_markdown
    parts = {**{name: lambda p, q, name=name: steps(name, p, q) for name in STEPS}, "gemm": gemm, "conv": conv}
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", choices=[[], *parts], metavar="PART", help=", ".join(parts))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--precision", choices=PRECISIONS, action="append", help="default: tf32 and bf16")
    options = parser.parse_args()
    as_markdown = options.markdown
    card = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
                          stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    print(f"{card or 'no nvidia-smi'}; "
          + ", ".join(f"{name} {v}" for name in ("torch", "jax") if (v := python_has(name))))
    for name in options.parts or parts:
        for precision in options.precision or ("tf32", "bf16"):
            parts[name](precision, options.quick)
    for title, lines in (("Not measured", missing), ("Failed", broken)):
        for line in dict.fromkeys(lines):
            print(f"{title}: {line}")
    sys.exit(1 if broken else 0)


main()
