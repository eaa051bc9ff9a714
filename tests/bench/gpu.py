"""The benchmark on a GPU: times compiled dnet programs beside PyTorch, JAX, cuBLAS and cuDNN, in the same run.

`./dev bench --target cuda` makes a folder with this script, the programs and the other sides' scripts. On the machine
with the GPU, which needs python3 and the driver, and torch and jax for what is compared:

python3 FOLDER/gpu.py [PART ...] [--quick] [--markdown] [--minutes N] [--results FILE]

What fails is told about at the end and does not end the run. After N minutes no other part begins, and those that are
left are named. FILE gets what is printed, as soon as it is.
"""
import argparse
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
PRECISIONS = ("tf32", "bf16", "f32")
# GFLOP a step; steps in a window; windows; rounds.
STEPS = {"seed28": (14.8, 200, 5, 3), "dcgan64": (293.0, 20, 5, 3), "lenet128": (3.405, 200, 5, 3)}
GEMM = 4096
TIMES, WINDOW = 5, 20
LONGEST = 240  # seconds of one process: compilers take most of it
# TFLOP/s by the data sheet, without sparsity.
PEAKS = {"NVIDIA H100 80GB HBM3": {"tf32": 494.5, "bf16": 989.5, "f32": 67.0},
         "NVIDIA H200": {"tf32": 494.5, "bf16": 989.5, "f32": 67.0}}
missing, broken = [], []
as_markdown = False
results = None  # a file


class Failed(Exception):
    pass


def tell(*words):
    """To the terminal and the file."""
    print(*words, flush=True)
    if results:
        print(*words, file=results, flush=True)


