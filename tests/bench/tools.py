"""Running the sides of a benchmark as processes, and printing tables."""
import math
import os
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build")
OUT = os.path.join(BUILD, "bench")
VENV = os.path.join(BUILD, "venv")
GOMP = os.path.join(BUILD, "onednn-gomp")
THREADS = min(2, os.cpu_count() or 1)
DNETC = os.path.join(BUILD, "dnetc")
PYTHON = os.path.join(VENV, "bin", "python")

# Settings of the surroundings that would slow one side.
UNWANTED = ("OPENBLAS_", "OMP_", "MKL_", "KMP_", "XLA_", "TORCH", "ONEDNN_", "DNNL_")

missing = []  # what could not be measured, and why: printed at the end
broken = []   # what failed of dnet


class Failed(Exception):
    pass


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def environment(extra=None):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(UNWANTED)}
    threads = {"OMP_NUM_THREADS": str(THREADS), "OPENBLAS_NUM_THREADS": str(THREADS)}
    return {**kept, **threads, "TORCHINDUCTOR_CACHE_DIR": os.path.join(OUT, "inductor"), **(extra or {})}


class Result:
    """What a process printed, how long it took, and its largest resident memory in bytes."""
    def __init__(self, text, seconds, memory=None):
        self.text, self.seconds = text, seconds
        said = self.rows("memory")
        self.memory = said[0][0] if said else memory

    def rows(self, word):
        """The numbers of the lines that begin with `word`."""
        lines = [line.split() for line in self.text.splitlines()]
        return [[float(part) for part in line[1:]] for line in lines if line and line[0] == word]


def run(*command, extra=None, limit=600):
    start = time.monotonic()
    with open(os.path.join(OUT, "errors.txt"), "w+") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(extra))
        try:
            text, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failed(f"took more than {limit} s: {' '.join(command)}") from None
        seconds = time.monotonic() - start
        errors.seek(0)
        lines = errors.read().strip().splitlines()
    if process.returncode != 0:
        why = lines[-1] if lines else f"exit code {process.returncode}"
        raise Failed(f"{' '.join(command)}: {why}")
    return Result(text, seconds)


def run_measured(*command):
    """As run(), for a program that does not print its memory."""
    start = time.monotonic()
    with open(os.path.join(OUT, "output.txt"), "w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        raise Failed(f"{' '.join(command)}: {text.strip().splitlines()[-1:] or process.returncode}")
    return Result(text, seconds, usage.ru_maxrss * 1024)


def compile_dnet(name, output=None, **constants):
    """Makes build/bench/OUTPUT from tests/bench/NAME.dnet."""
    program = os.path.join(OUT, output or name)
    settings = [part for key, value in constants.items() for part in ("-D", f"{key}={value}")]
    run(DNETC, os.path.join(HERE, name + ".dnet"), "-o", program, *settings)
    return program


def compile_c(name, *flags, output=None):
    program = os.path.join(OUT, output or name)
    run("cc", "-O3", "-march=native", os.path.join(HERE, name + ".c"), "-o", program, *flags)
    return program


def python_has(package):
    """The version of a package of build/venv, or None."""
    if not os.path.exists(PYTHON):
        return None
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([PYTHON, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def set_up():
    """Installs every other side into build/."""
    for folder, packages in (
            (VENV, ["torch", "jax", "numpy", "safetensors", "setuptools", "onednn-devel", "scipy-openblas32"]),
            (GOMP, ["onednn-cpu-gomp", "onednn-devel-cpu-gomp"])):
        python = os.path.join(folder, "bin", "python")
        if not os.path.exists(python):
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        say(f"installing into {os.path.relpath(folder, ROOT)}: {', '.join(packages)}")
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], check=True)


def have(program):
    return shutil.which(program) is not None


def geometric_mean(numbers):
    return math.exp(statistics.fmean(math.log(n) for n in numbers))


class Peak:
    """The machine's limit of fused multiply-adds, measured again and again between the sides."""
    def __init__(self):
        self.program = None
        self.best = 0.0

    def measure(self):
        if not self.program:
            self.program = compile_c("peak", "-pthread")
        self.best = max(self.best, float(run(self.program, str(THREADS)).text))


peak = Peak()
as_markdown = False


def table(title, head, rows):
    """Prints a table, its first column to the left."""
    cells = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]

    def line(row):
        padded = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))]
        return "| " + " | ".join(padded) + " |" if as_markdown else "  " + "   ".join(padded)

    print(f"\n**{title}**\n" if as_markdown else f"\n{title}")
    print(line(cells[0]))
    if as_markdown:
        print("|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|")
    for row in cells[1:]:
        print(line(row))
    sys.stdout.flush()


def note(text):
    print(f"\n{text}" if as_markdown else f"  {text}", flush=True)