def numbers_of(words):
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def run(*command, wants):
    """The numbers of each line that is a word and numbers, by the word; there is one for each of `wants`."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)}: ended after {LONGEST} s") from None
    except OSError as error:
        raise Failed(f"{' '.join(command)}: {error.strerror}") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        said = [line for line in lines if "error" in line.lower()]  # what follows are hints, or a trace's last words
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}: {(said or lines)[-1]}")
    rows = {}
    for line in done.stdout.splitlines():
        word, *rest = line.split() or [""]
        if rest and (numbers := numbers_of(rest)):
            rows.setdefault(word, []).append(numbers)
    if absent := [word for word in wants if word not in rows]:
        raise Failed(f"{' '.join(command)}: it printed no line of {' and '.join(absent)}")
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
            except Failed as error:
                (broken if side == "dnet" else missing).append(f"{what}, {side}: {error}")
                del sides[side], found[side]
                continue
            for word, numbers in rows.items():
                found[side].setdefault(word, []).extend(numbers)
    return found


def table(title, head, rows):
    cells = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    tell(f"\n**{title}**\n" if as_markdown else f"\n{title}")
    for number, row in enumerate(cells):
        padded = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))]
        tell("| " + " | ".join(padded) + " |" if as_markdown else "  " + "   ".join(padded))
        if as_markdown and number == 0:
            tell("|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|")


def geometric_mean(numbers):
    return math.exp(statistics.fmean(math.log(n) for n in numbers))


# ---- whole training steps ----

def step_sides(name, precision, windows, window):
    more = ["--steps", str(windows), "--window", str(window)]
    wants = ("first", "step")
    sides = {"dnet": lambda: run(program(name, precision), "bench", *more, wants=wants)}
    common = [name, "--device", "cuda", "--precision", precision, *more]
    if python_has("torch"):
        for side, mode in (("PyTorch eager", "eager"), ("PyTorch compiled", "reduce-overhead"),
                           ("PyTorch max-autotune", "max-autotune")):
            sides[side] = lambda mode=mode: run(*script("torch_step.py"), *common, "--mode", mode, wants=wants)
    else:
        missing.append("PyTorch: not installed")
    if python_has("jax") and python_has("jaxlib"):
        sides["JAX"] = lambda: run(*script("jax_step.py"), *common, wants=wants)
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
        tell(f"  dnet is {others[best] / mine:.2f} times as fast as {best}"
             + (f", {others['PyTorch eager'] / mine:.2f} times as PyTorch eager" if "PyTorch eager" in others else ""))


# ---- single operations ----

def gemm(precision, quick):
    times = 2 if quick else TIMES
    sides = {"dnet": lambda: run(program("gemm", precision), "bench", "--times", str(times), "--window", str(WINDOW),
                                 wants=("times",))}
    if python_has("torch"):
        sides["cuBLAS"] = lambda: run(*script("gpu_ops.py"), "gemm", precision, str(GEMM), str(times), str(WINDOW),
                                      wants=("times",))
    found = take_turns(f"gemm {precision}", sides, 1 if quick else 3)
    best = {side: min(row[0] for row in words["times"]) for side, words in found.items()}
    flop = 2 * GEMM ** 3
    peak = PEAKS.get(card_name(), {}).get(precision)
    table(f"gemm: {GEMM} x {GEMM} x {GEMM}, {precision}", ["side", "min ms", "TFLOP/s", "of the data sheet's"],
          [[side, f"{s * 1e3:.3f}", f"{flop / s / 1e12:.1f}", f"{flop / s / peak / 1e12:.0%}" if peak else "-"]
           for side, s in best.items()])
    if len(best) == 2:
        tell(f"  dnet reaches {best['cuBLAS'] / best['dnet']:.0%} of cuBLAS")


def conv(precision, quick):
    with open(os.path.join(HERE, "shapes.txt")) as file:
        shapes = [tuple(map(int, line.split())) for line in file]
    rows, ratios = [], []
    for shape in shapes[1:20:5] if quick else shapes:
        batch, size, inputs, filters, kernel, stride = shape
        name = "conv-" + "-".join(map(str, shape))
        times = 2 if quick else TIMES
        sides = {"dnet": lambda: run(program(name, precision), "bench", "--times", str(times), "--window", str(WINDOW),
                                     wants=("times",))}
        if python_has("torch"):
            sides["cuDNN"] = lambda: run(*script("gpu_ops.py"), "conv", precision, *map(str, shape), str(times),
                                         str(WINDOW), wants=("times",))
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
        tell(f"  geometric mean of dnet to cuDNN: {geometric_mean(ratios):.2f}, worst {min(ratios):.2f}")


# ---- the run ----

def ask_card(what):
    """A line of nvidia-smi; nothing where there is none."""
    if not shutil.which("nvidia-smi"):
        return ""
    return subprocess.run(["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"], stdout=subprocess.PIPE,
                          text=True, check=False).stdout.strip()


def card_name():
    return ask_card("name").split("\n")[0]


def clocks():
    return f"clocks now, and at most: {ask_card('clocks.sm,clocks.max.sm,clocks.mem,temperature.gpu') or 'not known'}"


def measure(part, name, precision, quick):
    try:
        part(precision, quick)
    except Exception as error:  # whatever it is, the parts behind it are measured
        traceback.print_exc()
        broken.append(f"{name}, {precision}: {type(error).__name__}: {error}")


def main():
    global as_markdown, results
    parts = {**{name: lambda p, q, name=name: steps(name, p, q) for name in STEPS}, "gemm": gemm, "conv": conv}
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", choices=[[], *parts], metavar="PART", help=", ".join(parts))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--minutes", type=float, default=math.inf)
    parser.add_argument("--results", metavar="FILE", type=argparse.FileType("a"))
    parser.add_argument("--precision", choices=PRECISIONS, action="append", help="default: tf32 and bf16")
    options = parser.parse_args()
    as_markdown, results = options.markdown, options.results
    begun, left = time.monotonic(), []
    tell(f"{ask_card('name,driver_version') or 'no nvidia-smi'}; "
         + ", ".join(f"{name} {v}" for name in ("torch", "jax") if (v := python_has(name))))
    tell(clocks())
    for name in options.parts or parts:
        for precision in options.precision or ("tf32", "bf16"):
            if time.monotonic() - begun > 60 * options.minutes:
                left.append(f"{name}, {precision}")
                continue
            measure(parts[name], name, precision, options.quick)
    tell(clocks())
    for title, lines in (("Not measured", missing), ("Failed", broken), ("Left out for lack of time", left)):
        for line in dict.fromkeys(lines):
            tell(f"{title}: {line}")
    sys.exit(1 if broken or left else 0)


main()
